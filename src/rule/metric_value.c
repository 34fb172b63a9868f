/*
 * metric_value.c: see metric_value.h. Doubles carry everything, so spans beyond ten days are kept to the
 * second and sizes below 2^53 bytes: there reading and writing are exact.
 */
#include "rule/metric_value.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define EXACT_SPAN_NS (10 * 86400 * NS_PER_S)
#define SPAN_MAX_NS   (3660 * 86400 * NS_PER_S)
#define SIZE_MAX_B    (UINT64_C(1) << 53)

enum { DIGITS_MAX = 15 }; /* that a double keeps */

/* ---- reading ---- */

/* Digits with at most one point between them. */
static bool parse_number(struct str text, double *ret_value)
{
    char copy[DIGITS_MAX + 2];
    size_t points = 0;
    if (text.len == 0 || text.len > DIGITS_MAX || text.ptr[0] == '.' || text.ptr[text.len - 1] == '.')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        points += text.ptr[i] == '.';
        if (text.ptr[i] != '.' && (text.ptr[i] < '0' || text.ptr[i] > '9'))
            return false;
    }
    str_copy(copy, sizeof(copy), text);
    double value = strtod(copy, NULL);
    *ret_value = value;
    return points <= 1;
}

/* A number, less what stands behind it. */
static bool parse_with_suffix(struct str text, struct str suffix, double *ret_value)
{
    if (!str_ends_with(text, suffix))
        return false;
    return parse_number(str_n(text.ptr, text.len - suffix.len), ret_value);
}

static bool parse_span(struct str text, double *ret_value, const char **ret_problem)
{
    int64_t ns;
    if (!units_parse_duration(text, &ns, ret_problem))
        return false;
    *ret_problem = "ten years at most";
    if (ns > SPAN_MAX_NS)
        return false;
    if (ns > EXACT_SPAN_NS)
        ns -= ns % NS_PER_S;
    *ret_value = (double)ns / 1e9;
    return true;
}

static bool parse_size(struct str text, double *ret_value, const char **ret_problem)
{
    uint64_t bytes;
    if (!units_parse_size(text, &bytes, ret_problem))
        return false;
    *ret_problem = "that is more than there is anywhere";
    if (bytes > SIZE_MAX_B)
        return false;
    *ret_value = (double)bytes;
    return true;
}

static bool parse_size_rate(struct str text, double *ret_value, const char **ret_problem)
{
    bool is_rate = str_ends_with(text, STR("/s"));
    if (is_rate && parse_size(str_n(text.ptr, text.len - 2), ret_value, ret_problem))
        return true;
    *ret_problem = "a size in a second, such as 10MiB/s";
    return false;
}

static bool parse_flag(struct str text, double *ret_value)
{
    if (!str_eq(text, STR("0")) && !str_eq(text, STR("1")))
        return false;
    *ret_value = text.ptr[0] - '0';
    return true;
}

bool metric_value_parse(enum metric_unit unit, struct str text, double *ret_value, const char **ret_problem)
{
    switch (unit) {
    case METRIC_UNIT_PERCENT:
        *ret_problem = "a percentage is written like 90%, from 0% to 100%";
        return parse_with_suffix(text, STR("%"), ret_value) && *ret_value <= 100;
    case METRIC_UNIT_SECONDS:
        return parse_span(text, ret_value, ret_problem);
    case METRIC_UNIT_BYTES:
        return parse_size(text, ret_value, ret_problem);
    case METRIC_UNIT_BYTES_PER_SECOND:
        return parse_size_rate(text, ret_value, ret_problem);
    case METRIC_UNIT_PER_SECOND:
        *ret_problem = "a number in a second, such as 5/s";
        return parse_with_suffix(text, STR("/s"), ret_value);
    case METRIC_UNIT_COUNT:
    case METRIC_UNIT_RATIO:
    case METRIC_UNIT_NUMBER:
        *ret_problem = "a number without a unit";
        return parse_number(text, ret_value);
    case METRIC_UNIT_FLAG:
        *ret_problem = "it is 1 for yes and 0 for no; the metric alone means yes";
        return parse_flag(text, ret_value);
    }
    ASSERT(false);
}

/* ---- writing ---- */

/* As many digits as parse_number takes, less the zeros at the end: it reads as the same number again. */
static void format_number(double value, const char *suffix, struct buf *out)
{
    char text[METRIC_VALUE_BYTES];
    int decimals = DIGITS_MAX;
    for (double rest = value; rest >= 1 && decimals > 0; rest /= 10)
        decimals--;
    int len = snprintf(text, sizeof(text), "%.*f", decimals, value);
    if (decimals) {
        while (text[len - 1] == '0')
            len--;
        len -= text[len - 1] == '.';
    }
    buf_printf(out, "%.*s%s", len, text, suffix);
}

void metric_value_format(enum metric_unit unit, double value, struct buf *out)
{
    static const char *const suffixes[] = {
        [METRIC_UNIT_PERCENT] = "%",     [METRIC_UNIT_BYTES] = "", [METRIC_UNIT_BYTES_PER_SECOND] = "/s",
        [METRIC_UNIT_PER_SECOND] = "/s", [METRIC_UNIT_COUNT] = "", [METRIC_UNIT_RATIO] = "",
        [METRIC_UNIT_NUMBER] = "",       [METRIC_UNIT_FLAG] = ""};
    if (unit == METRIC_UNIT_SECONDS) {
        units_put_duration(out, (uint64_t)MAX(llround(value * 1e9), 0LL));
    } else if (unit == METRIC_UNIT_BYTES || unit == METRIC_UNIT_BYTES_PER_SECOND) {
        units_put_size(out, (uint64_t)value);
        buf_put(out, str_of(suffixes[unit]));
    } else {
        format_number(value, suffixes[unit], out);
    }
}

/* ---- showing ---- */

char *metric_span_show(int64_t ns, char out[METRIC_VALUE_BYTES])
{
    long long seconds = MAX(ns, 0) / NS_PER_S, days = seconds / 86400, hours = seconds / 3600 % 24;
    long long minutes = seconds / 60 % 60;
    char *end = out;
    if (ns > 0 && seconds == 0) {
        snprintf(out, METRIC_VALUE_BYTES, "%lldms", (long long)(ns / NS_PER_MS));
        return out;
    }
    *end = '\0';
    if (days)
        end += snprintf(end, 16, "%lldd", days);
    if (hours)
        end += snprintf(end, 8, "%lldh", hours);
    if (minutes)
        end += snprintf(end, 8, "%lldm", minutes);
    if (seconds % 60 || seconds == 0)
        snprintf(end, 8, "%llds", seconds % 60);
    return out;
}

/* Below a minute, and below ten milliseconds, with one decimal: 3.9s is not the threshold of 3s. */
static char *show_seconds(double value, char out[METRIC_VALUE_BYTES])
{
    double tenths = round(value * 10);
    if (value > 0 && value < 0.01) {
        snprintf(out, METRIC_VALUE_BYTES, "%gms", MAX(round(value * 1e4), 1) / 10);
        return out;
    }
    if (value < 1 || tenths >= 600)
        return metric_span_show(llround(MIN(value, 9e9) * 1e9), out);
    snprintf(out, METRIC_VALUE_BYTES, "%gs", tenths / 10);
    return out;
}

char *metric_value_show(enum metric_unit unit, double value, char out[METRIC_VALUE_BYTES])
{
    char size[UNITS_TEXT_BYTES];
    switch (unit) {
    case METRIC_UNIT_PERCENT:
        snprintf(out, METRIC_VALUE_BYTES, "%.1f %%", value);
        break;
    case METRIC_UNIT_SECONDS:
        return show_seconds(value, out);
    case METRIC_UNIT_BYTES:
        snprintf(out, METRIC_VALUE_BYTES, "%s", units_format_size(size, (uint64_t)MAX(value, 0)));
        break;
    case METRIC_UNIT_BYTES_PER_SECOND:
        snprintf(out, METRIC_VALUE_BYTES, "%s/s", units_format_size(size, (uint64_t)MAX(value, 0)));
        break;
    case METRIC_UNIT_PER_SECOND:
        snprintf(out, METRIC_VALUE_BYTES, "%.3g/s", value);
        break;
    case METRIC_UNIT_COUNT:
        snprintf(out, METRIC_VALUE_BYTES, "%.*f", value == floor(value) ? 0 : 1, value);
        break;
    case METRIC_UNIT_RATIO:
        snprintf(out, METRIC_VALUE_BYTES, "%.3g", value);
        break;
    case METRIC_UNIT_NUMBER:
        snprintf(out, METRIC_VALUE_BYTES, fabs(value) >= 1000 && fabs(value) < 1e15 ? "%.0f" : "%.4g", value);
        break;
    case METRIC_UNIT_FLAG:
        snprintf(out, METRIC_VALUE_BYTES, "%s", value > 0 ? "yes" : "no");
        break;
    }
    return out;
}
