/*
 * forecast.h: how far the load may rise while a server starts, as this service's own recent past tells it.
 * Pure: one sample of the load a second in, a level that is reached rarely within the horizon out.
 *
 * Of the growth over the horizon (the highest load in it against the present one) a part can be told from how
 * far the load is from its slow mean and from how it has grown just before: noise comes back, a ramp goes on.
 * How much each counts is learned by regression; what is left over, chance, is covered by its own quantile.
 * What chance does while the load is below its slow mean is counted apart as well.
 * It checks itself: it is heard only while its recent quantile (pinball) loss is less than that of "the load
 * stays as it is".
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct keep; /* keep.h */

enum forecast_side { FORECAST_ABOVE, FORECAST_BELOW, FORECAST_SIDES }; /* of the slow mean */

enum {
    FORECAST_HORIZON_MAX_S = 600,
    FORECAST_RING_S = 2 * FORECAST_HORIZON_MAX_S + 1,
    FORECAST_MEMORY_S = 7200, /* older experience is forgotten */
    FORECAST_BINS = 256,      /* of the logarithm of what the regression did not tell */
    FORECAST_FEATURES =
        4, /* always 1, distance from the slow mean, growth over the last horizon and its last quarter */
};

struct forecast {
    int64_t second;            /* the newest sample's; in seconds of the caller's clock */
    uint32_t samples;          /* up to FORECAST_RING_S, without a gap */
    uint32_t growths;          /* seen so far, up to FORECAST_MEMORY_S */
    double slow;               /* the logarithm's slow mean */
    double growth_max;         /* the largest seen, slowly forgotten: more is not foretold */
    double loss, loss_of_none; /* moving means */
    double products[FORECAST_FEATURES][FORECAST_FEATURES], targets[FORECAST_FEATURES]; /* decayed sums */
    double weights[FORECAST_FEATURES];
    double quantile;                   /* of chance that is kept in hand; of the present load */
    double margin;                     /* quantile of the rest; a logarithm */
    bool is_heard;                     /* it does better than "no forecast", or nothing is known yet */
    float load[FORECAST_RING_S];       /* ring by second: logarithm of load + floor */
    float slow_mean[FORECAST_RING_S];  /* ring: `slow` at that second */
    float told[FORECAST_RING_S];       /* ring: growth told by the regression at that second */
    float forecast[FORECAST_RING_S];   /* ring: growth forecast then, chance included */
    uint16_t rests[FORECAST_MEMORY_S]; /* ring: side x FORECAST_BINS + bin of each rest */
    uint32_t at;                       /* where the next goes */
    uint32_t histogram[FORECAST_SIDES][FORECAST_BINS];
};

void forecast_init(struct forecast *f);
/*
 * Notes the load (requests at work, any unit that is used throughout) once a second; calls within the same
 * second are ignored, and a gap in time forgets what was not seen. floor: a load that makes no difference
 * (one server's capacity), so that growth from nearly nothing stays finite.
 */
void forecast_note(struct forecast *f, double load, double floor, int64_t horizon_ns, int64_t now_ns);
/* The load to be ready for within the horizon; never less than `load`, which the present need counts with (a
 * calmer mean than what was noted last). Without enough history, or while it does worse than "no forecast",
 * that load. floor: as noted. */
double forecast_get(const struct forecast *f, double load, double floor);
/* What experience taught; not the last seconds, which say nothing after a pause. */
void forecast_keep(struct keep *k, struct forecast *f);
