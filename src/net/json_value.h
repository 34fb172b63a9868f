/*
 * json_value.h: reading JSON (RFC 8259): text in, a tree of values out, and back. jansson lives behind this
 * header.
 * Pure, control path. Every getter takes a NULL or wrong-typed value and gives the default, so a reader needs
 * no ladder of checks.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_value; /* opaque; borrowed from the document but for the root */

/* NULL with line, column and reason in err. Repeated keys are refused, since two readers could choose
 * differently. */
struct json_value *json_value_parse(struct str text, struct err *err);
/* The same, but the line is a number of its own and err has the reason alone. */
struct json_value *json_value_parse_placed(struct str text, uint32_t *ret_line, struct err *err);
void json_value_free(struct json_value *root); /* NULL is fine */

bool json_value_is_object(const struct json_value *v);
bool json_value_is_array(const struct json_value *v);
bool json_value_is_number(const struct json_value *v);
bool json_value_is_text(const struct json_value *v);
bool json_value_has(const struct json_value *object, const char *key); /* null counts as there */
const struct json_value *json_value_get(const struct json_value *object, const char *key); /* NULL: absent */
/* What the JSON pointer (RFC 6901) leads to; "" and "#" are v itself. NULL: nothing, or no pointer. */
const struct json_value *json_value_find(const struct json_value *v, const char *pointer);
bool json_value_is_null(const struct json_value *v); /* NULL is not null */
/* A text as it is, an integer in digits; false for anything else, and for what does not fit. */
bool json_value_to_text(const struct json_value *v, char *out, size_t bytes);
double json_value_to_double(const struct json_value *v, double when_other);
size_t json_value_count(const struct json_value *array);                          /* 0 for anything else */
const struct json_value *json_value_at(const struct json_value *array, size_t i); /* NULL: out of range */
const char *json_value_text(const struct json_value *object, const char *key, const char *when_absent);
/* The name of a member, in the order of the text; NULL: there are not so many. */
const char *json_value_member_name(const struct json_value *object, size_t i);
/* Of an item itself; NULL when it is no text, or one with a NUL in it. */
const char *json_value_as_text(const struct json_value *v);
int64_t json_value_int(const struct json_value *object, const char *key,
                       int64_t when_absent);                                              /* integers only */
int64_t json_value_int_at(const struct json_value *array, size_t i, int64_t when_absent); /* integers only */
struct str json_value_text_at(const struct json_value *array, size_t i); /* ends in NUL; empty for others */
double json_value_double(const struct json_value *object, const char *key,
                         double when_absent); /* any number */
bool json_value_bool(const struct json_value *object, const char *key, bool when_absent);

/*
 * For answers that are sent back with one number changed. Sets root[path[0]]...[path[depth - 1]]; false, and
 * nothing changed, when an object on the way is not there. format() writes a value as it was read: whole,
 * numbers without loss, keys in their order.
 */
bool json_value_set_int(struct json_value *root, const char *const path[], size_t depth,
                        int64_t value) MUST_USE;
void json_value_format(const struct json_value *v, struct buf *out);
