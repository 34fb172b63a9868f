/*
 * Numbers are written so that they are read as the same again: doubles with 15 digits where these do, else
 * with 17. All kinds of fields go through put_row/take_row; they differ in how one value is written and read.
 *
 * Rejected: the structs' bytes (nobody can read them, and a field that is added shifts all others without a
 * word); a table of offsets (arrays of structs and what must fit together need code anyway).
 */
#include "scale/keep.h"

#include "base/macros.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_BYTES = 40 };
#define AGE_NS_MAX INT64_C(315576000000000000) /* ten years */

struct keep keep_writing(struct buf *out, int64_t now_ns)
{
    return (struct keep){.out = out, .section = "", .now_ns = now_ns, .digest = UINT64_C(0xcbf29ce484222325)};
}

struct keep keep_reading(struct str text)
{
    return (struct keep){.rest = text, .section = ""};
}

static bool refuse(struct keep *k, const char *name, const char *problem)
{
    if (!k->is_bad)
        (void)err_set(&k->err, "%s%s%s%s%s", k->section, k->section[0] && name[0] ? "." : "", name,
                      k->section[0] || name[0] ? ": " : "", problem);
    k->is_bad = true;
    return false;
}

void keep_refuse(struct keep *k, const char *problem)
{
    refuse(k, "", problem);
}

bool keep_is_complete(struct keep *k)
{
    if (!k->is_bad && k->rest.len)
        refuse(k, "", "there is more than expected");
    return !k->is_bad;
}

static void digest(struct keep *k, const char *text)
{
    for (; *text; text++)
        k->digest = (k->digest ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    k->digest = (k->digest ^ ' ') * UINT64_C(0x100000001b3);
}

/* ---- one value ---- */

struct kind {
    double min, max;          /* of doubles */
    int64_t int_min, int_max; /* of whole numbers */
    bool is_time;
    void (*format)(char out[NUMBER_BYTES], const void *value);
    const char *(*parse)(const struct kind *kind, const char *text, void *value); /* NULL: fine */
};

static const char not_a_number[] = "not a number", out_of_range[] = "out of its range";

/* Most are 0: levels that no server was ever at. */
static void format_double(char out[NUMBER_BYTES], const void *value)
{
    double number = *(const double *)value;
    if (number == 0) {
        str_copy(out, NUMBER_BYTES, STR("0"));
        return;
    }
    snprintf(out, NUMBER_BYTES, "%.15g", number);
    if (strtod(out, NULL) != number)
        snprintf(out, NUMBER_BYTES, "%.17g", number);
}

static const char *parse_double(const struct kind *kind, const char *text, void *value)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end)
        return not_a_number;
    if (!isfinite(number) || number < kind->min || number > kind->max)
        return out_of_range;
    *(double *)value = number;
    return NULL;
}

static const char *parse_int(const struct kind *kind, const char *text, int64_t *ret_number)
{
    char *end;
    errno = 0;
    *ret_number = strtoll(text, &end, 10);
    if (end == text || *end)
        return not_a_number;
    return errno || *ret_number < kind->int_min || *ret_number > kind->int_max ? out_of_range : NULL;
}

static void format_i64(char out[NUMBER_BYTES], const void *value)
{
    snprintf(out, NUMBER_BYTES, "%" PRId64, *(const int64_t *)value);
}

static const char *parse_i64(const struct kind *kind, const char *text, void *value)
{
    int64_t number;
    const char *problem = parse_int(kind, text, &number);
    if (!problem)
        *(int64_t *)value = number;
    return problem;
}

static void format_u32(char out[NUMBER_BYTES], const void *value)
{
    if (*(const uint32_t *)value == 0) {
        str_copy(out, NUMBER_BYTES, STR("0"));
        return;
    }
    snprintf(out, NUMBER_BYTES, "%" PRIu32, *(const uint32_t *)value);
}

static const char *parse_u32(const struct kind *kind, const char *text, void *value)
{
    int64_t number;
    const char *problem = parse_int(kind, text, &number);
    if (!problem)
        *(uint32_t *)value = (uint32_t)number;
    return problem;
}

static void format_bool(char out[NUMBER_BYTES], const void *value)
{
    snprintf(out, NUMBER_BYTES, "%d", *(const bool *)value);
}

static const char *parse_bool(const struct kind *kind, const char *text, void *value)
{
    int64_t number;
    const char *problem = parse_int(kind, text, &number);
    if (!problem)
        *(bool *)value = number != 0;
    return problem;
}

static void format_u64(char out[NUMBER_BYTES], const void *value)
{
    snprintf(out, NUMBER_BYTES, "%" PRIx64, *(const uint64_t *)value);
}

static const char *parse_u64(const struct kind *kind, const char *text, void *value)
{
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 16);
    if (end == text || *end || errno)
        return not_a_number;
    *(uint64_t *)value = number;
    return NULL;
}

/* ---- one line ---- */

static void put_row(struct keep *k, const char *name, const struct kind *kind, const void *first,
                    size_t count, size_t stride)
{
    char text[NUMBER_BYTES];
    buf_printf(k->out, "%s%s%s", k->section, k->section[0] ? "." : "", name);
    for (size_t i = 0; i < count; i++) {
        kind->format(text, (const char *)first + i * stride);
        buf_put_char(k->out, ' ');
        buf_put(k->out, str_of(text));
        digest(k, kind->is_time ? (strcmp(text, "-") == 0 ? "-" : "+") : text);
    }
    buf_put_char(k->out, '\n');
}

static bool take_name(struct keep *k, const char *name, struct str *line)
{
    struct str word, section;
    if (k->rest.len == 0 || !str_split(&k->rest, '\n', line) || !str_split(line, ' ', &word))
        return refuse(k, name, "missing");
    if (k->section[0] && (!str_split(&word, '.', &section) || !str_eq(section, str_of(k->section))))
        return refuse(k, name, "missing");
    return str_eq(word, str_of(name)) || refuse(k, name, "missing");
}

static void take_row(struct keep *k, const char *name, const struct kind *kind, void *first, size_t count,
                     size_t stride)
{
    char text[NUMBER_BYTES];
    struct str line, word;
    if (k->is_bad || !take_name(k, name, &line))
        return;
    for (size_t i = 0; i < count; i++) {
        if (line.len == 0 || !str_split(&line, ' ', &word) || word.len >= sizeof(text)) {
            refuse(k, name, "fewer values than expected");
            return;
        }
        str_copy(text, sizeof(text), word);
        const char *problem = kind->parse(kind, text, (char *)first + i * stride);
        if (problem) {
            refuse(k, name, problem);
            return;
        }
    }
    if (line.len)
        refuse(k, name, "more values than expected");
}

static void visit(struct keep *k, const char *name, const struct kind *kind, void *first, size_t count,
                  size_t stride)
{
    if (keep_is_reading(k))
        take_row(k, name, kind, first, count, stride);
    else
        put_row(k, name, kind, first, count, stride);
}

/* ---- the kinds of fields ---- */

void keep_bool(struct keep *k, const char *name, bool *value)
{
    struct kind kind = {.format = format_bool, .parse = parse_bool, .int_max = 1};
    visit(k, name, &kind, value, 1, sizeof(*value));
}

void keep_u32s(struct keep *k, const char *name, uint32_t *values, size_t count, uint32_t min, uint32_t max)
{
    struct kind kind = {.format = format_u32, .parse = parse_u32, .int_min = min, .int_max = max};
    visit(k, name, &kind, values, count, sizeof(*values));
}

void keep_u32(struct keep *k, const char *name, uint32_t *value, uint32_t min, uint32_t max)
{
    keep_u32s(k, name, value, 1, min, max);
}

void keep_i64s(struct keep *k, const char *name, int64_t *values, size_t count, int64_t min, int64_t max)
{
    struct kind kind = {.format = format_i64, .parse = parse_i64, .int_min = min, .int_max = max};
    visit(k, name, &kind, values, count, sizeof(*values));
}

void keep_i64(struct keep *k, const char *name, int64_t *value, int64_t min, int64_t max)
{
    keep_i64s(k, name, value, 1, min, max);
}

void keep_u64(struct keep *k, const char *name, uint64_t *value)
{
    struct kind kind = {.format = format_u64, .parse = parse_u64};
    visit(k, name, &kind, value, 1, sizeof(*value));
}

void keep_column(struct keep *k, const char *name, double *first, size_t count, size_t stride, double min,
                 double max)
{
    struct kind kind = {.format = format_double, .parse = parse_double, .min = min, .max = max};
    visit(k, name, &kind, first, count, stride);
}

void keep_doubles(struct keep *k, const char *name, double *values, size_t count, double min, double max)
{
    keep_column(k, name, values, count, sizeof(*values), min, max);
}

void keep_double(struct keep *k, const char *name, double *value, double min, double max)
{
    keep_column(k, name, value, 1, sizeof(*value), min, max);
}

/* INT64_MIN stands for "no moment". */
static void format_age(char out[NUMBER_BYTES], const void *value)
{
    if (*(const int64_t *)value == INT64_MIN)
        str_copy(out, NUMBER_BYTES, STR("-"));
    else
        format_i64(out, value);
}

static const char *parse_age(const struct kind *kind, const char *text, void *value)
{
    if (strcmp(text, "-") != 0)
        return parse_i64(kind, text, value);
    *(int64_t *)value = INT64_MIN;
    return NULL;
}

void keep_time(struct keep *k, const char *name, int64_t *time_ns)
{
    struct kind kind = {.format = format_age,
                        .parse = parse_age,
                        .int_min = -AGE_NS_MAX,
                        .int_max = AGE_NS_MAX,
                        .is_time = true};
    int64_t age_ns = *time_ns ? MIN(MAX(k->now_ns - *time_ns, -AGE_NS_MAX), AGE_NS_MAX) : INT64_MIN;
    visit(k, name, &kind, &age_ns, 1, sizeof(age_ns));
    if (!keep_is_reading(k) || k->is_bad)
        return;
    int64_t read_ns = age_ns == INT64_MIN ? 0 : k->now_ns - k->pause_ns - age_ns;
    *time_ns = read_ns == 0 && age_ns != INT64_MIN ? -1 : read_ns;
}
