/*
 * Line by line, so that a log of any size can be read from a pipe. The first line that is not empty tells the
 * format: `{` begins JSON, a `[` the combined format, anything else is CSV.
 *
 * A wrong line is an error, not a guess: load that is counted wrongly would be believed.
 */
#include "scale/simulate/trace.h"

#include "base/civil.h"
#include "base/mem.h"
#include "scale/simulate/log_time.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum format { FORMAT_UNKNOWN, FORMAT_CSV, FORMAT_COMBINED, FORMAT_JSON };

struct reader {
    enum format format;
    const char *name;
    uint64_t line;

    /* CSV: all rows, since the width is known only at the end. */
    size_t row_count, row_capacity;
    double *stamps, *numbers;
    uint64_t *lines; /* of each row: for messages */

    /* Logs: one bin a second, from first_s on. */
    int64_t first_s;
    size_t bin_count, bin_capacity;
    double *bins;
};

void trace_fini(struct trace *t)
{
    free(t->requests);
    *t = (struct trace){0};
}

static void reader_fini(struct reader *r)
{
    free(r->stamps);
    free(r->numbers);
    free(r->lines);
    free(r->bins);
}

/* ---- CSV ---- */

static bool parse_number(struct str text, double *ret_number)
{
    char copy[64], *end;
    text = str_trim(text);
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    (void)str_copy(copy, sizeof(copy), text);
    double number = strtod(copy, &end);
    if (*end || !isfinite(number))
        return false;
    *ret_number = number;
    return true;
}

static void put_row(struct reader *r, double stamp, double number)
{
    if (r->row_count == r->row_capacity) {
        r->row_capacity = r->row_capacity ? 2 * r->row_capacity : 4096;
        r->stamps = mem_realloc(r->stamps, r->row_capacity * sizeof(double));
        r->numbers = mem_realloc(r->numbers, r->row_capacity * sizeof(double));
        r->lines = mem_realloc(r->lines, r->row_capacity * sizeof(uint64_t));
    }
    r->stamps[r->row_count] = stamp;
    r->lines[r->row_count] = r->line;
    r->numbers[r->row_count++] = number;
}

static bool is_header(struct str line)
{
    return line.len > 0 && ascii_is_letter(line.ptr[0]);
}

static bool read_row(struct reader *r, struct str line, struct err *err)
{
    double stamp, number;
    struct str rest = line, first;
    if (r->line == 1 && is_header(line))
        return true;
    if (!str_split(&rest, ',', &first) || !parse_number(first, &stamp) || !parse_number(rest, &number))
        return err_set(err, "it is not `t_seconds,requests`: two numbers with a comma between them");
    if (number < 0)
        return err_set(err, "%g requests: a number of requests is not negative", number);
    if (number > TRACE_REQUESTS_MAX)
        return err_set(err, "%g requests in one bin; the limit is %g", number, TRACE_REQUESTS_MAX);
    if (fabs(stamp) > TRACE_STAMP_MAX)
        return err_set(err, "the stamp %g is no number of seconds; the limit is %g", stamp, TRACE_STAMP_MAX);
    if (r->row_count && stamp <= r->stamps[r->row_count - 1])
        return err_set(err, "the stamp %.15g does not come after the one before, %.15g", stamp,
                       r->stamps[r->row_count - 1]);
    if (r->row_count >= TRACE_BINS_MAX)
        return err_set(err, "more than %d lines", TRACE_BINS_MAX);
    put_row(r, stamp, number);
    return true;
}

static bool end_csv(struct reader *r, struct trace *ret_trace, struct err *err)
{
    if (r->row_count < 2)
        return err_set(err, "%s: %zu lines with numbers; two are needed to tell the width of a bin", r->name,
                       r->row_count);
    double width = r->stamps[1] - r->stamps[0];
    for (size_t i = 1; i < r->row_count; i++)
        width = fmin(width, r->stamps[i] - r->stamps[i - 1]);
    double bins = round((r->stamps[r->row_count - 1] - r->stamps[0]) / width) + 1;
    if (bins > TRACE_BINS_MAX)
        return err_set(err, "%s: %.0f bins of %gs; the limit is %d", r->name, bins, width, TRACE_BINS_MAX);
    if (bins * width > TRACE_SECONDS_MAX)
        return err_set(err, "%s: it is %.3g days long; the limit is %.0f", r->name,
                       bins * width / (double)CIVIL_DAY_S, TRACE_SECONDS_MAX / (double)CIVIL_DAY_S);
    struct trace t = {.start_s = r->stamps[0], .bin_s = width, .bin_count = (size_t)bins};
    t.requests = NEW_ARRAY(double, t.bin_count);
    for (size_t i = 0; i < r->row_count; i++) {
        double at = (r->stamps[i] - r->stamps[0]) / width;
        if (fabs(at - round(at)) > 0.01) {
            trace_fini(&t);
            return err_set(
                err, "%s:%llu: the stamp %.15g is not a multiple of the bin width, %gs, after the first",
                r->name, (unsigned long long)r->lines[i], r->stamps[i], width);
        }
        t.requests[(size_t)round(at)] += r->numbers[i];
    }
    *ret_trace = t;
    return true;
}

/* ---- logs ---- */

/* Makes room for the second; a log's lines come nearly in order, so moving is rare. */
static bool reach_second(struct reader *r, int64_t second, struct err *err)
{
    if (r->bin_count == 0)
        r->first_s = second;
    int64_t before = second < r->first_s ? r->first_s - second : 0;
    int64_t after = second - r->first_s + 1 - (int64_t)r->bin_count;
    int64_t count = (int64_t)r->bin_count + before + (after > 0 ? after : 0);
    if (count > TRACE_BINS_MAX)
        return err_set(err, "its time is more than %d seconds away from the others", TRACE_BINS_MAX);
    if ((size_t)count > r->bin_capacity) {
        r->bin_capacity = (size_t)count + (size_t)count / 2 + 3600;
        r->bins = mem_realloc(r->bins, r->bin_capacity * sizeof(double));
    }
    if (before > 0)
        memmove(r->bins + before, r->bins, r->bin_count * sizeof(double));
    for (int64_t i = 0; i < before; i++)
        r->bins[i] = 0;
    for (int64_t i = (int64_t)r->bin_count + before; i < count; i++)
        r->bins[i] = 0;
    r->first_s -= before;
    r->bin_count = (size_t)count;
    return true;
}

static bool read_log_line(struct reader *r, struct str line, struct err *err)
{
    int64_t second = 0;
    bool is_json = r->format == FORMAT_JSON;
    if (is_json ? !log_time_of_json(line, &second, err) : !log_time_of_combined(line, &second, err))
        return false;
    if (!reach_second(r, second, err))
        return false;
    r->bins[second - r->first_s]++;
    return true;
}

static bool end_log(struct reader *r, struct trace *ret_trace, struct err *err)
{
    *ret_trace = (struct trace){
        .start_s = (double)r->first_s, .bin_s = 1, .bin_count = r->bin_count, .requests = r->bins};
    r->bins = NULL;
    return true;
}

/* ---- both ---- */

static enum format format_of(struct str line)
{
    size_t at;
    if (line.ptr[0] == '{')
        return FORMAT_JSON;
    return str_find(line, '[', &at) ? FORMAT_COMBINED : FORMAT_CSV;
}

/* What a file begins with that has to be unpacked first, and what does that. */
static const char *unpacker_of(struct str line)
{
    static const char *const known[][2] = {
        {"\x1f\x8b", "zcat"}, {"\x28\xb5\x2f\xfd", "zstdcat"}, {"\xfd\x37zXZ", "xzcat"}, {"BZh", "bzcat"}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_starts_with(line, str_of(known[i][0])))
            return known[i][1];
    return NULL;
}

/* Of the first line: the mark that some programs begin a text in UTF-8 with is no part of it. */
static bool open_text(struct str *line, struct err *err)
{
    static const char mark[] = "\xef\xbb\xbf";
    const char *unpacker = unpacker_of(*line);
    if (unpacker)
        return err_set(err, "it is compressed: `%s FILE | weir simulate --trace -`", unpacker);
    if (str_starts_with(*line, str_of(mark)))
        *line = str_n(line->ptr + strlen(mark), line->len - strlen(mark));
    return true;
}

static bool read_line(struct reader *r, struct str line, struct err *err)
{
    if (r->line == 1 && !open_text(&line, err))
        return false;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    line = str_trim(line);
    if (line.len == 0)
        return true;
    if (line.len > TRACE_LINE_BYTES_MAX)
        return err_set(err, "the line is longer than %d bytes", TRACE_LINE_BYTES_MAX);
    if (r->format == FORMAT_UNKNOWN)
        r->format = format_of(line);
    return r->format == FORMAT_CSV ? read_row(r, line, err) : read_log_line(r, line, err);
}

/* Up to the newline, without it, and no more than one byte beyond the limit: what comes may never end. False
 * when nothing is left. */
static bool take_line(FILE *in, char bytes[TRACE_LINE_BYTES_MAX + 1], struct str *ret_line)
{
    size_t n = 0;
    int c = EOF;
    while (n <= TRACE_LINE_BYTES_MAX && (c = getc_unlocked(in)) != EOF && c != '\n')
        bytes[n++] = (char)c;
    *ret_line = str_n(bytes, n);
    return n > 0 || c == '\n';
}

static bool read_lines(struct reader *r, FILE *in, struct err *err)
{
    char *bytes = mem_alloc(TRACE_LINE_BYTES_MAX + 1);
    struct str line;
    bool ok = true;
    while (ok && take_line(in, bytes, &line)) {
        r->line++;
        ok = read_line(r, line, err) || err_wrap(err, "%s:%llu", r->name, (unsigned long long)r->line);
    }
    free(bytes);
    if (ok && ferror(in))
        return err_set_errno(err, errno, "%s: reading it", r->name);
    return ok;
}

static bool end_reading(struct reader *r, struct trace *ret_trace, struct err *err)
{
    if (r->format == FORMAT_UNKNOWN)
        return err_set(err, "%s: it is empty", r->name);
    return r->format == FORMAT_CSV ? end_csv(r, ret_trace, err) : end_log(r, ret_trace, err);
}

bool trace_read(FILE *in, const char *name, struct trace *ret_trace, struct err *err)
{
    struct reader r = {.name = name};
    bool ok = read_lines(&r, in, err) && end_reading(&r, ret_trace, err);
    reader_fini(&r);
    return ok;
}

bool trace_load(const char *path, struct trace *ret_trace, struct err *err)
{
    if (strcmp(path, "-") == 0)
        return trace_read(stdin, "standard input", ret_trace, err);
    FILE *in = fopen(path, "re");
    if (!in)
        return err_set_errno(err, errno, "%s: opening it", path);
    bool ok = trace_read(in, path, ret_trace, err);
    fclose(in);
    return ok;
}
