/* The file: fresh, upgraded, damaged, full, read-only, held, removed under its user; documents and series. */
#include "store/database.h"

#include "base/clock.h"
#include "base/macros.h"

#include <fcntl.h>
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

#define WALL_S INT64_C(1800000000)

static char folder[FOLDER_BYTES], path[80];

static int make_folder(void **state)
{
    folder_make(folder);
    snprintf(path, sizeof(path), "%s/weir.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    folder_remove(folder);
    return 0;
}

static struct database *make(uint64_t bytes_max, uint32_t keep_minutes)
{
    return database_new(
        &(struct database_params){.path = path, .bytes_max = bytes_max, .keep_minutes = keep_minutes});
}

static struct database_document document(const char *service, const char *text)
{
    return (struct database_document){.service = str_of(service), .text = str_of(text)};
}

static void put(struct database *d, const char *service, const char *text)
{
    struct database_document one = document(service, text);
    struct sql_report r = database_put_documents(d, &one, 1, WALL_S);
    assert_string_equal(r.why, "");
    assert_int_equal(r.result, SQL_GOOD);
}

/* ---- what is read, as "a=1 b=2 " ---- */

static void begin(void *context)
{
    buf_clear(context);
}

static void take(void *context, const struct database_document *d)
{
    buf_printf(context, "%.*s=%.*s ", STR_ARG(d->service), STR_ARG(d->text));
}

static void assert_documents(struct database *d, const char *expected)
{
    struct buf read CLEANUP(buf_fini) = {0};
    struct database_documents out = {.context = &read, .begin = begin, .take = take};
    struct sql_report r = database_read_documents(d, &out);
    assert_int_equal(r.result, SQL_GOOD);
    assert_string_equal(read.ptr ? read.ptr : "", expected);
}

static void append(struct database *d, const char *service, const char *name, int64_t minute, double value)
{
    struct database_point p = {
        .service = str_of(service), .name = str_of(name), .minute = minute, .value = value};
    struct sql_report r = database_append(d, &p, 1);
    assert_string_equal(r.why, "");
    assert_int_equal(r.result, SQL_GOOD);
}

static size_t read_range(struct database *d, const char *service, const char *name, int64_t first,
                         int64_t last, struct database_value *ret_values, size_t max)
{
    struct buf values CLEANUP(buf_fini) = {0};
    struct sql_report r = database_read_range(d, str_of(service), str_of(name), first, last, &values);
    assert_int_equal(r.result, SQL_GOOD);
    size_t count = values.len / sizeof(struct database_value);
    memcpy(ret_values, values.ptr ? values.ptr : "", MIN(count, max) * sizeof(struct database_value));
    return count;
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

static void execute_in_file(const char *sql)
{
    sqlite3 *raw = NULL;
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(raw);
}

/* ---- tests ---- */

static void test_documents_stay(void **state)
{
    struct database *d = make(0, 0);
    assert_documents(d, "");
    put(d, "shop", "one");
    put(d, "api", "x\ny");
    put(d, "shop", "two");
    assert_documents(d, "api=x\ny shop=two ");
    database_free(d);
    d = make(0, 0);
    struct sql_report r = database_open(d, 0);
    assert_int_equal(r.result, SQL_GOOD);
    assert_false(r.is_anew);
    assert_true(r.bytes > 0);
    assert_documents(d, "api=x\ny shop=two ");
    database_free(d);
}

/* All documents of a call or none: the second cannot be written. */
static void test_documents_all_or_none(void **state)
{
    struct database *d = make(0, 0);
    put(d, "a", "old");
    execute_in_file("CREATE TRIGGER no BEFORE INSERT ON learned WHEN NEW.service = 'b'"
                    " BEGIN SELECT raise(FAIL, 'no'); END");
    struct database_document both[] = {document("a", "new"), document("b", "new")};
    struct sql_report r = database_put_documents(d, both, 2, WALL_S);
    assert_int_equal(r.result, SQL_FAILED);
    assert_string_equal(r.why, "no");
    assert_documents(d, "a=old ");
    database_free(d);
}

static void test_old_documents_go(void **state)
{
    struct database *d = make(0, 60);
    struct database_document gone = document("gone", "1");
    assert_int_equal(database_put_documents(d, &gone, 1, WALL_S - 3 * 3600).result, SQL_GOOD);
    assert_documents(d, "gone=1 ");
    put(d, "here", "2");
    assert_documents(d, "here=2 ");
    database_free(d);
}

static void test_series(void **state)
{
    struct database *d = make(0, 0);
    struct database_value v[8];
    append(d, "shop", "load", 1000, 1.5);
    append(d, "shop", "load", 1002, 3);
    append(d, "shop", "load", 1001, -2);
    append(d, "shop", "other", 1001, 7);
    append(d, "api", "load", 1001, 8);
    append(d, "shop", "load", 1002, 4); /* the same minute again */
    assert_int_equal(read_range(d, "shop", "load", 1000, 1002, v, 8), 3);
    assert_int_equal(v[0].minute, 1000);
    assert_true(v[0].value == 1.5 && v[1].value == -2 && v[2].value == 4);
    assert_int_equal(read_range(d, "shop", "load", 1001, 1001, v, 8), 1);
    assert_int_equal(read_range(d, "shop", "nothing", 0, 9999, v, 8), 0);
    assert_int_equal(read_range(d, "api", "load", 0, 9999, v, 8), 1);
    database_free(d);
}

static void test_old_minutes_go(void **state)
{
    struct database *d = make(0, 100);
    struct database_value v[8];
    append(d, "shop", "load", 1000, 1);
    append(d, "gone", "load", 1000, 1);
    append(d, "shop", "load", 1150, 2);
    assert_int_equal(read_range(d, "shop", "load", 0, 9999, v, 8), 1);
    assert_int_equal(v[0].minute, 1150);
    database_free(d);
    assert_int_equal(number_in_file("SELECT count(*) FROM series"), 1);
}

/* A full file makes room by losing its oldest minutes, and grows no further. */
static void test_full_file_makes_room(void **state)
{
    enum { BYTES = 256 * 1024, BATCH = 500, BATCHES = 100 };
    struct database *d = make(BYTES, 0);
    struct database_value v[2];
    static struct database_point points[BATCH];
    put(d, "shop", "what was learned stays");
    for (int b = 0; b < BATCHES; b++) {
        for (int i = 0; i < BATCH; i++)
            points[i] = (struct database_point){
                .service = STR("shop"), .name = STR("load"), .minute = b * BATCH + i, .value = i + 0.1};
        struct sql_report r = database_append(d, points, BATCH);
        assert_string_equal(r.why, "");
        assert_int_equal(r.result, SQL_GOOD);
    }
    size_t count = read_range(d, "shop", "load", 0, BATCH * BATCHES, v, 1);
    assert_in_range(count, 5000, BATCH * BATCHES - 1);
    assert_true(v[0].minute > 0);
    assert_int_equal(read_range(d, "shop", "load", BATCH * BATCHES - 1, BATCH * BATCHES, v, 1), 1);
    assert_documents(d, "shop=what was learned stays ");
    database_free(d);
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    assert_in_range(s.st_size, BYTES / 2, BYTES * 5 / 4);
}

/* A disk that takes no more: told, nothing lost, and all is well when it does again. */
static void test_full_disk(void **state)
{
    static char large[200 * 1024];
    struct database *d = make(0, 0);
    struct rlimit before, none;
    memset(large, 'x', sizeof(large) - 1);
    put(d, "shop", "small");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){.rlim_cur = 64 * 1024, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    struct database_document one = document("shop", large);
    struct sql_report r = database_put_documents(d, &one, 1, WALL_S);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(r.result, SQL_FAILED);
    assert_true(r.why[0]);
    assert_false(r.is_anew);
    assert_documents(d, "shop=small ");
    put(d, "shop", "again");
    assert_documents(d, "shop=again ");
    database_free(d);
}

static void spoil(const char *bytes, off_t at)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), (ssize_t)strlen(bytes));
    close(fd);
}

static bool exists(const char *suffix)
{
    char name[128];
    snprintf(name, sizeof(name), "%s%s", path, suffix);
    return access(name, F_OK) == 0;
}

static void test_damaged_file_is_put_aside(void **state)
{
    spoil("this is no database, and never was one, however long one looks at it: it is text", 0);
    struct database *d = make(0, 0);
    struct sql_report r = database_open(d, 0);
    assert_int_equal(r.result, SQL_GOOD);
    assert_true(r.is_anew);
    assert_non_null(strstr(r.why, "damaged"));
    assert_true(exists(".damaged"));
    put(d, "shop", "new");
    assert_documents(d, "shop=new ");
    database_free(d);
}

/* The pages of the table are overwritten while the file is open: found when they are read. */
static void test_damage_while_running(void **state)
{
    struct database *d = make(0, 0);
    put(d, "shop", "old");
    database_close(d);
    char rubbish[4096 + 1];
    memset(rubbish, 0x7b, sizeof(rubbish) - 1);
    rubbish[4096] = '\0';
    spoil(rubbish, 4096);
    struct database_document one = document("shop", "new");
    struct sql_report r = database_put_documents(d, &one, 1, WALL_S);
    assert_int_equal(r.result, SQL_GOOD);
    assert_true(r.is_anew);
    assert_documents(d, "shop=new ");
    database_free(d);
}

static void test_removed_file_is_begun_anew(void **state)
{
    struct database *d = make(0, 0);
    put(d, "shop", "old");
    assert_int_equal(unlink(path), 0);
    struct database_document one = document("shop", "new");
    struct sql_report r = database_put_documents(d, &one, 1, WALL_S);
    assert_int_equal(r.result, SQL_GOOD);
    assert_true(r.is_anew);
    assert_string_equal(r.why, "it was removed");
    assert_true(exists(""));
    database_free(d);
    d = make(0, 0);
    assert_documents(d, "shop=new ");
    database_free(d);
}

static void test_held_by_another(void **state)
{
    struct database *first = make(0, 0), *second = make(0, 0);
    put(first, "shop", "first");
    int64_t began_ns = clock_now_ns();
    struct sql_report r = database_open(second, 50 * NS_PER_MS);
    assert_int_equal(r.result, SQL_HELD);
    assert_true(clock_now_ns() - began_ns >= 50 * NS_PER_MS);
    assert_documents(first, "shop=first ");
    database_free(first);
    assert_documents(second, "shop=first ");
    database_free(second);
}

/* People may look while Weir writes. */
static void test_can_be_read_meanwhile(void **state)
{
    struct database *d = make(0, 0);
    put(d, "shop", "one");
    assert_int_equal(number_in_file("SELECT count(*) FROM learned"), 1);
    put(d, "api", "two");
    assert_int_equal(number_in_file("SELECT count(*) FROM learned"), 2);
    database_free(d);
}

static void test_upgrade(void **state)
{
    execute_in_file("CREATE TABLE learned (service TEXT PRIMARY KEY, saved_at INTEGER NOT NULL,"
                    " document TEXT NOT NULL) STRICT;"
                    "INSERT INTO learned VALUES ('shop', 1800000000, 'of old');"
                    "PRAGMA user_version = 1");
    struct database *d = make(0, 0);
    struct database_value v[1];
    assert_documents(d, "shop=of old ");
    append(d, "shop", "load", 5, 1);
    assert_int_equal(read_range(d, "shop", "load", 0, 9, v, 1), 1);
    database_free(d);
    assert_int_equal(number_in_file("PRAGMA user_version"), 2);
}

static void test_later_version_is_left_alone(void **state)
{
    execute_in_file("CREATE TABLE learned (something TEXT); PRAGMA user_version = 99");
    struct database *d = make(0, 0);
    struct sql_report r = database_open(d, 0);
    assert_int_equal(r.result, SQL_NEWER);
    database_free(d);
    assert_int_equal(number_in_file("PRAGMA user_version"), 99);
    assert_false(exists(".damaged"));
}

/* A writer is killed at any moment, again and again: the file is whole, and holds both documents of one
 * write. */
static void test_writer_that_is_killed(void **state)
{
    enum { ROUNDS = 25, TEXT_BYTES = 20000 };
    static char text[TEXT_BYTES + 1];
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct database *d = make(0, 0);
            for (int i = 0;; i++) {
                memset(text, 'a' + (round + i) % 26, TEXT_BYTES);
                struct database_document both[] = {document("one", text), document("two", text)};
                if (database_put_documents(d, both, 2, WALL_S).result != SQL_GOOD)
                    _exit(1);
            }
        }
        (void)usleep((useconds_t)(2000 + round * 1300));
        int status = -1;
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        struct database *d = make(0, 0);
        struct sql_report r = database_open(d, 0);
        assert_int_equal(r.result, SQL_GOOD);
        assert_false(r.is_anew);
        database_free(d);
        assert_int_equal(number_in_file("SELECT count(DISTINCT document) <= 1 FROM learned"), 1);
    }
    assert_int_equal(number_in_file("SELECT count(*) FROM learned"), 2);
}

/* As somebody whom modes bind: root writes everywhere. */
static void test_folder_that_cannot_be_written(void **state)
{
    assert_int_equal(chmod(folder, 0555), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        struct database *d = make(0, 0);
        struct sql_report r = database_open(d, 0);
        bool is_told = r.result == SQL_FAILED && strstr(r.why, "Permission denied");
        database_free(d);
        _exit(is_told ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(folder, 0755), 0);
    struct database *d = make(0, 0);
    put(d, "shop", "now");
    database_free(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_documents_stay),
        TEST(test_documents_all_or_none),
        TEST(test_old_documents_go),
        TEST(test_series),
        TEST(test_old_minutes_go),
        TEST(test_full_file_makes_room),
        TEST(test_full_disk),
        TEST(test_damaged_file_is_put_aside),
        TEST(test_damage_while_running),
        TEST(test_removed_file_is_begun_anew),
        TEST(test_held_by_another),
        TEST(test_can_be_read_meanwhile),
        TEST(test_upgrade),
        TEST(test_later_version_is_left_alone),
        TEST(test_writer_that_is_killed),
        TEST(test_folder_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
