/* live_trial.h: a trial (trial.h) of a running Weir's own: on a job thread, one at a time, with its lines
 * kept for who asks. On the loop's thread. */
#pragma once
#include "net/loop.h"
#include "watch/notify/trial.h"

struct live_trial;

struct live_trial *live_trial_new(struct loop *loop, sink_fetch *send); /* never NULL */
void live_trial_free(struct live_trial *t);                             /* NULL is fine */
/* False with the reason: one is under way, or no thread can be had. Copies all. */
bool live_trial_start(struct live_trial *t, const struct config_notify *config, const char *external_url,
                      struct err *err);
/* {"sink": NAME, "is_done": true, "is_delivered": true, "lines": [...]}, or null before the first. */
void live_trial_write(const struct live_trial *t, struct json *j);
