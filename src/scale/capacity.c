/*
 * How the capacity of a server is learned.
 *
 * Of each stretch of steady load ("window": a second or more, ten requests or more) we note, per server, the
 * mean requests in flight n and the mean time D that a request held its slot; throughput is X = n / D
 * (Little). Windows go into levels of concurrency, two to a power of two; each level keeps moving means. From
 * the levels:
 *
 * - base time D0: the smallest D of any level, a request's time on a server that is not overloaded;
 * - work of a level: n x D0 / D = X x D0, how many of the n are worked on, while the rest waits in the
 * server;
 * - capacity: the most work of any level whose D was allowed: 2 x D0, or what the stated objective leaves.
 *
 * X x D0 is the product of throughput ceiling and unloaded latency, the knee of operational analysis (and the
 * idea behind TCP BBR). While no level shows a ceiling the true capacity is "at least": we count with the
 * start value, or half as much again as was seen.
 *
 * D0 can be trusted when the server was seen with light load, or when more in flight gave more throughput
 * than the lowest level did. If throughput was flat from the lowest level up, the knee is below all that was
 * seen; we count with half of the lowest, so that the policy makes us look there. With one level only nobody
 * can tell a large server from an overloaded one, so we look at half of it too, but not below the start
 * value.
 *
 * What keeps it from running away:
 *
 * 1. Only steady windows count: n and busy time agree by Little's law, few errors, no server comes or goes.
 * 2. A level needs three windows; with each one an estimate moves by x1.5 or x0.5 at most, within 1..1024.
 * 3. A shared bottleneck (a slow database) raises D, and so never raises work = X x D0: requests that pile up
 *    in slow servers are waiting, not work, and do not multiply servers. The best level seen is remembered.
 * 4. An objective below what an idle server does would ask for ever more: D of 1.2 x D0 is always allowed.
 *
 * Memory: a level is overwritten by the next visit. A ceiling that was not met for ten minutes is forgotten,
 * so that a hiccup cannot make a service cautious for ever; the policy then packs a little tighter, and meets
 * it again or does not.
 */
#include "scale/capacity.h"

#include "base/clock.h"
#include "base/macros.h"

#include <math.h>
#include <string.h>

#define WINDOW_NS_MIN    (1 * NS_PER_S)
#define WINDOW_NS_MAX    (30 * NS_PER_S)
#define MEMORY_NS        (600 * NS_PER_S)
#define EXPLORE_START_NS (20 * NS_PER_S)
#define CEILING_NS       (6 * 3600 * NS_PER_S) /* meeting it anew costs requests their objective */
#define SERVICE_START_NS (100 * NS_PER_MS)     /* a request's time before the first one ended */
enum { WINDOW_FINISHED = 10, WINDOW_FINISHED_MIN = 5, LEVEL_WINDOWS_MIN = 3, CEILING_FINISHED = 50 };

/* A server with fewer in flight is taken for not overloaded. */
static const double light_load = 2.5;
static const double level_weight_min = 0.2; /* of a new window in its level */
static const double ceiling_efficiency =
    0.7; /* a level where less of what is in flight is work shows the ceiling */
static const double overloaded_efficiency = 0.5; /* less for sure: throughput is the ceiling */
/* So many times the servers, and less than so many times the throughput: they share a bottleneck. */
static const double shared_servers = 1.5, shared_gain = 1.2;
static const double allowed_without_objective = 2; /* x base time: a request waits no longer than it works */
static const double objective_share = 0.8;         /* the rest is left for the queue and the network */
/* While no ceiling was ever met we count with so much more than seen; after one was, with less, since it may
 * be near. More than the burst margin takes away, or nothing new would ever be seen. */
static const double explore_factor_first = 1.75, explore_factor = 1.25;

const char *capacity_source_name(enum capacity_source s)
{
    static const char *const names[] = {"start", "learned", "in_flight", "max_requests"};
    ASSERT((unsigned)s < ARRAY_LEN(names));
    return names[s];
}

void capacity_init(struct capacity_model *m)
{
    memset(m, 0, sizeof(*m));
}

/* Levels: 0 below 0.75 in flight, then two to a power of two: 1, 1.4, 2, 2.8, 4, … */
static unsigned level_of(double in_flight)
{
    if (in_flight < 0.75)
        return 0;
    double level = 1 + round(2 * log2(in_flight));
    return (unsigned)fmin(fmax(level, 1), CAPACITY_LEVELS - 1);
}

static bool level_is_known(const struct capacity_level *l)
{
    return l->windows >= LEVEL_WINDOWS_MIN && l->duration_ns > 0;
}

static double level_throughput(const struct capacity_level *l)
{
    return l->in_flight / l->duration_ns;
}

static void level_note(struct capacity_level *l, double in_flight, double duration_ns, int64_t now_ns)
{
    l->windows++;
    l->seen_ns = now_ns;
    double weight = fmax(1.0 / l->windows, level_weight_min);
    l->in_flight += weight * (in_flight - l->in_flight);
    l->duration_ns += weight * (duration_ns - l->duration_ns);
}

static double base_duration_ns(const struct capacity_model *m) /* 0: nothing known */
{
    double base = 0;
    for (unsigned i = 0; i < CAPACITY_LEVELS; i++)
        if (level_is_known(&m->levels[i]) && (base == 0 || m->levels[i].duration_ns < base))
            base = m->levels[i].duration_ns;
    return base;
}

/* A ceiling not met for long is forgotten; what it taught stays in `learned`, which is only explored from
 * there. */
static void forget_old_ceilings(struct capacity_model *m, double base_ns, int64_t now_ns)
{
    for (unsigned i = 0; i < CAPACITY_LEVELS; i++) {
        struct capacity_level *l = &m->levels[i];
        if (l->windows && now_ns - l->seen_ns > MEMORY_NS && base_ns / l->duration_ns < ceiling_efficiency)
            *l = (struct capacity_level){0};
    }
}

static double allowed_duration_ns(const struct capacity_model *m, const struct capacity_limits *limits,
                                  double base_ns)
{
    if (limits->objective_ns <= 0)
        return allowed_without_objective * base_ns;
    double tail = m->tail_ratio > 0 ? m->tail_ratio : 2;
    return fmax(objective_share * (double)limits->objective_ns / tail, 1.2 * base_ns);
}

/*
 * Is the lowest level that was seen below the knee, so that its duration is the base? Sound when the server
 * had light load there, or when more in flight gave more throughput. Where it did not, the knee is further
 * down. With nothing to compare, who knows.
 */
enum bottom { BOTTOM_UNKNOWN, BOTTOM_BEYOND_KNEE, BOTTOM_SOUND };

static enum bottom judge_bottom(const struct capacity_model *m, double *ret_lowest)
{
    const struct capacity_level *low = NULL;
    double growth = 0;
    for (unsigned i = 0; i < CAPACITY_LEVELS; i++) {
        const struct capacity_level *l = &m->levels[i];
        if (!level_is_known(l))
            continue;
        if (!low)
            low = l;
        else if (l->in_flight > 1.3 * low->in_flight)
            growth = fmax(growth, level_throughput(l) / level_throughput(low));
    }
    ASSERT(low);
    *ret_lowest = low->in_flight;
    if (low->in_flight < light_load || growth >= 1.1)
        return BOTTOM_SOUND;
    return growth > 0 ? BOTTOM_BEYOND_KNEE : BOTTOM_UNKNOWN;
}

/* The most work of any level whose duration is allowed; and how much of the highest level's in-flight is
 * work; and the least work of a level that is not allowed. */
static double best_work(const struct capacity_model *m, double base_ns, double allowed_ns,
                        double *ret_top_share, double *ret_limit)
{
    double best = 0, limit = CAPACITY_MAX_IN_FLIGHT;
    for (unsigned i = 0; i < CAPACITY_LEVELS; i++) {
        const struct capacity_level *l = &m->levels[i];
        if (!level_is_known(l))
            continue;
        *ret_top_share = base_ns / l->duration_ns;
        double work = l->in_flight * base_ns / l->duration_ns;
        if (l->duration_ns <= allowed_ns)
            best = fmax(best, work);
        else
            limit = fmin(limit, work);
    }
    *ret_limit = limit;
    return best;
}

/* A step too far lasts until a server has started: the slower that is, the smaller the steps. */
static double explore_first(const struct capacity_limits *limits)
{
    double share = limits->start_time_ns > EXPLORE_START_NS
                       ? (double)EXPLORE_START_NS / (double)limits->start_time_ns
                       : 1;
    return 1 + (explore_factor_first - 1) * share;
}

/* The capacity that the levels speak for. */
static double capacity_of_levels(struct capacity_model *m, const struct capacity_limits *limits,
                                 double base_ns)
{
    double lowest = 0, top_share = 1;
    enum bottom bottom = judge_bottom(m, &lowest);
    m->is_base_known = bottom == BOTTOM_SOUND;
    if (bottom == BOTTOM_BEYOND_KNEE)
        return lowest / 2;
    if (bottom == BOTTOM_UNKNOWN)
        return fmax(lowest / 2, CAPACITY_START_IN_FLIGHT);
    double limit, best = best_work(m, base_ns, allowed_duration_ns(m, limits, base_ns), &top_share, &limit);
    m->is_saturation_seen = m->is_saturation_seen || top_share < ceiling_efficiency || m->ceiling > 0;
    if (m->ceiling > 0)
        return fmax(fmin(m->ceiling, limit), best);
    if (top_share < ceiling_efficiency)
        return best;
    /* Forgotten since, or never measured: light load alone must not make servers look small. */
    if (m->is_saturation_seen)
        return fmax(CAPACITY_START_IN_FLIGHT, explore_factor * best);
    return fmax(CAPACITY_START_IN_FLIGHT, best * explore_first(limits));
}

static void learn(struct capacity_model *m, const struct capacity_limits *limits, int64_t now_ns)
{
    double base_ns = base_duration_ns(m);
    if (base_ns == 0)
        return;
    forget_old_ceilings(m, base_ns, now_ns);
    double before = m->learned > 0 ? m->learned : CAPACITY_START_IN_FLIGHT;
    double wanted = capacity_of_levels(m, limits, base_ns);
    wanted = fmin(fmax(wanted, before * 0.5), before * 1.5);
    m->learned = fmin(fmax(wanted, 1), CAPACITY_MAX_IN_FLIGHT);
}

/*
 * An overloaded server's throughput is its ceiling, steady or not. Less than the best that went well is no
 * ceiling of the server's but a hiccup: capacity_of_levels() takes the larger. And one that falls as servers
 * are added is not the servers' own: they share what holds them (a database).
 */
static void note_ceiling(struct capacity_model *m, int64_t now_ns)
{
    double in_flight = m->window_concurrency_ns / (double)m->window_ns / m->window_servers;
    double work = (double)m->window_finished * base_duration_ns(m) / (double)m->window_ns / m->window_servers;
    bool is_certain = m->window_finished >= CEILING_FINISHED && m->window_errors * 10 <= m->window_finished;
    if (m->ceiling > 0 && now_ns - m->ceiling_ns > CEILING_NS)
        m->ceiling = 0;
    if (work >= overloaded_efficiency * in_flight)
        m->is_bottleneck_shared = false;
    if (!m->is_base_known || !is_certain || work >= overloaded_efficiency * in_flight)
        return;
    if (m->ceiling > 0 && m->window_servers > m->ceiling_servers && work < m->ceiling) {
        m->is_bottleneck_shared = m->window_servers >= shared_servers * m->ceiling_servers &&
                                  work * m->window_servers < shared_gain * m->ceiling * m->ceiling_servers;
        return;
    }
    m->ceiling = m->ceiling > 0 ? m->ceiling + 0.3 * (work - m->ceiling) : work;
    m->ceiling_ns = now_ns;
    m->ceiling_servers = m->window_servers;
}

static void window_reset(struct capacity_model *m, uint32_t servers)
{
    m->window_ns = m->window_busy_ns = 0;
    m->window_concurrency_ns = 0;
    m->window_finished = m->window_errors = 0;
    m->window_servers = servers;
}

static bool window_is_steady(const struct capacity_model *m)
{
    double in_flight = m->window_concurrency_ns / (double)m->window_ns;
    double by_little = (double)m->window_busy_ns / (double)m->window_ns;
    return fabs(in_flight - by_little) <= 0.25 * in_flight + 0.5 &&
           m->window_errors * 10 <= m->window_finished;
}

static void window_close(struct capacity_model *m, const struct capacity_limits *limits, int64_t now_ns)
{
    if (m->window_finished >= WINDOW_FINISHED_MIN) {
        double before = m->ceiling;
        note_ceiling(m, now_ns);
        if (m->ceiling != before)
            learn(m, limits, now_ns);
    }
    if (m->window_finished >= WINDOW_FINISHED_MIN && window_is_steady(m)) {
        double in_flight = m->window_concurrency_ns / (double)m->window_ns / m->window_servers;
        double duration_ns = (double)m->window_busy_ns / (double)m->window_finished;
        if (in_flight > 0 && duration_ns > 0) {
            level_note(&m->levels[level_of(in_flight)], in_flight, duration_ns, now_ns);
            learn(m, limits, now_ns);
        }
    }
    window_reset(m, m->window_servers);
}

/* Moving means with a time constant, for samples that come at uneven times. */
static double approach(double mean, double sample, int64_t span_ns, int64_t constant_ns)
{
    return mean == 0 ? sample : mean + (1 - exp(-(double)span_ns / (double)constant_ns)) * (sample - mean);
}

static void observe_durations(struct capacity_model *m, const struct scale_signals *g)
{
    if (g->duration_mean_ns > 0) {
        double ratio = (double)g->duration_quantile_ns / (double)g->duration_mean_ns;
        m->tail_ratio = approach(m->tail_ratio, fmin(fmax(ratio, 1), 20), g->span_ns, 10 * NS_PER_S);
    }
    if (g->finished)
        m->recent_ns = approach(m->recent_ns, (double)g->busy_ns / (double)g->finished, g->span_ns, NS_PER_S);
}

void capacity_observe(struct capacity_model *m, const struct capacity_limits *limits,
                      const struct scale_signals *g)
{
    ASSERT(g->span_ns >= 0 && g->concurrency >= 0);
    observe_durations(m, g);
    /* Servers that warm up or drain answer at their own pace: such a time teaches nothing about a full
     * server. */
    bool is_moving = g->servers[SERVER_WARMING] > 0 || g->available != g->servers[SERVER_SERVING];
    if (g->available == 0 || is_moving || g->available != m->window_servers) {
        window_reset(m, is_moving ? 0 : g->available);
        return;
    }
    m->window_ns += g->span_ns;
    m->window_busy_ns += g->busy_ns;
    m->window_concurrency_ns += g->concurrency * (double)g->span_ns;
    m->window_finished += g->finished;
    m->window_errors += g->errors;
    bool is_full = m->window_ns >= WINDOW_NS_MIN && m->window_finished >= WINDOW_FINISHED;
    if (is_full || m->window_ns >= WINDOW_NS_MAX)
        window_close(m, limits, g->now_ns);
}

static struct capacity_estimate given(enum capacity_source source, uint32_t in_flight, double recent_ns)
{
    return (struct capacity_estimate){
        .source = source,
        .in_flight = in_flight,
        .service_ns = recent_ns >= 1 ? (int64_t)recent_ns : SERVICE_START_NS,
        .work_share = 1,
        .is_saturation_seen = true,
    };
}

struct capacity_estimate capacity_get(const struct capacity_model *m, const struct capacity_limits *limits)
{
    uint32_t target = limits->target_in_flight;
    if (limits->max_requests && (target == 0 || limits->max_requests <= target))
        return given(CAPACITY_MAX_REQUESTS, limits->max_requests, m->recent_ns);
    if (target)
        return given(CAPACITY_IN_FLIGHT, target, m->recent_ns);
    double base_ns = base_duration_ns(m);
    if (m->learned == 0 || base_ns == 0)
        return given(CAPACITY_START, CAPACITY_START_IN_FLIGHT, m->recent_ns);
    /* While the base time is not known for sure, all that is in flight counts as work. */
    bool is_inflated = m->is_base_known && m->recent_ns > base_ns;
    return (struct capacity_estimate){
        .source = CAPACITY_LEARNED,
        .in_flight = m->learned,
        .service_ns = (int64_t)fmax(base_ns, 1),
        .work_share = is_inflated ? base_ns / m->recent_ns : 1,
        .is_saturation_seen = m->is_saturation_seen,
        .is_bottleneck_shared = m->is_bottleneck_shared,
    };
}
