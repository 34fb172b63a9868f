/* The board: series that come, stay, change and go; notes; the catalogue's names. */
#include "watch/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static struct subject disk(const char *path)
{
    return (struct subject){.names = {path}};
}

static void readings_stay_as_put(void **state)
{
    (void)state;
    struct board *b = board_new();
    struct subject root = disk("/");
    board_begin(b, 7 * S, 100 * S);
    board_put(b, METRIC_CPU, &(struct subject){0}, reading_unknown("first look"));
    board_put_note(b, METRIC_DISK, &root, reading_known(93.4), "%s left", "2GiB");
    board_end(b);
    assert_int_equal(board_count(b), 2);
    assert_int_equal(board_now_ns(b), 7 * S);
    assert_int_equal(board_wall_ns(b), 100 * S);
    const struct series *cpu = board_at(b, 0), *full = board_find(b, METRIC_DISK, &root);
    assert_false(cpu->reading.is_known);
    assert_string_equal(cpu->reading.why_unknown, "first look");
    assert_string_equal(cpu->note, "");
    assert_string_equal(cpu->subject.host, "");
    assert_true(full->reading.value == 93.4);
    assert_string_equal(full->note, "2GiB left");
    assert_string_equal(full->subject.names[0], "/");
    assert_null(board_find(b, METRIC_DISK_INODES, &root));
    board_free(b);
}

static void what_is_not_put_is_gone_and_ids_are_never_used_again(void **state)
{
    (void)state;
    struct board *b = board_new();
    struct subject paths[] = {disk("/"), disk("/data"), disk("/srv")};
    board_begin(b, 0, 0);
    for (int i = 0; i < 3; i++)
        board_put_note(b, METRIC_DISK, &paths[i], reading_known(i), "old");
    board_end(b);
    uint64_t root = board_at(b, 0)->id, data = board_at(b, 1)->id, srv = board_at(b, 2)->id;
    const struct series *kept = board_at(b, 2);
    board_begin(b, S, S);
    board_put(b, METRIC_DISK, &paths[2], reading_known(2));
    board_put(b, METRIC_DISK, &paths[0], reading_known(9));
    board_end(b);
    assert_int_equal(board_count(b), 2);
    assert_int_equal(board_at(b, 0)->id, root);
    assert_ptr_equal(board_at(b, 1), kept);
    assert_int_equal(board_at(b, 1)->id, srv);
    assert_string_equal(kept->note, "");
    assert_null(board_find(b, METRIC_DISK, &paths[1]));
    board_begin(b, 2 * S, 2 * S);
    for (int i = 0; i < 3; i++)
        board_put(b, METRIC_DISK, &paths[i], reading_known(i));
    board_end(b);
    assert_int_equal(board_count(b), 3);
    assert_true(board_find(b, METRIC_DISK, &paths[1])->id > srv && data < srv);
    board_free(b);
}

static void names_do_not_run_together(void **state)
{
    (void)state;
    struct board *b = board_new();
    struct subject subjects[] = {{.names = {"a", "b"}}, {.names = {"ab", ""}}, {.host = "a", .names = {"b"}}};
    board_begin(b, 0, 0);
    for (int i = 0; i < 3; i++)
        board_put(b, METRIC_DISK, &subjects[i], reading_known(i));
    board_end(b);
    assert_int_equal(board_count(b), 3);
    for (int i = 0; i < 3; i++)
        assert_true(board_find(b, METRIC_DISK, &subjects[i])->reading.value == i);
    board_free(b);
}

static void it_grows_to_its_limit_and_counts_what_is_left_out(void **state)
{
    (void)state;
    struct board *b = board_new();
    char name[16];
    struct subject s = disk(name);
    for (int tick = 0; tick < 2; tick++) {
        board_begin(b, tick * S, tick * S);
        for (int i = 0; i < BOARD_SERIES_MAX + 5; i++) {
            (void)snprintf(name, sizeof(name), "/%d", i);
            board_put(b, METRIC_DISK, &s, reading_known(i));
        }
        board_end(b);
        assert_int_equal(board_count(b), BOARD_SERIES_MAX);
        assert_int_equal(board_left_out(b), 5 * (tick + 1));
    }
    (void)snprintf(name, sizeof(name), "/%d", BOARD_SERIES_MAX - 1);
    assert_true(board_find(b, METRIC_DISK, &s)->reading.value == BOARD_SERIES_MAX - 1);
    board_free(b);
}

static void metrics_are_found_by_name(void **state)
{
    (void)state;
    for (size_t m = 0; m < METRIC_COUNT; m++)
        assert_int_equal(metric_find(str_of(metric_infos[m].name)), m);
    assert_int_equal(metric_find(STR("cpus")), METRIC_COUNT);
    assert_string_equal(metric_suggest(STR("memoyr")), "memory");
    assert_string_equal(subject_label(SUBJECT_SERVER, 1), "server");
    assert_string_equal(subject_label(SUBJECT_HOST, 0), "");
    assert_string_equal(metric_unit_name(METRIC_UNIT_PERCENT), "percent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readings_stay_as_put),
        cmocka_unit_test(what_is_not_put_is_gone_and_ids_are_never_used_again),
        cmocka_unit_test(names_do_not_run_together),
        cmocka_unit_test(it_grows_to_its_limit_and_counts_what_is_left_out),
        cmocka_unit_test(metrics_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
