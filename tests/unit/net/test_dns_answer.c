/* DNS messages: what they say, and that none can say too much. */
#include "dns_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct buf packet, found;

static void add(void *context, const struct addr *address)
{
    char text[ADDR_TEXT_BYTES];
    buf_printf(&found, "%s ", addr_format(text, address));
}

static bool read_addresses(uint16_t type, uint32_t *ret_ttl_s)
{
    buf_clear(&found);
    buf_put(&found, STR(""));
    return dns_answer_addresses(buf_str(&packet), type, 80, add, NULL, ret_ttl_s);
}

static void assert_addresses(uint16_t type, const char *expected, uint32_t expected_ttl_s)
{
    uint32_t ttl_s = 0;
    assert_true(read_addresses(type, &ttl_s));
    assert_string_equal(found.ptr ? found.ptr : "", expected);
    assert_int_equal(ttl_s, expected_ttl_s);
}

static void addresses_of_the_question(void **state)
{
    packet_begin(&packet, "Shop.Internal", 4);
    put_address(&packet, "shop.internal", "10.0.0.1", 60);
    put_address(&packet, "SHOP.internal", "10.0.0.2", 30);
    put_address(&packet, "shop.internal", "2001:db8::1", 5);
    put_address(&packet, "other.internal", "10.0.0.3", 1); /* nobody asked for that */
    assert_addresses(DNS_TYPE_A, "10.0.0.1:80 10.0.0.2:80 ", 30);
    assert_addresses(DNS_TYPE_AAAA, "[2001:db8::1]:80 ", 5);
}

static void aliases_lead_to_addresses_in_any_order(void **state)
{
    packet_begin(&packet, "shop.internal", 3);
    put_address(&packet, "c.internal", "10.0.0.1", 60);
    put_alias(&packet, "b.internal", "c.internal", 7);
    put_alias(&packet, "shop.internal", "b.internal", 90);
    assert_addresses(DNS_TYPE_A, "10.0.0.1:80 ", 7);
    packet_begin(&packet, "shop.internal", 2); /* round in circles */
    put_alias(&packet, "shop.internal", "b.internal", 9);
    put_alias(&packet, "b.internal", "shop.internal", 9);
    assert_addresses(DNS_TYPE_A, "", 9);
}

static void a_ttl_beyond_all_is_none(void **state)
{
    packet_begin(&packet, "a", 1);
    put_address(&packet, "a", "10.0.0.1", 0x80000000u);
    assert_addresses(DNS_TYPE_A, "10.0.0.1:80 ", 0);
}

static void srv_records_and_what_is_not_ours(void **state)
{
    struct dns_reader r;
    struct dns_record record;
    packet_begin(&packet, "_http._tcp.shop", 3);
    put_record(&packet, "_http._tcp.shop", 46 /* RRSIG */, 1, STR("whatever"));
    put_srv(&packet, "_http._tcp.shop", 1, 2, 8000, "Host-1.Shop", 60);
    put_srv(&packet, "_http._tcp.shop", 0, 0, 0, "", 60);
    assert_true(dns_reader_init(&r, buf_str(&packet)));
    assert_string_equal(r.question, "_http._tcp.shop");
    assert_true(dns_reader_next(&r, &record));
    assert_int_equal(record.priority, 1);
    assert_int_equal(record.weight, 2);
    assert_int_equal(record.port, 8000);
    assert_string_equal(record.target, "host-1.shop");
    assert_true(dns_reader_next(&r, &record));
    assert_string_equal(record.target, "");
    assert_false(dns_reader_next(&r, &record));
    assert_false(r.is_bad);
}

static void compressed_names(void **state)
{
    packet_begin(&packet, "shop.internal", 1);
    put_u16(&packet, 0xC00C); /* the question's name */
    put_u16(&packet, DNS_TYPE_CNAME);
    put_u16(&packet, 1);
    put_u16(&packet, 0);
    put_u16(&packet, 60);
    put_u16(&packet, 4);
    buf_put(&packet, str_n("\1b", 2));
    put_u16(&packet, 0xC011); /* "internal" in the question */
    struct dns_reader r;
    struct dns_record record;
    assert_true(dns_reader_init(&r, buf_str(&packet)));
    assert_true(dns_reader_next(&r, &record));
    assert_string_equal(record.name, "shop.internal");
    assert_string_equal(record.target, "b.internal");
}

static void names_end_whatever_the_packet_says(void **state)
{
    static const unsigned pointers[] = {0xC01B, 0xC01C, 0xC0FF, 0xFFFF}; /* itself, beyond itself, nowhere */
    for (size_t i = 0; i < ARRAY_LEN(pointers); i++) {
        struct dns_reader r;
        struct dns_record record;
        packet_begin(&packet, "shop.intern", 1); /* the record begins at 0x1D */
        put_u16(&packet, pointers[i] == 0xC01B ? 0xC01D : pointers[i]);
        for (int k = 0; k < 6; k++)
            put_u16(&packet, 1);
        assert_true(dns_reader_init(&r, buf_str(&packet)));
        assert_false(dns_reader_next(&r, &record));
        assert_true(r.is_bad);
    }
}

static void strange_bytes_in_names_are_harmless(void **state)
{
    struct dns_reader r;
    packet_begin(&packet, "a b", 0);
    assert_true(dns_reader_init(&r, buf_str(&packet)));
    assert_string_equal(r.question, "a?b");
}

static void whatever_is_cut_off_is_bad(void **state)
{
    uint32_t ttl_s;
    packet_begin(&packet, "shop.internal", 2);
    put_alias(&packet, "shop.internal", "b.internal", 7);
    put_address(&packet, "b.internal", "10.0.0.1", 60);
    size_t whole = packet.len;
    for (packet.len = 0; packet.len < whole; packet.len++) {
        char *exact = malloc(packet.len + 1); /* so that a sanitizer sees the end */
        memcpy(exact, packet.ptr, packet.len);
        char *kept = packet.ptr;
        packet.ptr = realloc(exact, packet.len ? packet.len : 1);
        assert_false(read_addresses(DNS_TYPE_A, &ttl_s));
        free(packet.ptr);
        packet.ptr = kept;
    }
    assert_true(read_addresses(DNS_TYPE_A, &ttl_s));
}

static void what_is_no_answer_is_bad(void **state)
{
    static const unsigned flags[] = {0x0100, 0x8380}; /* a question; an answer with TC set */
    struct dns_reader r;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        packet_begin(&packet, "shop.internal", 0);
        packet.ptr[2] = (char)(flags[i] >> 8);
        packet.ptr[3] = (char)flags[i];
        assert_false(dns_reader_init(&r, buf_str(&packet)));
    }
    packet_begin(&packet, "shop.internal", 1);
    put_record(&packet, "shop.internal", DNS_TYPE_A, 60, STR("12345")); /* an address of five bytes */
    uint32_t ttl_s;
    assert_false(read_addresses(DNS_TYPE_A, &ttl_s));
}

static int teardown(void **state)
{
    buf_fini(&packet);
    buf_fini(&found);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_question),
        cmocka_unit_test(aliases_lead_to_addresses_in_any_order),
        cmocka_unit_test(a_ttl_beyond_all_is_none),
        cmocka_unit_test(srv_records_and_what_is_not_ours),
        cmocka_unit_test(compressed_names),
        cmocka_unit_test(names_end_whatever_the_packet_says),
        cmocka_unit_test(strange_bytes_in_names_are_harmless),
        cmocka_unit_test(whatever_is_cut_off_is_bad),
        cmocka_unit_test(what_is_no_answer_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
