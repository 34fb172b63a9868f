/*
 * rules.h: which alerts there are, fed from samples and services. Owns them all; pure but for the caller's
 * callback: time comes in, changes go out.
 *
 * One alert for CPU and memory, one a disk, five a service. Their names, rules and sentences are here and
 * nowhere else.
 */
#pragma once
#include "config/model.h"
#include "watch/alert.h"
#include "watch/watch.h"

struct rules;

struct rules_time {
    int64_t now_ns;  /* monotonic */
    int64_t wall_ns; /* the same moment for people */
};

struct rules_params {
    struct str instance; /* name of this machine; copied */
    /* change is never ALERT_NO_CHANGE; the alert's evidence is up to date. */
    void (*on_change)(void *context, const struct alert *a, enum alert_change change, struct rules_time t);
    void *context;
};

struct rules *rules_new(const struct rules_params *params);
void rules_free(struct rules *r); /* NULL is fine; tells nobody */
/* Thresholds and durations. An alert that is switched off ends. To be called before the first step. */
void rules_configure(struct rules *r, const struct config_watch *config, struct rules_time t);
void rules_step_host(struct rules *r, const struct host_sample *s, struct rules_time t);
void rules_step_services(struct rules *r, const struct watch_service_input *services, size_t count,
                         struct rules_time t);
void rules_note_death(struct rules *r, struct str service, struct str server, struct str reason,
                      int64_t now_ns);
const struct alert *rules_alert(const struct rules *r, size_t index); /* NULL after the last */
