/*
 * fetch.h: one HTTP request to somebody else's server, answered before the call returns: for the commands of
 * the terminal and for job threads (webhooks, cloud calls). Never on a loop's thread: it blocks up to its
 * timeout. libcurl lives behind this header (RFC 9110 semantics, HTTP/1.1 and HTTP/2, TLS verified against
 * the system's store).
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdint.h>

enum { FETCH_RESPONSE_BYTES_MAX = 16 * 1024 * 1024 };

struct fetch_request {
    const char *method;         /* "GET", "POST"... */
    const char *url;            /* http:// or https://, nothing else is spoken; redirects are not followed */
    const char *const *headers; /* "Name: value"; may be NULL */
    size_t header_count;
    struct str body;           /* sent when method is not GET or HEAD; may be empty */
    const char *bearer_token;  /* NULL or "": none. Only ever sent, never part of an error text */
    const char *unix_socket;   /* NULL: TCP; else a path, and url's host is only the Host field */
    bool is_direct;            /* true: proxies of the environment (http_proxy...) are not used */
    int64_t timeout_ns;        /* for the whole exchange; > 0 */
    size_t response_bytes_max; /* 0: FETCH_RESPONSE_BYTES_MAX; a longer body is an error */
};

struct fetch_response {
    int status;            /* 100..599 */
    struct buf body;       /* owned */
    int64_t retry_after_s; /* -1: no Retry-After (RFC 9110 §10.2.3); a date is turned into seconds from now */
};

/*
 * Any thread; nothing is shared between calls. True when an answer came, whatever its status; false when none
 * did (refused, timed out, TLS), err->retryable when trying again later makes sense. *ret_response is to be
 * freed on success only.
 */
bool fetch(const struct fetch_request *request, struct fetch_response *ret_response,
           struct err *err) MUST_USE;
void fetch_response_fini(struct fetch_response *response);
