/* The history's file on a clock of the test's own: levels, gaps, age, size, wrong clocks, crashes, damage. */
#include "store/history_file.h"

#include "base/clock.h"
#include "base/macros.h"
#include "net/json_value.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

#define START_S INT64_C(1800000000) /* begins an hour, and no day */
#define DAY_S   INT64_C(86400)

static char folder[FOLDER_BYTES], path[96];
static const int64_t usual_keep_s[HISTORY_LEVELS] = {3600, 86400, 30 * 86400, 365 * 86400};

static int make_folder(void **state)
{
    folder_make(folder);
    snprintf(path, sizeof(path), "%s/weir-history.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    folder_remove(folder);
    return 0;
}

static struct history_file *make(uint64_t bytes_max, const int64_t keep_s[HISTORY_LEVELS])
{
    struct history_file_params params = {.path = path, .bytes_max = bytes_max ? bytes_max : 64 << 20};
    memcpy(params.keep_s, keep_s ? keep_s : usual_keep_s, sizeof(params.keep_s));
    return history_file_new(&params);
}

/* ---- writing ---- */

/* Value of a series at a second; NAN: unknown. */
struct wave {
    struct str metric, labels;
    double (*at)(int64_t s);
};

static struct history_put put_at(struct history_file *f, const struct wave *waves, size_t count,
                                 int64_t start_s, int64_t now_s, enum sql_result wanted)
{
    struct history_row *rows = calloc(count, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct history_row){waves[i].metric, STR("percent"), waves[i].labels, {{0}}};
        for (int64_t k = 0; k < HISTORY_BLOCK_S; k++) {
            double value = waves[i].at(start_s + k);
            if (!isnan(value))
                rows[i].points[k] = (struct point){1, value, value, value};
        }
    }
    struct history_put put;
    struct sql_report r = history_file_put(
        f, &(struct history_batch){.start_s = start_s, .count = count, .rows = rows}, now_s * NS_PER_S, &put);
    if (wanted == SQL_GOOD)
        assert_string_equal(r.why, "");
    assert_int_equal(r.result, wanted);
    free(rows);
    return put;
}

static void put_range(struct history_file *f, const struct wave *waves, size_t count, int64_t from_s,
                      int64_t to_s)
{
    for (int64_t s = from_s; s < to_s; s += HISTORY_BLOCK_S) {
        struct history_put put = put_at(f, waves, count, s, s, SQL_GOOD);
        assert_false(put.is_behind || put.is_cut);
    }
}

/* A block now and then: for days that need not be told second by second. */
static void put_sparsely(struct history_file *f, const struct wave *waves, size_t count, int64_t from_s,
                         int64_t to_s)
{
    for (int64_t s = from_s; s < to_s; s += 300)
        (void)put_at(f, waves, count, s, s, SQL_GOOD);
}

static double minute_of(int64_t s) /* 0..59, the same for a minute */
{
    return (double)(s / 60 % 60);
}

static double second_of(int64_t s) /* 0..59 */
{
    return (double)(s % 60);
}

static double zero(int64_t s)
{
    return 0;
}

static double with_gaps(int64_t s) /* known in the first 20 s of a minute, and not at all in odd hours */
{
    return s / 3600 % 2 == 1 || s % 60 >= 20 ? NAN : (double)(s % 60);
}

static double noise(int64_t s)
{
    uint64_t x = (uint64_t)s * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 29;
    return 20 + (double)(x * UINT64_C(0xbf58476d1ce4e5b9) >> 40) / (1 << 24) * 60;
}

#define WAVE(metric, labels, at) ((struct wave){STR(metric), STR(labels), at})

/* ---- reading ---- */

static struct json_value *ask(struct history_file *f, const struct history_question *q)
{
    struct buf json CLEANUP(buf_fini) = {0};
    struct err err;
    struct sql_report r = history_file_ask(f, q, &json);
    assert_string_equal(r.why, "");
    assert_int_equal(r.result, SQL_GOOD);
    struct json_value *v = json_value_parse(buf_str(&json), &err);
    assert_non_null(v);
    return v;
}

static struct json_value *ask_range(struct history_file *f, const char *metric, int64_t from_s, int64_t to_s,
                                    int64_t step_s)
{
    return ask(f, &(struct history_question){
                      .metric = str_of(metric), .from_s = from_s, .to_s = to_s, .step_s = step_s});
}

static const struct json_value *points_of(const struct json_value *answer, size_t series)
{
    return json_value_get(json_value_at(json_value_get(answer, "series"), series), "points");
}

/* min, mean, max; NAN: null. */
static void read_point(const struct json_value *points, size_t i, int64_t *ret_at, double out[3])
{
    const struct json_value *p = json_value_at(points, i);
    assert_int_equal(json_value_count(p), 4);
    *ret_at = json_value_int_at(p, 0, -1);
    for (size_t k = 0; k < 3; k++)
        out[k] = json_value_to_double(json_value_at(p, k + 1), NAN);
}

static void assert_point(const struct json_value *points, size_t i, int64_t at_s, double min, double mean,
                         double max)
{
    double out[3];
    int64_t at;
    read_point(points, i, &at, out);
    assert_int_equal(at, at_s);
    if (fabs(out[0] - min) > 1e-3 || fabs(out[1] - mean) > 1e-3 || fabs(out[2] - max) > 1e-3)
        fail_msg("point %zu is %g %g %g and not %g %g %g", i, out[0], out[1], out[2], min, mean, max);
}

static void assert_gap(const struct json_value *points, size_t i)
{
    double out[3];
    int64_t at;
    read_point(points, i, &at, out);
    assert_true(isnan(out[0]) && isnan(out[1]) && isnan(out[2]));
}

static size_t known_points(const struct json_value *points)
{
    size_t known = 0;
    for (size_t i = 0; i < json_value_count(points); i++) {
        double out[3];
        int64_t at;
        read_point(points, i, &at, out);
        known += !isnan(out[1]);
    }
    return known;
}

static int64_t number_in_file(const char *sql)
{
    sqlite3 *raw = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open_v2(path, &raw, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(raw, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(raw);
    return number;
}

/* ---- tests ---- */

static void test_seconds_come_back(void **state)
{
    const struct wave waves[] = {WAVE("cpu", "{}", second_of), WAVE("swap", "{}", zero),
                                 WAVE("disk", "{\"path\":\"/\"}", with_gaps)};
    struct history_file *f = make(0, NULL);
    put_range(f, waves, 3, START_S, START_S + 120);
    struct json_value *a = ask_range(f, "cpu", START_S + 5, START_S + 65, 1);
    assert_string_equal(json_value_text(a, "level", ""), "1s");
    assert_string_equal(json_value_text(a, "unit", ""), "percent");
    assert_int_equal(json_value_int(a, "step_seconds", 0), 1);
    assert_int_equal(json_value_count(points_of(a, 0)), 60);
    for (int i = 0; i < 60; i++)
        assert_point(points_of(a, 0), (size_t)i, START_S + 5 + i, (5 + i) % 60, (5 + i) % 60, (5 + i) % 60);
    json_value_free(a);
    a = ask_range(f, "swap", START_S, START_S + 60, 1);
    assert_int_equal(known_points(points_of(a, 0)), 60); /* 0 is a number */
    json_value_free(a);
    a = ask_range(f, "disk", START_S, START_S + 120, 1);
    for (size_t i = 0; i < 120; i++)
        if (i % 60 >= 20)
            assert_gap(points_of(a, 0), i);
        else
            assert_point(points_of(a, 0), i, START_S + (int64_t)i, (double)(i % 60), (double)(i % 60),
                         (double)(i % 60));
    json_value_free(a);
    a = ask_range(f, "memory", START_S, START_S + 60, 1); /* never recorded */
    assert_int_equal(json_value_count(json_value_get(a, "series")), 0);
    assert_true(json_value_is_null(json_value_get(a, "unit")));
    json_value_free(a);
    history_file_free(f);
}

/* Each level says what the seconds say, in what it has been made of and in what it has not yet. */
static void test_levels_agree_with_the_seconds(void **state)
{
    const struct wave waves[] = {WAVE("cpu", "{}", second_of), WAVE("load", "{}", minute_of),
                                 WAVE("gaps", "{}", with_gaps)};
    const int64_t end_s = START_S + 26 * 3600 + 1230;
    struct history_file *f = make(0, NULL);
    put_range(f, waves, 3, START_S, end_s);

    struct json_value *a = ask_range(f, "cpu", end_s - 3600, end_s, 10);
    assert_string_equal(json_value_text(a, "level", ""), "10s");
    assert_int_equal(json_value_count(points_of(a, 0)), 360);
    for (size_t i = 0; i < 360; i++) {
        int64_t at_s = end_s - 3600 + (int64_t)i * 10;
        double first = (double)(at_s % 60);
        assert_point(points_of(a, 0), i, at_s, first, first + 4.5, first + 9);
    }
    json_value_free(a);

    a = ask_range(f, "load", START_S + 3600, end_s - 30, 60);
    assert_string_equal(json_value_text(a, "level", ""), "1m");
    for (size_t i = 0; i + 1 < json_value_count(points_of(a, 0)); i++) {
        int64_t at_s = START_S + 3600 + (int64_t)i * 60;
        assert_point(points_of(a, 0), i, at_s, minute_of(at_s), minute_of(at_s), minute_of(at_s));
    }
    json_value_free(a);

    a = ask_range(f, "load", START_S, START_S + 26 * 3600, 3600);
    assert_string_equal(json_value_text(a, "level", ""), "1h");
    assert_int_equal(json_value_count(points_of(a, 0)), 26);
    for (size_t i = 0; i < 26; i++)
        assert_point(points_of(a, 0), i, START_S + (int64_t)i * 3600, 0, 29.5, 59);
    json_value_free(a);

    a = ask_range(f, "gaps", START_S, START_S + 26 * 3600, 3600);
    for (size_t i = 0; i < 26; i++)
        if ((START_S / 3600 + (int64_t)i) % 2 == 1)
            assert_gap(points_of(a, 0), i);
        else
            assert_point(points_of(a, 0), i, START_S + (int64_t)i * 3600, 0, 9.5, 19);
    json_value_free(a);
    history_file_free(f);
}

/* A mean of means would be wrong: a minute of 20 values weighs less than one of 60. */
static double uneven(int64_t s)
{
    int64_t minute = s / 60 % 60;
    return minute == 0 ? (s % 60 < 20 ? 100 : NAN) : minute < 3 ? 0 : NAN;
}

static void test_means_are_weighted(void **state)
{
    const struct wave waves[] = {WAVE("cpu", "{}", uneven)};
    struct history_file *f = make(0, NULL);
    put_range(f, waves, 1, START_S, START_S + 2 * 3600 + 600);
    struct json_value *a = ask_range(f, "cpu", START_S, START_S + 3600, 3600);
    assert_point(points_of(a, 0), 0, START_S, 0, 2000.0 / 140, 100);
    json_value_free(a);
    history_file_free(f);
}

static void test_a_step_suits_a_chart(void **state)
{
    static const struct {
        int64_t range_s, step_s, least_s, wanted_step_s;
        const char *level;
    } rows[] = {
        {300, 0, 0, 1, "1s"},
        {3600, 0, 0, 8, "1s"},
        {2 * 3600, 0, 0, 20, "10s"},
        {12 * 3600, 0, 0, 120, "1m"},
        {600, 0, 5, 5, "1s"},
        {600, 7, 0, 7, "1s"},
        {600, 1, 5, 5, "1s"},
        {3600, 15, 0, 20, "10s"},
        {12 * 3600, 3600, 0, 3600, "1h"},
        /* further back than seconds are kept */
        {3 * 3600, 5, 0, 10, "10s"},
    };
    const struct wave waves[] = {WAVE("cpu", "{}", zero)};
    struct history_file *f = make(0, NULL);
    const int64_t end_s = START_S + 13 * 3600;
    put_range(f, waves, 1, START_S, end_s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_value *a = ask(f, &(struct history_question){.metric = STR("cpu"),
                                                                 .from_s = end_s - rows[i].range_s,
                                                                 .to_s = end_s,
                                                                 .step_s = rows[i].step_s,
                                                                 .step_least_s = rows[i].least_s});
        assert_string_equal(json_value_text(a, "level", ""), rows[i].level);
        assert_int_equal(json_value_int(a, "step_seconds", 0), rows[i].wanted_step_s);
        size_t count = json_value_count(points_of(a, 0));
        assert_in_range(count, rows[i].range_s / rows[i].wanted_step_s,
                        rows[i].range_s / rows[i].wanted_step_s + 2);
        assert_true(known_points(points_of(a, 0)) + 2 >= count);
        json_value_free(a);
    }
    history_file_free(f);
}

static void test_labels(void **state)
{
    const struct wave waves[] = {
        WAVE("disk", "{\"path\":\"/\"}", zero), WAVE("disk", "{\"path\":\"/var\"}", zero),
        WAVE("disk", "{\"instance\":\"db\",\"path\":\"/\"}", zero), WAVE("cpu", "{}", zero)};
    static const struct {
        const char *filters[2];
        size_t series;
    } rows[] = {
        {{NULL}, 3},
        {{"\"path\":\"/\""}, 2},
        {{"\"path\":\"/v\""}, 0},
        {{"\"path\":\"/\"", "\"instance\":\"db\""}, 1},
        {{"\"path\":\"/var\"", "\"instance\":\"db\""}, 0},
    };
    struct history_file *f = make(0, NULL);
    put_range(f, waves, 4, START_S, START_S + 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct history_question q = {.metric = STR("disk"), .from_s = START_S, .to_s = START_S + 20};
        for (size_t k = 0; k < 2 && rows[i].filters[k]; k++)
            q.filters[q.filter_count++] = str_of(rows[i].filters[k]);
        struct json_value *a = ask(f, &q);
        assert_int_equal(json_value_count(json_value_get(a, "series")), rows[i].series);
        json_value_free(a);
    }
    struct json_value *list = ask(f, &(struct history_question){.metric = STR("")});
    assert_int_equal(json_value_count(json_value_get(list, "series")), 4);
    assert_int_equal(json_value_count(json_value_get(list, "levels")), HISTORY_LEVELS);
    assert_string_equal(json_value_text(json_value_at(json_value_get(list, "series"), 0), "metric", ""),
                        "cpu");
    json_value_free(list);
    history_file_free(f);
}

static void test_too_much_is_left_out(void **state)
{
    enum { COUNT = 30 };
    static char labels[COUNT][32];
    struct wave waves[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(labels[i], sizeof(labels[i]), "{\"cpu\":\"%02d\"}", i);
        waves[i] = (struct wave){STR("cpu_core"), str_of(labels[i]), zero};
    }
    struct history_file *f = make(0, NULL);
    put_range(f, waves, COUNT, START_S, START_S + 20);
    struct json_value *a = ask_range(f, "cpu_core", START_S - 4980, START_S + 20, 1);
    assert_int_equal(json_value_count(json_value_get(a, "series")), HISTORY_ANSWER_POINTS_MAX / 5000);
    assert_int_equal(json_value_int(a, "series_left_out", 0), COUNT - HISTORY_ANSWER_POINTS_MAX / 5000);
    json_value_free(a);
    history_file_free(f);
}

/* ---- age and size ---- */

static void test_old_points_go(void **state)
{
    static const int64_t keep_s[HISTORY_LEVELS] = {600, 7200, 2 * DAY_S, 4 * DAY_S};
    const struct wave waves[] = {WAVE("cpu", "{}", second_of)};
    struct history_file *f = make(0, keep_s);
    put_sparsely(f, waves, 1, START_S, START_S + 6 * DAY_S);
    history_file_free(f);
    const int64_t end_s = START_S + 6 * DAY_S;
    assert_in_range(end_s - number_in_file("SELECT (min(at) >> 24) * 10 FROM level_1s"), 600, 900);
    assert_in_range(end_s - number_in_file("SELECT (min(at) >> 24) * 300 FROM level_10s"), 7200, 7800);
    assert_in_range(end_s - number_in_file("SELECT (min(at) >> 24) * 3600 FROM level_1m"), 2 * DAY_S,
                    2 * DAY_S + 7200);
    assert_in_range(end_s - number_in_file("SELECT (min(at) >> 24) * 86400 FROM level_1h"), 4 * DAY_S,
                    5 * DAY_S + 3600);
}

static void test_a_series_that_is_gone_goes_in_the_end(void **state)
{
    static const int64_t keep_s[HISTORY_LEVELS] = {600, 7200, 2 * DAY_S, 2 * DAY_S};
    const struct wave waves[] = {WAVE("cpu", "{}", zero), WAVE("disk", "{\"path\":\"/old\"}", zero)};
    struct history_file *f = make(0, keep_s);
    put_range(f, waves, 2, START_S, START_S + 3600);
    put_sparsely(f, waves, 1, START_S + 3600, START_S + 2 * DAY_S);
    assert_int_equal(number_in_file("SELECT count(*) FROM series"), 2);
    put_sparsely(f, waves, 1, START_S + 2 * DAY_S, START_S + 2 * DAY_S + 4 * 3600);
    assert_int_equal(number_in_file("SELECT count(*) FROM series"), 1);
    history_file_free(f);
}

static uint64_t bytes_on_disk(void)
{
    uint64_t bytes = 0;
    static const char *const suffixes[] = {"", "-wal"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char name[128];
        struct stat s;
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        bytes += stat(name, &s) == 0 ? (uint64_t)s.st_size : 0;
    }
    return bytes;
}

/* 100 lively series do not fit: the oldest of the finest go, the newest and the coarse ones stay. */
static void test_the_file_is_bounded(void **state)
{
    enum { COUNT = 100, BYTES = 2 << 20 };
    static char labels[COUNT][32];
    struct wave waves[COUNT];
    uint64_t most = 0, shortened = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(labels[i], sizeof(labels[i]), "{\"server\":\"s-%d\"}", i);
        waves[i] = (struct wave){STR("server_cpu"), str_of(labels[i]), noise};
    }
    struct history_file *f = make(BYTES, NULL);
    const int64_t end_s = START_S + 10 * 3600;
    for (int64_t s = START_S; s < end_s; s += HISTORY_BLOCK_S) {
        struct history_put put = put_at(f, waves, COUNT, s, s, SQL_GOOD);
        shortened += put.is_shortened;
        if (put.is_shortened)
            assert_true(strcmp(put.shortened, "1s") == 0 || strcmp(put.shortened, "10s") == 0);
        most = MAX(most, bytes_on_disk());
    }
    assert_true(shortened > 0);
    assert_in_range(most, BYTES / 2, BYTES);
    struct json_value *a = ask_range(f, "server_cpu", end_s - 60, end_s, 1);
    assert_int_equal(json_value_count(json_value_get(a, "series")), COUNT);
    assert_int_equal(known_points(points_of(a, 0)), 60);
    json_value_free(a);
    a = ask_range(f, "server_cpu", START_S, end_s, 60);
    assert_int_equal(known_points(points_of(a, 0)), 600); /* minutes from the beginning */
    json_value_free(a);
    history_file_free(f);
}

/* The bound may be lower after a restart: the file gets smaller with what comes. */
static void test_a_lower_bound_shrinks_the_file(void **state)
{
    enum { COUNT = 100, BYTES = 2 << 20 };
    static char labels[COUNT][32];
    struct wave waves[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(labels[i], sizeof(labels[i]), "{\"server\":\"s-%d\"}", i);
        waves[i] = (struct wave){STR("server_cpu"), str_of(labels[i]), noise};
    }
    struct history_file *f = make(0, NULL);
    put_range(f, waves, COUNT, START_S, START_S + 2 * 3600);
    history_file_free(f);
    assert_true(bytes_on_disk() > BYTES);
    f = make(BYTES, NULL);
    put_range(f, waves, COUNT, START_S + 2 * 3600, START_S + 2 * 3600 + 600);
    history_file_free(f);
    assert_in_range(bytes_on_disk(), BYTES / 4, BYTES);
}

/* ---- clocks ---- */

static void test_a_clock_that_steps_back_is_waited_for(void **state)
{
    const struct wave waves[] = {WAVE("cpu", "{}", second_of)};
    struct history_file *f = make(0, NULL);
    put_range(f, waves, 1, START_S, START_S + 600);
    int64_t now_s = START_S + 600;
    for (int64_t s = START_S + 480; s < START_S + 590; s += HISTORY_BLOCK_S, now_s += HISTORY_BLOCK_S) {
        struct history_put put = put_at(f, waves, 1, s, now_s, SQL_GOOD);
        assert_true(put.is_behind);
        assert_int_equal(put.behind_s, START_S + 590 - s);
    }
    struct history_put put = put_at(f, waves, 1, START_S + 600, now_s, SQL_GOOD);
    assert_false(put.is_behind);
    struct json_value *a = ask_range(f, "cpu", START_S, START_S + 610, 1);
    assert_int_equal(known_points(points_of(a, 0)), 610);
    json_value_free(a);
    history_file_free(f);
}

/* A day of the future was recorded by mistake: after an hour the clock is believed. */
static void test_a_clock_that_stays_behind_is_believed(void **state)
{
    const struct wave waves[] = {WAVE("cpu", "{}", second_of)};
    struct history_file *f = make(0, NULL);
    put_range(f, waves, 1, START_S, START_S + 7200);
    put_range(f, waves, 1, START_S + 10 * DAY_S, START_S + 10 * DAY_S + 7200);
    int64_t now_s = START_S + 20000;
    for (int64_t s = START_S + 7200; s < START_S + 7200 + 3600;
         s += HISTORY_BLOCK_S, now_s += HISTORY_BLOCK_S)
        assert_true(put_at(f, waves, 1, s, now_s, SQL_GOOD).is_behind);
    assert_true(put_at(f, waves, 1, START_S + 7200 + 3600, now_s, SQL_GOOD).is_cut);
    for (int64_t s = START_S + 7200 + 3610; s < START_S + 4 * 3600; s += HISTORY_BLOCK_S) {
        now_s += HISTORY_BLOCK_S;
        struct history_put put = put_at(f, waves, 1, s, now_s, SQL_GOOD);
        assert_false(put.is_behind || put.is_cut);
    }
    struct json_value *a = ask_range(f, "cpu", START_S, START_S + 11 * DAY_S, 3600);
    assert_int_equal(known_points(points_of(a, 0)), 3);
    assert_point(points_of(a, 0), 1, START_S + 3600, 0, 29.5, 59);
    assert_gap(points_of(a, 0), 2);
    assert_point(points_of(a, 0), 3, START_S + 3 * 3600, 0, 29.5, 59);
    json_value_free(a);
    history_file_free(f);
}

/* A clock that jumps a year ahead for half an hour costs nothing of what was recorded before. */
static void test_a_clock_ahead_drops_nothing_for_an_hour(void **state)
{
    const struct wave waves[] = {WAVE("cpu", "{}", second_of)};
    struct history_file *f = make(0, NULL);
    put_range(f, waves, 1, START_S, START_S + 7200);
    int64_t seconds = number_in_file("SELECT count(*) FROM level_1s");
    const int64_t ahead_s = START_S + 500 * DAY_S;
    for (int64_t i = 0; i < 1800; i += HISTORY_BLOCK_S)
        (void)put_at(f, waves, 1, ahead_s + i, START_S + 7200 + i, SQL_GOOD);
    assert_int_equal(number_in_file("SELECT count(*) FROM level_1s"), seconds + 180);
    for (int64_t i = 1800; i < 4000; i += HISTORY_BLOCK_S) /* it was right: Weir did not run meanwhile */
        (void)put_at(f, waves, 1, ahead_s + i, START_S + 7200 + i, SQL_GOOD);
    assert_true(number_in_file("SELECT (min(at) >> 24) * 10 FROM level_1s") >= ahead_s);
    history_file_free(f);
}

/* ---- crashes, restarts, damage ---- */

static double early(int64_t s)
{
    return s % 10 < 4 ? 1 : NAN;
}

static double late(int64_t s)
{
    return s % 10 < 6 ? NAN : 2;
}

/* A block that one worker began and the next one ends has what both have seen. */
static void test_a_block_is_filled_up(void **state)
{
    struct history_file *f = make(0, NULL);
    const struct wave first[] = {WAVE("cpu", "{}", early)}, second[] = {WAVE("cpu", "{}", late)};
    (void)put_at(f, first, 1, START_S, START_S, SQL_GOOD);
    history_file_free(f);
    f = make(0, NULL);
    (void)put_at(f, second, 1, START_S, START_S, SQL_GOOD);
    struct json_value *a = ask_range(f, "cpu", START_S, START_S + 10, 1);
    static const double wanted[10] = {1, 1, 1, 1, NAN, NAN, 2, 2, 2, 2};
    for (size_t i = 0; i < 10; i++)
        if (isnan(wanted[i]))
            assert_gap(points_of(a, 0), i);
        else
            assert_point(points_of(a, 0), i, START_S + (int64_t)i, wanted[i], wanted[i], wanted[i]);
    json_value_free(a);
    history_file_free(f);
}

static _Noreturn void write_until_killed(int64_t from_s, int told_fd)
{
    const struct wave waves[] = {WAVE("cpu", "{}", second_of), WAVE("load", "{}", minute_of)};
    struct history_file *f = make(0, NULL);
    for (int64_t s = from_s;; s += HISTORY_BLOCK_S) {
        (void)put_at(f, waves, 2, s, s, SQL_GOOD);
        if (write(told_fd, &s, sizeof(s)) != sizeof(s))
            _exit(1);
    }
}

/* Killed at any moment, ten times: what was told to be written is there, in all levels. */
static void test_a_writer_that_is_killed(void **state)
{
    enum { BATCHES = 40 }; /* told before it is killed */
    int64_t next_s = START_S, told_s;
    for (int round = 0; round < 10; round++) {
        int pipe_fds[2], status;
        assert_int_equal(pipe(pipe_fds), 0);
        pid_t pid = fork();
        if (pid == 0)
            write_until_killed(next_s, pipe_fds[1]);
        close(pipe_fds[1]);
        for (int i = 0; i < BATCHES; i++)
            assert_int_equal(read(pipe_fds[0], &told_s, sizeof(told_s)), sizeof(told_s));
        (void)usleep((useconds_t)(round * 70));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        do
            next_s = told_s + HISTORY_BLOCK_S;
        while (read(pipe_fds[0], &told_s, sizeof(told_s)) == sizeof(told_s));
        close(pipe_fds[0]);
        struct history_file *f = make(0, NULL);
        struct sql_report r = history_file_open(f, 0);
        assert_int_equal(r.result, SQL_GOOD);
        assert_false(r.is_anew);
        struct json_value *a = ask_range(f, "cpu", MAX(next_s - 600, START_S), next_s, 10);
        assert_int_equal(known_points(points_of(a, 0)), json_value_count(points_of(a, 0)));
        json_value_free(a);
        history_file_free(f);
    }
    assert_true(next_s > START_S + 3600);
    struct history_file *f = make(0, NULL);
    struct json_value *a = ask_range(f, "load", START_S, history_levels[2].span_s + START_S, 60);
    for (size_t i = 0; i < 60; i++)
        assert_point(points_of(a, 0), i, START_S + (int64_t)i * 60, (double)i, (double)i, (double)i);
    json_value_free(a);
    history_file_free(f);
}

static void test_a_damaged_file_is_put_aside(void **state)
{
    const struct wave waves[] = {WAVE("cpu", "{}", second_of)};
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0 && dprintf(fd, "no history, however long one looks at it, for it is only text") > 0);
    close(fd);
    struct history_file *f = make(0, NULL);
    struct sql_report r = history_file_open(f, 0);
    assert_int_equal(r.result, SQL_GOOD);
    assert_true(r.is_anew);
    put_range(f, waves, 1, START_S, START_S + 20);
    history_file_free(f);
}

static void test_a_full_disk(void **state)
{
    const struct wave waves[] = {WAVE("cpu", "{}", noise), WAVE("load", "{}", noise)};
    struct history_file *f = make(0, NULL);
    struct rlimit before, none;
    put_range(f, waves, 2, START_S, START_S + 600);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    (void)put_at(f, waves, 2, START_S + 600, START_S + 600, SQL_FAILED);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    put_range(f, waves, 2, START_S + 600, START_S + 1200);
    struct json_value *a = ask_range(f, "cpu", START_S, START_S + 1200, 1);
    assert_int_equal(known_points(points_of(a, 0)), 1200);
    json_value_free(a);
    history_file_free(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_seconds_come_back),
        TEST(test_levels_agree_with_the_seconds),
        TEST(test_means_are_weighted),
        TEST(test_a_step_suits_a_chart),
        TEST(test_labels),
        TEST(test_too_much_is_left_out),
        TEST(test_old_points_go),
        TEST(test_a_series_that_is_gone_goes_in_the_end),
        TEST(test_the_file_is_bounded),
        TEST(test_a_lower_bound_shrinks_the_file),
        TEST(test_a_clock_that_steps_back_is_waited_for),
        TEST(test_a_clock_that_stays_behind_is_believed),
        TEST(test_a_clock_ahead_drops_nothing_for_an_hour),
        TEST(test_a_block_is_filled_up),
        TEST(test_a_writer_that_is_killed),
        TEST(test_a_damaged_file_is_put_aside),
        TEST(test_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
