/* test_explain.c: the API's answer told as a story; what it does not say is left out; nothing in it steers
 * the terminal. */
#include "cli/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* JSON with ' for ". */
static struct buf told(const char *text, bool has_colour)
{
    struct buf json = {0}, out = {0};
    struct err err;
    for (; *text; text++)
        buf_put_char(&json, *text == '\'' ? '"' : *text);
    struct json_value *answer = json_value_parse(buf_str(&json), &err);
    if (!answer)
        fail_msg("%s", err.text);
    explain_format(answer, has_colour, &out);
    json_value_free(answer);
    buf_fini(&json);
    return out;
}

static const char rise[] =
    "{'service': {'name': 'shop', 'scale': {'target': 4, 'manual': null, 'servers_min': 1, 'servers_max': 4,"
    " 'now': {'target': 4, 'needed': 6, 'base': 3.5, 'forecast': 1, 'burst': 0.75, 'backlog': 0.5,"
    " 'work': 14, 'capacity': 4, 'capacity_source': 'learned', 'waiting': 8, 'clear_seconds': 5}}},"
    "'objective': {'quantile': 0.99, 'seconds': 0.3},"
    "'seen': {'requests_per_second': 52.1, 'in_flight': 14, 'queued': 8, 'queue_age_seconds': 0.07,"
    " 'latency_seconds': 0.12, 'available': 3, 'latency_quantile': 0.99},"
    "'unchanged_seconds': 150, 'why': '6 are needed, but `servers` allows no more than 4',"
    "'episodes': [{'direction': 'up', 'by_hand': false, 'target_before': 1, 'target': 4, 'changes': 6,"
    " 'ago_seconds': 152.5, 'time': '2026-11-23T11:36:31.058Z', 'settled_seconds': null, 'overtaken': false,"
    " 'steps': [{'after_seconds': 0, 'seen': {'requests_per_second': 8, 'in_flight': 4, 'available': 1},"
    "   'decision': {'target_before': 1, 'target': 2, 'servers': 1, 'starting': 0, 'needed': 2, 'base': 1.5,"
    "   'work': 6, 'capacity': 4, 'capacity_source': 'learned'}, 'held_by': null},"
    "  {'after_seconds': 2.5, 'seen': {}, 'decision': {'target_before': 3, 'target': 4, 'servers': 3,"
    "   'starting': 2}, 'held_by': 'servers: MAX'}],"
    " 'outcome': {'asked_for': 3, 'ready': 2, 'first_ready_seconds': 1.2, 'first_start_seconds': 1.1,"
    "  'start_median_seconds': 0.9, 'last_ready_seconds': 4, 'start_failures': 1, 'deaths': 0,"
    "  'failure': 'exit status 1\\u001b[2J', 'queued_most': 9, 'longest_wait_seconds': 0.75,"
    "  'queue_empty_seconds': 5, 'answered': 100, 'over_objective': 7, 'refused': 2, 'aborted': 3}}]}";

static void a_rise_is_told_from_what_was_seen_to_what_came_of_it(void **state)
{
    struct buf out = told(rise, false);
    assert_string_equal(
        out.ptr,
        "shop: 4 servers wanted, of 1..4; objective: p99 within 300 ms\n"
        "  seen     52.1 requests/s, 14 in flight, 8 waiting, the oldest for 70 ms; p99 120 ms; 3 servers "
        "take "
        "requests\n"
        "  needed   6 servers: 5.75 = 3.50 base + 1.00 forecast + 0.75 burst + 0.50 backlog\n"
        "           base: 14.0 requests in flight, of which one server carries 4.0 (learned); backlog: 8 "
        "waiting, "
        "to be gone in 5.0 s\n"
        "  wanted   4 servers: 6 are needed, but `servers` allows no more than 4; unchanged for 2 min\n"
        "\n"
        "more servers: 1 -> 4 in 6 steps, 3 min ago (2026-11-23T11:36:31.058Z)\n"
        "- at once:\n"
        "  seen     8.0 requests/s, 4 in flight, 0 waiting; 1 server takes requests\n"
        "  needed   2 servers: 1.50 = 1.50 base + 0.00 forecast + 0.00 burst + 0.00 backlog\n"
        "           base: 6.0 requests in flight, of which one server carries 4.0 (learned)\n"
        "  decided  1 -> 2 servers; 1 was there\n"
        "- 4 more steps, not told here\n"
        "- after 2.5 s:\n"
        "  seen     0.0 requests/s, 0 in flight, 0 waiting; 0 servers take requests\n"
        "  needed   no server: there is nothing to do\n"
        "  decided  3 -> 4 servers; 3 were there, 2 of them starting; held by servers: MAX\n"
        "  outcome  3 servers asked for, 2 ready, the first after 1.2 s (it took 1.1 s to start; half of "
        "those "
        "before took less than 900 ms), the last after 4.0 s\n"
        "           1 failed to start, 0 died: exit status 1?[2J\n"
        "           up to 9 requests waited at once, the longest for 750 ms; nothing waited any more after "
        "5.0 s\n"
        "           100 requests answered meanwhile, 7 of them over the objective, 2 refused, 3 left by "
        "their "
        "clients\n"
        "           it goes on: what is wanted is not there yet, or requests wait\n");
    buf_fini(&out);
}

static void colours_mark_titles_and_trouble(void **state)
{
    struct buf out = told(rise, true);
    assert_non_null(strstr(out.ptr, "\033[1mshop\033[0m: "));
    assert_non_null(strstr(out.ptr, "\033[1;31m1 failed to start, 0 died\033[0m: "));
    assert_non_null(strstr(out.ptr, "\033[1;31m2 refused\033[0m, 3 left by their clients\n"));
    buf_fini(&out);
}

static void starts_are_told_and_from_cold_where_both_were_seen(void **state)
{
    struct buf out =
        told("{'service': {'name': 'shop', 'scale': {'start_seconds': {'median': 1.2, 'count': 5,"
             " 'cold': {'median': 6.4, 'count': 1}, 'warm': {'median': 1.2, 'count': 4}}}}}",
             false);
    assert_non_null(strstr(out.ptr, "  starts   a server takes 1.2 s to start, 6.4 s from cold\n"));
    buf_fini(&out);
    out = told("{'service': {'name': 'shop', 'scale': {'start_seconds': {'median': 6.4, 'count': 1,"
               " 'cold': {'median': 6.4, 'count': 1}, 'warm': {'median': 6.4, 'count': 0}}}}}",
               false);
    assert_non_null(strstr(out.ptr, "  starts   a server takes 6.4 s to start\n"));
    buf_fini(&out);
    out = told("{'service': {'name': 'shop', 'scale': {'start_seconds': {'median': 0, 'count': 0}}}}", false);
    assert_null(strstr(out.ptr, "to start"));
    buf_fini(&out);
}

static void a_fall_by_hand_and_the_next_decision(void **state)
{
    struct buf out = told("{'service': {'name': 'shop'}, 'episodes': [{'direction': 'down', 'by_hand': true,"
                          " 'target_before': 3, 'target': 1, 'changes': 1, 'overtaken': true, 'time': 't',"
                          " 'outcome': {'taken_back': 1, 'drained': 2, 'gone': 1, 'last_gone_seconds': 3}}]}",
                          true);
    assert_non_null(strstr(out.ptr, "fewer servers: 3 -> 1\033[0m by hand, 0 s ago (t)\n"));
    assert_non_null(strstr(out.ptr, "  outcome  1 server taken back from draining, 2 servers drained, "
                                    "1 server gone, the last after 3.0 s\n"));
    assert_non_null(strstr(out.ptr, " no request waited\n"));
    assert_non_null(strstr(out.ptr, " 0 requests answered meanwhile, 0 refused\n"));
    assert_non_null(strstr(out.ptr, " the next decision, the other way, came before"));
    buf_fini(&out);
}

static void the_target_that_decided_is_told(void **state)
{
    struct buf out =
        told("{'service': {'name': 'shop', 'scale': {'target': 5, 'servers_min': 1, 'servers_max': 9,"
             " 'now': {'target': 5, 'needed': 5, 'base': 4.75, 'decided_by': 'cpu', 'waiting': 3,"
             " 'clear_seconds': 5, 'targets': {'requests_per_second': null,"
             " 'cpu': {'per_server': 0.6, 'seen': 2.85, 'servers': 4.75}}}}}}",
             false);
    assert_non_null(
        strstr(out.ptr, "           base: the target `cpu`: 2.85 seen, of which one server should have 0.6; "
                        "backlog: 3 waiting, to be gone in 5.0 s\n"));
    buf_fini(&out);
}

static void servers_that_are_fixed_are_told_with_the_reason_alone(void **state)
{
    struct buf out = told("{'service': {'name': 'shop', 'scale': {'provider': null}}, 'objective': null,"
                          "'seen': {'in_flight': 1, 'available': 2, 'latency_seconds': null},"
                          "'unchanged_seconds': null, 'why': 'its servers are fixed', 'episodes': []}",
                          false);
    assert_string_equal(out.ptr,
                        "shop\n"
                        "  seen     0.0 requests/s, 1 in flight, 0 waiting; 2 servers take requests\n"
                        "  wanted   its servers are fixed\n");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rise_is_told_from_what_was_seen_to_what_came_of_it),
        cmocka_unit_test(colours_mark_titles_and_trouble),
        cmocka_unit_test(starts_are_told_and_from_cold_where_both_were_seen),
        cmocka_unit_test(a_fall_by_hand_and_the_next_decision),
        cmocka_unit_test(the_target_that_decided_is_told),
        cmocka_unit_test(servers_that_are_fixed_are_told_with_the_reason_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
