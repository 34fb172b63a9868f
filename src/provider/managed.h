/*
 * managed.h: a provider over an engine, whatever the engine: a driver (driver.h) makes the calls, roster.h
 * says which, and this file runs them on threads of its own, so that an engine that hangs stops nobody. One
 * for each service.
 */
#pragma once
#include "net/loop.h"
#include "provider/driver.h"

struct managed_params {
    struct loop *loop;
    const struct driver_ops *driver;
    const struct config_service *service; /* borrowed */
    const struct provider_sink *sink;     /* borrowed; all of its functions */
    uint64_t seed;                        /* jitter */
};

/* NULL with err when the driver can't be opened. Control thread. The engine is listed first; then
 * sink->on_observed. */
struct provider *managed_provider_new(const struct managed_params *params, struct err *err);
/* Ends every server, and tells nobody: Weir ends (`at_exit: stop`). Then ask until it is true. */
void managed_provider_end_all(struct provider *p);
bool managed_provider_has_ended_all(const struct provider *p);
