/*
 * alert_keep.h: what of the alerts outlives the worker: their lives, as JSON and back, and the memory of
 * those that were read and whose alert has not come up again yet. Pure; the time is a parameter.
 *
 * Times are kept as ages. What passed between writing and reading counts neither as good nor as bad, as all
 * time without readings.
 */
#pragma once
#include "base/json.h"
#include "net/json_value.h"
#include "watch/alert.h"

/* A restored alert that fires does not end before this: until then not all is known again that it is judged
 * by. */
#define ALERT_KEEP_SETTLE_NS INT64_C(15000000000)

struct alert_memory;

struct alert_memory *alert_memory_new(void);
void alert_memory_free(struct alert_memory *m); /* NULL is fine */

/* Whether there is anything to keep: ok since ever is not. */
bool alert_keep_is_worth(const struct alert *a, int64_t now_ns);
/* Adds one object to an open array. is_told: people know that it fires. */
void alert_keep_write(struct json *j, const struct alert *a, bool is_told, int64_t now_ns);
/* Changes with what must be kept at once: states and firings, not numbers. Add up over all alerts. */
uint64_t alert_keep_digest(const struct alert *a, bool is_told);

/* An array as written, pause_ns ago. What does not fit is left out. Of two of the same alert that of the
 * array that is_newer stays. */
void alert_memory_read(struct alert_memory *m, const struct json_value *list, bool is_newer, int64_t now_ns,
                       int64_t pause_ns);
/* Puts what is known of the alert into it, and forgets it. False: nothing is. */
bool alert_memory_take(struct alert_memory *m, struct alert *a, int64_t now_ns, bool *ret_is_told);
/* Adds those that nobody has taken to an open array: they are kept on. */
void alert_memory_write(const struct alert_memory *m, struct json *j, int64_t now_ns);
bool alert_memory_is_firing(const struct alert_memory *m, uint64_t fingerprint);
void alert_memory_clear(struct alert_memory *m);
