#include "scale/simulate/report.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"

#include <stdlib.h>

static void put_duration(struct buf *out, double seconds)
{
    char text[UNITS_TEXT_BYTES];
    int64_t unit = seconds >= 600 ? NS_PER_S : seconds >= 10 ? NS_PER_MS * 100 : NS_PER_MS;
    buf_printf(out, "%s", units_format_duration(text, (int64_t)(seconds * (double)NS_PER_S) / unit * unit));
}

/* ---- table ---- */

static void put_head(const struct report_subject *subject, struct buf *out)
{
    const struct load *l = subject->load;
    const struct sim_model *m = subject->model;
    buf_printf(out, "%s: ", subject->trace);
    put_duration(out, l->seconds);
    buf_printf(out, ", %.3g requests/s as recorded, times %.4g: mean %.1f/s, busiest minute %.1f/s\n",
               subject->trace_mean, l->factor, l->mean, l->peak);
    buf_printf(out, "a server works on %u at once, service time ", m->concurrency);
    put_duration(out, m->service_mean_s);
    buf_printf(out, " (coefficient of variation %.2g); violations: response over ", m->service_cv);
    put_duration(out, (double)m->objective_ns / (double)NS_PER_S);
    buf_printf(out, "; %u..%u servers\n", m->servers_min, m->servers_max);
}

static void put_row(const struct study_row *row, bool is_marked, struct buf *out)
{
    struct buf setting = {0}, wait = {0};
    const struct lane_result *r = &row->result;
    row->setting->ops->describe(row->setting, &setting);
    put_duration(&wait, r->wait_max_s);
    buf_printf(out, "%c %-8s %-46s %9.4f%% %10.1f %8.3f %10s %8llu\n", is_marked ? '*' : ' ',
               row->setting->ops->name, setting.ptr, r->violations * 100, r->server_hours, row->oracle_ratio,
               wait.ptr, (unsigned long long)r->changes);
    buf_fini(&setting);
    buf_fini(&wait);
}

static bool is_beaten_by_own(const struct study *s, const struct study_row *row)
{
    for (uint32_t i = 0; i < s->row_count; i++) {
        const struct study_row *other = &s->rows[i];
        if (other != row && other->setting->ops == row->setting->ops && other->start_s == row->start_s &&
            study_beats(&other->result, &row->result))
            return true;
    }
    return false;
}

static int compare_cost(const void *a, const void *b)
{
    double x = (*(const struct study_row *const *)a)->result.server_hours;
    double y = (*(const struct study_row *const *)b)->result.server_hours;
    return (x > y) - (x < y);
}

static void put_policy(const struct study *s, const struct sim_policy_ops *ops, uint32_t start_s,
                       struct buf *out)
{
    const struct study_row **rows = NEW_ARRAY(const struct study_row *, s->row_count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->row_count; i++)
        if (s->rows[i].setting->ops == ops && s->rows[i].start_s == start_s &&
            !is_beaten_by_own(s, &s->rows[i]))
            rows[count++] = &s->rows[i];
    qsort(rows, count, sizeof(*rows), compare_cost);
    for (uint32_t i = 0; i < count; i++)
        put_row(rows[i], !rows[i]->is_dominated && ops != &policy_oracle, out);
    free(rows);
}

static void put_standing(const struct study *s, const struct study_row *weir, struct buf *out)
{
    struct buf setting = {0};
    const struct study_row *best = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->row_count; i++) {
        const struct study_row *other = &s->rows[i];
        if (other == weir || other->start_s != weir->start_s || other->setting->ops == &policy_oracle ||
            !study_beats(&other->result, &weir->result))
            continue;
        count++;
        if (!best || study_beats(&other->result, &best->result))
            best = other;
    }
    if (!best) {
        buf_printf(out, "  weir is beaten by no setting of the others\n");
        return;
    }
    best->setting->ops->describe(best->setting, &setting);
    buf_printf(out, "  weir is beaten by %u settings of the others, such as %s: %s\n", count,
               best->setting->ops->name, setting.ptr);
    buf_fini(&setting);
}

static void put_start(const struct study *s, const struct study_row *oracle, struct buf *out)
{
    static const struct sim_policy_ops *const order[] = {&policy_oracle, &policy_weir,    &policy_hpa,
                                                         &policy_keda,   &policy_knative, &policy_aws,
                                                         &policy_nomad,  &policy_static};
    buf_printf(out, "\nstart time %us\n", oracle->start_s);
    buf_printf(out, "  %-8s %-46s %10s %10s %8s %10s %8s\n", "policy", "setting", "violations", "srv-hours",
               "x oracle", "worst wait", "changes");
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        put_policy(s, order[i], oracle->start_s, out);
    for (uint32_t i = 0; i < s->row_count; i++)
        if (s->rows[i].setting->ops == &policy_weir && s->rows[i].start_s == oracle->start_s)
            put_standing(s, &s->rows[i], out);
}

void report_table(const struct report_subject *subject, const struct study *s, struct buf *out)
{
    put_head(subject, out);
    for (uint32_t i = 0; i < s->oracle_count; i++)
        put_start(s, &s->oracles[i], out);
    buf_printf(
        out, "\n* beaten by no other setting, the oracle's apart; settings that one of the same policy beats "
             "are left out\n");
}

/* ---- JSON ---- */

void report_json(const struct report_subject *subject, const struct study *s, struct json *j)
{
    for (uint32_t i = 0; i < s->row_count; i++) {
        const struct study_row *row = &s->rows[i];
        struct buf setting = {0};
        row->setting->ops->describe(row->setting, &setting);
        json_begin_object(j);
        json_put_text(j, "policy", row->setting->ops->name);
        json_put_str(j, "setting", buf_str(&setting));
        json_put_double(j, "violations", row->result.violations);
        json_put_double(j, "server_hours", row->result.server_hours);
        json_put_double(j, "oracle_ratio", row->oracle_ratio);
        json_put_double(j, "worst_wait_s", row->result.wait_max_s);
        json_put_int(j, "changes", (int64_t)row->result.changes);
        json_put_int(j, "start_time", row->start_s);
        json_put_text(j, "trace", subject->trace);
        json_end_object(j);
        buf_fini(&setting);
    }
}
