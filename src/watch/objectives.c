/*
 * objectives.c: see objectives.h.
 *
 * The minutes that burn.c counts by are those of the wall clock at the start, and go on with the monotonic
 * one: a clock that is set later moves no request from one minute to another. Only when a minute is kept it
 * gets the number that the wall clock has for it then; so after a step and a restart, what was counted before
 * is as old as the wall clock says.
 */
#include "watch/objectives.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/units.h"
#include "stats/exposition.h"
#include "watch/burn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTE_NS (60 * NS_PER_S)
enum { SERVICE_BYTES = 64 };

struct promise {
    struct burn *burn; /* owned; NULL: there is none */
    struct burn_objective objective;
    double target; /* percent */
};

struct service_objectives {
    char name[SERVICE_BYTES];
    bool is_seen; /* in this tick */
    bool is_restored;
    int64_t latency_ns;
    uint64_t requests, errors, slow; /* totals of the tick before */
    bool has_totals;
    int64_t saved_minute; /* the oldest that may have changed since it was kept, by our count */
    struct promise promises[OBJECTIVE_KIND_COUNT];
};

struct objectives {
    int64_t offset_ns; /* added to the monotonic clock */
    size_t count, capacity;
    struct service_objectives **services; /* owned */
};

static const char *const objective_names[] = {
#define OBJECTIVE_NAME(id, name) [OBJECTIVE_##id] = name,
    OBJECTIVE_KINDS(OBJECTIVE_NAME)
#undef OBJECTIVE_NAME
};

static const enum metric window_metrics[] = {
#define WINDOW_METRIC(id, minutes, pair) [BURN_WINDOW_##id] = METRIC_BURN_##id,
    BURN_WINDOWS(WINDOW_METRIC)
#undef WINDOW_METRIC
};
static const char *const window_names[] = {"5m", "30m", "1h", "2h", "6h", "1d", "3d"};
static_assert(ARRAY_LEN(window_names) == BURN_WINDOW_COUNT, "a name for each window");

/* The pages and tickets of the SRE workbook: what share of the budget may go in the long window. */
static const struct alarm {
    enum burn_window window, short_window;
    double budget_share;
    int64_t window_ns;
} alarms[] = {
    {BURN_WINDOW_1H, BURN_WINDOW_5M, 0.02, 60 * MINUTE_NS},
    {BURN_WINDOW_6H, BURN_WINDOW_30M, 0.05, 360 * MINUTE_NS},
    {BURN_WINDOW_1D, BURN_WINDOW_2H, 0.10, 1440 * MINUTE_NS},
    {BURN_WINDOW_3D, BURN_WINDOW_6H, 0.10, 4320 * MINUTE_NS},
};

/* ---- life ---- */

struct objectives *objectives_new(int64_t now_ns, int64_t wall_ns)
{
    struct objectives *o = NEW(struct objectives);
    o->offset_ns = wall_ns - now_ns;
    return o;
}

static void free_service(struct service_objectives *s)
{
    for (size_t k = 0; k < OBJECTIVE_KIND_COUNT; k++)
        burn_free(s->promises[k].burn);
    free(s);
}

void objectives_free(struct objectives *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; i < o->count; i++)
        free_service(o->services[i]);
    free(o->services);
    free(o);
}

static struct service_objectives *find(const struct objectives *o, struct str name)
{
    for (size_t i = 0; i < o->count; i++)
        if (str_eq(str_of(o->services[i]->name), name))
            return o->services[i];
    return NULL;
}

static struct service_objectives *add(struct objectives *o, struct str name)
{
    if (o->count == o->capacity) {
        o->capacity = MAX(2 * o->capacity, (size_t)8);
        o->services = mem_realloc(o->services, o->capacity * sizeof(struct service_objectives *));
    }
    struct service_objectives *s = NEW(struct service_objectives);
    str_copy(s->name, sizeof(s->name), name);
    o->services[o->count++] = s;
    return s;
}

/* ---- counting ---- */

/* target: percent, 0 for none. is_new: what was counted was about something else. */
static void promise(struct promise *p, double target, const struct config_objectives *config, bool is_new,
                    int64_t at_ns)
{
    if (is_new || target <= 0) {
        burn_free(p->burn);
        p->burn = NULL;
    }
    if (target > 0 && !p->burn)
        p->burn = burn_new(at_ns);
    p->target = target;
    p->objective = (struct burn_objective){
        .budget = 1 - target / 100, .period_ns = config->period_ns, .bad_min = config->bad_min};
}

/* Since the tick before; a total that began again at 0 is all new. */
static uint64_t since(uint64_t before, uint64_t now)
{
    return now >= before ? now - before : now;
}

void objectives_count(struct objectives *o, const struct objectives_input *input, int64_t now_ns)
{
    int64_t at_ns = now_ns + o->offset_ns;
    struct service_objectives *s = find(o, input->service);
    if (!s && input->config->availability <= 0 && input->latency_ns <= 0)
        return;
    if (!s)
        s = add(o, input->service);
    bool is_new_limit = s->latency_ns != input->latency_ns;
    s->is_seen = true;
    s->latency_ns = input->latency_ns;
    promise(&s->promises[OBJECTIVE_AVAILABILITY], input->config->availability, input->config, false, at_ns);
    promise(&s->promises[OBJECTIVE_LATENCY], input->latency_ns > 0 ? input->latency_quantile * 100 : 0,
            input->config, is_new_limit, at_ns);
    uint64_t bad[OBJECTIVE_KIND_COUNT] = {[OBJECTIVE_AVAILABILITY] = since(s->errors, input->errors_total),
                                          [OBJECTIVE_LATENCY] =
                                              is_new_limit ? 0 : since(s->slow, input->slow_total)};
    uint64_t requests = since(s->requests, input->requests_total);
    for (size_t k = 0; k < OBJECTIVE_KIND_COUNT; k++)
        if (s->promises[k].burn && s->has_totals)
            burn_add(s->promises[k].burn, requests, bad[k], at_ns);
    if (!s->saved_minute)
        s->saved_minute = at_ns / MINUTE_NS;
    s->has_totals = true;
    s->requests = input->requests_total;
    s->errors = input->errors_total;
    s->slow = input->slow_total;
}

void objectives_end_tick(struct objectives *o)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->count; i++) {
        struct service_objectives *s = o->services[i];
        if (s->is_seen)
            o->services[kept++] = s;
        else
            free_service(s);
    }
    o->count = kept;
    for (size_t i = 0; i < o->count; i++)
        o->services[i]->is_seen = false;
}

/* ---- telling ---- */

static void report_promise(const struct service_objectives *s, enum objective_kind kind, struct board *b,
                           int64_t at_ns)
{
    const struct promise *p = &s->promises[kind];
    struct subject subject = {.names = {s->name, objective_names[kind]}};
    char limit[UNITS_TEXT_BYTES] = "";
    if (kind == OBJECTIVE_LATENCY)
        units_format_duration(limit, s->latency_ns);
    for (size_t w = 0; w < BURN_WINDOW_COUNT; w++)
        board_put_note(
            b, window_metrics[w], &subject, burn_rate(p->burn, (enum burn_window)w, &p->objective, at_ns),
            "of the budget of %g %%%s%s", 100 - p->target, limit[0] ? " slower than " : " of errors", limit);
    board_put_note(b, METRIC_ERROR_BUDGET, &subject, burn_budget_left(p->burn, &p->objective, at_ns),
                   "of %g %%%s%s", 100 - p->target, limit[0] ? " slower than " : " of errors", limit);
}

void objectives_report(const struct objectives *o, struct board *b, int64_t now_ns)
{
    for (size_t i = 0; i < o->count; i++)
        for (size_t k = 0; k < OBJECTIVE_KIND_COUNT; k++)
            if (o->services[i]->promises[k].burn)
                report_promise(o->services[i], (enum objective_kind)k, b, now_ns + o->offset_ns);
}

static void put_reading(struct json *j, const char *key, struct reading r, double scale)
{
    json_put_double_if(j, key, r.is_known, r.value * scale);
}

static void write_alarm(const struct promise *p, const struct alarm *a, struct json *j, int64_t at_ns)
{
    double scale = (double)p->objective.period_ns / (double)BURN_SCALE_NS; /* back to the period's own */
    struct reading rate = burn_rate(p->burn, a->window, &p->objective, at_ns);
    json_begin_object(j);
    json_put_text(j, "window", window_names[a->window]);
    json_put_text(j, "short_window", window_names[a->short_window]);
    json_put_double(j, "factor", burn_factor(a->budget_share, p->objective.period_ns, a->window_ns));
    put_reading(j, "burn", rate, scale);
    put_reading(j, "short_burn", burn_rate(p->burn, a->short_window, &p->objective, at_ns), scale);
    json_put_text(j, "why_unknown", rate.is_known ? NULL : rate.why_unknown);
    json_end_object(j);
}

static void write_promise(const struct service_objectives *s, enum objective_kind kind, struct json *j,
                          int64_t at_ns)
{
    const struct promise *p = &s->promises[kind];
    struct reading left = burn_budget_left(p->burn, &p->objective, at_ns);
    json_begin_object(j);
    json_put_text(j, "objective", objective_names[kind]);
    json_put_double(j, "target_percent", p->target);
    json_put_double_if(j, "latency_seconds", kind == OBJECTIVE_LATENCY, (double)s->latency_ns / 1e9);
    json_put_double(j, "period_seconds", (double)p->objective.period_ns / 1e9);
    put_reading(j, "budget_left_percent", left, 1);
    json_put_text(j, "why_unknown", left.is_known ? NULL : left.why_unknown);
    json_key(j, "windows");
    json_begin_array(j);
    for (size_t i = 0; i < ARRAY_LEN(alarms); i++)
        write_alarm(p, &alarms[i], j, at_ns);
    json_end_array(j);
    json_end_object(j);
}

void objectives_write(const struct objectives *o, struct str service, struct json *j, int64_t now_ns)
{
    const struct service_objectives *s = find(o, service);
    json_key(j, "objectives");
    json_begin_array(j);
    for (size_t k = 0; s && k < OBJECTIVE_KIND_COUNT; k++)
        if (s->promises[k].burn)
            write_promise(s, (enum objective_kind)k, j, now_ns + o->offset_ns);
    json_end_array(j);
}

static void put_rows(const struct objectives *o, struct buf *out, int64_t now_ns, bool is_budget)
{
    for (size_t i = 0; i < o->count; i++)
        for (size_t k = 0; k < OBJECTIVE_KIND_COUNT; k++) {
            const struct promise *p = &o->services[i]->promises[k];
            for (size_t w = 0; p->burn && w < (is_budget ? 1 : (size_t)BURN_WINDOW_COUNT); w++) {
                struct reading r =
                    is_budget ? burn_budget_left(p->burn, &p->objective, now_ns + o->offset_ns)
                              : burn_rate(p->burn, (enum burn_window)w, &p->objective, now_ns + o->offset_ns);
                if (!r.is_known)
                    continue;
                buf_printf(out, "%s{service=\"%s\",objective=\"%s\"",
                           is_budget ? "weir_error_budget_left_ratio" : "weir_error_budget_burn_rate",
                           o->services[i]->name, objective_names[k]);
                if (!is_budget)
                    buf_printf(out, ",window=\"%s\"", window_names[w]);
                buf_printf(out, "} %.10g\n", is_budget ? r.value / 100 : r.value);
            }
        }
}

void objectives_write_metrics(const struct objectives *o, struct buf *out, int64_t now_ns)
{
    exposition_begin(out, "weir_error_budget_burn_rate", "gauge",
                     "How fast an objective's error budget is used, scaled to a period of 30 days.");
    put_rows(o, out, now_ns, false);
    exposition_begin(out, "weir_error_budget_left_ratio", "gauge",
                     "Share of the error budget that is left for the objective's period.");
    put_rows(o, out, now_ns, true);
}

/* ---- keeping ---- */

enum { SERIES_REQUESTS, SERIES_ERRORS, SERIES_SLOW };

void objectives_series(const struct objectives *o, struct str service,
                       char ret_names[OBJECTIVE_SERIES_MAX][OBJECTIVE_SERIES_BYTES])
{
    char limit[UNITS_TEXT_BYTES];
    const struct service_objectives *s = find(o, service);
    for (size_t i = 0; i < OBJECTIVE_SERIES_MAX; i++)
        ret_names[i][0] = '\0';
    if (!s)
        return;
    str_copy(ret_names[SERIES_REQUESTS], OBJECTIVE_SERIES_BYTES, STR("objective_requests"));
    if (s->promises[OBJECTIVE_AVAILABILITY].burn)
        str_copy(ret_names[SERIES_ERRORS], OBJECTIVE_SERIES_BYTES, STR("objective_errors"));
    if (s->promises[OBJECTIVE_LATENCY].burn)
        snprintf(ret_names[SERIES_SLOW], OBJECTIVE_SERIES_BYTES, "objective_slow_%s",
                 units_format_duration(limit, s->latency_ns));
}

/* What the wall clock is ahead of our count, in whole minutes. */
static int64_t shift_of(const struct objectives *o, int64_t now_ns, int64_t wall_ns)
{
    int64_t ahead_ns = wall_ns - (now_ns + o->offset_ns);
    return (ahead_ns + (ahead_ns >= 0 ? MINUTE_NS / 2 : -MINUTE_NS / 2)) / MINUTE_NS;
}

void objectives_restore(struct objectives *o, const struct objective_point *point, int64_t now_ns,
                        int64_t wall_ns)
{
    char names[OBJECTIVE_SERIES_MAX][OBJECTIVE_SERIES_BYTES];
    struct service_objectives *s = find(o, point->service);
    int64_t at_ns = now_ns + o->offset_ns,
            ago = at_ns / MINUTE_NS + shift_of(o, now_ns, wall_ns) - point->minute;
    if (!s || ago < 0 || ago > (int64_t)BURN_HOURS_MAX * 60 || point->value < 1)
        return;
    objectives_series(o, point->service, names);
    uint64_t count = (uint64_t)point->value;
    struct burn *available = s->promises[OBJECTIVE_AVAILABILITY].burn,
                *fast = s->promises[OBJECTIVE_LATENCY].burn;
    bool is_total = strcmp(point->series, names[SERIES_REQUESTS]) == 0;
    if (available && (is_total || strcmp(point->series, names[SERIES_ERRORS]) == 0))
        burn_restore(available, (uint32_t)ago, is_total ? count : 0, is_total ? 0 : count, at_ns);
    if (fast && (is_total || strcmp(point->series, names[SERIES_SLOW]) == 0))
        burn_restore(fast, (uint32_t)ago, is_total ? count : 0, is_total ? 0 : count, at_ns);
}

void objectives_note_restored(struct objectives *o, struct str service)
{
    struct service_objectives *s = find(o, service);
    if (s)
        s->is_restored = true;
}

static void save_service(struct objectives *o, struct service_objectives *s, int64_t at_ns, int64_t shift,
                         void (*put)(void *context, const struct objective_point *point), void *context)
{
    char names[OBJECTIVE_SERIES_MAX][OBJECTIVE_SERIES_BYTES];
    struct str service = str_of(s->name);
    int64_t present = at_ns / MINUTE_NS;
    objectives_series(o, service, names);
    for (int64_t minute = MAX(s->saved_minute, present - BURN_MINUTES); minute <= present; minute++) {
        double values[OBJECTIVE_SERIES_MAX] = {0};
        for (size_t k = 0; k < OBJECTIVE_KIND_COUNT; k++) {
            if (!s->promises[k].burn)
                continue;
            struct burn_count count = burn_minute(s->promises[k].burn, (uint32_t)(present - minute), at_ns);
            values[SERIES_REQUESTS] = MAX(values[SERIES_REQUESTS], count.total);
            values[k == OBJECTIVE_AVAILABILITY ? SERIES_ERRORS : SERIES_SLOW] = count.bad;
        }
        for (size_t i = 0; i < OBJECTIVE_SERIES_MAX; i++)
            if (names[i][0] && values[i] > 0)
                put(context, &(struct objective_point){.service = service,
                                                       .series = names[i],
                                                       .minute = minute + shift,
                                                       .value = values[i]});
    }
    s->saved_minute = present;
}

void objectives_save(struct objectives *o, int64_t now_ns, int64_t wall_ns,
                     void (*put)(void *context, const struct objective_point *point), void *context)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->services[i]->is_restored)
            save_service(o, o->services[i], now_ns + o->offset_ns, shift_of(o, now_ns, wall_ns), put,
                         context);
}
