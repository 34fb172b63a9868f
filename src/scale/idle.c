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
    if (bin >= IDLE_BINS - 2)
        return HOLD_NS_MAX + (bin - (IDLE_BINS - 2)); /* longer than any hold: by however little */
    return (int64_t)((double)GAP_NS_MIN * exp2((bin + 1.0) / IDLE_BINS_OF_OCTAVE));
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

/* What a gap costs on average, in nanoseconds of a server, when the last one is stopped after hold_ns. */
static double mean_cost(const struct idle *i, double hold_ns, double floor_ns, double start_cost_ns)
{
    double unseen = floor_ns * (1 + log(hold_ns / floor_ns)) + start_cost_ns * floor_ns / hold_ns;
    double cost = unseen_gaps * unseen, gaps = unseen_gaps;
    for (int bin = 0; bin < IDLE_BINS; bin++) {
        double gap_ns = (double)bin_end_ns(bin);
        cost += i->gaps[bin] * (gap_ns > hold_ns ? hold_ns + start_cost_ns : gap_ns);
        gaps += i->gaps[bin];
    }
    return cost / gaps;
}

int64_t idle_hold_ns(const struct idle *i, int64_t start_ns)
{
    int64_t floor_ns = MIN(MAX(start_ns, GAP_NS_MIN), HOLD_NS_MAX);
    double start_cost_ns = (double)start_ns * (1 + patience);
    int64_t best_ns = (int64_t)fmin(fmax(start_cost_ns, (double)floor_ns), (double)HOLD_NS_MAX);
    double best_cost = mean_cost(i, (double)best_ns, (double)floor_ns, start_cost_ns);
    for (int bin = -1; bin < IDLE_BINS - 1; bin++) {
        int64_t hold_ns = bin < 0 ? floor_ns : bin_end_ns(bin);
        if (hold_ns < floor_ns)
            continue;
        double cost = mean_cost(i, (double)hold_ns, (double)floor_ns, start_cost_ns);
        if (cost < best_cost) {
            best_cost = cost;
            best_ns = hold_ns;
        }
    }
    return best_ns;
}

void idle_keep(struct keep *k, struct idle *i)
{
    k->section = "idle";
    keep_doubles(k, "gaps", i->gaps, IDLE_BINS, 0, 1 / (1 - fading) + 1);
}
