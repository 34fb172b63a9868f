/*
 * Periods are found by trying them: what would this one have foretold, at each minute of the last while, and
 * what would that have saved? Autocorrelation finds periods, too, but says nothing of what they are worth,
 * and a load that is flat but for ten minutes every two hours has little of it.
 *
 * A period P foretells at minute m, for the horizon, the busiest minute of [m, m + horizon] as it was one,
 * two and three periods ago, a minute earlier and later allowed for, since what comes back is rarely
 * punctual; of the three the middle one, of two the lesser: what came once is no pattern.
 *
 * It costs what policy.c pays for: a missing server for as long as it is missed (price.h), and one too many
 * for as long as it is there. Both are counted in requests a second, since all servers of a service carry
 * about the same. "No pattern" is not the load as it is, but what the servers wanted without one could carry:
 * the forecast from the last hours, room for bursts and whole servers cover much already, most where load is
 * small. That is taken as a share of the load, by its mean over a day.
 *
 * The numbers, and why so:
 * - one period each ten seconds: about 40 us, and all 285 are tried in three quarters of an hour;
 * - every minute up to four hours, since an error of a minute is three after three periods; then half hours,
 *   and days: what has another period than people's clocks is rare there;
 * - chosen by the last day where so much is known, two periods at least (one of a day or more, since clocks
 *   make those likely), but without the newest two, or one: on those the chosen one has to prove itself,
 * since of 285 one always fits what it was chosen by;
 * - a fifth less than is left by the mean of all periods: to be ready for the busiest minute of any hour
 * saves something on every load that is uneven by chance, and that is no pattern. Of 285 periods one is
 * always better than the mean, hence not just less. A new one must be better by two points.
 */
#include "scale/pattern.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "scale/price.h"

#include <math.h>
#include <stdlib.h>

#define TENS_NS   (10 * NS_PER_S)
#define MINUTE_NS (60 * NS_PER_S)
enum { TENS_OF_MINUTE = 6 };

enum {
    DAY = 1440,
    FINE_MAX = 240,   /* periods of each minute up to here */
    COARSE_STEP = 30, /* of half hours up to a day */
    PAST_PERIODS = 3,
    HORIZON_MAX = 10, /* minutes */
};
static const double left_max = 0.8; /* of what the mean of all periods leaves */
static const double better_by = 0.02;
static const double margin_max = 4;

struct pattern *pattern_new(void)
{
    return NEW(struct pattern);
}

void pattern_free(struct pattern *p)
{
    free(p);
}

/* ---- what came ---- */

static uint32_t slot_of(int64_t minute)
{
    return (uint32_t)(minute % PATTERN_MINUTES);
}

bool pattern_get(const struct pattern *p, int64_t minute, double *ret_rate)
{
    if (p->minute == 0 || minute > p->minute || minute < p->first || p->rate[slot_of(minute)] < 0)
        return false;
    *ret_rate = p->rate[slot_of(minute)];
    return true;
}

static int64_t oldest_kept(const struct pattern *p)
{
    return p->minute - PATTERN_MINUTES + 1;
}

static void raise_most(struct pattern *p, int64_t minute, float rate)
{
    for (int64_t m = MAX(minute - p->horizon, p->first); m <= minute; m++)
        p->most[slot_of(m)] = MAX(p->most[slot_of(m)], rate);
}

static void put_unknown(struct pattern *p, int64_t minute)
{
    p->rate[slot_of(minute)] = p->most[slot_of(minute)] = -1;
}

/* The newest minute is over; those that were skipped are not known. */
static void put_minute(struct pattern *p, int64_t minute, double rate)
{
    if (p->minute == 0 || minute - p->minute >= PATTERN_MINUTES)
        p->first = minute;
    else
        for (int64_t m = p->minute + 1; m < minute; m++)
            put_unknown(p, m);
    p->minute = minute;
    p->first = MAX(p->first, oldest_kept(p));
    p->rate[slot_of(minute)] = p->most[slot_of(minute)] = (float)rate;
    raise_most(p, minute, (float)rate);
}

static void set_horizon(struct pattern *p, int64_t horizon)
{
    if (p->horizon == horizon || p->minute == 0)
        return;
    p->horizon = horizon;
    for (int64_t m = p->first; m <= p->minute; m++)
        p->most[slot_of(m)] = -1;
    for (int64_t m = p->first; m <= p->minute; m++)
        raise_most(p, m, p->rate[slot_of(m)]);
}

void pattern_restore(struct pattern *p, int64_t minute, double rate)
{
    double known;
    if (minute <= 0 || !(rate >= 0) || !isfinite(rate) || pattern_get(p, minute, &known))
        return;
    if (p->minute == 0 || minute > p->minute) {
        if (p->now_tens == 0 || minute < p->now_tens / TENS_OF_MINUTE)
            put_minute(p, minute, rate);
        return;
    }
    if (minute < oldest_kept(p))
        return;
    for (int64_t m = minute + 1; m < p->first; m++)
        put_unknown(p, m);
    p->first = MIN(p->first, minute);
    p->rate[slot_of(minute)] = (float)rate;
    p->horizon = 0;
}

/* ---- what a period foretells ---- */

/* The busiest of the minute and the horizon after it; < 0: not known. */
static float most_of(const struct pattern *p, int64_t minute)
{
    return minute < p->first || minute > p->minute ? -1 : p->most[slot_of(minute)];
}

static double middle(const double v[PAST_PERIODS], int count)
{
    if (count < 2)
        return 0;
    if (count == 2)
        return fmin(v[0], v[1]);
    return fmax(fmin(v[0], v[1]), fmin(fmax(v[0], v[1]), v[2]));
}

static double foretell(const struct pattern *p, uint32_t period, int64_t minute)
{
    double past[PAST_PERIODS] = {0};
    int count = 0;
    for (int64_t i = 1; i <= PAST_PERIODS; i++) {
        int64_t then = minute - i * period;
        float most = MAX(most_of(p, then - 1), most_of(p, then + 1));
        if (most >= 0)
            past[count++] = (double)most;
    }
    return middle(past, count);
}

static int64_t horizon_of(int64_t horizon_ns)
{
    return MIN(MAX((horizon_ns + MINUTE_NS - 1) / MINUTE_NS, 1), HORIZON_MAX);
}

double pattern_ahead(const struct pattern *p, int64_t wall_ns)
{
    if (p->period == 0 || wall_ns <= 0)
        return 0;
    return foretell(p, p->period, wall_ns / MINUTE_NS);
}

/* ---- which period ---- */

/* The nth to try; 0: that were all. */
static uint32_t candidate(uint32_t n)
{
    const uint32_t fine = FINE_MAX - PATTERN_PERIOD_MIN + 1, coarse = (DAY - FINE_MAX) / COARSE_STEP;
    if (n < fine)
        return PATTERN_PERIOD_MIN + n;
    if (n < fine + coarse)
        return FINE_MAX + COARSE_STEP * (n - fine + 1);
    uint32_t days = n - fine - coarse + 2;
    return days <= 7 ? days * DAY : 0;
}

/* What comes twice is no chance; once is enough where clocks make a period likely. */
static int64_t proof_of(uint32_t period)
{
    return period >= DAY ? period : 2 * (int64_t)period;
}

/* What a period would have saved of the cost of late servers, up to 1, in `span` minutes up to `last` or what
 * is known of them. False: less is known than proves anything. */
static bool judge_period(const struct pattern *p, uint32_t period, int64_t last, int64_t span,
                         double *ret_saving)
{
    int64_t first = MAX(last - span, p->first + 2 * (int64_t)period);
    if (period < 2 * p->horizon || last - first < proof_of(period))
        return false;
    double none = 0, cost = 0, margin = fmax(p->margin, 1);
    for (int64_t m = first; m <= last; m++) {
        double now = (double)p->rate[slot_of(m)], then = (double)most_of(p, m);
        if (now < 0)
            continue;
        double without = now * margin, with = fmax(without, foretell(p, period, m));
        none += SCALE_PRICE_OF_MISSING * fmax(then - without, 0);
        cost += SCALE_PRICE_OF_MISSING * fmax(then - with, 0) + fmax(with - fmax(without, then), 0);
    }
    *ret_saving = none > 0 ? 1 - cost / none : 0;
    return true;
}

static bool is_worth_hearing(const struct pattern *p, double saving)
{
    return 1 - saving <= left_max * (1 - p->typical);
}

static int64_t newest(const struct pattern *p)
{
    return p->minute - p->horizon; /* what came after it is not known yet */
}

/* All were tried on what is older, the best of them is now tried on what is newer, which had no say in that.
 */
static void end_round(struct pattern *p)
{
    double saving;
    p->typical = p->judged ? fmax(p->sum / p->judged, 0) : 0;
    bool is_proved = p->best && judge_period(p, p->best, newest(p), proof_of(p->best), &saving) &&
                     is_worth_hearing(p, saving);
    if (is_proved && (p->period == 0 || p->best_saving > p->saving + better_by)) {
        p->period = p->best;
        p->saving = saving;
    }
    p->at = p->best = p->judged = 0;
    p->best_saving = p->sum = 0;
}

static void try_next(struct pattern *p)
{
    double saving;
    uint32_t period = candidate(p->at++);
    if (period == 0) {
        end_round(p);
        return;
    }
    int64_t proof = proof_of(period);
    if (!judge_period(p, period, newest(p) - proof, MAX(proof, DAY), &saving))
        return;
    p->judged++;
    p->sum += fmax(saving, 0);
    if (saving > p->best_saving) {
        p->best = period;
        p->best_saving = saving;
    }
}

/* The one that is heard is judged anew each minute: it goes as soon as it does not pay. */
static void judge(struct pattern *p)
{
    if (p->period && (!judge_period(p, p->period, newest(p), MAX(proof_of(p->period), DAY), &p->saving) ||
                      !is_worth_hearing(p, p->saving)))
        p->period = 0;
    if (p->period == 0)
        p->saving = 0;
}

/* ---- as time goes by ---- */

static void note_margin(struct pattern *p)
{
    if (p->busiest <= 0 || p->ready <= 0)
        return;
    double margin = fmin(fmax(p->ready / p->busiest, 1), margin_max);
    p->margins = MIN(p->margins + 1, DAY);
    p->margin += (margin - p->margin) / p->margins;
}

static void end_minute(struct pattern *p, int64_t minute, int64_t next)
{
    if (p->is_whole && minute > p->minute) {
        put_minute(p, minute, p->busiest);
        note_margin(p);
    }
    p->is_whole = next == minute + 1; /* after a gap it begins somewhere within one */
    p->busiest = 0;
    judge(p);
}

static void end_slot(struct pattern *p, int64_t tens, int64_t horizon)
{
    int64_t minute = p->now_tens / TENS_OF_MINUTE, next = tens / TENS_OF_MINUTE;
    p->busiest = fmax(p->busiest, (double)p->in_tens * (double)NS_PER_S / (double)TENS_NS);
    p->in_tens = 0;
    set_horizon(p, horizon);
    if (next != minute)
        end_minute(p, minute, next);
    p->now_tens = tens;
    try_next(p);
}

void pattern_note(struct pattern *p, const struct pattern_sample *s)
{
    int64_t tens = s->wall_ns / TENS_NS;
    if (s->wall_ns <= 0 || tens < p->now_tens)
        return;
    if (p->now_tens == 0)
        p->now_tens = tens;
    if (tens > p->now_tens)
        end_slot(p, tens, horizon_of(s->horizon_ns));
    p->in_tens += s->requests;
    p->ready = s->ready_per_s;
}
