/*
 * The two that know the future. static: one number for ever, a share of the servers that the oracle needs in
 * the busiest minute. oracle: knows the rate of the coming start time and keeps as many servers as Erlang C
 * asks for at its highest, at each second; the reference for cost.
 */
#include "scale/simulate/erlang.h"
#include "scale/simulate/policy_ops.h"
#include "scale/simulate/settings.h"

#include "base/macros.h"

#include <math.h>

static uint32_t decide_static(void *state, const struct sim_view *v)
{
    return (uint32_t)fmax(round(v->setting->target * oracle_servers(v->model, v->load->peak)), 1);
}

static void describe_static(const struct sim_setting *s, struct buf *out)
{
    buf_printf(out, "%g%% of the peak's need", s->target * 100);
}

const struct sim_policy_ops policy_static = {.name = "static",
                                             .period_s = 3600,
                                             .decide = decide_static,
                                             .describe = describe_static,
                                             .is_fixed = true};

uint32_t oracle_servers(const struct sim_model *m, double rate)
{
    return erlang_servers(rate, m->service_mean_s, m->concurrency, ORACLE_WAIT_S, ORACLE_SHARE);
}

/* A server asked for now serves from now_s + start_s on, and the next look is a second away. */
static uint32_t decide_oracle(void *state, const struct sim_view *v)
{
    float most = 0;
    for (uint32_t i = v->now_s; i <= v->now_s + v->start_s && i < v->load->seconds; i++)
        most = v->load->rate[i] > most ? v->load->rate[i] : most;
    return oracle_servers(v->model, (double)most);
}

static void describe_oracle(const struct sim_setting *s, struct buf *out)
{
    buf_printf(out, "knows the coming start time");
}

const struct sim_policy_ops policy_oracle = {
    .name = "oracle", .period_s = 1, .decide = decide_oracle, .describe = describe_oracle};
