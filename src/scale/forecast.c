/*
 * The growth seen at second t is (highest load in the horizon after t + floor) / (load at t + floor); its
 * logarithm falls into a bin of one per cent. A ring of two hours of bins and their histogram give the
 * quantile in one pass of 256 additions a second, without keeping or sorting the samples.
 *
 * The highest load, not the one at the end: capacity asked for now is there at the end of the horizon, and
 * what was asked for earlier must carry all that comes before it.
 *
 * Rejected: the slope of the load, extrapolated (noise x horizon; loses on every trace); a model with seasons
 * (needs days of history). A forecast made of ratios lives off loads that are never small: sparse ones, where
 * the next burst has nothing to do with the present load, are told by the self-check.
 */
#include "scale/forecast.h"

#include "base/clock.h"
#include "base/macros.h"

#include <math.h>
#include <string.h>

static const double quantile = 0.9; /* a load above the forecast costs about ten times as much as one below */
static const double bin_width = 0.01;
static const double margin_step = 0.03; /* smaller changes of the margin are not worth starting a server */
enum { BIN_ZERO = 56 };
enum { GROWTHS_MIN = 240 }; /* fewer tell a quantile badly */

void forecast_init(struct forecast *f)
{
    memset(f, 0, sizeof(*f));
    f->margin = 1;
}

static uint32_t slot_of(int64_t second)
{
    return (uint32_t)(second % (FORECAST_HORIZON_MAX_S + 1));
}

static double quantile_of_growth(const struct forecast *f)
{
    double rank = quantile * f->growths, sum = 0;
    for (uint32_t i = 0; i < FORECAST_BINS; i++) {
        sum += f->histogram[i];
        if (sum >= rank)
            return exp(((double)i - BIN_ZERO) * bin_width);
    }
    return 1;
}

static void note_growth(struct forecast *f, double growth)
{
    double bin = round(log(growth) / bin_width) + BIN_ZERO;
    if (f->growths == FORECAST_MEMORY_S)
        f->histogram[f->bins[f->at]]--;
    else
        f->growths++;
    f->bins[f->at] = (uint8_t)fmin(fmax(bin, 0), FORECAST_BINS - 1);
    f->histogram[f->bins[f->at]]++;
    f->at = (f->at + 1) % FORECAST_MEMORY_S;
}

static double pinball(double actual, double forecast)
{
    return actual > forecast ? quantile * (actual - forecast) : (1 - quantile) * (forecast - actual);
}

/* What became of the forecast that was made a horizon ago. */
static void judge(struct forecast *f, int64_t made_at, double floor)
{
    double highest = 0;
    for (int64_t i = made_at + 1; i <= f->second; i++)
        highest = fmax(highest, f->load[slot_of(i)]);
    double then = f->load[slot_of(made_at)];
    double weight = fmax(1.0 / (f->growths + 1), 1.0 / FORECAST_MEMORY_S);
    f->loss += weight * (pinball(highest, f->forecast[slot_of(made_at)]) - f->loss);
    f->loss_of_none += weight * (pinball(highest, then) - f->loss_of_none);
    note_growth(f, (highest + floor) / (then + floor));
}

void forecast_note(struct forecast *f, double load, double floor, int64_t horizon_ns, int64_t now_ns)
{
    int64_t second = now_ns / NS_PER_S;
    if (f->samples && second <= f->second)
        return;
    if (second != f->second + 1)
        f->samples = 0;
    f->second = second;
    f->samples = MIN(f->samples + 1, FORECAST_HORIZON_MAX_S + 1);
    f->load[slot_of(second)] = (float)load;
    int64_t horizon_s = MIN(MAX((horizon_ns + NS_PER_S - 1) / NS_PER_S, 1), FORECAST_HORIZON_MAX_S);
    if (f->samples > horizon_s)
        judge(f, second - horizon_s, floor);
    double margin = f->growths >= GROWTHS_MIN ? fmax(quantile_of_growth(f), 1) : 1;
    if (fabs(margin - f->margin) > margin_step * f->margin)
        f->margin = margin;
    f->forecast[slot_of(second)] = (float)((load + floor) * f->margin - floor);
}

double forecast_get(const struct forecast *f, double load, double floor)
{
    if (f->growths < GROWTHS_MIN || f->loss >= f->loss_of_none)
        return load;
    return (load + floor) * f->margin - floor;
}
