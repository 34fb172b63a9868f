/*
 * A family is written whole: HELP, TYPE, then its rows over all services or servers, for the format forbids
 * to come back to one. The catalogue's rows of one name stand together, so a family is a run of rows; each
 * row's fixed labels follow the labels of the object. Data threads' cells are added up here: a reader never
 * sees threads.
 *
 * Rejected: a client library. The format is lines of text, and the numbers are already where they belong.
 */
#include "admin/metrics.h"

#include "admin/process_stats.h"
#include "admin/totals.h"
#include "base/clock.h"
#include "stats/exposition.h"

#include <math.h>
#include <stdio.h>

/* `service="shop"` or `service="shop",server="shop-3"` without braces. */
static void put_object_labels(struct buf *out, const struct service *service, const struct server *server)
{
    buf_put(out, STR("service=\""));
    exposition_put_label(out, service->name);
    buf_put_char(out, '"');
    if (!server)
        return;
    buf_put(out, STR(",server=\""));
    exposition_put_label(out, server->name);
    buf_put_char(out, '"');
}

/* One sample. service and server may be NULL; labels is fixed label text, "" for none. */
static void put_sample(struct buf *out, const char *name, const struct service *service,
                       const struct server *server, const char *labels, double value)
{
    buf_put(out, str_of(name));
    if (service || labels[0])
        buf_put_char(out, '{');
    if (service)
        put_object_labels(out, service, server);
    if (service && labels[0])
        buf_put_char(out, ',');
    buf_put(out, str_of(labels));
    if (service || labels[0])
        buf_put_char(out, '}');
    buf_printf(out, " %.17g\n", value);
}

/* ---- counters: runs of catalogue rows ---- */

/* The end of the run of rows that begins at `from` and shares its name. */
static size_t run_end(const struct metric_row *rows, size_t count, size_t from)
{
    size_t end = from + 1;
    while (end < count && strcmp(rows[end].name, rows[from].name) == 0)
        end++;
    return end;
}

static double thread_total(const struct fleet *fleet, const struct admin_ops *ops, size_t id)
{
    uint64_t total = 0;
    for (uint32_t t = 0; t < fleet->thread_count; t++) {
        const struct thread_cells *cells = ops->thread_cells(ops->context, t);
        total += cells ? counter_get(&cells->counters[id]) : 0;
    }
    return (double)total;
}

static void put_thread_counters(struct buf *out, const struct fleet *fleet, const struct admin_ops *ops)
{
    const struct metric_row *rows = thread_metric_rows;
    for (size_t from = 0, end; from < THREAD_COUNTER_COUNT; from = end) {
        end = run_end(rows, THREAD_COUNTER_COUNT, from);
        exposition_begin(out, rows[from].name, "counter", rows[from].help);
        for (size_t id = from; id < end; id++)
            put_sample(out, rows[id].name, NULL, NULL, rows[id].labels, thread_total(fleet, ops, id));
    }
}

static void put_service_counters(struct buf *out, const struct fleet *fleet)
{
    const struct metric_row *rows = service_metric_rows;
    for (size_t from = 0, end; from < SERVICE_COUNTER_COUNT; from = end) {
        end = run_end(rows, SERVICE_COUNTER_COUNT, from);
        exposition_begin(out, rows[from].name, "counter", rows[from].help);
        fleet_for_each_service (fleet, s)
            for (size_t id = from; id < end; id++)
                put_sample(out, rows[id].name, s, NULL, rows[id].labels, (double)service_total(fleet, s, id));
    }
}

static void put_server_counters(struct buf *out, const struct fleet *fleet)
{
    const struct metric_row *rows = server_metric_rows;
    for (size_t from = 0, end; from < SERVER_COUNTER_COUNT; from = end) {
        end = run_end(rows, SERVER_COUNTER_COUNT, from);
        exposition_begin(out, rows[from].name, "counter", rows[from].help);
        fleet_for_each_server (fleet, s)
            for (size_t id = from; id < end; id++)
                put_sample(out, rows[id].name, s->service, s, rows[id].labels,
                           (double)server_total(fleet, s, id));
    }
}

/* ---- histograms ---- */

static void put_histogram(struct buf *out, const char *name, const struct service *service,
                          const struct server *server, const struct histogram_sum *sum)
{
    char bucket[96], part[96], edge[48];
    snprintf(bucket, sizeof(bucket), "%s_bucket", name);
    for (size_t i = 0; i < METRIC_EDGE_COUNT; i++) {
        int64_t edge_ns = (int64_t)llround(metric_edges_s[i] * 1e9);
        snprintf(edge, sizeof(edge), "le=\"%g\"", metric_edges_s[i]);
        put_sample(out, bucket, service, server, edge, (double)histogram_sum_count_below(sum, edge_ns));
    }
    put_sample(out, bucket, service, server, "le=\"+Inf\"", (double)sum->count);
    snprintf(part, sizeof(part), "%s_sum", name);
    put_sample(out, part, service, server, "", (double)sum->sum_ns / 1e9);
    snprintf(part, sizeof(part), "%s_count", name);
    put_sample(out, part, service, server, "", (double)sum->count);
}

static void put_service_histogram(struct buf *out, const struct fleet *fleet, const char *name,
                                  const char *help, size_t offset)
{
    exposition_begin(out, name, "histogram", help);
    fleet_for_each_service (fleet, s) {
        struct histogram_sum sum = {0};
        for (uint32_t t = 0; t < fleet->thread_count; t++)
            if (s->cells[t])
                histogram_sum_add(&sum, (const struct histogram *)((const char *)s->cells[t] + offset));
        put_histogram(out, name, s, NULL, &sum);
    }
}

static void put_server_histogram(struct buf *out, const struct fleet *fleet)
{
    const char *name = "weir_server_latency_seconds";
    exposition_begin(out, name, "histogram", "Request sent to the server to head of its response.");
    fleet_for_each_server (fleet, s) {
        struct histogram_sum sum = {0};
        for (uint32_t t = 0; t < fleet->thread_count; t++)
            if (s->cells[t])
                histogram_sum_add(&sum, &s->cells[t]->latency);
        put_histogram(out, name, s->service, s, &sum);
    }
}

/* ---- gauges ---- */

static double queue_age_s(const struct service *s, int64_t now_ns)
{
    int64_t oldest_ns = atomic_load_explicit(&s->queue_oldest_ns, memory_order_relaxed);
    return oldest_ns > 0 && oldest_ns < now_ns ? (double)(now_ns - oldest_ns) / 1e9 : 0;
}

static double service_in_flight(const struct service *s, int64_t now_ns)
{
    (void)now_ns;
    return atomic_load_explicit(&s->in_flight, memory_order_relaxed);
}

static double service_queued(const struct service *s, int64_t now_ns)
{
    (void)now_ns;
    return atomic_load_explicit(&s->queued, memory_order_relaxed);
}

static double gauge_in_flight(const struct server *s)
{
    return server_in_flight(s);
}

static double gauge_limit(const struct server *s)
{
    return atomic_load_explicit(&s->max_requests, memory_order_relaxed);
}

static double gauge_healthy(const struct server *s)
{
    return atomic_load_explicit(&s->is_healthy, memory_order_relaxed) &&
           !atomic_load_explicit(&s->is_refusing, memory_order_relaxed);
}

static const struct {
    const char *name, *help;
    double (*value)(const struct service *s, int64_t now_ns);
} service_gauges[] = {
    {"weir_requests_in_flight", "Requests that hold a place on a server now.", service_in_flight},
    {"weir_requests_queued", "Requests that wait for a server now.", service_queued},
    {"weir_queue_age_seconds", "How long the first request in the queue has been waiting.", queue_age_s},
};

static const struct {
    const char *name, *help;
    double (*value)(const struct server *s);
} server_gauges[] = {
    {"weir_server_in_flight", "Requests on the server now.", gauge_in_flight},
    {"weir_server_max_requests", "The server's limit of requests at a time; 0 when there is none.",
     gauge_limit},
    {"weir_server_healthy", "1 when the probes find the server well and it takes connections, else 0.",
     gauge_healthy},
};

static void put_gauges(struct buf *out, const struct fleet *fleet, const struct admin_ops *ops,
                       int64_t now_ns)
{
    exposition_begin(out, "weir_client_connections", "gauge",
                     "Client connections open now, tunnels included.");
    put_sample(out, "weir_client_connections", NULL, NULL, "",
               thread_total(fleet, ops, THREAD_CONNECTIONS_ACCEPTED) -
                   thread_total(fleet, ops, THREAD_CONNECTIONS_CLOSED));
    for (size_t i = 0; i < ARRAY_LEN(service_gauges); i++) {
        exposition_begin(out, service_gauges[i].name, "gauge", service_gauges[i].help);
        fleet_for_each_service (fleet, s)
            put_sample(out, service_gauges[i].name, s, NULL, "", service_gauges[i].value(s, now_ns));
    }
    for (size_t i = 0; i < ARRAY_LEN(server_gauges); i++) {
        exposition_begin(out, server_gauges[i].name, "gauge", server_gauges[i].help);
        fleet_for_each_server (fleet, s)
            put_sample(out, server_gauges[i].name, s->service, s, "", server_gauges[i].value(s));
    }
}

static void put_process(struct buf *out)
{
    struct process_stats p;
    exposition_begin(out, "weir_build_info", "gauge", "Always 1; the version is in the label.");
    put_sample(out, "weir_build_info", NULL, NULL, "version=\"" WEIR_VERSION "\"", 1);
    if (!process_stats_read(&p))
        return;
    exposition_begin(out, "process_cpu_seconds_total", "counter",
                     "CPU time that the worker has used, user and system.");
    put_sample(out, "process_cpu_seconds_total", NULL, NULL, "", p.cpu_s);
    exposition_begin(out, "process_resident_memory_bytes", "gauge", "Memory of the worker that is resident.");
    put_sample(out, "process_resident_memory_bytes", NULL, NULL, "", p.resident_bytes);
    exposition_begin(out, "process_open_fds", "gauge", "Open file descriptors of the worker.");
    put_sample(out, "process_open_fds", NULL, NULL, "", p.open_fds);
    exposition_begin(out, "process_start_time_seconds", "gauge",
                     "When the worker started, in seconds since 1970.");
    put_sample(out, "process_start_time_seconds", NULL, NULL, "", p.start_time_s);
}

void metrics_write(struct buf *out, const struct fleet *fleet, const struct admin_ops *ops, int64_t now_ns)
{
    put_process(out);
    put_thread_counters(out, fleet, ops);
    put_service_counters(out, fleet);
    put_server_counters(out, fleet);
    put_gauges(out, fleet, ops, now_ns);
    put_service_histogram(out, fleet, "weir_request_duration_seconds",
                          "First byte of a request to last byte of its response.",
                          offsetof(struct service_cells, duration));
    put_service_histogram(out, fleet, "weir_request_queue_seconds",
                          "Time that requests waited in the service's queue.",
                          offsetof(struct service_cells, queue_wait));
    put_server_histogram(out, fleet);
    ops->write_metrics(ops->context, out);
}
