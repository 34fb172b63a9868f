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
    const char *url;            /* http:// or https://, nothing else is spoken */
    const char *const *headers; /* "Name: value"; may be NULL */
    size_t header_count;
    struct str body;             /* sent when method is not GET or HEAD; may be empty */
    const char *bearer_token;    /* NULL or "": none. Only ever sent, never part of an error text */
    const char *unix_socket;     /* NULL: TCP; else a path, and url's host is only the Host field */
    bool is_direct;              /* true: proxies of the environment (http_proxy...) are not used */
    int64_t timeout_ns;          /* for the whole exchange; > 0 */
    size_t response_bytes_max;   /* 0: FETCH_RESPONSE_BYTES_MAX; a longer body is an error */
    const struct fetch_tls *tls; /* NULL: the system's store, no certificate of ours */
    const char *answer_field;    /* NULL: none; else a field of the answer that is wanted, by its name */
    const struct fetch_stream *stream; /* NULL: the body is collected */
    uint32_t redirects_max;            /* followed at most; 0: none, the redirect is the answer */
    /* Nothing is asked: the call ends when the connection is there, with https when the TLS handshake is
     * done, too. The status is 0 then. */
    bool is_connect_only;
    /* Whoever answers is let pass, only to read the certificate: for is_connect_only alone. */
    bool is_anybody_trusted;
    bool is_certificate_wanted; /* see certificate_end_s */
};

/* Files in PEM. Each may be NULL or "". */
struct fetch_tls {
    const char *ca_file;   /* whom to trust instead of the system's store */
    const char *cert_file; /* who we are... */
    const char *key_file;  /* ...and its key; asked for when there is a cert_file */
};

/* For bodies that go on for long. Both are called on the thread that called fetch(). */
struct fetch_stream {
    void *context;
    /* Some bytes of the body of a 2xx answer, as they come; those of others are collected. False: enough,
     * and fetch() returns true. NULL: collected. */
    bool (*on_bytes)(void *context, struct str bytes);
    /* Asked about once a second; true ends it, and fetch() returns false. NULL: never. */
    bool (*is_cancelled)(void *context);
};

enum { FETCH_FIELD_BYTES = 64, FETCH_PEER_BYTES = 64 };

struct fetch_response {
    int status;            /* 100..599 */
    struct buf body;       /* owned */
    int64_t retry_after_s; /* -1: no Retry-After (RFC 9110 §10.2.3); a date is turned into seconds from now */
    char field[FETCH_FIELD_BYTES]; /* the answer_field's value, cut; "" when there is none */
    int64_t total_ns;              /* from the call to the last byte, redirects included */
    uint32_t redirects;            /* followed */
    /* When the first certificate of the chain that was shown ends to be valid, seconds since 1970; 0: there
     * was none, or nobody wanted to know. */
    int64_t certificate_end_s;
    char peer[FETCH_PEER_BYTES]; /* the address that answered, without its port; "" when there is none */
};

/*
 * Any thread; nothing is shared between calls. True when an answer came, whatever its status; false when none
 * did (refused, timed out, TLS). err->retryable: time alone may mend it; else people have to act first, for
 * the URL, the files of TLS or the certificate of the other side is wrong, or the answer is not what was
 * asked for. That is a hint for how soon to ask again and for how to call it, no reason to give up: a
 * certificate is renewed without anybody telling Weir. Sinks try all alike; drivers call the second a fault
 * of configuration, which is asked again after 2 s to 30 s instead of half a second (provider/pace.h).
 * *ret_response is to be freed on success only.
 */
bool fetch(const struct fetch_request *request, struct fetch_response *ret_response,
           struct err *err) MUST_USE;
void fetch_response_fini(struct fetch_response *response);
