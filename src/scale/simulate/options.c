/* One table of options; each has a function that reads its value. */
#include "scale/simulate/options.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/units.h"

#include <math.h>
#include <stdlib.h>

struct option {
    const char *name, *short_name;
    bool has_value;
    bool (*read)(struct options *o, const char *value, struct err *err);
};

static bool read_trace(struct options *o, const char *value, struct err *err)
{
    if (o->trace_count == OPTIONS_TRACES_MAX)
        return err_set(err, "more than %d traces", OPTIONS_TRACES_MAX);
    o->traces[o->trace_count++] = value;
    return true;
}

static bool read_config(struct options *o, const char *value, struct err *err)
{
    o->config_path = value;
    return true;
}

static bool read_service(struct options *o, const char *value, struct err *err)
{
    o->service_name = value;
    return true;
}

static bool read_policy(struct options *o, const char *value, struct err *err)
{
    o->policies = str_of(value);
    return true;
}

static bool read_duration(struct str text, int64_t *ret_ns, struct err *err)
{
    const char *problem;
    if (!units_parse_duration(text, ret_ns, &problem))
        return err_set(err, "'%.*s': %s", STR_ARG(text), problem);
    return *ret_ns > 0 || err_set(err, "'%.*s': it must be more than 0", STR_ARG(text));
}

static bool read_start_time(struct options *o, const char *value, struct err *err)
{
    struct str rest = str_of(value), part;
    o->start_count = 0;
    while (str_split(&rest, ',', &part)) {
        int64_t ns;
        if (!read_duration(part, &ns, err))
            return false;
        if (ns % NS_PER_S || ns > 3600 * NS_PER_S)
            return err_set(err, "'%.*s': whole seconds, at most 1h", STR_ARG(part));
        if (o->start_count == STUDY_STARTS_MAX)
            return err_set(err, "more than %d start times", STUDY_STARTS_MAX);
        o->start_s[o->start_count++] = (uint32_t)(ns / NS_PER_S);
    }
    return o->start_count > 0 || err_set(err, "it needs a duration: 30s");
}

static bool read_json(struct options *o, const char *value, struct err *err)
{
    o->is_json = true;
    return true;
}

static bool read_plot(struct options *o, const char *value, struct err *err)
{
    o->plot_path = value;
    return true;
}

static bool read_count(struct str text, uint64_t min, uint64_t max, uint32_t *ret_count, struct err *err)
{
    uint64_t count;
    if (!str_parse_u64(text, &count) || count < min || count > max)
        return err_set(err, "'%.*s': a whole number from %llu to %llu", STR_ARG(text),
                       (unsigned long long)min, (unsigned long long)max);
    *ret_count = (uint32_t)count;
    return true;
}

/* A fleet has room for 1024 servers, of which some may be going while others come. */
enum { SERVERS_MAX = 500 };

static bool read_servers(struct options *o, const char *value, struct err *err)
{
    const char *dots = strstr(value, "..");
    if (!dots)
        return err_set(err, "'%s': MIN..MAX", value);
    o->has_servers = true;
    if (!read_count(str_n(value, (size_t)(dots - value)), 0, SERVERS_MAX, &o->model.servers_min, err) ||
        !read_count(str_of(dots + 2), 1, SERVERS_MAX, &o->model.servers_max, err))
        return false;
    return o->model.servers_min <= o->model.servers_max || err_set(err, "'%s': MIN is above MAX", value);
}

static bool read_peak(struct options *o, const char *value, struct err *err)
{
    uint32_t count = 0;
    if (strcmp(value, "recorded") == 0) {
        o->peak_servers = 0;
        return true;
    }
    if (!read_count(str_of(value), 1, SERVERS_MAX, &count, err))
        return err_wrap(err, "`recorded`, or");
    o->peak_servers = count;
    return true;
}

/* The servers' own: how long a request takes, and how much that varies: "200ms", "200ms,0.5". */
static bool read_service_time(struct options *o, const char *value, struct err *err)
{
    struct str rest = str_of(value), mean = {0};
    int64_t ns;
    if (!str_split(&rest, ',', &mean) || !read_duration(mean, &ns, err))
        return false;
    o->model.service_mean_s = (double)ns / (double)NS_PER_S;
    if (!rest.ptr || rest.len == 0)
        return true;
    char *end;
    double cv = strtod(rest.ptr, &end);
    if (*end || !(cv >= 0 && cv <= 20))
        return err_set(err, "'%s': the coefficient of variation is a number from 0 to 20", rest.ptr);
    o->model.service_cv = cv;
    return true;
}

static bool read_concurrency(struct options *o, const char *value, struct err *err)
{
    return read_count(str_of(value), 1, 1024, &o->model.concurrency, err);
}

static bool read_seed(struct options *o, const char *value, struct err *err)
{
    uint64_t seed;
    if (!str_parse_u64(str_of(value), &seed) || seed == 0)
        return err_set(err, "'%s': a whole number above 0", value);
    o->model.seed = seed;
    return true;
}

static const struct option options[] = {
    {"--trace", NULL, true, read_trace},
    {"--config", "-c", true, read_config},
    {"--service", NULL, true, read_service},
    {"--policy", NULL, true, read_policy},
    {"--start-time", NULL, true, read_start_time},
    {"--json", NULL, false, read_json},
    {"--plot", NULL, true, read_plot},
    {"--servers", NULL, true, read_servers},
    {"--peak-servers", NULL, true, read_peak},
    {"--service-time", NULL, true, read_service_time},
    {"--concurrency", NULL, true, read_concurrency},
    {"--seed", NULL, true, read_seed},
};

static const struct option *find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (str_eq(name, str_of(options[i].name)) ||
            (options[i].short_name && str_eq(name, str_of(options[i].short_name))))
            return &options[i];
    return NULL;
}

static bool tell_unknown(const char *word, struct err *err)
{
    const char *names[ARRAY_LEN(options)];
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        names[i] = options[i].name;
    const char *nearest = str_nearest(str_of(word), names, ARRAY_LEN(names));
    if (nearest)
        return err_set(err, "unknown option '%s'; did you mean '%s'?", word, nearest);
    return err_set(err, "unknown option '%s'", word);
}

static bool read_option(struct options *o, int argc, char **argv, int *at, struct err *err)
{
    const char *word = argv[*at], *value = "";
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    const struct option *option = find(equals ? str_n(word, (size_t)(equals - word)) : str_of(word));
    if (!option)
        return tell_unknown(word, err);
    if (!option->has_value && equals)
        return err_set(err, "%s takes no value", option->name);
    if (option->has_value && !equals && *at + 1 >= argc)
        return err_set(err, "%s needs a value", option->name);
    if (option->has_value)
        value = equals ? equals + 1 : argv[++*at];
    ++*at;
    return option->read(o, value, err) || err_wrap(err, "%s", option->name);
}

bool options_read(struct options *o, int argc, char **argv, struct err *err)
{
    *o = (struct options){
        .policies = STR("all"),
        .start_s = {5, 30, 120},
        .start_count = 3,
        .peak_servers = -1,
        .model = {.concurrency = 4,
                  .service_mean_s = 0.2,
                  .service_cv = 0.5,
                  .objective_ns = NS_PER_S,
                  .servers_min = 1,
                  .provider_delay_ns = 200 * NS_PER_MS,
                  .seed = 1},
    };
    for (int at = 1; at < argc;)
        if (!read_option(o, argc, argv, &at, err))
            return false;
    if (o->trace_count == 0)
        return err_set(err, "--trace FILE is needed: what shall be simulated?");
    if (o->service_name && !o->config_path)
        return err_set(err, "--service needs the configuration it is in: -c FILE");
    if (o->plot_path && o->trace_count > 1)
        return err_set(err, "--plot draws one trace");
    return true;
}
