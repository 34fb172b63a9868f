/* test_service_report.c: why a service is down and how slow it is, as the board has it. */
#include "watch/service_report.h"

#include "base/clock.h"
#include "base/macros.h"
#include "watch/service_numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct room {
    struct service_report *report;
    struct board *board;
    struct histogram answers; /* of all servers, as a data thread counts them */
    int64_t second, latency_ns;
};

static struct room open_room(void)
{
    struct room r = {.report = service_report_new(), .board = board_new(), .second = 1000};
    const struct config_watch config = {
        .error_rate.for_ns = NS_PER_S, .crash_count = 3, .crash_window_ns = NS_PER_S};
    service_report_configure(r.report, &config);
    return r;
}

static void close_room(struct room *r)
{
    service_report_free(r->report);
    board_free(r->board);
}

static void answer(struct room *r, unsigned count, int64_t ns)
{
    for (unsigned i = 0; i < count; i++)
        histogram_record(&r->answers, ns);
}

/* The reading that the next second gives; NULL: the service has none. */
static const struct series *look(struct room *r)
{
    struct histogram_sum sum = {0};
    struct watch_service_input input = {
        .name = STR("shop"), .answers = &sum, .latency_ns = r->latency_ns, .servers_wanted = 1};
    histogram_sum_add(&sum, &r->answers);
    board_begin(r->board, r->second * NS_PER_S, r->second * NS_PER_S);
    service_report_put(r->report, &input, 1, r->board);
    board_end(r->board);
    r->second++;
    return board_find(r->board, METRIC_ANSWER_P50, &(struct subject){.names = {"shop"}});
}

static struct reading slowdown(const struct room *r)
{
    const struct series *s =
        board_find(r->board, METRIC_ANSWER_SLOWDOWN, &(struct subject){.names = {"shop"}});
    assert_non_null(s);
    return s->reading;
}

static void pass_hour(struct room *r, int64_t each_ns)
{
    (void)look(r);
    answer(r, 100, each_ns);
    r->second += 3600;
    (void)look(r);
    for (int i = 0; i < LATENCY_SLOTS + 1; i++) { /* the last minute is empty again */
        r->second += LATENCY_SLOT_NS / NS_PER_S;
        (void)look(r);
    }
}

static void the_middle_of_the_last_minute(void **state)
{
    struct room r = open_room();
    assert_false(look(&r)->reading.is_known);
    answer(&r, 4, 4 * NS_PER_S);
    assert_string_equal(look(&r)->reading.why_unknown, "too few requests to tell");
    answer(&r, 2, NS_PER_MS);
    assert_true(fabs(look(&r)->reading.value - 4) < 0.3);
    answer(&r, 100, NS_PER_MS);
    assert_true(look(&r)->reading.value < 0.002);
    for (int i = 0; i < 70; i++)
        (void)look(&r);
    assert_false(look(&r)->reading.is_known); /* all of that is more than a minute ago */
    close_room(&r);
}

/* Else a slow service that hardly anybody asks any more would be slow for ever. */
static void a_few_quick_answers_say_that_it_is_over(void **state)
{
    struct room r = open_room();
    (void)look(&r);
    answer(&r, 10, 4 * NS_PER_S);
    assert_true(look(&r)->reading.is_known);
    for (int i = 0; i < 70; i++)
        (void)look(&r);
    assert_false(look(&r)->reading.is_known);
    answer(&r, 1, NS_PER_MS);
    for (int i = 0; i < 50; i++) {
        struct reading latest = look(&r)->reading;
        assert_true(latest.is_known && latest.value < 0.002);
    }
    close_room(&r);
}

/* Who is slow from the beginning has no past that would say so. */
static void a_second_is_usual_at_first(void **state)
{
    struct room r = open_room();
    (void)look(&r);
    for (int hour = 0; hour < 24; hour++) {
        answer(&r, 100, 4 * NS_PER_S);
        const struct series *now = look(&r);
        assert_true(fabs(slowdown(&r).value - 4) < 0.3);
        assert_null(strstr(now->note, "usually"));
        pass_hour(&r, 4 * NS_PER_S);
    }
    answer(&r, 100, 4 * NS_PER_S);
    (void)look(&r);
    assert_true(fabs(slowdown(&r).value - 1) < 0.1);
    close_room(&r);
}

static void a_language_model_is_not_slow_but_what_was_quick_is(void **state)
{
    static const struct {
        int64_t usually_ns, later_ns;
        double slowdown;
    } rows[] = {{8 * NS_PER_S, 9 * NS_PER_S, 1.1}, {50 * NS_PER_MS, 4 * NS_PER_S, 80}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct room r = open_room();
        for (int hour = 0; hour < 25; hour++)
            pass_hour(&r, rows[i].usually_ns);
        answer(&r, 100, rows[i].later_ns);
        const struct series *now = look(&r);
        assert_true(fabs(now->reading.value / ((double)rows[i].later_ns / 1e9) - 1) < 0.05);
        assert_true(fabs(slowdown(&r).value / rows[i].slowdown - 1) < 0.1);
        assert_non_null(strstr(now->note, "answers within a minute, usually "));
        close_room(&r);
    }
}

/* What is new is usual when there was more of it than of what was before. */
static void what_is_usual_changes_slowly_and_is_kept(void **state)
{
    struct room r = open_room();
    (void)look(&r);
    uint64_t version = service_report_version(r.report);
    for (int hour = 0; hour < 24; hour++)
        pass_hour(&r, 100 * NS_PER_MS);
    assert_true(service_report_version(r.report) > version);
    for (int hour = 0; hour < 22; hour++)
        pass_hour(&r, 4 * NS_PER_S);
    answer(&r, 100, 4 * NS_PER_S);
    (void)look(&r);
    assert_true(slowdown(&r).value > 30);

    /* A night without anybody is an hour, of those that came before it. */
    for (int hour = 0; hour < 10; hour++) {
        r.second += 3600;
        (void)look(&r);
    }
    answer(&r, 10, 4 * NS_PER_S);
    (void)look(&r);
    assert_true(slowdown(&r).value > 30);

    CLEANUP(buf_fini) struct buf text = {0};
    struct json j;
    json_init(&j, &text);
    service_report_save(r.report, &j, 0);
    struct err err;
    struct json_value *list = json_value_parse(buf_str(&text), &err);
    assert_non_null(list);
    struct room after = open_room();
    service_report_restore(after.report, list, 0, 0);
    (void)look(&after);
    answer(&after, 100, 4 * NS_PER_S);
    (void)look(&after);
    assert_true(slowdown(&after).value > 30);
    for (int hour = 0; hour < 2; hour++)
        pass_hour(&after, 4 * NS_PER_S);
    answer(&after, 100, 4 * NS_PER_S);
    (void)look(&after);
    assert_true(fabs(slowdown(&after).value - 1) < 0.1);
    json_value_free(list);
    close_room(&after);
    close_room(&r);
}

static void who_promises_a_latency_is_judged_by_that(void **state)
{
    struct room r = open_room();
    r.latency_ns = 30 * NS_PER_S;
    answer(&r, 10, 4 * NS_PER_S);
    assert_null(look(&r));
    close_room(&r);
}

static void it_is_said_why_there_is_no_server(void **state)
{
    struct room r = open_room();
    struct watch_service_input input = {.name = STR("shop"), .servers_wanted = 1};
    const char *whys[] = {NULL, "", "shop-1: status 500"};
    const char *notes[] = {"shop has had none for 0s; 1 wanted", "shop has had none for 1s; 1 wanted",
                           "shop has had none for 2s; 1 wanted; shop-1: status 500"};
    for (size_t i = 0; i < ARRAY_LEN(whys); i++) {
        input.server_trouble = whys[i];
        board_begin(r.board, r.second * NS_PER_S, r.second * NS_PER_S);
        service_report_put(r.report, &input, 1, r.board);
        board_end(r.board);
        r.second++;
        assert_string_equal(
            board_find(r.board, METRIC_SERVICE_DOWN, &(struct subject){.names = {"shop"}})->note, notes[i]);
    }
    close_room(&r);
}

/* A server that dies and is replaced at once is no outage; one that is not there after 5 s is. */
static void a_restart_is_no_outage(void **state)
{
    for (int is_scaled = 0; is_scaled <= 1; is_scaled++) {
        struct room r = open_room();
        struct watch_service_input input = {
            .name = STR("shop"), .servers_wanted = 1, .servers_healthy = 1, .is_scaled = is_scaled};
        for (int64_t second = 0; second < 20; second++) {
            input.servers_healthy = second < 10;
            board_begin(r.board, (r.second + second) * NS_PER_S, NS_PER_S);
            service_report_put(r.report, &input, 1, r.board);
            board_end(r.board);
            const struct series *down =
                board_find(r.board, METRIC_SERVICE_DOWN, &(struct subject){.names = {"shop"}});
            assert_int_equal(down->reading.value, second >= (is_scaled ? 15 : 10));
        }
        close_room(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_middle_of_the_last_minute),
        cmocka_unit_test(a_few_quick_answers_say_that_it_is_over),
        cmocka_unit_test(a_second_is_usual_at_first),
        cmocka_unit_test(a_language_model_is_not_slow_but_what_was_quick_is),
        cmocka_unit_test(what_is_usual_changes_slowly_and_is_kept),
        cmocka_unit_test(who_promises_a_latency_is_judged_by_that),
        cmocka_unit_test(it_is_said_why_there_is_no_server),
        cmocka_unit_test(a_restart_is_no_outage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
