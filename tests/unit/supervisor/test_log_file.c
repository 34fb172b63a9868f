/* test_log_file.c: the file of the servers' lines: rotation, files that are moved away, and those that must
 * not be written to. */
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/log_file.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char folder[32], path[64];
    struct supervisor_log plan;
    struct log_file file;
};

static void place_make(struct place *p, uint32_t keep)
{
    snprintf(p->folder, sizeof(p->folder), "/tmp/weir-log-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof(p->path), "%s/log", p->folder);
    p->plan = (struct supervisor_log){.file = p->path, .bytes_max = 10, .keep = keep};
    log_file_init(&p->file, &p->plan);
}

static void remove_name(const struct place *p, const char *suffix)
{
    char path[96];
    snprintf(path, sizeof(path), "%s%s", p->path, suffix);
    (void)unlink(path);
}

static void place_remove(struct place *p)
{
    log_file_fini(&p->file);
    for (int i = 0; i < 4; i++)
        remove_name(p, (const char *const[]){"", ".1", ".2", ".3"}[i]);
    assert_int_equal(rmdir(p->folder), 0);
}

/* NULL: there is no such file. */
static void expect_file(const struct place *p, const char *suffix, const char *want)
{
    char path[96], text[256] = "";
    snprintf(path, sizeof(path), "%s%s", p->path, suffix);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true((fd >= 0) == (want != NULL));
    if (fd < 0)
        return;
    assert_true(read(fd, text, sizeof(text) - 1) >= 0);
    close(fd);
    assert_string_equal(text, want);
}

static void put(struct place *p, const char *lines)
{
    assert_true(log_file_put(&p->file, str_of(lines), NS_PER_S));
}

static void files_are_rotated_by_size(void **state)
{
    struct place p;
    place_make(&p, 2);
    put(&p, "one\n");
    put(&p, "two\n");
    expect_file(&p, "", "one\ntwo\n");
    put(&p, "three\n"); /* would make 14 bytes */
    expect_file(&p, "", "three\n");
    expect_file(&p, ".1", "one\ntwo\n");
    put(&p, "longer than a file may be\n"); /* goes into one of its own */
    put(&p, "five\n");
    expect_file(&p, "", "five\n");
    expect_file(&p, ".1", "longer than a file may be\n");
    expect_file(&p, ".2", "three\n");
    expect_file(&p, ".3", NULL);
    place_remove(&p);
}

static void no_old_file_is_kept_if_none_is_wanted(void **state)
{
    struct place p;
    place_make(&p, 0);
    put(&p, "one two\n");
    put(&p, "three\n");
    expect_file(&p, "", "three\n");
    expect_file(&p, ".1", NULL);
    place_remove(&p);
}

static void a_file_goes_on_where_it_ended(void **state)
{
    struct place p;
    place_make(&p, 1);
    put(&p, "one\n");
    log_file_fini(&p.file);
    log_file_init(&p.file, &p.plan);
    put(&p, "two\n");
    expect_file(&p, "", "one\ntwo\n");
    place_remove(&p);
}

static void a_file_that_was_moved_or_removed_is_made_anew(void **state)
{
    struct place p;
    char moved[96];
    place_make(&p, 1);
    put(&p, "one\n");
    snprintf(moved, sizeof(moved), "%s.3", p.path);
    assert_int_equal(rename(p.path, moved), 0);
    put(&p, "two\n");
    expect_file(&p, ".3", "one\n");
    expect_file(&p, "", "two\n");
    assert_int_equal(unlink(p.path), 0);
    put(&p, "three\n");
    expect_file(&p, "", "three\n");
    place_remove(&p);
}

static void links_and_files_with_two_names_are_not_written(void **state)
{
    struct place p;
    char other[96];
    place_make(&p, 1);
    snprintf(other, sizeof(other), "%s.3", p.path);
    int fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(symlink(other, p.path), 0);
    assert_false(log_file_put(&p.file, STR("one\n"), NS_PER_S));
    assert_int_equal(unlink(p.path), 0);
    assert_int_equal(link(other, p.path), 0);
    assert_false(log_file_put(&p.file, STR("two\n"), NS_PER_S + LOG_FILE_RETRY_NS));
    expect_file(&p, ".3", "");
    assert_int_equal(unlink(p.path), 0);
    assert_false(log_file_put(&p.file, STR("too soon\n"), NS_PER_S + LOG_FILE_RETRY_NS + 1));
    assert_true(log_file_put(&p.file, STR("three\n"), NS_PER_S + 2 * LOG_FILE_RETRY_NS));
    expect_file(&p, "", "three\n");
    place_remove(&p);
}

/* Lines are worth more than the limit. */
static void a_file_that_cannot_be_rotated_grows(void **state)
{
    struct place p;
    char obstacle[96];
    place_make(&p, 1);
    snprintf(obstacle, sizeof(obstacle), "%s.1", p.path);
    assert_int_equal(mkdir(obstacle, 0700), 0);
    put(&p, "one two\n");
    put(&p, "three\n");
    expect_file(&p, "", "one two\nthree\n");
    assert_int_equal(rmdir(obstacle), 0);
    put(&p, "four\n"); /* too soon for another attempt */
    expect_file(&p, ".1", NULL);
    assert_true(log_file_put(&p.file, STR("five\n"), NS_PER_S + LOG_FILE_RETRY_NS));
    expect_file(&p, "", "five\n");
    expect_file(&p, ".1", "one two\nthree\nfour\n");
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_rotated_by_size),
        cmocka_unit_test(no_old_file_is_kept_if_none_is_wanted),
        cmocka_unit_test(a_file_goes_on_where_it_ended),
        cmocka_unit_test(a_file_that_was_moved_or_removed_is_made_anew),
        cmocka_unit_test(a_file_that_cannot_be_rotated_grows),
        cmocka_unit_test(links_and_files_with_two_names_are_not_written),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
