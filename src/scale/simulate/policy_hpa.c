/*
 * Kubernetes' HorizontalPodAutoscaler (v2), every 15 s. On CPU: the mean of 15 s that ended 15 s ago (kubelet
 * and metrics-server sample every 15 s each); servers without a whole sample of their serving life are not
 * ready for it: they count as idle when the rest asks for more, and not at all when it asks for less. On
 * requests or requests in flight: exact, the last 15 s, as if the adapter read the balancer.
 */
#include "scale/simulate/hpa_rules.h"

#include "base/macros.h"

#include <math.h>

enum { CPU_AGE_S = 15, CPU_SAMPLE_S = 15 };

static const double tolerance = 0.1;

static bool is_tolerable(double ratio)
{
    return fabs(1 - ratio) <= tolerance;
}

static uint32_t servers_for(double need)
{
    return (uint32_t)ceil(need - 1e-9);
}

static uint32_t recommend_by_cpu(const struct sim_view *v, uint32_t current)
{
    struct history_mean m;
    uint32_t ready = sim_view_serving_for(v, CPU_AGE_S + CPU_SAMPLE_S);
    uint32_t unready = v->serving - ready + v->starting;
    if (!ready || !history_get(v->history, CPU_AGE_S, CPU_SAMPLE_S, &m) || m.serving <= 0)
        return current;
    double usage = fmin(m.running / (m.serving * v->model->concurrency), 1);
    double ratio = usage / v->setting->target;
    if (unready == 0 || ratio <= 1)
        return is_tolerable(ratio) ? current : servers_for(ratio * ready);
    uint32_t all = ready + unready;
    double with_idle = ratio * ready / all;
    if (is_tolerable(with_idle) || with_idle < 1)
        return current;
    return MAX(servers_for(with_idle * all), current);
}

static uint32_t recommend_by_total(const struct sim_view *v, uint32_t current)
{
    struct history_mean m;
    if (!history_get(v->history, 0, HPA_PERIOD_S, &m))
        return current;
    double target = v->setting->target;
    if (v->setting->metric == SIM_METRIC_REQUESTS)
        return hpa_average_value(m.arrivals, target * sim_model_server_rate(v->model), current);
    return hpa_average_value(m.in_system, target * v->model->concurrency, current);
}

static uint32_t decide(void *state, const struct sim_view *v)
{
    uint32_t current = v->wanted;
    uint32_t recommended =
        v->setting->metric == SIM_METRIC_CPU ? recommend_by_cpu(v, current) : recommend_by_total(v, current);
    return hpa_stabilise(state, recommended, current, v->setting->down_s);
}

static void describe(const struct sim_setting *s, struct buf *out)
{
    buf_printf(out, "%s %g%%, down window %us", sim_metric_name(s->metric), s->target * 100, s->down_s);
}

const struct sim_policy_ops policy_hpa = {.name = "hpa",
                                          .period_s = HPA_PERIOD_S,
                                          .state_bytes = sizeof(struct hpa_state),
                                          .decide = decide,
                                          .describe = describe};
