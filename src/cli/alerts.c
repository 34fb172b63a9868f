/*
 * alerts.c: see alerts.h. A line an alert, in the order of their weight: what fires and people know of, what
 * comes, what is silenced or hidden, what is lately over. With a name: all that is known of each alert of
 * that name.
 *
 * Whatever field is missing or null is left out: an older or newer Weir may be on the other side.
 */
#include "cli/alerts.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/macros.h"
#include "base/units.h"
#include "cli/client.h"
#include "cli/terminal.h"

#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define WATCH_INTERVAL_NS (2 * NS_PER_S)
#define ALERTS_PATH       "/api/v1/alerts"

enum group { FIRING, PENDING, SILENCED, HIDDEN, UNKNOWN, RESOLVED, GROUP_COUNT };

static bool is_active(const struct json_value *alert)
{
    return json_value_bool(alert, "is_active", false);
}

static enum group group_of(const struct json_value *alert)
{
    const char *state = json_value_text(alert, "state", "");
    if (is_active(alert) && json_value_is_object(json_value_get(alert, "silence")))
        return SILENCED;
    if (is_active(alert) && json_value_is_text(json_value_get(alert, "hidden")))
        return HIDDEN;
    if (is_active(alert))
        return FIRING;
    if (strcmp(state, "resolved") == 0)
        return RESOLVED;
    return strcmp(state, "pending") == 0 ? PENDING : UNKNOWN;
}

static void put_time(struct buf *out, double seconds)
{
    char text[UNITS_TEXT_BYTES];
    buf_put(out, str_of(units_format_duration(text, (int64_t)fmax(seconds, 0) * NS_PER_S)));
}

/* ---- one line ---- */

static void put_silence(struct buf *out, const struct json_value *alert)
{
    const struct json_value *silence = json_value_get(alert, "silence");
    if (!json_value_is_object(silence))
        return;
    buf_put(out, STR("; silenced until "));
    terminal_put(out, json_value_text(silence, "until", "it is changed"));
    buf_put(out, STR(" by "));
    terminal_put(out, json_value_text(silence, "createdBy", "?"));
    const char *comment = json_value_text(silence, "comment", "");
    if (comment[0]) {
        buf_put(out, STR(": "));
        terminal_put(out, comment);
    }
}

static void format_line(const struct json_value *alert, bool has_colour, struct buf *out)
{
    const char *evidence = json_value_text(alert, "evidence", ""),
               *state = json_value_text(alert, "state", "?"), *host = json_value_text(alert, "host", NULL);
    enum group group = group_of(alert);
    bool is_red = has_colour && group == FIRING;
    buf_put(out, is_red ? STR("\033[1;31m") : STR(""));
    terminal_put(out, group == SILENCED ? "silenced" : group == HIDDEN ? "hidden" : state);
    buf_put(out, is_red ? STR("\033[0m  ") : STR("  "));
    terminal_put(out, json_value_text(alert, "summary", json_value_text(alert, "name", "?")));
    if (host) {
        buf_put(out, STR(" ("));
        terminal_put(out, host);
        buf_put(out, STR(")"));
    }
    if (evidence[0]) {
        buf_put(out, STR("  "));
        terminal_put(out, evidence);
    }
    if (group == SILENCED)
        put_silence(out, alert);
    buf_put_char(out, '\n');
}

void alerts_format_summary(const struct json_value *answer, bool has_colour, struct buf *out)
{
    const struct json_value *alerts = json_value_get(answer, "alerts");
    if (json_value_count(alerts) == 0)
        buf_put(out, STR("no alerts\n"));
    for (int group = 0; group < GROUP_COUNT; group++)
        for (size_t i = 0; i < json_value_count(alerts); i++)
            if (group_of(json_value_at(alerts, i)) == (enum group)group)
                format_line(json_value_at(alerts, i), has_colour, out);
}

/* ---- all about one ---- */

static void begin_row(struct buf *out, const char *title)
{
    buf_printf(out, "  %-10s ", title);
}

static void put_row(struct buf *out, const char *title, const char *text)
{
    if (!text || !text[0])
        return;
    begin_row(out, title);
    terminal_put(out, text);
    buf_put_char(out, '\n');
}

static void put_labels(struct buf *out, const struct json_value *labels)
{
    const char *name;
    for (size_t i = 0; (name = json_value_member_name(labels, i)) != NULL; i++) {
        buf_put_char(out, ' ');
        terminal_put(out, name);
        buf_put_char(out, '=');
        terminal_put(out, json_value_text(labels, name, ""));
    }
}

static void put_state(struct buf *out, const struct json_value *alert)
{
    begin_row(out, "state");
    terminal_put(out, json_value_text(alert, "state", "?"));
    buf_put(out, STR(" for "));
    put_time(out, json_value_double(alert, "state_seconds", 0));
    const char *started = json_value_text(alert, "started_at", NULL),
               *ended = json_value_text(alert, "ended_at", NULL);
    if (started) {
        buf_put(out, STR("; fired "));
        terminal_put(out, started);
    }
    if (ended) {
        buf_put(out, STR(", over "));
        terminal_put(out, ended);
    }
    buf_put_char(out, '\n');
}

/* In the alert's unit, as rules write it. */
static void put_number(struct buf *out, const struct json_value *alert, double value)
{
    static const char *const signs[][2] = {{"percent", " %"}, {"per second", "/s"}};
    char text[UNITS_TEXT_BYTES];
    const char *unit = json_value_text(alert, "unit", "");
    bool is_size = strncmp(unit, "bytes", strlen("bytes")) == 0 && value >= 1 && value < 0x1p63;
    if (strcmp(unit, "seconds") == 0 && value >= 60 && value < 9e9) {
        put_time(out, value);
        return;
    }
    if (is_size)
        buf_printf(out, "%s%s", units_format_size(text, (uint64_t)value), strcmp(unit, "bytes") ? "/s" : "");
    else
        buf_printf(out, "%.6g%s", value, strcmp(unit, "seconds") ? "" : "s");
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (strcmp(unit, signs[i][0]) == 0)
            buf_put(out, str_of(signs[i][1]));
}

/* What it is set against stands in the rule. */
static void put_value(struct buf *out, const struct json_value *alert)
{
    const char *why = json_value_text(alert, "why_unknown", NULL);
    double value = json_value_double(alert, "value", NAN);
    begin_row(out, "value");
    if (isnan(value))
        buf_put(out, STR("unknown"));
    else
        put_number(out, alert, value);
    if (why) {
        buf_put(out, STR(": "));
        terminal_put(out, why);
    }
    buf_put_char(out, '\n');
}

/* Eight heights from the least to the greatest of what is known, the middle for what does not move; a gap
 * where nothing is. */
static void put_sparkline(struct buf *out, const struct json_value *alert)
{
    const struct json_value *values = json_value_get(json_value_get(alert, "sparkline"), "values");
    static const char *const heights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < json_value_count(values); i++) {
        double v = json_value_to_double(json_value_at(values, i), NAN);
        least = isnan(v) ? least : fmin(least, v);
        most = isnan(v) ? most : fmax(most, v);
    }
    if (least > most)
        return;
    begin_row(out, "lately");
    for (size_t i = 0; i < json_value_count(values); i++) {
        double v = json_value_to_double(json_value_at(values, i), NAN);
        double share = most > least ? (v - least) / (most - least) : 0.5;
        buf_put(out, str_of(isnan(v) ? " " : heights[(int)(share * (double)(ARRAY_LEN(heights) - 1) + 0.5)]));
    }
    buf_put(out, STR("  "));
    put_number(out, alert, least);
    buf_put(out, STR(" to "));
    put_number(out, alert, most);
    buf_put_char(out, '\n');
}

static void put_told(struct buf *out, const struct json_value *alert)
{
    if (!is_active(alert))
        return;
    begin_row(out, "people");
    buf_put(out, json_value_bool(alert, "is_told", false) ? STR("know that it fires") : STR("were not told"));
    put_silence(out, alert);
    const char *hidden = json_value_text(alert, "hidden", NULL);
    if (hidden) {
        buf_put(out, STR("; hidden: "));
        terminal_put(out, hidden);
    }
    buf_put_char(out, '\n');
}

/* A state that a newer Weir has is shown by its name. */
static const char *standing_in_words(const struct json_value *sink)
{
    static const char *const words[][2] = {
        {"told", "was told"},
        {"waiting", "has still to be told"},
        {"closed", "is told when its hours begin (only.hours, only.days)"},
        {"ready", "is told when it fires"},
        {"silenced", "is not told: silenced"},
        {"hidden", "is not told: hidden by another alert"},
        {"barred", "is not told"},
        {"missed", "was not told: it is newer than the alert, or the message was lost"},
    };
    const char *state = json_value_text(sink, "state", "?");
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i][0], state) == 0)
            return words[i][1];
    return state;
}

static void put_sinks(struct buf *out, const struct json_value *sinks)
{
    for (size_t i = 0; i < json_value_count(sinks); i++) {
        const struct json_value *sink = json_value_at(sinks, i);
        const char *why = json_value_text(sink, "why", NULL), *at = json_value_text(sink, "told_at", NULL);
        begin_row(out, i ? "" : "sinks");
        terminal_put(out, json_value_text(sink, "name", "?"));
        buf_put_char(out, ' ');
        buf_put(out, str_of(standing_in_words(sink)));
        if (why || at) {
            buf_put(out, at ? STR(" at ") : STR(": "));
            terminal_put(out, at ? at : why);
        }
        buf_put_char(out, '\n');
    }
}

/* What happened just before it began, a line each. */
static void put_past(struct buf *out, const struct json_value *events)
{
    for (size_t i = 0; i < json_value_count(events); i++) {
        const struct json_value *event = json_value_at(events, i);
        begin_row(out, i ? "" : "before");
        terminal_put(out, json_value_text(event, "at", "?"));
        buf_put(out, STR("  "));
        terminal_put(out, json_value_text(event, "text", "?"));
        buf_put_char(out, '\n');
    }
}

void alerts_format_one(const struct json_value *alert, bool has_colour, struct buf *out)
{
    buf_put(out, has_colour ? STR("\033[1m") : STR(""));
    terminal_put(out, json_value_text(alert, "name", "?"));
    buf_put(out, has_colour ? STR("\033[0m (") : STR(" ("));
    terminal_put(out, json_value_text(alert, "severity", "?"));
    buf_put(out, STR("):"));
    put_labels(out, json_value_get(alert, "labels"));
    buf_put_char(out, '\n');
    put_row(out, "what", json_value_text(alert, "summary", NULL));
    put_row(out, "rule", json_value_text(alert, "rule", NULL));
    put_state(out, alert);
    put_value(out, alert);
    put_sparkline(out, alert);
    put_row(out, "evidence", json_value_text(alert, "evidence", NULL));
    put_past(out, json_value_get(alert, "before"));
    put_told(out, alert);
    put_sinks(out, json_value_get(alert, "sinks"));
    put_row(out, "page", json_value_text(alert, "link", NULL));
    if (!json_value_is_object(json_value_get(alert, "silence")))
        put_row(out, "silence it", json_value_text(alert, "silence_command", NULL));
}

/* ---- the command ---- */

static bool is_named(const struct json_value *alert, const char *name)
{
    return strcmp(json_value_text(alert, "name", ""), name) == 0 ||
           strcmp(json_value_text(alert, "fingerprint", ""), name) == 0;
}

static const char *name_of(const struct command_line *line)
{
    return line->operand_count ? line->operands[0] : NULL;
}

/* What is neither silenced nor hidden. */
static bool does_any_fire(const struct json_value *alerts, const char *name)
{
    for (size_t i = 0; i < json_value_count(alerts); i++) {
        const struct json_value *alert = json_value_at(alerts, i);
        if (group_of(alert) == FIRING && (!name || is_named(alert, name)))
            return true;
    }
    return false;
}

static void format_named(const struct json_value *alerts, const char *name, bool has_colour, struct buf *out)
{
    size_t shown = 0;
    for (size_t i = 0; i < json_value_count(alerts); i++) {
        const struct json_value *alert = json_value_at(alerts, i);
        if (!is_named(alert, name))
            continue;
        buf_put(out, shown++ ? STR("\n") : STR(""));
        alerts_format_one(alert, has_colour, out);
    }
    if (shown == 0) {
        buf_put(out, STR("there is no alert "));
        terminal_put(out, name);
        buf_put_char(out, '\n');
    }
}

/* again: the screen is cleared and written anew. */
static int show_once(const struct command_line *line, bool is_again)
{
    struct json_value *answer = NULL;
    struct buf text CLEANUP(buf_fini) = {0}, out CLEANUP(buf_fini) = {0};
    const char *name = name_of(line);
    bool has_colour = terminal_has_colour(STDOUT_FILENO);
    int status = client_call(line, "GET", name ? ALERTS_PATH "?all=1" : ALERTS_PATH, STR(""), &answer, &text);
    if (status != CLI_OK)
        return status;
    const struct json_value *alerts = json_value_get(answer, "alerts");
    buf_put(&out, is_again ? STR("\033[H\033[2J") : STR(""));
    if (command_line_value(line, "--json"))
        buf_printf(&out, "%s\n", text.ptr);
    else if (name)
        format_named(alerts, name, has_colour, &out);
    else
        alerts_format_summary(answer, has_colour, &out);
    bool does_fire = does_any_fire(alerts, name);
    json_value_free(answer);
    if (fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
        return CLI_FAILED;
    return does_fire && command_line_value(line, "--exit-code") ? CLI_ALERTING : CLI_OK;
}

int alerts_show(const struct command_line *line)
{
    bool is_watching = command_line_value(line, "--watch") != NULL;
    int status = show_once(line, is_watching);
    while (is_watching && (status == CLI_OK || status == CLI_ALERTING)) {
        (void)nanosleep(&(struct timespec){.tv_sec = WATCH_INTERVAL_NS / NS_PER_S}, NULL);
        status = show_once(line, true);
    }
    return status;
}
