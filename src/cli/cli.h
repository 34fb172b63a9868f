/*
 * cli.h: the commands of the terminal. One table (commands.c) names them; help, "did you mean" and the man
 * page come from it.
 *
 * Exit codes: 0 all well; 1 it failed; 2 the command line is wrong; 3 alerts fire (`alerts --exit-code`); 5
 * Weir's admin API cannot be reached; 130 Ctrl-C twice.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_ALERTING = 3,
    CLI_UNREACHABLE = 5,
    CLI_INTERRUPTED = 130
};

struct config; /* config/model.h */
struct config_notify;
struct config_service;

/* Where a configuration came from: what makes this Weir another than the next one on the host. Borrowed. */
struct cli_origin {
    const char *config_path; /* "-": standard input; NULL: a command */
    size_t argument_count;   /* of the command */
    const char *const *arguments;
};

/* What the commands need from above, since cli may not include supervisor or control. Each returns an exit
 * code. */
struct cli_hooks {
    /* Both are borrowed until it returns. */
    int (*run)(const struct config *config, const struct cli_origin *origin);
    int (*worker)(void);                    /* the hidden command that the supervisor starts */
    int (*simulate)(int argc, char **argv); /* argv[0]: its name; options as in the table of commands */
    /* Starts and stops one server of a service whose provider has an engine; whether all went well. */
    bool (*try_provider)(const struct config_service *service);
    /* Sends a test message to the sink of this name, NULL: to all; whether it arrived. */
    bool (*try_sinks)(const struct config_notify *sinks, size_t count, const char *name);
};

int cli_main(int argc, char **argv, const struct cli_hooks *hooks);
