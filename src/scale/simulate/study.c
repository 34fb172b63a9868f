/* Lanes go through each stretch of arrivals one after the other, so that the stretch stays in the cache. */
#include "scale/simulate/study.h"

#include "base/macros.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

static const struct sim_setting oracle_setting = {.ops = &policy_oracle, .target = 1};

static struct lane *open_lane(const struct study_params *p, const struct study *s,
                              const struct sim_setting *setting, uint32_t start_s)
{
    struct lane_params lane = {.setting = setting,
                               .model = p->model,
                               .load = p->load,
                               .config = p->config,
                               .start_s = start_s,
                               .bin_s = s->bin_s};
    return lane_new(&lane);
}

static void open_rows(const struct study_params *p, struct study *s)
{
    s->rows = NEW_ARRAY(struct study_row, p->start_count * p->setting_count + 1);
    s->bin_s = p->keeps_points ? (p->load->seconds + STUDY_DRAW_POINTS - 1) / STUDY_DRAW_POINTS : 0;
    for (uint32_t start = 0; start < p->start_count; start++) {
        uint32_t start_s = p->start_s[start];
        s->oracles[s->oracle_count++] = (struct study_row){.setting = &oracle_setting,
                                                           .start_s = start_s,
                                                           .lane = open_lane(p, s, &oracle_setting, start_s)};
        for (uint32_t i = 0; i < p->setting_count; i++)
            s->rows[s->row_count++] = (struct study_row){.setting = &p->settings[i],
                                                         .start_s = start_s,
                                                         .lane = open_lane(p, s, &p->settings[i], start_s)};
    }
}

static void run_all(const struct study_params *p, struct study *s)
{
    struct arrivals a;
    arrivals_init(&a, p->load, p->model);
    for (uint32_t stretch = 0; arrivals_next(&a); stretch++) {
        for (uint32_t i = 0; i < s->oracle_count; i++)
            lane_run(s->oracles[i].lane, &a);
        for (uint32_t i = 0; i < s->row_count; i++)
            lane_run(s->rows[i].lane, &a);
        if (p->on_progress && stretch % 64 == 0)
            p->on_progress((double)a.next_second / p->load->seconds);
    }
    arrivals_fini(&a);
}

bool study_beats(const struct lane_result *a, const struct lane_result *b)
{
    bool is_as_kept = a->violations <= b->violations + 1e-4;
    bool is_as_cheap = a->server_hours <= b->server_hours * 1.01;
    bool is_better_kept = a->violations < b->violations * 0.9 && a->violations < b->violations - 2e-4;
    bool is_cheaper = a->server_hours < b->server_hours * 0.97;
    return (is_as_kept && is_cheaper) || (is_as_cheap && is_better_kept);
}

static void compare(struct study *s, struct study_row *row)
{
    for (uint32_t i = 0; i < s->oracle_count; i++)
        if (s->oracles[i].start_s == row->start_s)
            row->oracle_ratio = row->result.server_hours / fmax(s->oracles[i].result.server_hours, 1e-9);
    for (uint32_t i = 0; i < s->row_count; i++) {
        const struct study_row *other = &s->rows[i];
        bool is_rival =
            other != row && other->start_s == row->start_s && other->setting->ops != &policy_oracle;
        row->is_dominated |= is_rival && study_beats(&other->result, &row->result);
    }
}

void study_run(const struct study_params *params, struct study *ret_study)
{
    struct study s = {0};
    ASSERT(params->start_count > 0 && params->start_count <= STUDY_STARTS_MAX);
    open_rows(params, &s);
    run_all(params, &s);
    for (uint32_t i = 0; i < s.oracle_count; i++)
        lane_finish(s.oracles[i].lane, &s.oracles[i].result);
    for (uint32_t i = 0; i < s.row_count; i++)
        lane_finish(s.rows[i].lane, &s.rows[i].result);
    for (uint32_t i = 0; i < s.oracle_count; i++)
        compare(&s, &s.oracles[i]);
    for (uint32_t i = 0; i < s.row_count; i++)
        compare(&s, &s.rows[i]);
    *ret_study = s;
}

void study_fini(struct study *s)
{
    for (uint32_t i = 0; i < s->oracle_count; i++)
        lane_free(s->oracles[i].lane);
    for (uint32_t i = 0; i < s->row_count; i++)
        lane_free(s->rows[i].lane);
    free(s->rows);
    *s = (struct study){0};
}
