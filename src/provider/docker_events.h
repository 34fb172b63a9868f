/*
 * docker_events.h: waits until something happens to containers, from the moment at which it last looked, so
 * that nothing is lost between two connections. Blocks; belongs to one thread.
 */
#pragma once
#include "base/buf.h"
#include "provider/docker_api.h"

struct docker_events {
    struct docker_api api;
    struct buf filters; /* owned: of GET /events, percent-encoded */
    int64_t since_ns;   /* of the engine's clock; 0: not known */
};

/* Adds the value of a query's `filters`, percent-encoded: containers with the service's label, and the
 * owner's unless that is NULL; for GET /events what happens to them, too. */
void docker_events_put_filters(struct buf *out, const char *service, const char *owner, bool is_for_events);
/* Until an event or the call's deadline (true), or a failure. The first call, and the one after a failure,
 * only looks what time it is for the engine: something may have changed. */
bool docker_events_wait(struct docker_events *e, const struct driver_call *call, struct driver_failure *f);
