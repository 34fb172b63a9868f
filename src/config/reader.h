/*
 * reader.h: from YAML text to a checked configuration, or to everything that is wrong with it. Pure, but for
 * config_load(), which reads the file, for time zones, which are read from the system's files, for the files
 * of secrets, whose mode is looked at, and for the default of `workers`, which asks the kernel. Any thread.
 */
#pragma once
#include "config/diagnostics.h"
#include "config/model.h"

enum {
    CONFIG_FILE_BYTES_MAX = 1 << 20, /* a larger file is refused */
    CONFIG_TEXT_BYTES_MAX =
        6 << 20,             /* ...and a larger text: what config_format() makes of any file still fits */
    CONFIG_DEPTH_MAX = 12,   /* mappings and lists inside each other */
    CONFIG_ITEMS_MAX = 1024, /* entries of one mapping or list */
    CONFIG_SERVICES_MAX = 256,
    CONFIG_SERVERS_MAX = 1024, /* fixed ones and the maxima of the scaled ones together */
    CONFIG_SCHEDULES_MAX = 32, /* of one service; also maintenance windows */
    CONFIG_MATCHERS_MAX = 8,   /* of one maintenance window */
    CONFIG_ROUTES_MAX = 16384, /* hosts times paths, over all services */
    CONFIG_WORKERS_MAX = 64,
    CONFIG_SINKS_MAX = 64, /* besides the log */
    CONFIG_RULES_MAX = 256,
    CONFIG_RULE_LABELS_MAX = 4, /* own ones of a rule */
};

/*
 * Returns the configuration (the caller frees it) or NULL when there is any error. *ret_diagnostics is set
 * always, errors and warnings in the order of the text, and the caller finishes it with diagnostics_fini().
 * file_name is only for the messages.
 */
struct config *config_read(const char *file_name, struct str text,
                           struct diagnostics *ret_diagnostics) MUST_USE;
/* The same for a file; one that cannot be read is an error without a place. "-" is standard input. */
struct config *config_load(const char *path, struct diagnostics *ret_diagnostics) MUST_USE;
void config_free(struct config *c); /* NULL is fine */

/*
 * Writes a configuration as YAML with every default filled in; reading that gives the same configuration
 * again. Holds what secrets the configuration holds (webhook addresses, environment): for the user's own
 * eyes.
 */
void config_format(const struct config *c, struct buf *out);
