/*
 * guard.h: a tiny process that outlives the supervisor by a moment. It knows every process group that the
 * supervisor started; when the supervisor is gone without a good-bye (SIGKILL, a crash), it ends them all,
 * politely first.
 *
 * In a session of its own, so that what is sent to the supervisor's group or terminal does not reach it.
 */
#pragma once
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define GUARD_GRACE_NS (3 * INT64_C(1000000000)) /* from SIGTERM to SIGKILL when the supervisor is gone */

enum { GUARD_GROUPS_MAX = 2048 };

struct guard {
    pid_t pid; /* 0: there is none */
    int fd;    /* where it is told; -1 */
};

/* Forks the guard. mark: see sweep.h. What runs already must be told anew with guard_add. */
bool guard_start(struct guard *g, const char *mark, struct err *err) MUST_USE;
/* Tells it of a process group. is_worker: to be killed at once, without SIGTERM. False: it is gone or stuck,
 * start another. */
bool guard_add(struct guard *g, pid_t group, bool is_worker) MUST_USE;
bool guard_remove(struct guard *g, pid_t group) MUST_USE;
/* Nothing is left to guard: the guard ends without doing anything, and has ended when this returns. */
void guard_dismiss(struct guard *g);
/* The same for a guard that died or is stuck, without waiting: its exit is the caller's to reap. */
void guard_abandon(struct guard *g);
