/* The store on its loop: loading, in time and late; writing; what it tells when things go wrong and are well
 * again. */
#include "store/store.h"

#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

#define PATIENCE_NS (20 * NS_PER_S)
#define WALL_S      INT64_C(1800000000)

static char folder[FOLDER_BYTES], path[80];
static struct loop *loop;
static struct buf told, loaded; /* "state_opened ", "shop=one " */
static char last_text[512];
static int loads, ranges;
static bool was_late;
static struct database_value range[8];
static size_t range_count;

static void on_loaded(void *context, const struct database_document *documents, size_t count, bool is_late)
{
    loads++;
    was_late = is_late;
    for (size_t i = 0; i < count; i++)
        buf_printf(&loaded, "%.*s=%.*s ", STR_ARG(documents[i].service), STR_ARG(documents[i].text));
}

static void on_told(void *context, enum store_told t, const char *text)
{
    buf_printf(&told, "%s ", store_told_name(t));
    snprintf(last_text, sizeof(last_text), "%s", text);
}

static void on_range(void *context, const struct database_value *values, size_t count)
{
    ranges++;
    range_count = count;
    memcpy(range, count ? values : range, MIN(count, ARRAY_LEN(range)) * sizeof(*range));
}

static int set_up(void **state)
{
    folder_make(folder);
    snprintf(path, sizeof(path), "%s/weir.db", folder);
    loop = loop_new(NULL);
    loads = ranges = 0;
    was_late = false;
    return 0;
}

static int tear_down(void **state)
{
    loop_free(loop);
    buf_fini(&told);
    buf_fini(&loaded);
    folder_remove(folder);
    return 0;
}

static struct store *open_store(int64_t wait_ns)
{
    struct store_params params = {
        .loop = loop, .database = {.path = path}, .events = {.on_loaded = on_loaded, .on_told = on_told}};
    struct store *s = store_new(&params);
    assert_non_null(s);
    buf_clear(&told);
    buf_clear(&loaded);
    store_load(s, wait_ns);
    return s;
}

static bool has_told(const char *word)
{
    return told.ptr && strstr(told.ptr, word);
}

/* ---- turning the loop until something is so ---- */

struct awaited {
    struct timer timer;
    bool (*is_so)(const struct store *s);
    const struct store *store;
    int64_t until_ns;
};

static void on_look(struct loop *l, struct timer *t)
{
    struct awaited *a = container_of(t, struct awaited, timer);
    if (a->is_so(a->store) || clock_now_ns() > a->until_ns)
        loop_stop(l);
    else
        timer_set(l, t, clock_now_ns() + NS_PER_MS);
}

static void await(struct store *s, bool (*is_so)(const struct store *s))
{
    struct awaited a = {.is_so = is_so, .store = s, .until_ns = clock_now_ns() + PATIENCE_NS};
    timer_init(&a.timer, on_look);
    timer_set(loop, &a.timer, clock_now_ns());
    loop_run(loop);
    timer_cancel(&a.timer);
    assert_true(is_so(s));
}

static uint64_t writes_before, errors_before;

static bool has_written(const struct store *s)
{
    return store_numbers(s).writes_total > writes_before;
}

static bool has_failed(const struct store *s)
{
    return store_numbers(s).errors_total > errors_before;
}

static bool has_range(const struct store *s)
{
    return ranges > 0;
}

static bool has_loaded(const struct store *s)
{
    return loads > 0;
}

static bool put(struct store *s, const char *service, const char *text)
{
    struct database_document d = {.service = str_of(service), .text = str_of(text)};
    writes_before = store_numbers(s).writes_total;
    errors_before = store_numbers(s).errors_total;
    return store_put(s, &d, 1, WALL_S);
}

static void execute_in_file(sqlite3 **raw, const char *sql)
{
    if (!*raw)
        assert_int_equal(sqlite3_open(path, raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(*raw, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* ---- tests ---- */

static void test_what_was_put_is_loaded(void **state)
{
    struct store *s = open_store(PATIENCE_NS);
    assert_int_equal(loads, 1);
    assert_string_equal(told.ptr, "state_opened ");
    assert_true(put(s, "shop", "one"));
    await(s, has_written);
    assert_true(store_numbers(s).is_keeping);
    assert_true(store_numbers(s).bytes > 0);
    store_free(s, PATIENCE_NS);
    s = open_store(PATIENCE_NS);
    assert_int_equal(loads, 2);
    assert_false(was_late);
    assert_string_equal(loaded.ptr, "shop=one ");
    store_free(s, PATIENCE_NS);
}

/* Nobody turns the loop any more: what was handed over is written all the same. */
static void test_free_writes_what_was_handed_over(void **state)
{
    struct store *s = open_store(PATIENCE_NS);
    assert_true(put(s, "shop", "the last word"));
    store_free(s, PATIENCE_NS);
    s = open_store(PATIENCE_NS);
    assert_string_equal(loaded.ptr, "shop=the last word ");
    store_free(s, PATIENCE_NS);
}

static void test_series(void **state)
{
    struct store *s = open_store(PATIENCE_NS);
    struct database_point points[] = {
        {.service = STR("shop"), .name = STR("load"), .minute = 7, .value = 0.5},
        {.service = STR("shop"), .name = STR("load"), .minute = 9, .value = 2.5},
    };
    assert_true(store_append(s, points, ARRAY_LEN(points)));
    assert_true(store_range(s, STR("shop"), STR("load"), 0, 100, on_range, NULL));
    await(s, has_range);
    assert_int_equal(range_count, 2);
    assert_true(range[0].minute == 7 && range[1].value == 2.5);
    store_free(s, PATIENCE_NS);
}

static void test_held_by_another_is_left_alone(void **state)
{
    struct database *other = database_new(&(struct database_params){.path = path});
    assert_int_equal(database_open(other, 0).result, SQL_GOOD);
    struct store *s = open_store(PATIENCE_NS);
    assert_int_equal(loads, 0);
    assert_string_equal(told.ptr, "state_off ");
    assert_non_null(strstr(last_text, "another running Weir"));
    assert_false(put(s, "shop", "one"));
    assert_false(store_range(s, STR("shop"), STR("load"), 0, 1, on_range, NULL));
    assert_false(store_numbers(s).is_keeping);
    assert_int_equal(store_numbers(s).errors_total, 1);
    store_free(s, PATIENCE_NS);
    database_free(other);
}

/* A disk that is slow: Weir starts with nothing known, is told what there was when it comes, and writes
 * nothing before. */
static void test_late_load(void **state)
{
    struct store *s = open_store(PATIENCE_NS);
    assert_true(put(s, "shop", "of old"));
    store_free(s, PATIENCE_NS);
    struct database *other = database_new(&(struct database_params){.path = path});
    assert_int_equal(database_open(other, 0).result, SQL_GOOD);
    loads = 0;
    s = open_store(5 * NS_PER_MS);
    assert_int_equal(loads, 0);
    assert_string_equal(told.ptr, "state_failed ");
    assert_false(put(s, "shop", "new"));
    database_free(other);
    await(s, has_loaded);
    assert_true(was_late);
    assert_string_equal(loaded.ptr, "shop=of old ");
    assert_string_equal(told.ptr, "state_failed state_recovered state_opened ");
    store_free(s, PATIENCE_NS);
}

/* What cannot be read at the start may be read later, and is not overwritten before. */
static void test_load_is_tried_again(void **state)
{
    char away[80];
    struct store *s = open_store(PATIENCE_NS);
    assert_true(put(s, "shop", "of old"));
    store_free(s, PATIENCE_NS);
    snprintf(away, sizeof(away), "%s-away", folder);
    assert_int_equal(rename(folder, away), 0);
    loads = 0;
    s = open_store(PATIENCE_NS);
    assert_string_equal(told.ptr, "state_failed ");
    assert_int_equal(loads, 0);
    assert_false(put(s, "shop", "new"));
    await(s, has_failed);
    assert_int_equal(rename(away, folder), 0);
    assert_false(put(s, "shop", "new"));
    await(s, has_loaded);
    assert_true(was_late);
    assert_string_equal(loaded.ptr, "shop=of old ");
    assert_string_equal(told.ptr, "state_failed state_recovered state_opened ");
    assert_true(put(s, "shop", "new"));
    store_free(s, PATIENCE_NS);
}

static void test_failure_and_recovery_are_told_once(void **state)
{
    struct store *s = open_store(PATIENCE_NS);
    folder_remove(folder);
    for (int i = 0; i < 3; i++) {
        assert_true(put(s, "shop", "one"));
        await(s, has_failed);
    }
    assert_string_equal(told.ptr, "state_opened state_failed ");
    assert_false(store_numbers(s).is_keeping);
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_true(put(s, "shop", "two"));
    await(s, has_written);
    assert_string_equal(told.ptr, "state_opened state_failed state_anew state_recovered ");
    assert_true(store_numbers(s).is_keeping);
    assert_int_equal(store_numbers(s).errors_total, 3);
    store_free(s, PATIENCE_NS);
    s = open_store(PATIENCE_NS);
    assert_string_equal(loaded.ptr, "shop=two ");
    store_free(s, PATIENCE_NS);
}

/* While a write takes its time the next one is refused, not queued. */
static void test_one_write_at_a_time(void **state)
{
    sqlite3 *raw = NULL;
    struct store *s = open_store(PATIENCE_NS);
    execute_in_file(&raw, "BEGIN IMMEDIATE");
    assert_true(put(s, "shop", "one"));
    assert_false(put(s, "shop", "two"));
    execute_in_file(&raw, "COMMIT");
    sqlite3_close(raw);
    await(s, has_written);
    assert_true(put(s, "shop", "three"));
    store_free(s, PATIENCE_NS);
    s = open_store(PATIENCE_NS);
    assert_string_equal(loaded.ptr, "shop=three ");
    store_free(s, PATIENCE_NS);
}

static void test_damage_is_told(void **state)
{
    struct store *s = open_store(PATIENCE_NS);
    store_free(s, PATIENCE_NS);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 100; i++)
        assert_true(fputs("not a database at all\n", f) >= 0);
    fclose(f);
    s = open_store(PATIENCE_NS);
    assert_string_equal(told.ptr, "state_anew state_opened ");
    assert_true(has_told("state_opened"));
    store_free(s, PATIENCE_NS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_put_is_loaded),
        TEST(test_free_writes_what_was_handed_over),
        TEST(test_series),
        TEST(test_held_by_another_is_left_alone),
        TEST(test_late_load),
        TEST(test_load_is_tried_again),
        TEST(test_failure_and_recovery_are_told_once),
        TEST(test_one_write_at_a_time),
        TEST(test_damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
