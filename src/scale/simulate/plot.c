/*
 * Three panels a start time, one below the other, on one time axis. The latency's axis is logarithmic, from
 * 0.1 to 1000 s; the objective is a dashed line in it. Points were gathered while the lanes ran, so nothing
 * here depends on the length of the trace.
 */
#include "scale/simulate/plot.h"

#include "base/clock.h"

#include <math.h>

enum { WIDTH = 1200, LEFT = 60, RIGHT = 240, PANEL = 170, GAP = 34, TOP = 60, LINES_MAX = 9 };

static const char *const colours[LINES_MAX] = {"#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                               "#e69f00", "#56b4e9", "#999933", "#882255"};

struct panel {
    double top, low, high; /* of the axis; logarithms for is_log */
    bool is_log;
};

static double x_of(const struct study *s, const struct load *l, uint32_t point)
{
    double at_s = fmin((point + 0.5) * s->bin_s, l->seconds);
    return LEFT + (WIDTH - LEFT - RIGHT) * at_s / l->seconds;
}

static double y_of(const struct panel *p, double value)
{
    if (p->is_log)
        value = log10(fmax(value, 1e-9));
    value = fmin(fmax(value, p->low), p->high);
    return p->top + PANEL * (1 - (value - p->low) / fmax(p->high - p->low, 1e-12));
}

static void put_text(struct buf *out, double x, double y, const char *anchor, const char *text)
{
    buf_printf(out, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\">", x, y, anchor);
    for (const char *c = text; *c; c++) {
        if (*c == '<' || *c == '>' || *c == '&')
            buf_printf(out, "&#%d;", *c);
        else
            buf_put_char(out, *c);
    }
    buf_printf(out, "</text>\n");
}

static void put_grid(struct buf *out, const struct panel *p, const char *title)
{
    char text[32];
    put_text(out, LEFT, p->top - 6, "start", title);
    for (int i = 0; i <= 4; i++) {
        double value = p->low + (p->high - p->low) * i / 4, y = p->top + PANEL * (1 - i / 4.0);
        (void)snprintf(text, sizeof(text), "%.4g", p->is_log ? pow(10, value) : value);
        buf_printf(out, "<path d=\"M%d %.1fH%d\" class=\"grid\"/>\n", LEFT, y, WIDTH - RIGHT);
        put_text(out, LEFT - 6, y + 4, "end", text);
    }
}

static void put_time_axis(struct buf *out, const struct load *l, double y)
{
    static const double steps[] = {60,    300,   600,   1800,   3600,   7200,
                                   21600, 43200, 86400, 172800, 604800, 2419200};
    double step = steps[0];
    char text[32];
    for (size_t i = 0; i < ARRAY_LEN(steps) && l->seconds / step > 12; i++)
        step = steps[i];
    for (double at = 0; at <= l->seconds; at += step) {
        double x = LEFT + (WIDTH - LEFT - RIGHT) * at / l->seconds;
        if (step >= 86400)
            (void)snprintf(text, sizeof(text), "%gd", at / 86400);
        else
            (void)snprintf(text, sizeof(text), "%d:%02d", (int)at / 3600, (int)at / 60 % 60);
        put_text(out, x, y + 16, "middle", text);
    }
}

enum column { COLUMN_ARRIVALS, COLUMN_SERVERS, COLUMN_RESPONSE };

static double value_of(const struct lane_point *p, enum column column)
{
    return (double)(column == COLUMN_ARRIVALS  ? p->arrivals
                    : column == COLUMN_SERVERS ? p->servers
                                               : p->response_max_s);
}

static void put_line(struct buf *out, const struct study *s, const struct load *l, const struct panel *p,
                     const struct study_row *row, enum column column, const char *colour)
{
    uint32_t count;
    const struct lane_point *points = lane_points(row->lane, &count);
    buf_printf(out, "<polyline stroke=\"%s\" points=\"", colour);
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%.1f,%.1f ", x_of(s, l, i), y_of(p, value_of(&points[i], column)));
    buf_printf(out, "\"/>\n");
}

static double highest(const struct study_row *const *rows, uint32_t row_count, enum column column)
{
    double most = 0;
    for (uint32_t r = 0; r < row_count; r++) {
        uint32_t count;
        const struct lane_point *points = lane_points(rows[r]->lane, &count);
        for (uint32_t i = 0; i < count; i++)
            most = fmax(most, value_of(&points[i], column));
    }
    return most;
}

/* A round number not below. */
static double round_up(double value)
{
    double power = pow(10, floor(log10(fmax(value, 1e-6))));
    return ceil(value / power * 2) / 2 * power;
}

/* ---- which rows ---- */

static bool suits_better(const struct study_row *a, const struct study_row *b, double hours)
{
    bool is_a_cheap = a->result.server_hours <= hours, is_b_cheap = b->result.server_hours <= hours;
    if (is_a_cheap != is_b_cheap)
        return is_a_cheap;
    return is_a_cheap ? a->result.violations < b->result.violations
                      : a->result.server_hours < b->result.server_hours;
}

static uint32_t choose_rows(const struct study *s, const struct study_row *oracle,
                            const struct study_row *rows[LINES_MAX])
{
    double hours = 1.25 * oracle->result.server_hours;
    uint32_t count = 0;
    rows[count++] = oracle;
    for (uint32_t i = 0; i < s->row_count; i++)
        if (s->rows[i].start_s == oracle->start_s && s->rows[i].setting->ops == &policy_weir)
            hours = s->rows[i].result.server_hours;
    for (uint32_t i = 0; i < s->row_count; i++) {
        const struct study_row *row = &s->rows[i];
        if (row->start_s != oracle->start_s || row->setting->ops == &policy_oracle)
            continue;
        uint32_t at = 1;
        while (at < count && rows[at]->setting->ops != row->setting->ops)
            at++;
        if (at == count && count < LINES_MAX)
            rows[count++] = row;
        else if (at < count && suits_better(row, rows[at], hours))
            rows[at] = row;
    }
    return count;
}

static void put_legend(struct buf *out, const struct study_row *const *rows, uint32_t count, double top)
{
    for (uint32_t i = 0; i < count; i++) {
        struct buf text = {0};
        double y = top + 34.0 * i;
        buf_printf(&text, "%s %.3f%%, %.1f server-hours", rows[i]->setting->ops->name,
                   rows[i]->result.violations * 100, rows[i]->result.server_hours);
        buf_printf(out, "<rect x=\"%d\" y=\"%.0f\" width=\"10\" height=\"10\" fill=\"%s\"/>\n",
                   WIDTH - RIGHT + 12, y, colours[i]);
        put_text(out, WIDTH - RIGHT + 27, y + 9, "start", text.ptr);
        buf_clear(&text);
        rows[i]->setting->ops->describe(rows[i]->setting, &text);
        put_text(out, WIDTH - RIGHT + 27, y + 22, "start", text.ptr);
        buf_fini(&text);
    }
}

static void put_group(struct buf *out, const struct report_subject *subject, const struct study *s,
                      const struct study_row *oracle, double top)
{
    const struct study_row *rows[LINES_MAX];
    uint32_t count = choose_rows(s, oracle, rows);
    struct panel load = {top, 0, round_up(highest(rows, 1, COLUMN_ARRIVALS)), false};
    struct panel servers = {top + PANEL + GAP, 0, round_up(highest(rows, count, COLUMN_SERVERS)), false};
    struct panel latency = {top + 2 * (PANEL + GAP), -1, 3, true};
    char title[64];
    (void)snprintf(title, sizeof(title), "requests a second; start time %us", oracle->start_s);
    put_grid(out, &load, title);
    put_grid(out, &servers, "servers that cost");
    put_grid(out, &latency, "longest response, seconds");
    buf_printf(out, "<path d=\"M%d %.1fH%d\" stroke=\"#c00\" stroke-dasharray=\"4\"/>\n", LEFT,
               y_of(&latency, (double)subject->model->objective_ns / (double)NS_PER_S), WIDTH - RIGHT);
    put_line(out, s, subject->load, &load, oracle, COLUMN_ARRIVALS, "#444");
    for (uint32_t i = count; i-- > 0;) {
        put_line(out, s, subject->load, &servers, rows[i], COLUMN_SERVERS, colours[i]);
        put_line(out, s, subject->load, &latency, rows[i], COLUMN_RESPONSE, colours[i]);
    }
    put_time_axis(out, subject->load, latency.top + PANEL);
    put_legend(out, rows, count, servers.top);
}

void plot_svg(const struct report_subject *subject, const struct study *s, struct buf *out)
{
    double group = 3 * (PANEL + GAP) + GAP;
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" font-family=\"sans-serif\" "
               "font-size=\"11\">\n<style>polyline{fill:none;stroke-width:1}.grid{stroke:#ddd}</style>\n"
               "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
               WIDTH, TOP + group * s->oracle_count);
    put_text(out, LEFT, 20, "start", subject->trace);
    for (uint32_t i = 0; i < s->oracle_count; i++)
        put_group(out, subject, s, &s->oracles[i], TOP + group * i);
    buf_printf(out, "</svg>\n");
}
