/*
 * Every length and pointer is checked against the packet. A pointer of a compressed name must lead further to
 * the front than all bytes of the name read so far: so a name ends, whatever the packet says.
 */
#include "net/dns_answer.h"

#include <string.h>

enum {
    HEADER_BYTES = 12,
    POINTER = 0xC0,
    CLASS_IN = 1,
    ALIASES_MAX = 16,
};

static bool fail(struct dns_reader *r)
{
    r->is_bad = true;
    return false;
}

static uint16_t u16(const struct dns_reader *r, size_t at)
{
    const unsigned char *p = (const unsigned char *)r->packet.ptr + at;
    return (uint16_t)(p[0] << 8 | p[1]);
}

static bool has(const struct dns_reader *r, size_t at, size_t bytes)
{
    return at <= r->packet.len && bytes <= r->packet.len - at;
}

static char shown(char c)
{
    bool is_fine = ascii_is_digit(c) || ascii_is_letter(c) || c == '-' || c == '_';
    return is_fine ? ascii_lower(c) : '?';
}

static bool put_label(const struct dns_reader *r, size_t at, size_t bytes, char out[DNS_NAME_BYTES],
                      size_t *len)
{
    size_t dot = *len > 0;
    if (*len + dot + bytes >= DNS_NAME_BYTES)
        return false;
    if (dot)
        out[(*len)++] = '.';
    for (size_t i = 0; i < bytes; i++)
        out[(*len)++] = shown(r->packet.ptr[at + i]);
    return true;
}

/* Reads the name at `at` into out; *ret_end is behind it in the place where it began. */
static bool read_name(struct dns_reader *r, size_t at, char out[DNS_NAME_BYTES], size_t *ret_end)
{
    size_t len = 0, end = 0, front = at; /* front: no pointer may lead to here or beyond */
    for (;;) {
        if (!has(r, at, 1))
            return fail(r);
        unsigned char first = (unsigned char)r->packet.ptr[at];
        if (first == 0)
            break;
        if ((first & POINTER) == POINTER) {
            if (!has(r, at, 2))
                return fail(r);
            size_t target = u16(r, at) & 0x3FFFu;
            end = end ? end : at + 2;
            if (target >= front)
                return fail(r);
            at = front = target;
            continue;
        }
        if ((first & POINTER) != 0 || !has(r, at + 1, first) || !put_label(r, at + 1, first, out, &len))
            return fail(r);
        at += 1u + first;
    }
    out[len] = '\0';
    *ret_end = end ? end : at + 1;
    return true;
}

bool dns_reader_init(struct dns_reader *r, struct str packet)
{
    *r = (struct dns_reader){.packet = packet, .at = HEADER_BYTES};
    if (!has(r, 0, HEADER_BYTES))
        return fail(r);
    bool is_response = u16(r, 2) & 0x8000u, is_cut = u16(r, 2) & 0x0200u;
    if (!is_response || is_cut || u16(r, 4) != 1 || !read_name(r, r->at, r->question, &r->at) ||
        !has(r, r->at, 4))
        return fail(r);
    r->at += 4; /* type and class, as we asked */
    r->left = u16(r, 6);
    return true;
}

static bool read_address(struct dns_reader *r, size_t at, size_t bytes, struct dns_record *record)
{
    struct addr a = {0};
    bool is_four = record->type == DNS_TYPE_A;
    if (bytes != (is_four ? sizeof(struct in_addr) : sizeof(struct in6_addr)))
        return fail(r);
    if (is_four) {
        a.len = sizeof(a.in4);
        a.in4.sin_family = AF_INET;
        memcpy(&a.in4.sin_addr, r->packet.ptr + at, bytes);
    } else {
        a.len = sizeof(a.in6);
        a.in6.sin6_family = AF_INET6;
        memcpy(&a.in6.sin6_addr, r->packet.ptr + at, bytes);
    }
    record->address = a;
    return true;
}

/* A name that has to fill the record from `at` to `end`. */
static bool read_last_name(struct dns_reader *r, size_t at, size_t end, char out[DNS_NAME_BYTES])
{
    size_t name_end;
    return read_name(r, at, out, &name_end) && (name_end == end || fail(r));
}

static bool read_data(struct dns_reader *r, size_t at, size_t bytes, struct dns_record *record)
{
    enum { SRV_NUMBERS_BYTES = 6 };
    switch (record->type) {
    case DNS_TYPE_A:
    case DNS_TYPE_AAAA:
        return read_address(r, at, bytes, record);
    case DNS_TYPE_CNAME:
        return read_last_name(r, at, at + bytes, record->target);
    default:
        if (bytes <= SRV_NUMBERS_BYTES)
            return fail(r);
        record->priority = u16(r, at);
        record->weight = u16(r, at + 2);
        record->port = u16(r, at + 4);
        return read_last_name(r, at + SRV_NUMBERS_BYTES, at + bytes, record->target);
    }
}

static bool is_ours(uint16_t type, uint16_t class)
{
    return class == CLASS_IN &&
           (type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type == DNS_TYPE_CNAME || type == DNS_TYPE_SRV);
}

bool dns_reader_next(struct dns_reader *r, struct dns_record *ret_record)
{
    enum { FIXED_BYTES = 10 }; /* type, class, TTL, length */
    while (r->left > 0 && !r->is_bad) {
        struct dns_record record = {0};
        size_t at;
        r->left--;
        if (!read_name(r, r->at, record.name, &at) || !has(r, at, FIXED_BYTES))
            return fail(r);
        uint16_t class = u16(r, at + 2), bytes = u16(r, at + 8);
        uint32_t ttl_s = (uint32_t)u16(r, at + 4) << 16 | u16(r, at + 6);
        record.type = u16(r, at);
        record.ttl_s = ttl_s > DNS_TTL_S_MAX ? 0 : ttl_s;
        at += FIXED_BYTES;
        if (!has(r, at, bytes))
            return fail(r);
        r->at = at + bytes;
        if (!is_ours(record.type, class))
            continue;
        if (!read_data(r, at, bytes, &record))
            return false;
        *ret_record = record;
        return true;
    }
    return false;
}

/* Follows one alias of `name`; false when it has none. */
static bool follow_alias(struct str packet, char name[DNS_NAME_BYTES], uint32_t *ttl_s)
{
    struct dns_reader r;
    struct dns_record record;
    if (!dns_reader_init(&r, packet))
        return false;
    while (dns_reader_next(&r, &record)) {
        if (record.type != DNS_TYPE_CNAME || strcmp(record.name, name) != 0)
            continue;
        memcpy(name, record.target, DNS_NAME_BYTES);
        *ttl_s = MIN(*ttl_s, record.ttl_s);
        return true;
    }
    return false;
}

bool dns_answer_addresses(struct str packet, uint16_t type, uint16_t port,
                          void (*add)(void *context, const struct addr *address), void *context,
                          uint32_t *ret_ttl_s)
{
    struct dns_reader r;
    struct dns_record record;
    uint32_t ttl_s = DNS_TTL_S_MAX;
    char name[DNS_NAME_BYTES];
    if (!dns_reader_init(&r, packet))
        return false;
    memcpy(name, r.question, sizeof(name));
    for (int i = 0; i < ALIASES_MAX && follow_alias(packet, name, &ttl_s); i++)
        ;
    while (dns_reader_next(&r, &record)) {
        if (record.type != type || strcmp(record.name, name) != 0)
            continue;
        addr_set_port(&record.address, port);
        ttl_s = MIN(ttl_s, record.ttl_s);
        add(context, &record.address);
    }
    *ret_ttl_s = ttl_s;
    return !r.is_bad;
}
