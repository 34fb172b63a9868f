/* What outlives the worker: lives of alerts as text and back, over pauses and clock steps, and what is due
 * when. */
#include "watch/watch_keep.h"

#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_NS  (1000 * NS_PER_S)
#define WALL_NS (INT64_C(1795415400) * NS_PER_S)

static const struct config_silences plain = {.count_max = 3, .longest_ns = 3600 * NS_PER_S};
static const struct alert_rule rule = {.limit_count = 1,
                                       .limits = {{.threshold = 90, .clear = 80}},
                                       .for_ns = 60 * NS_PER_S,
                                       .hold_ns = 10 * NS_PER_S};

static struct alert new_alert(void)
{
    struct alert a;
    alert_init(&a, "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
    alert_add_label(&a, "path", STR("/srv"));
    a.rule = rule;
    return a;
}

static enum alert_change step(struct alert *a, double value, int64_t now_ns)
{
    struct reading reading = reading_known(value);
    return alert_step(a, &reading, now_ns, WALL_NS + now_ns - NOW_NS);
}

/* ---- a worker: its silences, what was told, and what it keeps ---- */

static struct worker {
    struct silences *silences;
    struct telling *telling;
    struct service_report *services;
    struct watch_keep *keep;
} worker;

static char root[64];
static struct buf kept_alerts, kept_moving, kept_silences, kept_deaths;

static void hear(void *context, const struct alert *a, enum alert_change change)
{
}

static void begin(void)
{
    worker.silences = silences_new();
    silences_configure(worker.silences, &plain);
    worker.telling = telling_new(&(struct telling_params){.tell = hear}, worker.silences);
    worker.services = service_report_new();
    service_report_configure(worker.services,
                             &(struct config_watch){.crash_count = 3, .crash_window_ns = 300 * NS_PER_S});
    worker.keep = watch_keep_new(root, worker.silences, worker.telling, worker.services);
}

static void end(void)
{
    watch_keep_free(worker.keep);
    service_report_free(worker.services);
    telling_free(worker.telling);
    silences_free(worker.silences);
}

static void take(void *context, const char *key, struct str text)
{
    struct buf *out = strcmp(key, "watch:alerts") == 0          ? &kept_alerts
                      : strcmp(key, "watch:alerts-moving") == 0 ? &kept_moving
                      : strcmp(key, "watch:deaths") == 0        ? &kept_deaths
                                                                : &kept_silences;
    buf_clear(out);
    buf_put(out, text);
    ++*(int *)context;
}

static const struct alert *get(const void *context, size_t index)
{
    return index == 0 ? context : NULL;
}

static int save(const struct alert *a, int64_t now_ns, bool is_kept)
{
    int count = 0;
    struct watch_keep_alerts alerts = {.get = get, .context = a};
    bool is_due = watch_keep_is_due(worker.keep, alerts, now_ns);
    watch_keep_save(worker.keep, alerts, now_ns, WALL_NS + now_ns - NOW_NS, take, &count);
    assert_int_equal(is_due, count > 0);
    watch_keep_kept(worker.keep, is_kept);
    return count;
}

/* The next worker, with the alert as it comes up in it. */
static struct alert restart(int64_t now_ns, int64_t wall_ns)
{
    end();
    begin();
    assert_true(
        watch_keep_restore(worker.keep, STR("watch:alerts-moving"), buf_str(&kept_moving), now_ns, wall_ns));
    assert_true(watch_keep_restore(worker.keep, STR("watch:alerts"), buf_str(&kept_alerts), now_ns, wall_ns));
    struct alert a = new_alert();
    watch_keep_take(worker.keep, &a, now_ns);
    return a;
}

static void set_boot(const char *id)
{
    char path[128];
    static const char *const folders[] = {"", "/proc", "/proc/sys", "/proc/sys/kernel",
                                          "/proc/sys/kernel/random"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        snprintf(path, sizeof(path), "%s%s", root, folders[i]);
        (void)mkdir(path, 0755);
    }
    snprintf(path, sizeof(path), "%s/proc/sys/kernel/random/boot_id", root);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", id);
    fclose(file);
}

static int setup(void **state)
{
    snprintf(root, sizeof(root), "/tmp/test_alert_keep.XXXXXX");
    assert_non_null(mkdtemp(root));
    set_boot("one");
    begin();
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    end();
    buf_fini(&kept_alerts);
    buf_fini(&kept_moving);
    buf_fini(&kept_silences);
    buf_fini(&kept_deaths);
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

static struct alert firing_alert(void)
{
    struct alert a = new_alert();
    assert_int_equal(step(&a, 95, NOW_NS), ALERT_NO_CHANGE);
    assert_int_equal(step(&a, 95, NOW_NS + 60 * NS_PER_S), ALERT_FIRED);
    telling_restore(worker.telling, a.fingerprint);
    return a;
}

static void a_firing_alert_goes_on(void **state)
{
    struct alert a = firing_alert();
    int64_t now_ns = NOW_NS + 70 * NS_PER_S;
    assert_int_equal(save(&a, now_ns, true), 2); /* both documents of a new worker */
    now_ns += 5 * NS_PER_S;
    struct alert b = restart(now_ns, WALL_NS + 75 * NS_PER_S);
    assert_int_equal(b.life.state, ALERT_FIRING);
    assert_int_equal(b.life.firing_since_ns, a.life.firing_since_ns);
    assert_int_equal(b.life.firings_ns[0], a.life.firings_ns[0]);
    assert_int_equal(b.started_wall_ns, a.started_wall_ns);
    assert_true(telling_is_told(worker.telling, &b));
    struct alert still = b;
    assert_int_equal(step(&still, 95, now_ns), ALERT_NO_CHANGE); /* not told again */
    /* Not over before all is known again. */
    assert_int_equal(step(&b, 10, now_ns + NS_PER_S), ALERT_NO_CHANGE);
    assert_int_equal(step(&b, 10, now_ns + 12 * NS_PER_S), ALERT_NO_CHANGE);
    assert_int_equal(step(&b, 10, now_ns + ALERT_KEEP_SETTLE_NS), ALERT_ENDED);
}

static void a_pause_counts_neither_as_good_nor_as_bad(void **state)
{
    struct alert a = new_alert();
    (void)step(&a, 95, NOW_NS);
    (void)step(&a, 95, NOW_NS + 50 * NS_PER_S);
    (void)save(&a, NOW_NS + 50 * NS_PER_S, true);
    int64_t now_ns = NOW_NS + 500 * NS_PER_S;
    struct alert b = restart(now_ns, WALL_NS + 500 * NS_PER_S);
    assert_int_equal(b.life.state, ALERT_PENDING);
    assert_int_equal(step(&b, 95, now_ns), ALERT_NO_CHANGE);
    assert_int_equal(step(&b, 95, now_ns + 9 * NS_PER_S), ALERT_NO_CHANGE);
    assert_int_equal(step(&b, 95, now_ns + 10 * NS_PER_S), ALERT_FIRED);
}

/* Within a boot the monotonic clock tells, whatever the wall clock says; after one, the wall clock, if it
 * went on. */
static void clock_steps_do_no_harm(void **state)
{
    static const struct {
        const char *boot;
        int64_t now_s, wall_s, age_s; /* since NOW_NS and WALL_NS; how long it has been firing */
    } rows[] = {
        {"one", 100, 100, 40},   {"one", 100, 100000, 40}, {"one", 100, -100000, 40},
        {"two", -990, 170, 110}, {"two", -990, -5000, 10}, /* no time has passed since it was written */
        {"one", -990, 170, 110},                           /* the clock of another namespace */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        set_boot("one");
        end();
        begin();
        struct alert a = firing_alert();
        (void)save(&a, NOW_NS + 70 * NS_PER_S, true);
        set_boot(rows[i].boot);
        int64_t now_ns = NOW_NS + rows[i].now_s * NS_PER_S;
        struct alert b = restart(now_ns, WALL_NS + rows[i].wall_s * NS_PER_S);
        assert_int_equal((now_ns - b.life.firing_since_ns) / NS_PER_S, rows[i].age_s);
    }
}

static void what_changes_is_due_at_once(void **state)
{
    struct alert a = new_alert();
    (void)step(&a, 10, NOW_NS);
    (void)save(&a, NOW_NS, true);
    assert_int_equal(save(&a, NOW_NS + NS_PER_S, true), 0);
    (void)step(&a, 95, NOW_NS + 2 * NS_PER_S);
    assert_int_equal(save(&a, NOW_NS + 2 * NS_PER_S, false), 1); /* pending; the disk refused */
    assert_int_equal(save(&a, NOW_NS + 3 * NS_PER_S, true), 1);
    assert_int_equal(save(&a, NOW_NS + 4 * NS_PER_S, true), 0);
    assert_int_equal(save(&a, NOW_NS + 13 * NS_PER_S, true), 1); /* its numbers go on */
}

/* While nothing but time changes there is nothing to lose, and a disk that need not be written to. */
static void what_only_fires_is_left_alone(void **state)
{
    struct alert a = firing_alert();
    int64_t now_ns = NOW_NS + 100 * NS_PER_S;
    assert_int_equal(save(&a, now_ns, true), 2); /* both documents of a new worker */
    for (int64_t s = 1; s < 300; s++)
        assert_int_equal(save(&a, now_ns + s * NS_PER_S, true), 0);
    struct alert b = restart(now_ns + 299 * NS_PER_S, WALL_NS + 399 * NS_PER_S);
    assert_int_equal(b.life.state, ALERT_FIRING);
    assert_int_equal(b.life.firing_since_ns, a.life.firing_since_ns);
    assert_int_equal(save(&b, now_ns + 301 * NS_PER_S, true), 2); /* a new worker */
}

/* What was written with the steady ones and has moved since stands in both: the mover's is newer, whichever
 * is read first. */
static void of_two_the_newer_counts(void **state)
{
    struct alert a = firing_alert();
    int64_t now_ns = NOW_NS + 100 * NS_PER_S;
    (void)save(&a, now_ns, true);
    struct buf old CLEANUP(buf_fini) = {0};
    buf_put(&old, buf_str(&kept_alerts));
    (void)step(&a, 10, now_ns + NS_PER_S);
    assert_int_equal(a.life.state, ALERT_RECOVERING);
    assert_int_equal(save(&a, now_ns + NS_PER_S, true), 2);
    assert_int_equal(save(&a, now_ns + 12 * NS_PER_S, true), 1);
    for (int is_first = 0; is_first <= 1; is_first++) {
        struct alert b = new_alert();
        end();
        begin();
        for (int i = 0; i <= 1; i++)
            assert_true(watch_keep_restore(worker.keep,
                                           i == is_first ? STR("watch:alerts") : STR("watch:alerts-moving"),
                                           i == is_first ? buf_str(&old) : buf_str(&kept_moving),
                                           now_ns + 13 * NS_PER_S, WALL_NS + 113 * NS_PER_S));
        watch_keep_take(worker.keep, &b, now_ns + 13 * NS_PER_S);
        assert_int_equal(b.life.state, ALERT_RECOVERING);
    }
}

static void die(const char *server, int64_t now_ns)
{
    service_report_note_death(worker.services, STR("shop"), str_of(server), STR("exit status 1"), now_ns);
}

/* What stands on the board of the service's deaths. */
static double deaths_at(int64_t now_ns, char note[256])
{
    struct board *b = board_new();
    struct watch_service_input input = {.name = STR("shop"), .servers_healthy = 1, .servers_wanted = 1};
    board_begin(b, now_ns, WALL_NS);
    service_report_put(worker.services, &input, 1, b);
    board_end(b);
    const struct series *s = board_find(b, METRIC_SERVER_DEATHS, &(struct subject){.names = {"shop"}});
    assert_non_null(s);
    double value = s->reading.value;
    str_copy(note, 256, str_of(s->note));
    board_free(b);
    return value;
}

/* Two died, then the worker: the third makes it a crash loop. */
static void a_crash_loop_goes_on(void **state)
{
    char note[256];
    (void)save(NULL, NOW_NS, true); /* the documents of a new worker */
    die("shop-1", NOW_NS);
    assert_int_equal(save(NULL, NOW_NS, true), 1);
    die("shop-2", NOW_NS + 100 * NS_PER_S);
    assert_int_equal(save(NULL, NOW_NS + 100 * NS_PER_S, false), 1); /* the disk refused */
    assert_int_equal(save(NULL, NOW_NS + 101 * NS_PER_S, true), 1);
    assert_int_equal(save(NULL, NOW_NS + 102 * NS_PER_S, true), 0);
    end();
    begin();
    int64_t now_ns = NOW_NS + 150 * NS_PER_S;
    die("shop-3", now_ns); /* before what was kept has been read */
    assert_true(watch_keep_restore(worker.keep, STR("watch:deaths"), buf_str(&kept_deaths), now_ns,
                                   WALL_NS + 150 * NS_PER_S));
    assert_int_equal((int)deaths_at(now_ns, note), 3);
    assert_non_null(strstr(note, "the last, shop-3, 0s ago"));
    assert_int_equal((int)deaths_at(NOW_NS + 299 * NS_PER_S, note), 3);
    assert_int_equal((int)deaths_at(NOW_NS + 300 * NS_PER_S, note), 2); /* the first is too long ago */
    assert_int_equal((int)deaths_at(NOW_NS + 450 * NS_PER_S, note), 0);
    end();
    begin();
    now_ns = NOW_NS + 399 * NS_PER_S;
    assert_true(watch_keep_restore(worker.keep, STR("watch:deaths"), buf_str(&kept_deaths), now_ns,
                                   WALL_NS + 399 * NS_PER_S));
    assert_int_equal((int)deaths_at(now_ns, note), 1);
    assert_non_null(strstr(note, "the last, shop-2, 4m59s ago"));
}

/* Its disk is not read yet: it is kept on, and gone when nobody has taken it in a minute. */
static void an_alert_that_does_not_come_up_is_kept_for_a_while(void **state)
{
    struct alert a = firing_alert();
    (void)save(&a, NOW_NS + 70 * NS_PER_S, true);
    end();
    begin();
    int64_t now_ns = NOW_NS + 80 * NS_PER_S;
    assert_true(watch_keep_restore(worker.keep, STR("watch:alerts"), buf_str(&kept_alerts), now_ns,
                                   WALL_NS + 80 * NS_PER_S));
    watch_keep_tick(worker.keep, now_ns);
    (void)save(NULL, now_ns, true);
    assert_true(watch_keep_is_firing(worker.keep, a.fingerprint));
    struct alert b = restart(now_ns + NS_PER_S, WALL_NS + 81 * NS_PER_S);
    assert_int_equal(b.life.state, ALERT_FIRING);
    watch_keep_tick(worker.keep, now_ns);
    watch_keep_tick(worker.keep, now_ns + 61 * NS_PER_S);
    assert_false(watch_keep_is_firing(worker.keep, a.fingerprint));
}

static void texts_that_are_none_do_no_harm(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"version\":2,\"alerts\":[]}",
        "{\"version\":1,\"alerts\":7}",
        "{\"version\":1,\"services\":[7,{},{\"service\":\"a\",\"ages\":[-1,\"x\",9999999999999999]}]}",
        ("{\"version\":1,\"alerts\":[7,{},{\"fingerprint\":\"x\"},{\"fingerprint\":\"12\",\"state\":\"gone\"}"
         "]"
         "}"),
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_true(watch_keep_restore(worker.keep, STR("watch:alerts"), str_of(texts[i]), NOW_NS, WALL_NS));
        assert_true(watch_keep_restore(worker.keep, STR("watch:deaths"), str_of(texts[i]), NOW_NS, WALL_NS));
        assert_true(
            watch_keep_restore(worker.keep, STR("watch:silences"), str_of(texts[i]), NOW_NS, WALL_NS));
    }
    assert_false(watch_keep_restore(worker.keep, STR("notify:ops"), STR("{}"), NOW_NS, WALL_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_firing_alert_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pause_counts_neither_as_good_nor_as_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(clock_steps_do_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(what_changes_is_due_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crash_loop_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(of_two_the_newer_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(what_only_fires_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(an_alert_that_does_not_come_up_is_kept_for_a_while, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_that_are_none_do_no_harm, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
