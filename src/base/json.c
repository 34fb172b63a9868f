#include "base/json.h"

#include "base/utf8.h"

#include <math.h>

enum { DEPTH_MAX = 16 };

void json_init(struct json *j, struct buf *out)
{
    *j = (struct json){.out = out};
}

static void before_value(struct json *j)
{
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    if (j->has_member & (1u << j->depth))
        buf_put_char(j->out, ',');
    j->has_member |= 1u << j->depth;
}

static void begin(struct json *j, char bracket)
{
    before_value(j);
    buf_put_char(j->out, bracket);
    ASSERT(j->depth < DEPTH_MAX);
    j->depth++;
    j->has_member &= ~(1u << j->depth);
}

static void end(struct json *j, char bracket)
{
    ASSERT(j->depth > 0 && !j->after_key);
    j->depth--;
    buf_put_char(j->out, bracket);
}

void json_begin_object(struct json *j)
{
    begin(j, '{');
}

void json_end_object(struct json *j)
{
    end(j, '}');
}

void json_begin_array(struct json *j)
{
    begin(j, '[');
}

void json_end_array(struct json *j)
{
    end(j, ']');
}

static void put_escaped(struct buf *out, struct str s)
{
    buf_put_char(out, '"');
    while (s.len) {
        unsigned char c = (unsigned char)s.ptr[0];
        size_t n = utf8_sequence(s);
        if (c == '"' || c == '\\') {
            buf_put_char(out, '\\');
            buf_put_char(out, (char)c);
        } else if (c == '\n') {
            buf_put(out, STR("\\n"));
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\u%04x", c);
        } else if (n == 0) {
            buf_put(out, STR("\\ufffd"));
            n = 1;
        } else {
            buf_put(out, str_n(s.ptr, n));
        }
        s = str_n(s.ptr + n, s.len - n);
    }
    buf_put_char(out, '"');
}

void json_key(struct json *j, const char *key)
{
    before_value(j);
    put_escaped(j->out, str_of(key));
    buf_put_char(j->out, ':');
    j->after_key = true;
}

void json_str(struct json *j, struct str value)
{
    before_value(j);
    put_escaped(j->out, value);
}

void json_int(struct json *j, int64_t value)
{
    before_value(j);
    buf_printf(j->out, "%lld", (long long)value);
}

void json_double(struct json *j, double value)
{
    before_value(j);
    if (isfinite(value))
        buf_printf(j->out, "%.10g", value);
    else
        buf_put(j->out, STR("null"));
}

void json_bool(struct json *j, bool value)
{
    before_value(j);
    buf_put(j->out, value ? STR("true") : STR("false"));
}

void json_raw(struct json *j, struct str value)
{
    before_value(j);
    buf_put(j->out, value);
}

void json_null(struct json *j)
{
    before_value(j);
    buf_put(j->out, STR("null"));
}

void json_put_str(struct json *j, const char *key, struct str value)
{
    json_key(j, key);
    json_str(j, value);
}

void json_put_text(struct json *j, const char *key, const char *value)
{
    json_key(j, key);
    if (value)
        json_str(j, str_of(value));
    else
        json_null(j);
}

void json_put_int(struct json *j, const char *key, int64_t value)
{
    json_key(j, key);
    json_int(j, value);
}

void json_put_double(struct json *j, const char *key, double value)
{
    json_key(j, key);
    json_double(j, value);
}

void json_put_int_if(struct json *j, const char *key, bool is_known, int64_t value)
{
    json_key(j, key);
    if (is_known)
        json_int(j, value);
    else
        json_null(j);
}

void json_put_double_if(struct json *j, const char *key, bool is_known, double value)
{
    json_key(j, key);
    if (is_known)
        json_double(j, value);
    else
        json_null(j);
}

void json_put_bool(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_bool(j, value);
}
