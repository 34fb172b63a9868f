/*
 * h1_rules.c: framing and connection options. Request smuggling is two programs that disagree here, so each
 * doubt is a fault: one Content-Length of plain digits, or one Transfer-Encoding that says `chunked`, never
 * both, never twice.
 */
#include "http/h1_rules.h"

#include "http/scan.h"

enum {
    CONNECTION_OPTIONS_MAX =
        32, /* each is compared with each field: a bound on the work that a stranger can cause */
    LENGTH_DIGITS_MAX = 18, /* below 2^63 whatever the digits */
};

static const struct http_field *first_field(const struct http_field *fields, enum http_field_id id)
{
    while (fields->id != id)
        fields++;
    return fields;
}

static void mark_named(struct http_field *fields, uint32_t count, struct str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (fields[i].id == HTTP_FIELD_OTHER && str_eq_nocase(fields[i].name, name))
            fields[i].flags |= HTTP_FIELD_NAMED_BY_CONNECTION;
}

static void apply_option(struct http_field *fields, uint32_t count, struct str option,
                         struct h1_connection *c)
{
    if (str_eq_nocase(option, STR("keep-alive")))
        c->has_keep_alive = true;
    else if (str_eq_nocase(option, STR("close")))
        c->has_close = true;
    else if (str_eq_nocase(option, STR("upgrade")))
        c->has_upgrade = true;
    else
        mark_named(fields, count, option);
}

enum http_fault h1_connection_parse(struct http_field *fields, const struct h1_fields *noted,
                                    struct h1_connection *ret_connection)
{
    struct h1_connection c = {0};
    int option_count = 0;
    for (uint32_t i = 0; noted->seen & FIELD_BIT(CONNECTION) && i < noted->count; i++) {
        if (fields[i].id != HTTP_FIELD_CONNECTION)
            continue;
        struct str rest = fields[i].value, option;
        while (list_next(&rest, &option)) {
            if (++option_count > CONNECTION_OPTIONS_MAX)
                return HTTP_FAULT_CONNECTION;
            if (option.len == 0)
                continue; /* RFC 9110 §5.6.1.2: empty elements are nothing */
            if (!str_is_class(option, CHAR_TOKEN))
                return HTTP_FAULT_CONNECTION;
            apply_option(fields, noted->count, option, &c);
        }
    }
    *ret_connection = c;
    return HTTP_FAULT_NONE;
}

/*
 * Exactly one `chunked`, the last of the codings. Another coding before it leaves the framing clear but the
 * content encoded in a way that is not offered here: 501. All else is a 400, parameters and empty elements
 * included.
 */
static enum http_fault encoding_fault(struct str value)
{
    if (LIKELY(str_eq_nocase(value, STR("chunked"))))
        return HTTP_FAULT_NONE;
    struct str rest = value, coding;
    bool ends_in_chunked = false;
    while (list_next(&rest, &coding)) {
        if (ends_in_chunked || !str_is_class(coding, CHAR_TOKEN))
            return HTTP_FAULT_ENCODING;
        ends_in_chunked = str_eq_nocase(coding, STR("chunked"));
    }
    return ends_in_chunked ? HTTP_FAULT_ENCODING_UNKNOWN : HTTP_FAULT_ENCODING;
}

static enum http_fault check_encoding(const struct http_field *fields, const struct h1_fields *noted,
                                      uint8_t minor_version)
{
    if (noted->seen & FIELD_BIT(CONTENT_LENGTH))
        return HTTP_FAULT_LENGTH_AND_ENCODING;
    if (noted->repeated & FIELD_BIT(TRANSFER_ENCODING))
        return HTTP_FAULT_ENCODING;
    if (minor_version == 0)
        return HTTP_FAULT_ENCODING_VERSION;
    return encoding_fault(first_field(fields, HTTP_FIELD_TRANSFER_ENCODING)->value);
}

enum http_fault h1_framing_parse(const struct http_field *fields, const struct h1_fields *noted,
                                 uint8_t minor_version, enum http_framing *ret_framing, uint64_t *ret_length)
{
    *ret_framing = HTTP_FRAMING_NONE;
    *ret_length = 0;
    if (noted->seen & FIELD_BIT(TRANSFER_ENCODING)) {
        *ret_framing = HTTP_FRAMING_CHUNKED;
        return check_encoding(fields, noted, minor_version);
    }
    if (!(noted->seen & FIELD_BIT(CONTENT_LENGTH)))
        return HTTP_FAULT_NONE;
    if (noted->repeated & FIELD_BIT(CONTENT_LENGTH))
        return HTTP_FAULT_LENGTH_REPEATED;
    struct str digits = first_field(fields, HTTP_FIELD_CONTENT_LENGTH)->value;
    *ret_framing = HTTP_FRAMING_LENGTH;
    return digits.len <= LENGTH_DIGITS_MAX && str_parse_u64(digits, ret_length) ? HTTP_FAULT_NONE
                                                                                : HTTP_FAULT_LENGTH;
}
