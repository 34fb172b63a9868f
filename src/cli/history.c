/* history.c: see history.h. A column stands for the points that fall into it; its height is their mean
 * between the least and the greatest value of the series. A column without a known point is a blank: a gap is
 * no 0. */
#include "cli/history.h"

#include "base/macros.h"
#include "base/percent.h"
#include "cli/client.h"
#include "cli/terminal.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { COLUMNS = 60, HEIGHTS = 8 };

struct column {
    double sum;
    size_t count;
};

struct line {
    struct column columns[COLUMNS];
    double min, max, sum;
    size_t count; /* of known points */
};

static struct line line_of(const struct json_value *points)
{
    struct line l = {.min = INFINITY, .max = -INFINITY};
    const size_t count = json_value_count(points);
    for (size_t i = 0; i < count; i++) {
        const struct json_value *p = json_value_at(points, i);
        double mean = json_value_to_double(json_value_at(p, 2), NAN);
        struct column *c = &l.columns[count < COLUMNS ? i : i * COLUMNS / count];
        if (isnan(mean))
            continue;
        l.min = fmin(l.min, json_value_to_double(json_value_at(p, 1), mean));
        l.max = fmax(l.max, json_value_to_double(json_value_at(p, 3), mean));
        l.sum += mean;
        l.count++;
        c->sum += mean;
        c->count++;
    }
    return l;
}

static void put_blocks(const struct line *l, struct buf *out)
{
    static const char *const blocks[HEIGHTS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    for (size_t i = 0; i < COLUMNS; i++) {
        const struct column *c = &l->columns[i];
        double share =
            l->max > l->min && c->count ? (c->sum / (double)c->count - l->min) / (l->max - l->min) : 0.5;
        buf_put(out,
                c->count ? str_of(blocks[MIN((size_t)(share * HEIGHTS), (size_t)HEIGHTS - 1)]) : STR(" "));
    }
}

static void put_labels(const struct json_value *labels, struct buf *out)
{
    const char *name;
    for (size_t i = 0; (name = json_value_member_name(labels, i)) != NULL; i++) {
        buf_put(out, STR(" "));
        terminal_put(out, name);
        buf_put(out, STR("="));
        terminal_put(out, json_value_text(labels, name, ""));
    }
}

static void put_series(const struct json_value *answer, const struct json_value *series, struct buf *out)
{
    struct line l = line_of(json_value_get(series, "points"));
    terminal_put(out, json_value_text(answer, "metric", "?"));
    put_labels(json_value_get(series, "labels"), out);
    buf_put(out, STR("\n  "));
    put_blocks(&l, out);
    if (l.count)
        buf_printf(out, "\n  min %.4g  mean %.4g  max %.4g  ", l.min, l.sum / (double)l.count, l.max);
    else
        buf_put(out, STR("\n  nothing is known  "));
    terminal_put(out, json_value_text(answer, "unit", ""));
    buf_put(out, STR("\n"));
}

static void put_list(const struct json_value *series, bool has_colour, struct buf *out)
{
    static const char *const headings[] = {"METRIC", "UNIT", "LABELS"};
    struct table t;
    table_init(&t, headings, ARRAY_LEN(headings));
    for (size_t i = 0; i < json_value_count(series); i++) {
        const struct json_value *s = json_value_at(series, i);
        struct buf labels CLEANUP(buf_fini) = {0};
        put_labels(json_value_get(s, "labels"), &labels);
        table_put(&t, "%s", json_value_text(s, "metric", "?"));
        table_put(&t, "%s", json_value_text(s, "unit", ""));
        table_put(&t, "%s", labels.len ? labels.ptr + 1 : "");
    }
    table_format(&t, has_colour, out);
    table_fini(&t);
}

void history_format(const struct json_value *answer, bool has_colour, struct buf *out)
{
    const struct json_value *series = json_value_get(answer, "series");
    if (!json_value_has(answer, "metric")) {
        put_list(series, has_colour, out);
        return;
    }
    for (size_t i = 0; i < json_value_count(series); i++)
        put_series(answer, json_value_at(series, i), out);
    if (json_value_count(series) == 0)
        buf_put(out, STR("no such series has been recorded\n"));
}

/* False: an operand after the metric is no LABEL=VALUE. */
static bool put_path(const struct command_line *line, struct buf *path)
{
    static const char *const options[] = {"--from", "--to", "--step"};
    buf_put(path, STR("/api/v1/history?"));
    for (size_t i = 0; i < line->operand_count; i++) {
        char *value = i ? strchr(line->operands[i], '=') : line->operands[i];
        if (!value || (i && (value == line->operands[i] || !value[1])))
            return false;
        buf_printf(path, "&%.*s=", i ? (int)(value - line->operands[i]) : 6,
                   i ? line->operands[i] : "metric");
        percent_put(path, str_of(i ? value + 1 : value));
    }
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (command_line_value(line, options[i])) {
            buf_printf(path, "&%s=", options[i] + 2);
            percent_put(path, str_of(command_line_value(line, options[i])));
        }
    return true;
}

int history_show(const struct command_line *line)
{
    struct json_value *answer = NULL;
    struct buf path CLEANUP(buf_fini) = {0}, text CLEANUP(buf_fini) = {0}, out CLEANUP(buf_fini) = {0};
    if (!put_path(line, &path)) {
        fputs("weir history: what follows the metric is LABEL=VALUE, such as path=/\n", stderr);
        return CLI_USAGE;
    }
    int status = client_call(line, "GET", path.ptr, STR(""), &answer, &text);
    if (status != CLI_OK)
        return status;
    if (command_line_value(line, "--json"))
        buf_put(&out, buf_str(&text));
    else
        history_format(answer, terminal_has_colour(STDOUT_FILENO), &out);
    json_value_free(answer);
    bool is_written = fwrite(out.ptr, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    return is_written ? CLI_OK : CLI_FAILED;
}
