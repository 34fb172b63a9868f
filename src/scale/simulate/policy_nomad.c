/*
 * HashiCorp's Nomad Autoscaler, strategy target-value: every 10 s the metric's mean over the last minute, per
 * server; after an accepted action nothing happens, either way, until the cooldown is over.
 */
#include "scale/simulate/policy_ops.h"

#include <math.h>

enum { PERIOD_S = 10, QUERY_S = 60 };

static const double threshold = 0.01;

struct nomad_state {
    bool has_acted;
    uint32_t acted_s;
};

static bool read_metric(const struct sim_view *v, double *ret_share)
{
    struct history_mean m;
    if (!history_get(v->history, 0, QUERY_S, &m) || m.serving <= 0)
        return false;
    double places = m.serving * v->model->concurrency;
    if (v->setting->metric == SIM_METRIC_CPU)
        *ret_share = fmin(m.running / places, 1);
    else if (v->setting->metric == SIM_METRIC_REQUESTS)
        *ret_share = m.arrivals / (m.serving * sim_model_server_rate(v->model));
    else
        *ret_share = m.in_system / places;
    return true;
}

static uint32_t decide(void *state, const struct sim_view *v)
{
    struct nomad_state *s = state;
    double share;
    bool is_cooling = s->has_acted && v->now_s - s->acted_s < v->setting->down_s;
    if (is_cooling || !read_metric(v, &share))
        return v->wanted;
    double factor = share / v->setting->target;
    if (fabs(factor - 1) <= threshold)
        return v->wanted;
    uint32_t n = (uint32_t)ceil(v->wanted ? v->wanted * factor - 1e-9 : factor);
    if (n == 0 && v->model->servers_min > 0)
        n = 1;
    if (n != v->wanted) {
        s->has_acted = true;
        s->acted_s = v->now_s;
    }
    return n;
}

static void describe(const struct sim_setting *s, struct buf *out)
{
    buf_printf(out, "%s %g%%, cooldown %us", sim_metric_name(s->metric), s->target * 100, s->down_s);
}

const struct sim_policy_ops policy_nomad = {.name = "nomad",
                                            .period_s = PERIOD_S,
                                            .state_bytes = sizeof(struct nomad_state),
                                            .decide = decide,
                                            .describe = describe};
