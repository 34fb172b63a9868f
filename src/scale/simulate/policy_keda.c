/*
 * KEDA with its HTTP add-on: the add-on's interceptor counts requests (in flight, or arrivals over one
 * minute), an HPA made by KEDA divides the total by the target every 15 s. KEDA itself goes between zero and
 * one server: up half a second after a request came (its counters are pushed every 200 ms and summed every
 * 500 ms), down to zero when nothing was there for the cooldown.
 */
#include "scale/simulate/hpa_rules.h"

#include "base/macros.h"

enum { RATE_WINDOW_S = 60, POLL_S = 1, COOLDOWN_S = 300 };

struct keda_state {
    struct hpa_state hpa;
    uint32_t active_s; /* the last second with a request */
};

static uint32_t look(struct keda_state *k, const struct sim_view *v)
{
    struct history_mean m;
    double target = v->setting->target;
    bool is_rate = v->setting->metric == SIM_METRIC_REQUESTS;
    if (!history_get(v->history, 0, is_rate ? RATE_WINDOW_S : 1, &m))
        return v->wanted;
    uint32_t n = is_rate ? hpa_average_value(m.arrivals, target * sim_model_server_rate(v->model), v->wanted)
                         : hpa_average_value(m.in_system, target * v->model->concurrency, v->wanted);
    return hpa_stabilise(&k->hpa, MAX(n, 1), v->wanted, v->setting->down_s);
}

static uint32_t decide(void *state, const struct sim_view *v)
{
    struct keda_state *k = state;
    struct history_mean m;
    bool is_active = history_get(v->history, 0, 1, &m) && m.in_system + m.arrivals > 0;
    if (is_active)
        k->active_s = v->now_s;
    if (v->wanted == 0)
        return is_active ? 1 : 0;
    if (v->model->servers_min == 0 && v->now_s - k->active_s > COOLDOWN_S)
        return 0;
    return v->now_s % HPA_PERIOD_S == 0 ? look(k, v) : v->wanted;
}

static void describe(const struct sim_setting *s, struct buf *out)
{
    buf_printf(out, "%s %g%%, down window %us", sim_metric_name(s->metric), s->target * 100, s->down_s);
}

const struct sim_policy_ops policy_keda = {.name = "keda",
                                           .period_s = POLL_S,
                                           .state_bytes = sizeof(struct keda_state),
                                           .decide = decide,
                                           .describe = describe};
