/*
 * study.h: all settings of all policies asked for, at all start times, through one trace in one go: every one
 * gets the same requests.
 */
#pragma once
#include "scale/simulate/lane.h"
#include "scale/simulate/settings.h"

enum { STUDY_STARTS_MAX = 8, STUDY_DRAW_POINTS = 1200, STUDY_THREADS_MAX = 64 };

struct study_params {
    const struct load *load;             /* borrowed */
    const struct sim_model *model;       /* borrowed */
    const struct config_service *config; /* Weir's; borrowed */
    const struct sim_setting *settings;  /* borrowed */
    uint32_t setting_count;
    uint32_t start_s[STUDY_STARTS_MAX], start_count;
    bool keeps_points;                      /* for a drawing */
    uint32_t thread_count;                  /* 1..STUDY_THREADS_MAX; the results are the same with any */
    void (*on_progress)(double share_done); /* now and then, by one thread; may be NULL */
};

struct study_row {
    const struct sim_setting *setting;
    uint32_t start_s;
    struct lane_result result;
    double oracle_ratio; /* server-hours to the oracle's at the same start time */
    bool is_dominated;   /* another row of this start time, the oracle's apart, is better (study_beats) */
    struct lane *lane;   /* for its points */
    uint32_t lane_of;    /* owned, when this is the row's own number; else that row's, which is the same */
};

struct study {
    uint32_t row_count;
    struct study_row *rows; /* owned; by start time, then in the order of the settings; the oracles behind */
    uint32_t oracle_count;
    struct study_row *oracles; /* one a start time, whether asked for or not; within rows */
    uint32_t bin_s;            /* of the points */
};

void study_run(const struct study_params *params, struct study *ret_study);
void study_fini(struct study *s);

/*
 * `a` is as good as `b` on one of violations and cost, and clearly better on the other. As good: at most 0.01
 * points of a percent, or 1 % of the server-hours, worse. Clearly better: by a tenth and 0.02 points of a
 * percent, or by 3 % of the server-hours.
 */
bool study_beats(const struct lane_result *a, const struct lane_result *b);
