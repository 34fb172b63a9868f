/* The history without waiting: what is gathered, written, tried again and told, on a loop and its job thread.
 */
#include "store/history.h"

#include "base/clock.h"
#include "base/macros.h"
#include "net/json_value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

#define START_S INT64_C(1800000000)

struct scene {
    char folder[FOLDER_BYTES], path[96];
    struct loop *loop;
    struct history *history;
    char told[512]; /* "history_failed " and so on */
    bool is_answered, is_good;
    struct buf json;
    struct timer limit;
};

static void on_told(void *context, enum history_told told, const char *text)
{
    struct scene *s = context;
    assert_true(text[0]);
    strncat(s->told, history_told_name(told), sizeof(s->told) - strlen(s->told) - 2);
    strncat(s->told, " ", sizeof(s->told) - strlen(s->told) - 1);
}

static void begin(struct scene *s)
{
    struct history_params params = {
        .loop = s->loop,
        .file = {.path = s->path, .bytes_max = 16 << 20, .keep_s = {3600, 86400, 30 * 86400, 365 * 86400}},
        .context = s,
        .on_told = on_told};
    s->history = history_new(&params);
    assert_non_null(s->history);
}

static int make_scene(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    folder_make(s->folder);
    snprintf(s->path, sizeof(s->path), "%s/weir-history.db", s->folder);
    s->loop = loop_new(s);
    begin(s);
    *state = s;
    return 0;
}

static int free_scene(void **state)
{
    struct scene *s = *state;
    history_free(s->history, 5 * NS_PER_S);
    loop_free(s->loop);
    buf_fini(&s->json);
    folder_remove(s->folder);
    free(s);
    return 0;
}

/* One second: cpu is the second in its ten, memory is known in even seconds. */
static void tick(struct scene *s, int64_t wall_s)
{
    static const struct history_name names[] = {{STR("cpu"), STR("percent"), STR("{}")},
                                                {STR("memory"), STR("percent"), STR("{}")}};
    double values[] = {(double)(wall_s % 10), wall_s % 2 ? NAN : 50};
    history_begin(s->history, wall_s);
    for (uint64_t i = 0; i < 2; i++)
        if (!isnan(values[i]) && !history_put(s->history, i + 7, values[i])) {
            history_name(s->history, i + 7, &names[i]);
            assert_true(history_put(s->history, i + 7, values[i]));
        }
}

static void ticks(struct scene *s, int64_t from_s, int64_t to_s)
{
    for (int64_t at_s = from_s; at_s < to_s; at_s++)
        tick(s, at_s);
}

static void on_limit(struct loop *loop, struct timer *t)
{
    loop_stop(loop);
}

static void turn_for(struct scene *s, int64_t ns)
{
    timer_init(&s->limit, on_limit);
    timer_set(s->loop, &s->limit, clock_now_ns() + ns);
    loop_run(s->loop);
    timer_cancel(&s->limit);
}

/* Until so many batches were written, values lost and errors met. */
static void turn_until(struct scene *s, uint64_t writes, uint64_t lost, uint64_t errors)
{
    for (int i = 0; i < 2000; i++) {
        struct history_numbers n = history_numbers(s->history);
        if (n.writes_total >= writes && n.lost_total >= lost && n.errors_total >= errors)
            return;
        turn_for(s, 10 * NS_PER_MS);
    }
    fail_msg("it does not come");
}

static void on_answer(void *context, uint64_t ticket, const struct history_answer *answer)
{
    struct scene *s = context;
    assert_false(s->is_answered);
    assert_int_equal(ticket, 17);
    s->is_answered = true;
    s->is_good = answer->is_good;
    assert_true(answer->is_good || answer->why[0]);
    buf_clear(&s->json);
    buf_put(&s->json, answer->json);
    loop_stop(s->loop);
}

static void ask(struct scene *s, const char *metric, int64_t from_s, int64_t to_s)
{
    char name[16]; /* copied by the history */
    snprintf(name, sizeof(name), "%s", metric);
    struct history_question q = {.metric = str_of(name), .from_s = from_s, .to_s = to_s, .step_s = 1};
    s->is_answered = false;
    assert_true(history_ask(s->history, &q, on_answer, s, 17));
    memset(name, 'x', sizeof(name));
    turn_for(s, 20 * NS_PER_S);
    assert_true(s->is_answered);
}

/* "0 1 2 - 4 " of the one series; "" without a series. */
static void assert_means(struct scene *s, const char *expected)
{
    struct buf text CLEANUP(buf_fini) = {0};
    struct err err;
    assert_true(s->is_good);
    struct json_value *v = json_value_parse(buf_str(&s->json), &err);
    assert_non_null(v);
    const struct json_value *points = json_value_get(json_value_at(json_value_get(v, "series"), 0), "points");
    buf_put(&text, STR(""));
    for (size_t i = 0; i < json_value_count(points); i++) {
        double mean = json_value_to_double(json_value_at(json_value_at(points, i), 2), NAN);
        if (isnan(mean))
            buf_put(&text, STR("- "));
        else
            buf_printf(&text, "%g ", mean);
    }
    json_value_free(v);
    assert_string_equal(text.ptr ? text.ptr : "", expected);
}

static void test_what_was_put_is_in_the_answer(void **state)
{
    struct scene *s = *state;
    ticks(s, START_S + 8, START_S + 21);
    turn_until(s, 2, 0, 0); /* a block that is written, one that is not full */
    ticks(s, START_S + 21, START_S + 24);
    ask(s, "cpu", START_S + 8, START_S + 24);
    assert_means(s, "8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 ");
    ask(s, "memory", START_S + 18, START_S + 23);
    assert_means(s, "50 - 50 - 50 ");
    ticks(s, START_S + 24, START_S + 27);
    ask(s, "cpu", START_S + 20, START_S + 27);
    assert_means(s, "0 1 2 3 4 5 6 ");
    ask(s, "disk", START_S, START_S + 10);
    assert_means(s, "");
    struct history_numbers n = history_numbers(s->history);
    assert_int_equal(n.series, 2);
    assert_int_equal(n.writes_total, 2);
    assert_int_equal(n.errors_total + n.lost_total, 0);
    assert_true(n.bytes > 0);
    assert_string_equal(s->told, "");
}

static void test_the_end_writes_all(void **state)
{
    struct scene *s = *state;
    ticks(s, START_S, START_S + 37);
    history_free(s->history, 5 * NS_PER_S);
    begin(s);
    ask(s, "cpu", START_S + 30, START_S + 40);
    assert_means(s, "0 1 2 3 4 5 6 - - - ");
    ticks(s, START_S + 38, START_S + 40); /* the next worker, in the same ten seconds */
    ask(s, "cpu", START_S + 30, START_S + 40);
    assert_means(s, "0 1 2 3 4 5 6 - 8 9 ");
}

/* A folder that is away for a while: told once, nothing lost, told again when it is back. */
static void test_trouble_is_told_and_made_up_for(void **state)
{
    struct scene *s = *state;
    char away[96];
    ticks(s, START_S, START_S + 11);
    turn_until(s, 1, 0, 0);
    snprintf(away, sizeof(away), "%s-away", s->folder);
    assert_int_equal(rename(s->folder, away), 0);
    for (int i = 1; i < 6; i++) {
        ticks(s, START_S + 10 * i + 1, START_S + 10 * i + 11);
        turn_until(s, 0, 0, (uint64_t)i);
    }
    assert_string_equal(s->told, "history_failed ");
    assert_true(history_numbers(s->history).is_failing);
    s->is_answered = false;
    assert_true(history_ask(
        s->history, &(struct history_question){.metric = STR("cpu"), .from_s = 0, .to_s = 1, .step_s = 1},
        on_answer, s, 17));
    turn_for(s, 20 * NS_PER_S);
    assert_true(s->is_answered && !s->is_good);
    assert_int_equal(rename(away, s->folder), 0);
    ticks(s, START_S + 61, START_S + 71);
    turn_until(s, 7, 0, 0);
    assert_string_equal(s->told, "history_failed history_recovered ");
    struct history_numbers n = history_numbers(s->history);
    assert_int_equal(n.lost_total, 0);
    assert_false(n.is_failing);
    ask(s, "cpu", START_S + 25, START_S + 35);
    assert_means(s, "5 6 7 8 9 0 1 2 3 4 ");
}

/* Longer than five minutes: the oldest are lost and counted. */
static void test_what_cannot_be_kept_for_later_is_counted(void **state)
{
    struct scene *s = *state;
    assert_int_equal(rmdir(s->folder), 0);
    for (int i = 0; i < 40; i++) {
        ticks(s, START_S + 10 * i, START_S + 10 * i + 10);
        turn_until(s, 0, 0, (uint64_t)i);
    }
    assert_in_range(history_numbers(s->history).lost_total, 9 * 15, 10 * 15);
    assert_int_equal(mkdir(s->folder, 0700), 0);
    ticks(s, START_S + 400, START_S + 411);
    turn_until(s, 30, 0, 0);
    ask(s, "cpu", START_S + 300, START_S + 303);
    assert_means(s, "0 1 2 ");
}

static void test_a_clock_that_steps_back_is_told_once(void **state)
{
    struct scene *s = *state;
    ticks(s, START_S + 1000, START_S + 1021);
    turn_until(s, 2, 0, 0);
    for (int i = 0; i < 4; i++) {
        ticks(s, START_S + 10 * i, START_S + 10 * i + 11);
        turn_until(s, 0, 15 * (uint64_t)i, 0);
    }
    assert_string_equal(s->told, "history_clock ");
    assert_true(history_numbers(s->history).lost_total >= 30);
    ticks(s, START_S + 1030, START_S + 1041);
    turn_until(s, 4, 0, 0);
    ask(s, "cpu", START_S + 1030, START_S + 1033);
    assert_means(s, "0 1 2 ");
}

/* Series come and go: nobody's name is mixed up with another's. */
static void test_series_that_go_are_forgotten(void **state)
{
    struct history_block *b = history_block_new();
    struct arena *arena = arena_new();
    for (int64_t round = 0; round < 50; round++) {
        history_block_begin(b, START_S + round * 10);
        for (uint64_t key = 0; key < 300; key++) {
            if ((int64_t)key % 50 == round)
                continue;
            char labels[32];
            snprintf(labels, sizeof(labels), "{\"cpu\":\"%d\"}", (int)key);
            struct history_name name = {STR("cpu_core"), STR("percent"), str_of(labels)};
            uint64_t id = key * 1000003;
            if (!history_block_put(b, id, START_S + round * 10, (double)key)) {
                history_block_name(b, id, &name);
                assert_true(history_block_put(b, id, START_S + round * 10, (double)key));
            }
        }
        struct history_batch batch = history_block_copy(b, arena);
        assert_int_equal(batch.count, 294);
        for (size_t i = 0; i < batch.count; i++) {
            char labels[32];
            snprintf(labels, sizeof(labels), "{\"cpu\":\"%d\"}", (int)batch.rows[i].points[0].mean);
            assert_true(str_eq(batch.rows[i].labels, str_of(labels)));
            assert_int_equal(batch.rows[i].points[0].count, 1);
            assert_int_equal(batch.rows[i].points[1].count, 0);
        }
        assert_true(history_block_series(b) <= 300);
    }
    arena_free(arena);
    history_block_free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scene, free_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_put_is_in_the_answer),        TEST(test_the_end_writes_all),
        TEST(test_trouble_is_told_and_made_up_for),      TEST(test_what_cannot_be_kept_for_later_is_counted),
        TEST(test_a_clock_that_steps_back_is_told_once), cmocka_unit_test(test_series_that_go_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
