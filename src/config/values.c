/*
 * One pair of functions for each kind of scalar, and at the end the table of them. Parsers are strict and say
 * what would be right; where a wrong text has one likely meaning (`1-16`, a host with a port) the hint names
 * it. Formatters are exact: a duration is written in the largest unit that leaves no fraction, so that
 * reading it gives the same nanoseconds.
 */
#include "config/values.h"

#include "base/addr.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/units.h"
#include "base/week.h"
#include "config/model.h"
#include "config/zone_file.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOST_BYTES_MAX = 253, LABEL_BYTES_MAX = 63, NAME_BYTES_MAX = 48 };

static enum value_outcome wrong(struct err *hint, const char *why)
{
    (void)err_set(hint, "%s", why);
    return VALUE_WRONG;
}

static bool is_visible(char c)
{
    return c > 0x20 && c < 0x7F;
}

/* ---- numbers ---- */

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
        return wrong(hint, "digits only, without a unit");
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
        return wrong(hint, "from -20 (first) to 19 (last)");
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
        return wrong(hint, problem);
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
        return wrong(hint, problem);
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
        return wrong(hint, problem);
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
        return wrong(hint, "digits and maybe decimals, without a unit, such as 50 or 0.12");
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
        return wrong(hint, what);
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
        return wrong(hint, example);
    struct str left = str_trim(str_n(text.ptr + 1, at - 1)),
               right = str_trim(str_n(text.ptr + at + 1, text.len - at - 1));
    char with_unit[16];
    if (left.len == 0 || left.len > 6 || !str_has_only(left, is_digit_or_point))
        return wrong(hint, example);
    snprintf(with_unit, sizeof(with_unit), "%.*s%%", STR_ARG(left));
    if (!units_parse_percent(str_of(with_unit), &percent, &problem))
        return wrong(hint, example);
    if (!units_parse_duration(right, &o.ns, &problem))
        return wrong(hint, problem);
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

/* ---- texts ---- */

void value_put_quoted(struct str text, struct buf *out)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7F)
            buf_printf(out, "\\x%02x", c);
        else
            buf_put_char(out, (char)c);
    }
    buf_put_char(out, '"');
}

static bool is_bare(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '/' || c == '-' || c == '.' || c == '_';
}

static bool format_text(const struct schema_key *k, const void *target, struct buf *out)
{
    const struct str *text = target;
    bool is_absent = text->len == 0 && (k->type != VALUE_TEXT || k->shape == SHAPE_ONE);
    if (is_absent)
        return false;
    if (text->len && str_has_only(*text, is_bare) && text->ptr[0] != '-' && text->ptr[0] != '.')
        buf_put(out, *text);
    else
        value_put_quoted(*text, out);
    return true;
}

static enum value_outcome keep_text(struct str text, struct arena *arena, void *target)
{
    *(struct str *)target = arena_copy_str(arena, text);
    return VALUE_OK;
}

static enum value_outcome parse_text(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    if (text.len && memchr(text.ptr, '\0', text.len))
        return wrong(hint, "it must not hold a NUL byte");
    return keep_text(text, arena, target);
}

static enum value_outcome parse_word(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    if (text.len == 0 || !str_has_only(text, is_visible))
        return wrong(hint, "a word without blanks");
    return keep_text(text, arena, target);
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == '-';
}

static enum value_outcome parse_name(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    if (text.len == 0 || text.len > NAME_BYTES_MAX || !str_has_only(text, is_name_character) ||
        text.ptr[0] == '-')
        return wrong(hint, "small letters, digits and hyphens, at most 48 of them, the first no hyphen");
    return keep_text(text, arena, target);
}

static bool is_variable_character(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '_';
}

static enum value_outcome parse_variable(const struct schema_key *k, struct str text, struct arena *arena,
                                         void *target, struct err *hint)
{
    if (text.len == 0 || ascii_is_digit(text.ptr[0]) || !str_has_only(text, is_variable_character))
        return wrong(hint, "letters, digits and underscores, such as DATABASE_URL");
    return keep_text(text, arena, target);
}

static enum value_outcome parse_file(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    enum { FILE_BYTES_MAX = 4095 };
    if (text.len == 0 || text.len > FILE_BYTES_MAX || memchr(text.ptr, '\0', text.len))
        return wrong(hint, "a path such as /etc/weir/token");
    if (k->type == VALUE_FULL_FILE && text.ptr[0] != '/')
        return wrong(hint, "it begins with /");
    return keep_text(text, arena, target);
}

static enum value_outcome parse_path(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    enum { PATH_BYTES_MAX = 1024 };
    size_t at;
    if (text.len == 0 || text.ptr[0] != '/')
        return wrong(hint, "it begins with /");
    if (text.len > PATH_BYTES_MAX)
        return wrong(hint, "at most 1024 bytes");
    if (!str_has_only(text, is_visible))
        return wrong(hint, "blanks and letters beyond ASCII are written percent-encoded, such as %20");
    if (str_find(text, '#', &at) || (k->type == VALUE_PATH && str_find(text, '?', &at)))
        return wrong(hint, k->type == VALUE_PATH ? "without ? and #" : "without #");
    return keep_text(text, arena, target);
}

static bool is_label_character(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '-' || c == '_';
}

static bool is_label(struct str label)
{
    return label.len > 0 && label.len <= LABEL_BYTES_MAX && label.ptr[0] != '-' &&
           label.ptr[label.len - 1] != '-' && str_has_only(label, is_label_character);
}

static bool is_host_name(struct str host)
{
    struct str rest = host, label;
    if (host.len == 0 || host.len > HOST_BYTES_MAX)
        return false;
    while (str_split(&rest, '.', &label))
        if (!is_label(label))
            return false;
    return true;
}

static bool is_in6_literal(struct str host)
{
    struct addr_range range;
    const char *problem;
    return host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']' &&
           !memchr(host.ptr, '/', host.len) &&
           addr_range_parse(str_n(host.ptr + 1, host.len - 2), &range, &problem);
}

static enum value_outcome keep_lower(struct str text, struct arena *arena, void *target)
{
    char *copy = arena_strdup(arena, text);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = ascii_lower(copy[i]);
    *(struct str *)target = str_n(copy, text.len);
    return VALUE_OK;
}

/* Takes `:8080` off the end, when that is what there is behind the last colon. */
static struct str without_port(struct str text)
{
    const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    if (!colon || colon == text.ptr + text.len - 1)
        return text;
    size_t len = (size_t)(colon - text.ptr);
    return str_has_only(str_n(colon + 1, text.len - len - 1), ascii_is_digit) ? str_n(text.ptr, len) : text;
}

static enum value_outcome parse_host(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    size_t at;
    struct str name = str_starts_with(text, STR("*.")) ? str_n(text.ptr + 2, text.len - 2) : text;
    if (is_host_name(name) || (name.len == text.len && is_in6_literal(text)))
        return keep_lower(text, arena, target);
    if (str_eq(text, STR("*")))
        return wrong(hint, "without 'hosts' a service answers for every host");
    if (str_find(name, '*', &at))
        return wrong(hint, "a star stands only in front of a whole name, such as *.example.com");
    if (str_find(text, '/', &at))
        return wrong(hint, "only the host, without http:// and without a path");
    if (without_port(text).len < text.len)
        return wrong(hint, "only the host: every port is meant");
    if (text.len && text.ptr[text.len - 1] == '.')
        return wrong(hint, "without the dot at the end");
    if (text.len > HOST_BYTES_MAX)
        return wrong(hint, "at most 253 letters");
    return wrong(hint, "such as shop.example.com; names beyond ASCII in their xn-- form");
}

/* Labels may begin with an underscore (RFC 2782), and the dot of the root may be written. */
static enum value_outcome parse_dns(const struct schema_key *k, struct str text, struct arena *arena,
                                    void *target, struct err *hint)
{
    size_t at;
    bool has_root = text.len > 1 && text.ptr[text.len - 1] == '.';
    if (is_host_name(has_root ? str_n(text.ptr, text.len - 1) : text))
        return keep_lower(text, arena, target);
    if (str_find(text, '/', &at))
        return wrong(hint, "only the name, without a scheme and without a path");
    if (without_port(text).len < text.len)
        return wrong(hint, "only the name: the port has a key of its own, 'port'");
    return wrong(hint, "such as shop.internal; names beyond ASCII in their xn-- form");
}

static enum value_outcome parse_authority(const struct schema_key *k, struct str text, struct arena *arena,
                                          void *target, struct err *hint)
{
    struct str host = without_port(text);
    if (!is_host_name(host) && !is_in6_literal(host))
        return wrong(hint, "a host and maybe a port, such as shop.example.com or 127.0.0.1:8000");
    return keep_text(text, arena, target);
}

static bool is_mailbox(char c)
{
    return is_visible(c) && !strchr("<>()[]\\,;:\"@", c);
}

/* Without quotes, comments and letters beyond ASCII: what any mail server takes. */
static enum value_outcome parse_mail(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    enum { MAILBOX_BYTES_MAX = 64 };
    size_t at;
    bool has_at = str_find(text, '@', &at);
    if (has_at && at > 0 && at <= MAILBOX_BYTES_MAX && str_has_only(str_n(text.ptr, at), is_mailbox) &&
        is_host_name(str_n(text.ptr + at + 1, text.len - at - 1)))
        return keep_text(text, arena, target);
    return wrong(hint, "the address alone, such as ops@example.com");
}

static enum value_outcome parse_url(const struct schema_key *k, struct str text, struct arena *arena,
                                    void *target, struct err *hint)
{
    size_t scheme = str_starts_with(text, STR("https://"))  ? 8
                    : str_starts_with(text, STR("http://")) ? 7
                                                            : 0;
    if (scheme == 0)
        return wrong(hint, "it begins with https:// or http://");
    if (!str_has_only(text, is_visible))
        return wrong(hint, "blanks and letters beyond ASCII are written percent-encoded, such as %20");
    if (text.len == scheme || memchr("/:?#@", text.ptr[scheme], 5))
        return wrong(hint, "the host is missing: https://hooks.example.com/ops");
    return keep_text(text, arena, target);
}

/* ---- addresses and choices ---- */

static enum value_outcome parse_address(const struct schema_key *k, struct str text, struct arena *arena,
                                        void *target, struct err *hint)
{
    struct addr a;
    const char *problem;
    if (text.len && str_has_only(text, ascii_is_digit)) {
        (void)err_set(hint, "a colon is missing: \":%.*s\"?", (int)MIN(text.len, (size_t)20), text.ptr);
        return VALUE_WRONG;
    }
    if (!addr_parse(text, &a, &problem))
        return wrong(hint, problem);
    if (a.any.sa_family != AF_UNIX && addr_port(&a) == 0) {
        (void)err_set(hint, "a port is a number from 1 to 65535");
        return VALUE_OUT_OF_RANGE;
    }
    *(struct addr *)target = a;
    return VALUE_OK;
}

static bool format_address(const struct schema_key *k, const void *target, struct buf *out)
{
    char text[ADDR_TEXT_BYTES];
    value_put_quoted(str_of(addr_format(text, target)), out);
    return true;
}

static enum value_outcome parse_address_range(const struct schema_key *k, struct str text,
                                              struct arena *arena, void *target, struct err *hint)
{
    struct addr_range r;
    const char *problem;
    if (!addr_range_parse(text, &r, &problem))
        return wrong(hint, problem);
    *(struct addr_range *)target = r;
    return VALUE_OK;
}

static bool format_address_range(const struct schema_key *k, const void *target, struct buf *out)
{
    const struct addr_range *r = target;
    char text[ADDR_TEXT_BYTES];
    struct addr a = {.len = sizeof(a.in4), .in4.sin_family = AF_INET};
    if (r->family == AF_INET6)
        a = (struct addr){.len = sizeof(a.in6), .in6.sin6_family = AF_INET6};
    if (r->family == AF_INET6)
        memcpy(&a.in6.sin6_addr, r->bytes, sizeof(a.in6.sin6_addr));
    else
        memcpy(&a.in4.sin_addr, r->bytes, sizeof(a.in4.sin_addr));
    buf_printf(out, "\"%s/%u\"", addr_format_host(text, &a), r->prefix_bits);
    return true;
}

static enum value_outcome parse_choice(const struct schema_key *k, struct str text, struct arena *arena,
                                       void *target, struct err *hint)
{
    enum { CHOICES_MAX = 16 };
    const char *names[CHOICES_MAX];
    size_t count = 0;
    CLEANUP(buf_fini) struct buf all = {0};
    for (const struct schema_choice *c = k->choices; c->name && count < CHOICES_MAX; c++) {
        if (str_eq(text, str_of(c->name))) {
            *(int *)target = c->value;
            return VALUE_OK;
        }
        buf_printf(&all, "%s%s", count ? ", " : "", c->name);
        names[count++] = c->name;
    }
    const char *nearest = str_nearest(text, names, count);
    if (nearest)
        (void)err_set(hint, "did you mean '%s'?", nearest);
    else
        (void)err_set(hint, "one of: %.*s", STR_ARG(buf_str(&all)));
    return VALUE_WRONG;
}

/* ---- times ---- */

static enum value_outcome parse_cron(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    struct config_cron *cron = target;
    if (!cron_parse(text, &cron->times, hint))
        return VALUE_WRONG;
    return keep_text(text, arena, &cron->text);
}

static bool format_cron(const struct schema_key *k, const void *target, struct buf *out)
{
    const struct config_cron *cron = target;
    value_put_quoted(cron->text, out);
    return cron->text.len > 0;
}

static enum value_outcome parse_hours(const struct schema_key *k, struct str text, struct arena *arena,
                                      void *target, struct err *hint)
{
    const char *problem;
    return week_parse_hours(text, target, &problem) ? VALUE_OK : wrong(hint, problem);
}

static bool format_hours(const struct schema_key *k, const void *target, struct buf *out)
{
    const struct week_hours *hours = target;
    char text[WEEK_TEXT_BYTES];
    if (hours->to == 0 && hours->from == 0)
        return false;
    value_put_quoted(str_of(week_format_hours(text, *hours)), out);
    return true;
}

static enum value_outcome parse_days(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    const char *problem;
    return week_parse_days(text, target, &problem) ? VALUE_OK : wrong(hint, problem);
}

static bool format_days(const struct schema_key *k, const void *target, struct buf *out)
{
    char text[WEEK_TEXT_BYTES];
    value_put_quoted(str_of(week_format_days(text, *(const uint8_t *)target)), out);
    return true;
}

static enum value_outcome parse_zone(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    struct config_zone *zone = target;
    if (!zone_file_load(arena, text, &zone->rules, hint))
        return VALUE_WRONG;
    return keep_text(text, arena, &zone->name);
}

static bool format_zone(const struct schema_key *k, const void *target, struct buf *out)
{
    return format_text(k, &((const struct config_zone *)target)->name, out);
}

static bool format_choice(const struct schema_key *k, const void *target, struct buf *out)
{
    for (const struct schema_choice *c = k->choices; c->name; c++) {
        if (c->value != *(const int *)target)
            continue;
        buf_put(out, str_of(c->name));
        return true;
    }
    return false;
}

static_assert(sizeof(enum schema_shape) == sizeof(int), "choices are written as int");

static const struct value_row rows[VALUE_TYPE_COUNT] = {
    [VALUE_COUNT] = {"a whole number", "whole numbers", parse_count, format_count},
    [VALUE_SIZE] = {"a size", "sizes", parse_size, format_size},
    [VALUE_DURATION] = {"a duration", "durations", parse_duration, format_duration},
    [VALUE_PERCENT] = {"a percentage", "percentages", parse_percent, format_percent},
    [VALUE_NICE] = {"a niceness", "nicenesses", parse_nice, format_nice},
    [VALUE_DECIMAL] = {"a number", "numbers", parse_decimal, format_decimal},
    [VALUE_TEXT] = {"a text", "texts", parse_text, format_text},
    [VALUE_WORD] = {"a word", "words", parse_word, format_text},
    [VALUE_NAME] = {"a name", "names", parse_name, format_text},
    [VALUE_VARIABLE] = {"the name of a variable", "names of variables", parse_variable, format_text},
    [VALUE_FILE] = {"a file path", "file paths", parse_file, format_text},
    [VALUE_FULL_FILE] = {"an absolute file path", "absolute file paths", parse_file, format_text},
    [VALUE_PATH] = {"a URL path", "URL paths", parse_path, format_text},
    [VALUE_TARGET] = {"a URL path", "URL paths", parse_path, format_text},
    [VALUE_HOST] = {"a host name", "host names", parse_host, format_text},
    [VALUE_DNS] = {"a DNS name", "DNS names", parse_dns, format_text},
    [VALUE_AUTHORITY] = {"a host", "hosts", parse_authority, format_text},
    [VALUE_MAIL] = {"a mail address", "mail addresses", parse_mail, format_text},
    [VALUE_URL] = {"a URL", "URLs", parse_url, format_text},
    [VALUE_ADDRESS] = {"an address", "addresses", parse_address, format_address},
    [VALUE_RANGE] = {"an address range", "address ranges", parse_address_range, format_address_range},
    [VALUE_CHOICE] = {"a word", "words", parse_choice, format_choice},
    [VALUE_COUNTS] = {"a number of servers", "numbers of servers", parse_counts, format_counts},
    [VALUE_STATUSES] = {"a status code", "status codes", parse_statuses, format_statuses},
    [VALUE_LEAST] = {"a number of servers", "numbers of servers", parse_least, format_least},
    [VALUE_CRON] = {"the five fields of cron", "lines of cron", parse_cron, format_cron},
    [VALUE_HOURS] = {"hours of the day", "hours of the day", parse_hours, format_hours},
    [VALUE_DAYS] = {"days of the week", "days of the week", parse_days, format_days},
    [VALUE_ZONE] = {"a time zone", "time zones", parse_zone, format_zone},
    [VALUE_OBJECTIVE] = {"a percentile and a duration", "objectives", parse_objective, format_objective},
};

const struct value_row *value_row(enum value_type type)
{
    ASSERT(type < VALUE_TYPE_COUNT && rows[type].parse);
    return &rows[type];
}

bool value_is_text(enum value_type type)
{
    return type != VALUE_MAPPING && value_row(type)->format == format_text;
}
