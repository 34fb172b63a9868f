/* swarm_form.c: the pure half of provider swarm: a service as the API takes it, and tasks as it tells them.
 */
#include "provider/container.h"
#include "provider/swarm.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the service that Weir makes ---- */

static void write_labels(struct json *j, const char *owner, const char *service)
{
    json_key(j, "Labels");
    json_begin_object(j);
    json_put_text(j, LABEL_OWNER, owner);
    json_put_text(j, LABEL_SERVICE, service);
    json_end_object(j);
}

static void write_container(struct json *j, const struct config_container *c, int64_t stop_timeout_ns)
{
    json_key(j, "ContainerSpec");
    json_begin_object(j);
    json_put_str(j, "Image", c->image);
    if (c->command.count) {
        json_key(j, "Args");
        container_write_command(j, c);
    }
    json_key(j, "Env");
    container_write_environment(j, c);
    if (c->directory.len)
        json_put_str(j, "Dir", c->directory);
    if (c->user.len)
        json_put_str(j, "User", c->user);
    if (c->labels.count) {
        json_key(j, "Labels");
        json_begin_object(j);
        container_write_labels(j, c);
        json_end_object(j);
    }
    if (c->mounts.count) {
        json_key(j, "Mounts");
        container_write_mounts(j, c);
    }
    json_put_int(j, "StopGracePeriod", stop_timeout_ns);
    json_end_object(j);
}

static void write_task(struct json *j, const struct config_container *c, int64_t stop_timeout_ns)
{
    json_key(j, "TaskTemplate");
    json_begin_object(j);
    write_container(j, c, stop_timeout_ns);
    json_key(j, "Resources");
    json_begin_object(j);
    json_key(j, "Limits");
    json_begin_object(j);
    if (c->memory_bytes)
        json_put_int(j, "MemoryBytes", (int64_t)c->memory_bytes);
    if (c->cpus > 0)
        json_put_int(j, "NanoCPUs", (int64_t)(c->cpus * 1e9 + 0.5));
    json_end_object(j);
    json_end_object(j);
    if (c->networks.count) {
        json_key(j, "Networks");
        json_begin_array(j);
        for (size_t i = 0; i < c->networks.count; i++) {
            json_begin_object(j);
            json_put_str(j, "Target", c->networks.items[i]);
            json_end_object(j);
        }
        json_end_array(j);
    }
    json_end_object(j);
}

/* Tasks are addressed one by one, so no virtual address is asked for. */
static void write_endpoint(struct json *j, const struct config_container *c)
{
    json_key(j, "EndpointSpec");
    json_begin_object(j);
    json_put_text(j, "Mode", "dnsrr");
    if (c->reach == CONTAINER_PUBLISHED) {
        json_key(j, "Ports");
        json_begin_array(j);
        json_begin_object(j);
        json_put_text(j, "Protocol", "tcp");
        json_put_int(j, "TargetPort", c->port);
        json_put_text(j, "PublishMode", "host");
        json_end_object(j);
        json_end_array(j);
    }
    json_end_object(j);
}

void swarm_write_create(const struct config_container *c, const char *owner, const char *service,
                        uint32_t replicas, int64_t stop_timeout_ns, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_put_str(&j, "Name", c->service);
    write_labels(&j, owner, service);
    write_task(&j, c, stop_timeout_ns);
    json_key(&j, "Mode");
    json_begin_object(&j);
    json_key(&j, "Replicated");
    json_begin_object(&j);
    json_put_int(&j, "Replicas", replicas);
    json_end_object(&j);
    json_end_object(&j);
    json_key(&j, "UpdateConfig");
    json_begin_object(&j);
    json_put_int(&j, "Parallelism", 1);
    json_put_text(&j, "Order", "start-first");
    json_put_text(&j, "FailureAction", "pause");
    json_end_object(&j);
    write_endpoint(&j, c);
    json_end_object(&j);
}

/* ---- a service as it is ---- */

/* The mode in which the port is published ("host", "ingress"), or NULL. */
static const char *publish_mode(const struct json_value *service, const struct config_container *c)
{
    const struct json_value *ports =
        json_value_get(json_value_get(json_value_get(service, "Spec"), "EndpointSpec"), "Ports");
    const char *found = NULL;
    for (size_t i = 0; i < json_value_count(ports); i++) {
        const struct json_value *p = json_value_at(ports, i);
        const char *mode = json_value_text(p, "PublishMode", "ingress");
        if (json_value_int(p, "TargetPort", 0) == c->port && (!found || strcmp(mode, "host") == 0))
            found = mode;
    }
    return found;
}

static bool check_published(const struct json_value *service, const struct config_container *c,
                            struct driver_failure *f)
{
    const char *name = c->service.ptr, *mode = publish_mode(service, c);
    if (!mode)
        return driver_fail(
            f, DRIVER_FAULT_CONFIGURATION,
            "the swarm's service '%s' does not publish port %u, so Weir can't reach its tasks: "
            "docker service update --publish-add mode=host,target=%u %s",
            name, c->port, c->port, name);
    if (strcmp(mode, "host") != 0)
        return driver_fail(
            f, DRIVER_FAULT_CONFIGURATION,
            "the swarm's service '%s' publishes port %u in mode ingress: one address for all its "
            "tasks, over which the kernels' IPVS spreads connections, so Weir can't tell them "
            "apart; publish it in mode host: docker service update --publish-rm %u --publish-add "
            "mode=host,target=%u %s",
            name, c->port, c->port, c->port, name);
    return true;
}

bool swarm_check_service(const struct json_value *service, const struct config_container *c,
                         struct driver_failure *f)
{
    const struct json_value *mode = json_value_get(json_value_get(service, "Spec"), "Mode");
    if (!json_value_has(mode, "Replicated"))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION,
                           "the swarm's service '%s' is not a replicated one, so it has no number to set",
                           c->service.ptr);
    return c->reach == CONTAINER_DIRECT || check_published(service, c, f);
}

bool swarm_is_updating(const struct json_value *service)
{
    const char *state = json_value_text(json_value_get(service, "UpdateStatus"), "State", "");
    return strcmp(state, "updating") == 0 || strcmp(state, "rollback_started") == 0;
}

/* ---- tasks ---- */

/* A node's own address. A manager may tell 0.0.0.0 or nothing there, and the right one beside. */
static struct str node_host(const struct json_value *nodes, const char *id)
{
    for (size_t i = 0; i < json_value_count(nodes); i++) {
        const struct json_value *n = json_value_at(nodes, i);
        if (strcmp(json_value_text(n, "ID", ""), id) != 0)
            continue;
        struct str host = str_of(json_value_text(json_value_get(n, "Status"), "Addr", ""));
        if (host.len && !str_eq(host, STR("0.0.0.0")) && !str_eq(host, STR("::")))
            return host;
        struct str manager = str_of(json_value_text(json_value_get(n, "ManagerStatus"), "Addr", ""));
        const char *colon = manager.len ? memrchr(manager.ptr, ':', manager.len) : NULL;
        return colon ? str_n(manager.ptr, (size_t)(colon - manager.ptr)) : STR("");
    }
    return STR("");
}

static void find_published(const struct json_value *task, const struct json_value *nodes,
                           const struct config_container *c, struct instance *instance)
{
    const struct json_value *ports =
        json_value_get(json_value_get(json_value_get(task, "Status"), "PortStatus"), "Ports");
    struct str host = node_host(nodes, json_value_text(task, "NodeID", ""));
    for (size_t i = 0; i < json_value_count(ports) && !instance->has_address; i++) {
        const struct json_value *p = json_value_at(ports, i);
        if (json_value_int(p, "TargetPort", 0) == c->port &&
            strcmp(json_value_text(p, "PublishMode", ""), "host") == 0)
            container_set_address(instance, host, json_value_int(p, "PublishedPort", 0));
    }
}

/* On the network that is configured, else on the first that is not the ingress mesh's. */
static void find_direct(const struct json_value *task, const struct config_container *c,
                        struct instance *instance)
{
    const struct json_value *attachments = json_value_get(task, "NetworksAttachments");
    for (size_t i = 0; i < json_value_count(attachments) && !instance->has_address; i++) {
        const struct json_value *a = json_value_at(attachments, i), *network = json_value_get(a, "Network"),
                                *spec = json_value_get(network, "Spec");
        struct str name = str_of(json_value_text(spec, "Name", ""));
        struct str address = json_value_text_at(json_value_get(a, "Addresses"), 0), host;
        bool is_wanted =
            c->networks.count ? str_eq(name, c->networks.items[0]) : !json_value_bool(spec, "Ingress", false);
        if (is_wanted && str_split(&address, '/', &host)) /* "10.0.1.5/24" */
            container_set_address(instance, host, c->port);
    }
}

static bool is_one_of(const char *word, const char *const *words)
{
    while (*words && strcmp(word, *words) != 0)
        words++;
    return *words != NULL;
}

static enum instance_state state_of(const char *state, const char *desired)
{
    static const char *const over[] = {"complete", "failed", "shutdown", "rejected",
                                       "orphaned", "remove", NULL};
    static const char *const wanted[] = {"running", "ready", "accepted", NULL};
    if (is_one_of(state, over))
        return INSTANCE_ENDED;
    if (!is_one_of(desired, wanted))
        return INSTANCE_STOPPING;
    return strcmp(state, "running") == 0 ? INSTANCE_RUNNING : INSTANCE_PENDING;
}

static void set_words(const struct json_value *status, struct instance *instance)
{
    const char *error = json_value_text(status, "Err", ""), *message = json_value_text(status, "Message", "");
    int64_t code = json_value_int(json_value_get(status, "ContainerStatus"), "ExitCode", 0);
    if (instance->state == INSTANCE_ENDED && code != 0)
        instance_set_detail(instance, "exit status %d%s%s", (int)code, error[0] ? ": " : "", error);
    else
        instance_set_detail(instance, "%s", error[0] ? error : message);
}

/* RFC 3339, as the API writes it, to wall clock; 0: not told. */
static int64_t read_time(const char *text)
{
    struct tm tm = {0};
    return strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? instance_time_ns((double)timegm(&tm)) : 0;
}

bool swarm_read_task(const struct json_value *task, const struct json_value *nodes,
                     const struct config_container *c, struct instance *ret_instance)
{
    const struct json_value *status = json_value_get(task, "Status");
    const char *id = json_value_text(task, "ID", "");
    struct instance instance = {.started_ns = read_time(json_value_text(task, "CreatedAt", ""))};
    if (!id[0] || strlen(id) >= sizeof(instance.id))
        return false;
    str_copy(instance.id, sizeof(instance.id), str_of(id));
    instance.state =
        state_of(json_value_text(status, "State", ""), json_value_text(task, "DesiredState", ""));
    set_words(status, &instance);
    if (c->reach == CONTAINER_PUBLISHED)
        find_published(task, nodes, c, &instance);
    else
        find_direct(task, c, &instance);
    *ret_instance = instance;
    return true;
}
