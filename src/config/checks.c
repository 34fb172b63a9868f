/*
 * Cross checks. They look at the model for values and at the tree for places. What was written wrongly
 * already has its message, so a check that needs a bad node keeps silent. Everything that grows with the file
 * is sorted, not compared pair by pair.
 */
#include "config/checks.h"

#include "base/addr.h"
#include "base/mem.h"
#include "base/units.h"
#include "config/cpus.h"
#include "config/model.h"
#include "config/reader.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_wildcard(const struct addr *a)
{
    return (a->any.sa_family == AF_INET && a->in4.sin_addr.s_addr == INADDR_ANY) ||
           (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr));
}

void check_limits(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_limits *l = target;
    struct node *written =
        node_find(node, "target_bytes") ? node_find(node, "target_bytes") : node_find(node, "header_bytes");
    char header[UNITS_TEXT_BYTES], line[UNITS_TEXT_BYTES];
    if (l->target_bytes <= l->header_bytes || !node_is_good(written))
        return;
    struct diagnostic *item = node_error(d->d, written, "'target_bytes' is more than 'header_bytes'");
    diagnostics_hint(d->d, item, "the target (%s) is part of the header (%s)",
                     units_format_size(line, l->target_bytes), units_format_size(header, l->header_bytes));
}

void check_listener(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_listener *l = target;
    struct node *written = node_find(node, "http");
    if (!node_is_good(written) || l->address.any.sa_family != AF_UNIX)
        return;
    struct diagnostic *item = node_error(d->d, written, "a listener needs a TCP address");
    diagnostics_hint(d->d, item, "such as :80 or 127.0.0.1:8080");
}

void check_health(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    struct config_health *h = target;
    h->has_path = h->path.len > 0;
}

/* ---- services ---- */

static void check_fixed_servers(struct decoding *d, struct node *servers, const struct config_service *s)
{
    struct node *n = servers->kind == NODE_LIST ? servers->first : servers;
    for (size_t i = 0; i < s->server_count && n; i++, n = n->next) {
        const struct addr *a = &s->servers[i];
        char text[ADDR_TEXT_BYTES];
        if (n->is_bad)
            continue;
        if (is_wildcard(a)) {
            struct diagnostic *item = node_error(d->d, n, "a server's address needs a host");
            diagnostics_hint(d->d, item, "127.0.0.1:%u?", (unsigned)addr_port(a));
            continue;
        }
        for (size_t j = 0; j < i; j++) {
            if (!addr_eq(a, &s->servers[j]))
                continue;
            node_error(d->d, n, "the server %s is given twice", addr_format(text, a));
            break;
        }
    }
}

static void check_sources(struct decoding *d, const struct schema_mapping *m, struct node *node,
                          const struct config_service *s)
{
    struct node *servers = node_find(node, "servers"), *scale = node_find(node, "scale"),
                *discover = node_find(node, "discover");
    if (servers && (scale || discover)) {
        struct diagnostic *item = node_key_error(d->d, servers, "service '%s' has both 'servers' and '%s'",
                                                 s->name.ptr, scale ? "scale" : "discover");
        diagnostics_hint(d->d, item, "fixed and %s servers need a service each",
                         scale ? "started" : "discovered");
    } else if (scale && discover) {
        struct diagnostic *item =
            node_key_error(d->d, discover, "service '%s' has both 'scale' and 'discover'", s->name.ptr);
        diagnostics_hint(d->d, item, "servers that Weir starts need not be discovered");
    } else if (!servers && !scale && !discover && !node->is_bad) {
        if (decode_is_misspelt(m, node, "servers") || decode_is_misspelt(m, node, "scale") ||
            decode_is_misspelt(m, node, "discover"))
            return;
        struct diagnostic *item = node_key_error(d->d, node, "service '%s' has no servers", s->name.ptr);
        diagnostics_hint(d->d, item,
                         "give it 'servers' (addresses), 'discover' (where to find them) or 'scale' (a "
                         "command to start them)");
    } else if (servers && !servers->is_bad && s->server_count == 0) {
        node_key_error(d->d, servers, "'servers' is empty");
    }
}

void check_service(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_service *s = target;
    if (!node || (node->kind != NODE_MAPPING && !node_is_empty(node)))
        return;
    struct node *servers = node_find(node, "servers"), *scale = node_find(node, "scale");
    check_sources(d, m, node, s);
    if (node_is_good(servers))
        check_fixed_servers(d, servers, s);
    struct node *in_flight = node_find(scale, "in_flight");
    if (node_is_good(in_flight) && node_is_good(node_find(node, "max_requests")) && s->max_requests &&
        s->scale.target_in_flight > s->max_requests) {
        struct diagnostic *item = node_error(d->d, in_flight, "'in_flight' is more than 'max_requests'");
        diagnostics_hint(d->d, item, "a server never carries more than %u", s->max_requests);
    }
}

/* ---- watch and admin ---- */

/* A threshold of one's own keeps the distance between `above` and `clear` that the defaults have. */
static void derive_clear(const struct schema_mapping *m, struct config_threshold *t)
{
    double above = 0, clear = 0;
    const char *problem;
    ASSERT(units_parse_percent(str_of(schema_find(m, STR("above"))->default_text), &above, &problem));
    ASSERT(units_parse_percent(str_of(schema_find(m, STR("clear"))->default_text), &clear, &problem));
    t->clear = MAX(t->above - (above - clear), 0);
}

void check_threshold(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    struct config_threshold *t = target;
    struct node *clear = node_find(node, "clear"), *above = node_find(node, "above");
    if (!clear)
        derive_clear(m, t);
    if (!node_is_good(clear) || t->clear <= t->above || (above && above->is_bad))
        return;
    struct diagnostic *item = node_error(d->d, clear, "'clear' is higher than 'above'");
    diagnostics_hint(d->d, item, "at most %g%%, or the alert would end before it begins", t->above);
}

void check_either(struct decoding *d, const struct node *first, struct node *second)
{
    if (!first || !second)
        return;
    struct diagnostic *item = node_key_error(d->d, second, "both '%s' and '%s' are given",
                                             first->key->text.ptr, second->key->text.ptr);
    diagnostics_hint(d->d, item, "one of them is enough");
}

void check_admin(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_admin *a = target;
    struct node *file = node_find(node, "token_file"), *variable = node_find(node, "token_env");
    struct node *listen = node_find(node, "listen");
    if (!node_is_good(node))
        return;
    check_either(d, file, variable);
    struct node *place = node->kind == NODE_SCALAR ? node : listen;
    if (!a->is_enabled || addr_is_loopback(&a->address) || file || variable || !node_is_good(place))
        return;
    struct diagnostic *item =
        node_error(d->d, place, "the admin listener is open to other hosts and has no token");
    diagnostics_hint(d->d, item, "add 'token_file' or 'token_env', or listen on 127.0.0.1");
}

/* ---- the whole file ---- */

/* `[::]` takes IPv4 as well: sockets are opened for both. */
static bool is_host_inside(const struct addr *outer, const struct addr *inner)
{
    return is_wildcard(outer) && (outer->any.sa_family == AF_INET6 || inner->any.sa_family == AF_INET);
}

/* Whether the two cannot both be bound: the same, or one takes all of the other's host. */
static bool is_overlapping(const struct addr *a, const struct addr *b)
{
    if (addr_eq(a, b))
        return true;
    bool is_tcp = a->len && b->len && a->any.sa_family != AF_UNIX && b->any.sa_family != AF_UNIX;
    return is_tcp && addr_port(a) == addr_port(b) && (is_host_inside(a, b) || is_host_inside(b, a));
}

static struct node *listener_place(const struct node *root, size_t index)
{
    const struct node *listeners = node_find(root, "listeners");
    const struct node *n = listeners && listeners->kind == NODE_LIST ? listeners->first : NULL;
    for (; n && index; index--)
        n = n->next;
    return n ? node_find(n, "http") : NULL;
}

static void refuse_overlap(struct decoding *d, struct node *place, const struct addr *mine,
                           const struct addr *other, const char *who)
{
    char mine_text[ADDR_TEXT_BYTES], other_text[ADDR_TEXT_BYTES];
    addr_format(mine_text, mine);
    struct diagnostic *item = node_error(d->d, place, "%s is taken by %s", mine_text, who);
    if (!addr_eq(mine, other))
        diagnostics_hint(d->d, item, "%s is every address of this host",
                         is_host_inside(mine, other) ? mine_text : addr_format(other_text, other));
}

static void check_listening(struct decoding *d, struct node *root, const struct config *c)
{
    for (size_t i = 0; i < c->listener_count; i++) {
        struct node *place = listener_place(root, i);
        for (size_t j = 0; j < i && node_is_good(place); j++)
            if (node_is_good(listener_place(root, j)) &&
                is_overlapping(&c->listeners[i].address, &c->listeners[j].address))
                refuse_overlap(d, place, &c->listeners[i].address, &c->listeners[j].address,
                               "another listener");
    }
    struct node *admin = node_find(root, "admin");
    struct node *listen = admin && admin->kind == NODE_MAPPING ? node_find(admin, "listen") : admin;
    for (size_t i = 0; i < c->listener_count && c->admin.is_enabled; i++) {
        struct node *place = node_is_good(listen) ? listen : listener_place(root, i);
        if (node_is_good(place) && !(admin && admin->is_bad) &&
            is_overlapping(&c->admin.address, &c->listeners[i].address))
            refuse_overlap(d, place, &c->admin.address, &c->listeners[i].address,
                           place == listen ? "a listener" : "the admin listener");
    }
}

/* A request to oneself would go round until every connection is used up. */
static void check_loops(struct decoding *d, struct node *root, const struct config *c,
                        const struct config_service *s)
{
    struct node *service = node_find(node_find(root, "services"), s->name.ptr);
    struct node *servers = node_find(service, "servers");
    struct node *n = !servers ? NULL : servers->kind == NODE_LIST ? servers->first : servers;
    for (size_t i = 0; i < s->server_count && n; i++, n = n->next) {
        for (size_t j = 0; j < c->listener_count; j++) {
            const struct addr *listener = &c->listeners[j].address;
            bool is_self = addr_eq(listener, &s->servers[i]) ||
                           (is_overlapping(listener, &s->servers[i]) && addr_is_loopback(&s->servers[i]));
            if (!is_self || n->is_bad)
                continue;
            struct diagnostic *item = node_error(d->d, n, "this is Weir's own listener");
            diagnostics_hint(d->d, item, "requests would go round in a circle");
        }
    }
}

static void check_server_total(struct decoding *d, struct node *root, const struct config *c)
{
    size_t total = 0;
    for (size_t i = 0; i < c->service_count; i++) {
        const struct config_service *s = &c->services[i];
        bool is_scaled = s->scale.provider != SCALE_PROVIDER_NONE;
        struct node *place = node_find(node_find(root, "services"), s->name.ptr);
        total += s->server_count + (is_scaled ? s->scale.servers_max : 0);
        if (total <= CONFIG_SERVERS_MAX || !place)
            continue;
        struct diagnostic *item =
            node_key_error(d->d, place, "more than %d servers in all", CONFIG_SERVERS_MAX);
        diagnostics_hint(d->d, item, "fixed ones and the maxima of 'scale' count together");
        return;
    }
}

/* Two writers would rotate each other's lines away. */
static void check_logs(struct decoding *d, struct node *root, const struct config *c)
{
    for (size_t i = 0; i < c->service_count; i++) {
        const struct config_service *mine = &c->services[i];
        struct node *service = node_find(node_find(root, "services"), mine->name.ptr);
        struct node *log = node_find(node_find(service, "scale"), "log");
        for (size_t j = 0; j < i && log && mine->scale.log.file.len; j++)
            if (str_eq(mine->scale.log.file, c->services[j].scale.log.file))
                node_key_error(d->d, log, "service '%s' writes to this file, too", c->services[j].name.ptr);
    }
}

/* ---- routes ---- */

struct route_claim {
    struct str host, path; /* "" = any host */
    const struct config_service *service;
    struct node *place;
    size_t order;
};

static int compare_strs(struct str a, struct str b)
{
    size_t n = MIN(a.len, b.len);
    int sign = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return sign ? sign : (a.len > b.len) - (a.len < b.len);
}

static int compare_claims(const void *left, const void *right)
{
    const struct route_claim *a = left, *b = right;
    int sign = compare_strs(a->host, b->host);
    if (!sign)
        sign = compare_strs(a->path, b->path);
    return sign ? sign : (a->order > b->order) - (a->order < b->order);
}

static struct node *nth_item(struct node *list, size_t index)
{
    if (!list || list->kind != NODE_LIST)
        return list;
    struct node *n = list->first;
    for (; n && index; index--)
        n = n->next;
    return n;
}

static void add_claims(struct node *services, const struct config_service *s, struct route_claim *claims,
                       size_t *count)
{
    struct node *node = node_find(services, s->name.ptr);
    struct node *hosts = node_find(node, "hosts"), *paths = node_find(node, "paths");
    for (size_t h = 0; h < MAX(s->hosts.count, (size_t)1); h++) {
        struct node *host = s->hosts.count ? nth_item(hosts, h) : NULL;
        for (size_t p = 0; p < MAX(s->paths.count, (size_t)1); p++) {
            struct node *path = s->paths.count ? nth_item(paths, p) : NULL;
            if (!node || (host && host->is_bad) || (path && path->is_bad) || (hosts && hosts->is_bad) ||
                (paths && paths->is_bad))
                continue;
            claims[*count] = (struct route_claim){
                .host = s->hosts.count ? s->hosts.items[h] : STR(""),
                .path = s->paths.count ? s->paths.items[p] : STR("/"),
                .service = s,
                .place = path   ? path
                         : host ? host
                                : node,
                .order = *count,
            };
            (*count)++;
        }
    }
}

static void refuse_claim(struct decoding *d, const struct route_claim *first, struct route_claim *second)
{
    char host[SHOWN_BYTES], path[SHOWN_BYTES];
    struct diagnostic *item;
    if (second->place->is_bad)
        return;
    decode_shown(host, second->host.len ? second->host : STR("any host"));
    decode_shown(path, second->path);
    bool is_same = first->service == second->service;
    bool is_whole =
        !second->place->parent || second->place->kind == NODE_MAPPING || node_is_empty(second->place);
    if (is_same)
        item =
            node_error(d->d, second->place, "this is given twice in service '%s'", second->service->name.ptr);
    else
        item = (is_whole ? node_key_error : node_error)(d->d, second->place,
                                                        "service '%s' answers for the same requests as '%s'",
                                                        second->service->name.ptr, first->service->name.ptr);
    if (!is_same)
        diagnostics_hint(d->d, item, "both take %s, path %s; set 'hosts' or 'paths' apart", host, path);
}

static void check_routes(struct decoding *d, struct node *root, const struct config *c)
{
    struct node *services = node_find(root, "services");
    size_t total = 0, count = 0;
    for (size_t i = 0; i < c->service_count; i++)
        total += MAX(c->services[i].hosts.count, (size_t)1) * MAX(c->services[i].paths.count, (size_t)1);
    if (total > CONFIG_ROUTES_MAX) {
        struct diagnostic *item = node_key_error(d->d, services, "more than %d routes", CONFIG_ROUTES_MAX);
        diagnostics_hint(d->d, item, "each host of a service with each of its paths is one: %zu in all",
                         total);
        return;
    }
    struct route_claim *claims = NEW_ARRAY(struct route_claim, total + 1);
    for (size_t i = 0; i < c->service_count; i++)
        add_claims(services, &c->services[i], claims, &count);
    qsort(claims, count, sizeof(*claims), compare_claims);
    for (size_t i = 1; i < count; i++)
        if (str_eq(claims[i - 1].host, claims[i].host) && str_eq(claims[i - 1].path, claims[i].path))
            refuse_claim(d, &claims[i - 1], &claims[i]);
    free(claims);
}

static void complete_listeners(struct decoding *d, struct config *c)
{
    const char *problem;
    if (c->listener_count)
        return;
    c->listeners = ARENA_NEW(d->arena, struct config_listener);
    c->listener_count = 1;
    ASSERT(addr_parse(STR(":8080"), &c->listeners[0].address, &problem));
}

void check_agent(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    struct config_agent *c = target;
    (void)d, (void)m;
    c->is_written = node != NULL;
}

void check_root(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    struct config *c = target;
    struct node *services = node_find(node, "services");
    if (!node_find(node, "workers"))
        c->workers = services ? MIN(cpus_usable(), (uint32_t)CONFIG_WORKERS_MAX) : 1;
    if (node_is_good(services) && c->service_count == 0 && !services->is_incomplete)
        diagnostics_hint(d->d, node_key_error(d->d, services, "'services' is empty"),
                         "name at least one service");
    if (!services && !c->agent.is_written && !node->is_bad && !decode_is_misspelt(m, node, "services") &&
        !decode_is_misspelt(m, node, "agent"))
        diagnostics_hint(d->d, node_key_error(d->d, node, "'services' is missing"), "such as services: %s",
                         schema_find(m, STR("services"))->example);
    if (services || !c->agent.is_written)
        complete_listeners(d, c);
    check_notify(d, node, c);
    check_rule_subjects(d, node, c);
    check_listening(d, node, c);
    check_server_total(d, node, c);
    check_logs(d, node, c);
    for (size_t i = 0; i < c->service_count; i++)
        check_loops(d, node, c, &c->services[i]);
    if (c->service_count)
        check_routes(d, node, c);
}
