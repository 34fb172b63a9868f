/* Between watch and the rest: what it is told of the services each second, and what it says for the ledger.
 */
#include "base/clock.h"
#include "control/control_priv.h"
#include "control/past.h"

#include <stdio.h>
#include <unistd.h>

enum { TROUBLE_BYTES = PROVIDER_TEXT_BYTES + 64, SERVER_TROUBLE_BYTES = SERVER_NAME_BYTES + 128 };

static uint64_t sum(const struct control *c, const struct service *s, enum service_counter first,
                    enum service_counter last)
{
    uint64_t total = 0;
    for (uint32_t t = 0; t < c->fleet->thread_count && s->cells[t]; t++)
        for (int id = first; id <= (int)last; id++)
            total += counter_get(&s->cells[t]->counters[id]);
    return total;
}

/* A latency of its own, or the one that scaling keeps. */
static void fill_objectives(const struct control *c, const struct service *s,
                            const struct config_service *config, struct watch_service_input *input)
{
    bool is_own = config->objectives.latency_ns > 0;
    input->objectives = &config->objectives;
    input->latency_ns = is_own ? config->objectives.latency_ns : config->scale.objective_ns;
    input->latency_quantile = is_own ? config->objectives.latency_quantile : config->scale.objective_quantile;
    for (uint32_t t = 0; input->latency_ns > 0 && t < c->fleet->thread_count && s->cells[t]; t++)
        input->slow_total += histogram_count_above(&s->cells[t]->duration, input->latency_ns);
}

/* What people should know of, in the words of the engine; "" when all is well, NULL for providers without
 * one. A single call that failed is in the events; if nobody asks again, it was no trouble for anybody. */
static const char *trouble_of(const struct control *c, const struct service *s, char out[TROUBLE_BYTES])
{
    const struct provider *p = providers_of(c, s);
    struct provider_status status = {0};
    if (!p || !p->ops->status)
        return NULL;
    out[0] = '\0';
    p->ops->status(p, &status);
    if (status.has_trouble && !status.trouble.is_harmless && status.trouble.failures_in_a_row > 1)
        snprintf(out, TROUBLE_BYTES, "provider %s, %s: %s", p->ops->name,
                 driver_call_name(status.trouble.call), status.trouble.text);
    return out;
}

/* Texts and sums that the inputs point to, by service. */
struct input_store {
    char trouble[TROUBLE_BYTES];
    char server_trouble[SERVER_TROUBLE_BYTES];
    char reason[SCALE_REASON_BYTES];
    struct histogram_sum durations, answers;
};

static void fill_scale(const struct control *c, const struct service *s, const struct config_service *config,
                       struct input_store *store, struct watch_service_input *input)
{
    struct scale_signals signals;
    struct scale_decision decision;
    if (config->scale.provider == SCALE_PROVIDER_NONE) {
        input->servers_wanted = (uint32_t)config->server_count;
        return;
    }
    input->is_scaled = true;
    input->start_grace_ns = config->scale.start_timeout_ns;
    input->servers_wanted = config->scale.servers_min;
    if (!scale_last(c->scale, s, &signals, &decision))
        return;
    input->servers_wanted = decision.target;
    if (decision.needed <= config->scale.servers_max)
        return;
    input->servers_short = decision.needed - config->scale.servers_max;
    str_copy(store->reason, sizeof(store->reason), str_of(decision.reason));
    input->scale_reason = store->reason;
}

static void fill_queue(const struct service *s, const struct config_service *config, int64_t now_ns,
                       struct watch_service_input *input)
{
    int64_t oldest_ns = s->queue_oldest_ns;
    int32_t queued = s->queued;
    input->queue_length = (uint32_t)MAX(queued, 0);
    input->queue_length_max = config->queue_length;
    input->queue_age_ns = oldest_ns && queued > 0 ? MAX(now_ns - oldest_ns, INT64_C(0)) : 0;
}

static void fill_durations(const struct control *c, const struct service *s, struct input_store *store,
                           struct watch_service_input *input)
{
    store->durations = store->answers = (struct histogram_sum){0};
    for (uint32_t t = 0; t < c->fleet->thread_count && s->cells[t]; t++) {
        histogram_sum_add(&store->durations, &s->cells[t]->duration);
        histogram_sum_add(&store->answers, &s->cells[t]->answer);
    }
    input->durations = &store->durations;
    input->answers = &store->answers;
}

/* Who takes requests, and why one of the others does not. */
static void fill_servers(const struct control *c, const struct service *s, struct input_store *store,
                         struct watch_service_input *input)
{
    store->server_trouble[0] = '\0';
    input->server_trouble = store->server_trouble;
    fleet_for_each_server (c->fleet, server) {
        if (server->service != s)
            continue;
        const char *why = scale_bad_probe(c->scale, server);
        bool can_take = server_can_take(server);
        input->servers_healthy += can_take;
        if (!can_take && *why)
            snprintf(store->server_trouble, SERVER_TROUBLE_BYTES, "%s: %s", server->name, why);
    }
}

static struct watch_service_input input_of(const struct control *c, const struct service *s,
                                           struct input_store *store)
{
    const struct config_service *config = control_config_of(c, s);
    struct watch_service_input input = {
        .name = str_of(s->name),
        .requests_total = sum(c, s, SERVICE_RESPONSES_1XX, SERVICE_RESPONSES_5XX),
        .errors_total = sum(c, s, SERVICE_RESPONSES_5XX, SERVICE_RESPONSES_5XX)};
    fill_scale(c, s, config, store, &input);
    fill_queue(s, config, loop_now_ns(c->loop), &input);
    fill_durations(c, s, store, &input);
    fill_servers(c, s, store, &input);
    discovering_fill(c, s, &input);
    fill_objectives(c, s, config, &input);
    input.provider_trouble = trouble_of(c, s, store->trouble);
    return input;
}

static void on_tick(struct loop *loop, struct timer *t)
{
    struct control *c = container_of(t, struct control, watch_timer);
    /* Of the one control thread: too large for a stack. */
    static struct watch_service_input inputs[FLEET_SERVICES_MAX];
    static struct input_store stores[FLEET_SERVICES_MAX];
    size_t count = 0;
    fleet_for_each_service (c->fleet, s) {
        inputs[count] = input_of(c, s, &stores[count]);
        count++;
    }
    watch_tick(c->watch, loop_now_ns(loop), inputs, count);
    agent_check_note(c->agent_check, watch_board(c->watch));
    recording_tick(c);
    keeping_note_watch(c);
    lifecycle_tell_status(c);
    timer_set(loop, t, loop_now_ns(loop) + c->config->watch.interval_ns);
}

/* The log has the alert's line from watch itself. */
static void on_alert(void *context, const struct watch_alert_event *event)
{
    struct control *c = context;
    struct buf details CLEANUP(buf_fini) = {0};
    struct json j;
    json_init(&j, &details);
    json_begin_object(&j);
    json_put_text(&j, "alert", event->alert->name);
    json_put_text(&j, "state", alert_state_name(event->alert->life.state));
    json_put_double(&j, "value", event->alert->life.values[0]);
    json_put_double(&j, "threshold", event->alert->rule.limits[0].threshold);
    json_end_object(&j);
    control_note(c,
                 &(struct event_note){.kind = "alert",
                                      .level = event->change == ALERT_FIRED ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
                                      .is_quiet = true,
                                      .service = alert_label(event->alert, "service"),
                                      .server = alert_label(event->alert, "server"),
                                      .text = event->text,
                                      .details = buf_str(&details)});
}

/* Servers that scaling starts are not down while they start: it has an eye on them itself. */
static bool is_down(const struct control *c, const struct server *s)
{
    enum server_state state = (enum server_state)s->state;
    bool is_scaled = control_config_of(c, s->service)->scale.provider != SCALE_PROVIDER_NONE;
    return server_state_takes_requests(state) ? !server_can_take(s) : !is_scaled;
}

/* Of those that come or go on purpose nothing is told. */
static bool is_to_serve(const struct server *s)
{
    enum server_state state = (enum server_state)s->state;
    return server_state_takes_requests(state) || state == SERVER_STARTING || state == SERVER_FAILED;
}

static void report_servers(const struct control *c, struct board *board)
{
    fleet_for_each_server (c->fleet, s) {
        struct subject subject = {.host = watch_host_at(c->watch, &s->address),
                                  .names = {s->service->name, s->name}};
        if (is_to_serve(s))
            board_put(board, METRIC_SERVER_DOWN, &subject, reading_known(is_down(c, s)));
    }
}

static void report(void *context, struct board *board)
{
    report_servers(context, board);
    metering_report(context, board);
    recording_report(context, board);
    keeping_report(context, board);
}

static bool find_past(void *context, const struct alert *a, int64_t began_ns, struct alert_past *ret_past)
{
    const struct control *c = context;
    past_find(c->ledger, alert_label(a, "service"), began_ns, ret_past);
    return true;
}

bool watching_start(struct control *c, struct err *err)
{
    char address[ADDR_TEXT_BYTES], url[ADDR_TEXT_BYTES + 16];
    snprintf(url, sizeof(url), "http://%s/", addr_format(address, &c->config->admin.address));
    struct watch_params params = {.loop = c->loop,
                                  .config = &c->config->watch,
                                  .notify = c->config->notify,
                                  .notify_count = c->config->notify_count,
                                  .external_url = c->config->admin.is_enabled ? url : NULL,
                                  .on_alert = on_alert,
                                  .report = report,
                                  .supervisor_pid = c->params->supervisor_fd >= 0 ? getppid() : 0,
                                  .restarts = c->params->restarts,
                                  .find_past = find_past,
                                  .context = c};
    c->watch = watch_new(&params);
    timer_init(&c->watch_timer, on_tick);
    timer_set(c->loop, &c->watch_timer, clock_now_ns());
    if (c->config->agent.check.len > 0)
        c->agent_check = agent_check_new(c->loop, &c->config->agent, err);
    return c->config->agent.check.len == 0 || c->agent_check;
}

#define WATCH_FLUSH_NS (2 * NS_PER_S) /* for webhooks that still wait when the worker ends */

void watching_close(struct control *c)
{
    if (!c->watch)
        return;
    timer_cancel(&c->watch_timer);
    agent_check_free(c->agent_check);
    c->agent_check = NULL;
    watch_close(c->watch, WATCH_FLUSH_NS);
}

void watching_stop(struct control *c)
{
    watch_free(c->watch, 0);
}
