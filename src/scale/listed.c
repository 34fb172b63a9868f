/*
 * The list is compared with the lives by address, both ways. It is short (FLEET_SERVERS_MAX at most) and
 * changes rarely, so pairs are compared rather than kept in a table.
 *
 * A server that left the list keeps its life until its requests have ended; when its address is listed again
 * before that, the same life goes on, with its connections, its latency and its health as they were. One that
 * was drained by hand stays so.
 */
#include "scale/listed.h"

#include "scale/steps.h"

#include "base/mem.h"

#include <stdlib.h>

static bool is_listed_life(const struct life *l)
{
    return !l->provider && life_state(l) != SERVER_GONE; /* gone: only its slot is still to be given back */
}

static struct life *find_by_address(const struct reconciler *r, const struct addr *address)
{
    for_each_life (r, l)
        if (is_listed_life(l) && addr_eq(&l->server->address, address))
            return l;
    return NULL;
}

bool listed_has(const struct reconciler *r, const struct addr *address)
{
    for (uint32_t i = 0; i < r->address_count; i++)
        if (addr_eq(&r->addresses[i], address))
            return true;
    return false;
}

static bool is_discovered(const struct reconciler *r)
{
    return r->config->discover.source != DISCOVER_NONE;
}

/* Told once until there was place again: the list is asked for with every tick. */
static void tell_full(struct reconciler *r, int64_t now_ns)
{
    if (r->is_full_told)
        return;
    r->is_full_told = true;
    struct scale_event e = {.kind = SCALE_EVENT_SERVERS_FULL,
                            .is_warning = true,
                            .now_ns = now_ns,
                            .service = r->service,
                            .reason = "no place for all of its servers: Weir's table of servers is full",
                            .last_lines = ""};
    r->effects->on_event(r->effects->context, &e);
}

void listed_add_missing(struct reconciler *r, int64_t now_ns)
{
    char name[ADDR_TEXT_BYTES];
    r->has_listed_to_add = false;
    for (uint32_t i = 0; i < r->address_count; i++) {
        const struct addr *address = &r->addresses[i];
        if (find_by_address(r, address))
            continue;
        struct life *l = life_new(r, str_of(addr_format(name, address)), address, NULL, now_ns);
        if (!l) {
            r->has_listed_to_add = true; /* the fleet's table is full: at the next tick */
            tell_full(r, now_ns);
            return;
        }
        life_set_limit(r, l, life_full_limit(r, l));
        life_go(r, l, SERVER_STARTING, now_ns, "%s",
                is_discovered(r) ? "it was discovered" : "it is in the configuration");
        atomic_store_explicit(&r->service->is_awaited, 1, memory_order_release);
    }
    r->is_full_told = false;
}

static void take_back(struct reconciler *r, struct life *l, int64_t now_ns)
{
    static const char why[] = "it is listed again";
    if (!l->is_leaving)
        return;
    l->is_leaving = false;
    if (l->is_held || life_state(l) != SERVER_DRAINING)
        return;
    if (l->has_taken)
        life_serve(r, l, why, now_ns);
    else
        life_go(r, l, SERVER_STARTING, now_ns, why);
}

static void keep(struct reconciler *r, const struct addr *addresses, uint32_t count)
{
    struct addr *copy = NEW_ARRAY(struct addr, MAX(count, 1u));
    if (count)
        memcpy(copy, addresses, count * sizeof(*copy));
    free(r->addresses);
    r->addresses = copy;
    r->address_count = count;
}

/* Who comes is there before anybody goes: a list of new addresses alone must not leave a moment in which
 * there is no server and none is awaited, for requests are refused in it. */
void listed_set(struct reconciler *r, const struct addr *addresses, uint32_t count, int64_t now_ns)
{
    keep(r, addresses, count);
    for_each_life (r, l)
        if (is_listed_life(l) && listed_has(r, &l->server->address))
            take_back(r, l, now_ns);
    listed_add_missing(r, now_ns);
    for_each_life (r, l) {
        if (is_listed_life(l) && !l->is_leaving && !listed_has(r, &l->server->address))
            life_leave(r, l,
                       is_discovered(r) ? "it is discovered no longer"
                                        : "it is no longer in the configuration",
                       now_ns);
    }
}

void listed_fini(struct reconciler *r)
{
    free(r->addresses);
}
