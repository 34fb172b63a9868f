/*
 * route_path.h: the path that a request is routed by: what most servers take it to mean. Only for choosing
 * the service; the server gets the path as the client wrote it. Pure; any thread.
 */
#pragma once
#include "base/str.h"

/*
 * Escapes of unreserved characters decoded, empty segments dropped, dot segments resolved (RFC 3986 §5.2.4,
 * §6.2.2): so that
 * "/old/../admin/x" and "/%61dmin/x" are routed as what they ask for. *ret_path is `path` itself where
 * nothing is to be done, else in `out`, which holds as many bytes as path.
 *
 * False for a path that servers read in different ways: dot segments that only show when %2F, %5C or `;` are
 * taken for separators, those that lead above the root, and %00. path begins with "/" and its escapes are
 * valid.
 */
bool route_path_resolve(struct str path, char *out, struct str *ret_path);
