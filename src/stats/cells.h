/*
 * cells.h: what one data thread counts about itself, a service, a server. Written by that thread alone, read
 * by control, which adds the threads up. Allocated by control before the thread can see it; never freed while
 * Weir runs (slots are reused).
 */
#pragma once
#include "stats/catalogue.h"
#include "stats/histogram.h"

enum { THREADS_MAX = 64 };

struct thread_cells {
    struct counter counters[THREAD_COUNTER_COUNT];
};

struct service_cells {
    struct counter counters[SERVICE_COUNTER_COUNT];
    struct histogram duration; /* first byte of the request to last byte of the response */
    struct histogram queue_wait;
};

struct server_cells {
    struct counter counters[SERVER_COUNTER_COUNT];
    struct histogram latency;  /* request sent to head of the response */
    struct histogram duration; /* slot taken to slot given back: what occupies the server */
};
