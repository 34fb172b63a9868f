/*
 * A server is compared with the others of its service in the same second and at the same number in flight, by
 * the mean logarithm of how long requests took. So neither load that is spread unevenly, nor a mix of
 * requests or a database that changes for all of them makes one of them slow. What cannot be compared says
 * nothing.
 *
 * How far chance alone goes is not assumed (quick and slow pages differ by orders of magnitude) but taken
 * from how the differences of seconds scatter; so requests that come in clusters count for as little as they
 * tell.
 *
 * Memory: the last few hundred requests, but not less than a minute of seconds. A slow server that was
 * clearly faster in the last stretch is known by that stretch alone: it need not wait until the rest is
 * forgotten.
 */
#include "scale/server_pace.h"

#include <math.h>

static const double octave = 16; /* histogram_log_of */
static const double memory_requests = 500, memory_seconds = 60;
static const double known_requests = 100, known_seconds = 12;
static const double sure_deviations = 5;         /* it is asked anew each second, of each server */
static const double slow_pace = 0.8, over = 0.9; /* from when to when one is called slow */

void server_pace_second_add(struct server_pace_second *sum, const struct server_pace_second *s)
{
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        sum->admissions[i] += s->admissions[i];
        sum->admission_logs[i] += s->admission_logs[i];
    }
}

/* Octaves by which its requests took longer; *ret_weight: the inverse of the variance, if that of a request
 * is 1; *ret_requests: its own that could be compared. */
static double difference(const struct server_pace_second *own, const struct server_pace_second *all,
                         double *ret_weight, double *ret_requests)
{
    double weight = 0, sum = 0, requests = 0;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        double count = own->admissions[i], others = all->admissions[i] - count;
        if (count <= 0 || others <= 0)
            continue;
        double logs = own->admission_logs[i], others_logs = all->admission_logs[i] - logs;
        double w = count * others / (count + others);
        sum += w * (logs / count - others_logs / others) / octave;
        weight += w;
        requests += count;
    }
    *ret_weight = weight;
    *ret_requests = requests;
    return weight > 0 ? sum / weight : 0;
}

static void add(struct server_pace_sums *s, double octaves, double weight, double requests)
{
    s->seconds++;
    s->requests += requests;
    s->weight += weight;
    s->sum += weight * octaves;
    s->squares += weight * octaves * octaves;
}

static void forget(struct server_pace_sums *s)
{
    double keep = fmin(fmax(memory_requests / s->requests, memory_seconds / s->seconds), 1);
    s->seconds *= keep;
    s->requests *= keep;
    s->weight *= keep;
    s->sum *= keep;
    s->squares *= keep;
}

static bool is_known(const struct server_pace_sums *s)
{
    return s->requests >= known_requests && s->seconds >= known_seconds;
}

static double mean_of(const struct server_pace_sums *s)
{
    return s->sum / s->weight;
}

/* Of a request, as seconds scatter. */
static double variance_of(const struct server_pace_sums *s)
{
    return fmax(s->squares - s->sum * mean_of(s), 0) / (s->seconds - 1);
}

/* By how much its requests could take longer by chance. */
static double chance(const struct server_pace_sums *s)
{
    return sure_deviations * sqrt(variance_of(s) / s->weight);
}

/* One stretch after the other, each for itself. */
static void look_at_stretch(struct server_pace *p)
{
    if (!is_known(&p->stretch))
        return;
    if (p->is_slow && mean_of(&p->sums) - mean_of(&p->stretch) > chance(&p->stretch))
        p->sums = p->stretch;
    p->stretch = (struct server_pace_sums){0};
}

void server_pace_note(struct server_pace *p, const struct server_pace_second *own,
                      const struct server_pace_second *all)
{
    double weight, requests, octaves = difference(own, all, &weight, &requests);
    if (weight <= 0)
        return;
    add(&p->sums, octaves, weight, requests);
    add(&p->stretch, octaves, weight, requests);
    forget(&p->sums);
    look_at_stretch(p);
    if (!is_known(&p->sums))
        return;
    double factor = server_pace_factor(p);
    p->is_slow = p->is_slow ? factor < over : factor < slow_pace && mean_of(&p->sums) > chance(&p->sums);
}

double server_pace_factor(const struct server_pace *p)
{
    return is_known(&p->sums) ? exp2(-mean_of(&p->sums)) : 0;
}
