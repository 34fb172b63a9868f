/* The model behind knee_misfit(): see capacity.c. */
#include "scale/knee.h"

#include <math.h>

static const double admissions_min = 5; /* enough where levels are weighed by their number */
static const double half_done =
    0.25; /* of the one before: between nothing (exponential) and half (constant) */
static const double whole_nearness = 0.2;

void knee_level_fade(struct knee_level *l, double keep)
{
    l->time_s *= keep;
    l->departures *= keep;
    l->admissions *= keep;
    l->admission_s *= keep;
    l->admission_logs *= keep;
}

/* The sum of n (t R / S - 1)^2 over the levels, with n requests and t their time without stretch, R requests
 * and S = sum of n t in all, is R^2 Q / S^2 - R with Q = sum of n t^2: one pass. */
double knee_misfit(const struct knee_level levels[LEVEL_COUNT], double knee, double *ret_service_s)
{
    double requests = 0, sum = 0, squares = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        const struct knee_level *l = &levels[i];
        if (l->admissions < admissions_min)
            continue;
        double own_s = l->admission_s / fmax((level_in_flight(i) - half_done) / knee, 1);
        requests += l->admissions;
        sum += own_s;
        squares += own_s * own_s / l->admissions;
    }
    *ret_service_s = requests > 0 ? sum / requests : 0;
    return sum > 0 ? fmax(requests * requests * squares / (sum * sum) - requests, 0) : 0;
}

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
