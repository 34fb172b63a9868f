/*
 * How the capacity of a server is learned.
 *
 * A request that is sent to a server as its n-th takes the service time S while n is at most K, the number
 * that the server works on at once; beyond that it takes S x n / K, whether the others wait in line or all
 * share the processor (a little less in a line, since the one before it is half done). So for each n the mean
 * duration of requests that were sent then is kept, and how fast answers came meanwhile; the K that fits both
 * best is the knee (knee.c: each is wrong where the other is right). Chance alone
 * makes the number in flight go up and down, so the knee shows before servers are overloaded for long. K is a
 * whole number mostly, and what is near one is taken for it. While requests wait all the time, what servers
 * get done tells K more directly: answers a second x S.
 *
 * Rejected: the rate of answers at each n alone, which is right only when service times are exponential or
 * all share; the throughput of steady windows, which takes chance for overload.
 *
 * The knee is believed when it fits far better than "none so far" (`evidence`, with deviations as large as
 * means) and requests that were sent beyond it did take longer, by the logarithm of their durations: among
 * requests that sleep (streams, long polls) a few long ones must not look like a knee. While there is none
 * the capacity is "at least": the highest level that was seen to go well, and not less than the start value.
 *
 * A slow database makes all servers slow: their throughput together then does not grow with their number
 * (note_ceiling), and no more are added.
 *
 * Load that is spread over many servers shows no knee. So one of them is filled before the others get any
 * (fill_to), to twice what went well, which doubles with each step: with an objective only as far as it holds
 * if the knee is right behind what was seen, and only while the load could reach something new.
 *
 * The server that is filled may be one that carries less than the others. So once the knee is met there, a
 * second one is filled as far beyond it (try_to), and bears it out, or shows that the first is narrow
 * (server_knee.h): then that one's past is taken out, and the search goes on with the others.
 *
 * Once met, a knee stays until what is seen contradicts it, not only until it is remembered too little.
 *
 * The limit that the balancer enforces is a little over the knee: enough to go on seeing it from both sides,
 * and to have the next request there when one is answered.
 *
 * Memory: by number of requests, not by time, so a quiet night forgets nothing: a level holds what its last
 * few thousand requests taught. When the service time changes by more than a quarter (a new version, another
 * mix), all levels are rescaled to it and count for less, so that new evidence soon outweighs them.
 */
#include "scale/capacity.h"

#include "base/clock.h"
#include "base/macros.h"
#include "scale/keep.h"

#include <math.h>
#include <string.h>

#define SERVICE_START_NS   (100 * NS_PER_MS) /* a request's time before the first one ended */
#define KNEE_CALM_NS       (5 * NS_PER_S)
#define EXPLORE_START_NS   (10 * NS_PER_S)
#define CEILING_SETTLED_NS (2 * NS_PER_S)
#define CEILING_NS         (1800 * NS_PER_S) /* what more servers got done is compared with so long */
#define BOTTLENECK_NS      (60 * NS_PER_S)   /* not overloaded for so long: perhaps the cause is gone */
enum { CEILING_SECONDS = 2, CEILING_REQUESTS = 50 };

static const double level_departures_max = 4000; /* a level's memory */
static const double top_departures_min = 20;     /* fewer say nothing of a level */
static const double fit_admissions_min = 5;      /* enough where levels are weighed by their number */
static const double evidence = 12;               /* reached by chance once in 1000 */
static const double interval = 4;
/* Waiting for the best part of two seconds; enough answers to believe; by how much they may correct. */
static const double full_queue = 0.95, full_departures_min = 200, full_departures_max = 2000;
static const double full_correction = 1.3;
static const double knee_step = 1.02;
static const double inexactness = 0.05; /* of levels that hold more than one number */
static const double slower_octaves = 0.1, slower_deviations = 3;  /* of durations, beyond the knee */
static const double service_requests = 500, service_seconds = 30; /* memory of the service time */
static const double service_change = 0.22;                        /* logarithm */
static const double rescaled_weight = 0.2, changed_departures_min = 100;
static const double overloaded_queue = 0.5, overloaded_level = 1.25;
static const double calm_factor = 1.25;
static const double piling_share = 0.15, piling_deviations = 1.5, piling_seconds = 3;
static const double shared_servers = 1.5, shared_gain = 0.3;
static const double objective_share = 0.8; /* the rest is left for the queue and the network */
static const double allowed_always = 1.2;  /* x the base time, however tight the objective */
static const double tail_ratio_max = 6;
static const double explore_share = 0.25;
static const double errors_max = 0.1;
static const double fill_factor = 2;     /* requests take twice as long at worst */
static const double tried_factor = 1.25; /* less beyond the knee tells too little of it */
static const double unreachable_departures = 1000;
static const double turns_min = 4;
static const double fill_service_s_max = 5, sure_width = 0.1, chance_deviations = 2;

const char *capacity_source_name(enum capacity_source s)
{
    static const char *const names[] = {"start", "learned", "in_flight", "max_requests"};
    ASSERT((unsigned)s < ARRAY_LEN(names));
    return names[s];
}

void capacity_init(struct capacity_model *m)
{
    memset(m, 0, sizeof(*m));
    m->work_share = 1;
}

/* ---- the levels ---- */

/* Looks at the number in flight are fewer than requests where these are short: no surer than the looks. */
static double weight_of(const struct scale_levels *l)
{
    uint64_t departures = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++)
        departures += l->departures[i];
    return departures > l->samples ? (double)l->samples / (double)departures : 1;
}

static void level_add(struct knee_level *level, const struct scale_levels *l, unsigned i, double weight)
{
    level->time_s += weight * (double)l->time_ns[i] / (double)NS_PER_S;
    level->departures += weight * (double)l->departures[i];
    level->admissions += (double)l->admissions[i];
    level->admission_s += (double)l->admission_ns[i] / (double)NS_PER_S;
    level->admission_logs += (double)l->admission_logs[i];
    double keep = level_departures_max / fmax(level->departures, level_departures_max);
    level->time_s *= keep;
    level->departures *= keep;
    keep = level_departures_max / fmax(level->admissions, level_departures_max);
    level->admissions *= keep;
    level->admission_s *= keep;
    level->admission_logs *= keep;
}

/* The logarithm (octaves) of how long requests took that were sent at levels first..last. */
static double typical_log(const struct capacity_model *m, unsigned first, unsigned last, double *ret_count)
{
    double logs = 0, count = 0;
    for (unsigned i = first; i <= last && i < LEVEL_COUNT; i++) {
        logs += m->levels[i].admission_logs;
        count += m->levels[i].admissions;
    }
    *ret_count = count;
    return count > 0 ? logs / count / 16 : 0;
}

/* Requests sent at this level took no longer than those below it, as far as was seen. */
static bool is_flat(const struct capacity_model *m, unsigned level, double octaves)
{
    double below_count, count;
    double below = level ? typical_log(m, 0, level - 1, &below_count) : (below_count = 0);
    double at = typical_log(m, level, level, &count);
    if (below_count < 1)
        return level < CAPACITY_START_IN_FLIGHT;
    return at - below <= fmax(octaves, slower_deviations * sqrt(1 / below_count + 1 / count));
}

/* The highest number in flight that was seen to go well, by as many requests as make so many turns of it. */
static double top_level(const struct capacity_model *m, double turns)
{
    for (unsigned i = LEVEL_COUNT; i-- > 0;) {
        double enough = fmax(top_departures_min, turns * level_in_flight(i));
        if (m->levels[i].departures >= enough && m->levels[i].admissions >= enough &&
            is_flat(m, i, slower_octaves))
            return level_in_flight(i);
    }
    return 0;
}

/* ---- the knee ---- */

/* About 95 % confidence. */
static void find_interval(struct capacity_model *m, const struct knee_seen *seen, double best, double at_best,
                          double most)
{
    double service_s, low = best, high = best;
    while (low > 0.5 && knee_misfit(seen, low / knee_step, &service_s) - at_best < interval)
        low /= knee_step;
    while (high < most && knee_misfit(seen, high * knee_step, &service_s) - at_best < interval)
        high *= knee_step;
    m->knee_low = low;
    m->knee_high = high;
}

/* Did requests sent beyond this level take longer? The deviation of durations is taken as an octave. */
static bool is_slower_beyond(const struct capacity_model *m, unsigned level)
{
    double below_count, beyond_count;
    double below = typical_log(m, 0, level, &below_count);
    double beyond = typical_log(m, level + 1, LEVEL_COUNT - 1, &beyond_count);
    if (below_count < 1 || beyond_count < 1)
        return false;
    return beyond - below >
           fmax(slower_octaves, slower_deviations * sqrt(1 / below_count + 1 / beyond_count));
}

/* While all that was seen is overload a server may be slow and wide, or quick and narrow: a knee below all
 * levels explains it as well, but for what levels are not exact in. */
static bool is_all_beyond(const struct capacity_model *m, const struct knee_seen *seen, double at_best)
{
    double service_s, requests = 0;
    unsigned lowest = 0;
    while (lowest < LEVEL_COUNT && m->levels[lowest].admissions < fit_admissions_min)
        lowest++;
    for (unsigned i = lowest; i < LEVEL_COUNT; i++)
        requests += m->levels[i].admissions;
    return lowest > 0 && knee_misfit(seen, level_in_flight(lowest), &service_s) - at_best <
                             fmax(evidence, inexactness * inexactness * requests);
}

/* What servers get done while requests wait, where enough of that was seen: it may correct the knee a little.
 */
static double correct_knee(const struct capacity_model *m, double knee)
{
    if (m->full_departures < full_departures_min || m->full_s <= 0)
        return knee_whole(knee);
    double seen = m->full_departures / m->full_s * m->service_s;
    double chance = seen * chance_deviations / sqrt(m->full_departures);
    double corrected = fmin(fmax(knee, seen - chance), seen + chance);
    return knee_whole(fmin(fmax(corrected, knee / full_correction), knee * full_correction));
}

/*
 * More servers, and each carries less: then something that they share is likely to be the cause, and what
 * they get done together will tell (note_ceiling). Until their number has been the same for a while the knee
 * does not fall, or each fall would ask for more servers that make it fall further.
 */
static bool may_fall(struct capacity_model *m, const struct scale_signals *g)
{
    if (g->available > calm_factor * m->calm_servers || m->calm_servers > calm_factor * g->available) {
        m->calm_servers = g->available;
        m->calm_since_ns = g->now_ns;
    }
    return g->now_ns - m->calm_since_ns >= KNEE_CALM_NS;
}

static void find_knee(struct capacity_model *m, const struct scale_signals *g)
{
    bool is_calm = may_fall(m, g);
    unsigned highest = LEVEL_COUNT;
    while (highest > 0 && m->levels[highest - 1].admissions < fit_admissions_min)
        highest--;
    m->top = top_level(m, 0);
    if (highest == 0)
        return;
    const struct knee_law law = knee_law_of(m->levels);
    struct knee_seen seen;
    knee_see(m->levels, &law, &seen);
    double service_s, most = level_in_flight(highest - 1), best = most;
    double none = knee_misfit(&seen, INFINITY, &service_s), at_best = none;
    for (double knee = most / knee_step; knee > 0.7; knee /= knee_step) {
        double fit = knee_misfit(&seen, knee, &service_s);
        if (fit < at_best) {
            at_best = fit;
            best = knee;
        }
    }
    find_interval(m, &seen, best, at_best, most);
    double knee = knee_whole(best);
    if (none - at_best < evidence || is_all_beyond(m, &seen, at_best) ||
        !is_slower_beyond(m, level_of((uint32_t)fmax(knee, 1)))) {
        if (m->knee > 0 && knee_misfit(&seen, m->knee, &service_s) - at_best > evidence)
            m->knee = 0;
        return;
    }
    if (m->knee == 0) {
        (void)knee_misfit(&seen, best, &service_s);
        m->service_s = service_s;
    }
    knee = fmax(correct_knee(m, best), 1);
    m->knee = is_calm ? knee : fmax(knee, m->knee);
    m->knee_low = fmin(m->knee_low, m->knee);
    m->knee_high = fmax(m->knee_high, m->knee);
}

/* While requests wait, every server has all that it can do. */
static void note_full(struct capacity_model *m, const struct scale_levels *l)
{
    if (m->queued_share < full_queue)
        return;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        m->full_s += (double)l->time_ns[i] / (double)NS_PER_S;
        m->full_departures += (double)l->departures[i];
    }
    double keep = full_departures_max / fmax(m->full_departures, full_departures_max);
    m->full_s *= keep;
    m->full_departures *= keep;
}

/* The most in flight at which requests keep the objective, as they were seen to; 0: all levels do. */
static void find_allowed(struct capacity_model *m, const struct capacity_limits *limits)
{
    m->allowed = 0;
    if (limits->objective_ns <= 0 || m->tail_ratio == 0)
        return;
    double base = INFINITY, before = 1;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        const struct knee_level *l = &m->levels[i];
        if (l->admissions < 5 * top_departures_min)
            continue;
        double typical_s = exp2(l->admission_logs / l->admissions / 16) * histogram_log_unit_s();
        base = fmin(base, typical_s);
        double allowed_s =
            fmax(objective_share * (double)limits->objective_ns / (double)NS_PER_S / m->tail_ratio,
                 allowed_always * base);
        if (typical_s > allowed_s) {
            m->allowed = before;
            return;
        }
        before = level_in_flight(i);
    }
}

/* ---- the service time ---- */

/* What a request took of late, waiting inside overloaded servers taken off; and how much of what was in
 * flight was work. */
static void note_service(struct capacity_model *m, const struct scale_levels *l)
{
    double knee = m->knee > 0 ? m->knee : INFINITY, work_s = 0, in_flight_s = 0, departures = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        double time_s = (double)l->time_ns[i] / (double)NS_PER_S;
        in_flight_s += time_s * level_in_flight(i);
        work_s += time_s * fmin(level_in_flight(i), knee);
        departures += (double)l->departures[i];
    }
    if (in_flight_s > 0)
        m->work_share = work_s / in_flight_s;
    if (departures < 1 || work_s == 0)
        return;
    double service_s = work_s / departures;
    double weight = fmin(1 - exp(-departures / service_requests), 1 - exp(-1 / service_seconds));
    m->service_s = m->service_s == 0 ? service_s : m->service_s + weight * (service_s - m->service_s);
}

/*
 * Are requests answered as fast as they were at the same levels? A level that was not seen before says
 * nothing of that. When not, the levels remember requests of another kind: make them comparable.
 */
static void notice_change(struct capacity_model *m, const struct scale_levels *l, double weight)
{
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        const struct knee_level *level = &m->levels[i];
        if (level->departures < changed_departures_min || level->time_s == 0)
            continue;
        m->answered += weight * (double)l->departures[i];
        m->answered_before +=
            weight * (double)l->time_ns[i] / (double)NS_PER_S * level->departures / level->time_s;
    }
    double keep = service_requests / fmax(m->answered, service_requests);
    m->answered *= keep;
    m->answered_before *= keep;
    if (m->answered < changed_departures_min || m->answered_before == 0 ||
        fabs(log(m->answered_before / m->answered)) < service_change)
        return;
    double ratio = fmin(fmax(m->answered_before / m->answered, 1e-3), 1e3);
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        struct knee_level *level = &m->levels[i];
        level->time_s *= rescaled_weight * ratio;
        level->departures *= rescaled_weight;
        level->admission_logs =
            fmax(rescaled_weight * (level->admission_logs + 16 * log2(ratio) * level->admissions), 0);
        level->admission_s *= rescaled_weight * ratio;
        level->admissions *= rescaled_weight;
    }
    m->answered = m->answered_before = 0;
    m->full_s = m->full_departures = 0;
}

/* ---- what servers get done together ---- */

/* More comes in than goes out: what everybody waits for is elsewhere, in a database say. */
static bool is_piling_up(const struct capacity_model *m)
{
    double chance = piling_deviations * sqrt(m->arrivals_per_s / piling_seconds);
    return m->arrivals_per_s - m->finished_per_s > fmax(piling_share * m->arrivals_per_s, chance);
}

static bool is_overloaded(const struct capacity_model *m, const struct scale_levels *l)
{
    double in_flight_s = 0, seconds = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        seconds += (double)l->time_ns[i] / (double)NS_PER_S;
        in_flight_s += (double)l->time_ns[i] / (double)NS_PER_S * level_in_flight(i);
    }
    return m->queued_share >= overloaded_queue || is_piling_up(m) ||
           (m->knee > 0 && in_flight_s > overloaded_level * m->knee * seconds);
}

static struct capacity_ceiling *ceiling_of(struct capacity_model *m, int64_t now_ns)
{
    double seconds = (double)m->span_ns / (double)NS_PER_S;
    double per_s = (double)m->finished / seconds, servers = fmax(m->server_s / seconds, 1);
    struct capacity_ceiling *c = &m->ceilings[(unsigned)fmin(log2(servers), CAPACITY_CEILINGS - 1)];
    if (now_ns - c->seen_ns > CEILING_NS)
        *c = (struct capacity_ceiling){.servers = servers, .per_s = per_s};
    c->seconds++;
    c->requests += per_s;
    c->seen_ns = now_ns;
    double weight = fmax(1.0 / c->seconds, 0.1);
    c->per_s += weight * (per_s - c->per_s);
    c->servers += weight * (servers - c->servers);
    return c;
}

static bool is_telling(const struct capacity_ceiling *c)
{
    return c->seconds >= CEILING_SECONDS && c->requests >= CEILING_REQUESTS;
}

/* What fewer servers were seen to get done, at least, against what overloaded ones get done now. */
static bool is_shared(const struct capacity_model *m, double servers, int64_t now_ns)
{
    for (unsigned i = 0; i < CAPACITY_CEILINGS; i++) {
        const struct capacity_ceiling *few = &m->ceilings[i];
        bool is_fit = is_telling(few) && servers >= shared_servers * few->servers &&
                      now_ns - few->seen_ns <= CEILING_NS;
        if (is_fit && m->finished_per_s < few->per_s * (1 + shared_gain * (servers / few->servers - 1)))
            return true;
    }
    return false;
}

static void note_ceiling(struct capacity_model *m, const struct scale_signals *g)
{
    if (m->span_ns <= 0 || m->server_s <= 0)
        return;
    const struct capacity_ceiling *c = ceiling_of(m, g->now_ns);
    if (!is_overloaded(m, g->levels)) {
        if (g->now_ns - m->bottleneck_ns > BOTTLENECK_NS)
            m->is_bottleneck_shared = false;
        m->overloaded_since_ns = 0;
        return;
    }
    if (m->overloaded_since_ns == 0)
        m->overloaded_since_ns = g->now_ns;
    /* Requests that came with a surge must have had the time to end. */
    int64_t settled_ns = CEILING_SETTLED_NS + (int64_t)(fmin(m->service_s, 60) * (double)NS_PER_S);
    if (g->now_ns - m->overloaded_since_ns < settled_ns || m->finished_per_s * piling_seconds < 10)
        return;
    m->is_bottleneck_shared = is_shared(m, c->servers, g->now_ns);
    m->bottleneck_ns = g->now_ns;
}

/* ---- observing ---- */

/* Moving means with a time constant, for samples that come at uneven times. */
static double approach(double mean, double sample, int64_t span_ns, int64_t constant_ns)
{
    return mean == 0 ? sample : mean + (1 - exp(-(double)span_ns / (double)constant_ns)) * (sample - mean);
}

static void observe_durations(struct capacity_model *m, const struct scale_signals *g)
{
    if (g->finished)
        m->recent_ns = approach(m->recent_ns, (double)g->busy_ns / (double)g->finished, g->span_ns, NS_PER_S);
    m->span_ns += g->span_ns;
    m->finished += g->finished;
    m->server_s += g->available * (double)g->span_ns / (double)NS_PER_S;
    if (g->span_ns > 0) {
        double per_s = (double)NS_PER_S / (double)g->span_ns;
        int64_t constant_ns = (int64_t)(piling_seconds * (double)NS_PER_S);
        m->arrivals_per_s = approach(m->arrivals_per_s, (double)g->arrivals * per_s, g->span_ns, constant_ns);
        m->finished_per_s = approach(m->finished_per_s, (double)g->finished * per_s, g->span_ns, constant_ns);
    }
    m->queued_share = approach(m->queued_share, g->queued > 0, g->span_ns, NS_PER_S);
    m->in_flight = approach(m->in_flight, g->concurrency, g->span_ns, NS_PER_S);
    if (g->duration_mean_ns <= 0 || g->queued > 0)
        return; /* with a queue it is the queue that is measured */
    double ratio = (double)g->duration_quantile_ns / (double)g->duration_mean_ns;
    m->tail_ratio = approach(m->tail_ratio, fmin(fmax(ratio, 1), tail_ratio_max), g->span_ns, 10 * NS_PER_S);
}

/* What lies beyond the limit cannot be seen anew, and much of it is from before the limit was known, when
 * requests came in floods: it counts for less as more is learned below. */
static void fade_unreachable(struct capacity_model *m, double departures)
{
    double keep = exp(-departures / unreachable_departures);
    for (unsigned i = m->knee > 0 ? level_of(knee_limit(m->knee)) + 1 : LEVEL_COUNT; i < LEVEL_COUNT; i++) {
        knee_level_fade(&m->levels[i], keep);
    }
}

/* What a second taught. */
static void learn(struct capacity_model *m, const struct capacity_limits *limits,
                  const struct scale_signals *g)
{
    const struct scale_levels *l = g->levels;
    double weight = weight_of(l);
    notice_change(m, l, weight);
    note_full(m, l);
    double departures = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        level_add(&m->levels[i], l, i, weight);
        departures += weight * (double)l->departures[i];
    }
    fade_unreachable(m, departures);
    note_service(m, l);
    find_knee(m, g);
    find_allowed(m, limits);
    note_ceiling(m, g);
}

void capacity_take_out(struct capacity_model *m, const struct knee_level levels[LEVEL_COUNT])
{
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        struct knee_level *l = &m->levels[i];
        const struct knee_level *own = &levels[i];
        double share = own->admissions > 0 ? fmin(l->admissions / own->admissions, 1) : 0;
        l->time_s = fmax(l->time_s - share * own->time_s, 0);
        l->departures = fmax(l->departures - share * own->departures, 0);
        l->admissions = fmax(l->admissions - share * own->admissions, 0);
        l->admission_s = fmax(l->admission_s - share * own->admission_s, 0);
        l->admission_logs = fmax(l->admission_logs - share * own->admission_logs, 0);
    }
    m->full_s = m->full_departures = 0;
    m->answered = m->answered_before = 0;
}

void capacity_observe(struct capacity_model *m, const struct capacity_limits *limits,
                      const struct scale_signals *g)
{
    ASSERT(g->span_ns >= 0 && g->concurrency >= 0);
    observe_durations(m, g);
    const struct scale_levels *l = g->levels;
    if (!l)
        return;
    uint64_t departures = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++)
        departures += l->departures[i];
    if ((double)l->errors <=
        errors_max * (double)(departures + 1)) /* failing fast must not look like quick work */
        learn(m, limits, g);
    m->span_ns = 0;
    m->finished = 0;
    m->server_s = 0;
}

/* ---- the estimate ---- */

static int64_t service_ns(const struct capacity_model *m)
{
    double ns = m->service_s > 0 ? m->service_s * (double)NS_PER_S : m->recent_ns;
    return ns >= 1 ? (int64_t)fmin(ns, 1e18) : SERVICE_START_NS;
}

static struct capacity_estimate given(const struct capacity_model *m, enum capacity_source source,
                                      double in_flight)
{
    return (struct capacity_estimate){
        .source = source,
        .in_flight = in_flight,
        .service_ns = service_ns(m),
        .is_service_known = m->service_s > 0,
        .work_share = m->work_share,
        .is_saturation_seen = source != CAPACITY_START,
        .is_bottleneck_shared = m->is_bottleneck_shared,
    };
}

/*
 * While no knee was met servers are packed a little tighter than was seen, or many large ones would never
 * show what they can do. A step too far lasts until a server has started: the slower that is, the smaller the
 * step.
 */
static double explore(const struct capacity_limits *limits)
{
    double share = limits->start_time_ns > EXPLORE_START_NS
                       ? (double)EXPLORE_START_NS / (double)limits->start_time_ns
                       : 1;
    return 1 + explore_share * share;
}

/* ---- filling one server ---- */

/* The least time that requests typically took at any level. */
static double base_s(const struct capacity_model *m)
{
    double base = INFINITY;
    for (unsigned i = 0; i < LEVEL_COUNT; i++)
        if (m->levels[i].admissions >= top_departures_min)
            base = fmin(base, exp2(m->levels[i].admission_logs / m->levels[i].admissions / 16) *
                                  histogram_log_unit_s());
    return base;
}

static bool is_sure(const struct capacity_model *m)
{
    return m->knee_high - m->knee_low <= sure_width * m->knee;
}

/* Where requests take long, what is done to them would last. */
static bool may_fill(const struct capacity_model *m)
{
    return m->service_s > 0 && m->service_s <= fill_service_s_max && m->allowed == 0 &&
           !m->is_bottleneck_shared;
}

/* By chance, if all were on one server. */
static double reachable(const struct capacity_model *m)
{
    return m->in_flight + chance_deviations * sqrt(m->in_flight);
}

/* Twice what went well, or as far as the objective holds even if it goes no better beyond that. */
static double fill_from(const struct capacity_model *m, const struct capacity_limits *limits, double well)
{
    double to = fmax(fill_factor * well, CAPACITY_START_IN_FLIGHT);
    if (limits->objective_ns > 0 && m->tail_ratio > 0) {
        double worst_s = m->tail_ratio * base_s(m);
        to = fmin(to, fmax(well, 1) * objective_share * (double)limits->objective_ns / (double)NS_PER_S /
                          worst_s);
    }
    return fmin(to, CAPACITY_MAX_IN_FLIGHT);
}

/* To how many requests one server should be filled before the others get any, to meet the knee or to know it
 * better; 0: none. */
static uint32_t fill_to(const struct capacity_model *m, const struct capacity_limits *limits)
{
    if (!may_fill(m))
        return 0;
    if (m->knee > 0)
        return is_sure(m) || reachable(m) < m->knee ? 0 : knee_limit(m->knee);
    if (reachable(m) <= m->top)
        return 0;
    double to = fill_from(m, limits, m->top);
    return to >= m->top ? (uint32_t)to : 0;
}

/* What was learned of one server may be true of that one alone: to how many requests others should be filled
 * to tell; 0: that cannot be reached. */
static uint32_t try_to(const struct capacity_model *m, const struct capacity_limits *limits)
{
    if (!may_fill(m) || m->knee == 0 || reachable(m) < tried_factor * m->knee)
        return 0;
    double to = fill_from(m, limits, m->knee);
    return to >= tried_factor * m->knee ? (uint32_t)to : 0;
}

/* While no knee was met: twice what went well for long. Those that end first after a step are the short ones.
 */
static uint32_t slow_start(const struct capacity_model *m)
{
    double top = top_level(m, turns_min);
    return (uint32_t)fmin(fmax(fill_factor * top, LET_IN_FIRST), CAPACITY_MAX_IN_FLIGHT);
}

struct capacity_estimate capacity_get(const struct capacity_model *m, const struct capacity_limits *limits)
{
    uint32_t target = limits->target_in_flight;
    if (limits->max_requests && (target == 0 || limits->max_requests <= target))
        return given(m, CAPACITY_MAX_REQUESTS, limits->max_requests);
    if (target)
        return given(m, CAPACITY_IN_FLIGHT, target);
    if (m->knee == 0 && m->top <= CAPACITY_START_IN_FLIGHT && m->allowed == 0) {
        struct capacity_estimate e = given(m, CAPACITY_START, CAPACITY_START_IN_FLIGHT);
        e.fill_to = fill_to(m, limits);
        e.slow_start = slow_start(m);
        return e;
    }
    double in_flight = m->knee > 0 ? m->knee : fmax(m->top * explore(limits), CAPACITY_START_IN_FLIGHT);
    if (m->allowed > 0)
        in_flight = fmin(in_flight, m->allowed);
    struct capacity_estimate e = given(m, CAPACITY_LEARNED, fmin(fmax(in_flight, 1), CAPACITY_MAX_IN_FLIGHT));
    e.is_saturation_seen = m->knee > 0;
    e.fill_to = fill_to(m, limits);
    if (m->knee > 0) {
        e.low = m->knee_low;
        e.high = m->knee_high;
        e.limit = knee_limit(m->knee);
        e.try_to = try_to(m, limits);
    } else {
        e.slow_start = slow_start(m);
    }
    return e;
}

/* ---- keeping ---- */

static void keep_levels(struct keep *k, struct knee_level levels[LEVEL_COUNT])
{
    const size_t stride = sizeof(levels[0]);
    const double many = 1e9;
    keep_column(k, "levels.time_s", &levels[0].time_s, LEVEL_COUNT, stride, 0, many);
    keep_column(k, "levels.departures", &levels[0].departures, LEVEL_COUNT, stride, 0, many);
    keep_column(k, "levels.admissions", &levels[0].admissions, LEVEL_COUNT, stride, 0, many);
    keep_column(k, "levels.admission_s", &levels[0].admission_s, LEVEL_COUNT, stride, 0, many);
    keep_column(k, "levels.admission_logs", &levels[0].admission_logs, LEVEL_COUNT, stride, 0, many);
}

static void keep_ceiling(struct keep *k, struct capacity_ceiling *c)
{
    keep_u32(k, "ceiling.seconds", &c->seconds, 0, UINT32_MAX);
    keep_double(k, "ceiling.requests", &c->requests, 0, 1e18);
    keep_double(k, "ceiling.servers", &c->servers, 0, 1e6);
    keep_double(k, "ceiling.per_s", &c->per_s, 0, 1e12);
    keep_time(k, "ceiling.seen", &c->seen_ns);
}

void capacity_keep(struct keep *k, struct capacity_model *m)
{
    const double most = 2 * level_in_flight(LEVEL_COUNT - 1), seconds = 1e9;
    k->section = "capacity";
    keep_levels(k, m->levels);
    keep_double(k, "knee", &m->knee, 0, most);
    keep_double(k, "knee_low", &m->knee_low, 0, most);
    keep_double(k, "knee_high", &m->knee_high, 0, most);
    keep_double(k, "full_s", &m->full_s, 0, seconds);
    keep_double(k, "full_departures", &m->full_departures, 0, 2 * full_departures_max);
    keep_double(k, "top", &m->top, 0, most);
    keep_double(k, "allowed", &m->allowed, 0, most);
    keep_double(k, "service_s", &m->service_s, 0, seconds);
    keep_double(k, "work_share", &m->work_share, 0, 1);
    keep_double(k, "tail_ratio", &m->tail_ratio, 0, 2 * tail_ratio_max);
    keep_double(k, "recent_ns", &m->recent_ns, 0, 1e18);
    keep_double(k, "answered", &m->answered, 0, 2 * service_requests);
    keep_double(k, "answered_before", &m->answered_before, 0, 1e12);
    keep_bool(k, "is_bottleneck_shared", &m->is_bottleneck_shared);
    keep_time(k, "bottleneck", &m->bottleneck_ns);
    for (unsigned i = 0; i < CAPACITY_CEILINGS; i++)
        keep_ceiling(k, &m->ceilings[i]);
}
