/* Between watch and the rest: what it is told of the services each second, and what it says for the ledger.
 */
#include "base/clock.h"
#include "control/control_priv.h"

#include <stdio.h>
#include <unistd.h>

enum { TROUBLE_BYTES = PROVIDER_TEXT_BYTES + 64 };

static uint64_t sum(const struct control *c, const struct service *s, enum service_counter first,
                    enum service_counter last)
{
    uint64_t total = 0;
    for (uint32_t t = 0; t < c->fleet->thread_count && s->cells[t]; t++)
        for (int id = first; id <= (int)last; id++)
            total += counter_get(&s->cells[t]->counters[id]);
    return total;
}

static uint32_t servers_wanted(const struct control *c, const struct service *s,
                               const struct config_service *config)
{
    struct scale_signals signals;
    struct scale_decision decision;
    if (config->scale.provider == SCALE_PROVIDER_NONE)
        return (uint32_t)config->server_count;
    return scale_last(c->scale, s, &signals, &decision) ? decision.target : config->scale.servers_min;
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

static struct watch_service_input input_of(const struct control *c, const struct service *s)
{
    const struct config_service *config = control_config_of(c, s);
    struct watch_service_input input = {
        .name = str_of(s->name),
        .servers_wanted = servers_wanted(c, s, config),
        .start_grace_ns = config->scale.provider == SCALE_PROVIDER_NONE ? 0 : config->scale.start_timeout_ns,
        .requests_total = sum(c, s, SERVICE_RESPONSES_1XX, SERVICE_RESPONSES_5XX),
        .errors_total = sum(c, s, SERVICE_RESPONSES_5XX, SERVICE_RESPONSES_5XX)};
    fleet_for_each_server (c->fleet, server)
        input.servers_healthy += server->service == s && server_can_take(server);
    discovering_fill(c, s, &input);
    fill_objectives(c, s, config, &input);
    return input;
}

/* In the words of the engine; "" when all is well, and for providers without one. */
static const char *trouble_of(const struct control *c, const struct service *s, char out[TROUBLE_BYTES])
{
    const struct provider *p = providers_of(c, s);
    struct provider_status status = {0};
    out[0] = '\0';
    if (p && p->ops->status)
        p->ops->status(p, &status);
    if (status.has_trouble)
        snprintf(out, TROUBLE_BYTES, "provider %s, %s: %s", p->ops->name,
                 driver_call_name(status.trouble.call), status.trouble.text);
    return out;
}

static void on_tick(struct loop *loop, struct timer *t)
{
    struct control *c = container_of(t, struct control, watch_timer);
    /* Of the one control thread: too large for a stack. */
    static struct watch_service_input inputs[FLEET_SERVICES_MAX];
    static char troubles[FLEET_SERVICES_MAX][TROUBLE_BYTES];
    size_t count = 0;
    fleet_for_each_service (c->fleet, s) {
        inputs[count] = input_of(c, s);
        inputs[count].provider_trouble = trouble_of(c, s, troubles[count]);
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
    const char *service = NULL, *server = NULL;
    for (size_t i = 0; i < event->alert->label_count; i++) {
        if (strcmp(event->alert->labels[i].name, "service") == 0)
            service = event->alert->labels[i].value;
        if (strcmp(event->alert->labels[i].name, "server") == 0)
            server = event->alert->labels[i].value;
    }
    struct buf details CLEANUP(buf_fini) = {0};
    struct json j;
    json_init(&j, &details);
    json_begin_object(&j);
    json_put_text(&j, "alert", event->alert->name);
    json_put_text(&j, "state", alert_state_name(event->alert->life.state));
    json_put_double(&j, "value", event->alert->life.value);
    json_put_double(&j, "threshold", event->alert->rule.above);
    json_end_object(&j);
    control_note(c,
                 &(struct event_note){.kind = "alert",
                                      .level = event->change == ALERT_FIRED ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
                                      .is_quiet = true,
                                      .service = service,
                                      .server = server,
                                      .text = event->text,
                                      .details = buf_str(&details)});
}

static void report(void *context, struct board *board)
{
    metering_report(context, board);
    recording_report(context, board);
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
