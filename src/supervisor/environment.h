/* environment.h: the environment of a process to be started: a copy that is changed name by name. */
#pragma once
#include "base/macros.h"

#include <stddef.h>

struct environment {
    char **items; /* owned, "NAME=value", ends in NULL: as execve takes it */
    size_t count;
};

/* Copies `base` (ends in NULL) without what is meant for Weir alone: the service manager's NOTIFY_SOCKET,
 * WATCHDOG_USEC... */
void environment_init(struct environment *e, char *const *base);
void environment_fini(struct environment *e);
void environment_set(struct environment *e, const char *assignment); /* "NAME=value", copied; replaces NAME */
void environment_remove(struct environment *e, const char *name);    /* fine when it is not there */
void environment_printf(struct environment *e, const char *format, ...) PRINTF_LIKE(2, 3);
const char *environment_find(const struct environment *e, const char *name); /* the value, or NULL */
