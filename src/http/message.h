/*
 * message.h: an HTTP message head as the program sees it: what was asked or answered, its fields, how its
 * body is framed. Filled in by the codecs (h1_parse.h), read by routing and the proxy, written out again by
 * h1_write.h. All text points into the bytes that were parsed (or is constant); nothing here owns memory.
 * Pure; any thread.
 */
#pragma once
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HTTP_FIELDS_MAX = 256,              /* room in a message; limits.field_count may only be lower */
    HTTP_METHOD_BYTES_MAX = 32,         /* a longer method is answered 501 */
    HTTP_AUTHORITY_BYTES_MAX = 255 + 6, /* a DNS name, a colon, a port */
    HTTP_REQUEST_ID_BYTES_MAX = 64,
};

enum parse { PARSE_DONE, PARSE_MORE, PARSE_BAD };

#define HTTP_METHODS(X) X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(OPTIONS) X(PATCH) X(TRACE) X(CONNECT)

enum http_method {
#define X(name) HTTP_##name,
    HTTP_METHODS(X)
#undef X
        HTTP_OTHER, /* any other token: relayed as it is */
};

/*
 * The fields that the program treats specially, shortest names first (the look-up walks names of one length).
 *   HOP      speaks about one connection: never relayed as it is (RFC 9110 §7.6.1)
 *   ORIGIN   says who and where the client is: only a trusted proxy may set it
 *   END      end to end: a Connection field that names it does not strip it
 * X(argument, identifier, name, kind): the argument is passed through to each X.
 */
#define HTTP_FIELD_TABLE(X, argument)                                                                        \
    X(argument, TE, "TE", HOP)                                                                               \
    X(argument, AGE, "Age", END)                                                                             \
    X(argument, VIA, "Via", END)                                                                             \
    X(argument, DATE, "Date", END)                                                                           \
    X(argument, HOST, "Host", END)                                                                           \
    X(argument, VARY, "Vary", END)                                                                           \
    X(argument, PROXY, "Proxy", HOP)                                                                         \
    X(argument, RANGE, "Range", END)                                                                         \
    X(argument, ACCEPT, "Accept", END)                                                                       \
    X(argument, COOKIE, "Cookie", END)                                                                       \
    X(argument, EXPECT, "Expect", END)                                                                       \
    X(argument, SERVER, "Server", END)                                                                       \
    X(argument, EXPIRES, "Expires", END)                                                                     \
    X(argument, REFERER, "Referer", END)                                                                     \
    X(argument, TRAILER, "Trailer", END)                                                                     \
    X(argument, UPGRADE, "Upgrade", HOP)                                                                     \
    X(argument, LOCATION, "Location", END)                                                                   \
    X(argument, FORWARDED, "Forwarded", ORIGIN)                                                              \
    X(argument, X_REAL_IP, "X-Real-IP", ORIGIN)                                                              \
    X(argument, CONNECTION, "Connection", HOP)                                                               \
    X(argument, KEEP_ALIVE, "Keep-Alive", HOP)                                                               \
    X(argument, SET_COOKIE, "Set-Cookie", END)                                                               \
    X(argument, USER_AGENT, "User-Agent", END)                                                               \
    X(argument, RETRY_AFTER, "Retry-After", END)                                                             \
    X(argument, X_CLIENT_IP, "X-Client-IP", ORIGIN)                                                          \
    X(argument, CONTENT_TYPE, "Content-Type", END)                                                           \
    X(argument, MAX_FORWARDS, "Max-Forwards", END)                                                           \
    X(argument, X_REQUEST_ID, "X-Request-Id", END)                                                           \
    X(argument, AUTHORIZATION, "Authorization", END)                                                         \
    X(argument, CACHE_CONTROL, "Cache-Control", END)                                                         \
    X(argument, CONTENT_RANGE, "Content-Range", END)                                                         \
    X(argument, CONTENT_LENGTH, "Content-Length", END)                                                       \
    X(argument, HTTP2_SETTINGS, "HTTP2-Settings", HOP)                                                       \
    X(argument, TRUE_CLIENT_IP, "True-Client-IP", ORIGIN)                                                    \
    X(argument, X_FORWARDED_BY, "X-Forwarded-By", ORIGIN)                                                    \
    X(argument, X_FORWARDED_FOR, "X-Forwarded-For", ORIGIN)                                                  \
    X(argument, X_FORWARDED_SSL, "X-Forwarded-Ssl", ORIGIN)                                                  \
    X(argument, CONTENT_ENCODING, "Content-Encoding", END)                                                   \
    X(argument, PROXY_CONNECTION, "Proxy-Connection", HOP)                                                   \
    X(argument, WWW_AUTHENTICATE, "WWW-Authenticate", END)                                                   \
    X(argument, X_FORWARDED_HOST, "X-Forwarded-Host", ORIGIN)                                                \
    X(argument, X_FORWARDED_PORT, "X-Forwarded-Port", ORIGIN)                                                \
    X(argument, TRANSFER_ENCODING, "Transfer-Encoding", HOP)                                                 \
    X(argument, X_FORWARDED_PROTO, "X-Forwarded-Proto", ORIGIN)                                              \
    X(argument, PROXY_AUTHENTICATE, "Proxy-Authenticate", HOP)                                               \
    X(argument, X_FORWARDED_PREFIX, "X-Forwarded-Prefix", ORIGIN)                                            \
    X(argument, X_FORWARDED_SCHEME, "X-Forwarded-Scheme", ORIGIN)                                            \
    X(argument, X_FORWARDED_SERVER, "X-Forwarded-Server", ORIGIN)                                            \
    X(argument, PROXY_AUTHORIZATION, "Proxy-Authorization", HOP)                                             \
    X(argument, X_CLUSTER_CLIENT_IP, "X-Cluster-Client-IP", ORIGIN)                                          \
    X(argument, X_FORWARDED_PROTOCOL, "X-Forwarded-Protocol", ORIGIN)                                        \
    X(argument, X_FORWARDED_CLIENT_CERT, "X-Forwarded-Client-Cert", ORIGIN)                                  \
    X(argument, PROXY_AUTHENTICATION_INFO, "Proxy-Authentication-Info", HOP)

enum http_field_id {
    HTTP_FIELD_OTHER,
#define X(argument, identifier, name, kind) HTTP_FIELD_##identifier,
    HTTP_FIELD_TABLE(X, )
#undef X
        HTTP_FIELD_COUNT,
};

enum http_field_kind { HTTP_KIND_OTHER, HTTP_KIND_HOP, HTTP_KIND_ORIGIN, HTTP_KIND_END };

enum http_field_flag {
    /* Named by Connection, so it ends here. Only set on OTHER fields: the table says what becomes of the
       others. */
    HTTP_FIELD_NAMED_BY_CONNECTION = 1 << 0,
    /*
     * In a request: a CGI-like server would take it for a field of the table, because it maps `-` and this
     * name's `_` (or `.`, `~`...) to the same character: X_Forwarded_For. Never relayed.
     */
    HTTP_FIELD_ALIAS = 1 << 1,
    /* The bytes are exactly `name: value CRLF`, so that neighbours can be copied in one go. */
    HTTP_FIELD_CONTIGUOUS = 1 << 2,
};

struct http_field {
    struct str name;  /* a token, as it was written */
    struct str value; /* without blanks around it; no control byte but tab; bytes above 0x7f are possible */
    uint8_t id;       /* enum http_field_id */
    uint8_t flags;    /* enum http_field_flag */
};

/*
 * Why a message is refused. X(identifier, status, phrase): the status is what a client is told when its
 * request is refused; a server's response with a fault becomes 502. The phrase is for the log and the error
 * page: constant text, nothing of the sender.
 */
#define HTTP_FAULTS(X)                                                                                       \
    X(NONE, 0, "")                                                                                           \
    X(CONTROL_BYTE, 400, "a control byte in the head")                                                       \
    X(BARE_CR, 400, "a CR that no LF follows")                                                               \
    X(BARE_LF, 400, "a LF that no CR precedes")                                                              \
    X(START_LINE, 400, "a malformed first line")                                                             \
    X(METHOD, 400, "a method that is not a token")                                                           \
    X(METHOD_LENGTH, 501, "a method that is too long")                                                       \
    X(CONNECT, 405, "CONNECT is not offered here")                                                           \
    X(TARGET, 400, "an invalid request target")                                                              \
    X(TARGET_LENGTH, 414, "a request target that is too long")                                               \
    X(VERSION, 400, "a malformed HTTP version")                                                              \
    X(VERSION_UNKNOWN, 505, "an HTTP version other than 1.0 and 1.1")                                        \
    X(STATUS, 400, "an invalid status code")                                                                 \
    X(HEAD_BYTES, 431, "a head that is too long")                                                            \
    X(FIELD_COUNT, 431, "too many fields")                                                                   \
    X(FIELD_LINE, 400, "a malformed field line")                                                             \
    X(FIELD_NAME, 400, "an invalid field name")                                                              \
    X(FOLDED_LINE, 400, "a field folded over lines")                                                         \
    X(HOST_MISSING, 400, "no Host field")                                                                    \
    X(HOST_REPEATED, 400, "more than one Host field")                                                        \
    X(HOST, 400, "an invalid Host field")                                                                    \
    X(LENGTH, 400, "an invalid Content-Length")                                                              \
    X(LENGTH_REPEATED, 400, "more than one Content-Length")                                                  \
    X(LENGTH_AND_ENCODING, 400, "both Content-Length and Transfer-Encoding")                                 \
    X(ENCODING, 400, "an invalid Transfer-Encoding")                                                         \
    X(ENCODING_UNKNOWN, 501, "a transfer coding other than chunked")                                         \
    X(ENCODING_VERSION, 400, "Transfer-Encoding in an HTTP/1.0 message")                                     \
    X(CONNECTION, 400, "an invalid Connection field")                                                        \
    X(EXPECT, 417, "an expectation other than 100-continue")                                                 \
    X(CHUNK, 400, "a malformed chunk")                                                                       \
    X(TRAILERS, 400, "a malformed trailer section")

enum http_fault {
#define X(identifier, status, phrase) HTTP_FAULT_##identifier,
    HTTP_FAULTS(X)
#undef X
        HTTP_FAULT_COUNT,
};

struct http_limits {
    size_t head_bytes;    /* first line and fields together, empty line included -> 431 */
    uint32_t field_count; /* at most HTTP_FIELDS_MAX -> 431 */
    size_t target_bytes;  /* below head_bytes -> 414 */
};

enum http_framing {
    HTTP_FRAMING_NONE,   /* no body */
    HTTP_FRAMING_LENGTH, /* content_length bytes, possibly 0 */
    HTTP_FRAMING_CHUNKED,
    HTTP_FRAMING_UNTIL_CLOSE, /* responses only: the end of the connection ends the body */
};

struct http_request {
    enum http_method method;
    struct str method_text; /* what goes into the request line: methods are case-sensitive */
    struct str target;      /* as it was written, in any form */
    /*
     * The target in origin form: `/a?b`, `*` for OPTIONS *. From an absolute-form target its path and query.
     * It begins with
     * `?` when an absolute-form target has a query but no path: the writer then puts `/` before it.
     */
    struct str path_query;
    struct str
        path; /* without query; always begins with `/`, or is `*`; still percent-encoded, dot segments kept */
    /*
     * The authority that counts: the absolute-form target's, else Host's, as the client wrote it
     * (`Example.com:8080`); valid. Empty only in HTTP/1.0 without Host.
     */
    struct str authority;
    struct str host;           /* without port; IPv6 keeps its brackets; any case */
    uint16_t port;             /* 0: none written */
    uint8_t minor_version;     /* 0 or 1 */
    enum http_framing framing; /* never UNTIL_CLOSE */
    uint64_t content_length;   /* with framing LENGTH */
    bool wants_keep_alive;
    bool expects_continue; /* Expect: 100-continue, in HTTP/1.1, with a body to come */
    bool accepts_trailers; /* TE: trailers */
    /*
     * The protocols offered, or empty. Set only when an HTTP/1.1 request without a body has one Upgrade
     * field, Connection says `upgrade`, and h2c is not among them (it would open a way around every rule of
     * this proxy).
     */
    struct str upgrade;
    struct str accept;     /* the first Accept field, or empty */
    int64_t max_forwards;  /* of OPTIONS and TRACE, -1: none. At 0 the request is answered here (RFC 9110
                              §7.6.2) */
    enum http_fault fault; /* set when parsing gave PARSE_BAD */
    uint32_t field_count;
    struct http_field fields[HTTP_FIELDS_MAX];
};

struct http_response {
    uint16_t status;   /* 100..599 */
    struct str reason; /* may be empty */
    uint8_t minor_version;
    enum http_framing framing; /* by RFC 9112 §6.3, the request's method considered */
    bool has_content_length;   /* also for HEAD and 304, where it frames nothing */
    uint64_t content_length;
    bool keeps_alive; /* the server will take another request on this connection after the body */
    bool is_upgrade;  /* 101: the bytes that follow belong to the new protocol. Whether it was asked for: the
                         caller's check */
    bool has_date;
    struct str upgrade; /* the Upgrade field of 101 and 426, else empty */
    enum http_fault fault;
    uint32_t field_count;
    struct http_field fields[HTTP_FIELDS_MAX];
};

enum http_method http_method_find(struct str text);  /* HTTP_OTHER when unknown; case-sensitive */
enum http_field_id http_field_find(struct str name); /* any case; name is a token */
struct str http_field_name(enum http_field_id id);   /* as it is written by convention; empty for OTHER */
enum http_field_kind http_field_kind(enum http_field_id id);
unsigned http_fault_status(enum http_fault f); /* for a request; 0 for NONE */
const char *http_fault_phrase(enum http_fault f);
struct str http_status_reason(unsigned status); /* "Bad Gateway"; "" when it has no standard phrase */

/* First field with this id, or NULL. */
const struct http_field *http_request_field(const struct http_request *r, enum http_field_id id);
const struct http_field *http_response_field(const struct http_response *r, enum http_field_id id);

/*
 * The id that the client gave its request: one X-Request-Id of 1 to HTTP_REQUEST_ID_BYTES_MAX of
 * [A-Za-z0-9._-]; else empty, and the caller makes one. It is kept from any client: it names a request for
 * those who read logs and grants nothing.
 */
struct str http_request_id(const struct http_request *r);
