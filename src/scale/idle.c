/*
 * A server kept for t after the last request costs min(gap, t) of its own time, and if the gap is longer than
 * t, a start: that is start time x (1 + patience), for the server's time and for whoever waits. So the best t
 * is the one with the least
 *
 *   E[min(gap, t)] + start cost x P(gap > t)
 *
 * over the gaps that this service has shown. Every t at which a gap may end is tried; the law need not have
 * one minimum (bursts every five minutes have two).
 *
 * What is not known yet: some gaps are added that nobody saw, with P(gap > t) = floor / t. For these alone
 * the cost is the least at t = start cost: break-even. Above the floor it never costs more than twice what it
 * would cost to know the future, whatever comes. That tail also has a say beyond all gaps seen, where counts
 * know nothing.
 *
 * The numbers, and why so:
 * - patience 9: a second that somebody waits is worth nine of an idle server. Break-even is then 10 start
 *   times: 30 s for a container, 5 minutes for a machine, which is where people set these by hand.
 * - floor 10 s, however fast a server starts: a person who reads a page comes back. And never less than the
 *   start time: to stop what took longer to start than it was of use is a waste in any case.
 * - an hour at most: past that it is not a pause. Who wants it longer says `servers: 1..N`.
 * - 3 unseen gaps: enough that the first two seen do not decide alone, few enough to be forgotten in ten.
 * - each gap makes those before count 1 % less: about a hundred are remembered. By number, so that a quiet
 *   week forgets nothing.
 * - 8 bins an octave: a gap's length is known to 9 %, and the cost is flatter than that around its minimum.
 *   Gaps are taken as long as their bin's end, so that a server is kept until such a gap is over.
 */
#include "scale/idle.h"

#include "base/clock.h"
#include "base/macros.h"
#include "scale/keep.h"
#include "scale/price.h"

#include <assert.h>
#include <math.h>

#define GAP_NS_MIN  (IDLE_GAP_MIN_S * NS_PER_S)
#define HOLD_NS_MAX (3600 * NS_PER_S)

static const double patience = SCALE_PRICE_OF_MISSING;
static const double unseen_gaps = 3;
static const double fading = 0.99;

static int bin_of(int64_t gap_ns)
{
    double octaves = log2((double)gap_ns / (double)GAP_NS_MIN);
    return (int)fmin(octaves * IDLE_BINS_OF_OCTAVE, IDLE_BINS - 1);
}

static int64_t bin_end_ns(int bin)
{
    static const double parts[] = {1,       0x1.172b83c7d517bp+0, 0x1.306fe0a31b715p+0, 0x1.4bfdad5362a27p+0,
                                   M_SQRT2, 0x1.8ace5422aa0dbp+0, 0x1.ae89f995ad3adp+0, 0x1.d5818dcfba487p+0};
    static_assert(ARRAY_LEN(parts) == IDLE_BINS_OF_OCTAVE, "2 to the power of 0/8 .. 7/8");
    if (bin >= IDLE_BINS - 2)
        return HOLD_NS_MAX + (bin - (IDLE_BINS - 2)); /* longer than any hold: by however little */
    double octaves = (double)(INT64_C(1) << ((bin + 1) / IDLE_BINS_OF_OCTAVE));
    return (int64_t)((double)GAP_NS_MIN * parts[(bin + 1) % IDLE_BINS_OF_OCTAVE] * octaves);
}

static void note_gap(struct idle *i, int64_t gap_ns)
{
    if (gap_ns < GAP_NS_MIN)
        return;
    for (int bin = 0; bin < IDLE_BINS; bin++)
        i->gaps[bin] *= fading;
    i->gaps[bin_of(gap_ns)] += 1;
}

void idle_note(struct idle *i, bool is_busy, bool is_starting, int64_t now_ns)
{
    if (i->is_clock_set && !is_starting)
        i->idle_ns += MAX(now_ns - i->last_ns, 0);
    i->is_clock_set = true;
    i->last_ns = now_ns;
    if (!is_busy)
        return;
    if (i->is_request_seen)
        note_gap(i, i->idle_ns);
    i->is_request_seen = true;
    i->idle_ns = 0;
}

/* The search for the time with the least cost: times are tried in order, the shortest first. */
struct search {
    const struct idle *idle;
    double floor_ns, start_cost_ns;
    int bin;                /* the first one of longer gaps than the time tried last */
    double over_ns, longer; /* all gaps before it together; and how many are in it and beyond */
    int64_t best_ns;
    double best_cost; /* of all gaps, in nanoseconds of a server */
};

static struct search search_of(const struct idle *i, int64_t floor_ns, double start_cost_ns)
{
    struct search s = {
        .idle = i, .floor_ns = (double)floor_ns, .start_cost_ns = start_cost_ns, .best_cost = INFINITY};
    for (int bin = 0; bin < IDLE_BINS; bin++)
        s.longer += i->gaps[bin];
    return s;
}

/* What it costs to stop the last server after hold_ns: the gaps that nobody saw, and those that were seen. */
static void try_hold(struct search *s, int64_t hold_ns)
{
    for (int64_t end_ns; s->bin < IDLE_BINS && (end_ns = bin_end_ns(s->bin)) <= hold_ns; s->bin++) {
        s->over_ns += s->idle->gaps[s->bin] * (double)end_ns;
        s->longer -= s->idle->gaps[s->bin];
    }
    double hold = (double)hold_ns;
    double unseen = s->floor_ns * (1 + log(hold / s->floor_ns)) + s->start_cost_ns * s->floor_ns / hold;
    double cost = unseen_gaps * unseen + s->over_ns + fmax(s->longer, 0) * (hold + s->start_cost_ns);
    if (cost < s->best_cost) {
        s->best_cost = cost;
        s->best_ns = hold_ns;
    }
}

int64_t idle_hold_ns(const struct idle *i, int64_t start_ns)
{
    int64_t floor_ns = MIN(MAX(start_ns, GAP_NS_MIN), HOLD_NS_MAX);
    double start_cost_ns = (double)start_ns * (1 + patience);
    int64_t even_ns = (int64_t)fmin(fmax(start_cost_ns, (double)floor_ns), (double)HOLD_NS_MAX);
    struct search s = search_of(i, floor_ns, start_cost_ns);
    bool is_even_tried = false;
    try_hold(&s, floor_ns);
    for (int bin = 0; bin < IDLE_BINS - 1; bin++) {
        int64_t end_ns = bin_end_ns(bin);
        if (!is_even_tried && even_ns <= end_ns) {
            try_hold(&s, even_ns);
            is_even_tried = true;
        }
        if (end_ns > floor_ns)
            try_hold(&s, end_ns);
    }
    return s.best_ns;
}

void idle_keep(struct keep *k, struct idle *i)
{
    k->section = "idle";
    keep_doubles(k, "gaps", i->gaps, IDLE_BINS, 0, 1 / (1 - fading) + 1);
}
