/*
 * h1_fields.h: the field section of an HTTP/1.1 message (RFC 9112 §5): lines of `name: value`, ended by an
 * empty one. Shared by requests, responses and trailers. Private to http/.
 */
#pragma once
#include "base/macros.h"
#include "http/message.h"

struct h1_fields {
    uint32_t count;    /* fields stored */
    uint64_t seen;     /* bit per enum http_field_id */
    uint64_t repeated; /* ...that came more than once */
    bool is_overfull;  /* there were more than the capacity; those are checked but not stored */
};

#define FIELD_BIT(identifier) (UINT64_C(1) << HTTP_FIELD_##identifier)

/* Parses from p; *ret_end is behind the empty line. *ret_fault is set with PARSE_BAD. */
enum parse h1_fields_parse(struct http_field *fields, uint32_t capacity, const char *p, const char *end,
                           struct h1_fields *ret_fields, const char **ret_end,
                           enum http_fault *ret_fault) MUST_USE;

/*
 * Looks at the bytes [from, end) of a section that begins at `section`, those before having been looked at:
 * refuses what h1_fields_parse would refuse, in the same order, at a cost that depends on the new bytes only.
 * PARSE_DONE: the empty line is there, *ret_end is behind it.
 */
enum parse h1_fields_look(const char *section, const char *from, const char *end, const char **ret_end,
                          enum http_fault *ret_fault) MUST_USE;

/* The fault of a byte that may not stand where it stands: a CR, a LF, another control byte; `other` for what
 * is none of them. */
enum http_fault h1_byte_fault(char c, enum http_fault other);

/* Takes the next line off checked lines, each with its CRLF; false when none is left. Sets flags and id like
 * the parser. */
bool h1_fields_next(struct str *lines, struct http_field *ret_field);
