/*
 * service.h: a service: what clients ask for, carried by servers. Lives in a slot of fleet.h; the pointer
 * stays readable. Written by control, but for the atomics and the cells, which the data threads write.
 */
#pragma once
#include "fleet/server.h"

enum { SERVICE_NAME_BYTES = 64 };

struct queue; /* proxy/queue.h */

struct service {
    uint32_t slot;
    uint64_t id; /* 0: free */
    char name[SERVICE_NAME_BYTES];
    struct queue *queue; /* owned by proxy */

    /* Exact, any thread. */
    _Alignas(64) _Atomic int32_t queued; /* requests waiting for a server */
    _Atomic int64_t queue_oldest_ns;     /* when the head of the queue came; 0: empty */
    _Atomic int32_t in_flight;           /* requests holding a server's slot */
    _Atomic int is_waking;               /* a request waits and no server takes requests: control was told */
    _Atomic uint32_t turn;      /* round-robin's place, shared so that the order holds over threads */
    _Atomic int32_t collecting; /* requests whose body is taken in before a server is chosen */
    _Atomic uint32_t
        retry_after_s;      /* control: until there is likely to be room; what a 503 says; 0: unknown */
    _Atomic int is_awaited; /* control: a server is coming; requests may wait where none takes them now */
    struct server
        *_Atomic filled; /* control: gets requests first while it has fewer than fill_to; NULL: none */
    char padding_[16];

    struct service_cells *cells[THREADS_MAX];
};
