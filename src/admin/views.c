/*
 * What the API says of services and servers, in the words of docs/reference/api.md. Numbers come straight
 * from the cells of the data threads, added up at the moment of the question; nothing is kept here.
 */
#include "admin/admin_priv.h"
#include "admin/totals.h"

#include "base/clock.h"
#include "config/model.h"

static void put_quantile(struct json *j, const char *key, const struct histogram_sum *sum, double q)
{
    json_key(j, key);
    if (sum->count == 0)
        json_null(j);
    else
        json_double(j, (double)histogram_sum_quantile_ns(sum, q) / 1e9);
}

/* Opens the object; the caller closes it. */
static void begin_recent(struct json *j, const struct recent_view *view)
{
    json_key(j, "recent");
    json_begin_object(j);
    json_put_double(j, "window_seconds", view->window_s);
    json_put_double(j, "requests_per_second",
                    view->window_s > 0 ? (double)view->duration.count / view->window_s : 0);
    put_quantile(j, "p50_seconds", &view->duration, 0.5);
    put_quantile(j, "p90_seconds", &view->duration, 0.9);
    put_quantile(j, "p99_seconds", &view->duration, 0.99);
}

static void put_strings(struct json *j, const char *key, const struct config_strings *strings)
{
    json_key(j, key);
    json_begin_array(j);
    for (size_t i = 0; strings && i < strings->count; i++)
        json_str(j, strings->items[i]);
    json_end_array(j);
}

/* The configuration that the published snapshot has for the service; NULL before the first one. */
static const struct config_service *config_of(const struct admin *a, const struct service *s)
{
    const struct snapshot *snapshot = atomic_load_explicit(&a->fleet->current, memory_order_acquire);
    for (uint32_t i = 0; snapshot && i < snapshot->service_count; i++)
        if (snapshot->services[i].service == s)
            return snapshot->services[i].config;
    return NULL;
}

/* {"connect": 0, "queue_full": 3, …}: the rows of weir_faults_total, by their label. */
static void put_faults(struct admin *a, struct json *j, const struct service *s)
{
    const struct str prefix = STR("fault=\"");
    char key[32];
    json_key(j, "faults");
    json_begin_object(j);
    for (int i = 0; i < SERVICE_COUNTER_COUNT; i++) {
        struct str rest = str_of(service_metric_rows[i].labels), cause;
        if (!str_starts_with(rest, prefix))
            continue;
        rest = str_n(rest.ptr + prefix.len, rest.len - prefix.len);
        (void)str_split(&rest, '"', &cause);
        (void)str_copy(key, sizeof(key), cause);
        json_key(j, key);
        json_int(j, (int64_t)service_total(a->fleet, s, (size_t)i));
    }
    json_end_object(j);
}

static void put_traffic(struct admin *a, struct json *j, const struct service *s)
{
    static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    json_put_int(j, "requests", (int64_t)service_total(a->fleet, s, SERVICE_ARRIVALS));
    json_key(j, "responses");
    json_begin_object(j);
    for (int i = 0; i < 5; i++)
        json_put_int(j, classes[i], (int64_t)service_total(a->fleet, s, (size_t)(SERVICE_RESPONSES_1XX + i)));
    json_end_object(j);
    json_put_int(j, "errors", (int64_t)service_total(a->fleet, s, SERVICE_RESPONSES_5XX));
    json_put_int(j, "retries", (int64_t)service_total(a->fleet, s, SERVICE_RETRIES));
    json_put_int(j, "client_aborts", (int64_t)service_total(a->fleet, s, SERVICE_CLIENT_ABORTS));
    json_put_int(j, "queue_aborts", (int64_t)service_total(a->fleet, s, SERVICE_QUEUE_ABORTS));
    put_faults(a, j, s);
}

static void put_queue(struct admin *a, struct json *j, const struct service *s,
                      const struct config_service *config)
{
    int64_t oldest_ns = atomic_load_explicit(&s->queue_oldest_ns, memory_order_relaxed);
    int64_t now_ns = loop_now_ns(a->loop);
    json_put_int(j, "in_flight", atomic_load_explicit(&s->in_flight, memory_order_relaxed));
    json_put_int(j, "queued", atomic_load_explicit(&s->queued, memory_order_relaxed));
    json_put_double(j, "queue_age_seconds",
                    oldest_ns > 0 && oldest_ns < now_ns ? (double)(now_ns - oldest_ns) / 1e9 : 0);
    json_key(j, "queue_length");
    if (config)
        json_int(j, config->queue_length);
    else
        json_null(j);
}

static void put_server_counts(struct admin *a, struct json *j, const struct service *service)
{
    uint32_t states[SERVER_STATE_COUNT] = {0}, healthy = 0;
    fleet_for_each_server (a->fleet, s) {
        if (s->service != service)
            continue;
        states[atomic_load_explicit(&s->state, memory_order_relaxed)]++;
        healthy += server_can_take(s);
    }
    json_key(j, "servers");
    json_begin_object(j);
    for (int i = 0; i < SERVER_STATE_COUNT; i++)
        json_put_int(j, server_state_name((enum server_state)i), states[i]);
    json_end_object(j);
    json_put_int(j, "healthy", healthy);
}

void admin_write_service(struct admin *a, struct json *j, const struct service *s)
{
    const struct config_service *config = config_of(a, s);
    struct recent_view view;
    json_begin_object(j);
    json_put_text(j, "name", s->name);
    put_strings(j, "hosts", config ? &config->hosts : NULL);
    put_strings(j, "paths", config ? &config->paths : NULL);
    put_queue(a, j, s, config);
    put_traffic(a, j, s);
    recent_view_service(a->recent, s, loop_now_ns(a->loop), &view);
    begin_recent(j, &view);
    put_quantile(j, "queue_p99_seconds", &view.queue_wait, 0.99);
    json_end_object(j);
    put_server_counts(a, j, s);
    a->ops.write_service_usage(a->ops.context, j, s);
    a->ops.write_service_objectives(a->ops.context, j, s);
    json_key(j, "scale");
    a->ops.write_service_scale(a->ops.context, j, s);
    json_key(j, "discovery");
    a->ops.write_service_discovery(a->ops.context, j, s);
    json_end_object(j);
}

void admin_write_server(struct admin *a, struct json *j, const struct server *s)
{
    char address[ADDR_TEXT_BYTES];
    struct recent_view view;
    int32_t limit = atomic_load_explicit(&s->max_requests, memory_order_relaxed);
    json_begin_object(j);
    json_put_text(j, "name", s->name);
    json_put_text(j, "service", s->service->name);
    json_put_text(j, "address", s->address.len ? addr_format(address, &s->address) : NULL);
    json_put_text(j, "state", server_state_name((enum server_state)atomic_load(&s->state)));
    json_put_bool(j, "healthy", atomic_load_explicit(&s->is_healthy, memory_order_relaxed));
    json_put_bool(j, "refusing", atomic_load_explicit(&s->is_refusing, memory_order_relaxed));
    json_put_int(j, "in_flight", server_in_flight(s));
    json_put_int_if(j, "max_requests", limit > 0, limit);
    json_put_int(j, "requests", (int64_t)server_total(a->fleet, s, SERVER_ATTEMPTS));
    json_put_int(j, "errors", (int64_t)server_errors(a->fleet, s));
    json_put_int(j, "connections_opened", (int64_t)server_total(a->fleet, s, SERVER_CONNECTS));
    recent_view_server(a->recent, s, loop_now_ns(a->loop), &view);
    begin_recent(j, &view);
    json_end_object(j);
    a->ops.write_server_life(a->ops.context, j, s);
    json_end_object(j);
}

void admin_write_services(struct admin *a, struct json *j)
{
    json_begin_object(j);
    json_key(j, "services");
    json_begin_array(j);
    fleet_for_each_service (a->fleet, s)
        admin_write_service(a, j, s);
    json_end_array(j);
    json_end_object(j);
}

void admin_write_servers(struct admin *a, struct json *j)
{
    json_begin_object(j);
    json_key(j, "servers");
    json_begin_array(j);
    fleet_for_each_server (a->fleet, s)
        admin_write_server(a, j, s);
    json_end_array(j);
    json_end_object(j);
}
