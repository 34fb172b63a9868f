/*
 * How much longer did its requests take than those that were sent to the others with as many in flight,
 * beyond the knee that fits its own times best, and how much longer below it? Below says how fast it is:
 * requests that take twice as long at any number in flight make a server slow (server_pace.h), not narrow.
 * What is left is held against two explanations: the others work on as many at once, or on a quarter more,
 * half as many again, or twice as many. The deviation of durations is taken as their mean. More is asked for
 * than chance would show once in 400, since it is asked each second of each server; it is given up when the
 * first explanation has become clearly better.
 *
 * Only like is compared with like, never one server with the knee of all: that is learned of the server that
 * is filled first, which may be this one, and how well a knee fits depends on how the load came. So a second
 * server has to be filled as far beyond the knee before a narrow first one can be told (reconciler.c).
 *
 * Kept to its limit a narrow server that shares its processor has nearly as many all the time, and all its
 * requests take alike; that looks as if it were wide. Given more it is narrow again. So each time that this
 * happens twice the evidence is asked for before it is given up again.
 *
 * A narrow server is kept to a lower limit, so what lies beyond that is not seen any more, and counts for
 * less as more is learned below: one that became wide shows that just above its limit.
 */
#include "scale/server_knee.h"

#include "base/macros.h"

#include <math.h>

static const double memory = 1000,
                    unreachable = 300; /* requests: of a level, and below what is not reached */
static const double level_requests_min = 5, compared_min = 20, tried_requests = 300;
static const struct knee_law unknown = {.half_done = 0.25};
static const double least = 0.7, step = 1.02;
static const double hopeless = 40; /* so much worse than the best that none further on will do */
static const double gaps[] = {1.25, 1.5, 2};
static const double tried_factor = 1.25;        /* x the knee; less tells too little */
static const double evidence = 6, doubt = -3.5; /* logarithms */
enum { times_told_max = 4 };

void server_knee_note(struct server_knee *k, const struct knee_level second[LEVEL_COUNT])
{
    double requests = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        struct knee_level *l = &k->levels[i];
        l->time_s += second[i].time_s;
        l->departures += second[i].departures;
        l->admissions += second[i].admissions;
        l->admission_s += second[i].admission_s;
        l->admission_logs += second[i].admission_logs;
        knee_level_fade(l, memory / fmax(l->admissions, memory));
        requests += second[i].admissions;
    }
    for (unsigned i = k->knee > 0 ? level_of(knee_limit(k->knee)) + 1 : LEVEL_COUNT; i < LEVEL_COUNT; i++)
        knee_level_fade(&k->levels[i], exp(-requests / unreachable));
}

static double find_best(const struct server_knee *k)
{
    unsigned highest = LEVEL_COUNT;
    while (highest > 0 && k->levels[highest - 1].admissions < level_requests_min)
        highest--;
    struct knee_seen seen;
    knee_see(k->levels, &unknown, &seen);
    double service_s, best = 0, at_best = INFINITY;
    for (double knee = highest ? level_in_flight(highest - 1) : 0; knee > least; knee /= step) {
        double misfit = knee_misfit_of_durations(&seen, knee, &service_s);
        if (misfit > at_best + hopeless)
            break;
        if (misfit < at_best) {
            at_best = misfit;
            best = knee;
        }
    }
    return best;
}

/* Durations of its own requests and of the others', as they compare. */
struct comparison {
    double own_requests, own_s, others_requests, others_s;
    double sureness; /* 1 / the variance of the logarithm of own_s / others_s */
};

static double stretch(unsigned level, double knee)
{
    return fmax(level_in_flight(level) / knee, 1);
}

/* Below the knee it does not matter how many were in flight. */
static struct comparison compare_below(const struct knee_level own[LEVEL_COUNT],
                                       const struct knee_level others[LEVEL_COUNT], double knee)
{
    struct comparison c = {0};
    for (unsigned i = 0; i < LEVEL_COUNT && level_in_flight(i) <= knee; i++) {
        c.own_requests += own[i].admissions;
        c.own_s += own[i].admission_s;
        c.others_requests += others[i].admissions;
        c.others_s += others[i].admission_s;
    }
    if (c.own_requests < compared_min || c.others_requests < compared_min)
        return (struct comparison){0};
    c.own_s /= c.own_requests;
    c.others_s /= c.others_requests;
    c.sureness = 1 / (1 / c.own_requests + 1 / c.others_requests);
    return c;
}

/* Level by level, where both have been; *ret_expected: of own_s / others_s, if the others have `gap` times
 * the knee. */
static struct comparison compare_beyond(const struct knee_level own[LEVEL_COUNT],
                                        const struct knee_level others[LEVEL_COUNT], double knee, double gap,
                                        double *ret_expected)
{
    struct comparison c = {0};
    double expected = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        if (level_in_flight(i) <= knee || own[i].admissions < level_requests_min ||
            others[i].admissions < level_requests_min)
            continue;
        double weight = 1 / (1 / own[i].admissions + 1 / others[i].admissions);
        c.own_s += weight * own[i].admission_s / own[i].admissions;
        c.others_s += weight * others[i].admission_s / others[i].admissions;
        expected += weight * stretch(i, knee) / stretch(i, gap * knee);
        c.sureness += weight;
    }
    *ret_expected = c.sureness > 0 ? expected / c.sureness : 1;
    return c;
}

/* How much better "the others work on `gap` times as many" explains what was seen than "they are alike": the
 * difference of the logarithms of likelihoods. 0: nothing is known. */
static double weigh(const struct server_knee *k, const struct knee_level others[LEVEL_COUNT], double knee,
                    double gap)
{
    double expected;
    struct comparison below = compare_below(k->levels, others, knee);
    struct comparison beyond = compare_beyond(k->levels, others, knee, gap, &expected);
    if (below.own_s <= 0 || below.others_s <= 0 || beyond.own_s <= 0 || beyond.others_s <= 0)
        return 0;
    double seen = log(beyond.own_s / beyond.others_s) - log(below.own_s / below.others_s);
    double variance = 1 / below.sureness + 1 / beyond.sureness;
    return log(expected) * (2 * seen - log(expected)) / (2 * variance);
}

void server_knee_judge(struct server_knee *k, const struct knee_level others[LEVEL_COUNT])
{
    double best = fmax(knee_whole(find_best(k)), 1);
    double better = -INFINITY;
    for (size_t i = 0; i < ARRAY_LEN(gaps); i++)
        better = fmax(better, weigh(k, others, best, gaps[i]));
    if (k->knee > 0 ? better < doubt * ldexp(1, (int)k->times_told - 1) : better <= evidence) {
        k->knee = 0;
        return;
    }
    k->times_told += k->knee == 0 && k->times_told < times_told_max;
    k->knee = best;
}

bool server_knee_is_tried(const struct server_knee *k, double knee_of_all)
{
    double requests = 0;
    for (unsigned i = level_of((uint32_t)ceil(tried_factor * knee_of_all)) + 1; i < LEVEL_COUNT; i++)
        requests += k->levels[i].admissions;
    return requests >= tried_requests;
}
