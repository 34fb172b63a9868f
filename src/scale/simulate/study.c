/*
 * Lanes go through each stretch of arrivals one after the other, so that the stretch stays in the cache. They
 * know nothing of each other: each thread takes its share of them through arrivals of its own, which are the
 * same for all, so nothing is shared while they run and the results do not depend on the number of threads.
 */
#include "scale/simulate/study.h"

#include "base/macros.h"
#include "base/mem.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static const struct sim_setting oracle_setting = {.ops = &policy_oracle, .target = 1};

/* ---- rows ---- */

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

static void open_row(const struct study_params *p, struct study *s, uint32_t number,
                     const struct sim_setting *setting, uint32_t start_s)
{
    struct study_row *row = &s->rows[number];
    *row = (struct study_row){.setting = setting, .start_s = start_s, .lane_of = number};
    if (setting->ops->is_fixed && number >= p->setting_count)
        row->lane_of = number % p->setting_count; /* as at the first start time */
    else
        row->lane = open_lane(p, s, setting, start_s);
}

static void open_rows(const struct study_params *p, struct study *s)
{
    s->row_count = p->start_count * p->setting_count;
    s->oracle_count = p->start_count;
    s->rows = NEW_ARRAY(struct study_row, s->row_count + s->oracle_count);
    s->oracles = s->rows + s->row_count;
    s->bin_s = p->keeps_points ? (p->load->seconds + STUDY_DRAW_POINTS - 1) / STUDY_DRAW_POINTS : 0;
    for (uint32_t i = 0; i < s->row_count; i++)
        open_row(p, s, i, &p->settings[i % p->setting_count], p->start_s[i / p->setting_count]);
    for (uint32_t i = 0; i < s->oracle_count; i++)
        open_row(p, s, s->row_count + i, &oracle_setting, p->start_s[i]);
}

static void finish_rows(struct study *s)
{
    uint32_t count = s->row_count + s->oracle_count;
    for (uint32_t i = 0; i < count; i++) {
        struct study_row *row = &s->rows[i], *own = &s->rows[row->lane_of];
        if (row == own)
            lane_finish(row->lane, &row->result);
        row->lane = own->lane;
        row->result = own->result;
    }
}

/* ---- running ---- */

struct runner {
    const struct study_params *params;
    struct study *study;
    uint32_t first; /* it runs every thread_count-th row from this one on */
    pthread_t thread;
};

static void *run_share(void *argument)
{
    const struct runner *r = argument;
    const struct study_params *p = r->params;
    uint32_t count = r->study->row_count + r->study->oracle_count;
    struct arrivals a;
    arrivals_init(&a, p->load, p->model);
    for (uint32_t stretch = 0; arrivals_next(&a); stretch++) {
        for (uint32_t i = r->first; i < count; i += p->thread_count)
            if (r->study->rows[i].lane)
                lane_run(r->study->rows[i].lane, &a);
        if (r->first == 0 && p->on_progress && stretch % 64 == 0)
            p->on_progress((double)a.next_second / p->load->seconds);
    }
    arrivals_fini(&a);
    return NULL;
}

static void run_all(const struct study_params *p, struct study *s)
{
    struct runner runners[STUDY_THREADS_MAX];
    bool has_thread[STUDY_THREADS_MAX];
    for (uint32_t i = 0; i < p->thread_count; i++) {
        runners[i] = (struct runner){.params = p, .study = s, .first = i};
        has_thread[i] = i > 0 && pthread_create(&runners[i].thread, NULL, run_share, &runners[i]) == 0;
    }
    for (uint32_t i = 0; i < p->thread_count;
         i++) /* the first share, and those for which there was no thread */
        if (!has_thread[i])
            (void)run_share(&runners[i]);
    for (uint32_t i = 0; i < p->thread_count; i++)
        if (has_thread[i])
            (void)pthread_join(runners[i].thread, NULL);
}

/* ---- judging ---- */

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
    ASSERT(params->thread_count > 0 && params->thread_count <= STUDY_THREADS_MAX);
    open_rows(params, &s);
    run_all(params, &s);
    finish_rows(&s);
    for (uint32_t i = 0; i < s.row_count + s.oracle_count; i++)
        compare(&s, &s.rows[i]);
    *ret_study = s;
}

void study_fini(struct study *s)
{
    for (uint32_t i = 0; i < s->row_count + s->oracle_count; i++)
        if (s->rows[i].lane_of == i)
            lane_free(s->rows[i].lane);
    free(s->rows);
    *s = (struct study){0};
}
