/* docker_form.c: the pure half of provider docker: a container as the API takes it, and as it tells it. */
#include "provider/container.h"
#include "provider/docker.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define STOP_MARK    ".stop-"
#define STOP_GRACE_S 10 /* beyond its time; then it is taken for one that nobody ends */

/* ---- what is asked for ---- */

static void write_network(struct json *j, const struct config_container *c)
{
    if (c->networks.count == 0)
        return;
    json_key(j, "NetworkingConfig");
    json_begin_object(j);
    json_key(j, "EndpointsConfig");
    json_begin_object(j);
    json_key(j, c->networks.items[0].ptr);
    json_begin_object(j);
    json_end_object(j);
    json_end_object(j);
    json_end_object(j);
}

static void write_ports(struct json *j, const struct config_container *c)
{
    char name[16], port[16];
    snprintf(name, sizeof(name), "%u/tcp", c->port);
    snprintf(port, sizeof(port), "%u", c->publish_port);
    json_key(j, "PortBindings");
    json_begin_object(j);
    json_key(j, name);
    json_begin_array(j);
    json_begin_object(j);
    json_put_str(j, "HostIp", c->publish);
    json_put_text(j, "HostPort", c->publish_port ? port : "");
    json_end_object(j);
    json_end_array(j);
    json_end_object(j);
}

static void write_host(struct json *j, const struct config_container *c)
{
    static const char *const policies[] = {[RESTART_NO] = "no",
                                           [RESTART_ON_FAILURE] = "on-failure",
                                           [RESTART_UNLESS_STOPPED] = "unless-stopped",
                                           [RESTART_ALWAYS] = "always"};
    json_key(j, "HostConfig");
    json_begin_object(j);
    if (c->networks.count)
        json_put_str(j, "NetworkMode", c->networks.items[0]);
    if (c->reach == CONTAINER_PUBLISHED)
        write_ports(j, c);
    if (c->memory_bytes)
        json_put_int(j, "Memory", (int64_t)c->memory_bytes);
    if (c->cpus > 0)
        json_put_int(j, "NanoCpus", (int64_t)(c->cpus * 1e9 + 0.5));
    if (c->mounts.count) {
        json_key(j, "Mounts");
        container_write_mounts(j, c);
    }
    json_key(j, "RestartPolicy");
    json_begin_object(j);
    json_put_text(j, "Name", policies[c->restart]);
    json_end_object(j);
    json_end_object(j);
}

static void write_labels(struct json *j, const struct config_container *c, const char *owner, const char *key)
{
    struct str server = str_of(key), service = STR("");
    (void)str_split(&server, '/', &service);
    json_key(j, "Labels");
    json_begin_object(j);
    container_write_labels(j, c);
    json_put_text(j, LABEL_OWNER, owner);
    json_put_str(j, LABEL_SERVICE, service);
    json_put_str(j, LABEL_SERVER, server);
    json_end_object(j);
}

void docker_write_create(const struct config_container *c, const char *owner, const char *key,
                         struct buf *out)
{
    struct json j;
    char port[16];
    json_init(&j, out);
    json_begin_object(&j);
    json_put_str(&j, "Image", c->image);
    if (c->command.count) {
        json_key(&j, "Cmd");
        container_write_command(&j, c);
    }
    json_key(&j, "Env");
    container_write_environment(&j, c);
    if (c->directory.len)
        json_put_str(&j, "WorkingDir", c->directory);
    if (c->user.len)
        json_put_str(&j, "User", c->user);
    write_labels(&j, c, owner, key);
    snprintf(port, sizeof(port), "%u/tcp", c->port);
    json_key(&j, "ExposedPorts");
    json_begin_object(&j);
    json_key(&j, port);
    json_begin_object(&j);
    json_end_object(&j);
    json_end_object(&j);
    write_host(&j, c);
    write_network(&j, c);
    json_end_object(&j);
}

void docker_write_name(const char *owner, const char *key, struct buf *out)
{
    const char *slash = strchr(key, '/');
    size_t start = out->len;
    buf_printf(out, "%s-%s", owner, slash ? slash + 1 : key);
    for (size_t i = start; i < out->len; i++) {
        char c = out->ptr[i];
        if (!(ascii_is_letter(c) || ascii_is_digit(c) || (i > start && (c == '-' || c == '_'))))
            out->ptr[i] = i > start ? '-' : 'w';
    }
}

/* ---- what is told ---- */

static bool is_any(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* Of those that the port is published on, the one that was asked for: with two families there may be more. */
static void find_published(const struct json_value *item, const struct config_container *c,
                           struct instance *instance)
{
    const struct json_value *ports = json_value_get(item, "Ports");
    const char *wanted = is_any(c->publish.ptr) ? "127.0.0.1" : c->publish.ptr;
    for (size_t i = 0; i < json_value_count(ports); i++) {
        const struct json_value *p = json_value_at(ports, i);
        const char *host = json_value_text(p, "IP", "");
        int64_t port = json_value_int(p, "PublicPort", 0);
        if (json_value_int(p, "PrivatePort", 0) != c->port || port == 0 ||
            strcmp(json_value_text(p, "Type", ""), "tcp") != 0)
            continue;
        if (is_any(host) || strcmp(host, wanted) == 0)
            container_set_address(instance, str_of(wanted), port);
    }
    if (!instance->has_address && instance->state == INSTANCE_RUNNING)
        instance_set_detail(instance, "its port %u is not published on %s", c->port, c->publish.ptr);
}

static void find_direct(const struct json_value *item, const struct config_container *c,
                        struct instance *instance)
{
    const char *name = c->networks.count ? c->networks.items[0].ptr : "bridge";
    const struct json_value *network =
        json_value_get(json_value_get(json_value_get(item, "NetworkSettings"), "Networks"), name);
    const char *host = json_value_text(network, "IPAddress", "");
    container_set_address(
        instance, str_of(host[0] ? host : json_value_text(network, "GlobalIPv6Address", "")), c->port);
    if (!instance->has_address && instance->state == INSTANCE_RUNNING)
        instance_set_detail(instance, "it has no address on the network '%s'", name);
}

/* When it has to be gone, by its name; 0: nobody asked it to end. */
static int64_t stop_mark_s(const struct json_value *item)
{
    const struct json_value *names = json_value_get(item, "Names");
    uint64_t seconds;
    struct str name;
    for (size_t i = 0; i < json_value_count(names); i++) {
        name = json_value_text_at(names, i);
        const char *mark = name.len ? memmem(name.ptr, name.len, STOP_MARK, strlen(STOP_MARK)) : NULL;
        struct str rest = mark ? str_of(mark + strlen(STOP_MARK)) : STR("");
        if (rest.len && str_parse_u64(rest, &seconds) && seconds < INT64_MAX / NS_PER_S)
            return (int64_t)seconds;
    }
    return 0;
}

static void mark_unwell(struct instance *instance, const char *words)
{
    instance->is_unwell = true;
    instance_set_detail(instance, "%s", words);
}

static enum instance_state read_state(const struct json_value *item, int64_t wall_ns,
                                      struct instance *instance)
{
    const char *state = json_value_text(item, "State", "");
    int64_t mark_s = stop_mark_s(item);
    bool runs = strcmp(state, "running") == 0 || strcmp(state, "paused") == 0;
    if (strcmp(state, "exited") == 0 || strcmp(state, "dead") == 0)
        return INSTANCE_ENDED;
    if (strcmp(state, "removing") == 0)
        return INSTANCE_STOPPING;
    if (strcmp(state, "created") == 0) {
        instance_set_detail(instance, "it was made, but never started");
        return INSTANCE_ENDED;
    }
    if (mark_s && wall_ns / NS_PER_S > mark_s + STOP_GRACE_S) {
        instance_set_detail(instance, "it was asked to end, and did not");
        return INSTANCE_ENDED;
    }
    if (mark_s)
        return INSTANCE_STOPPING;
    if (strcmp(state, "paused") == 0)
        mark_unwell(instance, "it is paused");
    return runs ? INSTANCE_RUNNING : INSTANCE_PENDING; /* "restarting" */
}

bool docker_read_item(const struct json_value *item, const struct config_container *c, int64_t wall_ns,
                      struct instance *ret_instance)
{
    const struct json_value *labels = json_value_get(item, "Labels");
    const char *id = json_value_text(item, "Id", ""), *server = json_value_text(labels, LABEL_SERVER, "");
    struct instance instance = {.started_ns = instance_time_ns((double)json_value_int(item, "Created", 0))};
    if (!id[0] || strlen(id) >= sizeof(instance.id))
        return false;
    str_copy(instance.id, sizeof(instance.id), str_of(id));
    if (server[0])
        snprintf(instance.key, sizeof(instance.key), "%s/%s", json_value_text(labels, LABEL_SERVICE, ""),
                 server);
    instance.state = read_state(item, wall_ns, &instance);
    if (c->reach == CONTAINER_PUBLISHED)
        find_published(item, c, &instance);
    else
        find_direct(item, c, &instance);
    if (strstr(json_value_text(item, "Status", ""), "(unhealthy)") && instance.state == INSTANCE_RUNNING)
        mark_unwell(&instance, "the engine's own health check says unhealthy");
    *ret_instance = instance;
    return true;
}

void docker_read_end(const struct json_value *inspected, struct str log, struct instance *instance)
{
    const struct json_value *state = json_value_get(inspected, "State");
    const char *error = json_value_text(state, "Error", "");
    bool is_out_of_memory = json_value_bool(state, "OOMKilled", false);
    struct str words = container_last_line(log);
    if (instance->detail[0] || !state)
        return;
    instance_set_detail(instance, "exit status %d%s%s%s%s%.*s", (int)json_value_int(state, "ExitCode", -1),
                        is_out_of_memory ? ", out of memory" : "", error[0] ? ": " : "", error,
                        words.len ? ": " : "", STR_ARG(words));
}
