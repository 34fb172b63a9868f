/* What is asked of the history, from the query of its URL. */
#include "admin/history_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define NOW INT64_C(1800000000)

static void good_queries(void **state)
{
    static const struct {
        const char *query, *metric, *labels;
        int64_t from, to, step;
    } rows[] = {
        {"", "", "", NOW - 3600, NOW, 0},
        {"metric=cpu", "cpu", "", NOW - 3600, NOW, 0},
        {"metric=cpu&from=6h", "cpu", "", NOW - 6 * 3600, NOW, 0},
        {"from=1799990000&metric=disk&path=%2Fvar%2Flib&to=1799999000", "disk", "path=/var/lib ", 1799990000,
         1799999000, 0},
        {"metric=disk&path=/&instance=db-1&step=10", "disk", "path=/ instance=db-1 ", NOW - 3600, NOW, 10},
        {"metric=cpu&from=7d&to=1d&step=5m", "cpu", "", NOW - 7 * 86400, NOW - 86400, 300},
        {"metric=cpu&to=2h", "cpu", "", NOW - 3 * 3600, NOW - 2 * 3600, 0},
        {"metric=cpu&from=10m&to=now&step=1s", "cpu", "", NOW - 600, NOW, 1},
        {"metric=cpu&from=10m&to=1900000000", "cpu", "", NOW - 600, NOW, 0}, /* the future is not known yet */
        {"metric=cpu&from=5000&to=10000&step=1", "cpu", "", 5000, 10000, 1},
        {"&metric=cpu&", "cpu", "", NOW - 3600, NOW, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct history_query q;
        struct err err = {0};
        char labels[256] = "";
        if (!history_query_parse(&q, str_of(rows[i].query), NOW, &err))
            fail_msg("%s: %s", rows[i].query, err.text);
        for (size_t k = 0; k < q.label_count; k++)
            snprintf(labels + strlen(labels), sizeof(labels) - strlen(labels), "%s=%s ", q.labels[k].name,
                     q.labels[k].value);
        assert_string_equal(q.metric, rows[i].metric);
        assert_string_equal(labels, rows[i].labels);
        assert_int_equal(q.from_s, rows[i].from);
        assert_int_equal(q.to_s, rows[i].to);
        assert_int_equal(q.step_s, rows[i].step);
    }
}

static void bad_queries(void **state)
{
    static const struct {
        const char *query, *why;
    } rows[] = {
        {"metric", "'metric' is none"},
        {"metric=", "'metric=' is none"},
        {"metric=%zz", "not well percent-encoded"},
        {"metric=cpu&path=%00", "not well percent-encoded"},
        {"metric=a-name-that-is-longer-than-any-metric-could-ever-be-called-by-anybody", "so long a name"},
        {"metric=cpu&from=yesterday", "'from' must be seconds since 1970"},
        {"metric=cpu&from=-5", "'from' must be"},
        {"metric=cpu&to=99999999999999999999", "'to' must be"},
        {"metric=cpu&step=0", "'step' must be whole seconds"},
        {"metric=cpu&step=500ms", "'step' must be whole seconds"},
        {"metric=cpu&step=often", "'step' must be whole seconds"},
        {"metric=cpu&from=now", "'from' must be before 'to'"},
        {"metric=cpu&from=1h&to=2h", "'from' must be before 'to'"},
        {"metric=cpu&from=1900000000", "'from' must be before 'to'"},
        {"metric=cpu&from=2h&step=1", "7200 points of each series, and 5000 is the most"},
        {"a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9", "more than 8 labels"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct history_query q;
        struct err err = {0};
        if (history_query_parse(&q, str_of(rows[i].query), NOW, &err))
            fail_msg("%s is taken", rows[i].query);
        if (!strstr(err.text, rows[i].why))
            fail_msg("%s: %s", rows[i].query, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_queries), cmocka_unit_test(bad_queries)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
