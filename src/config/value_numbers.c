/*
 * value_numbers.c: see values.h. Counts, sizes, durations, percentages, ranges of counts.
 *
 * Formatters are exact: a duration is written in the largest unit that leaves no fraction, so that reading it
 * gives the same nanoseconds.
 */
#include "config/values_priv.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void put_number(const struct schema_key *k, uint64_t value, struct buf *out)
{
    if (value && k->type == VALUE_SIZE)
        units_put_size(out, value);
    else if (value && (k->type == VALUE_DURATION || k->type == VALUE_OBJECTIVE))
        units_put_duration(out, value);
    else
        buf_printf(out, "%" PRIu64, value);
}

void value_format_range(const struct schema_key *k, struct buf *out)
{
    put_number(k, k->min, out);
    buf_put(out, STR(" to "));
    put_number(k, k->max, out);
}

static enum value_outcome check_range(const struct schema_key *k, uint64_t value, struct err *hint)
{
    if (k->max == 0 || (value >= k->min && value <= k->max))
        return VALUE_OK;
    CLEANUP(buf_fini) struct buf range = {0};
    value_format_range(k, &range);
    (void)err_set(hint, "from %.*s", STR_ARG(buf_str(&range)));
    return VALUE_OUT_OF_RANGE;
}

static enum value_outcome parse_count(const struct schema_key *k, struct str text, struct arena *arena,
                                      void *target, struct err *hint)
{
    uint64_t value;
    if (text.len == 0 || !str_has_only(text, ascii_is_digit))
        return value_wrong(hint, "digits only, without a unit");
    if (!str_parse_u64(text, &value))
        value = UINT64_MAX;
    enum value_outcome outcome = check_range(k, value, hint);
    if (outcome == VALUE_OK)
        *(uint32_t *)target = (uint32_t)value;
    return outcome;
}

static bool format_count(const struct schema_key *k, const void *target, struct buf *out)
{
    put_number(k, *(const uint32_t *)target, out);
    return true;
}

static enum value_outcome parse_nice(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    enum { NICE_MIN = -20, NICE_MAX = 19 };
    bool is_negative = text.len && text.ptr[0] == '-';
    struct str digits = is_negative ? str_n(text.ptr + 1, text.len - 1) : text;
    uint64_t value;
    if (digits.len == 0 || !str_has_only(digits, ascii_is_digit))
        return value_wrong(hint, "from -20 (first) to 19 (last)");
    if (!str_parse_u64(digits, &value) || value > (is_negative ? -NICE_MIN : NICE_MAX)) {
        (void)err_set(hint, "from %d (first) to %d (last)", NICE_MIN, NICE_MAX);
        return VALUE_OUT_OF_RANGE;
    }
    *(int32_t *)target = is_negative ? -(int32_t)value : (int32_t)value;
    return VALUE_OK;
}

static bool format_nice(const struct schema_key *k, const void *target, struct buf *out)
{
    buf_printf(out, "%" PRId32, *(const int32_t *)target);
    return true;
}

static enum value_outcome parse_size(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    uint64_t value;
    const char *problem;
    if (!units_parse_size(text, &value, &problem))
        return value_wrong(hint, problem);
    enum value_outcome outcome = check_range(k, value, hint);
    if (outcome == VALUE_OK)
        *(uint64_t *)target = value;
    return outcome;
}

static bool format_size(const struct schema_key *k, const void *target, struct buf *out)
{
    put_number(k, *(const uint64_t *)target, out);
    return true;
}

static enum value_outcome parse_duration(const struct schema_key *k, struct str text, struct arena *arena,
                                         void *target, struct err *hint)
{
    int64_t value;
    const char *problem;
    if (text.len && str_has_only(text, ascii_is_digit) && !str_eq(text, STR("0"))) {
        (void)err_set(hint, "a unit is missing: %.*ss or %.*sms?", (int)MIN(text.len, (size_t)20), text.ptr,
                      (int)MIN(text.len, (size_t)20), text.ptr);
        return VALUE_WRONG;
    }
    if (!units_parse_duration(text, &value, &problem))
        return value_wrong(hint, problem);
    enum value_outcome outcome = check_range(k, (uint64_t)value, hint);
    if (outcome == VALUE_OK)
        *(int64_t *)target = value;
    return outcome;
}

static bool format_duration(const struct schema_key *k, const void *target, struct buf *out)
{
    put_number(k, (uint64_t) * (const int64_t *)target, out);
    return true;
}

static enum value_outcome parse_percent(const struct schema_key *k, struct str text, struct arena *arena,
                                        void *target, struct err *hint)
{
    double value;
    const char *problem;
    if (!units_parse_percent(text, &value, &problem))
        return value_wrong(hint, problem);
    *(double *)target = value;
    return VALUE_OK;
}

/* Decimals without an exponent and without zeros at the end. */
static void put_decimal(double value, struct buf *out)
{
    char text[64];
    snprintf(text, sizeof(text), "%.9f", value);
    size_t len = strlen(text);
    while (text[len - 1] == '0')
        len--;
    if (text[len - 1] == '.')
        len--;
    buf_put(out, str_n(text, len));
}

static bool format_percent(const struct schema_key *k, const void *target, struct buf *out)
{
    put_decimal(*(const double *)target, out);
    buf_put_char(out, '%');
    return true;
}

static enum value_outcome parse_decimal(const struct schema_key *k, struct str text, struct arena *arena,
                                        void *target, struct err *hint)
{
    enum { DECIMAL_BYTES_MAX = 18, DECIMALS_MAX = 6 };
    size_t point = text.len;
    char copy[DECIMAL_BYTES_MAX + 1];
    (void)str_find(text, '.', &point);
    struct str whole = str_n(text.ptr, point),
               rest = point < text.len ? str_n(text.ptr + point + 1, text.len - point - 1) : STR("0");
    if (whole.len == 0 || rest.len == 0 || rest.len > DECIMALS_MAX || text.len > DECIMAL_BYTES_MAX ||
        !str_has_only(whole, ascii_is_digit) || !str_has_only(rest, ascii_is_digit))
        return value_wrong(hint, "digits and maybe decimals, without a unit, such as 50 or 0.12");
    str_copy(copy, sizeof(copy), text);
    double value = strtod(copy, NULL);
    enum value_outcome outcome = check_range(k, (uint64_t)ceil(value), hint);
    if (outcome == VALUE_OK)
        *(double *)target = value;
    return outcome;
}

static bool format_decimal(const struct schema_key *k, const void *target, struct buf *out)
{
    put_decimal(*(const double *)target, out);
    return true;
}

/* Splits `MIN..MAX` or takes one number for both. */
static bool split_range(struct str text, struct str *ret_min, struct str *ret_max)
{
    const char *dots = text.len ? memmem(text.ptr, text.len, "..", 2) : NULL;
    *ret_min = *ret_max = text;
    if (dots) {
        *ret_min = str_n(text.ptr, (size_t)(dots - text.ptr));
        *ret_max = str_n(dots + 2, text.len - ret_min->len - 2);
    }
    return ret_min->len && ret_max->len && str_has_only(*ret_min, ascii_is_digit) &&
           str_has_only(*ret_max, ascii_is_digit);
}

static enum value_outcome parse_range(const struct schema_key *k, struct str text, const char *what,
                                      uint64_t *ret_min, uint64_t *ret_max, struct err *hint)
{
    struct str low, high;
    if (!split_range(text, &low, &high))
        return value_wrong(hint, what);
    uint64_t min = UINT64_MAX, max = UINT64_MAX;
    (void)str_parse_u64(low, &min);
    (void)str_parse_u64(high, &max);
    enum value_outcome outcome = check_range(k, min, hint);
    if (outcome == VALUE_OK)
        outcome = check_range(k, max, hint);
    if (outcome != VALUE_OK)
        return outcome;
    if (min > max) {
        (void)err_set(hint, "the smaller number comes first: %" PRIu64 "..%" PRIu64, max, min);
        return VALUE_OUT_OF_RANGE;
    }
    *ret_min = min;
    *ret_max = max;
    return VALUE_OK;
}

static void put_range(uint64_t min, uint64_t max, struct buf *out)
{
    if (min == max)
        buf_printf(out, "%" PRIu64, min);
    else
        buf_printf(out, "%" PRIu64 "..%" PRIu64, min, max);
}

static enum value_outcome parse_counts(const struct schema_key *k, struct str text, struct arena *arena,
                                       void *target, struct err *hint)
{
    uint64_t min, max;
    enum value_outcome outcome =
        parse_range(k, text, "MIN..MAX or one number, such as 1..16 or 4", &min, &max, hint);
    if (outcome != VALUE_OK)
        return outcome;
    if (max == 0) {
        (void)err_set(hint, "at least one server must be allowed, such as 0..1");
        return VALUE_OUT_OF_RANGE;
    }
    memcpy(target, (uint32_t[2]){(uint32_t)min, (uint32_t)max}, 2 * sizeof(uint32_t));
    return VALUE_OK;
}

static bool format_counts(const struct schema_key *k, const void *target, struct buf *out)
{
    uint32_t values[2];
    memcpy(values, target, sizeof(values));
    put_range(values[0], values[1], out);
    return true;
}

static enum value_outcome parse_statuses(const struct schema_key *k, struct str text, struct arena *arena,
                                         void *target, struct err *hint)
{
    uint64_t min, max;
    enum value_outcome outcome =
        parse_range(k, text, "a status or a range, such as 200 or 200..399", &min, &max, hint);
    if (outcome == VALUE_OK)
        memcpy(target, (uint16_t[2]){(uint16_t)min, (uint16_t)max}, 2 * sizeof(uint16_t));
    return outcome;
}

static bool format_statuses(const struct schema_key *k, const void *target, struct buf *out)
{
    uint16_t values[2];
    memcpy(values, target, sizeof(values));
    put_range(values[0], values[1], out);
    return true;
}

/* "4..": at least so many. */
static enum value_outcome parse_least(const struct schema_key *k, struct str text, struct arena *arena,
                                      void *target, struct err *hint)
{
    const char *what = "MIN.. or MIN..MAX or one number, such as 4.. or 4..8";
    uint64_t min, max;
    bool is_open = str_ends_with(text, STR(".."));
    struct str closed = is_open ? str_n(text.ptr, text.len - 2) : text;
    enum value_outcome outcome = parse_range(k, closed, what, &min, &max, hint);
    if (outcome != VALUE_OK)
        return outcome;
    if (max == 0) {
        (void)err_set(hint, "%s",
                      is_open ? "0.. asks for nothing; such as 4.."
                              : "at least one server must be allowed, such as 0..1");
        return VALUE_OUT_OF_RANGE;
    }
    memcpy(target, (uint32_t[2]){(uint32_t)min, is_open ? 0 : (uint32_t)max}, 2 * sizeof(uint32_t));
    return VALUE_OK;
}

static bool format_least(const struct schema_key *k, const void *target, struct buf *out)
{
    uint32_t values[2];
    memcpy(values, target, sizeof(values));
    if (values[1])
        put_range(values[0], values[1], out);
    else
        buf_printf(out, "%" PRIu32 "..", values[0]);
    return true;
}

struct objective {
    int64_t ns;
    double quantile;
};

static bool is_digit_or_point(char c)
{
    return ascii_is_digit(c) || c == '.';
}

/* "p99 < 300ms": percentile, less than, duration. */
static enum value_outcome parse_objective(const struct schema_key *k, struct str text, struct arena *arena,
                                          void *target, struct err *hint)
{
    const char *example = "such as p99 < 300ms or p95 < 1s";
    struct objective o;
    const char *problem;
    size_t at;
    double percent;
    if (!str_find(text, '<', &at) || text.ptr[0] != 'p')
        return value_wrong(hint, example);
    struct str left = str_trim(str_n(text.ptr + 1, at - 1)),
               right = str_trim(str_n(text.ptr + at + 1, text.len - at - 1));
    char with_unit[16];
    if (left.len == 0 || left.len > 6 || !str_has_only(left, is_digit_or_point))
        return value_wrong(hint, example);
    snprintf(with_unit, sizeof(with_unit), "%.*s%%", STR_ARG(left));
    if (!units_parse_percent(str_of(with_unit), &percent, &problem))
        return value_wrong(hint, example);
    if (!units_parse_duration(right, &o.ns, &problem))
        return value_wrong(hint, problem);
    if (percent < 50 || percent > 99.99 || o.ns < NS_PER_MS || o.ns > 3600 * NS_PER_S) {
        (void)err_set(hint, "p50 to p99.99, and 1ms to 1h");
        return VALUE_OUT_OF_RANGE;
    }
    o.quantile = percent / 100;
    memcpy(target, &o, sizeof(o));
    return VALUE_OK;
}

static bool format_objective(const struct schema_key *k, const void *target, struct buf *out)
{
    struct objective o;
    memcpy(&o, target, sizeof(o));
    if (o.ns == 0)
        return false;
    buf_put_char(out, 'p');
    put_decimal(o.quantile * 100, out);
    buf_put(out, STR(" < "));
    put_number(k, (uint64_t)o.ns, out);
    return true;
}

const struct value_row value_numbers[VALUE_TYPE_COUNT] = {
    [VALUE_COUNT] = {"a whole number", "whole numbers", parse_count, format_count},
    [VALUE_SIZE] = {"a size", "sizes", parse_size, format_size},
    [VALUE_DURATION] = {"a duration", "durations", parse_duration, format_duration},
    [VALUE_PERCENT] = {"a percentage", "percentages", parse_percent, format_percent},
    [VALUE_NICE] = {"a niceness", "nicenesses", parse_nice, format_nice},
    [VALUE_DECIMAL] = {"a number", "numbers", parse_decimal, format_decimal},
    [VALUE_COUNTS] = {"a number of servers", "numbers of servers", parse_counts, format_counts},
    [VALUE_STATUSES] = {"a status code", "status codes", parse_statuses, format_statuses},
    [VALUE_LEAST] = {"a number of servers", "numbers of servers", parse_least, format_least},
    [VALUE_OBJECTIVE] = {"a percentile and a duration", "objectives", parse_objective, format_objective},
};
