/*
 * Each target is a plain ratio, seen / stated: whoever states a target has chosen the room that he wants, so
 * neither growth nor chance is added. What waits is added by the policy, as one-off work: a server at 100 %
 * of its CPU cannot show how much more is asked for, but the queue before it does.
 *
 * CPU is a mean over MEAN_NS, exponentially weighted: single requests cost more or less, and the kernel
 * counts in ticks. Where no server's CPU is known (the first has not settled yet) the last mean stays for a
 * while; after UNKNOWN_NS it is given up, and the need is computed from the work as if nothing had been
 * stated.
 */
#include "scale/targets.h"

#include "base/clock.h"
#include "base/macros.h"

#include <math.h>
#include <stdio.h>

#define MEAN_NS    (15 * NS_PER_S)
#define UNKNOWN_NS (120 * NS_PER_S) /* longer than any server counts as new */

static const char *const names[SCALE_TERM_COUNT] = {
#define TERM_NAME(upper, lower, unit) #lower,
    SCALE_TERMS(TERM_NAME)};
static const char *const units[SCALE_TERM_COUNT] = {
#define TERM_UNIT(upper, lower, unit) unit,
    SCALE_TERMS(TERM_UNIT)};

const char *scale_term_name(enum scale_term t)
{
    ASSERT((unsigned)t < SCALE_TERM_COUNT);
    return names[t];
}

void targets_observe(struct targets_state *t, const struct targets_limits *limits,
                     const struct scale_signals *g)
{
    if (limits->cpu_cores <= 0) {
        t->is_started = t->has_cpu = false;
        return;
    }
    if (!t->is_started)
        *t = (struct targets_state){.is_started = true, .cpu_seen_ns = g->now_ns};
    bool is_known = g->cpu_servers > 0 && g->cpu_cores >= 0 && isfinite(g->cpu_cores);
    if (!is_known) {
        t->has_cpu = t->has_cpu && g->now_ns - t->cpu_seen_ns < UNKNOWN_NS;
        return;
    }
    double share = 1 - exp(-(double)MAX(g->span_ns, 0) / (double)MEAN_NS);
    t->cpu_cores = t->has_cpu ? t->cpu_cores + share * (g->cpu_cores - t->cpu_cores) : g->cpu_cores;
    t->has_cpu = true;
    t->cpu_seen_ns = g->now_ns;
}

static struct target_need need_of(double per_server, bool is_known, double seen)
{
    struct target_need n = {.per_server = fmax(per_server, 0)};
    if (n.per_server == 0 || !is_known)
        return n;
    n.is_known = true;
    n.seen = seen;
    n.servers = seen / n.per_server;
    return n;
}

struct targets_need targets_get(const struct targets_state *t, const struct targets_limits *limits,
                                double rate, int64_t now_ns)
{
    struct targets_need n = {.rate = need_of(limits->requests_per_second, true, rate),
                             .cpu = need_of(limits->cpu_cores, t->has_cpu, t->cpu_cores)};
    bool is_cpu_awaited = n.cpu.per_server > 0 && now_ns - t->cpu_seen_ns < UNKNOWN_NS;
    n.is_alone = !limits->has_work && (n.rate.is_known || n.cpu.is_known || is_cpu_awaited);
    return n;
}

enum scale_term targets_largest(const struct targets_need *n)
{
    if (!n->rate.is_known && !n->cpu.is_known)
        return SCALE_TERM_WORK;
    if (!n->cpu.is_known)
        return SCALE_TERM_RATE;
    return n->rate.is_known && n->rate.servers >= n->cpu.servers ? SCALE_TERM_RATE : SCALE_TERM_CPU;
}

const struct target_need *targets_of(const struct targets_need *n, enum scale_term term)
{
    ASSERT(term == SCALE_TERM_RATE || term == SCALE_TERM_CPU);
    return term == SCALE_TERM_RATE ? &n->rate : &n->cpu;
}

char *targets_format(char out[TARGET_TEXT_BYTES], const struct targets_need *n, enum scale_term term)
{
    const struct target_need *need = targets_of(n, term);
    int decimals = term == SCALE_TERM_CPU ? 2 : 1;
    (void)snprintf(out, TARGET_TEXT_BYTES, "%.*f %s, of which one server should have %.4g", decimals,
                   need->seen, units[term], need->per_server);
    return out;
}
