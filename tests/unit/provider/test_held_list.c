/* What is kept of what a source says, in good times and bad, on a clock that only the test moves. */
#include "provider/held_list.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define S NS_PER_S

struct scene {
    int64_t now_ns;
    struct config_discover config;
    struct held_list held;
    struct buf servers; /* the last parts of the addresses handed on last */
    uint32_t hand_overs, events[HELD_EVENT_COUNT];
    char text[HELD_REASON_BYTES]; /* of the last event */
};

static void on_servers(void *context, const struct addr *addresses, uint32_t count)
{
    struct scene *s = context;
    s->hand_overs++;
    buf_clear(&s->servers);
    for (uint32_t i = 0; i < count; i++)
        buf_printf(&s->servers, "%d", (int)(ntohl(addresses[i].in4.sin_addr.s_addr) & 0xFF));
}

static void on_event(void *context, enum held_event event, bool is_warning, const char *text)
{
    struct scene *s = context;
    s->events[event]++;
    snprintf(s->text, sizeof(s->text), "%s", text);
}

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    struct held_list_ops ops = {.context = s, .on_servers = on_servers, .on_event = on_event};
    s->now_ns = 1000 * S;
    s->config = (struct config_discover){.source = DISCOVER_FILE, .servers_max = 4};
    held_list_init(&s->held, &s->config, "/etc/shop", &ops, s->now_ns);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    held_list_fini(&s->held);
    buf_fini(&s->servers);
    free(s);
    return 0;
}

static struct addr address_of(unsigned last)
{
    return (struct addr){
        .len = sizeof(struct sockaddr_in),
        .in4 = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x0A000000 | last)}};
}

static void take_noted(struct scene *s, const char *digits, bool is_stated, const char *note)
{
    struct addr addresses[16];
    struct found_list found = {.addresses = addresses, .is_stated = is_stated, .note = note};
    for (; digits[found.count]; found.count++)
        addresses[found.count] = address_of((unsigned)(digits[found.count] - '0'));
    held_list_take(&s->held, &found, s->now_ns);
}

static void take(struct scene *s, const char *digits)
{
    take_noted(s, digits, false, NULL);
}

static void assert_servers(struct scene *s, const char *digits)
{
    assert_string_equal(s->servers.ptr ? s->servers.ptr : "", digits);
    assert_int_equal(s->held.count, strlen(digits));
}

static void changes_are_handed_on_and_told(void **state)
{
    struct scene *s = *state;
    take(s, "12");
    assert_servers(s, "12");
    assert_string_equal(s->text, "2 servers in /etc/shop; 10.0.0.1:80, 10.0.0.2:80 came");
    take(s, "32");
    assert_servers(s, "23");
    assert_string_equal(s->text, "2 servers in /etc/shop; 10.0.0.3:80 came; 10.0.0.1:80 went");
    take(s, "23");
    take(s, "32");
    assert_int_equal(s->hand_overs, 2);
    assert_int_equal(s->events[HELD_CHANGED], 2);
    assert_int_equal(s->held.lists_total, 4);
}

static void an_address_counts_once(void **state)
{
    struct scene *s = *state;
    take(s, "1121");
    assert_servers(s, "12");
    take(s, "2221");
    assert_int_equal(s->hand_overs, 1);
}

static void a_failure_keeps_what_was_found_and_is_told_once(void **state)
{
    struct scene *s = *state;
    take(s, "12");
    for (int i = 0; i < 100; i++) {
        s->now_ns += 3600 * S;
        held_list_fail(&s->held, "/etc/shop: it is away", s->now_ns);
        held_list_tick(&s->held, s->now_ns);
    }
    assert_servers(s, "12");
    assert_int_equal(s->hand_overs, 1);
    assert_int_equal(s->events[HELD_FAILED], 1);
    assert_string_equal(s->text, "/etc/shop: it is away: the servers that were found before are kept");
    assert_int_equal(s->held.failures_total, 100);
    s->now_ns += 60 * S;
    take(s, "12");
    assert_int_equal(s->hand_overs, 1);
    assert_string_equal(s->text, "finding servers in /etc/shop works again after 5941m");
    assert_int_equal(s->held.failing_since_ns, 0);
}

static void other_reasons_are_told_but_not_in_turns(void **state)
{
    struct scene *s = *state;
    for (int i = 0; i < 10; i++) {
        held_list_fail(&s->held, "line 3 is wrong", s->now_ns);
        held_list_fail(&s->held, "line 5 is wrong", s->now_ns);
    }
    assert_int_equal(s->events[HELD_FAILED], 2);
    held_list_fail(&s->held, "line 7 is wrong", s->now_ns);
    assert_int_equal(s->events[HELD_FAILED], 3);
    assert_string_equal(s->text, "line 7 is wrong: no servers are known");
    take(s, "1");
    held_list_fail(&s->held, "line 7 is wrong", s->now_ns); /* it is news again */
    assert_int_equal(s->events[HELD_FAILED], 4);
    assert_string_equal(s->text, "line 7 is wrong: the server that was found before is kept");
}

static void an_empty_answer_is_a_failure_unless_it_is_meant(void **state)
{
    struct scene *s = *state;
    take(s, "");
    assert_false(s->held.has_list);
    assert_string_equal(s->text, "/etc/shop has no servers: no servers are known");
    take(s, "12");
    take(s, "");
    assert_servers(s, "12");
    assert_int_equal(s->events[HELD_FAILED], 2);
    take_noted(s, "", true, NULL);
    assert_servers(s, "");
    assert_int_equal(s->held.failing_since_ns, 0);
    assert_string_equal(s->text, "0 servers in /etc/shop; 10.0.0.1:80, 10.0.0.2:80 went");
}

static void none_at_first_is_an_answer_when_it_is_meant(void **state)
{
    struct scene *s = *state;
    take_noted(s, "", true, NULL);
    assert_true(s->held.has_list);
    assert_int_equal(s->hand_overs, 1);
    assert_string_equal(s->text, "0 servers in /etc/shop");
}

static void hold_ends(void **state)
{
    struct scene *s = *state;
    s->config.hold_ns = 600 * S;
    take(s, "12");
    s->now_ns += 1000 * S; /* the age of the list does not count, only the failure does */
    held_list_fail(&s->held, "away", s->now_ns);
    s->now_ns += 599 * S;
    held_list_tick(&s->held, s->now_ns);
    assert_servers(s, "12");
    s->now_ns += 1 * S;
    held_list_tick(&s->held, s->now_ns);
    assert_servers(s, "");
    assert_string_equal(s->text,
                        "/etc/shop has failed for 10m (hold): 2 servers that were found before are given up");
    s->now_ns += 600 * S;
    held_list_tick(&s->held, s->now_ns);
    assert_int_equal(s->events[HELD_GIVEN_UP], 1);
    take(s, "12"); /* the same as before: news now */
    assert_servers(s, "12");
    s->now_ns += 1 * S;
    held_list_fail(&s->held, "away", s->now_ns); /* hold begins anew */
    s->now_ns += 599 * S;
    held_list_tick(&s->held, s->now_ns);
    assert_servers(s, "12");
}

static void beyond_max_those_that_are_there_stay(void **state)
{
    struct scene *s = *state;
    take(s, "123456");
    assert_servers(s, "1234");
    assert_int_equal(s->held.left_out, 2);
    assert_int_equal(s->events[HELD_LIMITED], 1);
    take(s, "654321"); /* DNS turns its records around */
    assert_int_equal(s->hand_overs, 1);
    take(s, "65431");
    assert_servers(s, "4316");
    assert_int_equal(s->held.left_out, 1);
    assert_int_equal(s->events[HELD_LIMITED], 1);
    take(s, "6431");
    assert_int_equal(s->held.left_out, 0);
    assert_int_equal(s->events[HELD_LIMITED], 2);
    assert_string_equal(s->text, "/etc/shop has no more servers than max (4) again");
}

static void notes_are_told_when_they_change(void **state)
{
    struct scene *s = *state;
    take_noted(s, "1", false, "2 records are not used");
    take_noted(s, "1", false, "2 records are not used");
    assert_int_equal(s->events[HELD_NOTE], 1);
    take(s, "1");
    assert_int_equal(s->events[HELD_NOTE], 1);
    take_noted(s, "1", false, "2 records are not used");
    assert_int_equal(s->events[HELD_NOTE], 2);
    assert_string_equal(s->text, "/etc/shop: 2 records are not used");
}

static void many_differences_are_counted(void **state)
{
    struct scene *s = *state;
    s->config.servers_max = 16;
    take(s, "123456789");
    assert_string_equal(
        s->text,
        "9 servers in /etc/shop; 10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80, 10.0.0.4:80 and 5 more came");
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(changes_are_handed_on_and_told),
        STORY(an_address_counts_once),
        STORY(a_failure_keeps_what_was_found_and_is_told_once),
        STORY(other_reasons_are_told_but_not_in_turns),
        STORY(an_empty_answer_is_a_failure_unless_it_is_meant),
        STORY(none_at_first_is_an_answer_when_it_is_meant),
        STORY(hold_ends),
        STORY(beyond_max_those_that_are_there_stay),
        STORY(notes_are_told_when_they_change),
        STORY(many_differences_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
