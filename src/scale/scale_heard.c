/*
 * What providers, probes, discovery and hosts say of servers: found by key or server, and handed to the
 * reconciler of the service that it is about. Nothing is decided here; but whoever comes or goes changes the
 * chances of those who wait, which are told at once and not with the next tick.
 */
#include "scale/scale.h"

#include "base/clock.h"
#include "base/units.h"
#include "scale/scale_own.h"

#include <stdio.h>

/* The service of a key "SERVICE/SERVER", or NULL; *ret_server is the part behind the slash. */
static struct scaled_service *find_by_key(const struct scale *s, const char *key, struct str *ret_server)
{
    struct str rest = str_of(key), name;
    if (!str_split(&rest, '/', &name) || rest.len == 0)
        return NULL;
    *ret_server = rest;
    struct service *service = fleet_find_service(s->fleet, name);
    struct scaled_service *x = service ? scale_find(s, service) : NULL;
    return x && x->provider ? x : NULL;
}

static void stop_stray(struct scale *s, const char *key)
{
    if (s->strays && !s->is_frozen)
        s->strays->ops->stop(s->strays, key, 10 * NS_PER_S);
}

/* More are up than are wanted: they were adopted, and the policy decides from there. */
static void note_existing(struct scaled_service *x, int64_t now_ns)
{
    struct reconciler_numbers n = reconciler_numbers(x->reconciler);
    uint32_t up = n.by_state[SERVER_REQUESTED] + n.by_state[SERVER_STARTING] + n.by_state[SERVER_WARMING] +
                  n.by_state[SERVER_SERVING];
    struct policy_limits limits = scale_policy_limits_of(x);
    if (up > x->policy.target)
        policy_note_existing(&x->policy, &limits, up, now_ns);
}

void scale_on_started(struct scale *s, const char *key, const struct addr *address, int pid, int64_t now_ns)
{
    struct str name;
    struct scaled_service *x = find_by_key(s, key, &name);
    if (!x) {
        stop_stray(s, key);
        return;
    }
    reconciler_on_started(x->reconciler, name, address, pid, now_ns);
    note_existing(x, now_ns);
}

void scale_on_coming(struct scale *s, const char *key, int64_t now_ns)
{
    struct str name;
    struct scaled_service *x = find_by_key(s, key, &name);
    if (!x)
        return;
    reconciler_on_coming(x->reconciler, name, now_ns);
    note_existing(x, now_ns);
}

void scale_on_facts(struct scale *s, const char *key, const struct provider_facts *facts, int64_t now_ns)
{
    struct str name;
    struct scaled_service *x = find_by_key(s, key, &name);
    if (x)
        reconciler_on_facts(x->reconciler, name, facts, now_ns);
}

void scale_on_stopping(struct scale *s, const char *key, const char *reason, int64_t now_ns)
{
    struct str name;
    struct scaled_service *x = find_by_key(s, key, &name);
    if (x)
        reconciler_on_stopping(x->reconciler, name, reason, now_ns);
}

bool scale_on_spared(struct scale *s, const char *key, const char *reason, int64_t now_ns)
{
    struct str name;
    struct scaled_service *x = find_by_key(s, key, &name);
    return x && reconciler_on_spared(x->reconciler, name, reason, now_ns);
}

void scale_on_start_failed(struct scale *s, const char *key, const char *reason, int64_t now_ns)
{
    struct str name;
    struct scaled_service *x = find_by_key(s, key, &name);
    if (!x)
        return;
    reconciler_on_start_failed(x->reconciler, name, reason, now_ns);
    scale_tell_prospects(s, x, now_ns);
}

void scale_on_exited(struct scale *s, const char *key, const char *reason, const char *last_lines,
                     int64_t now_ns)
{
    struct str name;
    struct scaled_service *x = find_by_key(s, key, &name);
    if (!x)
        return;
    reconciler_on_exited(x->reconciler, name, reason, last_lines, now_ns);
    scale_tell_prospects(s, x, now_ns);
}

void scale_on_probe(struct scale *s, struct server *server, bool is_good, const char *detail, int64_t now_ns)
{
    struct scaled_service *x = scale_find(s, server->service);
    if (!x)
        return;
    bool was_taking = server_can_take(server);
    reconciler_on_probe(x->reconciler, server, is_good, detail, now_ns);
    if (server_can_take(server) != was_taking)
        scale_tell_prospects(s, x, now_ns);
}

static void tell_provider(struct scale *s, const struct scaled_service *x, enum scale_event_kind kind,
                          const char *reason, int64_t now_ns)
{
    struct scale_event e = {.kind = kind,
                            .is_warning = kind == SCALE_EVENT_PROVIDER_TROUBLE,
                            .now_ns = now_ns,
                            .service = x->service,
                            .reason = reason,
                            .last_lines = ""};
    s->effects.on_event(s->effects.context, &e);
}

void scale_on_trouble(struct scale *s, const struct provider *provider, const struct provider_trouble *t,
                      int64_t now_ns)
{
    char reason[PROVIDER_TEXT_BYTES + 96];
    (void)snprintf(reason, sizeof(reason), "provider %s, %s: %s (%s)", provider->ops->name,
                   driver_call_name(t->call), t->text, driver_fault_name(t->fault));
    for_each_scaled (s, x) {
        if (x->provider != provider)
            continue;
        reconciler_note_engine(x->reconciler, t->is_away, now_ns);
        tell_provider(s, x, SCALE_EVENT_PROVIDER_TROUBLE, reason, now_ns);
    }
}

void scale_on_recovered(struct scale *s, const struct provider *provider, int64_t for_ns, int64_t now_ns)
{
    char reason[96], text[UNITS_TEXT_BYTES];
    (void)snprintf(reason, sizeof(reason), "provider %s answers again, after %s", provider->ops->name,
                   units_format_duration(text, for_ns / NS_PER_MS * NS_PER_MS));
    for_each_scaled (s, x) {
        if (x->provider != provider)
            continue;
        reconciler_note_engine(x->reconciler, false, now_ns);
        tell_provider(s, x, SCALE_EVENT_PROVIDER_RECOVERED, reason, now_ns);
    }
}

void scale_set_addresses(struct scale *s, struct service *service, const struct addr *addresses,
                         uint32_t count, int64_t now_ns)
{
    struct scaled_service *x = scale_find(s, service);
    if (x)
        reconciler_set_addresses(x->reconciler, addresses, count, now_ns);
}

void scale_on_usage(struct scale *s, const struct server *server, const struct scale_usage *usage)
{
    const struct scaled_service *x = scale_find(s, server->service);
    if (x)
        cpu_note(&s->cpu[server->slot], server->id, usage,
                 reconciler_is_settled(x->reconciler, server, usage->at_ns));
}
