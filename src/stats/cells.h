/*
 * cells.h: what one data thread counts about itself, a service, a server. Written by that thread alone, read
 * by control, which adds the threads up. Allocated by control before the thread can see it; never freed while
 * Weir runs (slots are reused).
 */
#pragma once
#include "stats/catalogue.h"
#include "stats/histogram.h"
#include "stats/levels.h"

enum { THREADS_MAX = 64 };

struct thread_cells {
    struct counter counters[THREAD_COUNTER_COUNT];
};

struct service_cells {
    struct counter counters[SERVICE_COUNTER_COUNT];
    struct histogram duration; /* first byte of the request to last byte of the response */
    struct histogram queue_wait;
    struct histogram answer; /* request sent to a server to head of its response, over all servers ever */
};

struct server_cells {
    struct counter counters[SERVER_COUNTER_COUNT];
    struct histogram latency;  /* request sent to head of the response */
    struct histogram duration; /* slot taken to slot given back: what occupies the server */
    /* Answered requests only, by the server's requests in flight, the request itself included: */
    struct counter departures[LEVEL_COUNT];     /* when it was answered */
    struct counter admissions[LEVEL_COUNT];     /* when it was sent */
    struct counter admission_ns[LEVEL_COUNT];   /* sum of its durations, slot taken to slot given back */
    struct counter admission_logs[LEVEL_COUNT]; /* sum of histogram_log_of(its duration) */
};
