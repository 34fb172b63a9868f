/* Sizes, durations and percentages: what is read, what is refused, what is shown. */
#include "base/clock.h"
#include "base/macros.h"
#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void durations_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"0", 0},
        {"0s", 0},
        {"1ns", 1},
        {"7us", 7000},
        {"250ms", 250 * NS_PER_MS},
        {"30s", 30 * NS_PER_S},
        {"1.5s", 1500 * NS_PER_MS},
        {"5m", 300 * NS_PER_S},
        {"2h", 7200 * NS_PER_S},
        {"1d", 86400 * NS_PER_S},
        {"1m30s", 90 * NS_PER_S},
        {"1h1m1s1ms1us1ns", 3661 * NS_PER_S + NS_PER_MS + 1001},
        {"0.1s", 100 * NS_PER_MS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = -1;
        const char *problem = NULL;
        if (!units_parse_duration(str_of(cases[i].text), &ns, &problem))
            fail_msg("%s: %s", cases[i].text, problem);
        assert_int_equal(ns, cases[i].ns);
    }
}

static void sizes_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"0", 0},
        {"512B", 512},
        {"1kB", 1000},
        {"1KB", 1000},
        {"64KiB", 65536},
        {"10MB", 10000000},
        {"1.5GiB", UINT64_C(3) << 29},
        {"2GB", UINT64_C(2000000000)},
        {"1TB", UINT64_C(1000000000000)},
        {"1TiB", UINT64_C(1) << 40},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t bytes = 77;
        const char *problem = NULL;
        if (!units_parse_size(str_of(cases[i].text), &bytes, &problem))
            fail_msg("%s: %s", cases[i].text, problem);
        assert_int_equal(bytes, cases[i].bytes);
    }
}

static void what_is_no_duration_or_size_is_refused(void **state)
{
    static const char *const cases[] = {"",
                                        " ",
                                        "5",
                                        "1.",
                                        ".5s",
                                        "1..5s",
                                        "-5s",
                                        "+5s",
                                        "5 s",
                                        "5s ",
                                        " 5s",
                                        "s",
                                        "5x",
                                        "5S",
                                        "1e3s",
                                        "5s5",
                                        "99999999999999999999d",
                                        "0x10s",
                                        "00",
                                        "5sB",
                                        "1,5s"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = 42;
        uint64_t bytes = 42;
        const char *problem = NULL;
        if (units_parse_duration(str_of(cases[i]), &ns, &problem))
            fail_msg("'%s' was read as a duration", cases[i]);
        assert_non_null(problem);
        if (units_parse_size(str_of(cases[i]), &bytes, &problem))
            fail_msg("'%s' was read as a size", cases[i]);
        assert_int_equal(ns, 42);
        assert_int_equal(bytes, 42);
    }
    uint64_t bytes;
    const char *problem;
    assert_false(units_parse_size(STR("1KiB1B"), &bytes, &problem)); /* sizes are one number */
    assert_false(units_parse_size(STR("1kib"), &bytes, &problem));
    assert_false(units_parse_size(str_n(NULL, 0), &bytes, &problem));
}

static void percentages(void **state)
{
    double value = -1;
    const char *problem = NULL;
    assert_true(units_parse_percent(STR("90%"), &value, &problem));
    assert_float_equal(value, 90, 0);
    assert_true(units_parse_percent(STR("0%"), &value, &problem));
    assert_float_equal(value, 0, 0);
    assert_true(units_parse_percent(STR("100%"), &value, &problem));
    assert_true(units_parse_percent(STR("99.95%"), &value, &problem));
    assert_float_equal(value, 99.95, 1e-9);
    static const char *const refused[] = {"", "%", "90", "90 %", "101%", "100.1%", "-1%", "90%%", "0"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_false(units_parse_percent(str_of(refused[i]), &value, &problem));
}

static void people_see_short_texts(void **state)
{
    char out[UNITS_TEXT_BYTES];
    assert_string_equal(units_format_duration(out, 0), "0s");
    assert_string_equal(units_format_duration(out, 1500 * NS_PER_MS), "1.5s");
    assert_string_equal(units_format_duration(out, 250 * NS_PER_MS), "250ms");
    assert_string_equal(units_format_duration(out, 300 * NS_PER_S), "5m");
    assert_string_equal(units_format_duration(out, 90 * NS_PER_S), "90s");
    assert_string_equal(units_format_duration(out, 86400 * NS_PER_S), "1d");
    assert_string_equal(units_format_duration(out, 17), "17ns");
    assert_string_equal(units_format_size(out, 0), "0B");
    assert_string_equal(units_format_size(out, 1023), "1023B");
    assert_string_equal(units_format_size(out, 65536), "64KiB");
    assert_string_equal(units_format_size(out, UINT64_C(3) << 29), "1.5GiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(what_is_no_duration_or_size_is_refused),
        cmocka_unit_test(percentages),
        cmocka_unit_test(people_see_short_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
