/*
 * message.c: the tables of message.h as data, and look-ups in them.
 *
 * A field name is looked up by its length, which leaves a few names, then by its first letter, which nearly
 * always leaves one. Names are compared with 0x20 set in each byte: that folds case and is exact for tokens,
 * because the bytes that it would confuse with a letter, a digit or `-` are no tchars.
 */
#include "http/message.h"

#include "base/macros.h"
#include "http/scan.h"

#include <assert.h>

static const struct str method_names[] = {
#define X(name) STR(#name),
    HTTP_METHODS(X)
#undef X
};

static const struct {
    struct str name;
    enum http_field_kind kind;
} field_table[HTTP_FIELD_COUNT] = {{{"", 0}, HTTP_KIND_OTHER},
#define X(argument, identifier, name, kind) {{name, sizeof(name) - 1}, HTTP_KIND_##kind},
                                   HTTP_FIELD_TABLE(X, )
#undef X
};

enum { FIELD_NAME_BYTES_MAX = 25 };

/* first_of_length[n]: the first id whose name has n bytes or more; the table is sorted by length. */
#define COUNT_SHORTER(length, identifier, name, kind) +(sizeof(name) - 1 < (length))
#define FIRST(length)                                 1 HTTP_FIELD_TABLE(COUNT_SHORTER, length)
static const uint8_t first_of_length[FIELD_NAME_BYTES_MAX + 2] = {
    FIRST(0),  FIRST(1),  FIRST(2),  FIRST(3),  FIRST(4),  FIRST(5),  FIRST(6),  FIRST(7),  FIRST(8),
    FIRST(9),  FIRST(10), FIRST(11), FIRST(12), FIRST(13), FIRST(14), FIRST(15), FIRST(16), FIRST(17),
    FIRST(18), FIRST(19), FIRST(20), FIRST(21), FIRST(22), FIRST(23), FIRST(24), FIRST(25), FIRST(26),
};
static_assert(FIRST(FIELD_NAME_BYTES_MAX + 1) == HTTP_FIELD_COUNT, "a field name is longer than the index");
static_assert(HTTP_FIELD_COUNT <= 64, "sets of fields are kept in 64 bits");

static const struct {
    uint16_t status;
    const char *phrase;
} fault_table[HTTP_FAULT_COUNT] = {
#define X(identifier, status, phrase) {status, phrase},
    HTTP_FAULTS(X)
#undef X
};

enum http_method http_method_find(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(method_names); i++)
        if (str_eq(text, method_names[i]))
            return (enum http_method)i;
    return HTTP_OTHER;
}

static bool token_is(struct str token, struct str name)
{
    for (size_t i = 0; i < token.len; i++)
        if ((token.ptr[i] | 0x20) != (name.ptr[i] | 0x20))
            return false;
    return true;
}

enum http_field_id http_field_find(struct str name)
{
    if (name.len > FIELD_NAME_BYTES_MAX)
        return HTTP_FIELD_OTHER;
    for (unsigned id = first_of_length[name.len]; id < first_of_length[name.len + 1]; id++)
        if (token_is(name, field_table[id].name))
            return (enum http_field_id)id;
    return HTTP_FIELD_OTHER;
}

struct str http_field_name(enum http_field_id id)
{
    ASSERT(id < HTTP_FIELD_COUNT);
    return field_table[id].name;
}

enum http_field_kind http_field_kind(enum http_field_id id)
{
    ASSERT(id < HTTP_FIELD_COUNT);
    return field_table[id].kind;
}

unsigned http_fault_status(enum http_fault f)
{
    ASSERT(f < HTTP_FAULT_COUNT);
    return fault_table[f].status;
}

const char *http_fault_phrase(enum http_fault f)
{
    ASSERT(f < HTTP_FAULT_COUNT);
    return fault_table[f].phrase;
}

/* IANA's registry of status codes. */
struct str http_status_reason(unsigned status)
{
    static const struct {
        uint16_t status;
        struct str reason;
    } table[] = {
        {100, STR("Continue")},
        {101, STR("Switching Protocols")},
        {102, STR("Processing")},
        {103, STR("Early Hints")},
        {200, STR("OK")},
        {201, STR("Created")},
        {202, STR("Accepted")},
        {204, STR("No Content")},
        {206, STR("Partial Content")},
        {301, STR("Moved Permanently")},
        {302, STR("Found")},
        {303, STR("See Other")},
        {304, STR("Not Modified")},
        {307, STR("Temporary Redirect")},
        {308, STR("Permanent Redirect")},
        {400, STR("Bad Request")},
        {401, STR("Unauthorized")},
        {403, STR("Forbidden")},
        {404, STR("Not Found")},
        {405, STR("Method Not Allowed")},
        {406, STR("Not Acceptable")},
        {408, STR("Request Timeout")},
        {409, STR("Conflict")},
        {410, STR("Gone")},
        {411, STR("Length Required")},
        {412, STR("Precondition Failed")},
        {413, STR("Content Too Large")},
        {414, STR("URI Too Long")},
        {415, STR("Unsupported Media Type")},
        {416, STR("Range Not Satisfiable")},
        {417, STR("Expectation Failed")},
        {421, STR("Misdirected Request")},
        {422, STR("Unprocessable Content")},
        {425, STR("Too Early")},
        {426, STR("Upgrade Required")},
        {428, STR("Precondition Required")},
        {429, STR("Too Many Requests")},
        {431, STR("Request Header Fields Too Large")},
        {500, STR("Internal Server Error")},
        {501, STR("Not Implemented")},
        {502, STR("Bad Gateway")},
        {503, STR("Service Unavailable")},
        {504, STR("Gateway Timeout")},
        {505, STR("HTTP Version Not Supported")},
        {507, STR("Insufficient Storage")},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].status == status)
            return table[i].reason;
    return STR("");
}

static const struct http_field *find_field(const struct http_field *fields, uint32_t count,
                                           enum http_field_id id)
{
    for (uint32_t i = 0; i < count; i++)
        if (fields[i].id == id)
            return &fields[i];
    return NULL;
}

const struct http_field *http_request_field(const struct http_request *r, enum http_field_id id)
{
    return find_field(r->fields, r->field_count, id);
}

const struct http_field *http_response_field(const struct http_response *r, enum http_field_id id)
{
    return find_field(r->fields, r->field_count, id);
}

struct str http_request_id(const struct http_request *r)
{
    const struct http_field *f = http_request_field(r, HTTP_FIELD_X_REQUEST_ID);
    if (!f || f->value.len > HTTP_REQUEST_ID_BYTES_MAX || !str_is_class(f->value, CHAR_ID))
        return STR("");
    uint32_t behind = (uint32_t)(f - r->fields) + 1;
    if (find_field(r->fields + behind, r->field_count - behind, HTTP_FIELD_X_REQUEST_ID))
        return STR("");
    return f->value;
}
