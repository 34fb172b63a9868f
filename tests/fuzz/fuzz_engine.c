/*
 * Any bytes as what an engine says: Docker's and a swarm's API, somebody's scaling API, a plug-in. What must
 * hold: nothing crashes or reads beyond the end; a server that is taken has an id, and an address and a time
 * that a server can have; what is refused has words; and the next page is always below the endpoint.
 */
#include "net/json_value.h"
#include "provider/container.h"
#include "provider/discover_docker.h"
#include "provider/docker.h"
#include "provider/exec_answer.h"
#include "provider/http_list.h"
#include "provider/swarm.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str running[] = {{"running", 7}}, pending[] = {{"pending", 7}}, networks[] = {{"shop", 4}};

static void check_words(const char *words)
{
    for (const char *c = words; *c; c++)
        ASSERT((unsigned char)*c >= ' ');
}

static void check_instance(const struct instance *i)
{
    ASSERT(i->id[0] && memchr(i->id, '\0', sizeof(i->id)) && memchr(i->key, '\0', sizeof(i->key)));
    ASSERT(i->state <= INSTANCE_ENDED && i->started_ns >= 0 && i->pid >= 0);
    ASSERT(isfinite(i->price) && i->price >= 0);
    ASSERT(!i->has_address ||
           (i->address.any.sa_family == AF_UNIX ? i->address.len > 0 : addr_port(&i->address) > 0));
    ASSERT(memchr(i->detail, '\0', sizeof(i->detail)));
    check_words(i->detail);
}

static void try_item(const struct json_value *item, const struct json_value *nodes, struct str text,
                     enum container_reach reach)
{
    const struct config_container c = {.service = STR("shop"),
                                       .port = 8000,
                                       .publish = STR("127.0.0.1"),
                                       .reach = reach,
                                       .networks = {1, networks}};
    struct driver_failure f = {0};
    struct instance i;
    if (docker_read_item(item, &c, INT64_C(1795702500000000000), &i)) {
        docker_read_end(item, text, &i);
        check_instance(&i);
    }
    if (swarm_read_task(item, nodes, &c, &i))
        check_instance(&i);
    ASSERT(swarm_check_service(item, &c, &f) || f.text[0]);
    (void)swarm_is_updating(item);
}

static void try_containers(const struct json_value *items)
{
    struct discover_containers found;
    if (!discover_read_containers(items, "", &found))
        return;
    ASSERT(found.count + found.unusable <= json_value_count(items) && (found.unusable == 0 || found.why[0]));
    for (uint32_t i = 0; i < found.count; i++)
        ASSERT(addr_port(&found.addresses[i]) > 0);
    free(found.addresses);
}

static void check_list(const struct instance_list *list)
{
    ASSERT(list->count <= INSTANCES_MAX);
    for (uint32_t i = 0; i < list->count; i++)
        check_instance(&list->items[i]);
}

static void try_plugin(struct str text)
{
    struct driver_failure f = {0};
    struct json_value *answer;
    struct instance_list list;
    struct instance i;
    if (!exec_answer_read(text, 7, &answer, &f)) {
        ASSERT(f.text[0] && f.retry_after_ns >= 0);
        check_words(f.text);
        return;
    }
    if (exec_answer_instance(json_value_get(answer, "instance"), &i, &f))
        check_instance(&i);
    if (exec_answer_instances(json_value_get(answer, "instances"), &list, &f)) {
        check_list(&list);
        free(list.items);
    }
    json_value_free(answer);
}

static void try_page(struct str text)
{
    const struct config_http c = {.endpoint = STR("http://api.internal/v1/"),
                                  .list = {.items = STR("/items"),
                                           .id = STR("/id"),
                                           .address = STR("/ip"),
                                           .port = STR("/port"),
                                           .state = STR("/state"),
                                           .started = STR("/started"),
                                           .price = STR("/price"),
                                           .next = STR("/next"),
                                           .running = {1, running},
                                           .pending = {1, pending}}};
    struct str below = STR("http://api.internal/v1");
    struct instance_list list = {0};
    struct driver_failure f = {0};
    struct buf url = {0};
    bool is_last = true;
    if (!http_read_page(&c, text, &list, &url, &is_last, &f))
        ASSERT(f.text[0]);
    else if (!is_last)
        ASSERT(str_starts_with(buf_str(&url), below) && strchr("/?", url.ptr[below.len]) &&
               url.ptr[below.len]);
    check_list(&list);
    free(list.items);
    buf_fini(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size);
    struct json_value *v = json_value_parse(text, NULL);
    struct str last = container_last_line(text);
    ASSERT(last.len <= text.len);
    for (size_t i = 0; i < json_value_count(v); i++) {
        try_item(json_value_at(v, i), v, text, CONTAINER_PUBLISHED);
        try_item(json_value_at(v, i), v, text, CONTAINER_DIRECT);
    }
    if (json_value_is_object(v))
        try_item(v, json_value_get(v, "nodes"), text, CONTAINER_PUBLISHED);
    try_containers(v);
    json_value_free(v);
    try_plugin(text);
    try_page(text);
    return 0;
}
