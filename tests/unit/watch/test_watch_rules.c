/* Which default alerts there are and what they say: made-up samples and services on a virtual clock, by way
 * of the collectors and the board. */
#include "watch/rules.h"

#include "base/clock.h"
#include "base/macros.h"
#include "watch/host_report.h"
#include "watch/service_numbers.h"
#include "watch/service_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct config_watch config = {
    .cpu = {.is_enabled = true, .above = 90, .clear = 80, .for_ns = 300 * NS_PER_S},
    .memory = {.is_enabled = true, .above = 80, .clear = 75, .for_ns = 300 * NS_PER_S},
    .disk = {.is_enabled = true, .above = 90, .clear = 87, .for_ns = 120 * NS_PER_S},
    .error_rate = {.is_enabled = true, .above = 5, .clear = 2, .for_ns = 60 * NS_PER_S},
    .error_rate_requests_min = 20,
    .crash_count = 3,
    .crash_window_ns = 300 * NS_PER_S,
    .discovery_ns = 60 * NS_PER_S,
};

/* Everything that was told, one line each: "5 fired ALERT: ...". */
struct told {
    size_t count;
    enum alert_change changes[64];
    const char *names[64];
    char lines[64][ALERT_TEXT_BYTES + 64];
};

static void on_change(void *context, const struct alert *a, enum alert_change change, struct rules_time t)
{
    struct told *told = context;
    if (a->hidden[0])
        return;
    assert_true(told->count < ARRAY_LEN(told->lines));
    told->changes[told->count] = change;
    told->names[told->count] = a->name;
    alert_format_line(a, change, told->lines[told->count], sizeof(told->lines[0]));
    told->count++;
}

static struct told told;

struct room {
    struct rules *rules;
    struct service_report *services;
    struct board *board;
};

static struct room *open_room(void)
{
    told = (struct told){0};
    struct room *r = calloc(1, sizeof(*r));
    r->rules =
        rules_new(&(struct rules_params){.instance = STR("web-1"), .on_change = on_change, .context = &told});
    r->services = service_report_new();
    r->board = board_new();
    service_report_configure(r->services, &config);
    rules_open(r->rules, &config);
    return r;
}

static void close_room(struct room *r)
{
    rules_free(r->rules);
    service_report_free(r->services);
    board_free(r->board);
    free(r);
}

static struct rules_time at(int64_t second)
{
    return (struct rules_time){.now_ns = second * NS_PER_S, .wall_ns = (1000 + second) * NS_PER_S};
}

static void step(struct room *r, const struct host_sample *host, const struct watch_service_input *services,
                 size_t count, struct rules_time t)
{
    board_begin(r->board, t.now_ns, t.wall_ns);
    if (host)
        host_report(host, r->board);
    service_report_put(r->services, services, count, r->board);
    board_end(r->board);
    rules_step(r->rules, r->board, t);
}

static void assert_told(size_t i, enum alert_change change, const char *name, const char *part)
{
    if (i >= told.count)
        fail_msg("only %zu things were told, not %s", told.count, name);
    assert_int_equal(told.changes[i], change);
    assert_string_equal(told.names[i], name);
    if (!strstr(told.lines[i], part))
        fail_msg("\"%s\" is not in \"%s\"", part, told.lines[i]);
}

static struct host_sample sample_of(double cpu, double memory, double disk)
{
    struct host_sample s = {.taken_ns = 1};
    s.cpu.percent = reading_known(cpu);
    s.cpu.cpu_count = 2;
    s.memory.percent = reading_known(memory);
    s.memory.total_bytes = 16ull << 30;
    s.memory.available_bytes = 1ull << 30;
    s.disk_count = 1;
    snprintf(s.disks[0].path, sizeof(s.disks[0].path), "/srv");
    s.disks[0].percent = reading_known(disk);
    s.disks[0].total_bytes = 100ull << 30;
    s.disks[0].available_bytes = 5ull << 30;
    return s;
}

static void test_host_alerts(void **state)
{
    struct room *r = open_room();
    struct host_sample busy = sample_of(93.4, 85, 95), calm = sample_of(20, 30, 40);
    for (int64_t t = 10; t <= 10 + 300; t++)
        step(r, &busy, NULL, 0, at(t));
    assert_int_equal(told.count, 3);
    assert_told(0, ALERT_FIRED, "HostDiskHigh", "ALERT: Disk usage is high! /srv is 95.0 % full for 2m");
    assert_told(1, ALERT_FIRED, "HostCpuHigh",
                "ALERT: CPU usage is high! 93.4 % of 2 CPUs for 5m (threshold 90 %, clears at 80 %)");
    assert_told(2, ALERT_FIRED, "HostMemoryHigh", "ALERT: Memory usage is high! 85.0 % of 16GiB for 5m");
    for (int64_t t = 311; t <= 311 + 60; t++)
        step(r, &calm, NULL, 0, at(t));
    assert_int_equal(told.count, 6);
    assert_told(3, ALERT_ENDED, "HostCpuHigh",
                "RESOLVED: CPU usage is high: 20.0 % of 2 CPUs now, at most 80 %, after 1m1s");
    close_room(r);
}

static void test_cgroup_scope_and_unknown(void **state)
{
    struct room *r = open_room();
    struct host_sample s = sample_of(10, 10, 10);
    s.cpu_scope = s.memory_scope = SAMPLE_SCOPE_CGROUP;
    s.cgroup.cpu_percent = reading_known(99);
    s.cgroup.cpu_group_cpus = 1.5;
    snprintf(s.cgroup.cpu_group, sizeof(s.cgroup.cpu_group), "/pod");
    s.cgroup.memory_percent = reading_unknown("memory.current: Permission denied");
    for (int64_t t = 10; t <= 10 + 300; t++)
        step(r, &s, NULL, 0, at(t));
    assert_int_equal(told.count, 2);
    assert_told(0, ALERT_LOST_SIGHT, "HostMemoryHigh", "Permission denied");
    assert_told(1, ALERT_FIRED, "HostCpuHigh",
                "99.0 % of the 1.50 CPUs that control group /pod may use for 5m");
    close_room(r);
}

static void test_disks_come_and_go(void **state)
{
    struct room *r = open_room();
    struct host_sample s = sample_of(10, 10, 95);
    for (int64_t t = 10; t <= 130; t++)
        step(r, &s, NULL, 0, at(t));
    assert_told(0, ALERT_FIRED, "HostDiskHigh", "/srv");
    s.disks[0].percent = reading_unknown("the file system does not answer");
    for (int64_t t = 131; t <= 200; t++)
        step(r, &s, NULL, 0, at(t));
    assert_told(1, ALERT_LOST_SIGHT, "HostDiskHigh", "does not answer; it stays firing");
    s.disk_count = 0;
    step(r, &s, NULL, 0, at(201));
    assert_told(2, ALERT_ENDED, "HostDiskHigh", "not mounted");
    assert_int_equal(told.count, 3);
    close_room(r);
}

static struct watch_service_input service(uint32_t healthy, uint32_t wanted, uint64_t requests,
                                          uint64_t errors)
{
    return (struct watch_service_input){.name = STR("shop"),
                                        .servers_healthy = healthy,
                                        .servers_wanted = wanted,
                                        .requests_total = requests,
                                        .errors_total = errors};
}

static void step_service(struct room *r, struct watch_service_input input, int64_t second)
{
    step(r, NULL, &input, 1, at(second));
}

/* Which machine it is stands in the line when it is another one. */
static void test_another_machine(void **state)
{
    struct room *r = open_room();
    struct host_sample busy = sample_of(93.4, 30, 40);
    for (int64_t t = 10; t <= 10 + 300; t++) {
        board_begin(r->board, at(t).now_ns, at(t).wall_ns);
        board_set_host(r->board, "web-2");
        host_report(&busy, r->board);
        board_set_host(r->board, NULL);
        board_end(r->board);
        rules_step(r->rules, r->board, at(t));
    }
    assert_told(0, ALERT_FIRED, "HostCpuHigh", "ALERT: CPU usage is high (web-2)! 93.4 % of 2 CPUs for 5m");
    close_room(r);
}

static void test_no_healthy_server(void **state)
{
    struct room *r = open_room();
    for (int64_t t = 12; t < 19; t++) /* starting: 10 s of grace */
        step_service(r, service(0, 2, 0, 0), t);
    step_service(r, service(2, 2, 0, 0), 19);
    assert_int_equal(told.count, 0);
    step_service(r, service(0, 2, 0, 0), 20); /* it was there: at once, grace or not */
    assert_told(0, ALERT_FIRED, "ServiceDown",
                "ALERT: A service has no healthy server! shop has had none for 0s; 2 wanted");
    step_service(r, service(1, 2, 0, 0), 25);
    assert_told(1, ALERT_ENDED, "ServiceDown",
                "RESOLVED: A service has no healthy server: shop has 1 healthy of 2");
    close_room(r);
}

static void test_intentionally_at_zero(void **state)
{
    struct room *r = open_room();
    step_service(r, service(1, 1, 0, 0), 10);
    for (int64_t t = 11; t < 100; t++)
        step_service(r, service(0, 0, 0, 0), t);
    for (int64_t t = 100; t < 109; t++) /* it wakes: grace again */
        step_service(r, service(0, 1, 0, 0), t);
    assert_int_equal(told.count, 0);
    step_service(r, service(0, 1, 0, 0), 110);
    assert_told(0, ALERT_FIRED, "ServiceDown", "10s");
    step(r, NULL, NULL, 0, at(111));
    assert_told(1, ALERT_ENDED, "ServiceDown", "not configured any more");
    assert_null(rules_alert(r->rules, 0));
    close_room(r);
}

static void test_crashes(void **state)
{
    struct room *r = open_room();
    service_report_note_death(r->services, STR("shop"), STR("shop-1"), STR("exit status 1"), 10 * NS_PER_S);
    service_report_note_death(r->services, STR("shop"), STR("shop-2"), STR("exit status 1"), 20 * NS_PER_S);
    step_service(r, service(1, 1, 0, 0), 21);
    assert_int_equal(told.count, 0);
    service_report_note_death(r->services, STR("shop"), STR("shop-1"), STR("signal 11 (Segmentation fault)"),
                              30 * NS_PER_S);
    step_service(r, service(1, 1, 0, 0), 31);
    assert_told(0, ALERT_FIRED, "ServerCrashing",
                "ALERT: A server keeps crashing! 3 servers of shop died within 5m (limit 3); the last, "
                "shop-1, 1s ago: "
                "signal 11");
    step_service(r, service(1, 1, 0, 0), 329); /* the last one is still in the window */
    assert_int_equal(told.count, 1);
    step_service(r, service(1, 1, 0, 0), 330);
    assert_told(1, ALERT_ENDED, "ServerCrashing", "no server of shop died for 5m");
    close_room(r);
}

static void test_discovery(void **state)
{
    struct room *r = open_room();
    struct watch_service_input input = service(1, 1, 0, 0);
    input.has_source = true;
    input.source_error = "/etc/shop:3: no port"; /* of some failure before: it works again */
    step_service(r, input, 10);
    input.source_failing_ns = 60 * NS_PER_S;
    step_service(r, input, 71);
    assert_int_equal(told.count, 0);
    input.source_failing_ns = 61 * NS_PER_S;
    step_service(r, input, 72);
    assert_told(
        0, ALERT_FIRED, "DiscoveryFailing",
        "ALERT: Finding a service's servers fails! for 1m1s, where the servers of shop are listed could "
        "not be read: /etc/shop:3: no port");
    input.source_failing_ns = 0;
    step_service(r, input, 101);
    assert_told(1, ALERT_ENDED, "DiscoveryFailing", "the servers of shop can be found again after 1m30s");
    close_room(r);
}

static void test_provider(void **state)
{
    struct room *r = open_room();
    struct watch_service_input bad = service(1, 1, 0, 0), good = bad;
    bad.provider_trouble = "provider docker, start: No such image";
    good.provider_trouble = "";
    int64_t t = 10;
    for (; t < 60; t++) /* the engine was restarted, or somebody changed a token: nobody is called for that */
        step_service(r, bad, t);
    for (; t < 100; t++)
        step_service(r, good, t);
    for (; t < 160; t++)
        step_service(r, bad, t);
    assert_int_equal(told.count, 0);
    step_service(r, bad, t);
    assert_told(0, ALERT_FIRED, "ProviderFailing",
                "ALERT: Servers cannot be started or stopped! for 1m, servers of shop: provider docker, "
                "start: No such image");
    for (int64_t end = t + 30; t < end; t++)
        step_service(r, good, t);
    assert_int_equal(told.count, 1);
    step_service(r, good, t);
    assert_told(1, ALERT_ENDED, "ProviderFailing", "answers again");
    close_room(r);
}

static void test_error_rate(void **state)
{
    struct room *r = open_room();
    uint64_t requests = 1000, errors = 500; /* before our time: does not count */
    int64_t t = 10;
    for (; t < 100; t++, requests += 10)
        step_service(r, service(1, 1, requests, errors), t);
    assert_int_equal(told.count, 0);
    for (; t < 130 && told.count == 0; t++, requests += 10, errors += 5)
        step_service(r, service(1, 1, requests, errors), t);
    assert_told(0, ALERT_FIRED, "ErrorRateHigh", "ALERT: The error rate is high!");
    assert_in_range(t, 105, 112); /* more than 5 % of 600 requests are 30 errors: six or seven seconds */
    /* Nobody comes any more: that is no proof that it works again. */
    for (int64_t end = t + 3000; t < end; t++)
        step_service(r, service(1, 1, requests, errors), t);
    assert_int_equal(told.count, 1);
    /* Few requests, all good: the window is stretched until there are enough. */
    for (int64_t end = t + 300; t < end; t++, requests += t % 10 == 0)
        step_service(r, service(1, 1, requests, errors), t);
    assert_told(1, ALERT_ENDED, "ErrorRateHigh", "RESOLVED");
    close_room(r);
}

static void test_error_rate_needs_requests(void **state)
{
    struct room *r = open_room();
    for (int64_t t = 10; t < 29; t++) /* 18 requests within the minute, all failed */
        step_service(r, service(1, 1, (uint64_t)t, (uint64_t)t), t);
    assert_int_equal(told.count, 0);
    step_service(r, service(1, 1, 30, 30), 29);
    assert_told(0, ALERT_FIRED, "ErrorRateHigh", "100.0 % of shop's requests failed: 20 of 20");
    step_service(r, service(1, 1, 3, 0), 30); /* the worker was started again: totals begin at 0 */
    assert_int_equal(told.count, 1);
    close_room(r);
}

static void test_rate_window(void **state)
{
    struct rate_window w = {0};
    const int64_t window = 16 * NS_PER_S;
    assert_false(rate_window_get(&w, window, 0, false).percent.is_known);
    for (int64_t t = 0; t <= 400; t++) /* four times a second, 1 % errors from the 50th second on */
        rate_window_add(&w, window, (uint64_t)t * 25, t > 200 ? (uint64_t)(t - 200) / 4 : 0,
                        t * NS_PER_S / 4);
    struct rate r = rate_window_get(&w, window, 20, false);
    assert_true(r.percent.is_known && r.percent.value == 1);
    assert_in_range(r.window_ns, 16 * NS_PER_S, 17 * NS_PER_S);
    assert_in_range(r.requests, 1600, 1700);
    assert_false(rate_window_get(&w, window, 100000, false).percent.is_known);
    assert_false(
        rate_window_get(&w, window, 100000, true).percent.is_known); /* the ring does not go back so far */
    assert_true(rate_window_get(&w, window, 5000, true).percent.is_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_alerts),
        cmocka_unit_test(test_cgroup_scope_and_unknown),
        cmocka_unit_test(test_disks_come_and_go),
        cmocka_unit_test(test_another_machine),
        cmocka_unit_test(test_no_healthy_server),
        cmocka_unit_test(test_intentionally_at_zero),
        cmocka_unit_test(test_crashes),
        cmocka_unit_test(test_discovery),
        cmocka_unit_test(test_provider),
        cmocka_unit_test(test_error_rate),
        cmocka_unit_test(test_error_rate_needs_requests),
        cmocka_unit_test(test_rate_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
