/*
 * Any bytes as a DNS message. What must hold: nothing crashes or reads beyond the end; names are texts that
 * end and fit; and a whole round that is answered with it, whatever was asked, comes to an end with a result.
 */
#include "net/dns_answer.h"
#include "provider/dns_round.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const struct dns_record *record)
{
    ASSERT(memchr(record->name, '\0', sizeof(record->name)) &&
           memchr(record->target, '\0', sizeof(record->target)));
    ASSERT(record->ttl_s <= DNS_TTL_S_MAX);
    if (record->type == DNS_TYPE_A || record->type == DNS_TYPE_AAAA)
        ASSERT(record->address.len > 0 && addr_port(&record->address) == 0);
}

static void play_round(const struct config_discover *config, struct str packet)
{
    struct dns_round *r = dns_round_new(config);
    struct dns_round_question q;
    struct dns_round_result result;
    while (dns_round_next(r, &q))
        dns_round_take(r, q.number, RESOLVER_ANSWER, packet, "");
    ASSERT(dns_round_is_done(r));
    dns_round_result(r, &result);
    ASSERT(result.has_failed ? result.reason[0] != '\0' : result.count > 0);
    ASSERT(dns_round_wait_ns(config, result.ttl_s, 0, 1) <= config->ttl_max_ns);
    dns_round_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_discover config = {.source = DISCOVER_DNS,
                                     .dns = STR("shop.internal"),
                                     .srv = STR("_http._tcp.shop"),
                                     .port = 80,
                                     .ttl_min_ns = 1,
                                     .ttl_max_ns = 2};
    struct str packet = str_n((const char *)data, size);
    struct dns_reader r;
    struct dns_record record;
    bool is_good = dns_reader_init(&r, packet);
    while (is_good && dns_reader_next(&r, &record))
        check_record(&record);
    play_round(&config, packet);
    config.source = DISCOVER_SRV;
    config.family = DISCOVER_FAMILY_BOTH;
    play_round(&config, packet);
    return 0;
}
