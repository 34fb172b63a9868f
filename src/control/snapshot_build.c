/*
 * One pass over the configuration makes a view for each service and a route for each pair of its hosts and
 * paths; then the routes are sorted so that the router may take the first that fits.
 *
 * Order: exact hosts, wildcards with the longest suffix first, any host; within one host the longest path
 * prefix first. Equal routes (which the configuration's check refuses) keep the order of the file. Texts are
 * borrowed from the configuration, which outlives the snapshot.
 */
#include "control/snapshot_build.h"

#include "base/macros.h"

#include <stdlib.h>

static bool takes_requests(const struct server *s, const struct service *service)
{
    return s->service == service && server_state_takes_requests((enum server_state)atomic_load(&s->state));
}

static struct server **servers_of(struct fleet *f, struct arena *arena, const struct service *service,
                                  uint32_t *ret_count)
{
    uint32_t count = 0;
    fleet_for_each_server (f, s)
        count += takes_requests(s, service);
    struct server **servers = ARENA_ARRAY(arena, struct server *, MAX(count, 1u));
    uint32_t i = 0;
    fleet_for_each_server (f, s) {
        if (takes_requests(s, service))
            servers[i++] = s;
    }
    ASSERT(i == count);
    *ret_count = count;
    return servers;
}

bool snapshot_is_awaited(const struct server *s, const struct given_up *given_up)
{
    int state = atomic_load_explicit(&s->state, memory_order_relaxed);
    return (state == SERVER_REQUESTED || state == SERVER_STARTING) && given_up->ids[s->slot] != s->id;
}

bool snapshot_is_sought(const struct service *service, const struct config_service *config,
                        const struct given_up *given_up)
{
    return config->discover.source != DISCOVER_NONE && !given_up->sources[service->slot];
}

bool snapshot_can_wait(struct fleet *f, const struct service *service, const struct config_service *config,
                       const struct given_up *given_up)
{
    if (config->scale.provider != SCALE_PROVIDER_NONE)
        return config->scale.servers_max > 0;
    if (snapshot_is_sought(service, config, given_up))
        return true;
    bool has_any = false;
    fleet_for_each_server (f, s) {
        if (s->service != service)
            continue;
        if (snapshot_is_awaited(s, given_up))
            return true;
        has_any = true;
    }
    return !has_any && config->server_count > 0; /* the first snapshot: they come with scale's first tick */
}

static void build_services(struct snapshot *snapshot, struct fleet *f, const struct given_up *given_up)
{
    const struct config *config = snapshot->config;
    snapshot->service_count = (uint32_t)config->service_count;
    snapshot->services = ARENA_ARRAY(snapshot->arena, struct service_view, MAX(config->service_count, 1u));
    for (uint32_t i = 0; i < config->service_count; i++) {
        struct service_view *view = &snapshot->services[i];
        view->config = &config->services[i];
        view->service = fleet_find_service(f, view->config->name);
        ASSERT(view->service);
        view->can_wait = snapshot_can_wait(f, view->service, view->config, given_up);
        view->servers = servers_of(f, snapshot->arena, view->service, &view->server_count);
    }
}

static size_t or_one(const struct config_strings *s)
{
    return s->count ? s->count : 1;
}

static struct route route_of(const struct config_service *c, size_t host, size_t path, uint32_t service)
{
    struct route r = {.service = service, .path_prefix = STR("/"), .host = STR("")};
    if (c->paths.count)
        r.path_prefix = c->paths.items[path];
    if (c->hosts.count)
        r.host = c->hosts.items[host];
    if (str_starts_with(r.host, STR("*."))) {
        r.is_wildcard = true;
        r.host = str_n(r.host.ptr + 1, r.host.len - 1);
    }
    return r;
}

static int host_rank(const struct route *r)
{
    return r->host.len == 0 ? 2 : r->is_wildcard ? 1 : 0;
}

static int compare_hosts(const struct route *a, const struct route *b)
{
    if (host_rank(a) != host_rank(b))
        return host_rank(a) - host_rank(b);
    if (a->is_wildcard && a->host.len != b->host.len)
        return a->host.len > b->host.len ? -1 : 1;
    int order = memcmp(a->host.ptr, b->host.ptr, MIN(a->host.len, b->host.len));
    if (order)
        return order;
    return a->host.len == b->host.len ? 0 : a->host.len < b->host.len ? -1 : 1;
}

static int compare_routes(const void *left, const void *right)
{
    const struct route *a = left, *b = right;
    int order = compare_hosts(a, b);
    if (order)
        return order;
    if (a->path_prefix.len != b->path_prefix.len)
        return a->path_prefix.len > b->path_prefix.len ? -1 : 1;
    order = memcmp(a->path_prefix.ptr, b->path_prefix.ptr, a->path_prefix.len);
    return order ? order : (int)a->service - (int)b->service;
}

static void build_routes(struct snapshot *snapshot)
{
    const struct config *config = snapshot->config;
    size_t count = 0;
    for (size_t i = 0; i < config->service_count; i++)
        count += or_one(&config->services[i].hosts) * or_one(&config->services[i].paths);
    snapshot->routes = ARENA_ARRAY(snapshot->arena, struct route, MAX(count, (size_t)1));
    for (uint32_t i = 0; i < config->service_count; i++) {
        const struct config_service *c = &config->services[i];
        for (size_t host = 0; host < or_one(&c->hosts); host++)
            for (size_t path = 0; path < or_one(&c->paths); path++)
                snapshot->routes[snapshot->route_count++] = route_of(c, host, path, i);
    }
    ASSERT(snapshot->route_count == count);
    qsort(snapshot->routes, count, sizeof(struct route), compare_routes);
}

struct snapshot *snapshot_build(struct fleet *f, const struct config *config, const struct given_up *given_up)
{
    struct arena *arena = arena_new();
    struct snapshot *snapshot = ARENA_NEW(arena, struct snapshot);
    snapshot->arena = arena;
    snapshot->config = config;
    build_services(snapshot, f, given_up);
    build_routes(snapshot);
    return snapshot;
}
