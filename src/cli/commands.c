/*
 * commands.c: the table of commands, and the way from argv to one of them. Help, suggestions and the man page
 * read the same table.
 */
#include "cli/cli.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/actions.h"
#include "cli/agent.h"
#include "cli/alerts.h"
#include "cli/check.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/explain.h"
#include "cli/help.h"
#include "cli/history.h"
#include "cli/notify.h"
#include "cli/provider.h"
#include "cli/record.h"
#include "cli/run.h"
#include "cli/silence.h"
#include "cli/status.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int show_version(const struct command_line *line);
static int show_help(const struct command_line *line);
static int check_file(const struct command_line *line);
static int run_worker(const struct command_line *line);
static int run_simulate(const struct command_line *line);

static const struct command_option run_options[] = {
    {"--config", "-c", "FILE", "read this configuration; - is standard input"},
    {"--listen", NULL, "ADDR", "where clients come in; default :8080"},
    {"--admin", NULL, "ADDR", "where API, metrics and page are; default 127.0.0.1:9900; `off` for none"},
    {"--servers", NULL, "MIN..MAX",
     "how many servers may run; 0..N stops the last one when nobody asks; default 1..1"},
    {"--workers", NULL, "N", "data threads; default: one per CPU"},
    {"--max-requests", NULL, "N", "requests in flight per server; default: no limit"},
    {"--health", NULL, "PATH", "probe servers with GET PATH; default: a TCP connect"},
    {"--print-config", NULL, NULL, "print the configuration as a file instead of running it"},
    {0},
};
static const struct command_option agent_options[] = {
    {"--listen", NULL, "ADDR", "where its numbers are; default 127.0.0.1:9910"},
    {"--token-file", NULL, "FILE", "bearer token to be shown; needed when ADDR is not loopback"},
    {"--check", NULL, "ADDR", "answer HAProxy's agent checks there; default: nowhere"},
    {"--print-config", NULL, NULL, "print the configuration as a file instead of running it"},
    {0},
};
static const struct command_option provider_options[] = {
    {"--config", "-c", "FILE", "the configuration; - is standard input"}, {0}};
static const struct command_option notify_options[] = {
    {"--config", "-c", "FILE",
     "the sinks of this configuration; - is standard input; default: of a running Weir"},
    CLIENT_OPTIONS,
    {0}};
static const struct command_option status_options[] = {
    {"--json", NULL, NULL, "the API's answers themselves"}, CLIENT_OPTIONS, {0}};
static const struct command_option events_options[] = {
    {"--follow", "-f", NULL, "go on with what happens, until Ctrl-C"},
    {"--count", "-n", "N", "how many; default 100"},
    {"--after", NULL, "N", "those after the event with this number"},
    {"--json", NULL, NULL, "the API's answer itself"},
    CLIENT_OPTIONS,
    {0},
};
static const struct command_option explain_options[] = {
    {"--last", "-n", "N", "tell the last N decisions; default 5, 0 for the present alone"},
    {"--json", NULL, NULL, "the API's answer itself"},
    CLIENT_OPTIONS,
    {0},
};
static const struct command_option alerts_options[] = {
    {"--watch", "-w", NULL, "show them again every 2 s, until Ctrl-C"},
    {"--exit-code", NULL, NULL, "exit with 3 when an alert fires that is not silenced"},
    {"--json", NULL, NULL, "the API's answer itself"},
    CLIENT_OPTIONS,
    {0},
};
static const struct command_option silence_options[] = {
    {"--for", NULL, "TIME", "how long, such as 2h"},
    {"--from", NULL, "TIME", "when it begins, such as 2026-11-28T22:00:00Z; default now"},
    {"--comment", "-m", "TEXT", "why; shown with the alerts"},
    {"--by", NULL, "NAME", "who; default USER@HOST"},
    {"--end", NULL, "ID", "end this silence now"},
    {"--json", NULL, NULL, "the API's answer itself"},
    CLIENT_OPTIONS,
    {0},
};
static const struct command_option history_options[] = {
    {"--from", NULL, "TIME", "from so long ago, such as 6h, or seconds since 1970; default 1h"},
    {"--to", NULL, "TIME", "until then; default now"},
    {"--step", NULL, "TIME", "from point to point, at least"},
    {"--json", NULL, NULL, "the API's answer itself"},
    CLIENT_OPTIONS,
    {0},
};
static const struct command_option action_options[] = {CLIENT_OPTIONS, {0}};
static const struct command_option scale_options[] = {
    {"--for", NULL, "TIME", "only for so long, such as 2h; then the scaler decides again"},
    CLIENT_OPTIONS,
    {0},
};
static const struct command_option simulate_options[] = {
    {"--trace", NULL, "FILE", "the load: `t_seconds,requests` lines or an access log; - is standard input"},
    {"--config", "-c", "FILE", "with the scaling of a service in this configuration"},
    {"--service", NULL, "NAME", "the service; default: the first that is scaled"},
    {"--policy", NULL, "NAMES",
     "of weir, hpa, keda, knative, aws, nomad, static, oracle, with commas between; default all"},
    {"--start-time", NULL, "TIMES", "how long a server starts; default 5s,30s,120s"},
    {"--json", NULL, NULL, "results of every setting as JSON"},
    {"--plot", NULL, "FILE", "draw load, servers and latency as SVG"},
    {"--servers", NULL, "MIN..MAX",
     "bounds; default: the configuration's, or 1 to ten times the peak's need"},
    {"--peak-servers", NULL, "N",
     "scale the load so that its busiest minute keeps N servers busy, or `recorded`; default: as "
     "recorded with -c, else 40, or 4 for less than one request a second"},
    {"--service-time", NULL, "MEAN[,CV]", "lognormal time of a request; default 200ms,0.5"},
    {"--concurrency", NULL, "N", "requests that a server works on at once; default 4"},
    {"--seed", NULL, "N", "of the requests' times; default 1"},
    {0},
};
static const struct command_option record_options[] = {
    {"--output", "-o", "FILE", "write there; - or nothing is standard output"},
    {"--for", NULL, "TIME", "how long; default: until Ctrl-C"},
    {"--interval", NULL, "TIME", "what one line counts, whole seconds; default 1s"},
    CLIENT_OPTIONS,
    {0},
};
static const struct command_option help_options[] = {
    {"--man", NULL, NULL, "write the man page weir(1) instead"}, {0}};

static const struct command commands[] = {
    {.name = "run",
     .arguments = "-c FILE | COMMAND...",
     .summary = "Balance, scale and watch a site, until SIGTERM or Ctrl-C",
     .details = "Either with a configuration file, or for one service whose servers are started with "
                "COMMAND. In COMMAND,\n"
                "{address} (HOST:PORT), {host} and {port} are replaced, and the environment variable PORT is "
                "set: they tell a\n"
                "server where to listen. {socket} is the path of a Unix socket for it instead.\n"
                "\n"
                "  weir run --servers 1..4 -- gunicorn --bind {address} app:app\n"
                "  weir run -c weir.yaml\n"
                "\n"
                "Started as root, Weir keeps a small privileged process and serves requests as the user "
                "`nobody` (key `user`).",
     .options = run_options,
     .operands_max = SIZE_MAX,
     .is_rest_verbatim = true,
     .run = run_command},
    {.name = "agent",
     .arguments = "",
     .summary = "Tell this machine's numbers to others: a Weir elsewhere, Prometheus, HAProxy",
     .details =
         "Serves no site: only /metrics, the API and, with --check, the weight that HAProxy should give "
         "this machine. A\n"
         "Weir elsewhere watches it with\n"
         "\n"
         "  watch: {hosts: {web-2: {agent: \"http://web-2.internal:9910\", token_file: "
         "/etc/weir/agent.token}}}\n"
         "\n"
         "With `agent:` in a file, `weir run -c FILE` does the same and takes rules and sinks as well.",
     .options = agent_options,
     .run = agent_command},
    {.name = "check",
     .arguments = "FILE",
     .summary = "Read a configuration and tell every mistake in it, each with its place",
     .details = "Exits with 0 when the file is fine, with 1 when it is not.",
     .operands_min = 1,
     .operands_max = 1,
     .run = check_file},
    {.name = "provider",
     .arguments = "test SERVICE -c FILE",
     .summary = "Try a service's provider: list, start one server, wait until it answers, stop it",
     .details =
         "Each step is told with its time and, where it fails, in the words of the engine; what was "
         "started is stopped\n"
         "either way, also after Ctrl-C, SIGTERM or SIGHUP (a second one leaves it running). Exits with 0 "
         "when all went\n"
         "well, with 1 when not.\n"
         "\n"
         "For every provider but `process`. Where servers are started one by one, those of a running "
         "Weir are not touched;\n"
         "an engine that only counts (`http`, `swarm`) is asked for one more than it lists, so try it "
         "while no Weir uses it.",
     .options = provider_options,
     .operands_min = 2,
     .operands_max = 2,
     .run = provider_command},
    {.name = "notify",
     .arguments = "test [SINK] [-c FILE]",
     .summary = "Send a test alert and its end to a sink, or to all, and show what came of it",
     .details =
         "Each step is told: where the secrets come from, what is sent, what the answer was and how long "
         "it took. No\n"
         "secret is shown. Exits with 0 when all arrived, with 1 when not.\n"
         "\n"
         "With -c the sinks of the file are told, by this process. Without, the running Weir tells its own, "
         "with the user and\n"
         "the environment that real alerts are told with.",
     .options = notify_options,
     .operands_min = 1,
     .operands_max = 2,
     .run = notify_command},
    {.name = "status",
     .arguments = "",
     .summary = "Show services, servers, the host and alerts of a running Weir",
     .details = "",
     .options = status_options,
     .run = status_show},
    {.name = "events",
     .arguments = "",
     .summary = "Show what happened and why",
     .details = "",
     .options = events_options,
     .run = status_show_events},
    {.name = "history",
     .arguments = "[METRIC [LABEL=VALUE...]]",
     .summary = "Show what came of a metric over time; without one, which there are",
     .details = "  weir history disk path=/ --from 7d",
     .options = history_options,
     .operands_max = 9,
     .run = history_show},
    {.name = "explain",
     .arguments = "SERVICE",
     .summary = "Tell why a service has as many servers as it has, and what came of the last decisions",
     .details = "First the present, then the last decisions, newest first: what was seen, how many servers "
                "were needed for it\n"
                "(base + forecast + burst + backlog), what held the number, and what came of it.",
     .options = explain_options,
     .operands_min = 1,
     .operands_max = 1,
     .run = explain_show},
    {.name = "alerts",
     .arguments = "[NAME]",
     .summary = "Show the alerts that fire, are pending, silenced or lately resolved",
     .details =
         "With NAME, of an alert or its fingerprint, all that is known of it: the rule, the value, since "
         "when, who\n"
         "was told, why it is silenced, and the command that silences it.\n"
         "\n"
         "Exits with 0; with --exit-code with 3 when an alert fires that is not silenced.",
     .options = alerts_options,
     .operands_max = 1,
     .run = alerts_show},
    {.name = "silence",
     .arguments = "[MATCHER...]",
     .summary = "Tell nobody of some alerts for a while, list the silences, or end one",
     .details =
         "A MATCHER is LABEL=VALUE or LABEL!=VALUE; all of them must fit. `*` in a value stands for any "
         "text.\n"
         "LABEL=~REGEX and LABEL!~REGEX are regular expressions that fit all of the label. Labels are\n"
         "alertname, severity, instance, service, path and so on, as `weir alerts NAME` shows them.\n"
         "\n"
         "  weir silence alertname=HostDiskHigh path=/srv --for 2h --comment \"moving the archive\"\n"
         "  weir silence service=shop --from 2026-11-28T22:00:00Z --for 4h --comment \"new database\"\n"
         "  weir silence\n"
         "  weir silence --end 1c0ffee1\n"
         "\n"
         "A silenced alert goes on living and is shown as silenced. When the silence ends and it still "
         "fires, "
         "it is told.\n"
         "Without a MATCHER the silences are listed.",
     .options = silence_options,
     .operands_max = 8,
     .run = silence_command},
    {.name = "scale",
     .arguments = "SERVICE N|auto",
     .summary = "Hold a service at N servers, or let the scaler decide again",
     .details =
         "N is at most MAX of the service's `servers: MIN..MAX`; it may be below MIN, and 0. It holds until "
         "the scaler is told to decide again, or for the time that --for gives; a restart does not end it.",
     .options = scale_options,
     .operands_min = 2,
     .operands_max = 2,
     .run = action_scale},
    {.name = "drain",
     .arguments = "SERVER",
     .summary = "Give a server nothing new and let its requests end",
     .details = "",
     .options = action_options,
     .operands_min = 1,
     .operands_max = 1,
     .run = action_drain},
    {.name = "ready",
     .arguments = "SERVER",
     .summary = "Take a drained server back",
     .details = "",
     .options = action_options,
     .operands_min = 1,
     .operands_max = 1,
     .run = action_ready},
    {.name = "record",
     .arguments = "SERVICE",
     .summary = "Record how many requests come, as a trace for `weir simulate`",
     .details =
         "Writes `t_seconds,requests` lines from now on. What was not counted, because Weir was started anew "
         "meanwhile, is\n"
         "left out and told on standard error.\n"
         "\n"
         "  weir record shop -o shop.csv --for 2h\n"
         "  weir simulate --trace shop.csv -c weir.yaml --service shop",
     .options = record_options,
     .operands_min = 1,
     .operands_max = 1,
     .run = record_show},
    {.name = "simulate",
     .arguments = "--trace FILE [MORE TRACES...]",
     .summary = "Tell what Weir and other autoscalers would have done on recorded load, and its cost",
     .details =
         "Runs Weir's own scaling, and faithful models of others with many settings each, on a virtual "
         "clock.\n"
         "Without further options it is a standard study, so that results can be compared.",
     .options = simulate_options,
     .operands_max = SIZE_MAX,
     .run = run_simulate},
    {.name = "version", .arguments = "", .summary = "Print the version", .details = "", .run = show_version},
    {.name = "help",
     .arguments = "[COMMAND]",
     .summary = "Tell about Weir or one of its commands",
     .details = "",
     .options = help_options,
     .operands_max = 1,
     .run = show_help},
    {.name = "worker", .arguments = "", .summary = "", .details = "", .is_hidden = true, .run = run_worker},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int print(struct buf *text)
{
    bool is_written = fwrite(text->ptr, 1, text->len, stdout) == text->len && fflush(stdout) == 0;
    buf_fini(text);
    return is_written ? CLI_OK : CLI_FAILED;
}

static int tell_unknown(const char *name)
{
    const char *names[ARRAY_LEN(commands)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (!commands[i].is_hidden)
            names[count++] = commands[i].name;
    const char *nearest = str_nearest(str_of(name), names, count);
    if (nearest)
        fprintf(stderr, "weir: unknown command '%s'; did you mean '%s'?\n", name, nearest);
    else
        fprintf(stderr, "weir: unknown command '%s'; `weir help` lists them\n", name);
    return CLI_USAGE;
}

static int print_command_help(const struct command *c)
{
    struct buf text = {0};
    help_format_command(c, &text);
    return print(&text);
}

static int print_help(void)
{
    struct buf text = {0};
    help_format_all(commands, ARRAY_LEN(commands), &text);
    return print(&text);
}

static int show_help(const struct command_line *line)
{
    struct buf text = {0};
    if (command_line_value(line, "--man")) {
        help_format_man_page(commands, ARRAY_LEN(commands), &text);
        return print(&text);
    }
    if (line->operand_count == 0)
        return print_help();
    const struct command *c = find_command(line->operands[0]);
    return c ? print_command_help(c) : tell_unknown(line->operands[0]);
}

static int show_version(const struct command_line *line)
{
    puts("weir " WEIR_VERSION);
    return CLI_OK;
}

static int check_file(const struct command_line *line)
{
    char name[] = "check";
    return cli_check(2, (char *[]){name, line->operands[0], NULL});
}

static int run_worker(const struct command_line *line)
{
    return line->hooks->worker();
}

static const char **put_words(const char **at, const char *name, const char *value)
{
    *at++ = name;
    if (value[0])
        *at++ = value;
    return at;
}

/* The simulator, which this room does not know, reads the options itself: they are handed on in order. */
static int run_simulate(const struct command_line *line)
{
    const char **argv = NEW_ARRAY(const char *, 2 * (COMMAND_OPTIONS_MAX + line->operand_count) + 2),
               **at = argv;
    *at++ = line->command->name;
    for (size_t i = 0; i < ARRAY_LEN(simulate_options) - 1; i++)
        if (line->values[i])
            at = put_words(at, simulate_options[i].name, line->values[i]);
    for (size_t i = 0; i < line->operand_count; i++)
        at = put_words(at, "--trace", line->operands[i]);
    int status = line->hooks->simulate((int)(at - argv), (char **)argv);
    free(argv);
    return status;
}

/* -h and --help count anywhere before the operands of which nothing is an option. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

static int run_named(const struct command *c, int argc, char **argv, const struct cli_hooks *hooks)
{
    struct command_line line = {.hooks = hooks};
    struct err err;
    if (asks_for_help(argc, argv))
        return print_command_help(c);
    if (!command_line_parse(&line, c, argc, argv, &err)) {
        fprintf(stderr, "weir %s: %s\n`weir help %s` tells more\n", c->name, err.text, c->name);
        return CLI_USAGE;
    }
    return c->run(&line);
}

int cli_main(int argc, char **argv, const struct cli_hooks *hooks)
{
    if (argc < 2) {
        struct buf text = {0};
        help_format_all(commands, ARRAY_LEN(commands), &text);
        (void)fwrite(text.ptr, 1, text.len, stderr);
        buf_fini(&text);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return print_help();
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return show_version(NULL);
    const struct command *c = find_command(argv[1]);
    return c ? run_named(c, argc - 1, argv + 1, hooks) : tell_unknown(argv[1]);
}
