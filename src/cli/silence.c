/* silence.c: see silence.h. What the words mean is checked by the API; here is only what it cannot know:
 * times from durations, and who asks. */
#include "cli/silence.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/macros.h"
#include "base/percent.h"
#include "base/units.h"
#include "cli/client.h"
#include "cli/terminal.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SILENCES_PATH "/api/v1/silences"

/* ---- setting ---- */

static bool put_matcher(struct json *j, const char *text, struct err *err)
{
    static const struct {
        const char *sign;
        bool is_unlike, is_regex;
    } signs[] = {{"!=", true, false}, {"!~", true, true}, {"=~", false, true}, {"=", false, false}};
    size_t name = 0, k = 0;
    while (text[name] && text[name] != '=' &&
           !(text[name] == '!' && text[name + 1] && strchr("=~", text[name + 1])))
        name++;
    while (k < ARRAY_LEN(signs) && strncmp(text + name, signs[k].sign, strlen(signs[k].sign)) != 0)
        k++;
    if (name == 0 || k == ARRAY_LEN(signs))
        return err_set(err, "'%s' is no matcher: LABEL=VALUE, LABEL!=VALUE, LABEL=~REGEX or LABEL!~REGEX",
                       text);
    json_begin_object(j);
    json_put_str(j, "name", str_n(text, name));
    json_put_text(j, "value", text + name + strlen(signs[k].sign));
    json_put_bool(j, "isRegex", signs[k].is_regex);
    json_put_bool(j, "isEqual", !signs[k].is_unlike);
    json_end_object(j);
    return true;
}

static bool put_times(struct json *j, const struct command_line *line, struct err *err)
{
    const char *from = command_line_value(line, "--from"), *duration = command_line_value(line, "--for"),
               *problem;
    char time[CLOCK_RFC3339_BYTES];
    int64_t from_ns = clock_wall_ns(), for_ns;
    if (!duration)
        return err_set(err, "--for TIME says how long, such as --for 2h: a silence has an end");
    if (!units_parse_duration(str_of(duration), &for_ns, &problem))
        return err_set(err, "--for: %s", problem);
    if (for_ns < NS_PER_S)
        return err_set(err, "--for: a second at least");
    if (from && !clock_parse_rfc3339(str_of(from), &from_ns))
        return err_set(err, "--from: a time such as 2026-11-28T22:00:00Z or 2026-11-28T23:00:00+01:00");
    if (from)
        json_put_text(j, "startsAt", clock_format_rfc3339(time, from_ns));
    json_put_text(j, "endsAt", clock_format_rfc3339(time, from_ns + for_ns));
    return true;
}

static void put_who(struct json *j, const struct command_line *line)
{
    const struct passwd *user = getpwuid(getuid());
    char who[300], host[128] = "";
    const char *by = command_line_value(line, "--by");
    (void)gethostname(host, sizeof(host) - 1);
    snprintf(who, sizeof(who), "%s@%s", user ? user->pw_name : "?", host);
    json_put_text(j, "createdBy", by ? by : who);
}

static bool format_body(const struct command_line *line, struct buf *body, struct err *err)
{
    const char *comment = command_line_value(line, "--comment");
    struct json j;
    json_init(&j, body);
    json_begin_object(&j);
    json_key(&j, "matchers");
    json_begin_array(&j);
    for (size_t i = 0; i < line->operand_count; i++)
        if (!put_matcher(&j, line->operands[i], err))
            return false;
    json_end_array(&j);
    if (!put_times(&j, line, err))
        return false;
    put_who(&j, line);
    json_put_text(&j, "comment", comment ? comment : "");
    json_end_object(&j);
    return true;
}

/* ---- telling ---- */

static void put_matchers(struct buf *out, const struct json_value *matchers)
{
    if (json_value_count(matchers) == 0)
        buf_put(out, STR(" all alerts"));
    for (size_t i = 0; i < json_value_count(matchers); i++) {
        const struct json_value *m = json_value_at(matchers, i);
        buf_put_char(out, ' ');
        terminal_put(out, json_value_text(m, "name", "?"));
        bool is_regex = json_value_bool(m, "isRegex", false);
        if (json_value_bool(m, "isEqual", true))
            buf_put(out, is_regex ? STR("=~") : STR("="));
        else
            buf_put(out, is_regex ? STR("!~") : STR("!="));
        terminal_put(out, json_value_text(m, "value", "?"));
    }
}

static void put_silence(struct buf *out, const struct json_value *silence)
{
    const char *state = json_value_text(json_value_get(silence, "status"), "state", "?");
    const char *comment = json_value_text(silence, "comment", "");
    const char *starts = json_value_text(silence, "startsAt", NULL),
               *ends = json_value_text(silence, "endsAt", NULL);
    terminal_put(out, json_value_text(silence, "id", "?"));
    buf_put(out, STR("  "));
    terminal_put(out, state);
    if (strcmp(state, "pending") == 0 && starts) {
        buf_put(out, STR(" from "));
        terminal_put(out, starts);
    }
    if (ends) {
        buf_put(out, strcmp(state, "expired") == 0 ? STR(" at ") : STR(" until "));
        terminal_put(out, ends);
    }
    buf_put(out, STR(" "));
    put_matchers(out, json_value_get(silence, "matchers"));
    buf_put(out, STR("  by "));
    terminal_put(out, json_value_text(silence, "createdBy", "?"));
    if (comment[0]) {
        buf_put(out, STR(": "));
        terminal_put(out, comment);
    }
    buf_put_char(out, '\n');
}

static void put_list(struct buf *out, const struct json_value *silences)
{
    if (json_value_count(silences) == 0)
        buf_put(out, STR("no silences\n"));
    for (size_t i = 0; i < json_value_count(silences); i++)
        put_silence(out, json_value_at(silences, i));
}

/* A silence that fits nothing is often a mistyped one. */
static void put_fits(struct buf *out, const struct json_value *answer)
{
    long long all = json_value_int(answer, "fits", 0), firing = json_value_int(answer, "fits_firing", 0);
    if (all <= 0)
        buf_put(out,
                STR("it fits no alert that Weir knows now; `weir alerts NAME` shows the labels of one\n"));
    else
        buf_printf(out, "it fits %lld alert%s, of which %lld fire%s now\n", all, all == 1 ? "" : "s", firing,
                   firing == 1 ? "s" : "");
}

/* ---- the command ---- */

static int call(const struct command_line *line, const char *method, const char *path, struct str body)
{
    struct json_value *answer = NULL;
    struct buf text CLEANUP(buf_fini) = {0}, out CLEANUP(buf_fini) = {0};
    int status = client_call(line, method, path, body, &answer, &text);
    if (status != CLI_OK)
        return status;
    if (command_line_value(line, "--json")) {
        buf_printf(&out, "%s\n", text.ptr);
    } else if (json_value_has(answer, "silence")) {
        put_silence(&out, json_value_get(answer, "silence"));
        if (strcmp(method, "POST") == 0)
            put_fits(&out, answer);
    } else {
        put_list(&out, json_value_get(answer, "silences"));
    }
    json_value_free(answer);
    bool is_written = fwrite(out.ptr, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    return is_written ? CLI_OK : CLI_FAILED;
}

static int end_silence(const struct command_line *line, const char *id)
{
    struct buf path CLEANUP(buf_fini) = {0};
    buf_put(&path, STR(SILENCES_PATH "/"));
    percent_put(&path, str_of(id));
    return call(line, "DELETE", path.ptr, STR(""));
}

int silence_command(const struct command_line *line)
{
    struct buf body CLEANUP(buf_fini) = {0};
    const char *end = command_line_value(line, "--end");
    bool has_times = command_line_value(line, "--for") || command_line_value(line, "--from");
    struct err err;
    if (end && (line->operand_count || has_times))
        (void)err_set(&err, "--end goes with the ID of a silence alone");
    else if (end)
        return end_silence(line, end);
    else if (line->operand_count == 0 && has_times)
        (void)err_set(&err, "which alerts? Give a MATCHER, such as service=shop or alertname=*");
    else if (line->operand_count == 0)
        return call(line, "GET", SILENCES_PATH, STR(""));
    else if (format_body(line, &body, &err))
        return call(line, "POST", SILENCES_PATH, buf_str(&body));
    fprintf(stderr, "weir silence: %s\n", err.text);
    return CLI_USAGE;
}
