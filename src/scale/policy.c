/*
 * The policy: it counts work instead of rates. docs/explanation/scaling.md tells it with examples.
 *
 * - Steady: arrivals x service time, over the calmest mean that the latest do not contradict (demand.h).
 * - Growth: what the load rarely grows by while a server starts (forecast.h). It only raises.
 * - Burst: places kept free for chance: a root of the load, or less where the objective allows waiting.
 * - Waiting: requests in the queue, and those that wait inside overloaded servers. Done once, they are gone:
 *   they need waiting x service time / (capacity x clear time) servers for that time, not one for each
 *   `capacity` of them; what will have piled up until a server has started is added. That doubles the steady
 *   need at most, so that what comes of it is seen first. Those inside cannot move to a new server, and when
 *   the cause is shared (a database) more servers do not help: they ask for half as many again as the
 *   steady work at most, and for none where more servers were seen to get no more done.
 * - Targets: what people stated that one server should carry (targets.h) stands beside the sum of the first
 *   three, and the larger counts. Where only such targets are stated they stand in its place, and the steady
 *   work counts as a floor, once it is known what a server can carry at most. The waiting are added to
 * either.
 * - Needed: the sum, in servers. Up at once.
 * - Window: the largest need of the last scale_down_after; by default, growth apart, of the time for which a
 *   server is best kept by how soon it was needed again of late (hold.h). The last server is kept by the gaps
 * between requests (idle.h), unless scale_down_after is stated. What they and other bounds make of the need:
 * bounds.h.
 *
 * Servers that are coming are among those the target is compared with (the reconciler starts target - up), so
 * a backlog that stays while they start does not ask again.
 *
 * Invariants:
 * 1. More load never gives a smaller need.
 * 2. Any input gives a finite number.
 */
#include "scale/policy.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/units.h"
#include "scale/keep.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MEAN_NS_MIN      (1 * NS_PER_S)
#define MEAN_NS_MAX      (16 * NS_PER_S)
#define SERVICE_NS_MAX   (10 * NS_PER_S) /* requests that take longer are counted, not computed */
#define START_UNKNOWN_NS (30 * NS_PER_S) /* while no server was seen to start */
#define START_NS_MAX     (600 * NS_PER_S)
enum { MEAN_OF_START = 4 };
#define CLEAR_NS_DEFAULT                                                                                     \
    (5 * NS_PER_S) /* at least, while no start time, or no ceiling of a server is known */
#define CLEAR_NS_MIN    (200 * NS_PER_MS)
#define CLEAR_NS_MAX    (60 * NS_PER_S)
#define CLEAR_HURRY_NS  (1 * NS_PER_S)
#define HOLD_UNKNOWN_NS (300 * NS_PER_S) /* before any start was seen: what is there may be dear */

static const double wait_share = 0.5;      /* of what the objective leaves beyond the service, for waiting */
static const double tail_of_service = 2.5; /* long requests take so many times the mean */
static const double late_share_default = 0.01; /* of requests may wait longer, where no objective says */
static const double inside_max = 0.5; /* servers for what waits inside, as a share of the steady ones */
static const double idle_work = 0.05; /* less work than this, and nothing there: idle */
static const double used_base = 0.01; /* what a service in use needs at least: rounds up to one server */

void policy_init(struct policy_state *p)
{
    memset(p, 0, sizeof(*p));
    demand_init(&p->demand);
    forecast_init(&p->forecast);
}

void policy_note_existing(struct policy_state *p, const struct policy_limits *limits, uint32_t servers,
                          int64_t now_ns)
{
    if (limits->scale_down_after_ns >= 0) {
        stable_window_advance(&p->window, limits->scale_down_after_ns, now_ns);
        stable_window_note(&p->window, fmax((double)servers - BOUNDS_DOWN_ROOM, 0));
    } else {
        hold_note(&p->hold, MAX(servers, p->hold.needed), START_UNKNOWN_NS, now_ns);
    }
    p->target = MAX(p->target, MIN(servers, limits->bounds.servers_max));
}

/* --- the need --------------------------------------------------------------------------------------- */

static int64_t known_start_ns(const struct scale_signals *g)
{
    return g->start_times ? g->start_time_p90_ns : START_UNKNOWN_NS;
}

/* How long a server takes to start, for all that is known: a start that has taken longer already is believed.
 */
static int64_t start_time_ns(const struct scale_signals *g)
{
    return MIN(MAX(known_start_ns(g), g->start_oldest_age_ns), START_NS_MAX);
}

/* What a server asked for now cannot help with is not worth asking: the load's mean is over some of that
 * time. */
static int64_t mean_time_ns(const struct scale_signals *g)
{
    int64_t start_ns = g->start_times ? g->start_time_p90_ns : 0;
    return MIN(MAX(start_ns / MEAN_OF_START, MEAN_NS_MIN), MEAN_NS_MAX);
}

static double approach(double mean, double sample, int64_t span_ns, int64_t constant_ns)
{
    return mean + (1 - exp(-(double)span_ns / (double)constant_ns)) * (sample - mean);
}

static void observe(struct policy_state *p, const struct targets_limits *targets,
                    const struct capacity_estimate *c, const struct scale_signals *g)
{
    double work = g->concurrency * c->work_share;
    p->work = p->is_started ? approach(p->work, work, g->span_ns, mean_time_ns(g)) : work;
    p->is_started = true;
    targets_observe(&p->targets, targets, g);
    if (g->span_ns > 0)
        demand_note(&p->demand, g->arrivals, g->now_ns);
}

static bool is_anyone_there(const struct scale_signals *g)
{
    return g->in_flight > 0 || g->queued > 0 || g->arrivals > 0;
}

/* A start is under way that takes no longer than starts do. One that never ends is given up some time, too.
 */
static bool is_start_awaited(const struct scale_signals *g)
{
    return scale_signals_coming(g) > 0 && g->start_oldest_age_ns <= known_start_ns(g);
}

static bool is_idle(const struct policy_state *p, const struct scale_signals *g)
{
    return !is_anyone_there(g) && p->work < idle_work;
}

static double need_of(const struct scale_decision *d)
{
    return d->base + d->forecast + d->burst + d->backlog;
}

/*
 * The largest need of the user's stable window; else the present one, or what was needed within the time for
 * which servers are worth keeping. Needed, not forecast: what may come is told anew at each moment, and to
 * keep what was feared a while ago as well would pay for the same chance twice.
 */
static double need_in_window(struct policy_state *p, const struct policy_limits *limits,
                             const struct scale_signals *g, const struct scale_decision *d)
{
    double need = need_of(d), seen = need - d->forecast;
    if (limits->scale_down_after_ns >= 0) {
        stable_window_advance(&p->window, limits->scale_down_after_ns, g->now_ns);
        stable_window_note(&p->window, need);
        return stable_window_max(&p->window);
    }
    uint32_t servers = seen > 0 ? bounds_servers_for(seen + BOUNDS_DOWN_ROOM) : 0;
    hold_note(&p->hold, servers, start_time_ns(g), g->now_ns);
    uint32_t held = hold_count(&p->hold, g->start_times ? 0 : HOLD_UNKNOWN_NS, g->now_ns);
    return fmax(need, held - BOUNDS_DOWN_ROOM);
}

/* How long the last server is kept after the last request; 0: as long as any other. Where people state when
 * servers go, that holds for the last one too. The start that its going may cost is one from cold. */
static int64_t last_hold_ns(const struct policy_state *p, const struct policy_limits *limits,
                            const struct scale_signals *g)
{
    int64_t start_ns = MIN(MAX(start_time_ns(g), g->start_time_cold_p90_ns), START_NS_MAX);
    return limits->scale_down_after_ns >= 0 ? 0 : idle_hold_ns(&p->idle, start_ns);
}

/*
 * A backlog is to be gone in about the time that the servers for it take to start: quicker costs many servers
 * for a moment, slower is felt. Where requests would be given up before, in half of what is left to them; but
 * those that no new server can save do not hurry it.
 */
static int64_t clear_time_ns(const struct policy_limits *limits, const struct capacity_estimate *c,
                             const struct scale_signals *g)
{
    bool is_known = g->start_times && c->source != CAPACITY_START && c->is_saturation_seen;
    int64_t start_ns = is_known ? start_time_ns(g) : MAX(g->start_time_p90_ns, CLEAR_NS_DEFAULT);
    int64_t clear_ns = MIN(MAX(start_ns, MAX(MIN(c->service_ns, CLEAR_NS_MAX), CLEAR_NS_MIN)), CLEAR_NS_MAX);
    int64_t left_ns = limits->queue_timeout_ns - g->queue_oldest_age_ns - g->start_time_p90_ns;
    return left_ns > 0 ? MIN(clear_ns, MAX(left_ns / 2, CLEAR_HURRY_NS)) : clear_ns;
}

/*
 * Places kept free. Random arrivals vary by the root of the load. With a stated objective less may do: in a
 * queue before many places, the share that waits longer than t falls as exp(-free places x t / service time),
 * however large the load is (M/M/k).
 */
static double burst_places(const struct policy_limits *limits, const struct capacity_estimate *c, double load)
{
    double root = sqrt(load);
    if (limits->objective_ns <= 0)
        return root;
    double share = limits->objective_quantile > 0 ? 1 - limits->objective_quantile : late_share_default;
    double service_ns = (double)c->service_ns, objective_ns = (double)limits->objective_ns;
    double wait_ns = fmax(wait_share * (objective_ns - tail_of_service * service_ns), 0.1 * objective_ns);
    return fmin(log(1 / fmax(share, 1e-6)) * service_ns / wait_ns, root);
}

/* Work, in seconds of one place, that will wait when servers asked for now are there: what waits now, and
 * what the servers that are there cannot carry until then. Those that are coming help half of that time. */
static double backlog_seconds(const struct capacity_estimate *c, const struct scale_signals *g,
                              const struct scale_decision *d)
{
    double waiting_s = d->waiting * (double)c->service_ns / (double)NS_PER_S;
    if (d->waiting == 0)
        return 0;
    double there = (double)g->available + g->servers[SERVER_DRAINING] + d->coming / 2.0;
    double missing = d->work - there * c->in_flight;
    double growth_s = missing * (double)start_time_ns(g) / (double)NS_PER_S;
    return waiting_s + fmin(fmax(growth_s, 0), d->work * (double)d->clear_ns / (double)NS_PER_S);
}

static double sane(double servers)
{
    return servers >= 0 ? fmin(servers, BOUNDS_NEED_MAX) : 0; /* a NaN is no need */
}

/*
 * Steady work: arrivals x service time, whether they are worked on or wait, so that requests which take
 * longer because everything is slow (a database) do not look like more work. What is in flight counts instead
 * where no request has ended yet, and where they take longer than rates are averaged over (streams).
 */
static double steady_work(const struct policy_state *p, const struct capacity_estimate *c,
                          int64_t window_min_ns)
{
    if (c->service_ns > SERVICE_NS_MAX || !c->is_service_known)
        return p->work;
    return demand_rate(&p->demand, window_min_ns) * (double)c->service_ns / (double)NS_PER_S;
}

/* What comes back, as work. */
static double foreseen_work(const struct capacity_estimate *c, const struct scale_signals *g)
{
    if (c->service_ns > SERVICE_NS_MAX || !c->is_service_known)
        return 0;
    return sane(g->foreseen_per_s * (double)c->service_ns / (double)NS_PER_S);
}

/* What servers for so much work, and for its bursts, can answer. */
static double ready_rate(const struct policy_limits *limits, const struct capacity_estimate *c, double work)
{
    if (c->service_ns > SERVICE_NS_MAX || !c->is_service_known)
        return 0;
    uint32_t servers = bounds_servers_for(sane((work + burst_places(limits, c, work)) / c->in_flight));
    return servers * c->in_flight * (double)NS_PER_S / (double)c->service_ns;
}

/* What one server can carry at most is known: fewer servers than that could not do the work at all. */
static bool is_floor_known(const struct capacity_estimate *c)
{
    return c->is_saturation_seen || c->source == CAPACITY_MAX_REQUESTS;
}

/* Several targets: the largest need counts, in place of base, growth and burst. */
static void choose_term(const struct policy_state *p, const struct policy_limits *limits,
                        const struct capacity_estimate *c, const struct scale_signals *g,
                        struct scale_decision *d)
{
    double rate = demand_rate(&p->demand, mean_time_ns(g));
    d->targets = targets_get(&p->targets, &limits->targets, rate, g->now_ns);
    if (d->targets.is_alone) {
        d->forecast = d->burst = 0;
        d->base = is_floor_known(c) ? d->base : used_base;
    }
    enum scale_term largest = targets_largest(&d->targets);
    double servers = largest == SCALE_TERM_WORK ? 0 : sane(targets_of(&d->targets, largest)->servers);
    if (servers <= d->base + d->forecast + d->burst)
        return;
    d->term = largest;
    d->base = servers;
    d->forecast = d->burst = 0;
}

/* Nobody asks, and nobody is expected to at this time of day. */
static bool is_quiet(const struct policy_state *p, const struct scale_signals *g)
{
    return is_idle(p, g) && g->foreseen_per_s == 0;
}

/*
 * A pause of seconds between bursts makes nothing known unknown: while the last server is kept anyway, what
 * the load rarely grows by is still to be ready for. Not where people state what brings servers, or when they
 * go.
 */
static bool is_forecast_awake(const struct policy_state *p, const struct policy_limits *limits,
                              const struct scale_signals *g)
{
    const struct targets_limits *targets = &limits->targets;
    bool is_learned =
        limits->scale_down_after_ns < 0 && !(targets->requests_per_second > 0) && !(targets->cpu_cores > 0);
    return is_learned && (limits->bounds.servers_min > 0 || p->idle.idle_ns < last_hold_ns(p, limits, g));
}

static void sum_up_need(const struct policy_state *p, const struct policy_limits *limits,
                        const struct capacity_estimate *c, const struct scale_signals *g,
                        struct scale_decision *d)
{
    double turns =
        (double)d->clear_ns / (double)c->service_ns; /* requests one place does in the clear time */
    d->work = steady_work(p, c, mean_time_ns(g));
    d->waiting = g->queued + fmin(g->in_flight * (1 - c->work_share), inside_max * d->work * turns);
    d->base = fmax(sane(d->work / c->in_flight), used_base);
    double told = forecast_get(&p->forecast, d->work, c->in_flight), ahead = fmax(told, foreseen_work(c, g));
    d->ready_per_s = ready_rate(limits, c, told);
    d->forecast = sane((ahead - d->work) / c->in_flight);
    d->burst = sane(burst_places(limits, c, ahead) / c->in_flight);
    choose_term(p, limits, c, g, d);
    d->backlog = sane(backlog_seconds(c, g, d) / (c->in_flight * (double)d->clear_ns / (double)NS_PER_S));
    if (g->available > 0)
        d->backlog = fmin(d->backlog, fmax(d->base + d->forecast, g->available / 2.0 + 1));
}

/* While all is quiet only servers beyond the last are a matter of the forecast; the last is one of idle.h. */
static void compute_need(const struct policy_state *p, const struct policy_limits *limits,
                         const struct capacity_estimate *c, const struct scale_signals *g,
                         struct scale_decision *d)
{
    bool is_all_quiet = is_quiet(p, g);
    if (is_all_quiet && !is_forecast_awake(p, limits, g))
        return;
    sum_up_need(p, limits, c, g, d);
    if (is_all_quiet && bounds_servers_for(need_of(d)) <= 1)
        d->base = d->forecast = d->burst = d->backlog = d->ready_per_s = 0;
}

static const char held_by[] = "; held by ";

static void write_reason(const struct bounds_limits *limits, struct scale_decision *d)
{
    char clear[UNITS_TEXT_BYTES], held[BOUND_TEXT_BYTES], target[TARGET_TEXT_BYTES];
    int n = snprintf(d->reason, sizeof(d->reason), "%u server%s", d->advised, d->advised == 1 ? "" : "s");
    if (d->is_advice)
        n += snprintf(d->reason + n, sizeof(d->reason) - (size_t)n, " advised, %u kept", d->target);
    n += snprintf(d->reason + n, sizeof(d->reason) - (size_t)n, ": ");
    size_t room = sizeof(d->reason) - (size_t)n;
    char *at = d->reason + n;
    if (need_of(d) == 0)
        n = snprintf(at, room, "nothing to do");
    else if (d->term != SCALE_TERM_WORK)
        n = snprintf(at, room, "needed %.2f = %.2f for %s + %.2f for %.0f waiting, to be gone in %s",
                     need_of(d), d->base, targets_format(target, &d->targets, d->term), d->backlog,
                     d->waiting, units_format_duration(clear, d->clear_ns));
    else
        n = snprintf(at, room,
                     "needed %.2f = %.2f for %.1f requests in flight + %.2f for growth + %.2f for bursts + "
                     "%.2f for %.0f "
                     "waiting, "
                     "to be gone in %s; one server carries %.1f (%s)",
                     need_of(d), d->base, d->work, d->forecast, d->burst, d->backlog, d->waiting,
                     units_format_duration(clear, d->clear_ns), d->capacity.in_flight,
                     capacity_source_name(d->capacity.source));
    if (d->advised_bound == SCALE_BOUND_NONE || (size_t)n + strlen(held_by) >= room)
        return;
    (void)snprintf(at + n, room - (size_t)n, "%s%s", held_by, bounds_format(held, limits, d->advised_bound));
    d->reason_held_at = (uint32_t)(at + n + strlen(held_by) - d->reason);
}

/* Where it only advises, each advice is given as if those before it had been followed. */
static void choose_target(struct policy_state *p, const struct policy_limits *limits,
                          const struct scale_signals *g, double need_max, struct scale_decision *d)
{
    struct bounds_limits wish = limits->bounds;
    int64_t hold_ns = d->needed == 0 ? last_hold_ns(p, limits, g) : 0;
    struct bounds_facts facts = {.now_ns = g->now_ns,
                                 .target_before = d->target_before,
                                 .up = d->up,
                                 .in_flight = g->in_flight,
                                 .capacity = d->capacity.in_flight,
                                 .is_bottleneck_shared = d->capacity.is_bottleneck_shared,
                                 .is_last_kept =
                                     limits->bounds.servers_min == 0 && p->idle.idle_ns < hold_ns};
    if (limits->is_advice) {
        wish.has_manual = false;
        facts.target_before = p->is_advising ? p->advised : d->target_before;
    }
    struct bounds_choice choice = bounds_choose(&p->steps, &wish, &facts, d->needed, need_max);
    d->advised = p->advised = choice.target;
    d->advised_bound = choice.bound;
    d->idle_hold_ns = choice.bound == SCALE_BOUND_IDLE ? hold_ns : 0;
    d->is_advice = p->is_advising = limits->is_advice;
    d->is_advice_change = limits->is_advice && choice.target != facts.target_before;
    if (limits->is_advice)
        choice = bounds_keep(&limits->bounds, d->target_before);
    d->target = choice.target;
    d->bound = choice.bound;
}

struct scale_decision scale_decide(struct policy_state *p, const struct policy_limits *limits,
                                   const struct capacity_estimate *capacity, const struct scale_signals *g)
{
    ASSERT(capacity->in_flight >= 1 && capacity->service_ns > 0);
    struct scale_decision d = {
        .at_ns = g->now_ns,
        .target_before = p->target,
        .capacity = *capacity,
        .clear_ns = clear_time_ns(limits, capacity, g),
        .up = scale_signals_up(g),
        .coming = scale_signals_coming(g),
    };
    observe(p, &limits->targets, capacity, g);
    idle_note(&p->idle, is_anyone_there(g), is_start_awaited(g), g->now_ns);
    forecast_note(&p->forecast, fmin(steady_work(p, capacity, mean_time_ns(g)), BOUNDS_NEED_MAX),
                  capacity->in_flight, start_time_ns(g), g->now_ns);
    compute_need(p, limits, capacity, g, &d);
    double need = need_of(&d);
    d.needed = bounds_servers_for(need);
    choose_target(p, limits, g, need_in_window(p, limits, g, &d), &d);
    d.is_change = d.target != d.target_before;
    p->target = d.target;
    write_reason(&limits->bounds, &d);
    return d;
}

void policy_keep(struct keep *k, struct policy_state *p)
{
    demand_keep(k, &p->demand);
    idle_keep(k, &p->idle);
    hold_keep(k, &p->hold);
    forecast_keep(k, &p->forecast);
    k->section = "policy";
    keep_bool(k, "is_advising", &p->is_advising);
    keep_u32(k, "advised", &p->advised, 0, UINT32_MAX);
}
