/*
 * service_numbers.h: the values that alerts about services are judged by. Pure: counters and times in,
 * readings out.
 */
#pragma once
#include "stats/histogram.h"
#include "watch/watch.h"

/* ---- the share of errors over a window ---- */

enum { RATE_SLOTS = 128, RATE_SLOTS_PER_WINDOW = 16 };

struct rate_slot {
    int64_t ns;
    uint64_t requests, errors; /* totals at that time */
};

struct rate_window { /* all zero is empty */
    uint32_t count, next;
    struct rate_slot slots[RATE_SLOTS];
};

struct rate {
    struct reading percent;
    uint64_t requests, errors; /* of the window */
    int64_t window_ns;
};

/* Notes the totals (which may have started again at 0). window_ns > 0 is the same in all calls, else forget
 * first. */
void rate_window_add(struct rate_window *w, int64_t window_ns, uint64_t requests, uint64_t errors,
                     int64_t now_ns);
/* The share over the last window_ns, or as much of it as was seen. With fewer than requests_min requests it
   is unknown, unless may_stretch: then the window reaches further back until it holds so many. */
struct rate rate_window_get(const struct rate_window *w, int64_t window_ns, uint64_t requests_min,
                            bool may_stretch);

/* ---- is there a healthy server? ---- */

struct presence {            /* all zero is the start */
    int64_t wanted_since_ns; /* 0: not wanted */
    int64_t absent_since_ns; /* 0: there is one, or none is wanted */
    bool was_healthy;        /* since it is wanted */
};

/* 1: the service has no healthy server although it wants one, and its start-up grace is over; else 0. Always
 * known. When the only server of a service that Weir scales dies, another is there in a moment, and requests
 * wait for it: nobody is to be called for that. */
struct reading presence_step(struct presence *p, const struct watch_service_input *input, int64_t now_ns);

/* ---- how often did servers die lately? ---- */

enum { DEATHS_KEPT = 1000, DEATH_SERVER_BYTES = 96, DEATH_REASON_BYTES = 320 };

struct deaths { /* all zero is the start */
    uint32_t count;
    int64_t ns[DEATHS_KEPT]; /* ring */
    char last_server[DEATH_SERVER_BYTES];
    char last_reason[DEATH_REASON_BYTES];
};

void deaths_add(struct deaths *d, struct str server, struct str reason, int64_t now_ns);
/* Some that came before all that are there, the oldest first. */
void deaths_add_before(struct deaths *d, const struct deaths *before);
uint32_t deaths_within(const struct deaths *d, int64_t window_ns, int64_t now_ns);
int64_t deaths_last_ns(const struct deaths *d); /* 0: none */

/* ---- how long did requests take lately? ---- */

enum { LATENCY_SLOTS = 7 }; /* one for each LATENCY_SLOT_NS of the window, and one more */
#define LATENCY_SLOT_NS INT64_C(10000000000)

struct latency_window { /* all zero is empty */
    uint32_t count, next;
    int64_t ns[LATENCY_SLOTS];
    struct histogram_sum sums[LATENCY_SLOTS]; /* a ring of totals */
};

/* Notes the totals (which may have started again at 0) and gives what came since the oldest of them, a minute
 * or so ago, or as much as was seen. */
void latency_window_step(struct latency_window *w, const struct histogram_sum *total, int64_t now_ns,
                         struct histogram_sum *ret_latest);

/* ---- and usually? ---- */

enum { USUAL_HOURS = 168, USUAL_HOURS_MIN = 24, USUAL_ANSWERS_MIN = 20 };
#define USUAL_AT_FIRST_NS INT64_C(1000000000) /* until a day is known: slow for any page */
#define USUAL_HOUR_NS     INT64_C(3600000000000)

struct usual { /* all zero is the start */
    bool has_begun;
    int64_t began_ns; /* the present hour, which lasts until it has USUAL_ANSWERS_MIN */
    struct histogram_sum began;
    uint32_t count, next;
    int64_t medians_ns[USUAL_HOURS]; /* ring */
};

/* Notes the totals (which may have started again at 0). true: an hour is over. */
bool usual_step(struct usual *u, const struct histogram_sum *total, int64_t now_ns);
void usual_add(struct usual *u, int64_t median_ns);
/* Whether it comes from what was seen. */
bool usual_is_known(const struct usual *u);
/* The hours that are known, the oldest first; i below usual_count(). */
uint32_t usual_count(const struct usual *u);
int64_t usual_hour_ns(const struct usual *u, uint32_t i);
/* The median of the hours, or USUAL_AT_FIRST_NS. */
int64_t usual_get_ns(const struct usual *u);
