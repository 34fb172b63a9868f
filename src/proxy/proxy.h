/*
 * proxy.h: the data plane as control sees it: threads that accept, route, queue, and relay.
 */
#pragma once
#include "base/err.h"
#include "fleet/fleet.h"

struct proxy;

struct proxy_params {
    struct fleet *fleet; /* borrowed; a snapshot has been published */
    uint32_t thread_count;
    uint32_t listener_count;
    const int
        *listener_fds; /* [listener * thread_count + thread]; borrowed until proxy_drain, which closes them */
    /* Called on a data thread when control should look now: a queue waits without servers, a server refuses.
     * Must not block. */
    void (*wake_control)(void *context);
    void *context;
};

struct proxy *proxy_new(const struct proxy_params *params, struct err *err);
bool proxy_start(struct proxy *p, struct err *err); /* starts the threads */
/*
 * A snapshot was published, or a server became healthy or stopped refusing: wakes the threads and lets queues
 * move to servers that have room. Control thread.
 */
void proxy_on_published(struct proxy *p);
/* Stops accepting and closes idle connections; keep-alive connections end after their request. Control
 * thread. */
void proxy_drain(struct proxy *p);
uint32_t proxy_connections(const struct proxy *p); /* client connections open now, tunnels included */
const struct thread_cells *proxy_thread_cells(const struct proxy *p, uint32_t thread);
void proxy_queue_new(
    struct service *s); /* gives a service its queue; control, before the first snapshot with it */
void proxy_queue_free(struct service *s); /* after proxy_stop */
void proxy_stop(struct proxy *p);         /* ends the threads; cuts what is left */
void proxy_free(struct proxy *p);
