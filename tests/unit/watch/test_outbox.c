/* What a sink is told, in which messages and when, on a virtual clock. */
#include "watch/notify/outbox.h"

#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S(n)     ((int64_t)(n)*NS_PER_S)
#define START_NS S(1000)
#define WALL_NS  S(1700000000) /* of START_NS */

static const struct sink_kind people = {.alerts_max = 3, .has_digest = true};
static const struct sink_kind program = {.alerts_max = 3};
static const struct sink_kind forgetful = {.alerts_max = 3, .resend_ns = S(60), .resend_ended_ns = S(300)};

struct room {
    struct outbox *outbox;
    int64_t now_ns;
    bool is_away; /* the receiver does not answer */
    char told[64][128];
    int64_t told_ns[64];
    size_t tries, messages;
};

static struct room open_room(const struct sink_kind *kind)
{
    return (struct room){.now_ns = START_NS,
                         .outbox = outbox_new(&(struct outbox_params){.kind = kind,
                                                                      .group_wait_ns = S(5),
                                                                      .give_up_ns = S(3600),
                                                                      .length_max = 100,
                                                                      .per_minute = 20,
                                                                      .seed = 7})};
}

static int64_t wall_ns(const struct room *r)
{
    return r->now_ns - START_NS + WALL_NS;
}

static void add(struct room *r, char name, enum alert_change change, enum alert_severity severity)
{
    struct alert a;
    struct notice n;
    char path[] = {'/', name, '\0'};
    alert_init(&a, "HostDiskHigh", "Disk usage is high", severity, STR("web-1"));
    alert_add_label(&a, "path", str_of(path));
    a.started_wall_ns = wall_ns(r);
    a.ended_wall_ns = change == ALERT_ENDED ? wall_ns(r) : 0;
    notice_init(&n, &a, change, (struct notice_words){.line = "a line"});
    outbox_add(r->outbox, &n, r->now_ns);
    notice_fini(&n);
}

static void fire(struct room *r, char name)
{
    add(r, name, ALERT_FIRED, ALERT_WARNING);
}

static void end(struct room *r, char name)
{
    add(r, name, ALERT_ENDED, ALERT_WARNING);
}

/* "!a" fires, "-a" is over, "=a" is over and was not told before, "!a(2)" after two others; "..3": 3 are left
 * out. */
static void describe(const struct notice *const notices[], size_t count, uint32_t left_out, char *out,
                     size_t bytes)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const struct notice *n = notices[i];
        char sign = !notice_is_over(n) ? '!' : n->is_whole_episode ? '=' : '-';
        len += (size_t)snprintf(out + len, bytes - len, "%s%c%s", i ? " " : "", sign,
                                notice_label(n, "path") + 1);
        if (n->episodes_before)
            len += (size_t)snprintf(out + len, bytes - len, "(%u)", n->episodes_before);
    }
    if (left_out)
        snprintf(out + len, bytes - len, " ..%u", left_out);
}

static void deliver(struct room *r, const struct sink_answer *answer)
{
    const struct notice *notices[3];
    uint32_t left_out;
    size_t count = outbox_take(r->outbox, r->now_ns, notices, &left_out);
    assert_true(count > 0 && count <= 3);
    r->tries++;
    if (answer->verdict == RETRY_DELIVERED) {
        assert_in_range(r->messages, 0, ARRAY_LEN(r->told) - 1);
        r->told_ns[r->messages] = r->now_ns;
        describe(notices, count, left_out, r->told[r->messages++], sizeof(r->told[0]));
    }
    (void)outbox_done(r->outbox, answer, r->now_ns);
}

/* Runs until then, delivering what is due when it is due. */
static void run_until(struct room *r, int64_t until_ns)
{
    static const struct sink_answer ok = {.verdict = RETRY_DELIVERED, .status = 200, .retry_after_s = -1};
    static const struct sink_answer none = {.verdict = RETRY_LATER, .retry_after_s = -1};
    for (int64_t due_ns; (due_ns = outbox_due_ns(r->outbox)) <= until_ns;) {
        r->now_ns = MAX(r->now_ns, due_ns);
        deliver(r, r->is_away ? &none : &ok);
    }
    r->now_ns = until_ns;
}

static void run(struct room *r, int64_t ns)
{
    run_until(r, r->now_ns + ns);
}

static void assert_told(struct room *r, const char *const *expected, size_t count)
{
    for (size_t i = 0; i < MIN(count, r->messages); i++)
        assert_string_equal(r->told[i], expected[i]);
    assert_int_equal(r->messages, count);
}

#define ASSERT_TOLD(r, ...)                                                                                  \
    assert_told(r, (const char *const[]){__VA_ARGS__},                                                       \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_what_comes_together_is_one_message(void **state)
{
    struct room r = open_room(&program);
    fire(&r, 'a');
    run(&r, S(4));
    fire(&r, 'b');
    run(&r, S(2));
    assert_int_equal(r.told_ns[0], START_NS + S(5)); /* since the first */
    fire(&r, 'c');
    run(&r, S(60));
    end(&r, 'a');
    run(&r, S(60));
    ASSERT_TOLD(&r, "!a !b", "!c", "-a");
    outbox_free(r.outbox);
}

static void test_too_many_for_one_message(void **state)
{
    struct room r = open_room(&program);
    for (char name = 'a'; name <= 'g'; name++)
        fire(&r, name);
    run(&r, S(60));
    ASSERT_TOLD(&r, "!a !b !c", "!d !e !f", "!g");
    outbox_free(r.outbox);
}

/* People get one, with the worst in it and the rest counted; how those end is told. */
static void test_digest(void **state)
{
    struct room r = open_room(&people);
    add(&r, 'a', ALERT_FIRED, ALERT_NOTICE);
    add(&r, 'b', ALERT_FIRED, ALERT_WARNING);
    add(&r, 'c', ALERT_FIRED, ALERT_NOTICE);
    add(&r, 'd', ALERT_FIRED, ALERT_CRITICAL);
    add(&r, 'e', ALERT_FIRED, ALERT_WARNING);
    run(&r, S(60));
    ASSERT_TOLD(&r, "!b !d !e ..2");
    assert_int_equal(outbox_counts(r.outbox).delivered, 5);
    add(&r, 'a', ALERT_ENDED, ALERT_NOTICE);
    run(&r, S(60));
    assert_string_equal(r.told[1], "-a");
    outbox_free(r.outbox);
}

/* Twenty minutes away: nothing is lost, and what comes then is one message with the truth in it. */
static void test_no_storm_after_an_outage(void **state)
{
    struct room r = open_room(&people);
    fire(&r, 't'); /* told before */
    run(&r, S(60));
    r.is_away = true;
    end(&r, 't');
    run(&r, S(60));
    fire(&r, 't'); /* again: the end of the first must be told all the same */
    fire(&r, 'a');
    run(&r, S(300));
    end(&r, 'a');
    for (int i = 0; i < 5; i++) { /* flaps */
        fire(&r, 'f');
        run(&r, S(30));
        end(&r, 'f');
        run(&r, S(30));
    }
    fire(&r, 'f');
    run(&r, S(500));
    assert_int_equal(outbox_counts(r.outbox).queued, 4);
    assert_in_range(r.tries, 8, 20); /* 1, 2, 4, ... 300 s, half of it chance */
    assert_int_equal(outbox_failing_ns(r.outbox, r.now_ns) > S(1000), true);
    r.is_away = false;
    run(&r, S(301));
    ASSERT_TOLD(&r, "!t", "-t !t !f(5) ..1");
    assert_int_equal(outbox_failing_ns(r.outbox, r.now_ns), 0);
    assert_int_equal(outbox_lost(r.outbox), 0);
    struct outbox_counts counts = outbox_counts(r.outbox);
    assert_int_equal(counts.joined, 1 + 5 * 2);
    assert_int_equal(counts.queued, 0);
    outbox_free(r.outbox);
}

static void test_an_episode_that_nobody_was_told_of(void **state)
{
    struct room r = open_room(&program);
    r.is_away = true;
    fire(&r, 'a');
    run(&r, S(30));
    end(&r, 'a');
    r.is_away = false;
    run(&r, S(120));
    end(&r, 'b'); /* its firing was another sink's business */
    run(&r, S(120));
    ASSERT_TOLD(&r, "=a");
    outbox_free(r.outbox);
}

/* Whatever the engine says: what fires on is told once. */
static void test_nothing_twice(void **state)
{
    struct room r = open_room(&program);
    fire(&r, 'a');
    run(&r, S(10));
    fire(&r, 'a');
    run(&r, S(10));
    ASSERT_TOLD(&r, "!a");
    assert_int_equal(outbox_told(r.outbox, 0)->started_wall_ns, WALL_NS);
    assert_null(outbox_told(r.outbox, 1));
    outbox_free(r.outbox);
}

static void test_rate_cap(void **state)
{
    static const struct sink_kind single = {.alerts_max = 1};
    struct room r = open_room(&single);
    for (int i = 0; i < 30; i++)
        fire(&r, (char)('A' + i));
    run(&r, S(6));
    assert_int_equal(r.messages, 20);
    run(&r, S(12)); /* then one in three seconds */
    assert_in_range(r.messages, 23, 25);
    run(&r, S(60));
    assert_int_equal(r.messages, 30);
    outbox_free(r.outbox);
}

static void test_retry_after(void **state)
{
    struct room r = open_room(&program);
    fire(&r, 'a');
    r.now_ns = outbox_due_ns(r.outbox);
    deliver(&r, &(struct sink_answer){.verdict = RETRY_LATER, .status = 429, .retry_after_s = 120});
    assert_int_equal(outbox_due_ns(r.outbox), r.now_ns + S(120));
    outbox_free(r.outbox);
}

static void test_given_up_and_overflow(void **state)
{
    struct room r = open_room(&program);
    r.is_away = true;
    fire(&r, 'a');
    run(&r, S(1800));
    fire(&r, 'b');
    run(&r, S(2000)); /* older than an hour: gone */
    assert_int_equal(outbox_counts(r.outbox).expired, 1);
    assert_int_equal(outbox_lost_lately(r.outbox, r.now_ns), 1);
    for (int i = 0; i < 100; i++)
        add(&r, (char)(i + 1), ALERT_FIRED, ALERT_NOTICE);
    assert_int_equal(outbox_counts(r.outbox).queued, 100);
    assert_int_equal(outbox_counts(r.outbox).overflowed, 1);
    assert_int_equal(outbox_lost(r.outbox), 2);
    run(&r, S(1000));
    outbox_free(r.outbox);
}

/* More alerts than a sink can know of: the oldest is forgotten and counted, the newest is told. */
static void test_told_is_bounded(void **state)
{
    struct room r = open_room(&program);
    for (int i = 0; i <= OUTBOX_TOLD_MAX; i++) {
        struct alert a;
        struct notice n;
        char path[16];
        snprintf(path, sizeof(path), "/%d", i);
        alert_init(&a, "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
        alert_add_label(&a, "path", str_of(path));
        notice_init(&n, &a, ALERT_FIRED, (struct notice_words){.line = "a line"});
        outbox_add(r.outbox, &n, r.now_ns);
        notice_fini(&n);
    }
    assert_string_equal(notice_label(outbox_told(r.outbox, 0), "path"), "/1");
    assert_non_null(outbox_told(r.outbox, OUTBOX_TOLD_MAX - 1));
    assert_null(outbox_told(r.outbox, OUTBOX_TOLD_MAX));
    /* of those that wait all but the newest hundred went, too */
    assert_int_equal(outbox_counts(r.outbox).overflowed, OUTBOX_TOLD_MAX + 1 - 100 + 1);
    outbox_free(r.outbox);
}

static void test_refused(void **state)
{
    static const struct sink_answer bad = {.verdict = RETRY_NEVER, .status = 400, .retry_after_s = -1};
    struct room r = open_room(&program);
    fire(&r, 'a');
    fire(&r, 'b');
    r.now_ns = outbox_due_ns(r.outbox);
    deliver(&r, &bad);
    deliver(&r, &bad); /* a by itself */
    run(&r, S(10));
    ASSERT_TOLD(&r, "!b");
    assert_int_equal(outbox_counts(r.outbox).refused, 1);
    assert_int_equal(outbox_counts(r.outbox).queued, 0);
    outbox_free(r.outbox);
}

/* Nights: what fires and ends is nobody's business, what still fires in the morning is. */
static void test_hours(void **state)
{
    struct room r = open_room(&program);
    fire(&r, 'd');
    run(&r, S(10));
    outbox_set_open(r.outbox, false, r.now_ns);
    fire(&r, 'a');
    fire(&r, 'b');
    run(&r, S(7200)); /* longer than it is tried */
    end(&r, 'a');
    end(&r, 'd'); /* it was told: so is its end */
    run(&r, S(60));
    outbox_set_open(r.outbox, true, r.now_ns);
    run(&r, S(10));
    ASSERT_TOLD(&r, "!d", "-d", "!b");
    outbox_free(r.outbox);
}

/* ---- receivers that forget ---- */

static void test_state_is_told_again(void **state)
{
    struct room r = open_room(&forgetful);
    fire(&r, 'a');
    run(&r, S(10));
    fire(&r, 'b');
    run(&r, S(140)); /* a at 5, 65, 125, with b from 65 on; b at 15 */
    ASSERT_TOLD(&r, "!a", "!b", "!a !b", "!a !b");
    end(&r, 'a');
    run(&r, S(290));
    assert_string_equal(r.told[4], "-a");
    end(&r, 'b');
    run(&r, S(600)); /* five minutes long after the first that said so, then no more */
    assert_string_equal(r.told[r.messages - 1], "-b");
    assert_int_equal(outbox_counts(r.outbox).queued, 0);
    assert_int_equal(outbox_counts(r.outbox).delivered, 4);
    outbox_free(r.outbox);
}

static void test_state_changes_on_its_way(void **state)
{
    struct room r = open_room(&forgetful);
    const struct notice *notices[3];
    uint32_t left_out;
    fire(&r, 'a');
    r.now_ns = outbox_due_ns(r.outbox);
    assert_int_equal(outbox_take(r.outbox, r.now_ns, notices, &left_out), 1);
    end(&r, 'a');
    assert_false(notice_is_over(notices[0])); /* what is on its way does not change */
    assert_int_equal(outbox_due_ns(r.outbox), INT64_MAX);
    (void)outbox_done(r.outbox, &(struct sink_answer){.verdict = RETRY_DELIVERED}, r.now_ns);
    run(&r, S(10));
    ASSERT_TOLD(&r, "-a");
    fire(&r, 'a'); /* the same alert anew takes the place of its end */
    run(&r, S(10));
    assert_string_equal(r.told[1], "!a");
    outbox_free(r.outbox);
}

/* An hour without an answer: what fires is still told then. */
static void test_state_outlives_an_outage(void **state)
{
    struct room r = open_room(&forgetful);
    r.is_away = true;
    fire(&r, 'a');
    fire(&r, 'b');
    run(&r, S(60));
    end(&r, 'b');
    run(&r, S(3 * 3600));
    assert_int_equal(outbox_counts(r.outbox).queued, 1);
    r.is_away = false;
    run(&r, S(301));
    assert_string_equal(r.told[0], "!a");
    outbox_free(r.outbox);
}

/* ---- kept ---- */

static struct room restart(struct room *r, const struct sink_kind *kind, int64_t wall_step_ns)
{
    struct buf text CLEANUP(buf_fini) = {0};
    (void)outbox_save(r->outbox, &text, r->now_ns, wall_ns(r));
    struct room next = open_room(kind);
    next.now_ns = r->now_ns + S(20);
    assert_true(outbox_restore(next.outbox, buf_str(&text), next.now_ns, wall_ns(&next) + wall_step_ns));
    outbox_set_open(next.outbox, true, next.now_ns);
    outbox_free(r->outbox);
    return next;
}

static void test_restart(void **state)
{
    struct room r = open_room(&program);
    fire(&r, 'a');
    run(&r, S(10));
    r.is_away = true;
    fire(&r, 'b');
    fire(&r, 'c');
    run(&r, S(30));
    end(&r, 'c');
    r = restart(&r, &program, 0);
    fire(&r, 'a');
    end(&r, 'b');
    run(&r, S(120));
    end(&r, 'a');
    run(&r, S(120));
    ASSERT_TOLD(&r, "=b =c", "-a");
    outbox_free(r.outbox);
}

/* The disk was slow: what fires on was noted anew before it was known that it had been told. */
static void test_read_late(void **state)
{
    struct room r = open_room(&program), late;
    struct buf text CLEANUP(buf_fini) = {0};
    fire(&r, 'a');
    run(&r, S(10));
    r.is_away = true;
    fire(&r, 'b');
    run(&r, S(10));
    (void)outbox_save(r.outbox, &text, r.now_ns, wall_ns(&r));
    late = open_room(&program);
    late.now_ns = r.now_ns + S(1);
    fire(&late, 'a');
    fire(&late, 'b');
    fire(&late, 'c');
    assert_true(outbox_restore(late.outbox, buf_str(&text), late.now_ns, wall_ns(&late)));
    outbox_set_open(late.outbox, true, late.now_ns);
    run(&late, S(60));
    ASSERT_TOLD(&late, "!c !b");
    outbox_free(r.outbox);
    outbox_free(late.outbox);
}

static void assert_knows(const struct room *r, char name, enum outbox_knowledge expected, int64_t since_ns)
{
    struct alert a;
    char path[] = {'/', name, '\0'};
    int64_t found_ns = 0;
    alert_init(&a, "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
    alert_add_label(&a, "path", str_of(path));
    assert_int_equal(outbox_find(r->outbox, a.fingerprint, &found_ns), expected);
    if (expected == OUTBOX_KNOWS)
        assert_int_equal(found_ns, since_ns);
}

static void test_what_a_sink_knows(void **state)
{
    struct room r = open_room(&program);
    assert_knows(&r, 'a', OUTBOX_KNOWS_NOTHING, 0);
    fire(&r, 'a');
    assert_knows(&r, 'a', OUTBOX_WAITS, 0);
    run(&r, S(60));
    int64_t told_ns = r.told_ns[0];
    assert_knows(&r, 'a', OUTBOX_KNOWS, told_ns);
    r = restart(&r, &program, 0);
    assert_knows(&r, 'a', OUTBOX_KNOWS, told_ns);
    outbox_set_open(r.outbox, false, r.now_ns);
    fire(&r, 'b');
    end(&r, 'a');
    assert_knows(&r, 'a', OUTBOX_WAITS, 0);
    assert_knows(&r, 'b', OUTBOX_DEFERRED, 0);
    run(&r, S(60));
    assert_knows(&r, 'a', OUTBOX_KNOWS_NOTHING, 0);
    outbox_free(r.outbox);
}

/* A message that was refused told nobody anything. */
static void test_what_was_refused_is_not_known(void **state)
{
    struct room r = open_room(&program);
    fire(&r, 'a');
    r.now_ns = outbox_due_ns(r.outbox);
    deliver(&r, &(struct sink_answer){.verdict = RETRY_NEVER, .status = 400});
    assert_knows(&r, 'a', OUTBOX_KNOWS_NOTHING, 0);
    outbox_free(r.outbox);
}

static void test_what_a_forgetful_sink_knows(void **state)
{
    struct room r = open_room(&forgetful);
    fire(&r, 'a');
    assert_knows(&r, 'a', OUTBOX_WAITS, 0);
    run(&r, S(10));
    assert_knows(&r, 'a', OUTBOX_KNOWS, r.told_ns[0]);
    outbox_free(r.outbox);
}

/* A clock that was set, in either direction, loses nothing and holds nothing back. */
static void test_restart_with_another_clock(void **state)
{
    static const int64_t steps[] = {S(-86400), S(86400 * 365)};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct room r = open_room(&program);
        r.is_away = true;
        fire(&r, 'a');
        run(&r, S(30));
        int64_t failing_ns = outbox_failing_ns(r.outbox, r.now_ns);
        assert_in_range(failing_ns, S(20), S(40));
        r = restart(&r, &program, steps[i]);
        assert_int_equal(outbox_failing_ns(r.outbox, r.now_ns), failing_ns);
        r.is_away = true; /* still: a message that is taken for too old would be given up now */
        run(&r, S(60));
        r.is_away = false;
        run(&r, RETRY_ASKED_MAX_NS);
        ASSERT_TOLD(&r, "!a");
        outbox_free(r.outbox);
    }
}

/* Who was told to come later is not asked sooner by a new worker. */
static void test_restart_keeps_the_pause(void **state)
{
    struct room r = open_room(&program);
    fire(&r, 'a');
    r.now_ns = outbox_due_ns(r.outbox);
    deliver(&r, &(struct sink_answer){.verdict = RETRY_LATER, .status = 429, .retry_after_s = 600});
    int64_t due_ns = outbox_due_ns(r.outbox);
    r = restart(&r, &program, 0);
    assert_int_equal(outbox_due_ns(r.outbox), due_ns);
    outbox_free(r.outbox);
}

static void test_restart_of_a_state(void **state)
{
    struct room r = open_room(&forgetful);
    fire(&r, 'a');
    fire(&r, 'b');
    run(&r, S(10));
    end(&r, 'b');
    run(&r, S(10));
    r = restart(&r, &forgetful, 0);
    run(&r, S(10));
    ASSERT_TOLD(&r, "!a -b");
    outbox_free(r.outbox);
}

static void test_no_text_of_ours(void **state)
{
    struct room r = open_room(&program);
    static const char *const texts[] = {"", "{", "[]", "{}", "{\"version\":2}", "null"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_false(outbox_restore(r.outbox, str_of(texts[i]), r.now_ns, wall_ns(&r)));
    assert_true(outbox_restore(
        r.outbox, STR("{\"version\":1,\"waiting\":[1,{},{\"notice\":{\"severity\":\"x\"}}],\"told\":[{}]}"),
        r.now_ns, wall_ns(&r)));
    assert_int_equal(outbox_due_ns(r.outbox), INT64_MAX);
    outbox_free(r.outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_together_is_one_message),
        cmocka_unit_test(test_too_many_for_one_message),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_no_storm_after_an_outage),
        cmocka_unit_test(test_an_episode_that_nobody_was_told_of),
        cmocka_unit_test(test_nothing_twice),
        cmocka_unit_test(test_rate_cap),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_given_up_and_overflow),
        cmocka_unit_test(test_told_is_bounded),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_hours),
        cmocka_unit_test(test_state_is_told_again),
        cmocka_unit_test(test_state_changes_on_its_way),
        cmocka_unit_test(test_state_outlives_an_outage),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_read_late),
        cmocka_unit_test(test_what_a_sink_knows),
        cmocka_unit_test(test_what_was_refused_is_not_known),
        cmocka_unit_test(test_what_a_forgetful_sink_knows),
        cmocka_unit_test(test_restart_with_another_clock),
        cmocka_unit_test(test_restart_keeps_the_pause),
        cmocka_unit_test(test_restart_of_a_state),
        cmocka_unit_test(test_no_text_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
