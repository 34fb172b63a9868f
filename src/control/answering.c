/* What the admin listener asks of the other rooms: each function hands the question on. */
#include "base/clock.h"
#include "control/control_priv.h"
#include "stats/exposition.h"

static void write_events(void *context, struct json *j, uint64_t after, uint32_t count_max)
{
    struct control *c = context;
    ledger_write(c->ledger, j, after, count_max);
}

static void write_sinks(void *context, struct json *j)
{
    struct control *c = context;
    watch_write_sinks_json(c->watch, j);
}

static bool test_sink(void *context, struct str name, struct err *err)
{
    struct control *c = context;
    return watch_test_sink(c->watch, name, err);
}

static void write_alerts(void *context, struct json *j, bool is_all)
{
    struct control *c = context;
    watch_write_alerts_json(c->watch, j, is_all);
}

static void write_silences(void *context, struct json *j)
{
    const struct control *c = context;
    silences_write(watch_silences(c->watch), j, clock_wall_ns());
}

static bool add_silence(void *context, const struct json_value *body, struct json *j, struct err *err)
{
    return silencing_add(context, body, j, err);
}

static bool end_silence(void *context, struct str id, struct json *j, struct err *err)
{
    return silencing_end(context, id, j, err);
}

static void write_host(void *context, struct json *j)
{
    struct control *c = context;
    watch_write_host_json(c->watch, j);
}

static void write_probes(void *context, struct json *j)
{
    struct control *c = context;
    watch_write_probes_json(c->watch, j);
}

static bool ask_history(void *context, const struct history_query *query, uint64_t ticket, int *ret_status,
                        struct err *err)
{
    return recording_ask(context, query, ticket, ret_status, err);
}

static void write_hosts(void *context, struct json *j)
{
    struct control *c = context;
    watch_write_hosts_json(c->watch, j);
}

static void write_readings(void *context, struct str host, struct json *j)
{
    struct control *c = context;
    watch_write_readings_json(c->watch, host, j);
}

static void write_service_scale(void *context, struct json *j, const struct service *s)
{
    struct control *c = context;
    if (control_config_of(c, s)->scale.provider == SCALE_PROVIDER_NONE) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    scale_write_service(c->scale, s, loop_now_ns(c->loop), j);
    json_end_object(j);
}

static void write_service_objectives(void *context, struct json *j, const struct service *s)
{
    const struct control *c = context;
    objectives_write(watch_objectives(c->watch), str_of(s->name), j, loop_now_ns(c->loop));
}

static void write_service_discovery(void *context, struct json *j, const struct service *s)
{
    discovering_write(context, s, j);
}

static void write_explanation(void *context, struct json *j, const struct service *s, uint32_t count_max)
{
    struct control *c = context;
    scale_write_explanation(c->scale, s, count_max, loop_now_ns(c->loop), clock_wall_ns(), j);
}

static void write_arrivals(void *context, struct json *j, const struct service *s, uint64_t from)
{
    struct control *c = context;
    scale_write_arrivals(c->scale, s, (int64_t)MIN(from, (uint64_t)INT64_MAX), j);
}

static void write_server_life(void *context, struct json *j, const struct server *s)
{
    struct control *c = context;
    scale_write_server(c->scale, s, loop_now_ns(c->loop), j);
    metering_write_server(c, s, j);
}

static void write_service_usage(void *context, struct json *j, const struct service *s)
{
    const struct control *c = context;
    metering_write_service(c, s, j);
}

static bool server_usage(void *context, const struct server *s, struct admin_usage *ret_usage)
{
    const struct control *c = context;
    const struct usage_sample *u = usage_find(c->usage, s->id);
    if (!u || u->why_unknown || !u->has_cores)
        return false;
    *ret_usage = (struct admin_usage){.cpu_percent = u->cores * 100, .memory_bytes = u->memory_bytes};
    return true;
}

static void put_own_metrics(const struct control *c, struct buf *out)
{
    exposition_put_one(out, "weir_events_total", "counter", "Events told since the worker started.",
                       (double)ledger_last_sequence(c->ledger));
    exposition_put_one(out, "weir_events_dropped_total", "counter", "Events that the ledger no longer keeps.",
                       (double)ledger_dropped(c->ledger));
    exposition_put_one(out, "weir_snapshots_total", "counter",
                       "Routing snapshots published since the worker started.", (double)c->fleet->last_epoch);
    exposition_put_one(out, "weir_probe_sockets", "gauge", "Sockets that health checks have open now.",
                       prober_open_sockets(c->prober));
}

static void write_metrics(void *context, struct buf *out)
{
    struct control *c = context;
    put_own_metrics(c, out);
    keeping_write_metrics(c, out);
    recording_write_metrics(c, out);
    scale_write_metrics(c->scale, out);
    metering_write_metrics(c, out);
    discovering_write_metrics(c, out);
    watch_write_metrics(c->watch, out);
}

static bool set_replicas(void *context, struct service *s, uint32_t count, int64_t for_ns, struct err *err)
{
    struct control *c = context;
    bool is_set = scale_set_replicas(c->scale, s, count, for_ns, loop_now_ns(c->loop), err);
    if (is_set)
        keeping_note_hand(c, s);
    return is_set;
}

static bool clear_replicas(void *context, struct service *s, struct err *err)
{
    struct control *c = context;
    bool is_cleared = scale_clear_replicas(c->scale, s, loop_now_ns(c->loop), err);
    if (is_cleared)
        keeping_note_hand(c, s);
    return is_cleared;
}

static bool drain_server(void *context, struct server *s, struct err *err)
{
    struct control *c = context;
    return scale_drain_server(c->scale, s, loop_now_ns(c->loop), err);
}

static bool ready_server(void *context, struct server *s, struct err *err)
{
    struct control *c = context;
    return scale_ready_server(c->scale, s, loop_now_ns(c->loop), err);
}

static bool is_ready(void *context, const char **ret_why_not)
{
    const struct control *c = context;
    static const char *const why_not[] = {[PHASE_STARTING] = "Weir is starting",
                                          [PHASE_RUNNING] = NULL,
                                          [PHASE_DRAINING] = "Weir is draining",
                                          [PHASE_ENDING] = "Weir is ending"};
    *ret_why_not = why_not[c->phase];
    return c->phase == PHASE_RUNNING;
}

static const struct thread_cells *thread_cells(void *context, uint32_t thread)
{
    const struct control *c = context;
    return c->proxy ? proxy_thread_cells(c->proxy, thread) : NULL;
}

struct admin_ops answering_ops(struct control *c)
{
    return (struct admin_ops){.context = c,
                              .write_events = write_events,
                              .write_alerts = write_alerts,
                              .write_sinks = write_sinks,
                              .test_sink = test_sink,
                              .write_silences = write_silences,
                              .add_silence = add_silence,
                              .end_silence = end_silence,
                              .write_host = write_host,
                              .write_probes = write_probes,
                              .ask_history = ask_history,
                              .write_hosts = write_hosts,
                              .write_readings = write_readings,
                              .write_service_scale = write_service_scale,
                              .write_service_objectives = write_service_objectives,
                              .write_service_discovery = write_service_discovery,
                              .write_explanation = write_explanation,
                              .write_arrivals = write_arrivals,
                              .write_server_life = write_server_life,
                              .write_service_usage = write_service_usage,
                              .server_usage = server_usage,
                              .write_metrics = write_metrics,
                              .set_replicas = set_replicas,
                              .clear_replicas = clear_replicas,
                              .drain_server = drain_server,
                              .ready_server = ready_server,
                              .is_ready = is_ready,
                              .thread_cells = thread_cells};
}
