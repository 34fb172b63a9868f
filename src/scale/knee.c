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
#include <stdbool.h>

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

void knee_see(const struct knee_level levels[LEVEL_COUNT], const struct knee_law *law,
              struct knee_seen *ret_seen)
{
    ret_seen->duration_count = ret_seen->pace_count = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        const struct knee_level *l = &levels[i];
        double in_flight = level_in_flight(i);
        if (l->admissions >= admissions_min)
            ret_seen->durations[ret_seen->duration_count++] =
                (struct knee_durations){.in_flight = in_flight - law->half_done,
                                        .requests = l->admissions,
                                        .total_s = l->admission_s,
                                        .total_square = l->admission_s * l->admission_s / l->admissions};
        if (l->time_s > 0 && l->departures > 0)
            ret_seen->paces[ret_seen->pace_count++] =
                (struct knee_pace){.in_flight = in_flight,
                                   .time_s = l->time_s,
                                   .trust = 1 / (1 + l->departures * pace_inexactness * pace_inexactness),
                                   .answers = l->departures,
                                   .log_rate = log(l->departures / l->time_s),
                                   .log_pace = log(l->departures / (l->time_s * in_flight))};
    }
}

/* The sum of n (t R / S - 1)^2 over the levels, with n requests and t their time without stretch, R requests
 * and S = sum of n t in all, is R^2 Q / S^2 - R with Q = sum of n t^2: one pass. */
double knee_misfit_of_durations(const struct knee_seen *s, double knee, double *ret_service_s)
{
    double requests = 0, sum = 0, squares = 0;
    for (unsigned i = 0; i < s->duration_count; i++) {
        const struct knee_durations *d = &s->durations[i];
        double share = d->in_flight > knee ? knee / d->in_flight : 1; /* of the time that is its own */
        requests += d->requests;
        sum += share * d->total_s;
        squares += share * share * d->total_square;
    }
    *ret_service_s = requests > 0 ? sum / requests : 0;
    return sum > 0 ? fmax(requests * requests * squares / (sum * sum) - requests, 0) : 0;
}

/* The same of d answers in t seconds at each level, against levels with a pace each of their own: they are
 * d log(pace) - pace t likely, with pace = min(n, K) / S, and S such that all answers are as many as they
 * were. */
static double misfit_of_pace(const struct knee_seen *s, double knee)
{
    double work_s = 0, answers = 0, logs = 0, log_knee = log(knee);
    for (unsigned i = 0; i < s->pace_count; i++) {
        const struct knee_pace *p = &s->paces[i];
        bool is_beyond = p->in_flight > knee;
        double log_pace = is_beyond ? p->log_rate - log_knee : p->log_pace;
        work_s += p->trust * p->time_s * (is_beyond ? knee : p->in_flight);
        answers += p->trust * p->answers;
        logs += p->trust * p->answers * log_pace;
    }
    return answers > 0 ? fmax(2 * (logs - answers * log(answers / work_s)), 0) : 0;
}

double knee_misfit(const struct knee_seen *s, double knee, double *ret_service_s)
{
    return knee_misfit_of_durations(s, knee, ret_service_s) + misfit_of_pace(s, knee);
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
