/* http_list.c: see http_list.h. */
#include "provider/http_list.h"

#include "base/mem.h"
#include "net/json_value.h"

#include <string.h>

enum { URL_BYTES_MAX = 4096 };

static bool has_word(const struct config_strings *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (str_eq(words->items[i], str_of(word)))
            return true;
    return false;
}

static bool read_state(const struct config_http_list *l, const struct json_value *item, struct instance *i,
                       struct driver_failure *f)
{
    char word[64];
    i->state = INSTANCE_RUNNING;
    if (l->state.len == 0)
        return true;
    if (!json_value_to_text(json_value_find(item, l->state.ptr), word, sizeof(word)))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "list: server %s has no state at %s", i->id,
                           l->state.ptr);
    if (has_word(&l->pending, word))
        i->state = INSTANCE_PENDING;
    else if (has_word(&l->stopping, word))
        i->state = INSTANCE_STOPPING;
    else if (has_word(&l->ended, word))
        i->state = INSTANCE_ENDED;
    else if (!has_word(&l->running, word))
        return driver_fail(
            f, DRIVER_FAULT_CONFIGURATION,
            "list: the state '%s' of server %s is in none of `pending`, `running`, `stopping` and "
            "`ended`",
            word, i->id);
    return true;
}

static bool is_port(struct str pointer)
{
    return pointer.len && pointer.ptr[0] != '/' && pointer.ptr[0] != '#';
}

/* An address with its port, or one without and the port from elsewhere. */
static bool read_address(const struct config_http_list *l, const struct json_value *item, struct instance *i,
                         struct driver_failure *f)
{
    char host[128], port_text[16] = "";
    uint64_t port = 0;
    const char *problem = "it has no port";
    const struct json_value *value = json_value_find(item, l->address.ptr);
    if (!value || json_value_is_null(value))
        return true; /* it has none yet */
    if (!json_value_to_text(value, host, sizeof(host)))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "list: the address of server %s is no text", i->id);
    if (host[0] == '\0')
        return true;
    i->has_address = addr_parse(str_of(host), &i->address, &problem) && addr_port(&i->address) != 0;
    if (i->has_address)
        return true;
    if (is_port(l->port))
        (void)str_copy(port_text, sizeof(port_text), l->port);
    else if (l->port.len)
        (void)json_value_to_text(json_value_find(item, l->port.ptr), port_text, sizeof(port_text));
    (void)str_parse_u64(str_of(port_text), &port);
    i->has_address = port_text[0] && addr_parse_host(str_of(host), port, &i->address, &problem);
    return i->has_address || driver_fail(f, DRIVER_FAULT_CONFIGURATION,
                                         "list: the address '%s' of server %s: %s", host, i->id, problem);
}

static bool read_item(const struct config_http_list *l, const struct json_value *item,
                      struct instance_list *list, struct driver_failure *f)
{
    struct instance i = {0};
    if (!json_value_to_text(json_value_find(item, l->id.ptr), i.id, sizeof(i.id)) || i.id[0] == '\0')
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "list: a server has no id at %s", l->id.ptr);
    if (!read_state(l, item, &i, f) || (i.state != INSTANCE_ENDED && !read_address(l, item, &i, f)))
        return false;
    double started_s = l->started.len ? json_value_to_double(json_value_find(item, l->started.ptr), 0) : 0;
    double price = l->price.len ? json_value_to_double(json_value_find(item, l->price.ptr), 0) : 0;
    i.started_ns = instance_time_ns(started_s);
    i.price = price > 0 && price <= INSTANCE_PRICE_MAX ? price : 0;
    if (instance_list_has(list, i.id))
        return true;
    if (list->count == INSTANCES_MAX)
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "list: more than %d servers", INSTANCES_MAX);
    list->items = mem_realloc(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = i;
    return true;
}

void http_put_endpoint(const struct config_http *c, struct buf *out)
{
    struct str endpoint = c->endpoint;
    while (endpoint.len && endpoint.ptr[endpoint.len - 1] == '/')
        endpoint.len--;
    buf_put(out, endpoint);
}

/* The token goes to the endpoint and nowhere else, whatever a page says. */
static bool put_next(const struct config_http *c, const struct json_value *page, struct buf *url,
                     bool *ret_is_last, struct driver_failure *f)
{
    char next[URL_BYTES_MAX];
    CLEANUP(buf_fini) struct buf endpoint = {0};
    const struct config_http_list *l = &c->list;
    const struct json_value *value = l->next.len ? json_value_find(page, l->next.ptr) : NULL;
    *ret_is_last = true;
    if (!value || json_value_is_null(value))
        return true;
    if (!json_value_to_text(value, next, sizeof(next)))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "list: what is at %s is no text", l->next.ptr);
    if (next[0] == '\0')
        return true;
    *ret_is_last = false;
    http_put_endpoint(c, &endpoint);
    buf_clear(url);
    bool is_below = strncmp(next, endpoint.ptr, endpoint.len) == 0 &&
                    (next[endpoint.len] == '/' || next[endpoint.len] == '?');
    if (next[0] == '/')
        buf_put(url, buf_str(&endpoint));
    else if (!is_below)
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "list: the next page is not below the endpoint");
    buf_put(url, str_of(next));
    return true;
}

bool http_read_page(const struct config_http *c, struct str text, struct instance_list *list, struct buf *url,
                    bool *ret_is_last, struct driver_failure *f)
{
    const struct config_http_list *l = &c->list;
    struct err err = {0};
    struct json_value *page = json_value_parse(text, &err);
    if (!page) /* half an answer, or a proxy's page: later */
        return driver_fail(f, DRIVER_FAULT_RETRYABLE, "list: the answer is no JSON: %s", err.text);
    const struct json_value *items = json_value_find(page, l->items.ptr);
    bool is_good = json_value_is_array(items) ||
                   driver_fail(f, DRIVER_FAULT_CONFIGURATION, "list: there is no array at %s", l->items.ptr);
    for (size_t i = 0; is_good && i < json_value_count(items); i++)
        is_good = read_item(l, json_value_at(items, i), list, f);
    is_good = is_good && put_next(c, page, url, ret_is_last, f);
    json_value_free(page);
    return is_good;
}
