/* Addresses and ranges: what is accepted, how it is written back, and what the refusal says. */
#include "base/addr.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct addr must_parse(const char *text)
{
    struct addr a = {0};
    const char *problem = NULL;
    if (!addr_parse(str_of(text), &a, &problem))
        fail_msg("%s: %s", text, problem);
    return a;
}

static void accepted_addresses_are_written_back(void **state)
{
    static const char *const cases[][3] = {
        {"1.2.3.4:80", "1.2.3.4:80", "1.2.3.4"},
        {":80", "0.0.0.0:80", "0.0.0.0"},
        {"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0"},
        {"localhost:8080", "127.0.0.1:8080", "127.0.0.1"},
        {"LocalHost:8080", "127.0.0.1:8080", "127.0.0.1"},
        {"[::1]:65535", "[::1]:65535", "::1"},
        {"[::]:80", "[::]:80", "::"},
        {"[2001:DB8::7]:443", "[2001:db8::7]:443", "2001:db8::7"},
        {"[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1"},
        {"unix:/run/app.sock", "unix:/run/app.sock", "unix:/run/app.sock"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[ADDR_TEXT_BYTES];
        struct addr a = must_parse(cases[i][0]);
        assert_string_equal(addr_format(text, &a), cases[i][1]);
        assert_string_equal(addr_format_host(text, &a), cases[i][2]);
    }
}

static void refused_addresses_say_why(void **state)
{
    static const char *const cases[][2] = {
        {"", "needs a port"},
        {"8080", "needs a port"},
        {"127.0.0.1", "needs a port"},
        {"127.0.0.1:", "a port is a number"},
        {"127.0.0.1:65536", "a port is a number"},
        {"127.0.0.1:080808", "a port is a number"},
        {"127.0.0.1:-1", "a port is a number"},
        {"127.0.0.1:80x", "a port is a number"},
        {"127.0.0.1:80 ", "a port is a number"},
        {"127.1:80", "an address is a number"},
        {"127.0.0.01:80", "an address is a number"},
        {"256.0.0.1:80", "an address is a number"},
        {"example.com:80", "an address is a number"},
        {"::1:80", "in brackets"},
        {"::1", "in brackets"},
        {"[::1]", "in brackets"},
        {"[::1]80", "in brackets"},
        {"[::1", "in brackets"},
        {"[]:80", "not an IPv6 address"},
        {"[1.2.3.4]:80", "not an IPv6 address"},
        {"[fe80::1%lo]:80", "not an IPv6 address"},
        {"[::1]:", "a port is a number"},
        {"unix:run/app.sock", "begins with /"},
        {"unix:", "begins with /"},
        {"unix:/"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaa"
         "aaaaaa",
         "at most 107 bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr a = {.len = 77};
        const char *problem = NULL;
        assert_false(addr_parse(str_of(cases[i][0]), &a, &problem));
        if (!strstr(problem, cases[i][1]))
            fail_msg("'%s' was refused with '%s' and not with '%s'", cases[i][0], problem, cases[i][1]);
        assert_int_equal(a.len, 77); /* outputs stay untouched on failure */
    }
    struct addr a;
    const char *problem;
    assert_false(addr_parse(str_n("1.2.3.4\0:80", 11), &a, &problem));
    assert_false(addr_parse(str_n("unix:/a\0b", 9), &a, &problem));
    assert_false(addr_parse(str_n(NULL, 0), &a, &problem));
}

static void a_host_and_a_port_that_stand_apart(void **state)
{
    static const struct {
        const char *host;
        uint64_t port;
        const char *address; /* NULL: refused */
    } cases[] = {{"10.0.0.1", 80, "10.0.0.1:80"},
                 {"::1", 80, "[::1]:80"},
                 {"[fd00::2]", 65535, "[fd00::2]:65535"},
                 {"localhost", 1, "127.0.0.1:1"},
                 {"", 80, NULL},
                 {"[", 80, NULL},
                 {"[::1", 80, NULL},
                 {"[]", 80, NULL},
                 {"unix", 80, NULL},
                 {"web-1", 80, NULL},
                 {"10.0.0.1:8000", 80, NULL},
                 {"10.0.0.1", 0, NULL},
                 {"10.0.0.1", 65536, NULL},
                 {"10.0.0.1", UINT64_MAX, NULL}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr a;
        const char *problem = NULL;
        char text[ADDR_TEXT_BYTES];
        bool ok = addr_parse_host(str_of(cases[i].host), cases[i].port, &a, &problem);
        assert_true(ok ? cases[i].address != NULL : cases[i].address == NULL && problem);
        if (ok)
            assert_string_equal(addr_format(text, &a), cases[i].address);
    }
}

static void ports_are_read_and_set(void **state)
{
    struct addr in4 = must_parse("1.2.3.4:80"), in6 = must_parse("[::1]:81"), un = must_parse("unix:/x");
    struct addr none = {0};
    assert_int_equal(addr_port(&in4), 80);
    assert_int_equal(addr_port(&in6), 81);
    assert_int_equal(addr_port(&un), 0);
    assert_int_equal(addr_port(&none), 0);
    addr_set_port(&in4, 8001);
    addr_set_port(&in6, 8002);
    assert_int_equal(addr_port(&in4), 8001);
    assert_int_equal(addr_port(&in6), 8002);
}

static void loopback_is_recognised(void **state)
{
    static const struct {
        const char *text;
        bool is_loopback;
    } cases[] = {
        {"127.0.0.1:1", true}, {"127.255.0.9:1", true}, {"[::1]:1", true}, {"[::ffff:127.0.0.1]:1", true},
        {"unix:/x", true},     {":1", false},           {"[::]:1", false}, {"128.0.0.1:1", false},
        {"10.0.0.1:1", false}, {"[fe80::1]:1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr a = must_parse(cases[i].text);
        assert_int_equal(addr_is_loopback(&a), cases[i].is_loopback);
    }
    assert_false(addr_is_loopback(&(struct addr){0}));
}

static void equality_compares_family_host_and_port(void **state)
{
    static const char *const distinct[] = {":1",      "0.0.0.0:2",         "1.2.3.4:1", "1.2.3.5:1",
                                           "[::]:1",  "[::1]:1",           "unix:/x",   "unix:/xy",
                                           "[::1]:2", "[::ffff:1.2.3.4]:1"};
    for (size_t i = 0; i < ARRAY_LEN(distinct); i++)
        for (size_t j = 0; j < ARRAY_LEN(distinct); j++) {
            struct addr a = must_parse(distinct[i]), b = must_parse(distinct[j]);
            assert_int_equal(addr_eq(&a, &b), i == j);
        }
    struct addr a = must_parse(":1"), b = must_parse("0.0.0.0:1"), none = {0};
    assert_true(addr_eq(&a, &b));
    assert_true(addr_eq(&none, &none));
    assert_false(addr_eq(&none, &a));
}

static void ranges_hold_their_addresses(void **state)
{
    static const struct {
        const char *range, *address;
        bool is_in;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1:1", true},
        {"10.0.0.0/8", "11.0.0.1:1", false},
        {"10.1.2.3/8", "10.9.9.9:1", true},
        {"10.0.0.0/9", "10.127.0.1:1", true},
        {"10.0.0.0/9", "10.128.0.1:1", false},
        {"192.0.2.7", "192.0.2.7:9", true},
        {"192.0.2.7", "192.0.2.6:9", false},
        {"0.0.0.0/0", "8.8.8.8:1", true},
        {"0.0.0.0/0", "[::1]:1", false},
        {"0.0.0.0/0", "[::ffff:8.8.8.8]:1", true},
        {"10.0.0.0/8", "[::ffff:10.1.1.1]:1", true},
        {"::ffff:10.0.0.0/104", "10.1.1.1:1", true},
        {"::ffff:10.0.0.0/104", "11.1.1.1:1", false},
        {"::1", "[::1]:1", true},
        {"::1", "[::2]:1", false},
        {"2001:db8::/33", "[2001:db8:7fff::1]:1", true},
        {"2001:db8::/33", "[2001:db8:8000::1]:1", false},
        {"::/0", "[2001:db8::1]:1", true},
        {"::/0", "1.2.3.4:1", false},
        {"0.0.0.0/0", "unix:/x", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr_range r;
        const char *problem = NULL;
        struct addr a = must_parse(cases[i].address);
        assert_true(addr_range_parse(str_of(cases[i].range), &r, &problem));
        if (addr_range_has(&r, &a) != cases[i].is_in)
            fail_msg("%s in %s", cases[i].address, cases[i].range);
    }
}

static void refused_ranges(void **state)
{
    static const char *const cases[] = {"",     "10.0.0.0/",  "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8",
                                        "10/8", "::1/129",    "[::1]/128",   "localhost",   "10.0.0.0/ 8",
                                        "/8",   "10.0.0.0:80"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr_range r;
        const char *problem = NULL;
        assert_false(addr_range_parse(str_of(cases[i]), &r, &problem));
        assert_non_null(problem);
    }
}

static void a_mapped_address_becomes_the_one_it_maps(void **state)
{
    struct addr a;
    const char *problem;
    char text[ADDR_TEXT_BYTES];
    assert_true(addr_parse(STR("[::ffff:1.2.3.4]:80"), &a, &problem));
    addr_unmap(&a);
    assert_string_equal(addr_format(text, &a), "1.2.3.4:80");
    assert_true(addr_parse(STR("[::1]:80"), &a, &problem));
    addr_unmap(&a);
    assert_string_equal(addr_format(text, &a), "[::1]:80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mapped_address_becomes_the_one_it_maps),
        cmocka_unit_test(accepted_addresses_are_written_back),
        cmocka_unit_test(refused_addresses_say_why),
        cmocka_unit_test(a_host_and_a_port_that_stand_apart),
        cmocka_unit_test(ports_are_read_and_set),
        cmocka_unit_test(loopback_is_recognised),
        cmocka_unit_test(equality_compares_family_host_and_port),
        cmocka_unit_test(ranges_hold_their_addresses),
        cmocka_unit_test(refused_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
