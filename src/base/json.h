/*
 * json.h: a small JSON writer into a buf; commas and escapes are its business. Control path, one thread.
 * Nesting up to 16. Invalid UTF-8 is written as U+FFFD so that the output is always JSON.
 */
#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct json {
    struct buf *out; /* borrowed */
    int depth;
    uint32_t has_member; /* bit per depth: a comma is due */
    bool after_key;
};

void json_init(struct json *j, struct buf *out);
void json_begin_object(struct json *j);
void json_end_object(struct json *j);
void json_begin_array(struct json *j);
void json_end_array(struct json *j);
void json_key(struct json *j, const char *key);
void json_str(struct json *j, struct str value);
void json_int(struct json *j, int64_t value);
void json_double(struct json *j, double value); /* NaN and infinities become null */
void json_bool(struct json *j, bool value);
void json_null(struct json *j);
void json_raw(struct json *j, struct str value); /* text that is one JSON value already */

/* key and value in one call */
void json_put_str(struct json *j, const char *key, struct str value);
void json_put_text(struct json *j, const char *key, const char *value); /* NULL becomes null */
void json_put_int(struct json *j, const char *key, int64_t value);
void json_put_double(struct json *j, const char *key, double value);
void json_put_bool(struct json *j, const char *key, bool value);
/* null when it is not known. */
void json_put_int_if(struct json *j, const char *key, bool is_known, int64_t value);
void json_put_double_if(struct json *j, const char *key, bool is_known, double value);
