/*
 * Cross checks of `scale: {docker}` and `scale: {swarm}`; see checks.h. The Engine API gives root on its
 * host, so how it is reached is checked closely.
 */
#include "config/checks.h"
#include "config/model.h"

#include "base/addr.h"

#include <stdio.h>

static void refuse(struct decoding *d, struct node *n, const char *problem, const char *hint)
{
    diagnostics_hint(d->d, node_error(d->d, n, "%s", problem), "%s", hint);
}

/* ---- the API ---- */

static bool is_loopback_host(struct str host)
{
    struct addr a;
    char text[ADDR_TEXT_BYTES];
    const char *problem;
    snprintf(text, sizeof(text), "%.*s", STR_ARG(host));
    return addr_parse(str_of(text), &a, &problem) && addr_is_loopback(&a);
}

/* "HOST:PORT" of tcp://HOST:PORT; nothing for another scheme. */
static struct str tcp_host(const struct config_docker_api *api)
{
    struct str endpoint = api->endpoint;
    return str_starts_with(endpoint, STR("tcp://")) ? str_n(endpoint.ptr + 6, endpoint.len - 6) : STR("");
}

static void check_endpoint(struct decoding *d, const struct node *node, struct config_docker_api *api)
{
    struct node *endpoint = node_find(node, "endpoint"), *tls = node_find(node, "tls");
    struct str host = tcp_host(api);
    const char *colon = host.len ? memrchr(host.ptr, ':', host.len) : NULL;
    uint64_t port;
    if (endpoint && !node_is_good(endpoint))
        return;
    if (str_starts_with(api->endpoint, STR("unix:///"))) {
        if (node_is_good(tls))
            diagnostics_hint(d->d,
                             node_key_error(d->d, tls, "'tls' is for endpoints that are reached by TCP"),
                             "a Unix socket needs none");
        return;
    }
    if (!host.len || !colon || colon == host.ptr || memchr(host.ptr, '/', host.len) ||
        !str_parse_u64(str_n(colon + 1, host.len - (size_t)(colon + 1 - host.ptr)), &port) || port < 1 ||
        port > 65535) {
        refuse(d, endpoint, "not an endpoint of the Docker Engine API",
               "unix:///var/run/docker.sock or tcp://HOST:PORT");
        return;
    }
    if (api->has_tls || api->plain == DOCKER_PLAIN_ANYWHERE || is_loopback_host(host))
        return;
    refuse(d, endpoint, "the Docker Engine API by TCP without TLS gives root on its host to whoever listens",
           "add 'tls' with a certificate, or 'without_tls: anywhere' if the network is safe");
}

static void check_tls(struct decoding *d, const struct node *node, struct config_docker_api *api)
{
    struct node *tls = node_find(node, "tls");
    struct node *cert = node_find(tls, "cert_file"), *key = node_find(tls, "key_file");
    api->has_tls = api->ca_file.len || api->cert_file.len || api->key_file.len;
    if (node_is_good(cert) && !key)
        diagnostics_hint(d->d, node_key_error(d->d, cert, "'cert_file' needs its 'key_file'"),
                         "add 'key_file'");
    if (node_is_good(key) && !cert)
        diagnostics_hint(d->d, node_key_error(d->d, key, "'key_file' is the key of no certificate"),
                         "add 'cert_file'");
}

void check_docker_api(struct decoding *d, struct node *node, struct config_docker_api *api)
{
    check_tls(d, node, api);
    check_endpoint(d, node, api);
}

void check_registry(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    struct node *file = node_find(node, "password_file"), *variable = node_find(node, "password_env");
    (void)m, (void)target;
    if (!node_is_good(node))
        return;
    check_either(d, file, variable);
    if (!file && !variable)
        diagnostics_hint(d->d, node_key_error(d->d, node, "the registry's password is missing"),
                         "add 'password_file' or 'password_env'");
}

/* ---- what a container is ---- */

static void check_labels(struct decoding *d, const struct node *labels)
{
    size_t at;
    for (struct node *n = node_is_good(labels) ? labels->first : NULL; n; n = n->next) {
        if (n->is_bad)
            continue;
        if (!str_find(n->text, '=', &at) || at == 0)
            refuse(d, n, "a label is NAME=value", "such as \"com.example.team=web\"");
        else if (str_starts_with(n->text, STR("weir.")))
            refuse(d, n, "labels that begin with 'weir.' are Weir's own", "choose another name");
    }
}

static bool is_mount(struct str text)
{
    struct str source, target, mode = STR("");
    if (!str_split(&text, ':', &source) || !str_split(&text, ':', &target))
        return false;
    bool has_mode = str_split(&text, ':', &mode);
    return source.len && target.len > 1 && target.ptr[0] == '/' && text.len == 0 &&
           (!has_mode || str_eq(mode, STR("ro")) || str_eq(mode, STR("rw")));
}

static void check_mounts(struct decoding *d, const struct node *mounts)
{
    for (struct node *n = node_is_good(mounts) ? mounts->first : NULL; n; n = n->next)
        if (!n->is_bad && !is_mount(n->text))
            refuse(d, n, "a mount is SOURCE:TARGET or SOURCE:TARGET:ro",
                   "such as \"/srv/uploads:/data\", with a whole path behind the colon");
}

static void check_network(struct decoding *d, struct node *n)
{
    if (node_is_good(n) && (str_eq(n->text, STR("host")) || str_eq(n->text, STR("none"))))
        refuse(d, n, "on this network a server has no address of its own",
               "name one that was made with `docker network create`");
}

static void check_networks(struct decoding *d, struct node *networks)
{
    if (!node_is_good(networks) || networks->kind != NODE_LIST) {
        check_network(d, networks);
        return;
    }
    for (struct node *n = networks->first; n; n = n->next)
        check_network(d, n);
}

static void check_container(struct decoding *d, struct node *node, struct config_container *c)
{
    check_docker_api(d, node, &c->api);
    check_labels(d, node_find(node, "labels"));
    check_mounts(d, node_find(node, "mounts"));
    check_networks(d, node_find(node, "networks"));
}

/* ---- docker ---- */

static void check_publish(struct decoding *d, const struct node *node, const struct config_container *c)
{
    struct node *publish = node_find(node, "publish"), *endpoint = node_find(node, "endpoint");
    struct str host = tcp_host(&c->api);
    struct addr a;
    char text[ADDR_TEXT_BYTES];
    const char *problem;
    bool is_six = c->publish.len && memchr(c->publish.ptr, ':', c->publish.len);
    snprintf(text, sizeof(text), is_six ? "[%.*s]:1" : "%.*s:1", STR_ARG(c->publish));
    if ((publish && !node_is_good(publish)) || c->reach != CONTAINER_PUBLISHED)
        return;
    if (c->publish.len == 0 || !addr_parse(str_of(text), &a, &problem)) {
        if (publish)
            refuse(d, publish, "not an IP address", "such as 127.0.0.1, or the address of the engine's host");
        return;
    }
    if (host.len && node_is_good(endpoint) && !is_loopback_host(host) && addr_is_loopback(&a))
        refuse(d, publish ? publish : endpoint,
               "the engine is on another host, and ports would be published on its loopback",
               "say with 'publish' which address of that host Weir shall connect to");
}

void check_docker(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    (void)m;
    if (!node_is_good(node))
        return;
    check_container(d, node, target);
    check_publish(d, node, target);
}

/* ---- swarm ---- */

/* Keys that say how a service is made, when nothing is to be made. */
static void refuse_making(struct decoding *d, const struct node *node, const struct config_container *c)
{
    const struct {
        const char *name;
        bool has_value;
    } keys[] = {{"command", c->command.count > 0},     {"environment", c->environment.count > 0},
                {"directory", c->directory.len > 0},   {"user", c->user.len > 0},
                {"labels", c->labels.count > 0},       {"mounts", c->mounts.count > 0},
                {"memory", c->memory_bytes > 0},       {"cpus", c->cpus > 0},
                {"registry", c->registry.user.len > 0}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct node *n = node_find(node, keys[i].name);
        if (!n || !keys[i].has_value)
            continue;
        struct diagnostic *item = node_key_error(
            d->d, n, "'%s' is for a service that Weir makes, and 'image' is missing", keys[i].name);
        diagnostics_hint(d->d, item, "add 'image', or change the service with `docker service update`");
    }
}

void check_swarm(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_container *c = target;
    (void)m;
    if (!node_is_good(node))
        return;
    check_container(d, node, target);
    if (c->image.len == 0 && !node_find(node, "image"))
        refuse_making(d, node, c);
}
