/* What happened just before an alert began: which events, in which order, in which words. */
#include "control/past.h"

#include "base/utf8.h"
#include "provider/held_list.h"
#include "scale/events.h"
#include "store/history.h"
#include "store/store.h"
#include "watch/event_korean.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BEGAN_NS (5000 * NS_PER_S)
#define WALL_NS  (INT64_C(1795415400) * NS_PER_S) /* when the alert began */

static void note(struct ledger *l, int64_t seconds_before, const char *kind, const char *service,
                 const char *server, const char *text)
{
    int64_t before_ns = seconds_before * NS_PER_S;
    ledger_add(l,
               &(struct event_note){
                   .kind = kind, .is_quiet = true, .service = service, .server = server, .text = text},
               WALL_NS - before_ns, BEGAN_NS - before_ns);
}

/* "TEXT|TEXT", the oldest first. */
static void assert_past(const struct ledger *l, const char *service, const char *expected)
{
    char told[2048] = "";
    size_t len = 0;
    struct alert_past past = {.count = 77};
    past_find(l, service, BEGAN_NS, &past);
    assert_in_range(past.count, 0, ALERT_PAST_EVENTS_MAX);
    for (size_t i = 0; i < past.count; i++)
        len += (size_t)snprintf(told + len, sizeof(told) - len, "%s%s", i ? "|" : "", past.events[i].text);
    assert_string_equal(told, expected);
}

static void what_has_to_do_with_it(void **state)
{
    struct ledger *l = ledger_new(100);
    assert_past(l, "shop", "");
    note(l, 300, "reload", NULL, NULL, "the configuration was reloaded");
    note(l, 200, "scale_up", "shop", NULL, "2 -> 4 servers");
    note(l, 150, "scale_up", "blog", NULL, "1 -> 2 servers");
    note(l, 100, "server_state", "shop", "shop-3", "is serving");
    note(l, 50, "alert", "shop", NULL, "ALERT: ...");
    assert_past(l, "shop", "the configuration was reloaded|shop: 2 -> 4 servers|shop/shop-3: is serving");
    assert_past(l, "blog", "the configuration was reloaded|blog: 1 -> 2 servers");
    assert_past(l, NULL,
                "the configuration was reloaded|shop: 2 -> 4 servers|blog: 1 -> 2 servers|shop/shop-3: is "
                "serving");
    ledger_free(l);
}

/* Not what was long before, and not what came after it had begun. */
static void what_was_near(void **state)
{
    struct ledger *l = ledger_new(100);
    note(l, 901, "reload", NULL, NULL, "too long ago");
    note(l, 900, "reload", NULL, NULL, "just near");
    note(l, 0, "reload", NULL, NULL, "at that moment");
    note(l, -1, "reload", NULL, NULL, "afterwards");
    assert_past(l, NULL, "just near|at that moment");
    ledger_free(l);
}

static void the_last_few_are_told(void **state)
{
    struct ledger *l = ledger_new(100);
    char text[16];
    struct alert_past past;
    for (int i = 1; i <= 8; i++) {
        snprintf(text, sizeof(text), "event %d", i);
        note(l, 100 - i, "test", NULL, NULL, text);
    }
    assert_past(l, "shop", "event 4|event 5|event 6|event 7|event 8");
    past_find(l, NULL, BEGAN_NS, &past);
    assert_int_equal(past.events[0].wall_ns, WALL_NS - 96 * NS_PER_S);
    ledger_free(l);
}

/* A ledger that has lost its beginning. */
static void what_was_dropped_is_not_asked_for(void **state)
{
    struct ledger *l = ledger_new(2);
    note(l, 30, "test", NULL, NULL, "one");
    note(l, 20, "test", NULL, NULL, "two");
    note(l, 10, "test", NULL, NULL, "three");
    assert_past(l, NULL, "two|three");
    ledger_free(l);
}

static void in_korean(void **state)
{
    struct ledger *l = ledger_new(100);
    struct alert_past past;
    char words[ALERT_PAST_TEXT_BYTES];
    note(l, 200, "worker_ready", NULL, NULL, "requests are taken");
    note(l, 100, "server_healthy", "shop", "shop-3", "probes succeed again");
    past_find(l, "shop", BEGAN_NS, &past);
    assert_string_equal(past.events[0].text_korean, "요청을 받기 시작했습니다");
    assert_string_equal(past.events[1].text_korean, "shop/shop-3: 서버가 다시 정상입니다");

    /* Cut between characters. */
    for (size_t i = 0; i + 3 < sizeof(words); i += 3)
        memcpy(words + i, "\xea\xb0\x80", 4);
    note(l, 50, "server_died", "shop", NULL, words);
    past_find(l, "shop", BEGAN_NS, &past);
    const char *told = past.events[2].text_korean;
    assert_in_range(strlen(told), sizeof(words) - 4, sizeof(words) - 1);
    for (const char *at = told; *at; at += utf8_sequence(str_of(at)))
        assert_true(utf8_sequence(str_of(at)) > 0);
    ledger_free(l);
}

/* Whoever adds a kind of event writes a sentence for it. */
static void every_kind_is_told_in_korean(void **state)
{
    static const char *const of_control[] = {"worker_ready", "worker_draining", "worker_drained",
                                             "servers_left", "silence"};
    for (int k = 0; k < SCALE_EVENT_COUNT; k++)
        assert_true(event_korean_knows(scale_event_name((enum scale_event_kind)k)));
    for (int k = 0; k < HELD_EVENT_COUNT; k++)
        assert_true(event_korean_knows(held_event_name((enum held_event)k)));
    for (int k = 0; k < STORE_TOLD_COUNT; k++)
        assert_true(event_korean_knows(store_told_name((enum store_told)k)));
    for (int k = 0; k < HISTORY_TOLD_COUNT; k++)
        assert_true(event_korean_knows(history_told_name((enum history_told)k)));
    for (size_t i = 0; i < sizeof(of_control) / sizeof(of_control[0]); i++)
        assert_true(event_korean_knows(of_control[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_to_do_with_it),
        cmocka_unit_test(what_was_near),
        cmocka_unit_test(the_last_few_are_told),
        cmocka_unit_test(what_was_dropped_is_not_asked_for),
        cmocka_unit_test(in_korean),
        cmocka_unit_test(every_kind_is_told_in_korean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
