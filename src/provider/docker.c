/*
 * docker.c: the calls of provider docker. Three things are worth knowing:
 *
 * 1. start() can be cut off anywhere (Weir dies, the engine restarts): what was made and never started is
 *    listed as ended, so that it is removed; who finds the name taken looks whose container that is.
 * 2. stop() does not wait for the end. The engine itself sends SIGTERM, waits and kills, also when nobody
 *    waits for its answer; the new name says until when. Asking first and renaming then leaves, if Weir dies
 *    in between, a container that ends without being marked; the other order would leave one that is marked
 *    and never ends.
 * 3. wait() follows the engine's events from the moment at which it last looked (timeNano), so none is lost
 *    between two connections. After the engine was away, and at first, something may have changed.
 *
 * The thread of wait() has an API and a time of its own; everything else is only read after open().
 */
#include "provider/docker.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/percent.h"
#include "provider/container.h"
#include "provider/docker_events.h"
#include "provider/host_process.h"

#include <stdio.h>
#include <stdlib.h>

#define STOP_PATIENCE_NS (NS_PER_S / 4) /* who ends at once is seen to have ended by the next list() */

enum { LOG_LINES = 5, ID_PATH_BYTES = INSTANCE_ID_BYTES + 96 };

struct driver {
    const struct config_container *config;
    const char *service; /* borrowed */
    char *owner;         /* owned */
    struct buf filters;  /* of our containers, as a query's value */
    struct docker_api calls;
    struct docker_events events;
    struct host_processes processes; /* of the thread of the calls */
};

/* ---- open and close ---- */

static struct driver *open_driver(const struct config_service *service, const char *owner, struct err *err)
{
    struct driver *d = NEW(struct driver);
    (void)err;
    d->config = &service->scale.docker;
    d->service = service->name.ptr;
    d->owner = mem_strdup(owner);
    docker_api_init(&d->calls, &d->config->api);
    docker_api_init(&d->events.api, &d->config->api);
    docker_events_put_filters(&d->filters, d->service, d->owner, false);
    docker_events_put_filters(&d->events.filters, d->service, d->owner, true);
    return d;
}

static void close_driver(struct driver *d)
{
    buf_fini(&d->filters);
    buf_fini(&d->events.filters);
    host_processes_fini(&d->processes);
    free(d->owner);
    free(d);
}

/* ---- list ---- */

/* "/containers/ID/WHAT" */
static const char *id_path(char out[ID_PATH_BYTES], const char *id, const char *what)
{
    snprintf(out, ID_PATH_BYTES, "/containers/%s%s", id, what);
    return out;
}

/* Best effort: without them its detail is empty. */
static void add_last_words(struct driver *d, const struct driver_call *call, struct instance *instance)
{
    struct docker_answer inspected = {0}, log = {0};
    struct driver_failure ignored;
    char path[ID_PATH_BYTES], query[48];
    snprintf(query, sizeof(query), "/logs?stdout=1&stderr=1&tail=%d", LOG_LINES);
    if (docker_do(&d->calls, call, "GET", id_path(path, instance->id, "/json"), STR(""), "", &inspected,
                  &ignored)) {
        (void)docker_do(&d->calls, call, "GET", id_path(path, instance->id, query), STR(""), "", &log,
                        &ignored);
        docker_read_end(inspected.json, buf_str(&log.body), instance);
    }
    docker_answer_fini(&inspected);
    docker_answer_fini(&log);
}

static bool read_items(struct driver *d, const struct driver_call *call, const struct json_value *items,
                       struct instance_list *list, struct driver_failure *f)
{
    size_t count = json_value_count(items);
    if (!json_value_is_array(items))
        return driver_fail(f, DRIVER_FAULT_RETRYABLE, "the list of containers is not JSON as expected");
    if (count > INSTANCES_MAX)
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "there are %zu containers with %s=%s; at most %d",
                           count, LABEL_SERVICE, d->service, INSTANCES_MAX);
    list->items = NEW_ARRAY(struct instance, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct instance *instance = &list->items[list->count];
        if (!docker_read_item(json_value_at(items, i), d->config, clock_wall_ns(), instance))
            return driver_fail(f, DRIVER_FAULT_RETRYABLE, "a container in the list has no id");
        if (instance->state == INSTANCE_ENDED)
            add_last_words(d, call, instance);
        list->count++;
    }
    return true;
}

struct process_question {
    struct driver *d;
    const struct driver_call *call;
};

/* Best effort: the first process of a container by the engine's count; 0: it can't be told. */
static int ask_process(void *context, const char *id)
{
    const struct process_question *q = context;
    struct docker_answer answer = {0};
    struct driver_failure ignored;
    char path[ID_PATH_BYTES];
    int64_t pid = 0;
    if (docker_do(&q->d->calls, q->call, "GET", id_path(path, id, "/json"), STR(""), "", &answer, &ignored))
        pid = json_value_int(json_value_get(answer.json, "State"), "Pid", 0);
    docker_answer_fini(&answer);
    return pid > 0 && pid <= INT32_MAX ? (int)pid : 0;
}

/* An engine that is reached by its socket runs on this host, or shares its file system at least. */
static void find_processes(struct driver *d, const struct driver_call *call, struct instance_list *list)
{
    struct process_question question = {d, call};
    if (docker_api_socket(&d->config->api)[0])
        host_processes_fill(&d->processes, list, clock_now_ns(), ask_process, &question);
}

static bool list_containers(struct driver *d, const struct driver_call *call, struct instance_list *ret_list,
                            struct driver_failure *f)
{
    struct instance_list list = {0};
    struct docker_answer answer;
    struct buf path CLEANUP(buf_fini) = {0};
    buf_printf(&path, "/containers/json?all=1&filters=%s", d->filters.ptr);
    if (!docker_do(&d->calls, call, "GET", path.ptr, STR(""), "listing containers", &answer, f))
        return false;
    bool ok = read_items(d, call, answer.json, &list, f);
    docker_answer_fini(&answer);
    if (ok) {
        find_processes(d, call, &list);
        *ret_list = list;
    } else {
        free(list.items);
    }
    return ok;
}

/* ---- pull ---- */

struct pull {
    char error[256]; /* what the stream says; "" when nothing went wrong */
};

/* Errors come inside a stream with status 200: {"error": "…"}. */
static bool on_pull_line(void *context, struct str line)
{
    struct pull *pull = context;
    struct json_value *v = json_value_parse(line, NULL);
    const char *error = json_value_text(v, "error", "");
    str_copy(pull->error, sizeof(pull->error), str_of(error));
    bool goes_on = error[0] == '\0';
    json_value_free(v);
    return goes_on;
}

static void wipe(struct buf *b)
{
    if (b->ptr)
        explicit_bzero(b->ptr, b->len);
    buf_fini(b);
}

static bool pull_image(struct driver *d, const struct driver_call *call, struct driver_failure *f)
{
    struct str image = d->config->image, tag = container_image_tag(image);
    struct buf path CLEANUP(buf_fini) = {0}, auth CLEANUP(wipe) = {0};
    struct docker_answer answer;
    struct pull pull = {0};
    char what[256];
    if (!container_registry_auth(d->config, &auth, f))
        return false;
    buf_put(&path, STR("/images/create?fromImage="));
    percent_put(&path, image);
    if (tag.len && !str_ends_with(image, tag)) /* `latest`, which is not in the name */
        buf_printf(&path, "&tag=%.*s", STR_ARG(tag));
    const struct docker_request request = {.method = "POST",
                                           .path = path.ptr,
                                           .registry_auth = auth.len ? auth.ptr : NULL,
                                           .on_line = on_pull_line,
                                           .context = &pull};
    if (!docker_call(&d->calls, call, &request, &answer, f))
        return false;
    snprintf(what, sizeof(what), "pulling %.*s", STR_ARG(image));
    bool ok = docker_answer_is_good(&answer) || docker_refuse(f, &answer, what);
    docker_answer_fini(&answer);
    if (ok && pull.error[0])
        return driver_fail(f, docker_fault_of(0, pull.error), "%s: %s", what, pull.error);
    return ok;
}

/* ---- start ---- */

/* One container on its way up. */
struct launch {
    struct driver *d;
    const struct driver_call *call;
    const char *key;
    char name[INSTANCE_KEY_BYTES + 64], id[INSTANCE_ID_BYTES];
};

static bool remove_container(struct driver *d, const struct driver_call *call, const char *id,
                             struct driver_failure *f)
{
    struct docker_answer answer;
    char path[ID_PATH_BYTES];
    if (!docker_call(&d->calls, call,
                     &(struct docker_request){.method = "DELETE", .path = id_path(path, id, "?force=1&v=1")},
                     &answer, f))
        return false;
    /* 404: gone already; 409: somebody is just removing it. */
    bool ok = docker_answer_is_good(&answer) || answer.status == 404 || answer.status == 409 ||
              docker_refuse(f, &answer, "removing a container");
    docker_answer_fini(&answer);
    return ok;
}

enum name_taken { TAKEN_FREE_NOW, TAKEN_BY_THIS, TAKEN_FAILED };

/* The name is taken: by this key's container (which may have ended), or by a stranger's? */
static enum name_taken look_who_has_name(struct launch *l, struct driver_failure *f)
{
    struct docker_answer answer;
    char path[ID_PATH_BYTES];
    enum name_taken taken = TAKEN_FAILED;
    if (!docker_call(&l->d->calls, l->call,
                     &(struct docker_request){.method = "GET", .path = id_path(path, l->name, "/json")},
                     &answer, f))
        return TAKEN_FAILED;
    const struct json_value *labels = json_value_get(json_value_get(answer.json, "Config"), "Labels");
    const char *status = json_value_text(json_value_get(answer.json, "State"), "Status", "");
    const char *slash = strchr(l->key, '/');
    bool is_ours = strcmp(json_value_text(labels, LABEL_OWNER, ""), l->d->owner) == 0 &&
                   strcmp(json_value_text(labels, LABEL_SERVICE, ""), l->d->service) == 0 &&
                   strcmp(json_value_text(labels, LABEL_SERVER, ""), slash ? slash + 1 : l->key) == 0;
    str_copy(l->id, sizeof(l->id), str_of(json_value_text(answer.json, "Id", "")));
    if (answer.status == 404)
        taken = TAKEN_FREE_NOW;
    else if (!docker_answer_is_good(&answer))
        (void)docker_refuse(f, &answer, "looking at a container");
    else if (!is_ours)
        (void)driver_fail(f, DRIVER_FAULT_CONFIGURATION,
                          "the name %s is taken by a container that is not this Weir's", l->name);
    else if (strcmp(status, "exited") == 0 || strcmp(status, "dead") == 0)
        taken = remove_container(l->d, l->call, l->id, f) ? TAKEN_FREE_NOW : TAKEN_FAILED;
    else
        taken = TAKEN_BY_THIS;
    docker_answer_fini(&answer);
    return taken;
}

/* POST /containers/create; *ret_answer is set when an answer came. */
static bool post_create(struct launch *l, struct docker_answer *ret_answer, struct driver_failure *f)
{
    struct buf path CLEANUP(buf_fini) = {0}, body CLEANUP(buf_fini) = {0};
    buf_printf(&path, "/containers/create?name=%s", l->name);
    docker_write_create(l->d->config, l->d->owner, l->key, &body);
    return docker_call(&l->d->calls, l->call,
                       &(struct docker_request){.method = "POST", .path = path.ptr, .body = buf_str(&body)},
                       ret_answer, f);
}

/* Makes the container, or finds that it is there: l->id. Pulls where that is asked for, and tries again. */
static bool create(struct launch *l, struct driver_failure *f)
{
    bool may_pull = l->d->config->pull == PULL_MISSING, may_look = true;
    for (;;) {
        struct docker_answer answer;
        if (!post_create(l, &answer, f))
            return false;
        int status = answer.status;
        str_copy(l->id, sizeof(l->id), str_of(json_value_text(answer.json, "Id", "")));
        bool is_done = docker_answer_is_good(&answer) || docker_refuse(f, &answer, l->name);
        docker_answer_fini(&answer);
        if (is_done)
            return true;
        if (status == 404 && may_pull) {
            may_pull = false;
            if (!pull_image(l->d, l->call, f))
                return false;
        } else if (status == 409 && may_look) {
            may_look = false;
            enum name_taken taken = look_who_has_name(l, f);
            if (taken != TAKEN_FREE_NOW)
                return taken == TAKEN_BY_THIS;
        } else {
            return false;
        }
    }
}

/* Networks beyond the first; older engines take one in `create` alone. */
static bool connect_networks(struct launch *l, struct driver_failure *f)
{
    for (size_t i = 1; i < l->d->config->networks.count; i++) {
        struct str name = l->d->config->networks.items[i];
        struct buf path CLEANUP(buf_fini) = {0}, body CLEANUP(buf_fini) = {0};
        struct docker_answer answer;
        buf_put(&path, STR("/networks/"));
        percent_put(&path, name);
        buf_put(&path, STR("/connect"));
        buf_printf(&body, "{\"Container\":\"%s\"}", l->id);
        if (!docker_call(&l->d->calls, l->call,
                         &(struct docker_request){.method = "POST", .path = path.ptr, .body = buf_str(&body)},
                         &answer, f))
            return false;
        /* It may be connected from an earlier try: engines say 403 to that. */
        bool ok = docker_answer_is_good(&answer) ||
                  strstr(docker_answer_message(&answer), "already exists") ||
                  docker_refuse(f, &answer, name.ptr);
        docker_answer_fini(&answer);
        if (!ok)
            return false;
    }
    return true;
}

/* What the list says of it; where it is not there (any more), it is pending at least. */
static bool look(struct launch *l, struct instance *ret_instance, struct driver_failure *f)
{
    struct instance_list list;
    if (!list_containers(l->d, l->call, &list, f))
        return false;
    *ret_instance = (struct instance){.state = INSTANCE_PENDING};
    str_copy(ret_instance->id, sizeof(ret_instance->id), str_of(l->id));
    str_copy(ret_instance->key, sizeof(ret_instance->key), str_of(l->key));
    for (uint32_t i = 0; i < list.count; i++)
        if (strcmp(list.items[i].id, l->id) == 0)
            *ret_instance = list.items[i];
    free(list.items);
    return true;
}

static bool start_container(struct driver *d, const struct driver_call *call, const char *key,
                            struct instance *ret_instance, struct driver_failure *f)
{
    struct launch l = {.d = d, .call = call, .key = key};
    struct buf name CLEANUP(buf_fini) = {0};
    struct driver_failure ignored;
    char path[ID_PATH_BYTES], what[sizeof(l.name) + 16];
    docker_write_name(d->owner, key, &name);
    str_copy(l.name, sizeof(l.name), buf_str(&name));
    snprintf(what, sizeof(what), "starting %s", l.name);
    if ((d->config->pull == PULL_ALWAYS && !pull_image(d, call, f)) || !create(&l, f))
        return false;
    if (!connect_networks(&l, f) ||
        !docker_do(&d->calls, call, "POST", id_path(path, l.id, "/start"), STR(""), what, NULL, f)) {
        (void)remove_container(d, call, l.id, &ignored);
        return false;
    }
    return look(&l, ret_instance, f);
}

/* ---- stop ---- */

static void mark_stopping(struct driver *d, const struct driver_call *call, const struct instance *instance,
                          int64_t seconds)
{
    struct buf name CLEANUP(buf_fini) = {0}, path CLEANUP(buf_fini) = {0};
    struct driver_failure ignored;
    docker_write_name(d->owner, instance->key[0] ? instance->key : instance->id, &name);
    buf_printf(&path, "/containers/%s/rename?name=%s.stop-%lld", instance->id, name.ptr,
               (long long)(clock_wall_ns() / NS_PER_S + seconds));
    (void)docker_do(&d->calls, call, "POST", path.ptr, STR(""), "", NULL, &ignored);
}

static bool stop_container(struct driver *d, const struct driver_call *call, const struct instance *instance,
                           int64_t stop_timeout_ns, struct driver_failure *f)
{
    int64_t seconds = (stop_timeout_ns + NS_PER_S - 1) / NS_PER_S;
    struct docker_answer answer;
    char path[ID_PATH_BYTES], query[32];
    if (instance->state == INSTANCE_ENDED || stop_timeout_ns == 0)
        return remove_container(d, call, instance->id, f);
    snprintf(query, sizeof(query), "/stop?t=%lld", (long long)seconds);
    const struct docker_request request = {
        .method = "POST", .path = id_path(path, instance->id, query), .patience_ns = STOP_PATIENCE_NS};
    if (!docker_call(&d->calls, call, &request, &answer, f))
        return false;
    bool goes_on = answer.status == 0;
    bool ok = goes_on || answer.status == 404 || docker_answer_is_good(&answer) ||
              docker_refuse(f, &answer, "stopping a container");
    docker_answer_fini(&answer);
    if (goes_on)
        mark_stopping(d, call, instance, seconds);
    return ok;
}

/* ---- wait ---- */

static bool wait_for_events(struct driver *d, const struct driver_call *call, struct driver_failure *f)
{
    return docker_events_wait(&d->events, call, f);
}

const struct driver_ops docker_driver = {
    .name = "docker",
    .capabilities = DRIVER_STARTS_ONE | DRIVER_STOPS_CHOSEN | DRIVER_TELLS_ADDRESSES | DRIVER_TELLS_STARTS |
                    DRIVER_TELLS_CHANGES | DRIVER_KEEPS_KEYS | DRIVER_TELLS_PROCESSES | DRIVER_TELLS_HEALTH,
    .open = open_driver,
    .close = close_driver,
    .list = list_containers,
    .start = start_container,
    .stop = stop_container,
    .wait = wait_for_events,
};
