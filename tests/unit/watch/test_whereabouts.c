/* Which machine an address is on: by its URL, by who answered, by the configuration. */
#include "watch/remote/whereabouts.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static bool has(const struct whereabouts *w, const char *address)
{
    struct addr a;
    const char *problem;
    if (!addr_parse(str_of(address), &a, &problem))
        fail_msg("%s: %s", address, problem);
    return whereabouts_has(w, &a);
}

static void an_address_in_the_url_is_its_own(void **state)
{
    static const struct {
        const char *url, *on_it, *elsewhere;
    } rows[] = {
        {"http://192.0.2.6:9100/metrics", "192.0.2.6:8000", "192.0.2.60:8000"},
        {"http://192.0.2.6/", "192.0.2.6:80", "192.0.2.7:80"},
        {"https://me:pass@192.0.2.6:9100", "192.0.2.6:8000", "unix:/run/192.0.2.6"},
        {"http://[fd00::6]:9100/metrics", "[fd00::6]:8000", "[fd00::7]:8000"},
        {"http://192.0.2.6:9100/a:b/192.0.2.7", "192.0.2.6:8000", "192.0.2.7:8000"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t kind = HOST_KIND_EXPORTER; kind <= HOST_KIND_AGENT; kind++) {
            struct config_host config = {.kind = (enum host_kind)kind};
            *(kind == HOST_KIND_AGENT ? &config.agent : &config.exporter) = str_of(rows[i].url);
            struct whereabouts w;
            whereabouts_init(&w, &config);
            if (!has(&w, rows[i].on_it) || has(&w, rows[i].elsewhere))
                fail_msg("%s is at another place", rows[i].url);
        }
    }
}

static void a_name_is_known_when_it_answered(void **state)
{
    static const struct config_host config = {.exporter = STR("http://web-2.internal:9100/metrics")};
    struct whereabouts w;
    whereabouts_init(&w, &config);
    assert_false(has(&w, "192.0.2.6:8000"));
    whereabouts_note(&w, "192.0.2.6");
    assert_true(has(&w, "192.0.2.6:8000"));
    whereabouts_note(&w, ""); /* nothing new */
    assert_true(has(&w, "192.0.2.6:8000"));
    whereabouts_note(&w, "fd00::6"); /* it moved */
    assert_true(has(&w, "[fd00::6]:8000") && !has(&w, "192.0.2.6:8000"));
}

static void what_the_configuration_names_is_all(void **state)
{
    struct addr_range ranges[2];
    const char *problem;
    assert_true(addr_range_parse(STR("192.0.2.6"), &ranges[0], &problem) &&
                addr_range_parse(STR("198.51.100.0/24"), &ranges[1], &problem));
    struct config_host config = {
        .exporter = STR("http://127.0.0.1:9100/"), .address_count = 2, .addresses = ranges};
    struct whereabouts w;
    whereabouts_init(&w, &config);
    whereabouts_note(&w, "127.0.0.1"); /* through a tunnel */
    assert_true(has(&w, "192.0.2.6:80") && has(&w, "198.51.100.77:80"));
    assert_false(has(&w, "127.0.0.1:80") || has(&w, "198.51.101.1:80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_in_the_url_is_its_own),
        cmocka_unit_test(a_name_is_known_when_it_answered),
        cmocka_unit_test(what_the_configuration_names_is_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
