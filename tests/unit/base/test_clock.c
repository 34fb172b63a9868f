/* Times of day: what is read, and that it is what is written. */
#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void times_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T06:30:00Z", 1795415400 * NS_PER_S},
        {"2026-11-23T06:30:00.123Z", 1795415400 * NS_PER_S + 123 * NS_PER_MS},
        {"2026-11-23t07:30:00.5+01:00", 1795415400 * NS_PER_S + 500 * NS_PER_MS},
        {"2026-11-22 22:00:00-08:30", 1795415400 * NS_PER_S},
        {"2026-11-23T06:30:00.123456789123Z", 1795415400 * NS_PER_S + 123456789},
        {"2024-02-29T00:00:00Z", 1709164800 * NS_PER_S},
        {"2016-12-31T23:59:60Z", 1483228800 * NS_PER_S},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ns = -1;
        assert_true(clock_parse_rfc3339(str_of(rows[i].text), &ns));
        assert_int_equal(ns, rows[i].ns);
    }
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "2026-11-23",
        "2026-11-23T06:30Z",
        "2026-11-23T06:30:00",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T06:30:00.Z",
        "2026-11-23T06:30:00Zx",
        "2026-11-23T06:30:00+1:00",
        "1969-12-31T23:59:59Z",
        "9999-01-01T00:00:00Z",
        "tomorrow",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int64_t ns = -1;
        if (clock_parse_rfc3339(str_of(texts[i]), &ns) || ns != -1)
            fail_msg("%s", texts[i]);
    }
}

static void what_is_written_is_read(void **state)
{
    char text[CLOCK_RFC3339_BYTES];
    for (int64_t ns = 0; ns < 9000000000 * NS_PER_S; ns += 86413 * 997 * NS_PER_S + 7 * NS_PER_MS) {
        int64_t read_ns = -1;
        assert_true(clock_parse_rfc3339(str_of(clock_format_rfc3339(text, ns)), &read_ns));
        assert_int_equal(read_ns, ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
