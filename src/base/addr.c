/*
 * Addresses as people write them. Host and port are split first, then each half is read strictly: IPv4 in
 * four decimal parts, IPv6 in brackets, so that `::1:80` cannot be misread, ports in plain digits. `:80` is
 * the IPv4 wildcard, as in nginx and HAProxy; `[::]:80` asks for IPv6. Names are not resolved: the one
 * exception, localhost, is 127.0.0.1.
 *
 * Ranges keep their host bits cleared, and a range of IPv4-mapped addresses is kept as the IPv4 range that it
 * means, so that addr_range_has() compares plain prefixes.
 */
#include "base/addr.h"

#include "base/macros.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { HOST_TEXT_BYTES = INET6_ADDRSTRLEN, IN4_BITS = 32, IN6_BITS = 128, MAPPED_BITS = 96 };

static const char bad_port[] = "a port is a number from 1 to 65535";

static bool fail(const char **ret_problem, const char *problem)
{
    *ret_problem = problem;
    return false;
}

static bool copy_host(struct str host, char out[HOST_TEXT_BYTES])
{
    if (host.len == 0 || host.len >= HOST_TEXT_BYTES || memchr(host.ptr, '\0', host.len))
        return false;
    str_copy(out, HOST_TEXT_BYTES, host);
    return true;
}

static bool parse_in4(struct str host, struct in_addr *ret_in4)
{
    char text[HOST_TEXT_BYTES];
    return copy_host(host, text) && inet_pton(AF_INET, text, ret_in4) == 1;
}

static bool parse_in6(struct str host, struct in6_addr *ret_in6)
{
    char text[HOST_TEXT_BYTES];
    return copy_host(host, text) && inet_pton(AF_INET6, text, ret_in6) == 1;
}

static bool parse_port(struct str text, uint16_t *ret_port)
{
    uint64_t port;
    if (text.len > 5 || !str_parse_u64(text, &port) || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool parse_unix(struct str path, struct addr *ret_addr, const char **ret_problem)
{
    struct addr a = {.un.sun_family = AF_UNIX};
    if (path.len == 0 || path.ptr[0] != '/' || memchr(path.ptr, '\0', path.len))
        return fail(ret_problem, "the path of a unix socket begins with /, such as unix:/run/app.sock");
    if (path.len >= sizeof(a.un.sun_path))
        return fail(ret_problem, "the path of a unix socket has at most 107 bytes");
    memcpy(a.un.sun_path, path.ptr, path.len);
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    *ret_addr = a;
    return true;
}

/* Splits at the last colon, or after the closing bracket. */
static bool split_host_port(struct str text, struct str *ret_host, struct str *ret_port,
                            const char **ret_problem)
{
    const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    if (text.len && text.ptr[0] == '[') {
        size_t at;
        if (!str_find(text, ']', &at) || at + 1 >= text.len || text.ptr[at + 1] != ':')
            return fail(ret_problem,
                        "an IPv6 address is written in brackets and with a port, such as [::1]:8080");
        *ret_host = str_n(text.ptr, at + 1);
        *ret_port = str_n(text.ptr + at + 2, text.len - at - 2);
        return true;
    }
    if (!colon)
        return fail(ret_problem, "an address needs a port, such as 127.0.0.1:8080 or :8080");
    *ret_host = str_n(text.ptr, (size_t)(colon - text.ptr));
    *ret_port = str_n(colon + 1, text.len - ret_host->len - 1);
    size_t at;
    if (str_find(*ret_host, ':', &at))
        return fail(ret_problem,
                    "an IPv6 address is written in brackets and with a port, such as [::1]:8080");
    return true;
}

static bool parse_host(struct str host, struct addr *a, const char **ret_problem)
{
    if (host.len && host.ptr[0] == '[') {
        a->in6.sin6_family = AF_INET6;
        a->len = sizeof(a->in6);
        if (!parse_in6(str_n(host.ptr + 1, host.len - 2), &a->in6.sin6_addr))
            return fail(ret_problem, "this is not an IPv6 address");
        return true;
    }
    a->in4.sin_family = AF_INET;
    a->len = sizeof(a->in4);
    if (host.len == 0)
        a->in4.sin_addr.s_addr = htonl(INADDR_ANY);
    else if (str_eq_nocase(host, STR("localhost")))
        a->in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (!parse_in4(host, &a->in4.sin_addr))
        return fail(ret_problem,
                    "an address is a number, such as 127.0.0.1:8080, [::1]:8080, or localhost:8080; "
                    "other names are not looked up");
    return true;
}

bool addr_parse(struct str text, struct addr *ret_addr, const char **ret_problem)
{
    struct addr a = {0};
    struct str host, port_text;
    uint16_t port;
    if (str_starts_with(text, STR("unix:")))
        return parse_unix(str_n(text.ptr + 5, text.len - 5), ret_addr, ret_problem);
    if (!split_host_port(text, &host, &port_text, ret_problem) || !parse_host(host, &a, ret_problem))
        return false;
    if (!parse_port(port_text, &port))
        return fail(ret_problem, bad_port);
    addr_set_port(&a, port);
    *ret_addr = a;
    return true;
}

bool addr_parse_host(struct str host, uint64_t port, struct addr *ret_addr, const char **ret_problem)
{
    struct addr a = {.in6.sin6_family = AF_INET6, .len = sizeof(a.in6)};
    if (port < 1 || port > UINT16_MAX)
        return fail(ret_problem, bad_port);
    if (host.len == 0 || (host.ptr[0] == '[' && host.ptr[host.len - 1] != ']'))
        return fail(ret_problem, "this is not an address");
    if (!parse_in6(host, &a.in6.sin6_addr)) {
        a = (struct addr){0};
        if (!parse_host(host, &a, ret_problem))
            return false;
    }
    addr_set_port(&a, (uint16_t)port);
    *ret_addr = a;
    return true;
}

char *addr_format_host(char out[ADDR_TEXT_BYTES], const struct addr *a)
{
    out[0] = '\0';
    if (a->len == 0)
        return out;
    if (a->any.sa_family == AF_INET)
        inet_ntop(AF_INET, &a->in4.sin_addr, out, ADDR_TEXT_BYTES);
    else if (a->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &a->in6.sin6_addr, out, ADDR_TEXT_BYTES);
    else if (a->any.sa_family == AF_UNIX)
        snprintf(out, ADDR_TEXT_BYTES, "unix:%.*s", (int)sizeof(a->un.sun_path), a->un.sun_path);
    return out;
}

char *addr_format(char out[ADDR_TEXT_BYTES], const struct addr *a)
{
    char host[ADDR_TEXT_BYTES];
    addr_format_host(host, a);
    if (a->len && a->any.sa_family == AF_INET6)
        snprintf(out, ADDR_TEXT_BYTES, "[%.*s]:%u", HOST_TEXT_BYTES, host, (unsigned)addr_port(a));
    else if (a->len && a->any.sa_family == AF_INET)
        snprintf(out, ADDR_TEXT_BYTES, "%.*s:%u", HOST_TEXT_BYTES, host, (unsigned)addr_port(a));
    else
        memcpy(out, host, sizeof(host));
    return out;
}

void addr_unmap(struct addr *a)
{
    if (a->len == 0 || a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
        return;
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = a->in6.sin6_port};
    memcpy(&in4.sin_addr, a->in6.sin6_addr.s6_addr + sizeof(a->in6.sin6_addr) - sizeof(in4.sin_addr),
           sizeof(in4.sin_addr));
    a->in4 = in4;
    a->len = sizeof(in4);
}

uint16_t addr_port(const struct addr *a)
{
    if (a->len == 0)
        return 0;
    if (a->any.sa_family == AF_INET)
        return ntohs(a->in4.sin_port);
    return a->any.sa_family == AF_INET6 ? ntohs(a->in6.sin6_port) : 0;
}

void addr_set_port(struct addr *a, uint16_t port)
{
    if (a->len && a->any.sa_family == AF_INET)
        a->in4.sin_port = htons(port);
    else if (a->len && a->any.sa_family == AF_INET6)
        a->in6.sin6_port = htons(port);
}

bool addr_is_loopback(const struct addr *a)
{
    if (a->len == 0)
        return false;
    if (a->any.sa_family == AF_UNIX)
        return true;
    if (a->any.sa_family == AF_INET)
        return ntohl(a->in4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    if (a->any.sa_family != AF_INET6)
        return false;
    const struct in6_addr *in6 = &a->in6.sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == IN_LOOPBACKNET);
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    if (a->len == 0 || b->len == 0)
        return a->len == b->len;
    if (a->any.sa_family != b->any.sa_family || addr_port(a) != addr_port(b))
        return false;
    if (a->any.sa_family == AF_INET)
        return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
    if (a->any.sa_family == AF_INET6)
        return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0 &&
               a->in6.sin6_scope_id == b->in6.sin6_scope_id;
    return strncmp(a->un.sun_path, b->un.sun_path, sizeof(a->un.sun_path)) == 0;
}

static void clear_host_bits(uint8_t *bytes, unsigned prefix_bits, unsigned all_bits)
{
    for (unsigned bit = prefix_bits; bit < all_bits; bit++)
        bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
}

/* ::ffff:10.0.0.0/104 means 10.0.0.0/8. */
static void unmap_range(struct addr_range *r)
{
    struct in6_addr in6; /* r->bytes need not be aligned for one */
    memcpy(&in6, r->bytes, sizeof(in6));
    if (r->family != AF_INET6 || r->prefix_bits < MAPPED_BITS || !IN6_IS_ADDR_V4MAPPED(&in6))
        return;
    memmove(r->bytes, r->bytes + 12, 4);
    memset(r->bytes + 4, 0, 12);
    r->family = AF_INET;
    r->prefix_bits -= MAPPED_BITS;
}

bool addr_range_parse(struct str text, struct addr_range *ret_range, const char **ret_problem)
{
    struct addr_range r = {0};
    struct str host = text;
    struct in_addr in4;
    struct in6_addr in6;
    size_t slash;
    bool has_prefix = str_find(text, '/', &slash);
    if (has_prefix)
        host = str_n(text.ptr, slash);
    if (parse_in4(host, &in4)) {
        r.family = AF_INET;
        memcpy(r.bytes, &in4, sizeof(in4));
    } else if (parse_in6(host, &in6)) {
        r.family = AF_INET6;
        memcpy(r.bytes, &in6, sizeof(in6));
    } else {
        return fail(ret_problem, "an address range is written like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32");
    }
    unsigned all_bits = r.family == AF_INET ? IN4_BITS : IN6_BITS;
    uint64_t bits = all_bits;
    if (has_prefix &&
        (!str_parse_u64(str_n(text.ptr + slash + 1, text.len - slash - 1), &bits) || bits > all_bits))
        return fail(ret_problem, "a prefix length is a number up to 32 for IPv4 and 128 for IPv6");
    r.prefix_bits = (unsigned)bits;
    clear_host_bits(r.bytes, r.prefix_bits, all_bits);
    unmap_range(&r);
    *ret_range = r;
    return true;
}

static bool has_leading_bits(const uint8_t *prefix, unsigned prefix_bits, const uint8_t *bytes)
{
    unsigned whole = prefix_bits / 8, rest = prefix_bits % 8;
    if (memcmp(prefix, bytes, whole) != 0)
        return false;
    return rest == 0 || ((prefix[whole] ^ bytes[whole]) >> (8 - rest)) == 0;
}

bool addr_range_has(const struct addr_range *r, const struct addr *a)
{
    if (a->len == 0)
        return false;
    if (a->any.sa_family == AF_INET)
        return r->family == AF_INET &&
               has_leading_bits(r->bytes, r->prefix_bits, (const void *)&a->in4.sin_addr);
    if (a->any.sa_family != AF_INET6)
        return false;
    const uint8_t *bytes = a->in6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
        return r->family == AF_INET && has_leading_bits(r->bytes, r->prefix_bits, bytes + 12);
    return r->family == AF_INET6 && has_leading_bits(r->bytes, r->prefix_bits, bytes);
}
