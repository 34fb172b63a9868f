/*
 * discover: {docker: …}: containers of a Docker Engine with the labels weir.service=SERVICE and
 * weir.port=PORT, whoever starts them. Labels are read, nothing is ever changed in the engine.
 *
 * The API's calls block, so a thread of the source's own makes them, one job after the other: wait for an
 * event, at most WAIT_NS, then list. The first job, and the one after a failure, does not wait. What happens
 * between a list and the next wait is not lost, for the wait begins at the last event seen (docker_events.h).
 *
 * The engine's list is the truth, also when it is empty: an address of a container that is gone may be
 * another container's soon, so it is not held. Only a list that cannot be had leaves things as they are.
 */
#include "provider/discover_docker.h"

#include "provider/container.h"
#include "provider/discover_retry.h"
#include "provider/discovery.h"
#include "provider/docker_events.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_NS  (30 * NS_PER_S)
#define LIST_NS  (10 * NS_PER_S)
#define GRACE_NS (500 * NS_PER_MS) /* for a call that is under way when the source is closed */

#define LABEL_PORT    "weir.port"
#define LABEL_NETWORK "weir.network"

/* ---- what a list says (pure) ---- */

static void note_unusable(struct discover_containers *found, const char *id, const char *why)
{
    if (found->unusable++ == 0)
        (void)snprintf(found->why, sizeof(found->why), "%.12s: %s", id, why);
}

/* "" when it has none there. */
static const char *address_on(const struct json_value *networks, const char *network)
{
    const struct json_value *n = json_value_get(networks, network);
    const char *four = json_value_text(n, "IPAddress", "");
    return four[0] ? four : json_value_text(n, "GlobalIPv6Address", "");
}

static const char *host_of(const struct json_value *item, const char *network)
{
    const struct json_value *networks = json_value_get(json_value_get(item, "NetworkSettings"), "Networks");
    if (network[0])
        return address_on(networks, network);
    if (json_value_has(networks, "host"))
        return "127.0.0.1";
    const char *host = "", *name;
    for (size_t i = 0; !host[0] && (name = json_value_member_name(networks, i)); i++)
        host = address_on(networks, name);
    return host;
}

static void add_container(const struct json_value *item, const char *network,
                          struct discover_containers *found)
{
    const struct json_value *labels = json_value_get(item, "Labels");
    const char *id = json_value_text(item, "Id", "?"), *port_text = json_value_text(labels, LABEL_PORT, "");
    const char *host = host_of(item, json_value_text(labels, LABEL_NETWORK, network)), *problem;
    uint64_t port;
    struct addr a;
    if (json_value_has(labels, LABEL_OWNER)) /* some Weir starts and stops it, and sends to it */
        return;
    if (!str_parse_u64(str_of(port_text), &port) || port < 1 || port > UINT16_MAX) {
        note_unusable(found, id,
                      port_text[0] ? "its label " LABEL_PORT " is no port" : "it has no label " LABEL_PORT);
        return;
    }
    if (!addr_parse_host(str_of(host), port, &a, &problem))
        note_unusable(found, id, "it has no address on its network");
    else
        found->addresses[found->count++] = a;
}

bool discover_read_containers(const struct json_value *items, const char *network,
                              struct discover_containers *ret_found)
{
    size_t count = json_value_count(items);
    if (!json_value_is_array(items) || count > DISCOVER_CONTAINERS_MAX)
        return false;
    *ret_found = (struct discover_containers){.addresses = NEW_ARRAY(struct addr, count + 1)};
    for (size_t i = 0; i < count; i++) {
        const struct json_value *item = json_value_at(items, i);
        if (strcmp(json_value_text(item, "State", ""), "running") == 0)
            add_container(item, network, ret_found);
    }
    return true;
}

/* ---- on the job's thread ---- */

struct docker_source {
    struct loop *loop;
    const struct config_discover *config;
    const struct discovery_sink *sink;
    struct random random;
    struct timer timer;
    struct job_pool *jobs; /* owned; one thread */
    struct job job;        /* one at a time; the thread has what follows while it runs */
    bool is_running;
    atomic_bool is_cancelled;
    uint32_t failures;
    struct docker_api api;
    struct docker_events events;
    struct buf list_path;
    struct driver_failure failure;
    bool is_listed;
    struct discover_containers found;
};

static bool list(struct docker_source *s)
{
    struct docker_answer answer;
    struct driver_call call = {.deadline_ns = clock_now_ns() + LIST_NS, .is_cancelled = &s->is_cancelled};
    char network[128];
    str_copy(network, sizeof(network), s->config->network);
    if (!docker_do(&s->api, &call, "GET", s->list_path.ptr, STR(""), "listing containers", &answer,
                   &s->failure))
        return false;
    bool ok = discover_read_containers(answer.json, network, &s->found) ||
              driver_fail(&s->failure, DRIVER_FAULT_RETRYABLE, "the list of containers is not as expected");
    docker_answer_fini(&answer);
    return ok;
}

static void run(struct job *j)
{
    struct docker_source *s = container_of(j, struct docker_source, job);
    struct driver_call call = {.deadline_ns = clock_now_ns() + WAIT_NS, .is_cancelled = &s->is_cancelled};
    s->is_listed = docker_events_wait(&s->events, &call, &s->failure) && list(s);
    if (!s->is_listed)
        s->events.since_ns = 0; /* the next one lists at once */
}

/* ---- on the loop's thread ---- */

static void tell_list(struct docker_source *s)
{
    char note[HELD_REASON_BYTES] = "";
    if (s->found.unusable)
        (void)snprintf(note, sizeof(note), "%u container%s cannot be used, such as %s", s->found.unusable,
                       s->found.unusable == 1 ? "" : "s", s->found.why);
    s->failures = 0;
    s->sink->on_list(s->sink->context, &(struct found_list){.addresses = s->found.addresses,
                                                            .count = s->found.count,
                                                            .is_stated = true,
                                                            .note = note});
    free(s->found.addresses);
    s->found = (struct discover_containers){0};
}

static void on_done(struct job *j, enum job_outcome outcome)
{
    struct docker_source *s = container_of(j, struct docker_source, job);
    char reason[HELD_REASON_BYTES];
    if (outcome != JOB_DONE || atomic_load(&s->is_cancelled))
        return;
    if (s->is_listed) {
        tell_list(s);
        return;
    }
    s->failures++;
    (void)snprintf(reason, sizeof(reason), "%.128s: %.360s", s->config->docker.endpoint.ptr, s->failure.text);
    s->sink->on_failed(s->sink->context, reason);
}

static void free_source(struct docker_source *s)
{
    buf_fini(&s->events.filters);
    buf_fini(&s->list_path);
    free(s->found.addresses);
    free(s);
}

/* Also when the source was closed under a call that hung: then on its own thread, and it is the last to
 * leave. */
static void release(struct job *j)
{
    struct docker_source *s = container_of(j, struct docker_source, job);
    if (atomic_load(&s->is_cancelled)) {
        free_source(s);
        return;
    }
    s->is_running = false;
    int64_t wait_ns = s->failures ? discover_retry_ns(s->failures, random_next(&s->random)) : 0;
    timer_set(s->loop, &s->timer, loop_now_ns(s->loop) + wait_ns);
}

static void on_timer(struct loop *loop, struct timer *t)
{
    struct docker_source *s = container_of(t, struct docker_source, timer);
    s->job = (struct job){.run = run, .on_done = on_done, .release = release};
    s->is_running = job_submit(s->jobs, &s->job, 0);
    if (!s->is_running) /* no thread can be had */
        timer_set(loop, t, loop_now_ns(loop) + discover_retry_ns(1, random_next(&s->random)));
}

static struct discovery_source *open_docker(const struct discovery_params *params,
                                            const struct discovery_sink *sink, struct err *err)
{
    struct docker_source *s = NEW(struct docker_source);
    s->loop = params->loop;
    s->config = params->config;
    s->sink = sink;
    s->random.state = params->seed;
    s->jobs = job_pool_new(&(struct job_pool_params){
        .loop = params->loop, .name = "discover-docker", .threads_max = 1, .queue_max = 1});
    if (!s->jobs) {
        (void)err_set(err, "no thread for the Docker Engine's API can be had");
        free(s);
        return NULL;
    }
    docker_api_init(&s->api, &params->config->docker);
    docker_api_init(&s->events.api, &params->config->docker);
    docker_events_put_filters(&s->events.filters, params->service, NULL, true);
    buf_put(&s->list_path, STR("/containers/json?filters="));
    docker_events_put_filters(&s->list_path, params->service, NULL, false);
    timer_init(&s->timer, on_timer);
    timer_set(s->loop, &s->timer, loop_now_ns(s->loop));
    return (struct discovery_source *)s;
}

static void close_docker(struct discovery_source *source)
{
    struct docker_source *s = (struct docker_source *)source;
    struct job_pool *jobs = s->jobs;
    timer_cancel(&s->timer);
    atomic_store(&s->is_cancelled, true);
    if (!s->is_running) /* else release() does, when nobody uses it any more */
        free_source(s);
    job_pool_free(jobs, GRACE_NS);
}

const struct discovery_ops discover_docker_ops = {
    .name = "docker", .open = open_docker, .close = close_docker};
