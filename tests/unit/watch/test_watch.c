/* The whole room on a made-up machine: ticks, JSON, metrics, events; and the collector with files that come
 * and go. */
#include "watch/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct tree_file machine[] = {
    {"proc/stat",
     "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 50 0 50 400 0 0 0 0 0 0\ncpu1 50 0 50 400 0 0 0 0 0 0\nintr 0\n"},
    {"proc/meminfo",
     "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"},
    {"proc/loadavg", "0.50 0.25 0.10 1/2 3\n"},
    {"proc/self/mountinfo", "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
                            "28 27 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"},
    {"proc/self/cgroup", "0::/\n"},
};

struct events {
    size_t count;
    enum alert_change changes[16];
    char names[16][32];
};

static void on_alert(void *context, const struct watch_alert_event *event)
{
    struct events *e = context;
    assert_true(e->count < ARRAY_LEN(e->changes));
    e->changes[e->count] = event->change;
    str_copy(e->names[e->count++], sizeof(e->names[0]), str_of(event->alert->name));
    assert_non_null(strstr(event->text, event->alert->summary));
}

struct room {
    struct tree tree;
    struct loop *loop;
    struct watch *watch;
    struct events events;
};

static struct config_watch config_of(void)
{
    return (struct config_watch){
        .interval_ns = NS_PER_S,
        .cpu = {.is_enabled = true, .above = 90, .clear = 80, .for_ns = 5 * NS_PER_S},
        .memory = {.is_enabled = true, .above = 80, .clear = 75, .for_ns = 5 * NS_PER_S},
        .disk = {.is_enabled = false}, /* without a turn of the loop they are never measured */
        .error_rate = {.is_enabled = true, .above = 5, .clear = 2, .for_ns = 60 * NS_PER_S},
        .error_rate_requests_min = 20,
        .crash_count = 3,
        .crash_window_ns = 300 * NS_PER_S,
    };
}

static void open_room(struct room *r)
{
    struct config_watch config = config_of();
    *r = (struct room){.tree = tree_new(machine, ARRAY_LEN(machine)), .loop = loop_new(NULL)};
    r->watch = watch_new(&(struct watch_params){.loop = r->loop,
                                                .config = &config,
                                                .root = r->tree.root,
                                                .external_url = "http://web-1:9900/",
                                                .on_alert = on_alert,
                                                .context = &r->events});
}

static void close_room(struct room *r)
{
    watch_free(r->watch, 0);
    loop_free(r->loop);
    tree_free(&r->tree);
}

static void tick(struct room *r, int64_t second)
{
    struct watch_service_input service = {.name = STR("shop"), .servers_healthy = 1, .servers_wanted = 1};
    watch_tick(r->watch, second * NS_PER_S, &service, 1);
}

static void put_stat(struct room *r, const char *text)
{
    tree_put(&r->tree, "proc/stat", text);
}

static void assert_in_json(struct room *r, bool is_alerts, const char *part)
{
    struct buf out CLEANUP(buf_fini) = {0};
    struct json j;
    json_init(&j, &out);
    if (is_alerts)
        watch_write_alerts_json(r->watch, &j, false);
    else
        watch_write_host_json(r->watch, &j);
    if (!strstr(out.ptr, part))
        fail_msg("%s is not in %s", part, out.ptr);
}

static void test_numbers(void **state)
{
    struct room r;
    open_room(&r);
    assert_in_json(&r, false, "{}");
    tick(&r, 1);
    assert_in_json(&r, false,
                   "\"cpu\":{\"scope\":\"host\",\"percent\":null,\"why_unknown\":\"this is the first sample");
    assert_in_json(&r, false, "\"memory\":{\"scope\":\"host\",\"percent\":60,\"total_bytes\":1024000");
    put_stat(&r, "cpu  150 0 100 850 0 0 0 0 0 0\ncpu0 1 1 1 1\n");
    tick(&r, 2);
    assert_in_json(&r, false, "\"cpu\":{\"scope\":\"host\",\"percent\":50,\"count\":1");
    assert_in_json(&r, false, "\"load\":{\"scope\":\"host\",\"one\":0.5,\"five\":0.25,\"fifteen\":0.1}");
    assert_in_json(&r, false, "\"path\":\"/\"");
    assert_in_json(&r, false, "\"version\":2");
    assert_in_json(&r, true, "[]");
    assert_true(watch_host(r.watch)->cpu.percent.value == 50);
    close_room(&r);
}

/* A file that cannot be read is unknown, not 0; when it comes back, one more sample is needed. */
static void test_files_come_and_go(void **state)
{
    struct room r;
    open_room(&r);
    tick(&r, 1);
    put_stat(&r, "nothing\n");
    tree_put(&r.tree, "proc/meminfo", "MemTotal: 0 kB\n");
    tick(&r, 2);
    assert_false(watch_host(r.watch)->cpu.percent.is_known);
    assert_false(watch_host(r.watch)->memory.percent.is_known);
    put_stat(&r, "cpu  300 0 100 900 0 0 0 0 0 0\n");
    tick(&r, 3);
    assert_false(watch_host(r.watch)->cpu.percent.is_known);
    put_stat(&r, "cpu  310 0 100 990 0 0 0 0 0 0\n");
    tick(&r, 4);
    assert_true(watch_host(r.watch)->cpu.percent.value == 10);
    for (int64_t t = 5; t < 40; t++) {
        put_stat(&r, "nothing\n");
        tick(&r, t);
    }
    assert_int_equal(r.events.count, 2);
    assert_int_equal(r.events.changes[0], ALERT_LOST_SIGHT);
    assert_in_json(&r, true, "\"state\":\"unknown\"");
    close_room(&r);
}

static void test_alert_to_the_end(void **state)
{
    struct room r;
    open_room(&r);
    tree_put(&r.tree, "proc/meminfo", "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 100 kB\n");
    for (int64_t t = 1; t <= 6; t++)
        tick(&r, t);
    assert_int_equal(r.events.count, 1);
    assert_string_equal(r.events.names[0], "HostMemoryHigh");
    assert_int_equal(watch_alerts_firing(r.watch), 1);
    assert_in_json(&r, true,
                   "\"name\":\"HostMemoryHigh\",\"summary\":\"Memory usage is "
                   "high\",\"host\":null,\"severity\":\"notice\","
                   "\"state\":\"firing\",\"is_active\":true");
    assert_in_json(&r, true, "\"value\":90,\"threshold\":80,\"clear\":75,\"for_seconds\":5");
    tree_put(&r.tree, "proc/meminfo", "MemTotal: 1000 kB\nMemFree: 600 kB\nMemAvailable: 600 kB\n");
    for (int64_t t = 7; t <= 70 && r.events.count < 2; t++)
        tick(&r, t);
    assert_int_equal(r.events.count, 2);
    assert_int_equal(r.events.changes[1], ALERT_ENDED);
    assert_int_equal(watch_alerts_firing(r.watch), 0);
    close_room(&r);
}

static void test_metrics(void **state)
{
    struct buf out CLEANUP(buf_fini) = {0};
    struct room r;
    open_room(&r);
    tick(&r, 1);
    watch_write_metrics(r.watch, &out);
    assert_null(strstr(out.ptr, "weir_host_cpu_usage_ratio{")); /* unknown: no row */
    assert_non_null(strstr(out.ptr, "weir_host_memory_usage_ratio{scope=\"host\"} 0.6\n"));
    assert_non_null(strstr(out.ptr, "weir_host_memory_size_bytes{scope=\"host\"} 1024000\n"));
    assert_non_null(strstr(
        out.ptr, "weir_alert_active{alertname=\"ServiceDown\",service=\"shop\",severity=\"critical\"} 0\n"));
    assert_non_null(strstr(out.ptr, "weir_notifications_total{sink=\"log\",outcome=\"delivered\"} 0\n"));
    close_room(&r);
}

int main(void)
{
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1)); /* silence */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_files_come_and_go),
        cmocka_unit_test(test_alert_to_the_end),
        cmocka_unit_test(test_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
