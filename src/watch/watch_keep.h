/*
 * watch_keep.h: the documents that watch keeps beyond the worker: "watch:alerts", "watch:alerts-moving",
 * "watch:silences" and "watch:deaths". Pure but for the boot's id, which it reads once.
 *
 * Those of the alerts are due at once when a state changes; that of the pending and recovering ones every ten
 * seconds while there are some, that of the others every five minutes while one fires. That of the deaths is
 * due with each.
 */
#pragma once
#include "watch/alert_keep.h"
#include "watch/service_report.h"
#include "watch/silence.h"
#include "watch/telling.h"

struct watch_keep;

/* root: the prefix of /proc. The rest is borrowed. */
struct watch_keep *watch_keep_new(const char *root, struct silences *silences, struct telling *telling,
                                  struct service_report *services);
void watch_keep_free(struct watch_keep *k); /* NULL is fine */

/* False: it is none of ours. Broken ones are told in the log and left. */
bool watch_keep_restore(struct watch_keep *k, struct str key, struct str text, int64_t now_ns,
                        int64_t wall_ns);
/* Gives a new alert the life that was kept of it. */
void watch_keep_take(struct watch_keep *k, struct alert *a, int64_t now_ns);
/* Each tick. A minute after the first one, what nobody has taken is gone. */
void watch_keep_tick(struct watch_keep *k, int64_t now_ns);
bool watch_keep_is_firing(const struct watch_keep *k, uint64_t fingerprint); /* not taken yet */

struct watch_keep_alerts {                                         /* how to go through them */
    const struct alert *(*get)(const void *context, size_t index); /* NULL after the last */
    const void *context;
};
bool watch_keep_is_due(const struct watch_keep *k, struct watch_keep_alerts alerts, int64_t now_ns);
/* Calls put for the documents that are due. */
void watch_keep_save(struct watch_keep *k, struct watch_keep_alerts alerts, int64_t now_ns, int64_t wall_ns,
                     void (*put)(void *context, const char *key, struct str text), void *context);
/* What became of the last ones. */
void watch_keep_kept(struct watch_keep *k, bool is_kept);
