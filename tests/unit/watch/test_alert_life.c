/* The life of an alert on a virtual clock: one row is one reading, with the state and the change that it must
 * bring. */
#include "watch/alert.h"

#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct alert_rule rule = {
    .limit_count = 1, .limits = {{false, 90, 80}}, .for_ns = 10 * NS_PER_S, .hold_ns = 5 * NS_PER_S};
static const struct alert_rule at_once = {.limit_count = 1, .limits = {{false, 0, 0}}};

enum { NO_DATA = -1 };

struct row {
    int64_t at_s;
    double value; /* NO_DATA: unknown */
    enum alert_state state;
    enum alert_change change;
};

static void play(struct alert_life *l, const struct alert_rule *r, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reading reading =
            rows[i].value == NO_DATA ? reading_unknown("cannot be read") : reading_known(rows[i].value);
        enum alert_change change = alert_life_step(l, r, &reading, rows[i].at_s * NS_PER_S);
        if (l->state != rows[i].state || change != rows[i].change)
            fail_msg("row %zu (second %lld): state %s, change %d; expected %s, %d", i,
                     (long long)rows[i].at_s, alert_state_name(l->state), change,
                     alert_state_name(rows[i].state), rows[i].change);
    }
}

static void test_fires_and_ends(void **state)
{
    static const struct row rows[] = {
        {100, NO_DATA, ALERT_UNKNOWN, ALERT_NO_CHANGE}, /* the first CPU sample */
        {101, 50, ALERT_OK, ALERT_NO_CHANGE},
        {102, 90, ALERT_OK, ALERT_NO_CHANGE}, /* not greater */
        {103, 95, ALERT_PENDING, ALERT_NO_CHANGE},
        {108, 96, ALERT_PENDING, ALERT_NO_CHANGE},
        {112, 96, ALERT_PENDING, ALERT_NO_CHANGE},
        {113, 96, ALERT_FIRING, ALERT_FIRED},
        {114, 99, ALERT_FIRING, ALERT_NO_CHANGE},
        {115, 85, ALERT_FIRING, ALERT_NO_CHANGE}, /* below the threshold, not clear */
        {116, 80, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {118, 81, ALERT_FIRING, ALERT_NO_CHANGE},
        {120, 10, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {124, 10, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {125, 10, ALERT_RESOLVED, ALERT_ENDED},
        {126, 10, ALERT_RESOLVED, ALERT_NO_CHANGE},
        {425, 10, ALERT_OK, ALERT_NO_CHANGE},
    };
    struct alert_life l = {0};
    play(&l, &rule, rows, ARRAY_LEN(rows));
    assert_int_equal(l.firing_since_ns, 113 * NS_PER_S);
    assert_int_equal(l.passed_since_ns, 103 * NS_PER_S);
    assert_true(l.means[0] == 96);
}

static void test_short_peaks_do_not_fire(void **state)
{
    static const struct row rows[] = {
        {1, 10, ALERT_OK, ALERT_NO_CHANGE},
        {2, 100, ALERT_PENDING, ALERT_NO_CHANGE},
        {3, 85, ALERT_OK, ALERT_NO_CHANGE}, /* the mean since is not above */
        {4, 91, ALERT_PENDING, ALERT_NO_CHANGE},
        {5, 100, ALERT_PENDING, ALERT_NO_CHANGE},
        {13, 100, ALERT_PENDING, ALERT_NO_CHANGE},
        {14, 60, ALERT_PENDING, ALERT_NO_CHANGE}, /* long enough, but it has just ended */
        {15, 60, ALERT_PENDING, ALERT_NO_CHANGE},
        {17, 60, ALERT_OK, ALERT_NO_CHANGE},
    };
    struct alert_life l = {0};
    play(&l, &rule, rows, ARRAY_LEN(rows));
}

/* Real load is not smooth: single dips below the threshold, even below clear, do not start it anew. */
static void test_dips_do_not_stop_it(void **state)
{
    static const struct row rows[] = {
        {1, 99, ALERT_PENDING, ALERT_NO_CHANGE}, {4, 99, ALERT_PENDING, ALERT_NO_CHANGE},
        {5, 78, ALERT_PENDING, ALERT_NO_CHANGE}, {8, 99, ALERT_PENDING, ALERT_NO_CHANGE},
        {9, 88, ALERT_PENDING, ALERT_NO_CHANGE}, {11, 98, ALERT_FIRING, ALERT_FIRED},
    };
    struct alert_life l = {0};
    play(&l, &rule, rows, ARRAY_LEN(rows));
}

static void test_at_once(void **state)
{
    static const struct row rows[] = {
        {1, 0, ALERT_OK, ALERT_NO_CHANGE},
        {2, 1, ALERT_FIRING, ALERT_FIRED},
        {3, 1, ALERT_FIRING, ALERT_NO_CHANGE},
        {4, 0, ALERT_RESOLVED, ALERT_ENDED},
    };
    struct alert_life l = {0};
    play(&l, &at_once, rows, ARRAY_LEN(rows));
}

static void test_missing_data_never_resolves(void **state)
{
    static const struct row rows[] = {
        {1, 99, ALERT_PENDING, ALERT_NO_CHANGE},
        {11, 99, ALERT_FIRING, ALERT_FIRED},
        {12, NO_DATA, ALERT_FIRING, ALERT_NO_CHANGE},
        {41, NO_DATA, ALERT_FIRING, ALERT_NO_CHANGE},
        {42, NO_DATA, ALERT_FIRING, ALERT_LOST_SIGHT}, /* told once, after 30 s */
        {43, NO_DATA, ALERT_FIRING, ALERT_NO_CHANGE},
        {9999, NO_DATA, ALERT_FIRING, ALERT_NO_CHANGE},
        {10000, 95, ALERT_FIRING, ALERT_SEES_AGAIN},
        {10001, 10, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {10002, NO_DATA, ALERT_RECOVERING, ALERT_NO_CHANGE}, /* the time without data does not count */
        {10008, NO_DATA, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {10009, 10, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {10013, 10, ALERT_RESOLVED, ALERT_ENDED},
    };
    struct alert_life l = {0};
    play(&l, &rule, rows, ARRAY_LEN(rows));
}

static void test_missing_data_before_it_fires(void **state)
{
    static const struct row rows[] = {
        {1, 10, ALERT_OK, ALERT_NO_CHANGE},
        {2, NO_DATA, ALERT_UNKNOWN, ALERT_NO_CHANGE}, /* unknown is not ok */
        {3, 99, ALERT_PENDING, ALERT_NO_CHANGE},
        {5, 99, ALERT_PENDING, ALERT_NO_CHANGE},
        {10, NO_DATA, ALERT_PENDING, ALERT_NO_CHANGE},
        {15, 99, ALERT_PENDING, ALERT_NO_CHANGE}, /* 5 s without data do not count, the 5 s back to it do */
        {18, 99, ALERT_FIRING, ALERT_FIRED},
    };
    static const struct row lost[] = {
        {100, NO_DATA, ALERT_UNKNOWN, ALERT_NO_CHANGE}, {130, NO_DATA, ALERT_UNKNOWN, ALERT_LOST_SIGHT},
        {131, 10, ALERT_OK, ALERT_SEES_AGAIN},          {132, 99, ALERT_PENDING, ALERT_NO_CHANGE},
        {133, NO_DATA, ALERT_PENDING, ALERT_NO_CHANGE}, {163, NO_DATA, ALERT_UNKNOWN, ALERT_LOST_SIGHT},
    };
    struct alert_life l = {0}, other = {0};
    play(&l, &rule, rows, ARRAY_LEN(rows));
    play(&other, &rule, lost, ARRAY_LEN(lost));
}

static void test_ordinary_unknown_is_not_told(void **state)
{
    struct alert_rule quiet = rule;
    quiet.unknown = RULE_UNKNOWN_OK;
    static const struct row rows[] = {
        {1, NO_DATA, ALERT_UNKNOWN, ALERT_NO_CHANGE},
        {999, NO_DATA, ALERT_UNKNOWN, ALERT_NO_CHANGE},
        {1000, 10, ALERT_OK, ALERT_NO_CHANGE},
    };
    struct alert_life l = {0};
    play(&l, &quiet, rows, ARRAY_LEN(rows));
}

/* Each further firing within half an hour doubles the time for which it must stay clear. */
static void test_flapping_is_damped(void **state)
{
    static const struct row rows[] = {
        {1, 1, ALERT_FIRING, ALERT_FIRED},
        {2, 0, ALERT_RESOLVED, ALERT_ENDED},
        {3, 1, ALERT_FIRING, ALERT_FIRED},
        {4, 0, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {5, 1, ALERT_FIRING, ALERT_NO_CHANGE}, /* no second message */
        {6, 0, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {25, 0, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {26, 0, ALERT_RESOLVED, ALERT_ENDED}, /* 20 s for the second */
        {27, 1, ALERT_FIRING, ALERT_FIRED},
        {28, 0, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {67, 0, ALERT_RECOVERING, ALERT_NO_CHANGE},
        {68, 0, ALERT_RESOLVED, ALERT_ENDED}, /* 40 s for the third */
        {4000, 1, ALERT_FIRING, ALERT_FIRED},
        {4001, 0, ALERT_RESOLVED, ALERT_ENDED}, /* long ago: forgotten */
    };
    struct alert_life l = {0};
    play(&l, &at_once, rows, ARRAY_LEN(rows));
}

static void test_subject_gone(void **state)
{
    struct alert_life l = {0};
    assert_int_equal(alert_life_end(&l, NS_PER_S), ALERT_NO_CHANGE);
    struct reading one = reading_known(1);
    (void)alert_life_step(&l, &at_once, &one, NS_PER_S);
    assert_true(alert_life_is_active(&l));
    assert_int_equal(alert_life_end(&l, 2 * NS_PER_S), ALERT_ENDED);
    assert_false(alert_life_is_active(&l));
}

/* The hash of all labels, as Prometheus makes it (FNV-1a, 0xff after each part): computed by another program.
 */
static void test_identity(void **state)
{
    struct alert a, b, c;
    alert_init(&a, "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
    alert_add_label(&a, "path", STR("/srv"));
    alert_init(&b, "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
    alert_add_label(&b, "path", STR("/srv"));
    alert_init(&c, "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
    alert_add_label(&c, "path", STR("/var"));
    assert_true(a.fingerprint == b.fingerprint);
    assert_true(a.fingerprint != c.fingerprint);
    assert_true(a.fingerprint == UINT64_C(0x82a320a57c5d4606));
}

static void test_lines(void **state)
{
    struct alert a;
    char line[ALERT_TEXT_BYTES];
    alert_init(&a, "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
    alert_add_label(&a, "path", STR("/srv"));
    snprintf(a.evidence, sizeof(a.evidence), "/srv is 95.0 %% full");
    assert_string_equal(alert_format_line(&a, ALERT_FIRED, line, sizeof(line)),
                        "ALERT: Disk usage is high! /srv is 95.0 % full");
    assert_string_equal(alert_format_line(&a, ALERT_ENDED, line, sizeof(line)),
                        "RESOLVED: Disk usage is high: /srv is 95.0 % full");
    a.rule = at_once;
    struct reading one = reading_known(1), none = reading_unknown("it does not answer");
    (void)alert_step(&a, &one, NS_PER_S, 5);
    (void)alert_step(&a, &none, 2 * NS_PER_S, 6);
    assert_non_null(
        strstr(alert_format_line(&a, ALERT_LOST_SIGHT, line, sizeof(line)), "it does not answer"));
    assert_non_null(strstr(line, "/srv"));
    assert_non_null(strstr(line, "stays firing"));
    assert_int_equal(a.started_wall_ns, 5);
    assert_int_equal(a.ended_wall_ns, 0);
    assert_int_equal(alert_end(&a, 3 * NS_PER_S, 7), ALERT_ENDED);
    assert_int_equal(a.ended_wall_ns, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fires_and_ends),
        cmocka_unit_test(test_short_peaks_do_not_fire),
        cmocka_unit_test(test_dips_do_not_stop_it),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_missing_data_never_resolves),
        cmocka_unit_test(test_missing_data_before_it_fires),
        cmocka_unit_test(test_ordinary_unknown_is_not_told),
        cmocka_unit_test(test_flapping_is_damped),
        cmocka_unit_test(test_subject_gone),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
