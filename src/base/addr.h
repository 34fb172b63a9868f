/* addr.h: socket addresses: parse, format, compare, and address ranges (CIDR). Pure. */
#pragma once
#include "base/str.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct addr {
    socklen_t len; /* 0: none */
    union {
        struct sockaddr any;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    };
};

enum { ADDR_TEXT_BYTES = 128 };

/*
 * Accepts `1.2.3.4:80`, `[::1]:80`, `:80` (any address), `localhost:80`, `unix:/path`. Names other than
 * localhost are not resolved here. On failure *ret_problem is a constant phrase.
 */
bool addr_parse(struct str text, struct addr *ret_addr, const char **ret_problem);
/* host: `1.2.3.4`, `::1`, `[::1]` or `localhost`, as engines tell it beside a port, which is 1 to 65535. */
bool addr_parse_host(struct str host, uint64_t port, struct addr *ret_addr, const char **ret_problem);
char *addr_format(char out[ADDR_TEXT_BYTES],
                  const struct addr *a); /* "1.2.3.4:80", "[::1]:80", "unix:/path" */
char *addr_format_host(char out[ADDR_TEXT_BYTES], const struct addr *a); /* "1.2.3.4", "::1" */
uint16_t addr_port(const struct addr *a);                                /* 0 for unix sockets */
void addr_set_port(struct addr *a, uint16_t port);
bool addr_is_loopback(const struct addr *a); /* unix sockets count as loopback */
/* ::ffff:1.2.3.4, as an IPv6 listener sees an IPv4 client, becomes 1.2.3.4; others stay. */
void addr_unmap(struct addr *a);
bool addr_eq(const struct addr *a, const struct addr *b);

struct addr_range {
    sa_family_t family;
    uint8_t bytes[16];
    unsigned prefix_bits;
};
bool addr_range_parse(struct str text, struct addr_range *ret_range,
                      const char **ret_problem);                       /* "10.0.0.0/8", "::1" */
bool addr_range_has(const struct addr_range *r, const struct addr *a); /* IPv4-mapped IPv6 counts as IPv4 */
