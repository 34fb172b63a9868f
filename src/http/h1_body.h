/*
 * h1_body.h: takes the framing off a message body (RFC 9112 §6, §7): gives payload, drops chunk sizes and
 * extensions. One struct h1_body per direction of an exchange; the bytes stay the caller's. Pure.
 */
#pragma once
#include "base/macros.h"
#include "http/message.h"

enum {
    H1_CHUNK_LINE_BYTES_MAX = 256, /* a chunk's size and extensions */
    H1_TRAILER_BYTES_MAX = 4096,   /* the whole trailer section; the caller's buffer must hold as much */
};

struct h1_body {
    uint64_t remaining;       /* LENGTH: of the body; CHUNKED: of the chunk */
    uint16_t line_bytes;      /* of the chunk-size line so far */
    uint16_t trailer_scanned; /* how far the trailer section was looked at */
    uint8_t framing;          /* enum http_framing */
    uint8_t state;
    uint8_t fault; /* enum http_fault: CHUNK or TRAILERS after PARSE_BAD */
};

void h1_body_init(struct h1_body *b, enum http_framing framing, uint64_t content_length);

/*
 * Decodes what `bytes` holds. All three outputs are always set.
 *   *ret_used      how many bytes are done with: the caller drops them and feeds the others again, with more
 * behind them. Only a trailer section that is not yet complete is left unused by PARSE_MORE; then *ret_used
 * may be 0. *ret_payload   the payload among them, one range within the used bytes; may be empty. Payload of
 * several chunks is moved together in place, which is why bytes are not const. *ret_trailers  empty but with
 * PARSE_DONE of a chunked body that had trailers: their checked lines, each with its CRLF, within the used
 * bytes; for h1_write_trailers. PARSE_DONE: the body ends within these bytes; those behind belong to the next
 * message. Called again it uses nothing. PARSE_MORE: the body goes on. PARSE_BAD: the framing is broken,
 * b->fault says how; the payload so far is valid but the message can never be complete.
 */
enum parse h1_body_decode(struct h1_body *b, char *bytes, size_t len, size_t *ret_used,
                          struct str *ret_payload, struct str *ret_trailers) MUST_USE;

bool h1_body_is_done(const struct h1_body *b);
/* The peer closed: PARSE_DONE when the body is complete by that (UNTIL_CLOSE) or was before, else PARSE_BAD:
 * cut off. */
enum parse h1_body_end(struct h1_body *b) MUST_USE;
