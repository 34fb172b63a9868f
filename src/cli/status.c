/*
 * status.c: the answers of the admin API as tables. Whatever field is missing or null shows as "-": an older
 * or newer Weir may be on the other side. --json gives the answers themselves.
 */
#include "cli/status.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/alerts.h"
#include "cli/client.h"
#include "cli/terminal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define FOLLOW_INTERVAL_NS (1 * NS_PER_S)

static void print(const struct buf *out)
{
    (void)fwrite(out->ptr ? out->ptr : "", 1, out->len, stdout);
    (void)fflush(stdout);
}

/* ---- cells ---- */

static void put_number(struct table *t, const struct json_value *object, const char *key, int decimals)
{
    double value = json_value_double(object, key, NAN);
    if (isnan(value))
        table_put(t, "-");
    else
        table_put(t, "%.*f", decimals, value);
}

static void put_seconds(struct table *t, const struct json_value *object, const char *key)
{
    double value = json_value_double(object, key, NAN);
    if (isnan(value))
        table_put(t, "-");
    else if (value < 1)
        table_put(t, "%.*f ms", value < 0.01 ? 1 : 0, value * 1000);
    else
        table_put(t, "%.2f s", value);
}

static void put_text(struct table *t, const struct json_value *object, const char *key)
{
    table_put(t, "%s", json_value_text(object, key, "-"));
}

static void put_percent_cell(struct table *t, const struct json_value *object, const char *key)
{
    double value = json_value_double(object, key, NAN);
    if (isnan(value))
        table_put(t, "-");
    else
        table_put(t, "%.0f%%", value);
}

static void put_mebibytes(struct table *t, const struct json_value *object, const char *key)
{
    double value = json_value_double(object, key, NAN);
    if (isnan(value))
        table_put(t, "-");
    else
        table_put(t, "%.0f MiB", value / (1 << 20));
}

/* "2 of 3", healthy ones of all that exist. */
static void put_healthy(struct table *t, const struct json_value *service)
{
    static const char *const states[] = {"requested", "starting", "warming",
                                         "serving",   "draining", "stopping"};
    const struct json_value *servers = json_value_get(service, "servers");
    int64_t total = 0;
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        total += json_value_int(servers, states[i], 0);
    table_put(t, "%" PRId64 " of %" PRId64, json_value_int(service, "healthy", 0), total);
}

static bool is_failing(const struct json_value *discovery)
{
    return json_value_is_number(json_value_get(discovery, "failing_seconds"));
}

static void put_scale(struct table *t, const struct json_value *service)
{
    const struct json_value *scale = json_value_get(service, "scale"),
                            *discovery = json_value_get(service, "discovery");
    if (!json_value_is_object(scale) && json_value_is_object(discovery)) {
        table_put(t, "%" PRId64 " found (%s%s)", json_value_int(discovery, "servers", 0),
                  json_value_text(discovery, "source", "?"), is_failing(discovery) ? " fails" : "");
        return;
    }
    if (!json_value_is_object(scale)) {
        table_put(t, "fixed");
        return;
    }
    int64_t minimum = json_value_int(scale, "servers_min", json_value_int(scale, "minimum", -1));
    int64_t maximum = json_value_int(scale, "servers_max", json_value_int(scale, "maximum", -1));
    bool is_manual = json_value_is_number(json_value_get(scale, "manual"));
    char left[UNITS_TEXT_BYTES + 8] = "", text[UNITS_TEXT_BYTES];
    double left_s = json_value_double(scale, "manual_seconds_left", -1);
    if (left_s >= 0)
        (void)snprintf(left, sizeof(left), " for %s",
                       units_format_duration(text, (int64_t)ceil(left_s) * NS_PER_S));
    char advice[32] = "";
    if (json_value_is_number(json_value_get(scale, "advised")))
        (void)snprintf(advice, sizeof(advice), ", advised %" PRId64, json_value_int(scale, "advised", 0));
    table_put(t, "%" PRId64 "%s%s%s in %" PRId64 "..%" PRId64, json_value_int(scale, "target", -1),
              is_manual ? " by hand" : "", left, advice, minimum, maximum);
}

/* ---- tables ---- */

static void format_services(const struct json_value *answer, bool has_colour, struct buf *out)
{
    static const char *const headings[] = {"SERVICE", "HEALTHY", "TARGET", ">IN FLIGHT", ">QUEUED",
                                           ">REQ/S",  ">P50",    ">P99",   ">REQUESTS",  ">ERRORS"};
    const struct json_value *services = json_value_get(answer, "services");
    struct table t;
    table_init(&t, headings, ARRAY_LEN(headings));
    for (size_t i = 0; i < json_value_count(services); i++) {
        const struct json_value *s = json_value_at(services, i), *recent = json_value_get(s, "recent");
        put_text(&t, s, "name");
        put_healthy(&t, s);
        put_scale(&t, s);
        put_number(&t, s, "in_flight", 0);
        put_number(&t, s, "queued", 0);
        put_number(&t, recent, "requests_per_second", 1);
        put_seconds(&t, recent, "p50_seconds");
        put_seconds(&t, recent, "p99_seconds");
        put_number(&t, s, "requests", 0);
        put_number(&t, s, "errors", 0);
    }
    table_format(&t, has_colour, out);
    table_fini(&t);
}

/* "shop: 12 answered by Weir itself: 10 queue_full, 2 connect", for each service that has such. */
static void format_faults(const struct json_value *answer, struct buf *out)
{
    static const char *const causes[] = {"connect",           "server_broke",    "bad_response",
                                         "server_timeout",    "no_server",       "queue_full",
                                         "no_server_in_time", "no_turn_in_time", "queue_timeout"};
    const struct json_value *services = json_value_get(answer, "services");
    for (size_t i = 0; i < json_value_count(services); i++) {
        const struct json_value *s = json_value_at(services, i), *faults = json_value_get(s, "faults");
        struct buf list CLEANUP(buf_fini) = {0};
        int64_t total = 0;
        for (size_t k = 0; k < ARRAY_LEN(causes); k++) {
            int64_t count = json_value_int(faults, causes[k], 0);
            if (count > 0)
                buf_printf(&list, "%s %" PRId64 " %s", total ? "," : "", count, causes[k]);
            total += count;
        }
        if (total == 0)
            continue;
        terminal_put(out, json_value_text(s, "name", "?"));
        buf_printf(out, ": %" PRId64 " answered by Weir itself:", total);
        buf_put(out, buf_str(&list));
        buf_put_char(out, '\n');
    }
}

/* Sources of servers that fail, a line each. */
static void format_failing_sources(const struct json_value *answer, bool has_colour, struct buf *out)
{
    const struct json_value *services = json_value_get(answer, "services");
    for (size_t i = 0; i < json_value_count(services); i++) {
        const struct json_value *s = json_value_at(services, i), *discovery = json_value_get(s, "discovery");
        char span[UNITS_TEXT_BYTES];
        if (!is_failing(discovery))
            continue;
        int64_t seconds = (int64_t)json_value_double(discovery, "failing_seconds", 0);
        buf_put(out, has_colour ? STR("\033[1;31m") : STR(""));
        buf_put(out, STR("finding servers fails"));
        buf_put(out, has_colour ? STR("\033[0m  ") : STR("  "));
        terminal_put(out, json_value_text(s, "name", "?"));
        buf_printf(out, ", for %s: ", units_format_duration(span, MAX(seconds, 0) * NS_PER_S));
        terminal_put(out, json_value_text(discovery, "last_error", "?"));
        buf_put_char(out, '\n');
    }
}

static const char *health_of(const struct json_value *server)
{
    if (json_value_bool(server, "refusing", false))
        return "refusing";
    if (!json_value_bool(server, "healthy", false))
        return "no";
    return json_value_bool(server, "slow", false) ? "slow" : "yes";
}

static void format_servers(const struct json_value *answer, bool has_colour, struct buf *out)
{
    static const char *const headings[] = {"SERVER",     "SERVICE", "ADDRESS", "STATE", "HEALTHY",
                                           ">IN FLIGHT", ">LIMIT",  ">REQ/S",  ">P99",  ">REQUESTS",
                                           ">ERRORS",    ">CPU",    ">MEM",    ">PID"};
    const struct json_value *servers = json_value_get(answer, "servers");
    struct table t;
    table_init(&t, headings, ARRAY_LEN(headings));
    for (size_t i = 0; i < json_value_count(servers); i++) {
        const struct json_value *s = json_value_at(servers, i), *recent = json_value_get(s, "recent");
        put_text(&t, s, "name");
        put_text(&t, s, "service");
        put_text(&t, s, "address");
        put_text(&t, s, "state");
        table_put(&t, "%s", health_of(s));
        put_number(&t, s, "in_flight", 0);
        put_number(&t, s, "max_requests", 0);
        put_number(&t, recent, "requests_per_second", 1);
        put_seconds(&t, recent, "p99_seconds");
        put_number(&t, s, "requests", 0);
        put_number(&t, s, "errors", 0);
        put_percent_cell(&t, json_value_get(s, "usage"), "cpu_percent");
        put_mebibytes(&t, json_value_get(s, "usage"), "memory_bytes");
        put_number(&t, s, "pid", 0);
    }
    table_format(&t, has_colour, out);
    table_fini(&t);
}

static void put_percent(struct buf *out, const char *label, const struct json_value *part)
{
    double percent = json_value_double(part, "percent", NAN);
    if (isnan(percent)) {
        buf_printf(out, "%s unknown", label);
        const char *why = json_value_text(part, "why_unknown", NULL);
        if (why) {
            buf_put(out, STR(" ("));
            terminal_put(out, why);
            buf_put_char(out, ')');
        }
        return;
    }
    buf_printf(out, "%s %.1f%%", label, percent);
}

static void format_host(const struct json_value *host, struct buf *out)
{
    const struct json_value *disks = json_value_get(host, "disks"), *cgroup = json_value_get(host, "cgroup");
    put_percent(out, "host: cpu", json_value_get(host, "cpu"));
    put_percent(out, ", memory", json_value_get(host, "memory"));
    for (size_t i = 0; i < json_value_count(disks); i++) {
        const struct json_value *disk = json_value_at(disks, i);
        buf_put(out, STR(", disk "));
        terminal_put(out, json_value_text(disk, "path", "?"));
        put_percent(out, "", disk);
    }
    buf_put_char(out, '\n');
    if (!json_value_is_object(cgroup))
        return;
    put_percent(out, "control group: cpu", json_value_get(cgroup, "cpu"));
    put_percent(out, ", memory", json_value_get(cgroup, "memory"));
    buf_put_char(out, '\n');
}

/* ", queue_depth 12, errors unknown" for those that an exporter tells. */
static void format_numbers(const struct json_value *list, struct buf *out)
{
    for (size_t i = 0; i < json_value_count(list); i++) {
        const struct json_value *one = json_value_at(list, i);
        double value = json_value_double(one, "value", NAN);
        buf_put(out, STR(", "));
        terminal_put(out, json_value_text(one, "name", "?"));
        if (isnan(value))
            buf_put(out, STR(" unknown"));
        else
            buf_printf(out, " %.6g", value);
    }
}

/* "probe shop: status 200, 0.213 s" and "host web-2: connection refused" for each of a list. */
static void format_looks(const struct json_value *list, const char *what, bool has_colour, struct buf *out)
{
    for (size_t i = 0; i < json_value_count(list); i++) {
        const struct json_value *one = json_value_at(list, i);
        const char *reason = json_value_text(one, "reason", ""), *remark = json_value_text(one, "remark", "");
        bool is_bad = json_value_has(one, "is_good") && !json_value_bool(one, "is_good", true);
        double seconds = json_value_double(one, "seconds", NAN);
        buf_printf(out, "%s%s ", is_bad && has_colour ? "\033[31m" : "", what);
        terminal_put(out, json_value_text(one, "name", "?"));
        buf_put(out, is_bad ? STR(": failing, ") : STR(": "));
        terminal_put(out, reason[0] ? reason : "answers");
        if (remark[0] && !reason[0]) {
            buf_put(out, STR("; "));
            terminal_put(out, remark);
        }
        format_numbers(json_value_get(one, "numbers"), out);
        if (!isnan(seconds))
            buf_printf(out, ", %.3f s", seconds);
        buf_printf(out, "%s\n", is_bad && has_colour ? "\033[0m" : "");
    }
}

/* ---- commands ---- */

/* In the order of the page: what is asked for, and how it is shown. */
static const struct {
    const char *key, *path;
} parts[] = {
    {"services", "/api/v1/services"}, {"servers", "/api/v1/servers"}, {"host", "/api/v1/host"},
    {"hosts", "/api/v1/hosts"},       {"probes", "/api/v1/probes"},   {"alerts", "/api/v1/alerts"},
};
enum { PART_SERVICES, PART_SERVERS, PART_HOST, PART_HOSTS, PART_PROBES, PART_ALERTS, PART_COUNT };

static void format_status(struct json_value *const answers[PART_COUNT], struct buf *out)
{
    bool has_colour = terminal_has_colour(STDOUT_FILENO);
    if (json_value_count(json_value_get(answers[PART_SERVICES], "services")) > 0) { /* an agent has none */
        format_services(answers[PART_SERVICES], has_colour, out);
        format_faults(answers[PART_SERVICES], out);
        format_failing_sources(answers[PART_SERVICES], has_colour, out);
        buf_put_char(out, '\n');
        format_servers(answers[PART_SERVERS], has_colour, out);
        buf_put_char(out, '\n');
    }
    format_host(answers[PART_HOST], out);
    format_looks(json_value_get(answers[PART_HOSTS], "hosts"), "host", has_colour, out);
    format_looks(json_value_get(answers[PART_PROBES], "probes"), "probe", has_colour, out);
    alerts_format_summary(answers[PART_ALERTS], has_colour, out);
}

/* One object: {"services": {the answer}, ...}. */
static void join_answers(const struct buf texts[PART_COUNT], struct buf *out)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        buf_printf(out, "%s\"%s\":", i ? "," : "{", parts[i].key);
        buf_put(out, str_trim(buf_str(&texts[i])));
    }
    buf_put(out, STR("}\n"));
}

int status_show(const struct command_line *line)
{
    struct json_value *answers[PART_COUNT] = {0};
    struct buf texts[PART_COUNT] = {0}, out = {0};
    int status = CLI_OK;
    for (size_t i = 0; i < PART_COUNT && status == CLI_OK; i++)
        status = client_call(line, "GET", parts[i].path, STR(""), &answers[i], &texts[i]);
    if (status == CLI_OK && command_line_value(line, "--json"))
        join_answers(texts, &out);
    else if (status == CLI_OK)
        format_status(answers, &out);
    print(&out);
    for (size_t i = 0; i < PART_COUNT; i++) {
        json_value_free(answers[i]);
        buf_fini(&texts[i]);
    }
    buf_fini(&out);
    return status;
}

static void format_event(const struct json_value *event, struct buf *out)
{
    const char *who = json_value_text(event, "server", json_value_text(event, "service", ""));
    terminal_put(out, json_value_text(event, "time", "?"));
    buf_put_char(out, ' ');
    if (who[0]) {
        buf_put_char(out, ' ');
        terminal_put(out, who);
        buf_put_char(out, ':');
    }
    buf_put_char(out, ' ');
    terminal_put(out, json_value_text(event, "text", json_value_text(event, "kind", "?")));
    buf_put_char(out, '\n');
}

static void format_events(const struct json_value *answer, struct buf *out)
{
    const struct json_value *events = json_value_get(answer, "events");
    for (size_t i = 0; i < json_value_count(events); i++)
        format_event(json_value_at(events, i), out);
}

/* Asks once and prints. *after moves behind what was printed; -1: the newest. */
static int show_events_once(const struct command_line *line, const char *count, int64_t *after)
{
    struct json_value *answer = NULL;
    struct buf path = {0}, text = {0}, out = {0};
    buf_put(&path, STR("/api/v1/events?"));
    if (*after >= 0)
        buf_printf(&path, "after=%" PRId64, *after);
    if (count)
        buf_printf(&path, "%scount=%s", *after >= 0 ? "&" : "", count);
    int status = client_call(line, "GET", path.ptr, STR(""), &answer, &text);
    if (status == CLI_OK && command_line_value(line, "--json"))
        buf_printf(&out, "%s\n", text.ptr);
    else if (status == CLI_OK)
        format_events(answer, &out);
    *after = json_value_int(answer, "next_after", *after);
    print(&out);
    json_value_free(answer);
    buf_fini(&path);
    buf_fini(&text);
    buf_fini(&out);
    return status;
}

static bool parse_number(const char *option, const char *text, uint64_t *ret_number)
{
    if (!text || (str_parse_u64(str_of(text), ret_number) && *ret_number <= INT64_MAX))
        return true;
    fprintf(stderr, "weir events: %s %s is not a number\n", option, text);
    return false;
}

int status_show_events(const struct command_line *line)
{
    const char *count = command_line_value(line, "--count"), *from = command_line_value(line, "--after");
    uint64_t after_number = 0, count_number;
    if (!parse_number("--after", from, &after_number) || !parse_number("--count", count, &count_number))
        return CLI_USAGE;
    int64_t after = from ? (int64_t)after_number : -1;
    int status = show_events_once(line, count, &after);
    while (status == CLI_OK && command_line_value(line, "--follow")) {
        (void)nanosleep(&(struct timespec){.tv_sec = FOLLOW_INTERVAL_NS / NS_PER_S}, NULL);
        status = show_events_once(line, NULL, &after);
    }
    return status;
}
