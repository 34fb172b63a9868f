/*
 * record.c: asks for the arrivals once a bin (at most once a minute: Weir keeps ten) and writes bins that are
 * whole. SIGINT and SIGTERM are blocked and taken between two calls only, so a line is never cut.
 *
 * The API's seconds count from the boot of Weir's host; a trace has seconds since 1970, by the clock of this
 * host when the recording begins, in steps that do not depend on that clock any more.
 *
 * Another first_second says that another worker answers. What its predecessor counted last is lost with it,
 * and its own first second is not whole: both are a gap. A first_second that goes back is another boot, whose
 * seconds do not continue these; the recording ends.
 */
#include "cli/record.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/percent.h"
#include "base/units.h"
#include "cli/client.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ASK_NS_MAX   (60 * NS_PER_S)
#define RETRY_NS     (5 * NS_PER_S)
#define PATIENCE_NS  (600 * NS_PER_S) /* without an answer; later ones would not know what came in between */
#define INTERVAL_MAX (INT64_C(24) * 3600 * NS_PER_S)

/* ---- from answers to lines ---- */

static int64_t stamp_of(const struct record *r, int64_t second)
{
    return r->epoch_s + second;
}

static void end_bin(struct record *r, struct buf *out)
{
    if (r->is_bin_broken) {
        r->bins_missing++;
    } else {
        buf_printf(out, "%" PRId64 ",%" PRIu64 "\n", stamp_of(r, r->next - r->bin_s), r->bin_requests);
        r->requests += r->bin_requests;
        r->bins++;
    }
    r->bin_requests = 0;
    r->is_bin_broken = false;
}

static void pass_second(struct record *r, struct buf *out)
{
    r->next++;
    if ((r->next - r->start) % r->bin_s == 0)
        end_bin(r, out);
}

static bool is_done(const struct record *r)
{
    return r->length_s > 0 && r->next - r->start >= r->length_s;
}

static void pass_gap(struct record *r, int64_t to, struct buf *out, struct buf *notes)
{
    int64_t from = r->next;
    for (; r->next < to && !is_done(r); pass_second(r, out))
        r->is_bin_broken = true;
    if (r->next > from)
        buf_printf(notes,
                   "nobody counted what came in the %" PRId64 " s from %" PRId64
                   " on; bins with them are left out\n",
                   r->next - from, stamp_of(r, from));
}

static void start(struct record *r, int64_t first_second, int64_t now_second, int64_t wall_s)
{
    r->is_started = true;
    r->first_second = first_second;
    r->start = r->next = MAX(now_second, first_second + 1);
    r->epoch_s = wall_s - now_second;
}

enum record_state record_take(struct record *r, const struct json_value *answer, int64_t wall_s,
                              struct buf *out, struct buf *notes)
{
    const struct json_value *requests = json_value_get(answer, "requests");
    int64_t first = json_value_int(answer, "first_second", -1),
            from = json_value_int(answer, "from_second", -1), count = (int64_t)json_value_count(requests);
    if (first < 0 || from < 0) /* a worker that has just begun */
        return RECORD_ON;
    if (!r->is_started) {
        start(r, first, from + count, wall_s);
        return RECORD_ON;
    }
    if (first < r->first_second)
        return RECORD_CLOCK_RESTARTED;
    pass_gap(r, first > r->first_second ? MAX(from, first + 1) : from, out, notes);
    r->first_second = first;
    for (int64_t i = r->next - from; i < count && !is_done(r); i++, pass_second(r, out))
        r->bin_requests += (uint64_t)json_value_int_at(requests, (size_t)i, 0);
    return is_done(r) ? RECORD_DONE : RECORD_ON;
}

/* ---- the command ---- */

struct recording {
    const struct command_line *line;
    const char *service;
    const char *path; /* NULL: standard output */
    FILE *file;       /* NULL until the first answer: a wrong name costs nobody an older recording */
    struct record record;
    int64_t ask_ns;
    int64_t answered_ns; /* when the last answer came */
    sigset_t stops;
};

static void tell(const struct recording *r, const struct buf *notes)
{
    struct str rest = buf_str(notes), note;
    while (str_split(&rest, '\n', &note))
        if (note.len) /* nothing to tell is one empty part */
            fprintf(stderr, "weir record: %s: %.*s\n", r->service, STR_ARG(note));
}

static const char *name_of(const struct recording *r)
{
    return r->path ? r->path : "standard output";
}

static bool tell_failure(const struct recording *r)
{
    fprintf(stderr, "weir record: writing %s: %s\n", name_of(r), strerror(errno));
    return false;
}

static bool put(const struct recording *r, struct str text)
{
    bool is_written = fwrite(text.ptr ? text.ptr : "", 1, text.len, r->file) == text.len;
    return (is_written && fflush(r->file) == 0) || tell_failure(r);
}

static bool begin(struct recording *r)
{
    r->file = r->path ? fopen(r->path, "we") : stdout;
    if (!r->file)
        return tell_failure(r);
    if (!put(r, STR("t_seconds,requests\n")))
        return false;
    fprintf(stderr, "weir record: %s: arrivals go to %s, a line for each %" PRId64 " s; Ctrl-C ends it\n",
            r->service, name_of(r), r->record.bin_s);
    return true;
}

static bool end(struct recording *r)
{
    const struct record *record = &r->record;
    if (!r->file)
        return true;
    fprintf(stderr, "weir record: %s: %" PRIu64 " requests in %" PRIu64 " lines", r->service,
            record->requests, record->bins);
    if (record->bins_missing)
        fprintf(stderr, "; %" PRIu64 " lines are missing, and weir simulate takes their load as none",
                record->bins_missing);
    fprintf(stderr, "\n");
    return !r->path || fclose(r->file) == 0 || tell_failure(r);
}

/* Asks and writes once. */
static int advance(struct recording *r, enum record_state *ret_state)
{
    struct buf path CLEANUP(buf_fini) = {0}, out CLEANUP(buf_fini) = {0}, notes CLEANUP(buf_fini) = {0};
    struct json_value *answer = NULL;
    bool was_started = r->record.is_started;
    buf_put(&path, STR("/api/v1/services/"));
    percent_put(&path, str_of(r->service));
    buf_printf(&path, "/arrivals?from=%" PRId64, r->record.next);
    int status = client_call(r->line, "GET", path.ptr, STR(""), &answer, NULL);
    if (status != CLI_OK)
        return status;
    r->answered_ns = clock_now_ns();
    *ret_state = record_take(&r->record, answer, clock_wall_ns() / NS_PER_S, &out, &notes);
    json_value_free(answer);
    if (!was_started && r->record.is_started && !begin(r))
        return CLI_FAILED;
    tell(r, &notes);
    if (!r->file)
        return CLI_OK;
    return put(r, buf_str(&out)) ? CLI_OK : CLI_FAILED;
}

/* Sleeps, unless it is to stop. */
static bool waits(const struct recording *r, int64_t ns)
{
    struct timespec time = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    return sigtimedwait(&r->stops, NULL, &time) < 0;
}

static int64_t pause_ns(const struct recording *r, int status)
{
    const struct record *record = &r->record;
    if (status != CLI_OK)
        return RETRY_NS;
    if (!record->is_started || record->length_s == 0)
        return r->ask_ns;
    return MIN(r->ask_ns, MAX((record->start + record->length_s - record->next) * NS_PER_S, NS_PER_S));
}

/* Weir may be away for a while in the middle, not at the beginning. */
static bool is_final(const struct recording *r, int status)
{
    if (status != CLI_UNREACHABLE)
        return status != CLI_OK;
    return !r->record.is_started || clock_now_ns() - r->answered_ns > PATIENCE_NS;
}

static int follow(struct recording *r)
{
    enum record_state state = RECORD_ON;
    bool is_last = false;
    for (;;) {
        int status = advance(r, &state);
        if (is_last)
            return status == CLI_UNREACHABLE ? CLI_OK : status;
        if (is_final(r, status))
            return status;
        if (state == RECORD_DONE)
            return CLI_OK;
        if (state == RECORD_CLOCK_RESTARTED) {
            fprintf(stderr, "weir record: %s: Weir's host was booted anew; the recording ends here\n",
                    r->service);
            return CLI_FAILED;
        }
        is_last = !waits(r, pause_ns(r, status));
    }
}

static bool parse_seconds(const struct command_line *line, const char *option, int64_t *ret_s,
                          struct err *err)
{
    const char *text = command_line_value(line, option), *problem;
    int64_t ns;
    if (!text)
        return true;
    if (!units_parse_duration(str_of(text), &ns, &problem))
        return err_set(err, "%s %s: %s", option, text, problem);
    if (ns < NS_PER_S || ns % NS_PER_S)
        return err_set(err, "%s %s: it must be whole seconds, and one at least", option, text);
    *ret_s = ns / NS_PER_S;
    return true;
}

static bool read_options(const struct command_line *line, struct record *record, struct err *err)
{
    record->bin_s = 1;
    if (!parse_seconds(line, "--interval", &record->bin_s, err) ||
        !parse_seconds(line, "--for", &record->length_s, err))
        return false;
    if (record->bin_s > INTERVAL_MAX / NS_PER_S)
        return err_set(err, "--interval: a day is the longest");
    if (record->length_s % record->bin_s)
        return err_set(err, "--for must be a multiple of --interval (%" PRId64 " s)", record->bin_s);
    return true;
}

int record_show(const struct command_line *line)
{
    const char *path = command_line_value(line, "--output");
    struct recording r = {.line = line, .service = line->operands[0]};
    struct err err;
    if (!read_options(line, &r.record, &err)) {
        fprintf(stderr, "weir record: %s\n", err.text);
        return CLI_USAGE;
    }
    r.path = path && strcmp(path, "-") != 0 ? path : NULL;
    r.ask_ns = MIN(r.record.bin_s * NS_PER_S, ASK_NS_MAX);
    sigemptyset(&r.stops);
    sigaddset(&r.stops, SIGINT);
    sigaddset(&r.stops, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &r.stops, NULL);
    int status = follow(&r);
    return end(&r) ? status : CLI_FAILED;
}
