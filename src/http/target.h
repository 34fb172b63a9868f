/*
 * target.h: request targets and authorities (RFC 9112 §3.2, RFC 3986). Private to http/.
 *
 * A target may contain what RFC 3986 allows and, because browsers send them raw, [ ] { | } ^ and `: no server
 * reads them in two ways. Never: controls, spaces, bytes above 0x7f, # (a fragment), " < > and \ (some
 * servers read it as /).
 */
#pragma once
#include "http/message.h"

/*
 * Reads r->target, whose bytes are all of CHAR_TARGET, with r->method: sets path_query and path and, from an
 * absolute-form target, authority, host and port (else leaves them empty). Returns the fault.
 */
enum http_fault target_parse(struct http_request *r);

/* `host[:port]` as in Host: a name, an IPv4 address or [IPv6]; no user name; a port of 1..65535. */
bool authority_parse(struct str text, struct str *ret_host, uint16_t *ret_port);
