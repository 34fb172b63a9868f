/*
 * error_reply.h: whole responses that Weir gives itself: a status, a sentence, the request's id; HTML or JSON
 * by Accept. Pure: into the caller's bytes.
 */
#pragma once
#include "http/message.h"

enum { ERROR_REPLY_BYTES_MAX = 4096 };       /* always enough with texts of the lengths below */
enum { ERROR_REPLY_DETAIL_BYTES_MAX = 256 }; /* what is longer is cut */

struct error_reply {
    unsigned status;        /* 400..599 */
    struct str detail;      /* one sentence or phrase; escaped here; may be empty */
    struct str accept;      /* the request's Accept, or empty: HTML unless JSON is preferred to it */
    struct str request_id;  /* at most HTTP_REQUEST_ID_BYTES_MAX of [A-Za-z0-9._-]; empty: none */
    struct str date;        /* 29 bytes (date.h); empty: none */
    uint32_t retry_after_s; /* 0: no Retry-After */
    bool is_head;           /* the request was HEAD: no body, same fields */
    bool keeps_alive;       /* else Connection: close */
    uint8_t client_minor_version;
};

/* Returns bytes written, 0 when out is too small (never with ERROR_REPLY_BYTES_MAX). A 405 carries Allow (RFC
 * 9110 §15.5.6). */
size_t error_reply_write(char *out, size_t out_bytes, const struct error_reply *e);

/* Whether an Accept field prefers JSON to HTML, by the q-values of RFC 9110 §12.5.1. Ties, none, and
 * nonsense: HTML. */
bool error_reply_wants_json(struct str accept);
