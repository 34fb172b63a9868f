/*
 * cut.h: parses a message whole, in two pieces at every place, and byte by byte, each time in memory of
 * exactly the size that was received, so that the sanitizer sees a look beyond it, and elsewhere at each
 * call, as a buffer that moves.
 */
#pragma once
#include "http/h1_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct http_limits default_limits = {
    .head_bytes = 32768, .field_count = 100, .target_bytes = 8192};

struct feed {
    char *bytes; /* owned: what the last call saw */
    size_t scanned, head_bytes;
    enum parse verdict;
};

static inline void feed_fini(struct feed *f)
{
    free(f->bytes);
}

/* Calls the parser with the first n bytes of the message. */
static inline void feed_request(struct feed *f, struct http_request *r, struct str message, size_t n,
                                const struct http_limits *limits)
{
    char *bytes = malloc(n ? n : 1);
    memcpy(bytes, message.ptr, n);
    free(f->bytes);
    f->bytes = bytes;
    f->verdict = h1_parse_request(r, bytes, n, limits, &f->scanned, &f->head_bytes);
}

static inline void feed_response(struct feed *f, struct http_response *r, struct str message, size_t n,
                                 enum http_method method, const struct http_limits *limits)
{
    char *bytes = malloc(n ? n : 1);
    memcpy(bytes, message.ptr, n);
    free(f->bytes);
    f->bytes = bytes;
    f->verdict = h1_parse_response(r, bytes, n, method, limits, &f->scanned, &f->head_bytes);
}

static inline void assert_str(struct str is, const char *should)
{
    if (!str_eq(is, str_of(should)))
        fail_msg("\"%.*s\" instead of \"%s\"", STR_ARG(is), should);
}
