/* The numbers that are declared of an exporter: sums, rates, and all that makes one unknown. */
#include "watch/remote/numbers.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static struct config_number declared[] = {
    {.name = STR("depth"), .kind = NUMBER_SUM, .series = STR("app_queue_depth{queue=\"mail\"}")},
    {.name = STR("waiting"), .kind = NUMBER_SUM, .series = STR("app_queue_depth{queue!=\"dead*\"}")},
    {.name = STR("errors"), .kind = NUMBER_RATE, .series = STR("http_errors_total{code=\"5*\"}")},
};
static const struct config_host host = {
    .series_max = 10, .number_count = ARRAY_LEN(declared), .numbers = declared};

enum number { DEPTH, WAITING, ERRORS };

/* As it stands on the board. */
static const struct series *find(const struct numbers *n, struct board *b, enum number which)
{
    struct subject subject = {.host = "mail-1", .names = {declared[which].name.ptr}};
    board_begin(b, S, S);
    board_set_host(b, "mail-1");
    numbers_put(n, b);
    board_end(b);
    const struct series *s = board_find(b, METRIC_HOST_NUMBER, &subject);
    assert_non_null(s);
    return s;
}

static void assert_known(const struct numbers *n, enum number which, double value, const char *note)
{
    struct board *b = board_new();
    const struct series *s = find(n, b, which);
    if (!s->reading.is_known)
        fail_msg("%s is unknown: %s", declared[which].name.ptr, s->reading.why_unknown);
    if (s->reading.value < value - 1e-9 || s->reading.value > value + 1e-9)
        fail_msg("%s is %g, not %g", declared[which].name.ptr, s->reading.value, value);
    assert_string_equal(s->note, note);
    board_free(b);
}

static void assert_unknown(const struct numbers *n, enum number which, const char *why)
{
    struct board *b = board_new();
    const struct series *s = find(n, b, which);
    assert_false(s->reading.is_known);
    assert_string_equal(s->reading.why_unknown, why);
    board_free(b);
}

static void series_that_fit_are_added_up(void **state)
{
    struct numbers *n = numbers_new(&host);
    assert_unknown(n, DEPTH, "the exporter has not told anything yet");
    numbers_read(n,
                 STR("app_queue_depth{queue=\"mail\"} 7\n"
                     "app_queue_depth{queue=\"sms\",shard=\"1\"} 0.5\n"
                     "app_queue_depth{shard=\"2\"} 2\n" /* a label that is not there is empty */
                     "app_queue_depth{queue=\"dead_mail\"} 1000\n"
                     "app_queue_depth_max{queue=\"mail\"} 100\n"),
                 S);
    assert_known(n, DEPTH, 7, "app_queue_depth{queue=\"mail\"}");
    assert_known(n, WAITING, 9.5, "the sum of 3 series app_queue_depth{queue!=\"dead*\"}");
    assert_unknown(n, ERRORS, "the exporter tells no such series");
    numbers_free(n);
}

static void what_is_missing_is_unknown_and_never_0(void **state)
{
    struct numbers *n = numbers_new(&host);
    numbers_read(n, STR("app_queue_depth{queue=\"mail\"} 7\n"), S);
    numbers_read(n, STR("up 1\n"), 2 * S);
    assert_unknown(n, DEPTH, "the exporter tells no such series");
    static const char *const nonsense[] = {"NaN", "+Inf", "-Inf"};
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        char text[256];
        snprintf(text, sizeof(text), "app_queue_depth{queue=\"mail\"} %s\napp_queue_depth{queue=\"sms\"} 1\n",
                 nonsense[i]);
        numbers_read(n, str_of(text), (3 + (int64_t)i) * S);
        assert_unknown(n, DEPTH, "a series of it is no finite number");
        assert_unknown(n, WAITING, "a series of it is no finite number");
    }
    numbers_read(n, STR("app_queue_depth{queue=\"mail\"} 1e308\napp_queue_depth{queue=\"sms\"} 1e308\n"),
                 9 * S);
    assert_known(n, DEPTH, 1e308, "app_queue_depth{queue=\"mail\"}");
    assert_unknown(n, WAITING, "a series of it is no finite number");
    numbers_free(n);
}

static void counters_become_a_rate(void **state)
{
    struct numbers *n = numbers_new(&host);
    static const char first[] = "http_errors_total{code=\"500\"} 100\nhttp_errors_total{code=\"503\"} 5000\n"
                                "http_errors_total{code=\"404\"} 1\n";
    numbers_read(n, str_of(first), S);
    assert_unknown(n, ERRORS, "this is the first sample: two are needed");
    numbers_read(n,
                 STR("http_errors_total{code=\"503\"} 5005\nhttp_errors_total{code=\"500\"} 115\n"
                     "http_errors_total{code=\"404\"} 1000\n"),
                 11 * S);
    assert_known(n, ERRORS, 2, "the growth a second of 2 series http_errors_total{code=\"5*\"}");
    /* One of them began anew, which their sum would hide; from the next answer on it counts again. */
    numbers_read(n, STR("http_errors_total{code=\"503\"} 5405\nhttp_errors_total{code=\"500\"} 3\n"), 21 * S);
    assert_unknown(n, ERRORS, "a counter of it began anew");
    numbers_read(n, STR("http_errors_total{code=\"503\"} 5405\nhttp_errors_total{code=\"500\"} 4\n"), 31 * S);
    assert_known(n, ERRORS, 0.1, "the growth a second of 2 series http_errors_total{code=\"5*\"}");
    /* What is new does not count yet, what is gone no more. */
    numbers_read(n, STR("http_errors_total{code=\"500\"} 9\nhttp_errors_total{code=\"599\"} 7000\n"), 41 * S);
    assert_known(n, ERRORS, 0.5, "the growth a second of 2 series http_errors_total{code=\"5*\"}");
    numbers_read(n, STR("http_errors_total{code=\"599\"} 7010\n"), 51 * S);
    assert_known(n, ERRORS, 1, "the growth a second of http_errors_total{code=\"5*\"}");
    numbers_read(n, STR("http_errors_total{code=\"599\"} NaN\n"), 61 * S);
    assert_unknown(n, ERRORS, "a series of it is no finite number");
    numbers_free(n);
}

static void too_many_series_are_unknown(void **state)
{
    struct numbers *n = numbers_new(&host);
    CLEANUP(buf_fini) struct buf text = {0};
    buf_put(&text, STR("app_queue_depth{queue=\"mail\"} 1\n")); /* of two numbers: 2 of 10 */
    for (int i = 0; i < 12; i++)
        buf_printf(&text, "http_errors_total{code=\"5%02d\"} 1\n", i);
    numbers_read(n, buf_str(&text), S);
    assert_known(n, DEPTH, 1, "app_queue_depth{queue=\"mail\"}");
    assert_unknown(n, ERRORS, "more series fit than max_series allows");
    assert_int_equal(numbers_left_out(n), 4);
    numbers_read(n, STR("http_errors_total{code=\"500\"} 3\n"), 3 * S);
    assert_known(n, ERRORS, 1, "the growth a second of http_errors_total{code=\"5*\"}");
    assert_int_equal(numbers_left_out(n), 0);
    numbers_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_that_fit_are_added_up),
        cmocka_unit_test(what_is_missing_is_unknown_and_never_0),
        cmocka_unit_test(counters_become_a_rate),
        cmocka_unit_test(too_many_series_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
