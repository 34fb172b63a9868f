/*
 * A list of names whose addresses are wanted, each with the question that is next for it: A, then AAAA where
 * the family wants it (auto: only where there is no A). With SRV there is one question before, whose answer
 * makes that list. So the round has no other state than its names.
 *
 * A target that does not exist is left out and told: records of SRV outlive their hosts for a while. But a
 * target whose answer failed fails the round.
 */
#include "provider/dns_round.h"

#include "provider/discover_retry.h"
#include "net/dns_answer.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { SRV_NUMBER = UINT16_MAX }; /* the question before the names; beyond DNS_ROUND_TARGETS_MAX */

struct target {
    char name[DNS_NAME_BYTES];
    uint16_t port, priority, weight;
    uint16_t next_type; /* of the question to ask; 0: none */
    bool is_open;       /* it was asked */
    bool has_addresses;
};

struct dns_round {
    const struct config_discover *config;
    bool is_srv_wanted, is_srv_open;
    bool has_failed;
    char reason[HELD_REASON_BYTES];
    uint32_t open;
    uint32_t target_count, unused; /* unused: records of a larger priority */
    bool has_weights;              /* which differ */
    struct target *targets;        /* owned */
    uint32_t address_count;
    struct addr *addresses; /* owned, room for DNS_ROUND_ADDRESSES_MAX */
    bool has_too_many;      /* there was no room for one */
    uint32_t ttl_s;
};

static void fail(struct dns_round *r, const char *name, const char *why)
{
    if (r->has_failed)
        return;
    r->has_failed = true;
    (void)snprintf(r->reason, sizeof(r->reason), "%s: %s", name, why);
}

/* ---- names ---- */

static uint16_t first_type(const struct config_discover *config)
{
    return config->family == DISCOVER_FAMILY_IPV6 ? DNS_TYPE_AAAA : DNS_TYPE_A;
}

static bool has_target(const struct dns_round *r, const char *name, uint16_t port)
{
    for (uint32_t i = 0; i < r->target_count; i++)
        if (r->targets[i].port == port && strcmp(r->targets[i].name, name) == 0)
            return true;
    return false;
}

static void add_target(struct dns_round *r, struct str name, const struct dns_record *srv, uint16_t port)
{
    struct target *t = &r->targets[r->target_count++];
    *t = (struct target){.port = port, .next_type = first_type(r->config)};
    if (srv) {
        t->priority = srv->priority;
        t->weight = srv->weight;
    }
    str_copy(t->name, sizeof(t->name), name);
}

/* Keeps the targets of the smallest priority. */
static void keep_best(struct dns_round *r)
{
    uint32_t kept = 0;
    uint16_t best = UINT16_MAX;
    for (uint32_t i = 0; i < r->target_count; i++)
        best = MIN(best, r->targets[i].priority);
    for (uint32_t i = 0; i < r->target_count; i++)
        if (r->targets[i].priority == best)
            r->targets[kept++] = r->targets[i];
    r->unused = r->target_count - kept;
    r->target_count = kept;
    for (uint32_t i = 1; i < kept; i++)
        r->has_weights |= r->targets[i].weight != r->targets[0].weight;
}

static void take_srv(struct dns_round *r, struct str packet)
{
    struct dns_reader reader;
    struct dns_record record;
    const char *name = r->config->srv.ptr;
    bool is_good = dns_reader_init(&reader, packet);
    while (is_good && dns_reader_next(&reader, &record)) {
        r->ttl_s = MIN(r->ttl_s, record.ttl_s);
        bool is_server = record.type == DNS_TYPE_SRV && record.target[0] && record.port;
        if (!is_server || has_target(r, record.target, record.port))
            continue;
        if (r->target_count == DNS_ROUND_TARGETS_MAX) {
            fail(r, name, "it has more SRV records than anybody uses");
            return;
        }
        add_target(r, str_of(record.target), &record, record.port);
    }
    if (reader.is_bad)
        fail(r, name, "the answer of the DNS server makes no sense");
    keep_best(r);
}

/* ---- addresses ---- */

static void add_address(void *context, const struct addr *address)
{
    struct dns_round *r = context;
    if (r->address_count < DNS_ROUND_ADDRESSES_MAX)
        r->addresses[r->address_count++] = *address;
    else
        r->has_too_many = true;
}

static void take_addresses(struct dns_round *r, struct target *t, uint16_t type, struct str packet)
{
    uint32_t ttl_s, before = r->address_count;
    if (!dns_answer_addresses(packet, type, t->port, add_address, r, &ttl_s)) {
        fail(r, t->name, "the answer of the DNS server makes no sense");
        return;
    }
    if (r->has_too_many)
        fail(r, t->name, "it has more addresses than anybody uses");
    t->has_addresses |= r->address_count > before;
    r->ttl_s = MIN(r->ttl_s, ttl_s);
}

static bool wants_more(const struct dns_round *r, const struct target *t)
{
    enum discover_family family = r->config->family;
    return family == DISCOVER_FAMILY_BOTH || (family == DISCOVER_FAMILY_AUTO && !t->has_addresses);
}

static void take_for_target(struct dns_round *r, struct target *t, enum resolver_outcome outcome,
                            struct str packet, const char *why)
{
    uint16_t type = t->next_type;
    t->is_open = false;
    t->next_type = 0;
    if (outcome == RESOLVER_FAILED) {
        fail(r, t->name, why);
        return;
    }
    if (outcome == RESOLVER_ANSWER)
        take_addresses(r, t, type, packet);
    if (type == DNS_TYPE_A && outcome != RESOLVER_NO_NAME && wants_more(r, t))
        t->next_type = DNS_TYPE_AAAA;
    if (outcome == RESOLVER_NO_NAME && r->config->source == DISCOVER_DNS)
        fail(r, t->name, why);
}

/* ---- public ---- */

struct dns_round *dns_round_new(const struct config_discover *config)
{
    ASSERT(config->source == DISCOVER_DNS || config->source == DISCOVER_SRV);
    struct dns_round *r = NEW(struct dns_round);
    r->config = config;
    r->ttl_s = DNS_TTL_S_MAX;
    r->is_srv_wanted = config->source == DISCOVER_SRV;
    r->targets = NEW_ARRAY(struct target, DNS_ROUND_TARGETS_MAX);
    r->addresses = NEW_ARRAY(struct addr, DNS_ROUND_ADDRESSES_MAX);
    if (!r->is_srv_wanted)
        add_target(r, config->dns, NULL, (uint16_t)config->port);
    return r;
}

void dns_round_free(struct dns_round *r)
{
    if (!r)
        return;
    free(r->targets);
    free(r->addresses);
    free(r);
}

bool dns_round_next(struct dns_round *r, struct dns_round_question *ret_question)
{
    if (r->has_failed || r->open == DNS_ROUND_OPEN_MAX)
        return false;
    if (r->is_srv_wanted) {
        r->is_srv_wanted = false;
        r->open++;
        *ret_question = (struct dns_round_question){
            .name = r->config->srv.ptr, .type = RESOLVER_SRV, .number = SRV_NUMBER};
        return true;
    }
    for (uint32_t i = 0; i < r->target_count; i++) {
        struct target *t = &r->targets[i];
        if (t->is_open || !t->next_type)
            continue;
        t->is_open = true;
        r->open++;
        *ret_question = (struct dns_round_question){
            .name = t->name, .type = (enum resolver_type)t->next_type, .number = i};
        return true;
    }
    return false;
}

void dns_round_take(struct dns_round *r, uint32_t number, enum resolver_outcome outcome, struct str packet,
                    const char *why)
{
    ASSERT(r->open > 0);
    r->open--;
    if (number != SRV_NUMBER) {
        ASSERT(number < r->target_count);
        take_for_target(r, &r->targets[number], outcome, packet, why);
        return;
    }
    if (outcome == RESOLVER_ANSWER)
        take_srv(r, packet);
    else
        fail(r, r->config->srv.ptr, why);
}

bool dns_round_is_done(const struct dns_round *r)
{
    if (r->has_failed)
        return true;
    bool is_quiet = r->open == 0 && !r->is_srv_wanted;
    for (uint32_t i = 0; i < r->target_count; i++)
        is_quiet &= r->targets[i].next_type == 0;
    return is_quiet;
}

static void format_note(const struct dns_round *r, char *out, size_t out_bytes)
{
    size_t at = 0;
    uint32_t empty = 0;
    for (uint32_t i = 0; i < r->target_count; i++)
        empty += !r->targets[i].has_addresses;
    out[0] = '\0';
    if (r->config->source != DISCOVER_SRV)
        return;
    if (r->unused)
        at += (size_t)snprintf(out + at, out_bytes - at, "%u SRV record%s of a larger priority %s not used",
                               r->unused, r->unused == 1 ? "" : "s", r->unused == 1 ? "is" : "are");
    if (r->has_weights)
        at += (size_t)snprintf(out + at, out_bytes - at, "%sthe weights of SRV records are not used",
                               at ? "; " : "");
    if (empty)
        (void)snprintf(out + at, out_bytes - at, "%s%u of %u targets of SRV records %s no addresses",
                       at ? "; " : "", empty, r->target_count, empty == 1 ? "has" : "have");
}

void dns_round_result(const struct dns_round *r, struct dns_round_result *ret_result)
{
    ASSERT(dns_round_is_done(r));
    *ret_result = (struct dns_round_result){.has_failed = r->has_failed || r->address_count == 0,
                                            .count = r->address_count,
                                            .addresses = r->addresses,
                                            .ttl_s = r->ttl_s};
    bool is_srv = r->config->source == DISCOVER_SRV;
    if (r->has_failed)
        memcpy(ret_result->reason, r->reason, sizeof(r->reason));
    else if (r->address_count == 0)
        (void)snprintf(ret_result->reason, sizeof(ret_result->reason),
                       is_srv ? "%s: its SRV records name no server that has an address"
                              : "%s: it has no addresses",
                       is_srv ? r->config->srv.ptr : r->config->dns.ptr);
    format_note(r, ret_result->note, sizeof(ret_result->note));
}

int64_t dns_round_wait_ns(const struct config_discover *config, uint32_t ttl_s, uint32_t failures,
                          uint64_t random)
{
    if (failures == 0)
        return MIN(MAX((int64_t)ttl_s * NS_PER_S, config->ttl_min_ns), config->ttl_max_ns);
    return discover_retry_ns(failures, random);
}
