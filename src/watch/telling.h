/*
 * telling.h: who has to be told of an alert now, and who has been: between the rules, which say what
 * happened, and the sinks. Pure; the time is a parameter.
 *
 * What is silenced, or hidden by another alert, goes on living and is not told. When that ends and it still
 * fires, and does not recover just then, it is told.
 * The end of an alert is told exactly when its beginning was, silenced or not: nobody's incident stays open.
 */
#pragma once
#include "watch/silence.h"

struct telling_params {
    void *context;
    /* To the sinks and the log; the alert's own evidence, as of now. */
    void (*tell)(void *context, const struct alert *a, enum alert_change change);
    /* Something happened that nobody is told of: for the log. */
    void (*pass_over)(void *context, const struct alert *a, enum alert_change change, struct silence_hit by);
};

struct telling;

/* silences: borrowed. */
struct telling *telling_new(const struct telling_params *params, const struct silences *silences);
void telling_free(struct telling *t); /* NULL is fine */

/* change is never ALERT_NO_CHANGE. Calls tell or pass_over, or neither. */
void telling_note(struct telling *t, const struct alert *a, enum alert_change change, int64_t wall_ns);
/* Each tick for each alert, after the rules: tells what fires and is not silenced any more. */
void telling_step(struct telling *t, const struct alert *a, int64_t wall_ns);

/* Whether people know that it fires. */
bool telling_is_told(const struct telling *t, const struct alert *a);
/* After a restart: they know. */
void telling_restore(struct telling *t, uint64_t fingerprint);
