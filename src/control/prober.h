/*
 * prober.h: active health checks of servers on control's loop: a TCP connect, or an HTTP GET on a connection
 * of its own.
 *
 * The prober writes server->is_healthy and clears server->is_refusing; nobody else does. A server that starts
 * or refuses connections is probed every start_interval, any other every interval (±10 %, so that probes
 * spread). One probe a server at a time, bounded by health.timeout; its socket is always closed at the end.
 * Control thread only.
 */
#pragma once
#include "config/model.h"
#include "fleet/server.h"
#include "net/loop.h"

/* Told after each probe. reason: why it was not good, "" when it was; borrowed for the time of the call. */
struct prober_sink {
    void *context;
    void (*on_probe)(void *context, struct server *s, bool is_good, const char *reason);
    /* The verdict (server->is_healthy) has just changed. */
    void (*on_health_changed)(void *context, struct server *s, bool is_healthy, const char *reason);
};

struct prober;
struct prober *prober_new(struct loop *loop, const struct prober_sink *sink); /* sink: borrowed */
void prober_free(struct prober *p); /* NULL is fine; ends all probes */

/* Begins to probe a server, at once. health: borrowed until prober_forget. No effect when it is watched
 * already. */
void prober_watch(struct prober *p, struct server *s, const struct config_health *health);
/* Ends probing; a running probe's socket is closed. Fine when the server is not watched. */
void prober_forget(struct prober *p, struct server *s);
/* The server refused a connection or just changed its state: probe it soon instead of at its turn. */
void prober_hurry(struct prober *p, struct server *s);
uint32_t prober_open_sockets(const struct prober *p); /* for tests and metrics */
