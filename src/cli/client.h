/* client.h: commands that talk to a running Weir through its admin API. */
#pragma once
#include "base/buf.h"
#include "cli/command.h"
#include "net/json_value.h"

/* The options that every such command has: to be listed in its table of options. */
#define CLIENT_OPTIONS                                                                                       \
    {"--admin", NULL, "ADDR",                                                                                \
     "where Weir's admin API is: HOST:PORT, a URL or unix:PATH; default WEIR_ADMIN, or 127.0.0.1:9900"},     \
        {"--token-file", NULL, "FILE", "holds the admin token; default: the token itself in WEIR_TOKEN"},    \
    {                                                                                                        \
        "--timeout", NULL, "TIME", "how long to wait for an answer; default 10s"                             \
    }

/*
 * Sends a request and reads the JSON answer. On success *ret_value is the caller's to free and, where
 * ret_text is not NULL, *ret_text the answer's bytes, too. Returns an exit code; what went wrong has then
 * been told on standard error.
 */
int client_call(const struct command_line *line, const char *method, const char *path, struct str body,
                struct json_value **ret_value, struct buf *ret_text) MUST_USE;
