/*
 * command.h: the configuration of `weir run [OPTIONS] -- COMMAND...`, which needs no file. It is built as the
 * YAML text that a user would have written and read by the same reader, so defaults and checks are the same,
 * and `--print-config` is that text.
 */
#pragma once
#include "config/reader.h"

/* Texts as given on the command line; NULL means not given. All borrowed for the time of the call. */
struct config_command {
    int argument_count; /* COMMAND and its arguments: at least 1 */
    const char *const *arguments;
    const char *listen;       /* --listen ADDR; default :8080 */
    const char *admin;        /* --admin ADDR or off; default 127.0.0.1:9900 */
    const char *servers;      /* --servers MIN..MAX; default as for services.NAME.scale.servers */
    const char *workers;      /* --workers N */
    const char *max_requests; /* --max-requests N, per server */
    const char *health_path;  /* --health PATH */
};

/* `weir agent`: the same, for a machine without a site. */
struct config_agent_command {
    const char *listen;     /* --listen ADDR; default 127.0.0.1:9910 */
    const char *check;      /* --check ADDR; NULL: no agent checks are answered */
    const char *token_file; /* --token-file FILE */
};
struct config *config_for_agent(const struct config_agent_command *c,
                                struct diagnostics *ret_diagnostics) MUST_USE;
void config_agent_to_yaml(const struct config_agent_command *c, struct buf *out);

/* As config_read(); mistakes in an option are told as "--servers 5..2: ...". The service is named app. */
struct config *config_for_command(const struct config_command *c,
                                  struct diagnostics *ret_diagnostics) MUST_USE;
/* The short file that says the same: only what differs from the defaults. */
void config_command_to_yaml(const struct config_command *c, struct buf *out);
