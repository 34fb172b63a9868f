/*
 * A server that works on K requests at once shows that in two ways. How long those took that were sent to it
 * as its n-th: S up to K, S x n / K beyond. That is exact where the others wait in line; where all share the
 * processor a request meets more and fewer than it came to, which blurs the edge. And how fast it answers
 * while it has n: min(n, K) / S. That is exact where all share (whatever the law), and where times are
 * exponential; in line a server that was just given more has young requests, and answers more slowly than it
 * will. So both are asked, the pace with less confidence than its count alone would give.
 *
 * The deviation of durations is taken as their mean. How much of a request is done when another begins to
 * wait for it depends on how much they vary, which is measured: the logarithm of their mean less the mean of
 * their logarithms is 0 when all are alike, and 0.58 where they are exponential.
 */
#include "scale/knee.h"

#include "stats/histogram.h"

#include <math.h>

static const double admissions_min = 5;     /* enough where levels are weighed by their number */
static const double pace_inexactness = 0.1; /* of a level */
static const double half_done_max =
    0.25; /* where all take the same; of the first of many little is left, of the last all */
static const double whole_nearness = 0.3;

void knee_level_fade(struct knee_level *l, double keep)
{
    l->time_s *= keep;
    l->departures *= keep;
    l->admissions *= keep;
    l->admission_s *= keep;
    l->admission_logs *= keep;
}

struct knee_law knee_law_of(const struct knee_level levels[LEVEL_COUNT])
{
    const double middle = 0.5, to_natural = M_LN2 / (1 << HISTOGRAM_SUB_BITS); /* of a bucket */
    double requests = 0, logs = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        const struct knee_level *l = &levels[i];
        if (l->admissions < admissions_min || l->admission_s <= 0)
            continue;
        double mean_log = (l->admission_logs / l->admissions + middle) * to_natural;
        requests += l->admissions;
        logs += l->admissions * (log(l->admission_s / l->admissions / histogram_log_unit_s()) - mean_log);
    }
    double uneven = requests > 0 ? fmax(logs / requests, 0) : 0;
    return (struct knee_law){.half_done = fmax(half_done_max - uneven / 2, 0)};
}

/* The sum of n (t R / S - 1)^2 over the levels, with n requests and t their time without stretch, R requests
 * and S = sum of n t in all, is R^2 Q / S^2 - R with Q = sum of n t^2: one pass. */
double knee_misfit_of_durations(const struct knee_level levels[LEVEL_COUNT], const struct knee_law *law,
                                double knee, double *ret_service_s)
{
    double requests = 0, sum = 0, squares = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        const struct knee_level *l = &levels[i];
        if (l->admissions < admissions_min)
            continue;
        double own_s = l->admission_s / fmax((level_in_flight(i) - law->half_done) / knee, 1);
        requests += l->admissions;
        sum += own_s;
        squares += own_s * own_s / l->admissions;
    }
    *ret_service_s = requests > 0 ? sum / requests : 0;
    return sum > 0 ? fmax(requests * requests * squares / (sum * sum) - requests, 0) : 0;
}

/* The same of d answers in t seconds at each level, against levels with a pace each of their own: they are
 * d log(pace) - pace t likely, with pace = min(n, K) / S, and S such that all answers are as many as they
 * were. */
static double misfit_of_pace(const struct knee_level levels[LEVEL_COUNT], double knee)
{
    double work_s = 0, answers = 0, logs = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        const struct knee_level *l = &levels[i];
        if (l->time_s <= 0 || l->departures <= 0)
            continue;
        double trust = 1 / (1 + l->departures * pace_inexactness * pace_inexactness);
        double own_work_s = l->time_s * fmin(level_in_flight(i), knee);
        work_s += trust * own_work_s;
        answers += trust * l->departures;
        logs += trust * l->departures * log(l->departures / own_work_s);
    }
    return answers > 0 ? fmax(2 * (logs - answers * log(answers / work_s)), 0) : 0;
}

double knee_misfit(const struct knee_level levels[LEVEL_COUNT], const struct knee_law *law, double knee,
                   double *ret_service_s)
{
    return knee_misfit_of_durations(levels, law, knee, ret_service_s) + misfit_of_pace(levels, knee);
}

/* Workers and cores are counted in whole numbers: what is near one is taken for it. */
double knee_whole(double knee)
{
    double number = fmax(round(knee), 1);
    return fabs(knee - number) <= whole_nearness * number && number <= LEVELS_EXACT ? number : knee;
}

/* One place more than the knee, and one in four where there are many. */
uint32_t knee_limit(double knee)
{
    return (uint32_t)(ceil(knee - 0.25) + fmax(1, floor(knee / 4)));
}
