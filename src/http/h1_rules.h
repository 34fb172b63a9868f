/*
 * h1_rules.h: what fields mean together in HTTP/1.1, the same for requests and responses: the body's length,
 * the connection's options. Private to http/.
 */
#pragma once
#include "http/h1_fields.h"

struct h1_connection { /* the options of all Connection fields */
    bool has_close, has_keep_alive, has_upgrade;
};

/* Reads the Connection fields and marks the fields that they name. */
enum http_fault h1_connection_parse(struct http_field *fields, const struct h1_fields *noted,
                                    struct h1_connection *ret_connection);

/*
 * What Content-Length and Transfer-Encoding say together (RFC 9112 §6.3). *ret_framing is NONE without
 * either, *ret_length is set with LENGTH.
 */
enum http_fault h1_framing_parse(const struct http_field *fields, const struct h1_fields *noted,
                                 uint8_t minor_version, enum http_framing *ret_framing, uint64_t *ret_length);
