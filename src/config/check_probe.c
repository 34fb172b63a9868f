/*
 * Cross checks of a probe; see checks.h. What was written wrongly already has its message, so a check that
 * needs a bad node keeps silent.
 */
#include "config/checks.h"
#include "config/model.h"

#include <arpa/inet.h>

static const char *const kinds[] = {"http", "tcp", "tls", "dns"}; /* in the order of enum probe_kind */

/* The only kind that is written, or -1 with a message. */
static int kind_of(struct decoding *d, const struct schema_mapping *m, struct node *node)
{
    int kind = -1;
    for (int i = 0; i < (int)ARRAY_LEN(kinds); i++) {
        struct node *n = node_find(node, kinds[i]);
        if (n && kind >= 0) {
            struct diagnostic *item =
                node_key_error(d->d, n, "a probe has both '%s' and '%s'", kinds[kind], kinds[i]);
            diagnostics_hint(d->d, item, "make two probes of it");
            return -1;
        }
        if (n)
            kind = i;
        else if (decode_is_misspelt(m, node, kinds[i]))
            return -1;
    }
    if (kind < 0 && !node->is_bad)
        diagnostics_hint(d->d,
                         node_key_error(d->d, node, "'http', 'tcp', 'tls' or 'dns' is missing in a probe"),
                         "such as {http: \"https://shop.example.com/\"} or {tcp: \"db.internal:5432\"}");
    return kind;
}

static void refuse_keys(struct decoding *d, struct node *node, const char *const *keys, size_t count,
                        const char *owner)
{
    for (size_t i = 0; i < count; i++) {
        struct node *n = node_find(node, keys[i]);
        if (node_is_good(n))
            diagnostics_hint(d->d, node_key_error(d->d, n, "'%s' means nothing here", keys[i]),
                             "it belongs to %s", owner);
    }
}

static void check_port(struct decoding *d, struct node *n, struct str authority)
{
    size_t at;
    struct str port = authority;
    bool has_port = false;
    uint64_t number;
    while (str_find(port, ':', &at)) {
        port = str_n(port.ptr + at + 1, port.len - at - 1);
        has_port = true;
    }
    if (node_is_good(n) && (!has_port || !str_parse_u64(port, &number)))
        diagnostics_hint(d->d, node_error(d->d, n, "the port is missing"), "such as %.*s:5432",
                         STR_ARG(authority));
}

static void check_addresses(struct decoding *d, struct node *list, const struct config_probe *c)
{
    struct node *n = list && list->kind == NODE_LIST ? list->first : list;
    for (size_t i = 0; i < c->addresses.count && n; i++, n = n->next) {
        char text[INET6_ADDRSTRLEN];
        unsigned char bytes[sizeof(struct in6_addr)];
        str_copy(text, sizeof(text), c->addresses.items[i]);
        if (!n->is_bad && inet_pton(c->record == PROBE_RECORD_A ? AF_INET : AF_INET6, text, bytes) != 1)
            diagnostics_hint(
                d->d,
                node_error(d->d, n, "that is no %s address", c->record == PROBE_RECORD_A ? "IPv4" : "IPv6"),
                "such as %s", c->record == PROBE_RECORD_A ? "192.0.2.10" : "2001:db8::10");
    }
}

void check_probe(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    static const char *const of_http[] = {"status", "contains", "redirects", "method", "headers"};
    static const char *const of_dns[] = {"type", "addresses", "resolver"};
    static const char *const of_tls[] = {"ca_file"};
    struct config_probe *c = target;
    if (!node)
        return;
    int kind = node->kind == NODE_MAPPING ? kind_of(d, m, node) : PROBE_HTTP; /* else the shorthand */
    if (kind < 0)
        return;
    c->kind = (enum probe_kind)kind;
    if (c->kind != PROBE_HTTP)
        refuse_keys(d, node, of_http, ARRAY_LEN(of_http), "'http'");
    if (c->kind != PROBE_HTTP && c->kind != PROBE_TLS)
        refuse_keys(d, node, of_tls, ARRAY_LEN(of_tls), "'http' and 'tls'");
    if (c->kind != PROBE_DNS)
        refuse_keys(d, node, of_dns, ARRAY_LEN(of_dns), "'dns'");
    if (c->kind == PROBE_TCP || c->kind == PROBE_TLS)
        check_port(d, node_find(node, kinds[kind]), c->kind == PROBE_TCP ? c->tcp : c->tls);
    if (c->kind == PROBE_DNS)
        check_addresses(d, node_find(node, "addresses"), c);
    struct node *contains = node_find(node, "contains");
    if (node_is_good(contains) && c->method == PROBE_METHOD_HEAD)
        diagnostics_hint(d->d, node_error(d->d, contains, "an answer to HEAD contains nothing"),
                         "take 'method' out");
    check_headers(d, node_find(node, "headers"));
    struct node *timeout = node_find(node, "timeout");
    if (!timeout)
        c->timeout_ns = MIN(c->timeout_ns, c->interval_ns);
    else if (c->timeout_ns > c->interval_ns && node_is_good(timeout))
        diagnostics_hint(d->d, node_error(d->d, timeout, "'timeout' is longer than 'interval'"),
                         "a look must be over before the next one");
}
