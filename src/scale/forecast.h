/*
 * forecast.h: how far the load may rise while a server starts, as this service's own recent past tells it.
 * Pure: one sample of the load a second in, a level that is reached rarely within the horizon out.
 *
 * No model of the load: the empirical quantile of its growth over the horizon, seen in the last two hours. It
 * checks itself: it is heard only while its recent quantile (pinball) loss is less than that of "the load
 * stays as it is".
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    FORECAST_HORIZON_MAX_S = 600,
    FORECAST_MEMORY_S = 7200, /* growth older than this is forgotten */
    FORECAST_BINS = 256,      /* of the logarithm of growth */
};

struct forecast {
    int64_t second;                             /* the newest sample's; in seconds of the caller's clock */
    uint32_t samples;                           /* up to FORECAST_HORIZON_MAX_S + 1 */
    uint32_t growths;                           /* up to FORECAST_MEMORY_S */
    uint32_t at;                                /* where the next growth goes */
    double margin;                              /* the present quantile of growth, as a factor; 1: none */
    double loss, loss_of_none;                  /* moving means */
    float load[FORECAST_HORIZON_MAX_S + 1];     /* ring by second */
    float forecast[FORECAST_HORIZON_MAX_S + 1]; /* made at that second */
    uint8_t bins[FORECAST_MEMORY_S];            /* ring: the bin of each growth */
    uint32_t histogram[FORECAST_BINS];
};

void forecast_init(struct forecast *f);
/*
 * Notes the load (requests at work, any unit that is used throughout) once a second; calls within the same
 * second are ignored, and a gap in time forgets what was not seen. floor: a load that makes no difference
 * (one server's capacity), so that growth from nearly nothing stays finite.
 */
void forecast_note(struct forecast *f, double load, double floor, int64_t horizon_ns, int64_t now_ns);
/* The load to be ready for within the horizon, given the present one; never less than it. Without enough
 * history, or while it does worse than "no forecast", the present load. */
double forecast_get(const struct forecast *f, double load, double floor);
