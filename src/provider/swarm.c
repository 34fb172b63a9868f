/*
 * swarm.c: the calls of provider swarm.
 *
 * The number is set as the API wants it: the service's whole specification is read with its version, one
 * number in it is changed, and it is sent back for that version; who was slower ("update out of sequence")
 * reads again. Nothing else in it is touched, so neither does a task restart nor is anybody's work undone.
 *
 * While a rolling update goes on the swarm starts and ends tasks by itself, and list() tells both. The number
 * may rise then, since load does not wait, but it falls only when the update is over: two hands that take
 * tasks away at once could leave too few.
 *
 * Events tell nothing of tasks, so wait() looks at them: every second, and five times as often while some are
 * on their way. Sooner matters at an update: the swarm ends an old task without asking, and until Weir knows
 * it sends requests there, which the task refuses and another one gets.
 */
#include "provider/swarm.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/percent.h"
#include "provider/container.h"
#include "provider/host_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_NS          (NS_PER_S)
#define LOOK_RESTLESS_NS (NS_PER_S / 5)
#define RESTLESS_MAX_NS  (30 * NS_PER_S) /* a task on a node that is lost stays on its way for hours */
#define UPDATE_RETRY_NS  (2 * NS_PER_S)

enum { OUT_OF_SEQUENCE_TRIES = 5 };

struct driver {
    const struct config_service *service;
    const struct config_container *config;
    char *owner;                      /* owned */
    struct docker_api calls, changes; /* of the thread that calls, and of the one that waits */
    bool has_digest;
    uint64_t digest;    /* of the tasks that wait() last saw */
    int64_t changed_ns; /* when they last changed */
};

static struct driver *open_driver(const struct config_service *service, const char *owner, struct err *err)
{
    struct driver *d = NEW(struct driver);
    (void)err;
    d->service = service;
    d->config = &service->scale.swarm;
    d->owner = mem_strdup(owner);
    docker_api_init(&d->calls, &d->config->api);
    docker_api_init(&d->changes, &d->config->api);
    return d;
}

static void close_driver(struct driver *d)
{
    free(d->owner);
    free(d);
}

/* ---- reading ---- */

/* GET /services/NAME. *ret_is_there is false, and the answer empty, when there is none and Weir may make it.
 */
static bool get_service(struct driver *d, const struct driver_call *call, struct docker_answer *ret_answer,
                        bool *ret_is_there, struct driver_failure *f)
{
    struct docker_answer answer;
    struct buf path CLEANUP(buf_fini) = {0};
    buf_put(&path, STR("/services/"));
    percent_put(&path, d->config->service);
    if (!docker_call(&d->calls, call, &(struct docker_request){.method = "GET", .path = path.ptr}, &answer,
                     f))
        return false;
    bool is_missing = answer.status == 404;
    bool ok = true;
    if (is_missing && d->config->image.len == 0)
        ok = driver_fail(f, DRIVER_FAULT_CONFIGURATION,
                         "the swarm has no service '%s'; with 'image' given Weir would make it",
                         d->config->service.ptr);
    else if (!is_missing)
        ok = docker_answer_is_good(&answer) ? swarm_check_service(answer.json, d->config, f)
                                            : docker_refuse(f, &answer, "reading the swarm's service");
    if (ok && !is_missing)
        *ret_answer = answer;
    else
        docker_answer_fini(&answer);
    if (ok && is_missing)
        *ret_answer = (struct docker_answer){0};
    *ret_is_there = !is_missing;
    return ok;
}

/* GET /tasks of the service; none when there is no service. */
static bool get_tasks(struct docker_api *api, const struct driver *d, const struct driver_call *call,
                      struct docker_answer *ret_answer, struct driver_failure *f)
{
    struct docker_answer answer;
    struct buf path CLEANUP(buf_fini) = {0}, filter CLEANUP(buf_fini) = {0};
    buf_printf(&filter, "{\"service\":[\"%s\"]}", d->config->service.ptr);
    buf_put(&path, STR("/tasks?filters="));
    percent_put(&path, buf_str(&filter));
    if (!docker_call(api, call, &(struct docker_request){.method = "GET", .path = path.ptr}, &answer, f))
        return false;
    if (docker_answer_is_good(&answer) || answer.status == 404) {
        *ret_answer = answer;
        return true;
    }
    (void)docker_refuse(f, &answer, "listing tasks");
    docker_answer_fini(&answer);
    return false;
}

/* Tasks tell the first process by the count of their node: it is ours to see only if that is this host. */
static int read_process(const struct json_value *status)
{
    const struct json_value *container = json_value_get(status, "ContainerStatus");
    int64_t pid = json_value_int(container, "PID", 0);
    bool is_here = pid > 0 && pid <= INT32_MAX &&
                   host_process_is_of("", (int)pid, json_value_text(container, "ContainerID", ""));
    return is_here ? (int)pid : 0;
}

/* Past tasks are listed for as long as the swarm remembers them: they come last, and no more than fit. */
static bool read_tasks(const struct json_value *tasks, const struct json_value *nodes,
                       const struct config_container *c, struct instance_list *list, struct driver_failure *f)
{
    size_t count = json_value_count(tasks);
    if (!json_value_is_array(tasks))
        return driver_fail(f, DRIVER_FAULT_RETRYABLE, "the list of tasks is not JSON as expected");
    list->items = NEW_ARRAY(struct instance, INSTANCES_MAX);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            struct instance instance;
            if (!swarm_read_task(json_value_at(tasks, i), nodes, c, &instance))
                return driver_fail(f, DRIVER_FAULT_RETRYABLE, "a task in the list has no id");
            if ((instance.state == INSTANCE_ENDED) != (pass == 1))
                continue;
            instance.pid = pass == 0 ? read_process(json_value_get(json_value_at(tasks, i), "Status")) : 0;
            if (list->count < INSTANCES_MAX)
                list->items[list->count++] = instance;
            else if (pass == 0)
                return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "the service has more than %d tasks",
                                   INSTANCES_MAX);
        }
    }
    return true;
}

static bool list_tasks(struct driver *d, const struct driver_call *call, struct instance_list *ret_list,
                       struct driver_failure *f)
{
    struct docker_answer service = {0}, tasks = {0}, nodes = {0};
    struct instance_list list = {0};
    bool is_there, needs_nodes = d->config->reach == CONTAINER_PUBLISHED;
    if (!get_service(d, call, &service, &is_there, f))
        return false;
    bool ok = !is_there || (get_tasks(&d->calls, d, call, &tasks, f) &&
                            (!needs_nodes || docker_do(&d->calls, call, "GET", "/nodes", STR(""),
                                                       "listing the swarm's nodes", &nodes, f)) &&
                            read_tasks(tasks.json, nodes.json, d->config, &list, f));
    docker_answer_fini(&service);
    docker_answer_fini(&tasks);
    docker_answer_fini(&nodes);
    if (ok)
        *ret_list = list;
    else
        free(list.items);
    return ok;
}

/* ---- the number ---- */

static void wipe(struct buf *b)
{
    if (b->ptr)
        explicit_bzero(b->ptr, b->len);
    buf_fini(b);
}

static bool create_service(struct driver *d, const struct driver_call *call, uint32_t count,
                           struct driver_failure *f)
{
    struct buf body CLEANUP(buf_fini) = {0}, auth CLEANUP(wipe) = {0};
    struct docker_answer answer;
    if (!container_registry_auth(d->config, &auth, f))
        return false;
    swarm_write_create(d->config, d->owner, d->service->name.ptr, count, d->service->scale.stop_timeout_ns,
                       &body);
    if (!docker_call(&d->calls, call,
                     &(struct docker_request){.method = "POST",
                                              .path = "/services/create",
                                              .body = buf_str(&body),
                                              .registry_auth = auth.len ? auth.ptr : NULL},
                     &answer, f))
        return false;
    bool ok = docker_answer_is_good(&answer) || docker_refuse(f, &answer, "making the swarm's service");
    docker_answer_fini(&answer);
    return ok;
}

enum update_outcome { UPDATE_DONE, UPDATE_OUT_OF_SEQUENCE, UPDATE_FAILED };

static enum update_outcome post_update(struct driver *d, const struct driver_call *call,
                                       struct json_value *service, uint32_t count, struct driver_failure *f)
{
    static const char *const replicas[] = {"Spec", "Mode", "Replicated", "Replicas"};
    struct buf path CLEANUP(buf_fini) = {0}, body CLEANUP(buf_fini) = {0};
    struct docker_answer answer;
    if (!json_value_set_int(service, replicas, ARRAY_LEN(replicas), count)) {
        (void)driver_fail(f, DRIVER_FAULT_CONFIGURATION, "the swarm's service has no number to set");
        return UPDATE_FAILED;
    }
    json_value_format(json_value_get(service, "Spec"), &body);
    buf_printf(&path, "/services/%s/update?registryAuthFrom=spec&version=%lld",
               json_value_text(service, "ID", ""),
               (long long)json_value_int(json_value_get(service, "Version"), "Index", 0));
    if (!docker_call(&d->calls, call,
                     &(struct docker_request){.method = "POST", .path = path.ptr, .body = buf_str(&body)},
                     &answer, f))
        return UPDATE_FAILED;
    bool is_good = docker_answer_is_good(&answer) || docker_refuse(f, &answer, "setting the number of tasks");
    bool is_late = strstr(docker_answer_message(&answer), "out of sequence") != NULL;
    docker_answer_fini(&answer);
    return is_good ? UPDATE_DONE : is_late ? UPDATE_OUT_OF_SEQUENCE : UPDATE_FAILED;
}

static bool refuse_in_update(const struct driver *d, int64_t now_count, struct driver_failure *f)
{
    (void)driver_fail(
        f, DRIVER_FAULT_RETRYABLE,
        "a rolling update of the swarm's service '%s' goes on: its %lld tasks stay until it is over",
        d->config->service.ptr, (long long)now_count);
    f->retry_after_ns = UPDATE_RETRY_NS;
    f->is_harmless = true;
    return false;
}

/* One reading and, where needed, one change of it. */
static enum update_outcome try_count(struct driver *d, const struct driver_call *call, uint32_t count,
                                     struct driver_failure *f)
{
    struct docker_answer service = {0};
    enum update_outcome outcome = UPDATE_FAILED;
    bool is_there;
    if (!get_service(d, call, &service, &is_there, f))
        return UPDATE_FAILED;
    const struct json_value *mode = json_value_get(json_value_get(service.json, "Spec"), "Mode");
    int64_t now_count = json_value_int(json_value_get(mode, "Replicated"), "Replicas", 0);
    if (!is_there)
        outcome = count == 0 || create_service(d, call, count, f) ? UPDATE_DONE : UPDATE_FAILED;
    else if (now_count == count)
        outcome = UPDATE_DONE;
    else if (count < now_count && swarm_is_updating(service.json))
        (void)refuse_in_update(d, now_count, f);
    else
        outcome = post_update(d, call, service.json, count, f);
    docker_answer_fini(&service);
    return outcome;
}

static bool set_count(struct driver *d, const struct driver_call *call, uint32_t count, uint32_t count_before,
                      struct driver_failure *f)
{
    (void)count_before;
    for (int i = 0; i < OUT_OF_SEQUENCE_TRIES; i++) {
        enum update_outcome outcome = try_count(d, call, count, f);
        if (outcome != UPDATE_OUT_OF_SEQUENCE)
            return outcome == UPDATE_DONE;
    }
    return false; /* f holds the last refusal, which is retryable */
}

/* ---- wait ---- */

static uint64_t mix(uint64_t digest, const char *text)
{
    while (*text)
        digest = (digest ^ (unsigned char)*text++) * UINT64_C(0x100000001b3);
    return (digest ^ 0xff) * UINT64_C(0x100000001b3);
}

/* FNV-1a over what list() tells of tasks; an unordered sum, because their order means nothing. */
static uint64_t digest_of(const struct json_value *tasks, bool *ret_is_restless)
{
    uint64_t sum = json_value_count(tasks);
    *ret_is_restless = false;
    for (size_t i = 0; i < json_value_count(tasks); i++) {
        const struct json_value *task = json_value_at(tasks, i), *status = json_value_get(task, "Status");
        const char *state = json_value_text(status, "State", ""),
                   *desired = json_value_text(task, "DesiredState", "");
        uint64_t digest = mix(UINT64_C(0xcbf29ce484222325), json_value_text(task, "ID", ""));
        sum += mix(mix(digest, state), desired);
        *ret_is_restless |=
            strcmp(state, desired) != 0 && (strcmp(desired, "running") == 0 || strcmp(state, "running") == 0);
    }
    return sum;
}

static void pause_ns(int64_t ns)
{
    const struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};
    (void)nanosleep(&t, NULL);
}

static bool wait_for_changes(struct driver *d, const struct driver_call *call, struct driver_failure *f)
{
    for (;;) {
        struct docker_answer tasks;
        bool is_restless;
        if (!get_tasks(&d->changes, d, call, &tasks, f)) {
            d->has_digest = false;
            return false;
        }
        uint64_t digest = digest_of(tasks.json, &is_restless);
        bool has_changed = !d->has_digest || digest != d->digest;
        docker_answer_fini(&tasks);
        if (has_changed)
            d->changed_ns = clock_now_ns();
        d->has_digest = true;
        d->digest = digest;
        is_restless &= clock_now_ns() - d->changed_ns < RESTLESS_MAX_NS;
        int64_t pause = is_restless ? LOOK_RESTLESS_NS : LOOK_NS;
        if (has_changed || clock_now_ns() + pause + NS_PER_S >= call->deadline_ns ||
            (call->is_cancelled && atomic_load(call->is_cancelled)))
            return true;
        pause_ns(pause);
    }
}

const struct driver_ops swarm_driver = {
    .name = "swarm",
    .capabilities =
        DRIVER_TELLS_ADDRESSES | DRIVER_TELLS_STARTS | DRIVER_TELLS_CHANGES | DRIVER_TELLS_PROCESSES,
    .open = open_driver,
    .close = close_driver,
    .list = list_tasks,
    .set_count = set_count,
    .wait = wait_for_changes,
};
