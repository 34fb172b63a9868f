/*
 * json_value.c: the one file that knows jansson. struct json_value is jansson's json_t under our name; the
 * casts are here only.
 */
#include "net/json_value.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const json_t *inner(const struct json_value *v)
{
    return (const json_t *)v;
}

static const struct json_value *outer(const json_t *v)
{
    return (const struct json_value *)v;
}

static json_t *load(struct str text, json_error_t *problem)
{
    return json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, problem);
}

struct json_value *json_value_parse_placed(struct str text, uint32_t *ret_line, struct err *err)
{
    json_error_t problem;
    json_t *root = load(text, &problem);
    if (!root) {
        *ret_line = (uint32_t)(problem.line > 0 ? problem.line : 1);
        (void)err_set(err, "%s", problem.text);
    }
    return (struct json_value *)root;
}

struct json_value *json_value_parse(struct str text, struct err *err)
{
    json_error_t problem;
    json_t *root = load(text, &problem);
    if (!root)
        (void)err_set(err, "line %d, column %d: %s", problem.line, problem.column, problem.text);
    return (struct json_value *)root;
}

void json_value_free(struct json_value *root)
{
    json_decref((json_t *)root);
}

bool json_value_is_object(const struct json_value *v)
{
    return json_is_object(inner(v));
}

bool json_value_is_array(const struct json_value *v)
{
    return json_is_array(inner(v));
}

bool json_value_is_number(const struct json_value *v)
{
    return json_is_number(inner(v));
}

bool json_value_is_text(const struct json_value *v)
{
    return json_is_string(inner(v));
}

const struct json_value *json_value_get(const struct json_value *object, const char *key)
{
    return outer(json_object_get(inner(object), key));
}

bool json_value_has(const struct json_value *object, const char *key)
{
    return json_value_get(object, key) != NULL;
}

size_t json_value_count(const struct json_value *array)
{
    return json_array_size(inner(array));
}

const struct json_value *json_value_at(const struct json_value *array, size_t i)
{
    return outer(json_array_get(inner(array), i));
}

const char *json_value_text(const struct json_value *object, const char *key, const char *when_absent)
{
    const char *text = json_string_value(json_object_get(inner(object), key));
    return text ? text : when_absent;
}

int64_t json_value_int(const struct json_value *object, const char *key, int64_t when_absent)
{
    const json_t *v = json_object_get(inner(object), key);
    return json_is_integer(v) ? json_integer_value(v) : when_absent;
}

int64_t json_value_int_at(const struct json_value *array, size_t i, int64_t when_absent)
{
    const json_t *v = (const json_t *)json_value_at(array, i);
    return json_is_integer(v) ? json_integer_value(v) : when_absent;
}

struct str json_value_text_at(const struct json_value *array, size_t i)
{
    const json_t *v = (const json_t *)json_value_at(array, i);
    return json_is_string(v) ? str_n(json_string_value(v), json_string_length(v)) : STR("");
}

double json_value_double(const struct json_value *object, const char *key, double when_absent)
{
    const json_t *v = json_object_get(inner(object), key);
    return json_is_number(v) ? json_number_value(v) : when_absent;
}

bool json_value_bool(const struct json_value *object, const char *key, bool when_absent)
{
    const json_t *v = json_object_get(inner(object), key);
    return json_is_boolean(v) ? json_is_true(v) : when_absent;
}

bool json_value_set_int(struct json_value *root, const char *const path[], size_t depth, int64_t value)
{
    json_t *object = (json_t *)root;
    ASSERT(depth > 0);
    for (size_t i = 0; i + 1 < depth; i++)
        object = json_object_get(object, path[i]);
    return json_is_object(object) && json_object_set_new(object, path[depth - 1], json_integer(value)) == 0;
}

static int put(const char *bytes, size_t len, void *context)
{
    buf_put(context, str_n(bytes, len));
    return 0;
}

void json_value_format(const struct json_value *v, struct buf *out)
{
    ASSERT(json_dump_callback(inner(v), put, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0);
}

bool json_value_is_null(const struct json_value *v)
{
    return json_is_null(inner(v));
}

bool json_value_to_text(const struct json_value *v, char *out, size_t bytes)
{
    const json_t *j = inner(v);
    if (json_is_string(j)) {
        size_t len = json_string_length(j);
        if (len >= bytes)
            return false;
        memcpy(out, json_string_value(j), len + 1);
        return true;
    }
    if (!json_is_integer(j))
        return false;
    int len = snprintf(out, bytes, "%lld", (long long)json_integer_value(j));
    return len > 0 && (size_t)len < bytes;
}

double json_value_to_double(const struct json_value *v, double when_other)
{
    return json_is_number(inner(v)) ? json_number_value(inner(v)) : when_other;
}

/* ---- JSON pointers (RFC 6901) ---- */

enum { TOKEN_BYTES_MAX = 256 };

/* One reference token, from behind its slash: ~1 is a slash, ~0 a tilde. Returns its end; NULL: none. */
static const char *read_token(const char *at, char out[TOKEN_BYTES_MAX])
{
    size_t len = 0;
    for (; *at && *at != '/'; at++) {
        char c = *at;
        if (c == '~') {
            at++;
            if (*at != '0' && *at != '1')
                return NULL;
            c = *at == '0' ? '~' : '/';
        }
        if (len + 1 >= TOKEN_BYTES_MAX)
            return NULL;
        out[len++] = c;
    }
    out[len] = '\0';
    return at;
}

static const json_t *item_at(const json_t *array, const char *token)
{
    uint64_t index;
    bool has_zero_before = token[0] == '0' && token[1];
    if (has_zero_before || !str_parse_u64(str_of(token), &index))
        return NULL;
    return json_array_get(array, (size_t)index);
}

const struct json_value *json_value_find(const struct json_value *v, const char *pointer)
{
    const json_t *j = inner(v);
    char token[TOKEN_BYTES_MAX];
    if (strcmp(pointer, "#") == 0)
        return v;
    while (j && *pointer) {
        pointer = *pointer == '/' ? read_token(pointer + 1, token) : NULL;
        if (!pointer)
            return NULL;
        j = json_is_array(j) ? item_at(j, token) : json_object_get(j, token);
    }
    return outer(j);
}

const char *json_value_member_name(const struct json_value *object, size_t i)
{
    json_t *o = (json_t *)object;
    void *at = json_is_object(o) ? json_object_iter(o) : NULL;
    for (; at && i; i--)
        at = json_object_iter_next(o, at);
    return at ? json_object_iter_key(at) : NULL;
}

const char *json_value_as_text(const struct json_value *v)
{
    const json_t *text = inner(v);
    bool is_plain = json_is_string(text) && strlen(json_string_value(text)) == json_string_length(text);
    return is_plain ? json_string_value(text) : NULL;
}
