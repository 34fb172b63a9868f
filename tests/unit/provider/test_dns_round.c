/* One round of questions, and when the next one comes: no socket, no clock. */
#include "net/dns_packet.h"
#include "provider/dns_round.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define S NS_PER_S

static struct buf packet;
static struct dns_round_result result;

static struct config_discover config_of(enum discover_source source, enum discover_family family)
{
    return (struct config_discover){.source = source,
                                    .dns = STR("shop.internal"),
                                    .srv = STR("_http._tcp.shop"),
                                    .port = 8000,
                                    .family = family,
                                    .ttl_min_ns = 1 * S,
                                    .ttl_max_ns = 60 * S};
}

/* The next question, which must be this one; its number. */
static uint32_t asked(struct dns_round *r, const char *name, enum resolver_type type)
{
    struct dns_round_question q;
    assert_true(dns_round_next(r, &q));
    assert_string_equal(q.name, name);
    assert_int_equal(q.type, type);
    return q.number;
}

static void nothing_asked(struct dns_round *r)
{
    struct dns_round_question q;
    assert_false(dns_round_next(r, &q));
}

static void answer(struct dns_round *r, uint32_t number)
{
    dns_round_take(r, number, RESOLVER_ANSWER, buf_str(&packet), "");
}

static void answer_address(struct dns_round *r, uint32_t number, const char *name, const char *address)
{
    packet_begin(&packet, name, 1);
    put_address(&packet, name, address, 30);
    answer(r, number);
}

static void assert_found(struct dns_round *r, const char *expected)
{
    struct buf out = {0};
    char text[ADDR_TEXT_BYTES];
    assert_true(dns_round_is_done(r));
    dns_round_result(r, &result);
    assert_false(result.has_failed);
    for (uint32_t i = 0; i < result.count; i++)
        buf_printf(&out, "%s ", addr_format(text, &result.addresses[i]));
    assert_string_equal(out.ptr ? out.ptr : "", expected);
    buf_fini(&out);
}

static void assert_fails(struct dns_round *r, const char *reason)
{
    assert_true(dns_round_is_done(r));
    dns_round_result(r, &result);
    assert_true(result.has_failed);
    assert_string_equal(result.reason, reason);
}

static void families(void **state)
{
    static const struct {
        enum discover_family family;
        bool has_four;
        const char *types, *found;
    } rows[] = {
        {DISCOVER_FAMILY_AUTO, true, "4", "10.0.0.1:8000 "},
        {DISCOVER_FAMILY_AUTO, false, "46", "[2001:db8::1]:8000 "},
        {DISCOVER_FAMILY_IPV4, true, "4", "10.0.0.1:8000 "},
        {DISCOVER_FAMILY_IPV6, true, "6", "[2001:db8::1]:8000 "},
        {DISCOVER_FAMILY_BOTH, true, "46", "10.0.0.1:8000 [2001:db8::1]:8000 "},
        {DISCOVER_FAMILY_BOTH, false, "46", "[2001:db8::1]:8000 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config_discover config = config_of(DISCOVER_DNS, rows[i].family);
        struct dns_round *r = dns_round_new(&config);
        for (const char *type = rows[i].types; *type; type++) {
            assert_false(dns_round_is_done(r));
            uint32_t number = asked(r, "shop.internal", *type == '4' ? RESOLVER_A : RESOLVER_AAAA);
            nothing_asked(r);
            if (*type == '4' && !rows[i].has_four)
                dns_round_take(r, number, RESOLVER_NO_DATA, STR(""), "no such record");
            else
                answer_address(r, number, "shop.internal", *type == '4' ? "10.0.0.1" : "2001:db8::1");
        }
        nothing_asked(r);
        assert_found(r, rows[i].found);
        assert_int_equal(result.ttl_s, 30);
        dns_round_free(r);
    }
}

static void what_fails_and_how_it_is_told(void **state)
{
    static const struct {
        enum resolver_outcome outcome;
        const char *reason;
    } rows[] = {
        {RESOLVER_FAILED, "shop.internal: because"},
        {RESOLVER_NO_NAME, "shop.internal: because"},
        {RESOLVER_NO_DATA, "shop.internal: it has no addresses"},
        {RESOLVER_ANSWER, "shop.internal: the answer of the DNS server makes no sense"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config_discover config = config_of(DISCOVER_DNS, DISCOVER_FAMILY_IPV4);
        struct dns_round *r = dns_round_new(&config);
        uint32_t number = asked(r, "shop.internal", RESOLVER_A);
        dns_round_take(r, number, rows[i].outcome, STR("?"), "because");
        nothing_asked(r);
        assert_fails(r, rows[i].reason);
        dns_round_free(r);
    }
}

/* A list without the half that was not answered would look like servers that went. */
static void half_an_answer_is_none(void **state)
{
    struct config_discover config = config_of(DISCOVER_DNS, DISCOVER_FAMILY_BOTH);
    struct dns_round *r = dns_round_new(&config);
    answer_address(r, asked(r, "shop.internal", RESOLVER_A), "shop.internal", "10.0.0.1");
    dns_round_take(r, asked(r, "shop.internal", RESOLVER_AAAA), RESOLVER_FAILED, STR(""),
                   "no answer in time");
    assert_fails(r, "shop.internal: no answer in time");
    dns_round_free(r);
}

static uint32_t begin_srv(struct dns_round *r)
{
    uint32_t number = asked(r, "_http._tcp.shop", RESOLVER_SRV);
    nothing_asked(r);
    assert_false(dns_round_is_done(r));
    return number;
}

static void srv_targets_are_asked_and_the_best_priority_counts(void **state)
{
    struct config_discover config = config_of(DISCOVER_SRV, DISCOVER_FAMILY_AUTO);
    struct dns_round *r = dns_round_new(&config);
    uint32_t number = begin_srv(r);
    packet_begin(&packet, "_http._tcp.shop", 5);
    put_srv(&packet, "_http._tcp.shop", 20, 0, 80, "spare.shop", 60);
    put_srv(&packet, "_http._tcp.shop", 10, 5, 8001, "a.shop", 20);
    put_srv(&packet, "_http._tcp.shop", 10, 5, 8002, "a.shop", 60);
    put_srv(&packet, "_http._tcp.shop", 10, 7, 8001, "gone.shop", 60);
    put_srv(&packet, "_http._tcp.shop", 10, 5, 8001, "a.shop", 60); /* once is enough */
    answer(r, number);
    uint32_t first = asked(r, "a.shop", RESOLVER_A), second = asked(r, "a.shop", RESOLVER_A),
             gone = asked(r, "gone.shop", RESOLVER_A);
    nothing_asked(r);
    answer_address(r, second, "a.shop", "10.0.0.1");
    dns_round_take(r, gone, RESOLVER_NO_NAME, STR(""), "NXDOMAIN");
    assert_false(dns_round_is_done(r));
    answer_address(r, first, "a.shop", "10.0.0.1");
    assert_found(r, "10.0.0.1:8002 10.0.0.1:8001 ");
    assert_int_equal(result.ttl_s, 20);
    assert_string_equal(
        result.note,
        "1 SRV record of a larger priority is not used; the weights of SRV records are not used; "
        "1 of 3 targets of SRV records has no addresses");
    dns_round_free(r);
}

static void srv_says_that_there_is_nothing(void **state)
{
    struct config_discover config = config_of(DISCOVER_SRV, DISCOVER_FAMILY_AUTO);
    struct dns_round *r = dns_round_new(&config);
    uint32_t number = begin_srv(r);
    packet_begin(&packet, "_http._tcp.shop", 1);
    put_srv(&packet, "_http._tcp.shop", 0, 0, 0, "", 60);
    answer(r, number);
    assert_fails(r, "_http._tcp.shop: its SRV records name no server that has an address");
    dns_round_free(r);
}

static void only_so_many_questions_at_a_time(void **state)
{
    struct config_discover config = config_of(DISCOVER_SRV, DISCOVER_FAMILY_AUTO);
    struct dns_round *r = dns_round_new(&config);
    uint32_t number = begin_srv(r), numbers[DNS_ROUND_OPEN_MAX];
    char name[32];
    packet_begin(&packet, "_http._tcp.shop", 20);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "h%d.shop", i);
        put_srv(&packet, "_http._tcp.shop", 0, 0, 80, name, 60);
    }
    answer(r, number);
    for (int i = 0; i < DNS_ROUND_OPEN_MAX; i++) {
        snprintf(name, sizeof(name), "h%d.shop", i);
        numbers[i] = asked(r, name, RESOLVER_A);
    }
    nothing_asked(r);
    answer_address(r, numbers[3], "h3.shop", "10.0.0.3");
    (void)asked(r, "h8.shop", RESOLVER_A);
    nothing_asked(r);
    dns_round_take(r, numbers[0], RESOLVER_FAILED, STR(""), "SERVFAIL");
    nothing_asked(r); /* it has failed: the rest need not be known */
    assert_fails(r, "h0.shop: SERVFAIL");
    answer_address(r, numbers[1], "h1.shop", "10.0.0.1"); /* late ones do no harm */
    assert_fails(r, "h0.shop: SERVFAIL");
    dns_round_free(r);
}

static void too_much_is_a_failure(void **state)
{
    struct config_discover config = config_of(DISCOVER_DNS, DISCOVER_FAMILY_IPV4);
    struct dns_round *r = dns_round_new(&config);
    uint32_t number = asked(r, "shop.internal", RESOLVER_A);
    packet_begin(&packet, "shop.internal", DNS_ROUND_ADDRESSES_MAX + 1);
    for (int i = 0; i <= DNS_ROUND_ADDRESSES_MAX; i++)
        put_address(&packet, "shop.internal", "10.0.0.1", 60);
    answer(r, number);
    assert_fails(r, "shop.internal: it has more addresses than anybody uses");
    dns_round_free(r);
}

static void when_it_is_asked_again(void **state)
{
    struct config_discover config = config_of(DISCOVER_DNS, DISCOVER_FAMILY_AUTO);
    assert_int_equal(dns_round_wait_ns(&config, 30, 0, 1), 30 * S);
    assert_int_equal(dns_round_wait_ns(&config, 0, 0, 1), 1 * S);
    assert_int_equal(dns_round_wait_ns(&config, 86400, 0, 1), 60 * S);
    assert_int_equal(dns_round_wait_ns(&config, DNS_TTL_S_MAX, 0, 1), 60 * S);
    static const int64_t waits_s[] = {1, 2, 4, 8, 16, 30, 30, 30};
    for (uint32_t i = 0; i < ARRAY_LEN(waits_s); i++)
        for (uint64_t random = 0; random < UINT64_MAX / 2; random += UINT64_MAX / 7) {
            int64_t wait_ns = dns_round_wait_ns(&config, 5, i + 1, random);
            assert_in_range(wait_ns, waits_s[i] * S * 9 / 10, waits_s[i] * S * 11 / 10);
        }
    assert_in_range(dns_round_wait_ns(&config, 5, UINT32_MAX, 7), 27 * S, 33 * S);
}

static int teardown(void **state)
{
    buf_fini(&packet);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families),
        cmocka_unit_test(what_fails_and_how_it_is_told),
        cmocka_unit_test(half_an_answer_is_none),
        cmocka_unit_test(srv_targets_are_asked_and_the_best_priority_counts),
        cmocka_unit_test(srv_says_that_there_is_nothing),
        cmocka_unit_test(only_so_many_questions_at_a_time),
        cmocka_unit_test(too_much_is_a_failure),
        cmocka_unit_test(when_it_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
