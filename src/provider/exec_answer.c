/* exec_answer.c: see exec_answer.h. */
#include "provider/exec_answer.h"

#include "base/mem.h"

#include <stdlib.h>

/* --- the answer -------------------------------------------------------------------------------------- */

static enum driver_fault fault_named(const char *name)
{
    for (int i = 0; i < DRIVER_FAULT_COUNT; i++)
        if (strcmp(name, driver_fault_name((enum driver_fault)i)) == 0)
            return (enum driver_fault)i;
    return DRIVER_FAULT_RETRYABLE;
}

/* It understood, and could not. */
static bool fail_as_told(const struct json_value *answer, struct driver_failure *f)
{
    double seconds = json_value_double(answer, "retry_after_seconds", 0);
    (void)driver_fail(f, fault_named(json_value_text(answer, "fault", "")), "%s",
                      json_value_text(answer, "error", "the plug-in gave no reason"));
    if (seconds > 0 && seconds < 86400)
        f->retry_after_ns = (int64_t)(seconds * 1e9);
    return false;
}

bool exec_answer_read(struct str text, int64_t id, struct json_value **ret_answer, struct driver_failure *f)
{
    struct err err = {0};
    struct json_value *answer = json_value_parse(text, &err);
    if (!answer)
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "the plug-in's answer is no JSON: %s", err.text);
    bool is_good = json_value_is_object(answer) && json_value_has(answer, "ok") &&
                   json_value_int(answer, "id", id) == id;
    if (!is_good)
        (void)driver_fail(f, DRIVER_FAULT_CONFIGURATION,
                          "the plug-in's answer is no object with `ok` and the `id` that was asked");
    else if (!json_value_bool(answer, "ok", false))
        is_good = fail_as_told(answer, f);
    if (is_good)
        *ret_answer = answer;
    else
        json_value_free(answer);
    return is_good;
}

/* --- servers in it ----------------------------------------------------------------------------------- */

static bool read_state(const char *word, enum instance_state *ret_state)
{
    static const struct {
        const char *word;
        enum instance_state state;
    } states[] = {{"pending", INSTANCE_PENDING},
                  {"running", INSTANCE_RUNNING},
                  {"stopping", INSTANCE_STOPPING},
                  {"ended", INSTANCE_ENDED}};
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (strcmp(word, states[i].word) == 0) {
            *ret_state = states[i].state;
            return true;
        }
    return false;
}

/* What it may tell beside: nothing that is nonsense. */
static bool read_facts(const struct json_value *v, struct instance *i, struct driver_failure *f)
{
    int64_t pid = json_value_int(v, "pid", 0);
    double price = json_value_double(v, "price", 0);
    if (pid < 0 || pid > INT32_MAX)
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "server %s: its `pid` is no process", i->id);
    if (!(price >= 0 && price <= INSTANCE_PRICE_MAX))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "server %s: its `price` is none", i->id);
    i->pid = (int)pid;
    i->price = price;
    i->is_unwell = !json_value_bool(v, "healthy", true);
    return true;
}

bool exec_answer_instance(const struct json_value *v, struct instance *ret_instance, struct driver_failure *f)
{
    struct instance i = {0};
    const char *address = json_value_text(v, "address", ""), *problem = "it has no port",
               *state = json_value_text(v, "state", "running");
    if (!json_value_to_text(json_value_get(v, "id"), i.id, sizeof(i.id)) || !i.id[0])
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "the plug-in tells of a server without an `id`");
    if (!read_state(state, &i.state))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION,
                           "server %s: the state '%s' is none of pending, running, stopping, ended", i.id,
                           state);
    i.has_address =
        address[0] && addr_parse(str_of(address), &i.address, &problem) && addr_port(&i.address) != 0;
    if (address[0] && !i.has_address)
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "server %s: the address '%s': %s", i.id, address,
                           problem);
    const struct json_value *key = json_value_get(v, "key");
    if (key && !json_value_is_null(key) && !json_value_to_text(key, i.key, sizeof(i.key)))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "server %s: its `key` is none that Weir gave",
                           i.id);
    i.started_ns = instance_time_ns(json_value_double(v, "started", 0));
    instance_set_detail(&i, "%s", json_value_text(v, "detail", ""));
    if (!read_facts(v, &i, f))
        return false;
    *ret_instance = i;
    return true;
}

static bool add_instance(const struct json_value *v, struct instance_list *list, struct driver_failure *f)
{
    struct instance i;
    if (!exec_answer_instance(v, &i, f))
        return false;
    if (instance_list_has(list, i.id))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "the plug-in lists server %s twice", i.id);
    list->items[list->count++] = i;
    return true;
}

bool exec_answer_instances(const struct json_value *items, struct instance_list *ret_list,
                           struct driver_failure *f)
{
    struct instance_list list = {0};
    size_t count = json_value_count(items);
    if (!json_value_is_array(items))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "the plug-in's list has no array `instances`");
    if (count > INSTANCES_MAX)
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "the plug-in lists more than %d servers",
                           INSTANCES_MAX);
    list.items = NEW_ARRAY(struct instance, count + 1);
    bool is_good = true;
    for (size_t i = 0; i < count && is_good; i++)
        is_good = add_instance(json_value_at(items, i), &list, f);
    if (is_good)
        *ret_list = list;
    else
        free(list.items);
    return is_good;
}

bool exec_answer_has_keys(const struct instance_list *list, struct str service, struct driver_failure *f)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct str key = str_of(list->items[i].key);
        bool is_ours =
            key.len > service.len + 1 && str_starts_with(key, service) && key.ptr[service.len] == '/';
        if (!is_ours)
            return driver_fail(f, DRIVER_FAULT_CONFIGURATION,
                               "the plug-in lists server %s with the key '%.*s': a list has the servers of "
                               "service %.*s alone, each with the key that `start` was given",
                               list->items[i].id, STR_ARG(key), STR_ARG(service));
    }
    return true;
}
