/*
 * Small scanners that take exactly what they need from a line. Days are counted from the civil date, so that
 * neither locale nor time zone of this host has a say.
 */
#include "scale/simulate/log_time.h"

#include "base/civil.h"
#include "base/macros.h"

#include <math.h>
#include <stdlib.h>

struct civil {
    int64_t year, month, day, hour, minute, second, offset_s;
};

/* ---- scanning ---- */

/* Takes up to `max` digits; false when there is none. */
static bool take_digits(struct str *s, size_t max, int64_t *ret_number)
{
    int64_t number = 0;
    size_t n = 0;
    while (n < max && n < s->len && ascii_is_digit(s->ptr[n]))
        number = number * 10 + (s->ptr[n++] - '0');
    *s = str_n(s->ptr + n, s->len - n);
    *ret_number = number;
    return n > 0;
}

static bool take_char(struct str *s, const char *any_of)
{
    if (s->len == 0 || s->ptr[0] == '\0' || !strchr(any_of, s->ptr[0]))
        return false;
    *s = str_n(s->ptr + 1, s->len - 1);
    return true;
}

static bool take_month(struct str *s, int64_t *ret_month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int64_t i = 0; i < 12; i++)
        if (s->len >= 3 && memcmp(s->ptr, names + 3 * i, 3) == 0) {
            *s = str_n(s->ptr + 3, s->len - 3);
            *ret_month = i + 1;
            return true;
        }
    return false;
}

static bool take_time(struct str *s, struct civil *c)
{
    return take_digits(s, 2, &c->hour) && take_char(s, ":") && take_digits(s, 2, &c->minute) &&
           take_char(s, ":") && take_digits(s, 2, &c->second);
}

static void take_fraction(struct str *s)
{
    int64_t ignored;
    if (take_char(s, ".,"))
        (void)take_digits(s, 9, &ignored);
}

/* Z, +hh:mm, +hhmm, or nothing, which is UTC. */
static bool take_offset(struct str *s, struct civil *c)
{
    int64_t hours, minutes;
    if (s->len == 0 || take_char(s, "Zz"))
        return true;
    bool is_west = s->ptr[0] == '-';
    if (!take_char(s, "+-") || !take_digits(s, 2, &hours))
        return false;
    (void)take_char(s, ":");
    if (!take_digits(s, 2, &minutes))
        return false;
    c->offset_s = (hours * 60 + minutes) * 60 * (is_west ? -1 : 1);
    return true;
}

static bool civil_is_possible(const struct civil *c)
{
    return c->year >= 1970 && c->year < 3000 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= civil_month_days(c->year, (unsigned)c->month) && c->hour < 24 && c->minute < 60 &&
           c->second <= 60;
}

static int64_t civil_seconds(const struct civil *c)
{
    struct civil_date date = {.year = c->year, .month = (unsigned)c->month, .day = (unsigned)c->day};
    return civil_days(date) * CIVIL_DAY_S + c->hour * 3600 + c->minute * 60 + c->second - c->offset_s;
}

/* ---- combined ---- */

/* 10/Oct/2000:13:55:36 -0700; HAProxy writes 10/Oct/2000:13:55:36.123 */
static bool take_clf(struct str text, struct civil *c)
{
    if (!(take_digits(&text, 2, &c->day) && take_char(&text, "/") && take_month(&text, &c->month) &&
          take_char(&text, "/") && take_digits(&text, 4, &c->year) && take_char(&text, ":") &&
          take_time(&text, c)))
        return false;
    take_fraction(&text);
    return (text.len == 0 || take_char(&text, " ")) && take_offset(&text, c) && text.len == 0;
}

/* Takes the text in the next pair of brackets. */
static bool take_bracketed(struct str *rest, struct str *ret_text, struct err *err)
{
    size_t begin, end;
    if (!str_find(*rest, '[', &begin))
        return err_set(err, "there is no time in brackets");
    struct str text = str_n(rest->ptr + begin + 1, rest->len - begin - 1);
    if (!str_find(text, ']', &end))
        return err_set(err, "the bracket before the time is not closed");
    *ret_text = str_n(text.ptr, end);
    *rest = str_n(text.ptr + end + 1, text.len - end - 1);
    return true;
}

/* Other brackets may come before it: an address of IPv6, the process that syslog names. */
bool log_time_of_combined(struct str line, int64_t *ret_s, struct err *err)
{
    struct str rest = line, text;
    struct err ignored;
    if (!take_bracketed(&rest, &text, err))
        return false;
    struct str first = text;
    do {
        struct civil c = {0};
        if (take_clf(text, &c) && civil_is_possible(&c)) {
            *ret_s = civil_seconds(&c);
            return true;
        }
    } while (take_bracketed(&rest, &text, &ignored));
    return err_set(err, "[%.*s] is not a time like [10/Oct/2000:13:55:36 -0700]", (int)MIN(first.len, 40),
                   first.ptr);
}

/* ---- JSON ---- */

static bool take_iso(struct str text, struct civil *c) /* 2026-11-23T06:30:00.123Z */
{
    if (!(take_digits(&text, 4, &c->year) && take_char(&text, "-") && take_digits(&text, 2, &c->month) &&
          take_char(&text, "-") && take_digits(&text, 2, &c->day) && take_char(&text, "Tt ") &&
          take_time(&text, c)))
        return false;
    take_fraction(&text);
    return take_offset(&text, c) && text.len == 0;
}

/* Seconds since 1970, or milli-, micro- or nanoseconds: told apart by their size. */
static bool parse_epoch(struct str text, int64_t *ret_s)
{
    char copy[40], *end;
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    (void)str_copy(copy, sizeof(copy), text);
    double number = strtod(copy, &end);
    if (*end || !isfinite(number) || number < 0)
        return false;
    while (number >= 1e11)
        number /= 1000;
    *ret_s = (int64_t)number;
    return true;
}

static bool parse_time(struct str text, int64_t *ret_s)
{
    struct civil c = {0};
    if (parse_epoch(text, ret_s))
        return true;
    if (!take_iso(text, &c)) {
        c = (struct civil){0};
        if (!take_clf(text, &c))
            return false;
    }
    if (!civil_is_possible(&c))
        return false;
    *ret_s = civil_seconds(&c);
    return true;
}

/* The length of the text in quotes that s begins with, the quotes included; 0: it does not end. */
static size_t quoted_length(struct str s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

/* The length of the value that s begins with; what is inside { } and [ ] is passed over. 0: it does not end.
 */
static size_t value_length(struct str s)
{
    int depth = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '"') {
            size_t length = quoted_length(str_n(s.ptr + i, s.len - i));
            if (!length)
                return 0;
            i += length - 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (depth == 0 && (c == ',' || c == '}')) {
            return i;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 0;
}

static struct str skip_space(struct str s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = str_n(s.ptr + 1, s.len - 1);
    return s;
}

/* Takes `"name": value` with the comma or brace after it; false when the text is no object. */
static bool take_member(struct str *rest, struct str *ret_name, struct str *ret_value)
{
    struct str s = skip_space(*rest);
    size_t length = s.len && s.ptr[0] == '"' ? quoted_length(s) : 0;
    if (!length)
        return false;
    *ret_name = str_n(s.ptr + 1, length - 2);
    s = skip_space(str_n(s.ptr + length, s.len - length));
    if (!take_char(&s, ":"))
        return false;
    s = skip_space(s);
    length = value_length(s);
    if (!length)
        return false;
    *ret_value = str_trim(str_n(s.ptr, length));
    *rest = str_n(s.ptr + length, s.len - length);
    return true;
}

static struct str without_quotes(struct str s)
{
    bool is_quoted = s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
    return is_quoted ? str_n(s.ptr + 1, s.len - 2) : s;
}

static const char *const time_names[] = {"time", "timestamp",    "@timestamp", "ts",
                                         "msec", "time_iso8601", "time_local", "date"};

static size_t rank_of(struct str name) /* smaller is better; the count: no time */
{
    size_t i = 0;
    while (i < ARRAY_LEN(time_names) && !str_eq(name, str_of(time_names[i])))
        i++;
    return i;
}

bool log_time_of_json(struct str line, int64_t *ret_s, struct err *err)
{
    struct str rest = line, name, value, best = {0};
    size_t best_rank = ARRAY_LEN(time_names);
    bool has_more = take_char(&rest, "{");
    while (has_more) {
        if (!take_member(&rest, &name, &value))
            return err_set(err, "it is not a JSON object on one line");
        if (rank_of(name) < best_rank) {
            best_rank = rank_of(name);
            best = without_quotes(value);
        }
        has_more = take_char(&rest, ",");
    }
    if (!take_char(&rest, "}"))
        return err_set(err, "it is not a JSON object on one line");
    if (best_rank == ARRAY_LEN(time_names))
        return err_set(
            err, "it has no field time, timestamp, @timestamp, ts, msec, time_iso8601, time_local or date");
    if (!parse_time(best, ret_s))
        return err_set(err, "\"%.*s\" is not a time", (int)MIN(best.len, 40), best.ptr);
    return true;
}
