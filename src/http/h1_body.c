/*
 * h1_body.c: bodies. Length and until-close are counting; chunked is a state machine over the bytes of the
 * framing, while the payload is skipped by its length:
 *
 *   SIZE -> SIZE_DIGITS -> (extension states) -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE ...
 *                                                  | size 0
 *                                                  +-> TRAILERS -> DONE
 *
 * Extensions are checked by RFC 9112 §7.1.1 and dropped: nobody uses them, and proxies that skipped them
 * carelessly let requests be smuggled through a quoted string or a bare LF. The trailer section is not taken
 * until all of it is there.
 */
#include "http/h1_body.h"

#include "http/h1_fields.h"
#include "http/scan.h"

/* clang-format off */
enum body_state {
    BODY_PLAIN,           /* LENGTH and UNTIL_CLOSE: bytes are payload */
    BODY_SIZE,            /* before the first digit of a chunk's size */
    BODY_SIZE_DIGITS,
    BODY_EXTENSION_BLANK, /* blanks, then `;` */
    BODY_NAME_BLANK,      /* behind `;`: blanks, then a name */
    BODY_NAME,
    BODY_AFTER_NAME,      /* blanks behind a name, then `=` or `;` */
    BODY_VALUE_BLANK,     /* behind `=`: blanks, then a token or a quoted string */
    BODY_VALUE,
    BODY_QUOTED,
    BODY_QUOTED_PAIR,     /* behind `\` */
    BODY_AFTER_QUOTED,    /* blanks, `;` or the CR */
    BODY_SIZE_LF,
    BODY_DATA,
    BODY_DATA_CR,
    BODY_DATA_LF,
    BODY_TRAILERS,
    BODY_DONE,
    BODY_BROKEN,
};
/* clang-format on */

enum {
    SIZE_DIGITS_MAX = 16
}; /* leading zeros count: a reader with a 64-bit window would lose the digits before them */

void h1_body_init(struct h1_body *b, enum http_framing framing, uint64_t content_length)
{
    *b = (struct h1_body){.framing = (uint8_t)framing, .state = BODY_PLAIN};
    if (framing == HTTP_FRAMING_LENGTH)
        b->remaining = content_length;
    if (framing == HTTP_FRAMING_CHUNKED)
        b->state = BODY_SIZE;
    else if (framing != HTTP_FRAMING_UNTIL_CLOSE && b->remaining == 0)
        b->state = BODY_DONE;
}

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

static enum body_state add_digit(struct h1_body *b, char c)
{
    if (b->line_bytes >= SIZE_DIGITS_MAX || b->remaining > (uint64_t)INT64_MAX >> 4)
        return BODY_BROKEN;
    b->remaining = b->remaining << 4 | hex_value(c);
    return BODY_SIZE_DIGITS;
}

/* Behind a complete part of the line: a further extension or the end; blanks only where one may follow. */
static enum body_state next_extension(char c, enum body_state if_blank)
{
    if (c == ';')
        return BODY_NAME_BLANK;
    if (c == '\r')
        return BODY_SIZE_LF;
    return char_is_blank(c) ? if_blank : BODY_BROKEN;
}

static enum body_state after_name(char c)
{
    return c == '=' ? BODY_VALUE_BLANK : next_extension(c, BODY_AFTER_NAME);
}

static enum body_state in_quoted(char c)
{
    if (c == '"')
        return BODY_AFTER_QUOTED;
    if (c == '\\')
        return BODY_QUOTED_PAIR;
    return char_is(c, CHAR_QUOTED) ? BODY_QUOTED : BODY_BROKEN;
}

/* One byte of a chunk-size line. A blank at the line's end is not in the grammar: the states behind blanks
 * take no CR. */
static enum body_state line_step(struct h1_body *b, char c)
{
    switch ((enum body_state)b->state) {
    case BODY_SIZE:
        return char_is(c, CHAR_HEX) ? add_digit(b, c) : BODY_BROKEN;
    case BODY_SIZE_DIGITS:
        return char_is(c, CHAR_HEX) ? add_digit(b, c) : next_extension(c, BODY_EXTENSION_BLANK);
    case BODY_EXTENSION_BLANK:
        return c == '\r' ? BODY_BROKEN : next_extension(c, BODY_EXTENSION_BLANK);
    case BODY_NAME_BLANK:
        return char_is_blank(c) ? BODY_NAME_BLANK : char_is(c, CHAR_TOKEN) ? BODY_NAME : BODY_BROKEN;
    case BODY_NAME:
        return char_is(c, CHAR_TOKEN) ? BODY_NAME : after_name(c);
    case BODY_AFTER_NAME:
        return c == '\r' ? BODY_BROKEN : after_name(c);
    case BODY_VALUE_BLANK:
        if (c == '"')
            return BODY_QUOTED;
        return char_is_blank(c) ? BODY_VALUE_BLANK : char_is(c, CHAR_TOKEN) ? BODY_VALUE : BODY_BROKEN;
    case BODY_VALUE:
        return char_is(c, CHAR_TOKEN) ? BODY_VALUE : next_extension(c, BODY_EXTENSION_BLANK);
    case BODY_QUOTED:
        return in_quoted(c);
    case BODY_QUOTED_PAIR:
        return char_is(c, CHAR_QUOTED) || c == '"' || c == '\\' ? BODY_QUOTED : BODY_BROKEN;
    case BODY_AFTER_QUOTED:
        return next_extension(c, BODY_EXTENSION_BLANK);
    case BODY_SIZE_LF:
        b->line_bytes = 0;
        return c != '\n' ? BODY_BROKEN : b->remaining ? BODY_DATA : BODY_TRAILERS;
    case BODY_DATA_CR:
        return c == '\r' ? BODY_DATA_LF : BODY_BROKEN;
    case BODY_DATA_LF:
        return c == '\n' ? BODY_SIZE : BODY_BROKEN;
    case BODY_PLAIN:
    case BODY_DATA:
    case BODY_TRAILERS:
    case BODY_DONE:
    case BODY_BROKEN:
        break;
    }
    ASSERT(!"a state in which bytes are no framing");
    return BODY_BROKEN;
}

static void step(struct h1_body *b, char c)
{
    enum body_state before = (enum body_state)b->state;
    b->state = (uint8_t)line_step(b, c);
    bool is_line = before < BODY_SIZE_LF;
    if (is_line && ++b->line_bytes > H1_CHUNK_LINE_BYTES_MAX)
        b->state = BODY_BROKEN;
    if (b->state == BODY_BROKEN)
        b->fault = HTTP_FAULT_CHUNK;
}

struct payload { /* what was found so far, one range */
    char *ptr;
    size_t len;
};

/* Appends n bytes at p to the payload, which lies before p. */
static void gather(struct payload *payload, char *p, size_t n)
{
    if (payload->len == 0)
        payload->ptr = p;
    else
        memmove(payload->ptr + payload->len, p, n);
    payload->len += n;
}

static size_t take_data(struct h1_body *b, char *p, size_t len, struct payload *payload)
{
    size_t n = MIN(b->remaining, len);
    gather(payload, p, n);
    b->remaining -= n;
    if (b->remaining == 0)
        b->state = b->framing == HTTP_FRAMING_CHUNKED ? BODY_DATA_CR : BODY_DONE;
    return n;
}

/* The section from its first line to its empty line, or nothing of it. */
static size_t take_trailers(struct h1_body *b, const char *section, size_t len, struct str *ret_trailers)
{
    enum http_fault fault;
    const char *section_end;
    size_t visible = MIN(len, (size_t)H1_TRAILER_BYTES_MAX);
    size_t looked = MIN((size_t)b->trailer_scanned, visible);
    enum parse verdict = h1_fields_look(section, section + looked, section + visible, &section_end, &fault);
    if (verdict == PARSE_DONE) {
        b->state = BODY_DONE;
        *ret_trailers = str_n(section, (size_t)(section_end - section) - 2);
        return (size_t)(section_end - section);
    }
    b->trailer_scanned = (uint16_t)visible;
    if (verdict == PARSE_BAD || len >= H1_TRAILER_BYTES_MAX) {
        b->state = BODY_BROKEN;
        b->fault = HTTP_FAULT_TRAILERS;
    }
    return 0;
}

static size_t decode_chunked(struct h1_body *b, char *bytes, size_t len, struct payload *payload,
                             struct str *ret_trailers)
{
    size_t at = 0;
    while (at < len && b->state != BODY_BROKEN) {
        if (b->state == BODY_DATA) {
            at += take_data(b, bytes + at, len - at, payload);
        } else if (b->state == BODY_TRAILERS) {
            at += take_trailers(b, bytes + at, len - at, ret_trailers);
            break;
        } else {
            step(b, bytes[at++]);
        }
    }
    return at;
}

static enum parse verdict_of(const struct h1_body *b)
{
    if (b->state == BODY_DONE)
        return PARSE_DONE;
    return b->state == BODY_BROKEN ? PARSE_BAD : PARSE_MORE;
}

enum parse h1_body_decode(struct h1_body *b, char *bytes, size_t len, size_t *ret_used,
                          struct str *ret_payload, struct str *ret_trailers)
{
    struct payload payload = {bytes, 0};
    *ret_used = 0;
    *ret_payload = *ret_trailers = STR("");
    if (b->state == BODY_DONE || b->state == BODY_BROKEN || len == 0)
        return verdict_of(b);
    if (b->framing == HTTP_FRAMING_CHUNKED) {
        *ret_used = decode_chunked(b, bytes, len, &payload, ret_trailers);
    } else if (b->framing == HTTP_FRAMING_LENGTH) {
        *ret_used = take_data(b, bytes, len, &payload);
    } else {
        *ret_used = payload.len = len;
    }
    *ret_payload = str_n(payload.ptr, payload.len);
    return verdict_of(b);
}

bool h1_body_is_done(const struct h1_body *b)
{
    return b->state == BODY_DONE;
}

enum parse h1_body_end(struct h1_body *b)
{
    if (b->framing == HTTP_FRAMING_UNTIL_CLOSE)
        b->state = BODY_DONE;
    else if (b->state != BODY_DONE)
        b->state = BODY_BROKEN;
    return verdict_of(b);
}
