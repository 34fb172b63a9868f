/*
 * dns_round.h: one round of questions about a service's name: which to ask, and what the answers make
 * together. No socket, no clock. Either all of it is known at the end, or the round has failed: a list that
 * lacks what one server did not tell would look like servers that went.
 *
 * DNS: addresses of one name. SRV: the records of a name, and the addresses of their targets. Of SRV records
 * those with the smallest priority count, the others are for when these are taken out of DNS; weights are not
 * used, since balancing goes by what servers really carry.
 */
#pragma once
#include "config/model.h"
#include "net/resolver.h"
#include "provider/held_list.h"

enum {
    DNS_ROUND_ADDRESSES_MAX = 4096, /* of one round; more of them are a failure */
    DNS_ROUND_TARGETS_MAX = 1024,   /* of SRV records; likewise */
    DNS_ROUND_OPEN_MAX = 8,         /* questions at a time */
};

struct dns_round;

struct dns_round_question {
    const char *name; /* borrowed until it is answered */
    enum resolver_type type;
    uint32_t number; /* names it to dns_round_take() */
};

struct dns_round_result {
    bool has_failed;
    char reason[HELD_REASON_BYTES]; /* failed: a sentence */
    uint32_t count;
    const struct addr *addresses; /* borrowed from the round; may hold one twice */
    uint32_t ttl_s;
    char note[HELD_REASON_BYTES]; /* what of the records is not used; "" for none */
};

struct dns_round *dns_round_new(const struct config_discover *config); /* borrowed for its life */
void dns_round_free(struct dns_round *r);                              /* NULL is fine */
/* The next question to ask now; false: none, until an answer comes. */
bool dns_round_next(struct dns_round *r, struct dns_round_question *ret_question);
void dns_round_take(struct dns_round *r, uint32_t number, enum resolver_outcome outcome, struct str packet,
                    const char *why);
bool dns_round_is_done(
    const struct dns_round *r); /* with a result, or failed: open questions do not matter */
void dns_round_result(const struct dns_round *r, struct dns_round_result *ret_result);

/* When to ask again: after an answer its TTL within the configured bounds, after failures (> 0, in a row)
 * discover_retry_ns(). */
int64_t dns_round_wait_ns(const struct config_discover *config, uint32_t ttl_s, uint32_t failures,
                          uint64_t random);
