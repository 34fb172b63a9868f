/*
 * The states of a server and the one place that writes them.
 *
 *                       first good probe
 *   requested -> starting ------------> warming -> serving <-> draining -> stopping -> gone
 *       |           |                      |          |           ended by itself ------^
 *       +-----------+----------------------+----------+---> failed ------------------^
 *
 * Order matters for the data plane: a server leaves the snapshot (publish) before its slot is given back
 * (lives_flush), and is_healthy is set before the state that makes it eligible.
 */
#include "scale/life.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BIT(state) (1u << SERVER_##state)
#define ALLOW(from, to, why)                                                                                 \
    case SERVER_##from << 8 | SERVER_##to:                                                                   \
        return true;

static bool is_allowed(enum server_state from, enum server_state to)
{
    switch ((unsigned)from << 8 | (unsigned)to) {
        LIFE_TRANSITIONS(ALLOW)
    default:
        return false;
    }
}

enum server_state life_state(const struct life *l)
{
    return (enum server_state)atomic_load_explicit(&l->server->state, memory_order_relaxed);
}

bool life_is_up(const struct life *l)
{
    return (1u << life_state(l)) & (BIT(REQUESTED) | BIT(STARTING) | BIT(WARMING) | BIT(SERVING));
}

static void tell(struct reconciler *r, struct scale_event e)
{
    e.service = r->service;
    if (!e.last_lines)
        e.last_lines = "";
    r->effects->on_event(r->effects->context, &e);
}

void life_tell(struct reconciler *r, const struct life *l, enum scale_event_kind kind, bool is_warning,
               const char *reason, int64_t now_ns)
{
    tell(
        r,
        (struct scale_event){
            .kind = kind, .is_warning = is_warning, .now_ns = now_ns, .server = l->server, .reason = reason});
}

void life_set_pace(struct reconciler *r, struct life *l, enum probe_pace pace)
{
    if (l->pace == pace)
        return;
    l->pace = pace;
    r->effects->probe(r->effects->context, l->server, pace);
}

static enum probe_pace pace_in(enum server_state state)
{
    switch (state) {
    case SERVER_STARTING:
        return PROBE_FAST;
    case SERVER_WARMING:
    case SERVER_SERVING:
    case SERVER_DRAINING: /* it may be taken back */
        return PROBE_SLOW;
    default:
        return PROBE_NEVER;
    }
}

/* Writes the state and what follows from it everywhere; the caller tells. */
static void enter(struct reconciler *r, struct life *l, enum server_state to, int64_t now_ns)
{
    enum server_state from = life_state(l);
    ASSERT(is_allowed(from, to));
    if (server_state_takes_requests(from) != server_state_takes_requests(to))
        r->needs_publish = true;
    if (server_state_takes_requests(to) && !server_state_takes_requests(from))
        l->taken_since_ns = now_ns;
    l->has_taken |= server_state_takes_requests(to);
    l->state_since_ns = l->quiet_since_ns = now_ns;
    if (to == SERVER_STARTING) {
        l->fast_until_ns = now_ns + r->config->scale.start_timeout_ns;
        l->good_run = l->bad_run = 0;
        l->last_probe[0] = '\0';
    }
    if (to == SERVER_FAILED || to == SERVER_STOPPING || to == SERVER_GONE)
        atomic_store_explicit(&l->server->is_healthy, 0, memory_order_relaxed);
    if (to != SERVER_SERVING && atomic_load_explicit(&r->service->filled, memory_order_relaxed) == l->server)
        atomic_store_explicit(&r->service->filled, NULL, memory_order_release);
    atomic_store_explicit(&l->server->state, to, memory_order_seq_cst);
    life_set_pace(r, l, pace_in(to));
}

void life_go(struct reconciler *r, struct life *l, enum server_state to, int64_t now_ns, const char *reason,
             ...)
{
    struct scale_event e = {.kind = SCALE_EVENT_SERVER_STATE,
                            .now_ns = now_ns,
                            .server = l->server,
                            .from = life_state(l),
                            .to = to,
                            .in_state_ns = now_ns - l->state_since_ns,
                            .reason = l->reason};
    va_list args;
    va_start(args, reason);
    (void)vsnprintf(l->reason, sizeof(l->reason), reason, args);
    va_end(args);
    enter(r, l, to, now_ns);
    tell(r, e);
}

void life_go_failed(struct reconciler *r, struct life *l, const char *reason, const char *last_lines,
                    int64_t now_ns)
{
    struct scale_event e = {.kind = l->has_taken ? SCALE_EVENT_SERVER_DIED : SCALE_EVENT_SERVER_START_FAILED,
                            .is_warning = true,
                            .now_ns = now_ns,
                            .server = l->server,
                            .from = life_state(l),
                            .to = SERVER_FAILED,
                            .in_state_ns = now_ns - l->state_since_ns,
                            .last_lines = last_lines,
                            .reason = l->reason};
    (void)str_copy(l->reason, sizeof(l->reason), str_of(reason));
    enter(r, l, SERVER_FAILED, now_ns);
    tell(r, e);
}

struct life *life_new(struct reconciler *r, struct str name, const struct addr *address,
                      struct provider *provider, int64_t now_ns)
{
    struct server *s = fleet_add_server(r->fleet, r->service, name, address);
    if (!s)
        return NULL;
    struct life *l = NEW(struct life);
    l->server = s;
    atomic_store_explicit(&s->slow_start, (int32_t)r->slow_start, memory_order_relaxed);
    l->provider = provider;
    l->program = r->program;
    l->requested_ns = l->state_since_ns = now_ns;
    l->pace = PROBE_NEVER;
    list_push_back(&r->lives, &l->link);
    return l;
}

void lives_flush(struct reconciler *r)
{
    if (r->needs_publish)
        r->needs_publish = !r->effects->publish(r->effects->context);
    if (r->needs_publish)
        return;
    for_each_life (r, l) {
        if (life_state(l) != SERVER_GONE)
            continue;
        ASSERT(l->pace == PROBE_NEVER);
        list_remove(&l->link);
        fleet_remove_server(r->fleet, l->server);
        free(l);
    }
}
