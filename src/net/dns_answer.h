/*
 * dns_answer.h: reads the answer section of a DNS message (RFC 1035 §4): addresses with the aliases that lead
 * to them, and SRV records (RFC 2782). Pure: bytes in, records out; nothing in the message is believed.
 */
#pragma once
#include "base/addr.h"
#include "base/macros.h"

#include <stdint.h>

enum {
    DNS_NAME_BYTES = 256,       /* as text, without the dot of the root, lower case */
    DNS_TTL_S_MAX = 0x7FFFFFFF, /* RFC 2181 §8: what is more counts as 0 */
    DNS_TYPE_A = 1,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_SRV = 33,
};

struct dns_record {
    char name[DNS_NAME_BYTES]; /* whose it is; a byte that no host name has is shown as ? */
    uint16_t type;
    uint32_t ttl_s;
    struct addr address;             /* A and AAAA: port 0 */
    uint16_t priority, weight, port; /* SRV */
    char target[DNS_NAME_BYTES];     /* SRV and CNAME; "" is the root: SRV says so that there is no server */
};

struct dns_reader {
    struct str packet; /* borrowed */
    size_t at;
    uint32_t left;                 /* records of the answer section */
    bool is_bad;                   /* it breaks off or makes no sense: nothing that was read before counts */
    char question[DNS_NAME_BYTES]; /* what was asked for, search list included */
};

/* False, and is_bad, when that is no response to one question. */
bool dns_reader_init(struct dns_reader *r, struct str packet) MUST_USE;
/* The next record of class IN with a type of ours; false at the end, or when is_bad. */
bool dns_reader_next(struct dns_reader *r, struct dns_record *ret_record) MUST_USE;

/*
 * The addresses (type A or AAAA) that the message gives for its question, along its aliases, each with that
 * port. Tells each through `add`; *ret_ttl_s is the shortest TTL on the way. False when the message is bad;
 * `add` may have been called then.
 */
bool dns_answer_addresses(struct str packet, uint16_t type, uint16_t port,
                          void (*add)(void *context, const struct addr *address), void *context,
                          uint32_t *ret_ttl_s) MUST_USE;
