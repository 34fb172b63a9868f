/*
 * prober.h: active health checks of servers on control's loop: a TCP connect, or an HTTP GET on a connection
 * of its own.
 *
 * It only finds out: what a result means for a server (rise, fall, states) the reconciler decides, who also
 * sets the pace. One probe a server at a time, bounded by health.timeout; its socket is closed at the end in
 * every case. Control thread only.
 */
#pragma once
#include "config/model.h"
#include "fleet/fleet.h"
#include "net/loop.h"
#include "scale/reconciler.h"

struct prober_sink {
    void *context;
    /* detail: "status 200", "connection refused"; borrowed. May call prober_set_pace for any server. */
    void (*on_probe)(void *context, struct server *s, bool is_good, const char *detail);
};

struct prober;
struct prober *prober_new(struct loop *loop, const struct prober_sink *sink); /* sink: copied */
void prober_free(struct prober *p); /* NULL is fine; ends all probes */

/*
 * From now on the server is probed at that pace: PROBE_FAST every health.start_interval, and more often while
 * its connections are refused (see prober.c), PROBE_SLOW every
 * health.interval ±10 % so that probes spread, the first one at once. A faster pace than before also probes
 * soon. PROBE_NEVER forgets the server and closes a probe that is under way. health: borrowed until then, or
 * until the next call for this server.
 */
void prober_set_pace(struct prober *p, struct server *s, const struct config_health *health,
                     enum probe_pace pace);

uint32_t prober_open_sockets(const struct prober *p);
