/*
 * rules.h: every rule times every series that it matches is one alert. Owns them all; pure but for the
 * caller's callbacks: the board and the time come in, changes go out. One thread.
 *
 * An alert is there from the moment its series is on the board until that is gone, which ends it if it fires.
 * There are RULES_ALERTS_MAX at most; further ones are left out and counted.
 */
#pragma once
#include "config/model.h"
#include "watch/alert.h"
#include "watch/board.h"

enum { RULES_ALERTS_MAX = 8192 };

struct rules;

struct rules_time {
    int64_t now_ns;  /* monotonic */
    int64_t wall_ns; /* the same moment for people */
};

struct rules_params {
    struct str instance; /* name of this machine; copied */
    /* An alert's life has changed (never ALERT_NO_CHANGE); its evidence and `hidden` are up to date. */
    void (*on_change)(void *context, const struct alert *a, enum alert_change change, struct rules_time t);
    /* A new alert, before its first step: what was kept of its life may be put into it. NULL: nothing. */
    void (*on_new)(void *context, struct alert *a, struct rules_time t);
    /* What happened to the subject before it began at t. false: nobody knows. May be NULL. */
    bool (*find_past)(void *context, const struct alert *a, struct rules_time t, struct alert_past *ret_past);
    void *context;
};

struct rules *rules_new(const struct rules_params *params);
void rules_free(struct rules *r); /* NULL is fine; tells nobody */
/* The rules of the configuration. Once, before the first step. */
void rules_open(struct rules *r, const struct config_watch *config);
/* Once per tick, after board_end. */
void rules_step(struct rules *r, const struct board *b, struct rules_time t);

const struct alert *rules_alert(const struct rules *r, size_t index); /* NULL after the last; rule by rule */
const char *rules_instance(const struct rules *r);
uint64_t rules_left_out(const struct rules *r); /* alerts of the latest step that were too many */
