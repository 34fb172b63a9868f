/*
 * AWS EC2 Auto Scaling: metrics of one minute that arrive one minute late, and two alarms: high after 3
 * minutes above the target, low after 15 below 0.9 of it.
 *
 * Target tracking: out to ceil(servers x metric / target), in to the same, but never while servers warm up.
 * Step scaling: by the breach, in points of CPU: +10 %, +20 % from 10 points on, +30 % from 20; down by 10 %
 * after 15 minutes 20 points below. Warming servers are left out of the metric and counted as there already,
 * so that an alarm that goes on adds only the difference.
 */
#include "scale/simulate/policy_ops.h"

#include "base/macros.h"

#include <math.h>

enum { PERIOD_S = 60, LATE_S = 60, HIGH_MINUTES = 3, LOW_MINUTES = 15 };

static const double low_share = 0.9, step_low_points = 0.2;

struct aws_state {
    uint32_t high, low; /* minutes in a row */
};

/* The metric as a share of what a server can do; false when there is none. */
static bool read_metric(const struct sim_view *v, double *ret_share)
{
    struct history_mean m;
    if (!history_get(v->history, LATE_S, PERIOD_S, &m) || m.serving <= 0)
        return false;
    if (v->setting->metric == SIM_METRIC_REQUESTS)
        *ret_share = m.arrivals / (m.serving * sim_model_server_rate(v->model));
    else
        *ret_share = fmin(m.running / (m.serving * v->model->concurrency), 1);
    return true;
}

static uint32_t round_up(double n)
{
    return (uint32_t)ceil(n - 1e-9);
}

static uint32_t track(const struct aws_state *a, const struct sim_view *v, double share, uint32_t warm)
{
    double ratio = share / v->setting->target;
    if (a->high >= HIGH_MINUTES)
        return MAX(round_up(warm * ratio), v->wanted);
    if (a->low >= LOW_MINUTES && warm >= v->wanted)
        return MIN(round_up(v->wanted * ratio), v->wanted);
    return v->wanted;
}

/* Percent of the servers there are: below one it is one, else cut. */
static uint32_t percent_of(uint32_t servers, double percent)
{
    double n = servers * percent / 100;
    return n > 0 && n < 1 ? 1 : (uint32_t)n;
}

static uint32_t step(const struct aws_state *a, const struct sim_view *v, double share, uint32_t warm)
{
    double points = share - v->setting->target;
    if (a->high >= HIGH_MINUTES)
        return MAX(warm + percent_of(warm, points >= 0.2 ? 30 : points >= 0.1 ? 20 : 10), v->wanted);
    if (a->low >= LOW_MINUTES && warm >= v->wanted)
        return v->wanted - percent_of(v->wanted, 10);
    return v->wanted;
}

static uint32_t decide(void *state, const struct sim_view *v)
{
    struct aws_state *a = state;
    double share;
    if (!read_metric(v, &share))
        return v->wanted;
    uint32_t up = v->serving + v->starting;
    uint32_t warming = sim_view_asked_within(v, MAX(v->setting->warm_up_s, v->start_s));
    double low =
        v->setting->is_stepwise ? v->setting->target - step_low_points : v->setting->target * low_share;
    a->high = share > v->setting->target ? a->high + 1 : 0;
    a->low = share < low ? a->low + 1 : 0;
    uint32_t warm = MAX(up - MIN(warming, up), 1);
    return v->setting->is_stepwise ? step(a, v, share, warm) : track(a, v, share, warm);
}

static void describe(const struct sim_setting *s, struct buf *out)
{
    buf_printf(out, "%s %s %g%%, warm-up ", s->is_stepwise ? "steps" : "tracking", sim_metric_name(s->metric),
               s->target * 100);
    if (s->warm_up_s)
        buf_printf(out, "%us", s->warm_up_s);
    else
        buf_printf(out, "= start time");
}

const struct sim_policy_ops policy_aws = {.name = "aws",
                                          .period_s = PERIOD_S,
                                          .state_bytes = sizeof(struct aws_state),
                                          .decide = decide,
                                          .describe = describe};
