/*
 * forwarding.h: the fields that tell a server who its client is: X-Forwarded-*, X-Real-IP, Forwarded (RFC
 * 7239). Private to http/.
 *
 * Werkzeug's ProxyFix(x_for=1, x_proto=1, x_host=1, x_port=1) takes the last value of each field.
 *   Peer not trusted: there is one value of each, and it is what we saw; so ProxyFix gives the truth.
 *   Peer trusted: X-Forwarded-For ends in the peer's address, so that x_for must count the proxies (2 here),
 * as behind any chain that appends. -Proto, -Host, -Port stay single: the outermost hop's values, which the
 * peer passed on, are what the client used, so x_proto=1 etc. are right for any number of proxies.
 */
#pragma once
#include "http/h1_write.h"
#include "http/out.h"

/* The fields of a request that must not be copied, because they are written by forwarding_write or not
 * believed. Bit per id. */
uint64_t forwarding_replaces(const struct h1_request_context *c);

/* authority: of the request, or c->authority in its place. */
void forwarding_write(struct out *o, const struct http_request *r, const struct h1_request_context *c,
                      struct str authority);
