/*
 * h1_write.h: writes heads for the next hop (RFC 9110 §7.6, RFC 9112, RFC 7239): hop-by-hop fields removed,
 * framing and forwarding fields of our own. Pure: into the caller's bytes, 0 when they do not suffice
 * (nothing useful is then in them).
 */
#pragma once
#include "http/message.h"

enum {
    H1_CHUNK_HEAD_BYTES_MAX = 18, /* sixteen hex digits and CRLF */
    /* "0\r\n\r\n": h1_write_trailers never needs more than this and the length of the trailers. */
    H1_BODY_END_BYTES = 5,
};

#define H1_CONTINUE  STR("HTTP/1.1 100 Continue\r\n\r\n") /* the interim response that Weir gives itself */
#define H1_CHUNK_END STR("\r\n")                          /* behind each chunk's payload */

struct h1_request_context {
    struct str client_ip; /* the peer's address, no port, no brackets, IPv4-mapped as IPv4; empty when it has
                             none (unix socket) */
    bool is_trusted;      /* the peer is one of trusted_proxies: what it says of the client is believed */
    struct str scheme;    /* "http" or "https": how the peer reached us */
    struct str
        authority; /* Host to send when the client gave none (HTTP/1.0); our own address, never empty */
    struct str request_id; /* X-Request-Id to send; empty: none */
    struct str via_name;   /* our name in Via; empty: no Via (RFC 9110 §7.6.3 wants one) */
    bool closes;           /* tell the server that this is the connection's last request */
    bool relays_expect;    /* pass Expect: 100-continue on; else it was answered here */
};

/*
 * The head of r for a server: request line in origin form, HTTP/1.1, then
 *   - the client's fields in their order, without hop-by-hop fields, those that Connection names, and aliases
 * (X_Forwarded_For);
 *   - Host: r->authority; Content-Length or Transfer-Encoding by r->framing; Upgrade and Connection only for
 * r->upgrade;
 *   - from a peer that is not trusted no field of kind ORIGIN survives, and exactly one value of each of
 * X-Forwarded-For, -Proto, -Host, -Port, X-Real-IP and Forwarded is the truth;
 *   - from a trusted one X-Forwarded-For and Forwarded are continued in one line by what we saw (the peer),
 * while -Proto, -Host, -Port keep the peer's last value when it is valid, else the truth; other ORIGIN fields
 * pass. So X-Forwarded-For has one value more than there are trusted proxies in front, the others always have
 * one.
 *   - Proxy-Authorization and Proxy end here: Weir is the proxy they address, and it asks for neither.
 * Returns bytes written.
 */
size_t h1_write_request(char *out, size_t out_bytes, const struct http_request *r,
                        const struct h1_request_context *c);

struct h1_response_context {
    uint8_t client_minor_version; /* what the client speaks */
    bool keeps_alive;             /* its connection will take another request: the caller's decision */
    enum http_framing
        framing;     /* of the body as it will be sent; NONE for HEAD, 204, 304, 101. CHUNKED only to 1.1 */
    struct str date; /* Date when the server gave none (date.h) */
    struct str request_id; /* X-Request-Id to send in place of the server's; empty: the server's passes */
    struct str via_name;   /* empty: no Via */
};

/*
 * The head of a final response, or of 101, for a client: HTTP/1.1 whatever the server spoke, the server's
 * reason phrase, fields without hop-by-hop ones, Connection only where the client must be told. With framing
 * LENGTH it sends r->content_length, with NONE a Content-Length of HEAD or 304 passes. Upgrade passes with
 * 101 and 426.
 */
size_t h1_write_response(char *out, size_t out_bytes, const struct http_response *r,
                         const struct h1_response_context *c);

/* The framing towards a client that suits r: r's own, or CHUNKED for UNTIL_CLOSE when the client speaks
 * HTTP/1.1. */
enum http_framing h1_framing_for_client(const struct http_response *r, uint8_t client_minor_version);

/* A 1xx other than 101, to be relayed to HTTP/1.1 clients only. */
size_t h1_write_interim(char *out, size_t out_bytes, const struct http_response *r, struct str via_name);

/*
 * The end of a chunked body: last chunk, trailers, empty line. `trailers` is what h1_body_decode gave (or
 * empty). Fields of the table above (framing, routing, authentication, forwarding...) are left out: they mean
 * nothing good there (RFC 9110 §6.5.1).
 */
size_t h1_write_trailers(char *out, size_t out_bytes, struct str trailers);

/* "1f\r\n" for a chunk of 31 bytes; payload is not 0, which would end the body. Returns its length. */
size_t h1_write_chunk_head(char out[H1_CHUNK_HEAD_BYTES_MAX], size_t payload_bytes);
