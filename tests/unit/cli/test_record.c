/* test_record.c: answers of the API become lines; what nobody counted is left out and told. */
#include "cli/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct outcome {
    struct buf lines, notes;
    enum record_state state;
};

/* A call: first_second, from_second and requests. The wall clock says 1000 at the first. */
static void take(struct record *r, const char *answer, struct outcome *o)
{
    struct err err;
    struct json_value *value = json_value_parse(str_of(answer), &err);
    if (!value)
        fail_msg("%s: %s", answer, err.text);
    o->state = record_take(r, value, r->is_started ? 77 : 1000, &o->lines, &o->notes);
    json_value_free(value);
}

#define ANSWER(first, from, requests)                                                                        \
    "{\"first_second\": " first ", \"from_second\": " from ", \"requests\": [" requests "]}"

static const char *text_of(const struct buf *b)
{
    return b->ptr ? b->ptr : "";
}

static void fini(struct outcome *o)
{
    buf_fini(&o->lines);
    buf_fini(&o->notes);
}

static void seconds_from_the_present_one_on_become_lines(void **state)
{
    struct record r = {.bin_s = 1};
    struct outcome o = {0};
    take(&r, ANSWER("null", "0", ""), &o);
    assert_false(r.is_started);
    take(&r, ANSWER("50", "50", "9, 9, 9"), &o); /* the past; second 53 is not over */
    assert_int_equal(r.next, 53);
    assert_string_equal(text_of(&o.lines), "");
    take(&r, ANSWER("50", "53", ""), &o);
    take(&r, ANSWER("50", "53", "4, 0"), &o);
    take(&r, ANSWER("50", "55", "7"), &o);
    assert_string_equal(text_of(&o.lines), "1000,4\n1001,0\n1002,7\n");
    assert_string_equal(text_of(&o.notes), "");
    assert_int_equal(r.requests, 11);
    assert_int_equal(o.state, RECORD_ON);
    fini(&o);
}

static void bins_are_written_when_they_are_whole(void **state)
{
    struct record r = {.bin_s = 3, .length_s = 6};
    struct outcome o = {0};
    take(&r, ANSWER("0", "10", ""), &o);
    take(&r, ANSWER("0", "10", "1, 2"), &o);
    assert_string_equal(text_of(&o.lines), "");
    take(&r, ANSWER("0", "12", "3, 4"), &o);
    assert_string_equal(text_of(&o.lines), "1000,6\n");
    assert_int_equal(o.state, RECORD_ON);
    take(&r, ANSWER("0", "14", "5, 6, 7, 8"), &o); /* more than was asked to be recorded */
    assert_string_equal(text_of(&o.lines), "1000,6\n1003,15\n");
    assert_int_equal(o.state, RECORD_DONE);
    fini(&o);
}

static void a_worker_that_just_began_does_not_know_its_first_second(void **state)
{
    struct record r = {.bin_s = 1};
    struct outcome o = {0};
    take(&r, ANSWER("10", "10", ""), &o);
    take(&r, ANSWER("10", "10", "5, 6"), &o);
    assert_string_equal(text_of(&o.lines), "1001,6\n");
    fini(&o);
}

static void what_a_restart_lost_is_left_out_and_told(void **state)
{
    struct record r = {.bin_s = 2};
    struct outcome o = {0};
    take(&r, ANSWER("0", "10", ""), &o);
    take(&r, ANSWER("0", "10", "1, 1, 1"), &o);
    take(&r, ANSWER("14", "14", "3, 4, 5"), &o); /* 13 is lost; 14 is the new one's first, not whole */
    assert_string_equal(text_of(&o.lines), "1000,2\n");
    assert_string_equal(text_of(&o.notes),
                        "nobody counted what came in the 2 s from 1003 on; bins with them are left out\n");
    take(&r, ANSWER("14", "17", "6"), &o);
    assert_string_equal(text_of(&o.lines), "1000,2\n1006,11\n");
    assert_int_equal(r.bins_missing, 2);
    assert_int_equal(r.requests, 13);
    fini(&o);
}

static void what_was_asked_for_too_late_is_a_gap(void **state)
{
    struct record r = {.bin_s = 1, .length_s = 5};
    struct outcome o = {0};
    take(&r, ANSWER("0", "10", ""), &o);
    take(&r, ANSWER("0", "12", "8"), &o);
    assert_string_equal(text_of(&o.lines), "1002,8\n");
    take(&r, ANSWER("0", "900", "1"), &o);
    assert_string_equal(text_of(&o.lines), "1002,8\n");
    assert_int_equal(o.state, RECORD_DONE);
    assert_int_equal(r.bins_missing, 4);
    fini(&o);
}

static void another_boot_ends_it(void **state)
{
    struct record r = {.bin_s = 1};
    struct outcome o = {0};
    take(&r, ANSWER("500", "510", ""), &o);
    take(&r, ANSWER("20", "510", ""), &o);
    assert_int_equal(o.state, RECORD_CLOCK_RESTARTED);
    fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_from_the_present_one_on_become_lines),
        cmocka_unit_test(bins_are_written_when_they_are_whole),
        cmocka_unit_test(a_worker_that_just_began_does_not_know_its_first_second),
        cmocka_unit_test(what_a_restart_lost_is_left_out_and_told),
        cmocka_unit_test(what_was_asked_for_too_late_is_a_gap),
        cmocka_unit_test(another_boot_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
