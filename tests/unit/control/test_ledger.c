/* The ledger: order, what is dropped when the ring is full, what is asked for, and that a text cannot forge a
 * log line. */
#include "control/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static void add(struct ledger *l, const char *text)
{
    ledger_add(l, &(struct event_note){.kind = "test", .is_quiet = true, .service = "shop", .text = text}, 0,
               0);
}

static void fill(struct ledger *l, int count)
{
    for (int i = 1; i <= count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "event %d", i);
        add(l, text);
    }
}

static char *written(const struct ledger *l, struct buf *out, uint64_t after, uint32_t count_max)
{
    struct json j;
    buf_clear(out);
    json_init(&j, out);
    ledger_write(l, &j, after, count_max);
    return out->ptr;
}

static uint32_t occurrences(const char *text, const char *word)
{
    uint32_t count = 0;
    for (const char *at = text; (at = strstr(at, word)); at++)
        count++;
    return count;
}

static void old_events_make_room_and_are_counted(void **state)
{
    struct ledger *l = ledger_new(4);
    assert_int_equal(ledger_last_sequence(l), 0);
    assert_null(ledger_find(l, 1));
    fill(l, 4);
    assert_int_equal(ledger_dropped(l), 0);
    assert_string_equal(ledger_find(l, 1)->text, "event 1");
    fill(l, 2);
    assert_int_equal(ledger_last_sequence(l), 6);
    assert_int_equal(ledger_dropped(l), 2);
    assert_null(ledger_find(l, 2));
    assert_string_equal(ledger_find(l, 3)->text, "event 3");
    assert_int_equal(ledger_find(l, 6)->sequence, 6);
    assert_null(ledger_find(l, 7));
    ledger_free(l);
}

static void a_question_gets_what_came_after(void **state)
{
    struct ledger *l = ledger_new(8);
    struct buf out CLEANUP(buf_fini) = {0};
    fill(l, 6);
    static const struct {
        uint64_t after;
        uint32_t count_max, count;
        const char *first, *tail;
    } cases[] = {
        {0, 100, 6, "event 1", "\"next_after\":6,\"dropped\":0}"},
        {0, 2, 2, "event 5", "\"next_after\":6,\"dropped\":0}"},    /* the newest */
        {2, 2, 2, "event 3", "\"next_after\":4,\"dropped\":0}"},    /* the next ones */
        {6, 100, 0, NULL, "\"next_after\":6,\"dropped\":0}"},       /* nothing new */
        {99, 100, 6, "event 1", "\"next_after\":6,\"dropped\":0}"}, /* from before a restart */
        {UINT64_MAX, 100, 6, "event 1", "\"next_after\":6,\"dropped\":0}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *text = written(l, &out, cases[i].after, cases[i].count_max);
        assert_int_equal(occurrences(text, "\"sequence\""), cases[i].count);
        if (cases[i].first)
            assert_ptr_equal(strstr(text, "event "), strstr(text, cases[i].first));
        assert_string_equal(text + strlen(text) - strlen(cases[i].tail), cases[i].tail);
    }
    ledger_free(l);
}

static void an_empty_ledger_is_json_too(void **state)
{
    struct ledger *l = ledger_new(8);
    struct buf out CLEANUP(buf_fini) = {0};
    assert_string_equal(written(l, &out, 0, 10), "{\"events\":[],\"next_after\":0,\"dropped\":0}");
    ledger_free(l);
}

static void an_event_is_written_whole(void **state)
{
    struct ledger *l = ledger_new(8);
    struct buf out CLEANUP(buf_fini) = {0};
    struct event_note note = {.kind = "server_died",
                              .level = LOG_LEVEL_WARN,
                              .is_quiet = true,
                              .service = "shop",
                              .server = "shop-3",
                              .text = "killed by SIGKILL",
                              .details = STR("{\"in_flight\":3}")};
    ledger_add(l, &note, INT64_C(1764000000123000000), 5);
    assert_string_equal(
        written(l, &out, 0, 10),
        "{\"events\":[{\"sequence\":1,\"time\":\"2025-11-24T16:00:00.123Z\",\"kind\":\"server_died\","
        "\"level\":\"warn\",\"service\":\"shop\",\"server\":\"shop-3\",\"text\":\"killed by SIGKILL\","
        "\"details\":{\"in_flight\":3}}],\"next_after\":1,\"dropped\":0}");
    ledger_free(l);
}

static void texts_lose_control_bytes_and_are_cut(void **state)
{
    struct ledger *l = ledger_new(2);
    char longer[EVENT_TEXT_BYTES_MAX + 100], details[EVENT_DETAILS_BYTES_MAX + 2];
    add(l, "one\nERROR forged\x1b[31m\x7f");
    assert_string_equal(ledger_find(l, 1)->text, "one ERROR forged [31m ");
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    add(l, longer);
    assert_int_equal(strlen(ledger_find(l, 2)->text), EVENT_TEXT_BYTES_MAX);
    memset(details, ' ', sizeof(details));
    ledger_add(
        l, &(struct event_note){.kind = "test", .is_quiet = true, .details = str_n(details, sizeof(details))},
        0, 0);
    assert_true(str_eq(ledger_find(l, 3)->details, STR("{}")));
    ledger_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_events_make_room_and_are_counted),
        cmocka_unit_test(a_question_gets_what_came_after),
        cmocka_unit_test(an_empty_ledger_is_json_too),
        cmocka_unit_test(an_event_is_written_whole),
        cmocka_unit_test(texts_lose_control_bytes_and_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
