/*
 * The growth seen at second t is the logarithm of (highest load in the horizon after t + floor) / (load at t
 * + floor). The highest, not the last: capacity asked for now is there at the end of the horizon, and what
 * was asked for earlier must carry all that comes before it.
 *
 * The regression is kept as decayed sums of products and solved anew each second (three unknowns). A ring of
 * two hours of rests in bins of one per cent, and their histogram, give the quantile in one pass of 256
 * additions, without keeping or sorting the samples.
 *
 * The quantile of chance is price / (price + 1), 0.9, in a service of few servers or quick starts. Where one
 * of n servers is missing for a time T, half a start, a queue grows in which all wait: it is felt after the
 * share felt_wait x n / T of T, and from then on the requests of n servers are late instead of those of one.
 * Of more than T / (2 x felt_wait) servers more than one would have to be missing; they count as so many.
 * The price holds for few_servers, and for starts of up to half a minute; above it grows with that number.
 * But a quantile that would have been exceeded less than exceeded_min times by the horizons seen so far is
 * not known from them, and is not taken.
 *
 * What one steep minute left in the histogram stays there for two hours and says nothing of a load that
 * falls. So the rests of moments below the slow mean have a histogram of their own beside the common one, and
 * there the lesser of the two quantiles counts: servers that the load comes back to from below are held
 * anyway (hold.c). Above the mean the common one counts: a server that is missing there is missing at the
 * top.
 *
 * Rejected: the slope of the load, extrapolated (noise x horizon; loses on every trace); the plain quantile
 * of growth (follows noise up and multiplies it). A forecast made of ratios lives off loads that are never
 * small: sparse ones, where the next burst has nothing to do with the present load, are told by the
 * self-check.
 */
#include "scale/forecast.h"

#include "base/clock.h"
#include "base/macros.h"
#include "scale/price.h"
#include "scale/keep.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const double felt_wait_s = 0.5, few_servers = 8, exceeded_min = 2; /* see above: the quantile */
static const double bin_width = 0.01;
static const double slow_horizons = 10; /* the slow mean's time, in horizons */
static const double slow_s_min = 60;
/* Before there is experience: loads rarely grow by more in a minute, and by the root of the time elsewhere;
 * it counts for as much as so many horizons of experience, since what overlaps is not seen twice. */
static const double prior_growth = 0.1;
enum { PRIOR_HORIZONS = 4 };
static const double ridge = 0.02; /* keeps the weights small until there is evidence, in seconds x square */
enum { BIN_ZERO = 96 };

void forecast_init(struct forecast *f)
{
    memset(f, 0, sizeof(*f));
}

static uint32_t slot_of(int64_t second)
{
    return (uint32_t)(second % FORECAST_RING_S);
}

/* ---- what can be told ---- */

/* What is known at a second. False when it reaches back too far. */
static bool features_at(const struct forecast *f, int64_t second, int64_t horizon_s,
                        double ret_x[FORECAST_FEATURES])
{
    if (f->second - second + horizon_s >= f->samples)
        return false;
    ret_x[0] = 1;
    ret_x[1] = f->load[slot_of(second)] - f->slow_mean[slot_of(second)];
    ret_x[2] = f->load[slot_of(second)] - f->load[slot_of(second - horizon_s)];
    ret_x[3] = f->load[slot_of(second)] - f->load[slot_of(second - (horizon_s + 3) / 4)];
    return true;
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (unsigned i = 0; i < FORECAST_FEATURES; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Least squares by elimination; the ridge keeps it solvable. */
static void solve(struct forecast *f)
{
    double a[FORECAST_FEATURES][FORECAST_FEATURES + 1];
    for (unsigned i = 0; i < FORECAST_FEATURES; i++) {
        for (unsigned k = 0; k < FORECAST_FEATURES; k++)
            a[i][k] = f->products[i][k] + (i == k ? ridge : 0);
        a[i][FORECAST_FEATURES] = f->targets[i];
    }
    for (unsigned i = 0; i < FORECAST_FEATURES; i++) /* positive definite: no pivots are needed */
        for (unsigned row = i + 1; row < FORECAST_FEATURES; row++) {
            double factor = a[row][i] / a[i][i];
            for (unsigned k = i; k <= FORECAST_FEATURES; k++)
                a[row][k] -= factor * a[i][k];
        }
    for (unsigned i = FORECAST_FEATURES; i-- > 0;) {
        double sum = a[i][FORECAST_FEATURES];
        for (unsigned k = i + 1; k < FORECAST_FEATURES; k++)
            sum -= a[i][k] * f->weights[k];
        f->weights[i] = sum / a[i][i];
    }
}

static void learn(struct forecast *f, const double x[FORECAST_FEATURES], double growth)
{
    const double keep = 1 - 1.0 / FORECAST_MEMORY_S;
    for (unsigned i = 0; i < FORECAST_FEATURES; i++) {
        f->targets[i] = keep * f->targets[i] + x[i] * growth;
        for (unsigned k = 0; k < FORECAST_FEATURES; k++)
            f->products[i][k] = keep * f->products[i][k] + x[i] * x[k];
    }
    solve(f);
}

/* ---- chance ---- */

/* How much of chance to be ready for. */
static double quantile_for(const struct forecast *f, double servers, double horizon_s)
{
    const double least = SCALE_PRICE_OF_MISSING / (SCALE_PRICE_OF_MISSING + 1.0);
    double missed_s = horizon_s / 2, queued = fmin(servers, missed_s / (2 * felt_wait_s));
    double late = queued * (1 - felt_wait_s * queued / missed_s);
    double price = SCALE_PRICE_OF_MISSING * fmax(late / few_servers, 1);
    double known = 1 - exceeded_min * horizon_s / fmax(f->growths, 1);
    return fmax(fmin(price / (price + 1), known), least);
}

/* The side on which a moment with these features is. */
static enum forecast_side side_of(const double x[FORECAST_FEATURES])
{
    return x[1] < 0 ? FORECAST_BELOW : FORECAST_ABOVE;
}

/* Of all rests from this side on. */
static double quantile_of_rest(const struct forecast *f, enum forecast_side from, uint32_t rests)
{
    double rank = f->quantile * rests, sum = 0;
    for (uint32_t i = 0; i < FORECAST_BINS; i++) {
        for (unsigned side = from; side < FORECAST_SIDES; side++)
            sum += f->histogram[side][i];
        if (sum >= rank)
            return ((double)i - BIN_ZERO) * bin_width;
    }
    return 0;
}

static uint32_t rests_below(const struct forecast *f)
{
    uint32_t rests = 0;
    for (uint32_t i = 0; i < FORECAST_BINS; i++)
        rests += f->histogram[FORECAST_BELOW][i];
    return rests;
}

/* So many rests say `learned`; little experience counts little beside what is taken for granted. */
static double mix(uint32_t rests, double learned, double prior, double prior_weight)
{
    return (rests * learned + prior_weight * prior) / (rests + prior_weight);
}

/* What is kept in hand for chance. */
static double margin_for(const struct forecast *f, enum forecast_side side, double prior, double prior_weight)
{
    double margin = mix(f->growths, quantile_of_rest(f, FORECAST_ABOVE, f->growths), prior, prior_weight);
    if (side == FORECAST_ABOVE)
        return margin;
    uint32_t rests = rests_below(f);
    return fmin(mix(rests, quantile_of_rest(f, FORECAST_BELOW, rests), margin, prior_weight), margin);
}

static void note_rest(struct forecast *f, enum forecast_side side, double rest)
{
    double bin = fmin(fmax(round(rest / bin_width) + BIN_ZERO, 0), FORECAST_BINS - 1);
    uint32_t *counts = &f->histogram[0][0];
    if (f->growths == FORECAST_MEMORY_S)
        counts[f->rests[f->at]]--;
    else
        f->growths++;
    f->rests[f->at] = (uint16_t)(side * FORECAST_BINS + (unsigned)bin);
    counts[f->rests[f->at]]++;
    f->at = (f->at + 1) % FORECAST_MEMORY_S;
}

/* ---- judging ---- */

static double pinball(double quantile, double actual, double forecast)
{
    return actual > forecast ? quantile * (actual - forecast) : (1 - quantile) * (forecast - actual);
}

/* What became of the forecast that was made a horizon ago. */
static void judge(struct forecast *f, int64_t made_at, int64_t horizon_s)
{
    double highest = -INFINITY, then = f->load[slot_of(made_at)], x[FORECAST_FEATURES];
    for (int64_t i = made_at + 1; i <= f->second; i++)
        highest = fmax(highest, f->load[slot_of(i)]);
    double growth = highest - then;
    f->growth_max = fmax(f->growth_max * (1 - 1.0 / FORECAST_MEMORY_S), growth);
    double weight = fmax(1.0 / (f->growths + 1), 1.0 / FORECAST_MEMORY_S);
    f->loss += weight * (pinball(f->quantile, growth, f->forecast[slot_of(made_at)]) - f->loss);
    f->loss_of_none += weight * (pinball(f->quantile, growth, 0) - f->loss_of_none);
    if (!features_at(f, made_at, horizon_s, x))
        return;
    note_rest(f, side_of(x), growth - f->told[slot_of(made_at)]);
    learn(f, x, growth);
}

static void move_on(struct forecast *f, double load, double horizon_s, int64_t second)
{
    if (second != f->second + 1)
        f->samples = 0;
    f->second = second;
    f->samples = MIN(f->samples + 1, (uint32_t)FORECAST_RING_S);
    double slow_s = fmin(fmax(slow_horizons * horizon_s, slow_s_min), f->samples);
    f->slow = f->samples == 1 ? load : f->slow + (load - f->slow) / slow_s;
    f->load[slot_of(second)] = (float)load;
    f->slow_mean[slot_of(second)] = (float)f->slow;
}

void forecast_note(struct forecast *f, double load, double floor, int64_t horizon_ns, int64_t now_ns)
{
    int64_t second = now_ns / NS_PER_S;
    if (f->samples && second <= f->second)
        return;
    int64_t horizon_s = MIN(MAX((horizon_ns + NS_PER_S - 1) / NS_PER_S, 1), FORECAST_HORIZON_MAX_S);
    f->quantile = quantile_for(f, load / floor, (double)horizon_s);
    move_on(f, log(load + floor), (double)horizon_s, second);
    if (f->samples > horizon_s)
        judge(f, second - horizon_s, horizon_s);
    double prior = prior_growth * sqrt((double)horizon_s / 60),
           prior_weight = PRIOR_HORIZONS * (double)horizon_s;
    f->is_heard = f->growths < prior_weight || f->loss < f->loss_of_none;
    double x[FORECAST_FEATURES], told = 0;
    enum forecast_side side = FORECAST_ABOVE;
    if (features_at(f, second, horizon_s, x)) {
        told = mix(f->growths, dot(f->weights, x), 0, prior_weight);
        side = side_of(x);
    }
    f->margin = margin_for(f, side, prior, prior_weight);
    f->told[slot_of(second)] = (float)told;
    f->forecast[slot_of(second)] = (float)fmin(told + f->margin, fmax(f->growth_max, prior));
}

double forecast_get(const struct forecast *f, double load, double floor)
{
    if (!f->is_heard)
        return load;
    uint32_t now = slot_of(f->second);
    return fmax(exp((double)f->load[now] + (double)f->forecast[now]) - floor, load);
}

/* ---- keeping ---- */

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    return b ? common_divisor(b, a % b) : a;
}

/*
 * The ring of rests from their histogram: in which order they came is not kept, so they are spread evenly and
 * forgotten a little of each at a time.
 */
static void spread_rests(struct keep *k, struct forecast *f)
{
    const uint32_t *counts = &f->histogram[0][0];
    uint32_t growths = 0, at = 0, step = MAX((uint32_t)(f->growths * 0.618), 1U);
    for (uint32_t i = 0; i < FORECAST_SIDES * FORECAST_BINS; i++)
        growths += counts[i]; /* each at most FORECAST_MEMORY_S */
    if (growths != f->growths) {
        keep_refuse(k, "the histogram does not hold as many rests as there were");
        return;
    }
    while (growths && common_divisor(growths, step) != 1)
        step++;
    for (uint32_t i = 0; i < FORECAST_SIDES * FORECAST_BINS; i++)
        for (uint32_t n = 0; n < counts[i]; n++) {
            f->rests[at] = (uint16_t)i;
            at = (at + step) % growths;
        }
    f->at = growths % FORECAST_MEMORY_S;
}

void forecast_keep(struct keep *k, struct forecast *f)
{
    const double large = 1e12;
    k->section = "forecast";
    keep_u32(k, "growths", &f->growths, 0, FORECAST_MEMORY_S);
    keep_double(k, "growth_max", &f->growth_max, -large, large);
    keep_double(k, "loss", &f->loss, 0, large);
    keep_double(k, "loss_of_none", &f->loss_of_none, 0, large);
    keep_doubles(k, "products", &f->products[0][0], FORECAST_FEATURES * FORECAST_FEATURES, -large, large);
    keep_doubles(k, "targets", f->targets, FORECAST_FEATURES, -large, large);
    keep_doubles(k, "weights", f->weights, FORECAST_FEATURES, -large, large);
    keep_u32s(k, "histogram", &f->histogram[0][0], FORECAST_SIDES * FORECAST_BINS, 0, FORECAST_MEMORY_S);
    if (keep_is_reading(k) && !k->is_bad)
        spread_rests(k, f);
}
