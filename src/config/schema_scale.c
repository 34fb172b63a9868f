/* The table of the keys of `scale:`. See schema.c. */
#include "config/schema_table.h"

static_assert(AT(config_scale, servers_max) - AT(config_scale, servers_min) == sizeof(uint32_t), "MIN..MAX");
static_assert(AT(config_scale, objective_quantile) - AT(config_scale, objective_ns) == sizeof(int64_t),
              "p99 < 300ms");
static_assert(AT(config_scale, schedules) - AT(config_scale, schedule_count) == AT(schema_items, items),
              "count, then items");
static_assert(AT(config_schedule, servers_max) - AT(config_schedule, servers_min) == sizeof(uint32_t),
              "MIN..MAX");

static const struct schema_choice provider_choices[] = {
    {"process", SCALE_PROVIDER_PROCESS, "processes on this host, started by Weir"},
    {"http", SCALE_PROVIDER_HTTP, "a scaling API that is asked for a number of servers"},
    {"exec", SCALE_PROVIDER_EXEC, "a program of yours that starts, stops and lists them"},
    {"docker", SCALE_PROVIDER_DOCKER, "containers of a Docker Engine"},
    {"swarm", SCALE_PROVIDER_SWARM, "tasks of a service of a Docker swarm, on many hosts"},
    {NULL},
};

static const struct schema_choice mode_choices[] = {
    {"act", SCALE_MODE_ACT, "Weir starts and stops servers"},
    {"advise", SCALE_MODE_ADVISE,
     "it decides and tells, but leaves their number as it is, at least MIN and at least 1"},
    {NULL},
};

static const struct schema_key step_keys[] = {
    {.name = "up",
     .type = VALUE_COUNT,
     .offset = AT(config_step, up),
     .default_text = "0",
     .default_shown = "`0`: no limit",
     .max = CONFIG_SERVERS_MAX,
     .example = "4",
     .help = "So many servers more, at most, in any `per`."},
    {.name = "down",
     .type = VALUE_COUNT,
     .offset = AT(config_step, down),
     .default_text = "0",
     .default_shown = "`0`: no limit",
     .max = CONFIG_SERVERS_MAX,
     .example = "1",
     .help = "So many servers fewer, at most, in any `per`."},
    {.name = "per",
     .type = VALUE_DURATION,
     .offset = AT(config_step, per_ns),
     .default_text = "1m",
     .min = SECONDS(1),
     .max = HOURS(24),
     .example = "5m",
     .synonyms = " period every ",
     .help = "The time that `up` and `down` count for."},
};
static const struct schema_mapping step = {
    .help = "How fast the number of servers may change. What `servers: MIN` or a person asks for comes "
            "at once.",
    KEYS(step_keys),
};

static const struct schema_key cost_keys[] = {
    {.name = "server_hour",
     .type = VALUE_DECIMAL,
     .offset = AT(config_cost, server_hour),
     .max = 1000000,
     .is_required = true,
     .example = "0.12",
     .synonyms = " per_hour price hourly ",
     .help = "What one server costs in an hour, in any currency; of servers whose price is told "
             "(`list: {price: …}`, a plug-in), that counts instead."},
    {.name = "max_per_hour",
     .type = VALUE_DECIMAL,
     .offset = AT(config_cost, max_per_hour),
     .max = 1000000000,
     .is_required = true,
     .example = "2.50",
     .synonyms = " max budget limit ",
     .help = "What all servers of the service may cost in an hour: a ceiling for their number."},
};

static bool has_cost(const void *owner)
{
    const struct config_scale *s = owner;
    return s->cost.server_hour > 0;
}

static bool has_step(const void *owner)
{
    const struct config_scale *s = owner;
    return s->step.up > 0 || s->step.down > 0;
}

static const struct schema_mapping cost = {
    .help = "A ceiling in money: never more servers than it pays for.",
    KEYS(cost_keys),
};

static const struct schema_key schedule_keys[] = {
    {.name = "from",
     .type = VALUE_CRON,
     .offset = AT(config_schedule, from),
     .is_required = true,
     .example = "\"0 8 * * 1-5\"",
     .synonyms = " start cron schedule at begin ",
     .help =
         "When it begins, as five fields of cron: minute, hour, day of month, month, day of week (0 and 7 "
         "are Sunday), each with `*`, lists, ranges, steps (`*/15`) or names (`mon`, `jan`). Where both "
         "days are restricted, either will do."},
    {.name = "for",
     .type = VALUE_DURATION,
     .offset = AT(config_schedule, for_ns),
     .is_required = true,
     .min = SECONDS(60),
     .max = HOURS(24 * 31),
     .example = "10h",
     .synonyms = " duration end to until ",
     .help = "How long it holds each time."},
    {.name = "zone",
     .type = VALUE_ZONE,
     .offset = AT(config_schedule, zone),
     .default_text = "UTC",
     .example = "Europe/Berlin",
     .synonyms = " timezone time_zone tz ",
     .help =
         "The time zone of `from`, by its name in the tz database (/usr/share/zoneinfo). A beginning that "
         "is left out as clocks go forward comes right after; one that comes twice as they go back counts "
         "at first."},
    {.name = "servers",
     .type = VALUE_LEAST,
     .offset = AT(config_schedule, servers_min),
     .is_required = true,
     .max = CONFIG_SERVERS_MAX,
     .example = "4..",
     .synonyms = " replicas count min minimum desiredreplicas ",
     .help = "How many servers meanwhile: `4..` is at least 4, `4..8` also no more than 8, `4` exactly 4."},
};
static const struct schema_mapping schedule = {
    .help = "Numbers of servers at times that you state. The minimum is asked for ahead, so that the servers "
            "have started when the time comes. Of several that hold at once the largest minimum and the "
            "smallest maximum count, the minimum before the maximum.",
    KEYS(schedule_keys),
};

static const struct schema_choice at_exit_choices[] = {
    {"keep", ENGINE_KEEP, "they run on, and the next start takes them over"},
    {"stop", ENGINE_STOP, "they are stopped"},
    {NULL},
};

static const struct schema_key engine_keys[] = {
    {.name = "poll",
     .type = VALUE_DURATION,
     .offset = AT(config_engine, poll_ns),
     .default_text = "5s",
     .min = MS(100),
     .max = HOURS(1),
     .example = "2s",
     .synonyms = " interval poll_interval every ",
     .help = "How often the engine is asked which servers there are; sooner after Weir's own calls and where "
             "it tells of changes."},
    {.name = "timeout",
     .type = VALUE_DURATION,
     .offset = AT(config_engine, timeout_ns),
     .default_text = "10s",
     .min = MS(100),
     .max = HOURS(1),
     .example = "30s",
     .help = "How long one call may take; a start may take as long as `start_timeout`."},
    {.name = "calls_per_second",
     .type = VALUE_COUNT,
     .offset = AT(config_engine, calls_per_second),
     .default_text = "10",
     .min = 1,
     .max = 1000,
     .example = "2",
     .synonyms = " rate rate_limit qps ",
     .help = "Calls to the engine in a second, at most."},
    {.name = "at_exit",
     .type = VALUE_CHOICE,
     .offset = AT(config_engine, at_exit),
     .choices = at_exit_choices,
     .default_text = "keep",
     .example = "stop",
     .synonyms = " on_exit shutdown ",
     .help = "What becomes of the servers when Weir ends."},
    {.name = "owner",
     .type = VALUE_NAME,
     .offset = AT(config_engine, owner),
     .example = "shop-eu",
     .default_shown = "`weir`",
     .synonyms = " cluster instance ",
     .help = "Marks which servers are this Weir's, with the name of the service. It must stay the same from "
             "start to start, and differ from that of every other Weir on the same engine."},
};
static const struct schema_mapping engine = {
    .help = "How Weir deals with the engine that servers come from, for every provider but `process`.",
    KEYS(engine_keys),
};

static bool has_engine(const void *owner)
{
    const struct config_scale *s = owner;
    return s->provider != SCALE_PROVIDER_NONE && s->provider != SCALE_PROVIDER_PROCESS;
}

static bool is_http(const void *owner)
{
    const struct config_scale *s = owner;
    return s->provider == SCALE_PROVIDER_HTTP;
}

static bool is_exec(const void *owner)
{
    const struct config_scale *s = owner;
    return s->provider == SCALE_PROVIDER_EXEC;
}

static bool is_process(const void *owner)
{
    const struct config_scale *s = owner;
    return s->provider == SCALE_PROVIDER_PROCESS;
}

static bool is_docker(const void *owner)
{
    const struct config_scale *s = owner;
    return s->provider == SCALE_PROVIDER_DOCKER;
}

static bool is_swarm(const void *owner)
{
    const struct config_scale *s = owner;
    return s->provider == SCALE_PROVIDER_SWARM;
}

static const struct schema_key cpu_keys[] = {
    {.name = "percent",
     .type = VALUE_PERCENT,
     .offset = AT(config_cpu_target, percent),
     .is_required = true,
     .example = "60%",
     .synonyms = " target utilization usage above averageutilization ",
     .help = "CPU that one server should use on average, of its `cores`; with more, servers are added."},
    {.name = "cores",
     .type = VALUE_DECIMAL,
     .offset = AT(config_cpu_target, cores),
     .default_text = "1",
     .max = 1024,
     .example = "2",
     .synonyms = " core cpus limit request requests of ",
     .help = "The cores that one server can use: what 100 % is. One for a program that computes on one "
             "thread at a time (Python, Node); the number of its worker "
             "processes or threads where they compute side by side."},
};

static bool has_rate(const void *owner)
{
    const struct config_scale *s = owner;
    return s->target_requests_per_second > 0;
}

static bool has_cpu(const void *owner)
{
    const struct config_scale *s = owner;
    return s->cpu.percent > 0;
}

static const struct schema_mapping cpu = {
    .help = "Servers are added so that one uses no more CPU than this, on average. For servers whose "
            "processes are seen on this host.",
    KEYS(cpu_keys),
    .shorthand = "percent",
};

static bool has_log(const void *owner)
{
    const struct config_scale *s = owner;
    return s->log.file.len > 0;
}

static bool has_limits(const void *owner)
{
    const struct config_scale *s = owner;
    return s->limits.memory_bytes > 0 || s->limits.cpus > 0;
}

static const struct schema_key scale_keys[] = {
    {.name = "mode",
     .type = VALUE_CHOICE,
     .offset = AT(config_scale, mode),
     .choices = mode_choices,
     .default_text = "act",
     .example = "advise",
     .synonyms = " dry_run dryrun recommend observe ",
     .help = "What is done about decisions."},
    {.name = "provider",
     .type = VALUE_CHOICE,
     .offset = AT(config_scale, provider),
     .choices = provider_choices,
     .default_shown = "the one whose block is given, else `process`",
     .example = "process",
     .synonyms = " type kind driver ",
     .help =
         "Where servers come from. Each provider but `process` has a block of its own name with its keys."},
    {.name = "engine",
     MAPPING(engine),
     .offset = AT(config_scale, engine),
     .is_shown = has_engine,
     .example = "{poll: 2s, at_exit: stop}"},
    {.name = "http",
     MAPPING(schema_http),
     .offset = AT(config_scale, http),
     .is_shown = is_http,
     .example = "{endpoint: https://scaler.example.com, provider: aws, region: us-east-1, list: {items: "
                "/servers, id: /id, address: /address}}",
     .synonyms = " api webhook "},
    {.name = "exec",
     MAPPING(schema_exec),
     .offset = AT(config_scale, exec),
     .is_shown = is_exec,
     .example = "{command: [/usr/local/lib/weir/servers.py]}",
     .synonyms = " plugin plug_in program script "},
    {.name = "docker",
     MAPPING(schema_docker),
     .offset = AT(config_scale, docker),
     .is_shown = is_docker,
     .example = "{image: \"shop:1.4\", port: 8000}",
     .synonyms = " container podman "},
    {.name = "swarm",
     MAPPING(schema_swarm),
     .offset = AT(config_scale, swarm),
     .is_shown = is_swarm,
     .example = "{service: shop, port: 8000}"},
    {.name = "command",
     .shape = SHAPE_STRICT_LIST,
     .type = VALUE_TEXT,
     .offset = AT(config_scale, command),
     .item_bytes = sizeof(struct str),
     .default_shown = "none; `process` needs one",
     .example = "[gunicorn, --bind, \"{address}\", \"shop:app\"]",
     .synonyms = " cmd exec run args ",
     .help = "Program and arguments that start one server, as a list. `{address}` (host:port), `{host}` and "
             "`{port}` stand for "
             "where it shall listen; the environment variable PORT says so too. With `{socket}` that is a "
             "Unix socket, and `{socket}` its path. For `process` alone, as are "
             "`environment`, `machines`, `directory`, `user`, `nice`, `log` and `limits`."},
    {.name = "environment",
     .default_shown = "none",
     .shape = SHAPE_VARIABLES,
     .type = VALUE_TEXT,
     .offset = AT(config_scale, environment),
     .is_secret = true,
     .item_bytes = sizeof(struct str),
     .example = "{FLASK_ENV: production}",
     .synonyms = " env variables ",
     .help = "Environment variables for it, beside those that Weir itself has."},
    {.name = "directory",
     .type = VALUE_FILE,
     .offset = AT(config_scale, directory),
     .example = "/srv/shop",
     .default_shown = "the directory that Weir was started in",
     .synonyms = " dir cwd chdir working_directory ",
     .help = "Working directory."},
    {.name = "user",
     .type = VALUE_WORD,
     .offset = AT(config_scale, user),
     .example = "www-data",
     .default_shown = "the user that started Weir",
     .help = "User that it runs as; only root can choose another."},
    {.name = "machines",
     .shape = SHAPE_LIST,
     .type = VALUE_WORD,
     .offset = AT(config_scale, machines),
     .item_bytes = sizeof(struct str),
     .default_shown = "`127.0.0.1`: this one",
     .is_shown = is_process,
     .example = "[10.0.0.5, 10.0.0.6]",
     .synonyms = " nodes hosts ",
     .help = "IP addresses of the machines that servers are on, so that `{host}` and `{address}` stand for "
             "each in "
             "turn: the one with the fewest servers. The command has to get there by itself, as `ssh` does."},
    {.name = "nice",
     .type = VALUE_NICE,
     .offset = AT(config_scale, nice),
     .default_text = "0",
     .is_shown = is_process,
     .example = "5",
     .synonyms = " niceness priority ",
     .help = "Added to Weir's own niceness, from -20 to 19: servers with more of it wait for the CPU behind "
             "others, and behind Weir. "
             "Less than 0 needs root."},
    {.name = "log",
     MAPPING(schema_server_log),
     .offset = AT(config_scale, log),
     .is_shown = has_log,
     .example = "{file: /var/log/shop.log, max: 100MiB, keep: 5}",
     .synonyms = " logs logfile log_file output stdout "},
    {.name = "limits",
     MAPPING(schema_server_limits),
     .offset = AT(config_scale, limits),
     .is_shown = has_limits,
     .example = "{memory: 512MiB, cpus: 1.5}",
     .synonyms = " limit cgroup resources memory cpus "},
    {.name = "servers",
     .type = VALUE_COUNTS,
     .offset = AT(config_scale, servers_min),
     .default_text = "1",
     .max = CONFIG_SERVERS_MAX,
     .example = "1..16",
     .synonyms = " replicas count instances min max scale ",
     .help = "How many servers: MIN..MAX, or one number. With 0.. all are stopped when nobody asks for "
             "anything; requests wait "
             "while the first one starts."},
    {.name = "in_flight",
     .type = VALUE_COUNT,
     .offset = AT(config_scale, target_in_flight),
     .default_text = "0",
     .default_shown = "`0`: measured",
     .max = 1000000,
     .example = "8",
     .synonyms = " target concurrency ",
     .help = "Requests at the same time that one server should carry; with more, servers are added."},
    {.name = "requests_per_second",
     .type = VALUE_DECIMAL,
     .offset = AT(config_scale, target_requests_per_second),
     .max = 1000000,
     .default_shown = "none",
     .example = "50",
     .is_shown = has_rate,
     .synonyms = " rps qps rate requests request_rate ",
     .help = "Requests a second that one server should carry; with more, servers are added."},
    {.name = "cpu",
     MAPPING(cpu),
     .offset = AT(config_scale, cpu),
     .example = "60%",
     .is_shown = has_cpu,
     .synonyms = " cpu_utilization utilization "},
    {.name = "objective",
     .type = VALUE_OBJECTIVE,
     .offset = AT(config_scale, objective_ns),
     .example = "p99 < 300ms",
     .default_shown = "none",
     .synonyms = " slo latency ",
     .help = "The latency that the service should keep, as a percentile and a duration."},
    {.name = "spares",
     .type = VALUE_COUNT,
     .offset = AT(config_scale, spares),
     .default_text = "0",
     .max = CONFIG_SERVERS_MAX,
     .example = "1",
     .synonyms = " spare headroom buffer ",
     .help = "Servers kept ready beyond those that are needed, never beyond MAX."},
    {.name = "schedule",
     .shape = SHAPE_STRICT_LIST,
     MAPPING(schedule),
     .offset = AT(config_scale, schedule_count),
     .item_bytes = sizeof(struct config_schedule),
     .count_max = CONFIG_SCHEDULES_MAX,
     .item_title = "schedule",
     .default_shown = "none",
     .example = "[{from: \"0 8 * * 1-5\", for: 10h, zone: Europe/Berlin, servers: 4..}]",
     .synonyms = " schedules cron scheduled times timetable "},
    {.name = "step",
     MAPPING(step),
     .offset = AT(config_scale, step),
     .example = "{up: 4, down: 1, per: 1m}",
     .is_shown = has_step,
     .synonyms = " steps rate policies behavior "},
    {.name = "cost",
     MAPPING(cost),
     .offset = AT(config_scale, cost),
     .example = "{server_hour: 0.12, max_per_hour: 2.50}",
     .is_shown = has_cost,
     .synonyms = " costs price budget "},
    {.name = "scale_down_after",
     .type = VALUE_DURATION,
     .offset = AT(config_scale, scale_down_after_ns),
     .default_text = "0",
     .default_shown = "`0`: learned",
     .min = 0,
     .max = HOURS(24),
     .example = "5m",
     .synonyms = " cooldown stabilization scaledown ",
     .help =
         "Servers are stopped only when so many were not needed for this long. By default for as long "
         "as it pays to keep them, by how soon so many were needed again so far: a quarter of the time that "
         "a server takes to start and 10 s at least; the last server (`servers: 0..N`) goes when, by the "
         "gaps between requests so far, keeping it costs more than starting it again."},
    {.name = "start_timeout",
     .type = VALUE_DURATION,
     .offset = AT(config_scale, start_timeout_ns),
     .default_text = "60s",
     .min = MS(100),
     .max = HOURS(1),
     .example = "2m",
     .help = "A new server without a good probe for this long is stopped and tried again."},
    {.name = "stop_timeout",
     .type = VALUE_DURATION,
     .offset = AT(config_scale, stop_timeout_ns),
     .default_text = "10s",
     .min = 0,
     .max = HOURS(1),
     .example = "30s",
     .help = "From SIGTERM to SIGKILL."},
    {.name = "drain_timeout",
     .type = VALUE_DURATION,
     .offset = AT(config_scale, drain_timeout_ns),
     .default_text = "30s",
     .min = 0,
     .max = HOURS(24),
     .example = "5m",
     .help = "How long a server that shall go may finish its requests; it gets no new ones."},
};
const struct schema_mapping schema_scale = {
    .help = "Servers that Weir starts and stops as the load asks for them.",
    KEYS(scale_keys),
    .check = check_scale,
};
