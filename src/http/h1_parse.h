/*
 * h1_parse.h: the HTTP/1.1 head parser (RFC 9112), strict: what two parsers could read differently is
 * refused. Pure: looks at bytes, allocates nothing, keeps no state but *scanned. Any thread.
 * docs/design/0002-http1-codec.md tells each decision that the RFC leaves open.
 */
#pragma once
#include "base/macros.h"
#include "http/message.h"

/*
 * Parses the head of a request at the beginning of `bytes`.
 *   PARSE_DONE  r is filled in, all of it; *ret_head_bytes is the head's length, leading empty lines and last
 * CRLF included. PARSE_MORE  call again with the same bytes and more behind them (they may lie elsewhere by
 * then); r says nothing. PARSE_BAD   r->fault says why, the rest of r nothing; the connection cannot be used
 * further. *scanned is 0 at the start of each message and otherwise what the last call left there: how far it
 * looked. With it a head that comes byte by byte costs linear time.
 *
 * Control bytes, bare CR or LF, and everything about the first line are refused as soon as they are seen, a
 * malformed field line when its line has ended, what is wrong between fields (lengths, Host) when the head
 * has ended. The same message gets the same verdict however it is cut into pieces.
 *
 * Up to two empty lines before the request are skipped (RFC 9112 §2.2). `limits` are borrowed for the call.
 */
enum parse h1_parse_request(struct http_request *r, const char *bytes, size_t len,
                            const struct http_limits *limits, size_t *scanned,
                            size_t *ret_head_bytes) MUST_USE;

/*
 * The same for a response; request_method is the method that it answers (HEAD has no body whatever the fields
 * say). An interim response (1xx) is a message of its own: the final one follows, with *scanned from 0.
 * limits->target_bytes is not used. A fault means 502 to the client.
 */
enum parse h1_parse_response(struct http_response *r, const char *bytes, size_t len,
                             enum http_method request_method, const struct http_limits *limits,
                             size_t *scanned, size_t *ret_head_bytes) MUST_USE;
