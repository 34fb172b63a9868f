/* dns_packet.h: makes DNS messages for tests, byte by byte. */
#pragma once
#include "base/buf.h"
#include "net/dns_answer.h"

#include <arpa/inet.h>
#include <string.h>

static inline void put_u16(struct buf *b, unsigned value)
{
    buf_put_char(b, (char)(value >> 8));
    buf_put_char(b, (char)value);
}

static inline void put_name(struct buf *b, const char *name) /* "" is the root */
{
    struct str rest = str_of(name), label;
    while (rest.len && str_split(&rest, '.', &label)) {
        buf_put_char(b, (char)label.len);
        buf_put(b, label);
    }
    buf_put_char(b, '\0');
}

/* The head and the question of a response; records follow. */
static inline void packet_begin(struct buf *b, const char *name, unsigned records)
{
    buf_clear(b);
    put_u16(b, 7);
    put_u16(b, 0x8180);
    put_u16(b, 1);
    put_u16(b, records);
    put_u16(b, 0);
    put_u16(b, 0);
    put_name(b, name);
    put_u16(b, DNS_TYPE_A);
    put_u16(b, 1);
}

static inline void put_record(struct buf *b, const char *name, unsigned type, unsigned ttl_s, struct str data)
{
    put_name(b, name);
    put_u16(b, type);
    put_u16(b, 1);
    put_u16(b, ttl_s >> 16);
    put_u16(b, ttl_s);
    put_u16(b, (unsigned)data.len);
    buf_put(b, data);
}

static inline void put_address(struct buf *b, const char *name, const char *address, unsigned ttl_s)
{
    char bytes[16];
    bool is_six = strchr(address, ':') != NULL;
    (void)inet_pton(is_six ? AF_INET6 : AF_INET, address, bytes);
    put_record(b, name, is_six ? DNS_TYPE_AAAA : DNS_TYPE_A, ttl_s, str_n(bytes, is_six ? 16 : 4));
}

static inline void put_alias(struct buf *b, const char *name, const char *target, unsigned ttl_s)
{
    struct buf data = {0};
    put_name(&data, target);
    put_record(b, name, DNS_TYPE_CNAME, ttl_s, buf_str(&data));
    buf_fini(&data);
}

static inline void put_srv(struct buf *b, const char *name, unsigned priority, unsigned weight, unsigned port,
                           const char *target, unsigned ttl_s)
{
    struct buf data = {0};
    put_u16(&data, priority);
    put_u16(&data, weight);
    put_u16(&data, port);
    put_name(&data, target);
    put_record(b, name, DNS_TYPE_SRV, ttl_s, buf_str(&data));
    buf_fini(&data);
}
