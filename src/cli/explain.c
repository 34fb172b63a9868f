/*
 * explain.c: one answer of the admin API as a story. First the present: what is seen, what is needed for it,
 * what is wanted and why nothing changes. Then each decision: what was seen at its steps, how the need came
 * together, which bound held it, and what came of it.
 *
 * The sentences that need to know the policy (why, held_by) come from the API, so that there is one place
 * that words them; here they are only laid out. Parts that an older or newer Weir does not tell are left out.
 */
#include "cli/explain.h"

#include "base/percent.h"
#include "base/str.h"
#include "cli/client.h"
#include "cli/terminal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define RED   "\033[1;31m"
#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

struct page {
    struct buf *out;
    bool has_colour;
};

/* ---- words ---- */

static int64_t count_of(const struct json_value *object, const char *key)
{
    return json_value_int(object, key, 0);
}

static double number_of(const struct json_value *object, const char *key)
{
    return json_value_double(object, key, 0);
}

/* False for null as well: it did not happen, or nobody knows. */
static bool is_told(const struct json_value *object, const char *key)
{
    return json_value_is_number(json_value_get(object, key));
}

static void put_time(struct page *p, double seconds)
{
    if (seconds <= 0)
        buf_put(p->out, STR("0 s"));
    else if (seconds < 1)
        buf_printf(p->out, "%.*f ms", seconds < 0.01 ? 1 : 0, seconds * 1e3);
    else if (seconds < 120)
        buf_printf(p->out, "%.1f s", seconds);
    else if (seconds < 7200)
        buf_printf(p->out, "%.0f min", seconds / 60);
    else
        buf_printf(p->out, "%.1f h", seconds / 3600);
}

/* "3 servers": the number, one word, and its plural's s. */
static void put_count(struct page *p, int64_t count, const char *word)
{
    buf_printf(p->out, "%" PRId64 " %s%s", count, word, count == 1 ? "" : "s");
}

static void put_in(struct page *p, const char *colour, const char *text)
{
    bool is_coloured = p->has_colour && colour[0];
    buf_put(p->out, is_coloured ? str_of(colour) : STR(""));
    terminal_put(p->out, text);
    buf_put(p->out, is_coloured ? STR(PLAIN) : STR(""));
}

static void put_line_start(struct page *p, const char *label)
{
    buf_printf(p->out, "  %-8s ", label);
}

/* ---- what both the present and a step tell ---- */

static void put_seen(struct page *p, const struct json_value *seen, double quantile)
{
    int64_t queued = count_of(seen, "queued"), available = count_of(seen, "available");
    put_line_start(p, "seen");
    buf_printf(p->out, "%.1f requests/s, %" PRId64 " in flight, %" PRId64 " waiting",
               number_of(seen, "requests_per_second"), count_of(seen, "in_flight"), queued);
    if (queued > 0) {
        buf_put(p->out, STR(", the oldest for "));
        put_time(p, number_of(seen, "queue_age_seconds"));
    }
    if (is_told(seen, "latency_seconds")) {
        buf_printf(p->out, "; p%g ", quantile * 100);
        put_time(p, number_of(seen, "latency_seconds"));
    }
    buf_put(p->out, STR("; "));
    put_count(p, available, "server");
    buf_printf(p->out, " %s requests\n", available == 1 ? "takes" : "take");
}

/* To the end of the line. */
static void put_backlog(struct page *p, const struct json_value *decision)
{
    if (number_of(decision, "waiting") > 0) {
        buf_printf(p->out, "; backlog: %.0f waiting, to be gone in ", number_of(decision, "waiting"));
        put_time(p, number_of(decision, "clear_seconds"));
    }
    buf_put_char(p->out, '\n');
}

/* What the parts of the sum were computed from. */
static void put_grounds(struct page *p, const struct json_value *decision)
{
    const char *decided_by = json_value_text(decision, "decided_by", "work");
    const struct json_value *target = json_value_get(json_value_get(decision, "targets"), decided_by);
    put_line_start(p, "");
    if (json_value_is_object(target)) {
        buf_put(p->out, STR("base: the target `"));
        terminal_put(p->out, decided_by);
        buf_printf(p->out, "`: %.2f seen, of which one server should have %.4g", number_of(target, "seen"),
                   number_of(target, "per_server"));
        put_backlog(p, decision);
        return;
    }
    buf_printf(p->out, "base: %.1f requests in flight, of which one server carries %.1f (",
               number_of(decision, "work"), number_of(decision, "capacity"));
    terminal_put(p->out, json_value_text(decision, "capacity_source", "?"));
    buf_put(p->out, STR(")"));
    put_backlog(p, decision);
}

static void put_need(struct page *p, const struct json_value *decision)
{
    double base = number_of(decision, "base"), forecast = number_of(decision, "forecast");
    double burst = number_of(decision, "burst"), backlog = number_of(decision, "backlog");
    double need = base + forecast + burst + backlog;
    put_line_start(p, "needed");
    if (need <= 0) {
        buf_put(p->out, STR("no server: there is nothing to do\n"));
        return;
    }
    put_count(p, count_of(decision, "needed"), "server");
    buf_printf(p->out, ": %.2f = %.2f base + %.2f forecast + %.2f burst + %.2f backlog\n", need, base,
               forecast, burst, backlog);
    put_grounds(p, decision);
}

/* ---- the present ---- */

static void put_heading(struct page *p, const struct json_value *answer)
{
    const struct json_value *service = json_value_get(answer, "service"),
                            *scale = json_value_get(service, "scale"),
                            *objective = json_value_get(answer, "objective");
    put_in(p, BOLD, json_value_text(service, "name", "?"));
    if (is_told(scale, "target")) {
        buf_put(p->out, STR(": "));
        put_count(p, count_of(scale, "target"), "server");
        buf_printf(p->out, " wanted%s, of %" PRId64 "..%" PRId64, is_told(scale, "manual") ? " by hand" : "",
                   count_of(scale, "servers_min"), count_of(scale, "servers_max"));
    }
    if (is_told(objective, "seconds")) {
        buf_printf(p->out, "; objective: p%g within ", number_of(objective, "quantile") * 100);
        put_time(p, number_of(objective, "seconds"));
    }
    buf_put_char(p->out, '\n');
}

static void put_restored(struct page *p, const struct json_value *restored)
{
    if (!json_value_is_object(restored))
        return;
    put_line_start(p, "learned");
    buf_put(p->out, STR("also before the restart "));
    put_time(p, number_of(restored, "ago_seconds"));
    buf_put(p->out, STR(" ago, up to "));
    put_time(p, number_of(restored, "age_seconds"));
    buf_put(p->out, STR(" before that\n"));
}

/* From cold only where both kinds were seen: else nothing is known of a difference. */
static void put_start_times(struct page *p, const struct json_value *scale)
{
    const struct json_value *starts = json_value_get(scale, "start_seconds"),
                            *cold = json_value_get(starts, "cold"), *warm = json_value_get(starts, "warm");
    bool is_told_apart = count_of(cold, "count") > 0 && count_of(warm, "count") > 0;
    if (count_of(starts, "count") == 0)
        return;
    put_line_start(p, "starts");
    buf_put(p->out, STR("a server takes "));
    put_time(p, number_of(is_told_apart ? warm : starts, "median"));
    buf_put(p->out, STR(" to start"));
    if (is_told_apart) {
        buf_put(p->out, STR(", "));
        put_time(p, number_of(cold, "median"));
        buf_put(p->out, STR(" from cold"));
    }
    buf_put_char(p->out, '\n');
}

/* Where its servers are discovered, and how that stands. */
static void put_found(struct page *p, const struct json_value *discovery)
{
    if (!json_value_is_object(discovery))
        return;
    put_line_start(p, "found");
    put_count(p, count_of(discovery, "servers"), "server");
    buf_put(p->out, STR(" in "));
    terminal_put(p->out, json_value_text(discovery, "place", "?"));
    if (is_told(discovery, "age_seconds")) {
        buf_put(p->out, STR(", as was said "));
        put_time(p, number_of(discovery, "age_seconds"));
        buf_put(p->out, STR(" ago; the same for "));
        put_time(p, number_of(discovery, "unchanged_seconds"));
    }
    if (count_of(discovery, "left_out") > 0)
        buf_printf(p->out, "; %" PRId64 " more are left out (max)", count_of(discovery, "left_out"));
    buf_put_char(p->out, '\n');
    if (!is_told(discovery, "failing_seconds"))
        return;
    put_line_start(p, "");
    put_in(p, RED, "failing");
    buf_put(p->out, STR(" for "));
    put_time(p, number_of(discovery, "failing_seconds"));
    buf_put(p->out, STR(": "));
    terminal_put(p->out, json_value_text(discovery, "last_error", "?"));
    buf_put_char(p->out, '\n');
}

static void put_present(struct page *p, const struct json_value *answer)
{
    const struct json_value *seen = json_value_get(answer, "seen"),
                            *scale = json_value_get(json_value_get(answer, "service"), "scale"),
                            *decision = json_value_get(scale, "now");
    put_heading(p, answer);
    put_seen(p, seen, json_value_double(seen, "latency_quantile", 0.99));
    put_found(p, json_value_get(json_value_get(answer, "service"), "discovery"));
    if (json_value_is_object(decision))
        put_need(p, decision);
    put_line_start(p, "wanted");
    if (json_value_is_object(decision)) {
        put_count(p, count_of(decision, "target"), "server");
        buf_put(p->out, STR(": "));
    }
    terminal_put(p->out, json_value_text(answer, "why", "nobody says why"));
    if (is_told(answer, "unchanged_seconds")) {
        buf_put(p->out, STR("; unchanged for "));
        put_time(p, number_of(answer, "unchanged_seconds"));
    }
    buf_put_char(p->out, '\n');
    put_start_times(p, scale);
    put_restored(p, json_value_get(answer, "restored"));
}

/* ---- a decision ---- */

static void put_decided(struct page *p, const struct json_value *step)
{
    const struct json_value *decision = json_value_get(step, "decision");
    const char *held_by = json_value_text(step, "held_by", NULL);
    int64_t there = count_of(decision, "servers"), starting = count_of(decision, "starting");
    put_line_start(p, "decided");
    buf_printf(p->out, "%" PRId64 " -> ", count_of(decision, "target_before"));
    put_count(p, count_of(decision, "target"), "server");
    buf_printf(p->out, "; %" PRId64 " %s there", there, there == 1 ? "was" : "were");
    if (starting > 0)
        buf_printf(p->out, ", %" PRId64 " of them starting", starting);
    if (held_by) {
        buf_put(p->out, STR("; held by "));
        terminal_put(p->out, held_by);
    }
    buf_put_char(p->out, '\n');
}

static void put_step(struct page *p, const struct json_value *step, double quantile)
{
    double after_seconds = number_of(step, "after_seconds");
    buf_put(p->out, after_seconds > 0 ? STR("- after ") : STR("- at once"));
    if (after_seconds > 0)
        put_time(p, after_seconds);
    buf_put(p->out, STR(":\n"));
    put_seen(p, json_value_get(step, "seen"), quantile);
    put_need(p, json_value_get(step, "decision"));
    put_decided(p, step);
}

static void put_steps(struct page *p, const struct json_value *episode, double quantile)
{
    const struct json_value *steps = json_value_get(episode, "steps");
    size_t count = json_value_count(steps);
    int64_t untold = count_of(episode, "changes") - (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && i + 1 == count && untold > 0)
            buf_printf(p->out, "- %" PRId64 " more steps, not told here\n", untold);
        put_step(p, json_value_at(steps, i), quantile);
    }
}

/* Each part of what came of it is a line of its own; the first has the label. */
static void put_outcome_start(struct page *p, bool *is_first)
{
    put_line_start(p, *is_first ? "outcome" : "");
    *is_first = false;
}

static void put_starts(struct page *p, const struct json_value *o, bool *is_first)
{
    if (count_of(o, "asked_for") == 0 && count_of(o, "ready") == 0)
        return;
    put_outcome_start(p, is_first);
    put_count(p, count_of(o, "asked_for"), "server");
    buf_printf(p->out, " asked for, %" PRId64 " ready", count_of(o, "ready"));
    if (is_told(o, "first_ready_seconds")) {
        buf_put(p->out, STR(", the first after "));
        put_time(p, number_of(o, "first_ready_seconds"));
    }
    if (is_told(o, "first_start_seconds") && is_told(o, "start_median_seconds")) {
        buf_put(p->out, STR(" (it took "));
        put_time(p, number_of(o, "first_start_seconds"));
        buf_put(p->out, STR(" to start; half of those before took less than "));
        put_time(p, number_of(o, "start_median_seconds"));
        buf_put_char(p->out, ')');
    }
    if (count_of(o, "ready") > 1) {
        buf_put(p->out, STR(", the last after "));
        put_time(p, number_of(o, "last_ready_seconds"));
    }
    buf_put_char(p->out, '\n');
}

static void put_ends(struct page *p, const struct json_value *o, bool *is_first)
{
    static const struct {
        const char *key, *words;
    } rows[] = {
        {"taken_back", "taken back from draining"},
        {"called_off", "called off before ready"},
        {"drained", "drained"},
        {"gone", "gone"},
    };
    bool is_any = false;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t count = count_of(o, rows[i].key);
        if (count == 0)
            continue;
        if (!is_any)
            put_outcome_start(p, is_first);
        buf_put(p->out, is_any ? STR(", ") : STR(""));
        put_count(p, count, "server");
        buf_printf(p->out, " %s", rows[i].words);
        is_any = true;
    }
    if (is_any && is_told(o, "last_gone_seconds")) {
        buf_put(p->out, STR(", the last after "));
        put_time(p, number_of(o, "last_gone_seconds"));
    }
    buf_put(p->out, is_any ? STR("\n") : STR(""));
}

static void put_failures(struct page *p, const struct json_value *o, bool *is_first)
{
    int64_t failures = count_of(o, "start_failures"), deaths = count_of(o, "deaths");
    char text[80];
    if (failures == 0 && deaths == 0)
        return;
    put_outcome_start(p, is_first);
    snprintf(text, sizeof(text), "%" PRId64 " failed to start, %" PRId64 " died", failures, deaths);
    put_in(p, RED, text);
    buf_put(p->out, STR(": "));
    terminal_put(p->out, json_value_text(o, "failure", "nobody says why"));
    buf_put_char(p->out, '\n');
}

static void put_queue(struct page *p, const struct json_value *o, bool *is_first)
{
    int64_t queued = count_of(o, "queued_most");
    double wait_seconds = number_of(o, "longest_wait_seconds");
    put_outcome_start(p, is_first);
    if (queued == 0 && wait_seconds <= 0) {
        buf_put(p->out, STR("no request waited\n"));
        return;
    }
    buf_put(p->out, STR("up to "));
    put_count(p, MAX(queued, 1), "request");
    buf_put(p->out, STR(" waited at once, the longest for "));
    put_time(p, wait_seconds);
    if (is_told(o, "queue_empty_seconds")) {
        buf_put(p->out, STR("; nothing waited any more after "));
        put_time(p, number_of(o, "queue_empty_seconds"));
    }
    buf_put_char(p->out, '\n');
}

static void put_requests(struct page *p, const struct json_value *o, bool has_objective, bool *is_first)
{
    int64_t refused = count_of(o, "refused"), aborted = count_of(o, "aborted");
    char text[64];
    put_outcome_start(p, is_first);
    put_count(p, count_of(o, "answered"), "request");
    buf_put(p->out, STR(" answered meanwhile"));
    if (has_objective && count_of(o, "answered") > 0)
        buf_printf(p->out, ", %" PRId64 " of them over the objective", count_of(o, "over_objective"));
    snprintf(text, sizeof(text), "%" PRId64 " refused", refused);
    buf_put(p->out, STR(", "));
    put_in(p, refused > 0 ? RED : "", text);
    if (aborted > 0)
        buf_printf(p->out, ", %" PRId64 " left by their clients", aborted);
    buf_put_char(p->out, '\n');
}

static void put_end(struct page *p, const struct json_value *episode, bool *is_first)
{
    put_outcome_start(p, is_first);
    if (is_told(episode, "settled_seconds")) {
        buf_put(p->out, STR("all was as wanted after "));
        put_time(p, number_of(episode, "settled_seconds"));
        buf_put_char(p->out, '\n');
    } else if (json_value_bool(episode, "overtaken", false)) {
        buf_put(p->out, STR("the next decision, the other way, came before all was as wanted\n"));
    } else {
        buf_put(p->out, STR("it goes on: what is wanted is not there yet, or requests wait\n"));
    }
}

static void put_outcome(struct page *p, const struct json_value *episode, bool has_objective)
{
    const struct json_value *o = json_value_get(episode, "outcome");
    bool is_first = true;
    put_starts(p, o, &is_first);
    put_ends(p, o, &is_first);
    put_failures(p, o, &is_first);
    put_queue(p, o, &is_first);
    put_requests(p, o, has_objective, &is_first);
    put_end(p, episode, &is_first);
}

static void put_title(struct page *p, const struct json_value *episode)
{
    char text[96];
    bool is_up = strcmp(json_value_text(episode, "direction", ""), "up") == 0;
    int64_t changes = count_of(episode, "changes");
    snprintf(text, sizeof(text), "%s servers: %" PRId64 " -> %" PRId64, is_up ? "more" : "fewer",
             count_of(episode, "target_before"), count_of(episode, "target"));
    buf_put_char(p->out, '\n');
    put_in(p, BOLD, text);
    if (json_value_bool(episode, "by_hand", false))
        buf_put(p->out, STR(" by hand"));
    if (changes > 1)
        buf_printf(p->out, " in %" PRId64 " steps", changes);
    buf_put(p->out, STR(", "));
    put_time(p, number_of(episode, "ago_seconds"));
    buf_put(p->out, STR(" ago ("));
    terminal_put(p->out, json_value_text(episode, "time", "?"));
    buf_put(p->out, STR(")\n"));
}

void explain_format(const struct json_value *answer, bool has_colour, struct buf *out)
{
    struct page p = {.out = out, .has_colour = has_colour};
    const struct json_value *episodes = json_value_get(answer, "episodes");
    double quantile = json_value_double(json_value_get(answer, "seen"), "latency_quantile", 0.99);
    bool has_objective = json_value_is_object(json_value_get(answer, "objective"));
    put_present(&p, answer);
    for (size_t i = 0; i < json_value_count(episodes); i++) {
        const struct json_value *episode = json_value_at(episodes, i);
        put_title(&p, episode);
        put_steps(&p, episode, quantile);
        put_outcome(&p, episode, has_objective);
    }
}

/* ---- the command ---- */

int explain_show(const struct command_line *line)
{
    struct json_value *answer = NULL;
    struct buf path CLEANUP(buf_fini) = {0}, text CLEANUP(buf_fini) = {0}, out CLEANUP(buf_fini) = {0};
    const char *last = command_line_value(line, "--last");
    uint64_t count;
    if (last && !str_parse_u64(str_of(last), &count)) {
        fprintf(stderr, "weir explain: --last %s is not a number\n", last);
        return CLI_USAGE;
    }
    buf_put(&path, STR("/api/v1/services/"));
    percent_put(&path, str_of(line->operands[0]));
    buf_put(&path, STR("/explain"));
    if (last)
        buf_printf(&path, "?last=%" PRIu64, count);
    int status = client_call(line, "GET", path.ptr, STR(""), &answer, &text);
    if (status != CLI_OK)
        return status;
    if (command_line_value(line, "--json"))
        buf_printf(&out, "%s\n", text.ptr);
    else
        explain_format(answer, terminal_has_colour(STDOUT_FILENO), &out);
    json_value_free(answer);
    bool is_written = fwrite(out.ptr, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    return is_written ? CLI_OK : CLI_FAILED;
}
