/*
 * Two explanations of how long its requests took are compared: it works on as many at once as the others, or
 * on the number, at least a fifth smaller, that fits best. The second is believed when it fits far better: it
 * is asked each second of each server, and durations beyond the knee hang together, so more is asked for than
 * of the knee of all. It is given up when the first fits nearly as well.
 *
 * A narrow server is kept to a lower limit, so what lies beyond that is not seen any more, and counts for
 * less as more is learned below: one that became wide shows that just above its limit.
 *
 * That requests take twice as long on it at any number in flight makes a server slow (server_pace.h), not
 * narrow: the time of a request is its own here.
 */
#include "scale/server_knee.h"

#include <math.h>

static const double memory = 1000,
                    unreachable = 300; /* requests: of a level, and below what is not reached */
static const double requests_min = 100;
static const double narrower = 0.8, least = 0.7, step = 1.02;
static const double evidence = 20, doubt = 4;

static double add(struct server_knee *k, const struct knee_level second[LEVEL_COUNT])
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
    return requests;
}

static double find_best(const struct server_knee *k, double others, double *ret_misfit)
{
    double service_s, best = 0;
    *ret_misfit = INFINITY;
    for (double knee = narrower * others; knee > least; knee /= step) {
        double misfit = knee_misfit(k->levels, knee, &service_s);
        if (misfit < *ret_misfit) {
            *ret_misfit = misfit;
            best = knee;
        }
    }
    return best;
}

void server_knee_note(struct server_knee *k, const struct knee_level second[LEVEL_COUNT], double others)
{
    double requests = add(k, second), sum = 0, service_s, at_best;
    for (unsigned i = k->knee > 0 ? level_of(knee_limit(k->knee)) + 1 : LEVEL_COUNT; i < LEVEL_COUNT; i++)
        knee_level_fade(&k->levels[i], exp(-requests / unreachable));
    for (unsigned i = 0; i < LEVEL_COUNT; i++)
        sum += k->levels[i].admissions;
    if (others <= 0)
        k->knee = 0;
    if (others <= 0 || requests <= 0 || sum < requests_min)
        return;
    double best = find_best(k, others, &at_best);
    double better = knee_misfit(k->levels, others, &service_s) - at_best;
    if (best > 0 && better > (k->knee > 0 ? doubt : evidence))
        k->knee = fmin(fmax(knee_whole(best), 1), narrower * others);
    else
        k->knee = 0;
}
