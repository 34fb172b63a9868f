/* The language of rules: every form, its canonical text, and what is said about mistakes. */
#include "rule/default_rules.h"
#include "rule/metric_value.h"

#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void read_rule(struct arena *arena, const char *text, struct rule *ret_rule)
{
    struct rule_mistake mistake;
    if (!rule_parse(str_of(text), arena, ret_rule, &mistake))
        fail_msg("%s: at %zu: %s (%s)", text, mistake.at, mistake.text, mistake.hint);
}

static void assert_canonical(const char *text, const char *canonical)
{
    struct arena *arena = arena_new();
    struct buf once CLEANUP(buf_fini) = {0}, twice CLEANUP(buf_fini) = {0};
    struct rule r;
    read_rule(arena, text, &r);
    rule_format(&r, &once);
    assert_string_equal(once.ptr, canonical);
    read_rule(arena, once.ptr, &r);
    rule_format(&r, &twice);
    assert_string_equal(twice.ptr, canonical);
    arena_free(arena);
}

static void test_canonical_forms(void **state)
{
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        {"cpu>90%", "cpu > 90%"},
        {"cpu > 90% for 2m clear 85%", "cpu > 90% for 2m clear 85%"},
        {"  cpu\n> 90.50%\tfor 120s  ", "cpu > 90.5% for 2m"},
        {"cpu > 90% clear 85% for 90s for 5m", "cpu > 90% for 5m clear 85% for 1m30s"},
        {"cpu > 90% for 0", "cpu > 90%"},
        {"cpu > 90% unknown alert keep 10m clear 1%", "cpu > 90% clear 1% keep 10m unknown alert"},
        {"cpu > 90% unknown keep", "cpu > 90%"},
        {"cpu < 5% clear 10% unknown ok", "cpu < 5% clear 10% unknown ok"},
        {"disk{path='/var/*'} > 95%", "disk{path=\"/var/*\"} > 95%"},
        {"disk{path!=\"it's\",instance=\"web-*\"}>95%", "disk{path!=\"it's\", instance=\"web-*\"} > 95%"},
        {"disk{path='\"'} > 95%", "disk{path='\"'} > 95%"},
        {"service_down", "service_down"},
        {"service_down > 0 for 5s", "service_down for 5s"},
        {"service_down < 1", "service_down < 1"},
        {"latency_p99 > 1500ms clear 1s", "latency_p99 > 1s500ms clear 1s"},
        {"discovery_failing > 36h", "discovery_failing > 1d12h"},
        {"request_rate < 0.25/s", "request_rate < 0.25/s"},
        {"queue_length > 1000000", "queue_length > 1000000"},
        {"cpu > 80% clear 70% and memory > 80% for 5m", "cpu > 80% clear 70% and memory > 80% for 5m"},
        {"cpu > 80% for 5m clear 70% for 9s and memory > 80%",
         "cpu > 80% clear 70% and memory > 80% for 5m clear 80% for 9s"},
        {"cpu > 0.1%", "cpu > 0.1%"},
        {"cpu > 33.333333333333%", "cpu > 33.333333333333%"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_canonical(rows[i].text, rows[i].canonical);
}

static void test_what_it_means(void **state)
{
    struct arena *arena = arena_new();
    struct rule r;
    read_rule(arena, "disk{path=\"/srv\"} > 90% for 2m clear 87% for 1m keep 1h unknown alert", &r);
    assert_int_equal(r.condition_count, 1);
    assert_int_equal(r.conditions[0].metric, METRIC_DISK);
    assert_true(r.conditions[0].threshold == 90 && r.conditions[0].clear == 87 && !r.conditions[0].is_below);
    assert_string_equal(r.conditions[0].matchers[0].label, "path");
    assert_string_equal(r.conditions[0].matchers[0].pattern.ptr, "/srv");
    assert_true(r.for_ns == 120 * NS_PER_S && r.hold_ns == 60 * NS_PER_S && r.keep_ns == 3600 * NS_PER_S);
    assert_int_equal(r.unknown, RULE_UNKNOWN_ALERT);
    read_rule(arena, "latency_p50 > 300ms", &r);
    assert_true(r.conditions[0].threshold == 0.3 && r.conditions[0].clear == 0.3 && !r.has_hold);
    arena_free(arena);
}

/* text, and where and how it is wrong: the caret's line is as long as the mistake. */
static void test_mistakes(void **state)
{
    static const struct {
        const char *text, *carets, *message, *hint;
    } rows[] = {
        {"", "", "a condition begins with a metric, not the end", "cpu > 90%"},
        {"90% < cpu", "^^^", "a condition begins with a metric, not '90%'", "cpu > 90%"},
        {"cpi > 90%", "^^^", "there is no metric 'cpi'", "did you mean 'cpu'?"},
        {"temperature > 3", "^^^^^^^^^^^", "there is no metric 'temperature'", "watched-metrics"},
        {"cpu", "   ", "'cpu' is compared by '>' or '<', not by the end", "such as cpu > ..."},
        {"cpu = 90%", "    ^", "'cpu' is compared by '>' or '<', not by '='", "`clear`"},
        {"cpu => 90%", "    ^", "'cpu' is compared by", ""},
        {"service_down >= 1", "             ^^", "'service_down' is compared by", ""},
        {"cpu > 101%", "      ^^^^", "'cpu' is in percent, and '101%' is no such number", "0% to 100%"},
        {"cpu > high", "      ^^^^", "'cpu' is in percent, and 'high' is no such number", "written like 90%"},
        {"cpu > -1%", "      ^", "'cpu' is in percent, and '-' is no such number", ""},
        {"latency_p99 > 5", "              ^", "'latency_p99' is in seconds", "a unit"},
        {"request_rate > 5", "               ^", "'request_rate' is in per second", "5/s"},
        {"queue_length > 5/s", "               ^^^", "'queue_length' is in count", "without a unit"},
        {"service_down > 2", "               ^", "'service_down' is in yes or no", "1 for yes"},
        {"discovery_failing > 40000d", "                    ^^^^^^", "'discovery_failing'", "ten years"},
        {"cpu{} > 1%", "    ^", "'cpu' has no label '}'", "it has: instance"},
        {"disk{instanc=\"a\"} > 1%", "     ^^^^^^^", "'disk' has no label 'instanc'", "'instance'"},
        {"disk{path} > 1%", "         ^", "a label is compared with '=' or '!=', not '}'", "path="},
        {"disk{path=/var} > 1%", "          ^", "the text of a label stands in quotes", "path="},
        {"disk{path=\"a\" > 1%", "              ^", "a ',' or a '}' is missing before '>'", ""},
        {"disk{path=\"a} > 1%", "          ^^^^^^^^", "the quote is not closed", ""},
        {"cpu > 1% fro 5m", "         ^^^", "'fro' is not expected here", "did you mean 'for'?"},
        {"cpu > 1% for", "            ", "'for' takes a duration, not the end", "30s"},
        {"cpu > 1% for 5", "             ^", "'for' takes a duration, not '5'", "a unit"},
        {"cpu > 1% for 8d", "             ^^", "'for' is out of range", "7d"},
        {"cpu > 1% for 1m for 2m", "                ^^^", "'for' is given twice", ""},
        {"cpu > 1% clear 2%", "               ^^", "'clear' is beyond the threshold", "above"},
        {"cpu < 2% clear 1%", "               ^^", "'clear' is beyond the threshold", "below"},
        {"cpu > 2% clear 1% clear 1%", "                        ^^", "has a 'clear' already", ""},
        {"cpu > 1% unknown never", "                 ^^^^^", "'unknown' takes", "keep, alert, ok"},
        {"cpu > 1% and", "            ", "a condition begins with a metric", ""},
        {"cpu > 1% and disk > 1%", "             ^^^^", "'cpu' and 'disk' are not about the same", ""},
        {"cpu > 1% and memory > 1% and swap > 1%", "                             ^^^^", "at most 2", ""},
        {"cpu > 1% ♥", "         ^^^", "'♥' is not expected here", "here may stand"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rule r;
        struct rule_mistake m = {0};
        struct arena *arena = arena_new();
        if (rule_parse(str_of(rows[i].text), arena, &r, &m))
            fail_msg("\"%s\" is taken", rows[i].text);
        bool is_there = m.at + m.length == strlen(rows[i].carets) && m.at == strcspn(rows[i].carets, "^");
        if (!is_there || !strstr(m.text, rows[i].message) || !strstr(m.hint, rows[i].hint))
            fail_msg("\"%s\": %zu+%zu: %s (%s)", rows[i].text, m.at, m.length, m.text, m.hint);
        arena_free(arena);
    }
}

static void test_too_long(void **state)
{
    char text[RULE_TEXT_BYTES_MAX + 32];
    struct rule r;
    struct rule_mistake m;
    struct arena *arena = arena_new();
    memset(text, ' ', sizeof(text));
    memcpy(text, "cpu > 1%", 8);
    assert_true(rule_parse(str_n(text, RULE_TEXT_BYTES_MAX), arena, &r, &m));
    assert_false(rule_parse(str_n(text, RULE_TEXT_BYTES_MAX + 1), arena, &r, &m));
    assert_non_null(strstr(m.text, "at most 1024"));
    arena_free(arena);
}

static void test_patterns(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool is_match;
    } rows[] = {
        {"", "", true},           {"", "a", false},           {"*", "", true},
        {"*", "anything", true},  {"/var/*", "/var/", true},  {"/var/*", "/var", false},
        {"*.log", "a.log", true}, {"*.log", "a.logs", false}, {"a*b*c", "a12b3bc", true},
        {"a*b*c", "acb", false},  {"**", "x", true},          {"a*a", "a", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(rule_glob(str_of(rows[i].pattern), str_of(rows[i].text)), rows[i].is_match);
}

static void test_shown_values(void **state)
{
    static const struct {
        enum metric_unit unit;
        double value;
        const char *shown;
    } rows[] = {
        {METRIC_UNIT_PERCENT, 93.44, "93.4 %"},
        {METRIC_UNIT_SECONDS, 3723, "1h2m3s"},
        {METRIC_UNIT_SECONDS, 0.25, "250ms"},
        {METRIC_UNIT_SECONDS, 0.00002, "0.1ms"},
        {METRIC_UNIT_SECONDS, 0.0042, "4.2ms"},
        {METRIC_UNIT_SECONDS, 1.5, "1.5s"},
        {METRIC_UNIT_SECONDS, 3.96, "4s"},
        {METRIC_UNIT_SECONDS, 59.94, "59.9s"},
        {METRIC_UNIT_SECONDS, 59.96, "59s"},
        {METRIC_UNIT_SECONDS, 0, "0s"},
        {METRIC_UNIT_SECONDS, 190800, "2d5h"},
        {METRIC_UNIT_BYTES, 1610612736, "1.5GiB"},
        {METRIC_UNIT_BYTES_PER_SECOND, 2048, "2KiB/s"},
        {METRIC_UNIT_PER_SECOND, 12.345, "12.3/s"},
        {METRIC_UNIT_COUNT, 7, "7"},
        {METRIC_UNIT_COUNT, 2.5, "2.5"},
        {METRIC_UNIT_RATIO, 14.42, "14.4"},
        {METRIC_UNIT_NUMBER, 0.00321, "0.00321"},
        {METRIC_UNIT_NUMBER, 1234567, "1234567"},
        {METRIC_UNIT_NUMBER, 2.5e16, "2.5e+16"},
        {METRIC_UNIT_FLAG, 1, "yes"},
    };
    char text[METRIC_VALUE_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(metric_value_show(rows[i].unit, rows[i].value, text), rows[i].shown);
}

/* The table of defaults can be read, is in canonical form, and no machine alert but the full disk pages. */
static void test_defaults(void **state)
{
    for (size_t i = 0; i < default_rule_count; i++) {
        const struct default_rule *d = &default_rules[i];
        struct arena *arena = arena_new();
        struct buf text CLEANUP(buf_fini) = {0};
        struct rule r;
        read_rule(arena, d->when, &r);
        rule_format(&r, &text);
        assert_string_equal(text.ptr, d->when);
        assert_ptr_equal(default_rule_find(str_of(d->name)), d);
        bool is_host = strncmp(d->name, "Host", 4) == 0 && strcmp(d->name, "HostDiskAlmostFull") != 0;
        assert_true(!is_host || d->severity != ALERT_CRITICAL);
        arena_free(arena);
    }
    assert_null(default_rule_find(STR("Nothing")));
    assert_string_equal(default_rule_suggest(STR("ServiceDwn")), "ServiceDown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical_forms), cmocka_unit_test(test_what_it_means),
        cmocka_unit_test(test_mistakes),        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_patterns),        cmocka_unit_test(test_shown_values),
        cmocka_unit_test(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
