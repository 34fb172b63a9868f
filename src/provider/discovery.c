/*
 * Puts a held list behind a source. The source tells; the list decides what of it counts; the clock is the
 * loop's. A timer of its own looks once a second whether `hold` is over, since a source that fails may be
 * silent for longer.
 */
#include "provider/discovery.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_NS  NS_PER_S
#define GRACE_NS (10 * NS_PER_S) /* a first look that fails may be mended: requests wait so long */

static const struct discovery_ops *const sources[] = {
    [DISCOVER_FILE] = &discover_file_ops,
    [DISCOVER_DNS] = &discover_dns_ops,
    [DISCOVER_SRV] = &discover_srv_ops,
    [DISCOVER_DOCKER] = &discover_docker_ops,
};

struct discovery {
    struct loop *loop;
    const struct discovery_ops *ops;
    struct discovery_source *source;
    struct discovery_sink sink;
    struct held_list held;
    struct timer tick;
};

static void on_list(void *context, const struct found_list *found)
{
    struct discovery *d = context;
    held_list_take(&d->held, found, loop_now_ns(d->loop));
}

static void on_same(void *context)
{
    struct discovery *d = context;
    held_list_confirm(&d->held, loop_now_ns(d->loop));
}

static void on_failed(void *context, const char *reason)
{
    struct discovery *d = context;
    held_list_fail(&d->held, reason, loop_now_ns(d->loop));
}

static void on_tick(struct loop *loop, struct timer *t)
{
    struct discovery *d = container_of(t, struct discovery, tick);
    held_list_tick(&d->held, loop_now_ns(loop));
    timer_set(loop, t, loop_now_ns(loop) + TICK_NS);
}

static const char *place_of(const struct config_discover *config, char *out, size_t out_bytes)
{
    if (config->source == DISCOVER_FILE)
        (void)snprintf(out, out_bytes, "%.*s", STR_ARG(config->file));
    else if (config->source == DISCOVER_DNS)
        (void)snprintf(out, out_bytes, "%.*s:%u", STR_ARG(config->dns), config->port);
    else if (config->source == DISCOVER_SRV)
        (void)snprintf(out, out_bytes, "%.*s", STR_ARG(config->srv));
    else
        (void)snprintf(out, out_bytes, "%.*s", STR_ARG(config->docker.endpoint));
    return out;
}

struct discovery *discovery_open(const struct discovery_params *params, const struct held_list_ops *ops,
                                 struct err *err)
{
    char place[HELD_PLACE_BYTES];
    struct discovery *d = NEW(struct discovery);
    d->loop = params->loop;
    d->ops = sources[params->config->source];
    d->sink =
        (struct discovery_sink){.context = d, .on_list = on_list, .on_same = on_same, .on_failed = on_failed};
    held_list_init(&d->held, params->config, place_of(params->config, place, sizeof(place)), ops,
                   loop_now_ns(d->loop));
    timer_init(&d->tick, on_tick);
    d->source = d->ops->open(params, &d->sink, err);
    if (!d->source) {
        discovery_close(d);
        return NULL;
    }
    timer_set(d->loop, &d->tick, loop_now_ns(d->loop) + TICK_NS);
    return d;
}

void discovery_close(struct discovery *d)
{
    if (!d)
        return;
    timer_cancel(&d->tick);
    if (d->source)
        d->ops->close(d->source);
    held_list_fini(&d->held);
    free(d);
}

bool discovery_is_looking(const struct discovery *d)
{
    const struct held_list *h = &d->held;
    bool is_in_grace = !h->failing_since_ns || loop_now_ns(d->loop) - h->begun_ns < GRACE_NS;
    return !h->has_list && is_in_grace;
}

const struct held_list *discovery_held(const struct discovery *d)
{
    return &d->held;
}

const char *discovery_source_name(const struct discovery *d)
{
    return d->ops->name;
}

static void put_since(struct json *j, const char *key, bool is_known, int64_t since_ns, int64_t now_ns)
{
    json_put_double_if(j, key, is_known, (double)MAX(now_ns - since_ns, INT64_C(0)) / (double)NS_PER_S);
}

void discovery_write(const struct discovery *d, int64_t now_ns, struct json *j)
{
    const struct held_list *h = &d->held;
    json_put_text(j, "source", d->ops->name);
    json_put_text(j, "place", h->place);
    json_put_int(j, "servers", h->count);
    json_put_int(j, "left_out", h->left_out);
    put_since(j, "age_seconds", h->has_list, h->confirmed_ns, now_ns);
    put_since(j, "unchanged_seconds", h->has_list, h->changed_ns, now_ns);
    put_since(j, "failing_seconds", h->failing_since_ns != 0, h->failing_since_ns, now_ns);
    json_put_text(j, "last_error", h->reason[0] ? h->reason : NULL);
    json_put_bool(j, "is_held", h->failing_since_ns && h->count > 0);
    json_put_text(j, "note", h->note[0] ? h->note : NULL);
    json_put_int(j, "lists", (int64_t)h->lists_total);
    json_put_int(j, "failures", (int64_t)h->failures_total);
}
