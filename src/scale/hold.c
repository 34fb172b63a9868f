/*
 * Of each number of servers it is known when so many were needed the last time. These times fall with the
 * number, so a change of the need touches only the levels that it passes. When the need reaches a level
 * again, its gap is over. A level that is held for t after it was needed costs
 *
 *   E[min(gap, t)] + start time x two thirds x price x P(gap > t)
 *
 * in server time: what is kept for nothing, and what is missing while a server starts (price.h). The t with
 * the least cost is best for the gaps of the last two hours: noise that returns within seconds makes it long
 * enough to bridge them, bursts that return after hours make it short.
 *
 * A gap that is still open tells something, too: that it is not shorter than it is already. So P(gap > t) is
 * the product, over the bins up to t, of the share that did not end in this bin of the gaps that could have
 * (Kaplan and Meier's estimate). A load that falls steadily is thus seen not to come back long before the
 * first of its gaps is over, and servers go while it falls. To count open gaps as if they ended now would say
 * that they are short.
 *
 * The servers of a small number come and go with each flicker of the load, those of a large one with its
 * peaks: told together, the many short gaps of the first would let the others go too early, or, where peaks
 * stay away for long, the few long ones of the others keep all too long. So each size has its own estimate.
 * What the other sizes have seen counts there for as much as a few gaps.
 *
 * What is not known yet: some gaps are added that nobody saw, with P(gap > t) = floor / t. For these alone
 * the cost is the least at six start times, break-even: above the floor it never costs more than twice what
 * it would cost to know the future, whatever comes.
 *
 * The numbers, and why so:
 * - floor 10 s: people and caches like calm, however fast servers start; and a quarter of the start time,
 * since sooner no server asked for in exchange would be there.
 * - an hour at most: past that it is not a hold but a forecast.
 * - two thirds of a start time are missed: a third of what comes back the forecast has asked for in time.
 * Chosen by trying a half, two thirds and the whole on recorded and made-up loads: less lost on noise, more
 * on loads that fall steadily.
 * - 3 unseen gaps, as in idle.c; and as much for all that was seen of other sizes.
 * - sizes by powers of two: few enough to know each soon; in a service of 30 servers half of them are one.
 * - forgotten by time and not by number: one swing of a large service is as many gaps as it has servers.
 * - 6 bins an octave: a gap's length is known to 12 %, and the cost is flat around its minimum. Gaps are
 * taken as long as their bin's end, so that a server is kept until such a gap is over.
 */
#include "scale/hold.h"

#include "base/clock.h"
#include "base/macros.h"
#include "scale/keep.h"
#include "scale/price.h"

#include <math.h>
#include <string.h>

#define GAP_NS_MIN  NS_PER_S /* shorter ones are shorter than any hold */
#define HOLD_NS_MIN (10 * NS_PER_S)
#define HOLD_NS_MAX (3600 * NS_PER_S)
enum { FLOOR_OF_START = 4, LOOK_S = 10 };

static const double unseen_gaps = 3;
static const double missed_share = 2.0 / 3; /* of a start time */

static int64_t bin_end_ns(int bin)
{
    return (int64_t)((double)GAP_NS_MIN * exp2((bin + 1.0) / HOLD_BINS_OF_OCTAVE));
}

/* How many bins end before so long a time. */
static int bins_over(int64_t ns)
{
    double bins = ns < GAP_NS_MIN ? 0 : floor(log2((double)ns / (double)GAP_NS_MIN) * HOLD_BINS_OF_OCTAVE);
    return (int)fmin(bins, HOLD_BINS);
}

static unsigned size_of(uint32_t servers)
{
    unsigned size = 0;
    while (servers >>= 1)
        size++;
    return MIN(size, HOLD_SIZES - 1U);
}

static void note_gap(struct hold *h, uint32_t level, int64_t gap_ns)
{
    if (gap_ns >= GAP_NS_MIN)
        h->gaps[size_of(level)][MIN(bins_over(gap_ns), HOLD_BINS - 1)] += 1;
}

/* ---- how long ---- */

/* Of the gaps that nobody saw, those longer than so long a time. */
static double unseen_longer(double ns, double floor_ns)
{
    return unseen_gaps * floor_ns / fmax(ns, floor_ns);
}

/* Ended gaps, in their bin; and open ones, in the last bin that they are longer than. */
struct gaps {
    double ended[HOLD_BINS], open[HOLD_BINS];
};

static double sum_of(const double *bins)
{
    double sum = 0;
    for (int bin = 0; bin < HOLD_BINS; bin++)
        sum += bins[bin];
    return sum;
}

/* By size. An open gap that is old counts for as little as what ended then. */
static void count_gaps(const struct hold *h, int64_t now_ns, struct gaps ret_gaps[HOLD_SIZES])
{
    memset(ret_gaps, 0, HOLD_SIZES * sizeof(*ret_gaps));
    for (unsigned size = 0; size < HOLD_SIZES; size++)
        memcpy(ret_gaps[size].ended, h->gaps[size], sizeof(h->gaps[size]));
    for (uint32_t level = h->needed + 1; level <= HOLD_LEVELS; level++) {
        int64_t age_ns = h->needed_ns[level] ? now_ns - h->needed_ns[level] : 0;
        int bins = bins_over(age_ns);
        if (bins > 0)
            ret_gaps[size_of(level)].open[bins - 1] +=
                exp(-(double)age_ns / ((double)HOLD_MEMORY_S * (double)NS_PER_S));
    }
}

static void add_gaps(struct gaps *to, const struct gaps *g, double share)
{
    for (int bin = 0; bin < HOLD_BINS; bin++) {
        to->ended[bin] += share * g->ended[bin];
        to->open[bin] += share * g->open[bin];
    }
}

/* What is known of a size: its own gaps, and a little of the others'. */
static struct gaps known_of(const struct gaps gaps[HOLD_SIZES], unsigned size)
{
    struct gaps known = {0}, others = {0};
    for (unsigned i = 0; i < HOLD_SIZES; i++)
        if (i != size)
            add_gaps(&others, &gaps[i], 1);
    double count = sum_of(others.ended) + sum_of(others.open);
    add_gaps(&known, &gaps[size], 1);
    add_gaps(&known, &others, fmin(unseen_gaps / fmax(count, unseen_gaps), 1));
    return known;
}

static int64_t best_ns(const struct gaps *g, int64_t start_ns)
{
    double floor_ns = (double)MIN(MAX(start_ns / FLOOR_OF_START, HOLD_NS_MIN), HOLD_NS_MAX);
    double start_cost_ns = (double)start_ns * missed_share * SCALE_PRICE_OF_MISSING;
    double ended = sum_of(g->ended), open = sum_of(g->open); /* in this bin or later */
    double best_ns = floor_ns, best_cost = INFINITY;
    double from_ns = 0, kept_ns = 0, left = 1; /* up to this bin: E[min(gap, t)], P(gap > t) */
    for (int bin = 0; bin < HOLD_BINS && bin_end_ns(bin) <= HOLD_NS_MAX; bin++) {
        double to_ns = (double)bin_end_ns(bin), unseen = unseen_longer(from_ns, floor_ns);
        double end_here = g->ended[bin] + unseen - unseen_longer(to_ns, floor_ns);
        kept_ns += left * (to_ns - from_ns);
        left *= 1 - end_here / (ended + unseen + open);
        double cost = kept_ns + start_cost_ns * left;
        if (to_ns >= floor_ns && cost < best_cost) {
            best_cost = cost;
            best_ns = to_ns;
        }
        ended = fmax(ended - g->ended[bin], 0);
        open = fmax(open - g->open[bin], 0);
        from_ns = to_ns;
    }
    return (int64_t)best_ns;
}

static void look(struct hold *h, int64_t start_ns, int64_t now_ns)
{
    struct gaps gaps[HOLD_SIZES];
    int64_t second = now_ns / NS_PER_S;
    double keep = exp(-(double)(second - h->second) / HOLD_MEMORY_S);
    for (unsigned size = 0; size < HOLD_SIZES; size++)
        for (int bin = 0; bin < HOLD_BINS; bin++)
            h->gaps[size][bin] *= keep;
    count_gaps(h, now_ns, gaps);
    for (unsigned size = 0; size < HOLD_SIZES; size++) {
        struct gaps known = known_of(gaps, size);
        h->best_ns[size] = best_ns(&known, start_ns);
    }
    h->second = second;
}

/* ---- how many ---- */

void hold_note(struct hold *h, uint32_t needed, int64_t start_ns, int64_t now_ns)
{
    needed = MIN(needed, (uint32_t)HOLD_LEVELS);
    int64_t second = now_ns / NS_PER_S;
    if (!h->is_started) {
        h->is_started = true;
        h->needed = needed;
        h->second = second - LOOK_S;
    }
    for (; h->needed > needed; h->needed--)
        h->needed_ns[h->needed] = now_ns;
    while (h->needed < needed) {
        h->needed++;
        if (h->needed_ns[h->needed])
            note_gap(h, h->needed, now_ns - h->needed_ns[h->needed]);
    }
    h->held = MAX(h->held, needed);
    if (second - h->second >= LOOK_S)
        look(h, start_ns, now_ns);
}

int64_t hold_time_ns(const struct hold *h, uint32_t servers)
{
    return h->best_ns[size_of(servers)];
}

uint32_t hold_count(struct hold *h, int64_t stated_ns, int64_t now_ns)
{
    while (h->held > h->needed) {
        int64_t hold_ns = stated_ns > 0 ? stated_ns : hold_time_ns(h, h->held);
        if (now_ns - h->needed_ns[h->held] < hold_ns)
            break;
        h->held--;
    }
    return h->held;
}

void hold_keep(struct keep *k, struct hold *h)
{
    k->section = "hold";
    keep_doubles(k, "gaps", &h->gaps[0][0], (size_t)HOLD_SIZES * HOLD_BINS, 0, 1e12);
}
