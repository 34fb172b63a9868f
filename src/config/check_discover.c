/*
 * Cross checks of `discover:`; see checks.h. What was written wrongly already has its message, so a check
 * that needs a bad node keeps silent.
 */
#include "config/checks.h"
#include "config/model.h"

static bool is_srv_name(struct str name)
{
    return name.len && name.ptr[0] == '_';
}

/* Which source it is; NONE, with a message, when that cannot be told. */
static enum discover_source source_of(struct decoding *d, const struct schema_mapping *m, struct node *node,
                                      const struct config_discover *c)
{
    static const char *const names[] = {"file", "dns", "srv", "docker"};
    struct node *first = NULL;
    const char *first_name = NULL;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct node *n = node_find(node, names[i]);
        if (n && first) {
            struct diagnostic *item =
                node_key_error(d->d, n, "'discover' has both '%s' and '%s'", first_name, names[i]);
            diagnostics_hint(d->d, item, "a service finds its servers in one place");
            return DISCOVER_NONE;
        }
        if (n) {
            first = n;
            first_name = names[i];
        }
        if (!n && decode_is_misspelt(m, node, names[i]))
            return DISCOVER_NONE;
    }
    if (!first && !node->is_bad) {
        struct diagnostic *item =
            node_key_error(d->d, node, "'file', 'dns', 'srv' or 'docker' is missing in 'discover'");
        diagnostics_hint(d->d, item,
                         "such as {file: /etc/weir/shop.servers}, {dns: shop.internal, port: 8000} or "
                         "{srv: _http._tcp.shop.internal}");
    }
    if (!node_is_good(first))
        return DISCOVER_NONE;
    if (node_find(node, "docker"))
        return DISCOVER_DOCKER;
    return c->file.len ? DISCOVER_FILE : c->dns.len && !is_srv_name(c->dns) ? DISCOVER_DNS : DISCOVER_SRV;
}

static void refuse_key(struct decoding *d, const struct node *node, const char *key, const char *hint)
{
    struct node *n = node_find(node, key);
    if (node_is_good(n))
        diagnostics_hint(d->d, node_key_error(d->d, n, "'%s' means nothing here", key), "%s", hint);
}

static void check_port(struct decoding *d, struct node *node, const struct config_discover *c)
{
    struct node *dns = node_find(node, "dns");
    if (c->source == DISCOVER_SRV)
        refuse_key(d, node, "port", "SRV records bring the ports of their servers");
    else if (c->source == DISCOVER_DNS && !node_find(node, "port"))
        diagnostics_hint(d->d, node_key_error(d->d, dns, "'port' is missing beside 'dns'"),
                         "addresses in DNS have no ports: where do the servers listen?");
}

static void check_resolvers(struct decoding *d, struct node *node, const struct config_discover *c)
{
    struct node *resolver = node_find(node, "resolver");
    struct node *n = resolver && resolver->kind == NODE_LIST ? resolver->first : resolver;
    for (size_t i = 0; i < c->resolver_count && n; i++, n = n->next)
        if (!n->is_bad && c->resolvers[i].any.sa_family == AF_UNIX)
            diagnostics_hint(d->d, node_error(d->d, n, "a DNS server has an IP address"),
                             "such as 10.0.0.2:53");
}

void check_discover(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    static const char *const dns_keys[] = {"port", "resolver", "family", "ttl_min", "ttl_max"};
    struct config_discover *c = target;
    if (!node || (node->kind != NODE_MAPPING && !node_is_empty(node)))
        return;
    c->source = source_of(d, m, node, c);
    if (c->source == DISCOVER_SRV && c->dns.len) {
        c->srv = c->dns;
        c->dns = STR("");
    }
    bool has_no_name = c->source == DISCOVER_FILE || c->source == DISCOVER_DOCKER;
    for (size_t i = 0; has_no_name && i < ARRAY_LEN(dns_keys); i++)
        refuse_key(d, node, dns_keys[i], "it belongs to 'dns' and 'srv'");
    if (node_is_good(node_find(node, "docker")))
        check_docker_api(d, node_find(node, "docker"), &c->docker);
    check_port(d, node, c);
    check_resolvers(d, node, c);
    struct node *least = node_find(node, "ttl_min"), *most = node_find(node, "ttl_max");
    struct node *place = node_is_good(most) ? most : least;
    if (c->ttl_min_ns > c->ttl_max_ns && node_is_good(place) && !(least && least->is_bad))
        diagnostics_hint(d->d, node_error(d->d, place, "'ttl_min' is more than 'ttl_max'"),
                         "between the two the TTL of the answer counts");
}
