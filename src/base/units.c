#include "base/units.h"

#include "base/clock.h"
#include "base/macros.h"

#include <stdio.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", NS_PER_MS},
    {"s", NS_PER_S},
    {"m", 60 * NS_PER_S},
    {"h", 3600 * NS_PER_S},
    {"d", 24 * 3600 * NS_PER_S},
};
static const struct unit size_units[] = {
    {"B", 1},
    {"kB", 1000},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {"KiB", 1024},
    {"MiB", 1024 * 1024},
    {"GiB", 1024 * 1024 * 1024},
    {"TiB", UINT64_C(1) << 40},
};

/* Reads digits with an optional fraction; returns false when there is no digit or the value is absurd. */
static bool take_number(struct str *s, double *ret_value)
{
    double value = 0, scale = 1;
    size_t i = 0, digits = 0;
    bool in_fraction = false;
    for (; i < s->len; i++) {
        char c = s->ptr[i];
        if (ascii_is_digit(c)) {
            digits++;
            if (in_fraction)
                value += (c - '0') * (scale /= 10);
            else
                value = value * 10 + (c - '0');
        } else if (c == '.' && !in_fraction && digits) {
            in_fraction = true;
        } else {
            break;
        }
    }
    if (digits == 0 || value > 1e15 || s->ptr[i - 1] == '.')
        return false;
    *s = str_n(s->ptr + i, s->len - i);
    *ret_value = value;
    return true;
}

static bool take_unit(struct str *s, const struct unit *units, size_t unit_count, double *ret_factor)
{
    size_t n = 0;
    while (n < s->len && ascii_is_letter(s->ptr[n]))
        n++;
    for (size_t i = 0; i < unit_count; i++) {
        if (str_eq(str_n(s->ptr, n), str_of(units[i].name))) {
            *s = str_n(s->ptr + n, s->len - n);
            *ret_factor = (double)units[i].factor;
            return true;
        }
    }
    return false;
}

static bool parse_with_units(struct str text, const struct unit *units, size_t unit_count, bool may_repeat,
                             double *ret_value)
{
    double total = 0;
    if (str_eq(text, STR("0"))) {
        *ret_value = 0;
        return true;
    }
    if (text.len == 0)
        return false;
    do {
        double value, factor;
        if (!take_number(&text, &value) || !take_unit(&text, units, unit_count, &factor))
            return false;
        total += value * factor;
    } while (text.len && may_repeat);
    if (text.len || total > 9e18)
        return false;
    *ret_value = total;
    return true;
}

bool units_parse_duration(struct str text, int64_t *ret_ns, const char **ret_problem)
{
    double value;
    if (!parse_with_units(text, duration_units, ARRAY_LEN(duration_units), true, &value)) {
        *ret_problem = "a duration needs a number and a unit, such as 500ms, 30s, 5m or 1h";
        return false;
    }
    *ret_ns = (int64_t)(value + 0.5);
    return true;
}

bool units_parse_size(struct str text, uint64_t *ret_bytes, const char **ret_problem)
{
    double value;
    if (!parse_with_units(text, size_units, ARRAY_LEN(size_units), false, &value)) {
        *ret_problem = "a size needs a number and a unit, such as 512B, 64KiB, 10MB or 1GiB";
        return false;
    }
    *ret_bytes = (uint64_t)(value + 0.5);
    return true;
}

bool units_parse_percent(struct str text, double *ret_percent, const char **ret_problem)
{
    double value;
    if (!take_number(&text, &value) || !str_eq(text, STR("%")) || value > 100) {
        *ret_problem = "a percentage is written like 90%, from 0% to 100%";
        return false;
    }
    *ret_percent = value;
    return true;
}

static char *format_number(char out[UNITS_TEXT_BYTES], double value, const char *unit)
{
    if (value == (double)(int64_t)value)
        snprintf(out, UNITS_TEXT_BYTES, "%lld%s", (long long)value, unit);
    else
        snprintf(out, UNITS_TEXT_BYTES, "%.3g%s", value, unit);
    return out;
}

char *units_format_duration(char out[UNITS_TEXT_BYTES], int64_t ns)
{
    static const struct unit shown[] = {
        {"d", 24 * 3600 * NS_PER_S}, {"h", 3600 * NS_PER_S}, {"m", 60 * NS_PER_S}, {"s", NS_PER_S},
        {"ms", NS_PER_MS},           {"us", NS_PER_US},
    };
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        bool is_whole_only = shown[i].factor > (uint64_t)NS_PER_S;
        if (ns >= (int64_t)shown[i].factor && (!is_whole_only || ns % (int64_t)shown[i].factor == 0))
            return format_number(out, (double)ns / (double)shown[i].factor, shown[i].name);
    }
    return format_number(out, (double)ns, ns ? "ns" : "s");
}

char *units_format_size(char out[UNITS_TEXT_BYTES], uint64_t bytes)
{
    static const struct unit shown[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (bytes >= shown[i].factor)
            return format_number(out, (double)bytes / (double)shown[i].factor, shown[i].name);
    return format_number(out, (double)bytes, "B");
}

/* As many units as it takes, because a sum of whole units is exact. */
void units_put_duration(struct buf *out, uint64_t ns)
{
    static const struct unit units[] = {{"d", 86400 * NS_PER_S},
                                        {"h", 3600 * NS_PER_S},
                                        {"m", 60 * NS_PER_S},
                                        {"s", NS_PER_S},
                                        {"ms", NS_PER_MS},
                                        {"us", NS_PER_US},
                                        {"ns", 1}};
    if (ns == 0)
        buf_put(out, STR("0s"));
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (ns >= units[i].factor)
            buf_printf(out, "%llu%s", (unsigned long long)(ns / units[i].factor), units[i].name);
        ns %= units[i].factor;
    }
}

void units_put_size(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t i = 0;
    for (; bytes && i + 1 < ARRAY_LEN(units) && bytes % 1024 == 0; i++)
        bytes /= 1024;
    buf_printf(out, "%llu%s", (unsigned long long)bytes, units[i]);
}
