/*
 * target.c: the forms of a request target. An absolute-form target is cut into authority and origin form, so
 * that the rest of the program knows one form only. In the path every % must begin a valid escape; the query
 * is the application's own language.
 */
#include "http/target.h"

#include "base/macros.h"
#include "http/scan.h"

#include <arpa/inet.h>

static bool port_parse(struct str text, uint16_t *ret_port)
{
    uint64_t port;
    if (text.len > 5 || !str_parse_u64(text, &port) || port == 0 || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* [IPv6] at the beginning of text; zones and IPvFuture have no meaning in a URI that crosses hosts. */
static bool ip_literal_parse(struct str text, size_t *ret_bytes)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr binary;
    size_t close;
    if (!str_find(text, ']', &close) || close - 1 >= sizeof(address))
        return false;
    str_copy(address, sizeof(address), str_n(text.ptr + 1, close - 1));
    *ret_bytes = close + 1;
    return inet_pton(AF_INET6, address, &binary) == 1;
}

bool authority_parse(struct str text, struct str *ret_host, uint16_t *ret_port)
{
    if (text.len == 0 || text.len > HTTP_AUTHORITY_BYTES_MAX)
        return false;
    const char *end = text.ptr + text.len;
    size_t host_bytes;
    if (text.ptr[0] != '[')
        host_bytes = (size_t)(scan_class(text.ptr, end, CHAR_HOST) - text.ptr);
    else if (!ip_literal_parse(text, &host_bytes))
        return false;
    uint16_t port = 0;
    struct str rest = str_n(text.ptr + host_bytes, text.len - host_bytes);
    if (host_bytes == 0 || (rest.len && rest.ptr[0] != ':'))
        return false;
    /* RFC 3986 §3.2.3 allows a colon without a port: it means the default one. */
    if (rest.len > 1 && !port_parse(str_n(rest.ptr + 1, rest.len - 1), &port))
        return false;
    *ret_host = str_n(text.ptr, host_bytes);
    *ret_port = port;
    return true;
}

static bool escapes_are_valid(struct str path)
{
    size_t at;
    while (str_find(path, '%', &at)) {
        if (path.len - at < 3 || !char_is(path.ptr[at + 1], CHAR_HEX) || !char_is(path.ptr[at + 2], CHAR_HEX))
            return false;
        path = str_n(path.ptr + at + 3, path.len - at - 3);
    }
    return true;
}

static enum http_fault set_path(struct http_request *r, struct str path_query)
{
    size_t path_bytes = path_query.len;
    (void)str_find(path_query, '?', &path_bytes);
    r->path_query = path_query;
    r->path = path_bytes ? str_n(path_query.ptr, path_bytes) : STR("/");
    return escapes_are_valid(r->path) ? HTTP_FAULT_NONE : HTTP_FAULT_TARGET;
}

/* The bytes of `http://` or `https://` at the beginning, 0 when there is neither. */
static size_t scheme_bytes(struct str target)
{
    static const struct str schemes[] = {STR("http://"), STR("https://")};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (target.len >= schemes[i].len && str_eq_nocase(str_n(target.ptr, schemes[i].len), schemes[i]))
            return schemes[i].len;
    return 0;
}

static enum http_fault absolute_form_parse(struct http_request *r)
{
    size_t from = scheme_bytes(r->target), to = from;
    if (!from)
        return HTTP_FAULT_TARGET;
    while (to < r->target.len && r->target.ptr[to] != '/' && r->target.ptr[to] != '?')
        to++;
    r->authority = str_n(r->target.ptr + from, to - from);
    if (!authority_parse(r->authority, &r->host, &r->port))
        return HTTP_FAULT_TARGET;
    if (to < r->target.len)
        return set_path(r, str_n(r->target.ptr + to, r->target.len - to));
    /* RFC 9112 §3.2.4: OPTIONS of a server as a whole, told through a proxy. */
    return set_path(r, r->method == HTTP_OPTIONS ? STR("*") : STR("/"));
}

enum http_fault target_parse(struct http_request *r)
{
    ASSERT(r->target.len > 0);
    r->authority = r->host = STR("");
    r->port = 0;
    if (r->method == HTTP_CONNECT)
        return HTTP_FAULT_CONNECT;
    if (r->target.ptr[0] == '/')
        return set_path(r, r->target);
    if (str_eq(r->target, STR("*")))
        return r->method == HTTP_OPTIONS ? set_path(r, r->target) : HTTP_FAULT_TARGET;
    return absolute_form_parse(r);
}
