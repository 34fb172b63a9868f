/*
 * Knative's own autoscaler (KPA), every 2 s, on concurrency: requests in service and those held by the
 * activator, in buckets of one second that are read exactly. Two means, over the stable window (60 s) and
 * over a tenth of it (panic). It divides by the servers that are ready; starting ones are not counted.
 */
#include "scale/simulate/policy_ops.h"

#include "base/macros.h"

#include <math.h>

enum { PERIOD_S = 2, STABLE_S = 60, PANIC_S = 6, IDLE_S = 30, DELAY_SLOTS = 512 };

static const double panic_threshold = 2, down_factor_max = 2;

struct knative_state {
    bool has_begun, is_panicking;
    uint32_t panic_s, panic_most;
    uint32_t idle_since_s; /* 0: not idle */
    uint32_t count;
    uint32_t past[DELAY_SLOTS]; /* for scale-down-delay */
};

static double mean_concurrency(const struct sim_view *v, uint32_t window_s)
{
    struct history_mean m;
    return history_get(v->history, 0, window_s, &m) ? m.in_system : 0;
}

static uint32_t wanted_for(const struct sim_view *v, double concurrency, uint32_t ready)
{
    double target = v->setting->target * v->model->concurrency;
    double most = ceil(v->setting->up_factor * ready), least = floor(ready / down_factor_max);
    return (uint32_t)fmin(fmax(ceil(concurrency / target - 1e-9), least), most);
}

static void begin(struct knative_state *k, const struct sim_view *v)
{
    k->has_begun = true;
    if (v->serving <= 1)
        return;
    k->is_panicking = true;
    k->panic_s = v->now_s;
    k->panic_most = v->serving;
}

static void watch_panic(struct knative_state *k, const struct sim_view *v, double panic_mean, uint32_t ready)
{
    double target = v->setting->target * v->model->concurrency;
    bool is_over = ceil(panic_mean / target) / ready >= panic_threshold;
    if (is_over) {
        if (!k->is_panicking)
            k->panic_most = 0;
        k->is_panicking = true;
        k->panic_s = v->now_s;
    } else if (k->is_panicking && v->now_s > k->panic_s + STABLE_S) {
        k->is_panicking = false;
        k->panic_most = 0;
    }
}

static uint32_t delay_down(struct knative_state *k, const struct sim_view *v, uint32_t n)
{
    uint32_t looks = MIN(v->setting->down_s / PERIOD_S + 1, DELAY_SLOTS), most = 0;
    k->past[k->count++ % DELAY_SLOTS] = n;
    for (uint32_t i = 0; i < MIN(looks, k->count); i++)
        most = MAX(most, k->past[(k->count - 1 - i) % DELAY_SLOTS]);
    return most;
}

/* Zero only when the stable window was empty, and the activator has been in the path for a while. */
static uint32_t hold_last(struct knative_state *k, const struct sim_view *v, double stable_mean, uint32_t n)
{
    if (n > 0 || stable_mean > 0) {
        k->idle_since_s = 0;
        return MAX(n, 1);
    }
    if (!k->idle_since_s)
        k->idle_since_s = v->now_s;
    return v->now_s - k->idle_since_s >= IDLE_S ? 0 : MIN(v->wanted, 1);
}

static uint32_t decide(void *state, const struct sim_view *v)
{
    struct knative_state *k = state;
    uint32_t ready = MAX(v->serving, 1);
    double stable_mean = mean_concurrency(v, STABLE_S), panic_mean = mean_concurrency(v, PANIC_S);
    if (!k->has_begun)
        begin(k, v);
    uint32_t n = wanted_for(v, stable_mean, ready);
    watch_panic(k, v, panic_mean, ready);
    if (k->is_panicking) {
        n = MAX(n, wanted_for(v, panic_mean, ready));
        k->panic_most = MAX(k->panic_most, n);
        n = k->panic_most;
    }
    n = delay_down(k, v, n);
    return v->model->servers_min == 0 ? hold_last(k, v, stable_mean, n) : n;
}

static void describe(const struct sim_setting *s, struct buf *out)
{
    buf_printf(out, "utilization %g%%, up rate %g, down delay %us", s->target * 100, s->up_factor, s->down_s);
}

const struct sim_policy_ops policy_knative = {.name = "knative",
                                              .period_s = PERIOD_S,
                                              .state_bytes = sizeof(struct knative_state),
                                              .decide = decide,
                                              .describe = describe};
