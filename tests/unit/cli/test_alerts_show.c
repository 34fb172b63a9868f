/* What `weir alerts NAME` shows of an alert. */
#include "cli/alerts.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void assert_shown(const char *alert, const char *expected)
{
    struct err err;
    struct buf out CLEANUP(buf_fini) = {0};
    struct json_value *v = json_value_parse(str_of(alert), &err);
    assert_non_null(v);
    alerts_format_one(v, false, &out);
    json_value_free(v);
    assert_string_equal(out.ptr, expected);
}

static void all_that_is_known(void **state)
{
    assert_shown(
        "{\"name\": \"HostDiskHigh\", \"severity\": \"warning\", \"summary\": \"Disk usage is high\", "
        "\"labels\": {\"path\": \"/srv\"}, \"rule\": \"disk > 90% for 2m clear 87% for 1m\", "
        "\"state\": \"firing\", \"is_active\": true, \"is_told\": true, \"state_seconds\": 12, "
        "\"value\": 95.25, \"threshold\": 90, \"clear\": 87, \"unit\": \"percent\", "
        "\"sparkline\": {\"values\": [90, null, 95]}, \"evidence\": \"/srv is 95.2 % full\", "
        "\"before\": [{\"at\": \"2026-11-23T06:24:12.001Z\", \"text\": \"requests are taken\"}, "
        "{\"at\": \"2026-11-23T06:24:15.001Z\", \"text\": \"shop: 4 servers\"}], "
        "\"silence_command\": \"weir silence alertname=HostDiskHigh path=/srv --for 2h\"}",
        "HostDiskHigh (warning): path=/srv\n"
        "  what       Disk usage is high\n"
        "  rule       disk > 90% for 2m clear 87% for 1m\n"
        "  state      firing for 12s\n"
        "  value      95.25 %\n"
        "  lately     ▁ █  90 % to 95 %\n"
        "  evidence   /srv is 95.2 % full\n"
        "  before     2026-11-23T06:24:12.001Z  requests are taken\n"
        "             2026-11-23T06:24:15.001Z  shop: 4 servers\n"
        "  people     know that it fires\n"
        "  silence it weir silence alertname=HostDiskHigh path=/srv --for 2h\n");
}

static void numbers_have_their_units(void **state)
{
    static const struct {
        const char *unit, *value, *shown;
    } rows[] = {
        {"percent", "95.25", "95.25 %"},
        {"seconds", "7200", "2h"},
        {"seconds", "0.25", "0.25s"},
        {"bytes", "1073741824", "1GiB"},
        {"bytes", "0", "0"},
        {"bytes per second", "2097152", "2MiB/s"},
        {"per second", "5", "5/s"},
        {"ratio", "14.4", "14.4"},
        {"count", "3", "3"},
        {"seconds", "null", "unknown: hidden"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf alert CLEANUP(buf_fini) = {0}, expected CLEANUP(buf_fini) = {0};
        buf_printf(&alert, "{\"name\": \"X\", \"severity\": \"notice\", \"unit\": \"%s\", \"value\": %s%s}",
                   rows[i].unit, rows[i].value,
                   strcmp(rows[i].value, "null") ? "" : ", \"why_unknown\": \"hidden\"");
        buf_printf(&expected, "X (notice):\n  state      ? for 0s\n  value      %s\n", rows[i].shown);
        assert_shown(buf_str(&alert).ptr, buf_str(&expected).ptr);
    }
}

/* A line at the bottom would look like nothing at all. */
static void what_does_not_move_is_drawn_in_the_middle(void **state)
{
    assert_shown("{\"name\": \"X\", \"severity\": \"notice\", \"unit\": \"percent\", \"value\": 100, "
                 "\"sparkline\": {\"values\": [100, 100]}}",
                 "X (notice):\n  state      ? for 0s\n  value      100 %\n  lately     ▅▅  100 % to 100 %\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_known),
        cmocka_unit_test(numbers_have_their_units),
        cmocka_unit_test(what_does_not_move_is_drawn_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
