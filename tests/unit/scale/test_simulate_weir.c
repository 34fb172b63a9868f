/* Weir in the simulation, and the command: the real code of the scale room on simulated servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/reader.h"
#include "scale/simulate/simulate.h"
#include "scale/simulate/study.h"

static const struct sim_setting weir_setting = {.ops = &policy_weir, .target = 1};

static struct config *read_config(const char *scale_keys)
{
    struct diagnostics d;
    struct buf text = {0};
    buf_printf(&text, "listeners: [{http: ':8080'}]\nservices: {shop: {scale: {command: [x], %s}}}\n",
               scale_keys);
    struct config *c = config_read("test", buf_str(&text), &d);
    assert_non_null(c);
    diagnostics_fini(&d);
    buf_fini(&text);
    return c;
}

static struct load flat(uint32_t seconds, double rate)
{
    struct load l = {.seconds = seconds, .rate = NEW_ARRAY(float, seconds), .factor = 1, .peak = rate};
    for (uint32_t i = 0; i < seconds; i++)
        l.rate[i] = (float)rate;
    return l;
}

static int64_t wall_start_ns; /* of the runs that follow; 0 but for the test of schedules */

static struct sim_model model_of(const struct config *c)
{
    return (struct sim_model){.concurrency = 4,
                              .service_mean_s = 0.2,
                              .service_cv = 0.5,
                              .objective_ns = NS_PER_S,
                              .servers_min = c->services[0].scale.servers_min,
                              .servers_max = c->services[0].scale.servers_max,
                              .provider_delay_ns = 200 * NS_PER_MS,
                              .wall_start_ns = wall_start_ns,
                              .seed = 3};
}

static struct lane *run(const struct load *l, const struct config *c, uint32_t start_s, uint32_t bin_s,
                        struct lane_result *ret_result)
{
    struct sim_model *m = NEW(struct sim_model); /* the lane borrows it */
    *m = model_of(c);
    struct lane_params params = {.setting = &weir_setting,
                                 .model = m,
                                 .load = l,
                                 .config = &c->services[0],
                                 .start_s = start_s,
                                 .bin_s = bin_s};
    struct arrivals a;
    struct lane *lane = lane_new(&params);
    arrivals_init(&a, l, m);
    while (arrivals_next(&a))
        lane_run(lane, &a);
    arrivals_fini(&a);
    lane_finish(lane, ret_result);
    free(m);
    return lane;
}

static void test_a_step_of_load(void **state)
{
    struct config *c = read_config("servers: 1..40, in_flight: 4, objective: p99 < 1s");
    struct load l = flat(900, 30); /* 1.5 busy servers */
    for (uint32_t i = 300; i < 600; i++)
        l.rate[i] = 300; /* 15 busy servers */
    struct lane_result r;
    uint32_t count;
    struct lane *lane = run(&l, c, 5, 10, &r);
    const struct lane_point *points = lane_points(lane, &count);
    assert_int_equal(count, 90);
    assert_true(points[29].servers >= 2 && points[29].servers <= 5);
    assert_true(points[31].serving >= 15 && points[31].serving <= 40); /* 5 s and its own haste later */
    assert_true(points[59].servers >= 15 && points[59].servers <= 25);
    assert_true(points[89].servers <= 5); /* drained after scale_down_after */
    assert_true(r.violations > 0.001 && r.violations < 0.2);
    assert_true(r.changes >= 2);
    double least = (30 * 600 + 300 * 300) / 20.0 / 3600;
    assert_true(r.server_hours > least && r.server_hours < 2.5 * least);
    lane_free(lane);
    load_fini(&l);
    config_free(c);
}

static void test_the_servers_at_the_begin_are_adopted(void **state)
{
    struct config *c = read_config("servers: 1..40, in_flight: 4, objective: p99 < 1s");
    struct load l = flat(120, 300);
    struct lane_result r;
    struct lane *lane = run(&l, c, 120, 10, &r); /* whoever is asked for comes after the end */
    uint32_t count;
    const struct lane_point *points = lane_points(lane, &count);
    assert_true(points[0].serving >= 15);
    assert_true(r.violations < 0.001);
    lane_free(lane);
    load_fini(&l);
    config_free(c);
}

static void test_zero_servers_are_woken(void **state)
{
    struct config *c = read_config("servers: 0..4, in_flight: 4, scale_down_after: 5s");
    struct load l = flat(600, 0);
    for (uint32_t i = 300; i < 310; i++)
        l.rate[i] = 2;
    struct lane_result r;
    uint32_t count;
    struct lane *lane = run(&l, c, 5, 10, &r);
    const struct lane_point *points = lane_points(lane, &count);
    assert_true(points[10].servers == 0 && points[29].servers == 0); /* asleep */
    assert_true(points[30].servers > 0.8F);
    assert_true(points[59].servers == 0); /* and again */
    /* The first waits for the provider's delay, the start, and the next probe. */
    if (r.wait_max_s < 5.2 || r.wait_max_s > 5.2 + 0.05 + 0.1)
        fail_msg("waited %g s", r.wait_max_s);
    assert_int_equal(r.refused, 0);
    lane_free(lane);
    load_fini(&l);
    config_free(c);
}

/* Half an hour of one server, and a second one on Mondays from 8:00 to 8:10 in Berlin. */
static double scheduled_hours(int64_t start_ns)
{
    struct config *c =
        read_config("servers: '1..4', scale_down_after: 1s, "
                    "schedule: [{from: '0 8 * * 1', for: 10m, servers: '2..', zone: Europe/Berlin}]");
    struct load l = flat(1800, 0.1);
    struct lane_result result;
    wall_start_ns = start_ns;
    lane_free(run(&l, c, 5, 0, &result));
    wall_start_ns = 0;
    load_fini(&l);
    config_free(c);
    return result.server_hours;
}

static void test_schedules_hold_at_the_time_of_the_trace(void **state)
{
    const int64_t hour_ns = 3600 * NS_PER_S, monday_ns = 978307200 * NS_PER_S;
    assert_true(fabs(scheduled_hours(monday_ns + 6 * hour_ns + hour_ns * 3 / 4) - (0.5 + 1.0 / 6)) < 0.01);
    assert_true(fabs(scheduled_hours(monday_ns + 7 * hour_ns) - (0.5 + 1.0 / 6)) < 0.01);
    assert_true(fabs(scheduled_hours(monday_ns + 8 * hour_ns) - 0.5) < 0.01);
    assert_true(fabs(scheduled_hours(0) - 0.5) < 0.01);
}

static void test_the_maximum_holds(void **state)
{
    struct config *c = read_config("servers: 2..5, in_flight: 4, objective: p99 < 1s");
    struct load l = flat(300, 200); /* ten would be needed */
    struct lane_result r;
    uint32_t count;
    struct lane *lane = run(&l, c, 5, 10, &r);
    const struct lane_point *points = lane_points(lane, &count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(points[i].serving <= 5);
    assert_true(r.violations > 0.9);
    assert_true(r.wait_max_s > 60 || r.violations > 0.95);
    lane_free(lane);
    load_fini(&l);
    config_free(c);
}

/* ---- the command ---- */

/* What it writes to standard output, and its exit status. */
static int command(const char *const *arguments, int count, char *out, size_t out_bytes, char *problems,
                   size_t problem_bytes)
{
    char name[] = "simulate", *argv[16] = {name};
    for (int i = 0; i < count; i++)
        argv[i + 1] = (char *)(uintptr_t)arguments[i]; /* which are not written to */
    fflush(stdout);
    fflush(stderr);
    FILE *file = tmpfile(), *problem_file = tmpfile();
    int kept = dup(STDOUT_FILENO), kept_problems = dup(STDERR_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(problem_file), STDERR_FILENO);
    int status = simulate_main(count + 1, argv);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    dup2(kept_problems, STDERR_FILENO);
    close(kept);
    close(kept_problems);
    rewind(file);
    rewind(problem_file);
    out[fread(out, 1, out_bytes - 1, file)] = '\0';
    problems[fread(problems, 1, problem_bytes - 1, problem_file)] = '\0';
    fclose(file);
    fclose(problem_file);
    return status;
}

static char out[200000], problems[10000], trace_path[] = "/tmp/weir-simulate-test-XXXXXX",
                                          config_path[] = "/tmp/weir-simulate-test-XXXXXX",
                                          plot_path[] = "/tmp/weir-simulate-test-XXXXXX";

#define COMMAND(...)                                                                                         \
    command((const char *[]){__VA_ARGS__},                                                                   \
            (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)), out, sizeof(out), problems, \
            sizeof(problems))

static int make_files(void **state)
{
    FILE *f = fdopen(mkstemp(trace_path), "w");
    fprintf(f, "t_seconds,requests\n");
    for (int i = 0; i < 300; i++)
        fprintf(f, "%d,%d\n", i, i > 100 && i < 200 ? 8 : 4);
    fclose(f);
    f = fdopen(mkstemp(config_path), "w");
    fprintf(f, "listeners: [{http: ':8080'}]\nservices:\n  fixed: {paths: [/x/], servers: ['10.0.0.1:80']}\n"
               "  shop: {scale: {command: [x], servers: 2..7, objective: p95 < 500ms}}\n"
               "  dry: {paths: [/dry/], scale: {command: [x], servers: 2..7, mode: advise}}\n");
    fclose(f);
    close(mkstemp(plot_path));
    return 0;
}

static int remove_files(void **state)
{
    return unlink(trace_path) | unlink(config_path) | unlink(plot_path);
}

static uint32_t count_of(const char *text, const char *word)
{
    uint32_t count = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        count++;
    return count;
}

static void test_json(void **state)
{
    char first[2000];
    assert_int_equal(
        COMMAND("--trace", trace_path, "--policy", "oracle,static,weir", "--start-time", "5s,30s", "--json"),
        0);
    assert_string_equal(problems, "");
    assert_int_equal(strncmp(out, "{\"results\":[{\"policy\":\"weir\",\"setting\":\"", 40), 0);
    static const char *const keys[] = {
        "\"policy\":",       "\"setting\":",      "\"violations\":", "\"server_hours\":",
        "\"oracle_ratio\":", "\"worst_wait_s\":", "\"changes\":",    "\"start_time\":"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_int_equal(count_of(out, keys[i]), 2 * (1 + 12 + 1));
    assert_int_equal(count_of(out, "\"oracle_ratio\":1,"), 2);
    assert_int_equal(count_of(out, "\"start_time\":30"), 14);
    memcpy(first, out, sizeof(first));
    assert_int_equal(
        COMMAND("--trace", trace_path, "--policy", "oracle,static,weir", "--start-time", "5s,30s", "--json"),
        0);
    assert_memory_equal(first, out, sizeof(first)); /* the same again */
}

static void test_table_and_drawing(void **state)
{
    assert_int_equal(
        COMMAND("--trace", trace_path, "--policy=weir,hpa", "--start-time", "30s", "--plot", plot_path), 0);
    assert_non_null(strstr(out, "busiest minute 800.0/s")); /* 40 servers of 20 a second */
    assert_non_null(strstr(out, "1..400 servers"));
    assert_non_null(strstr(out, "start time 30s\n"));
    assert_null(strstr(out, "start time 5s"));
    assert_non_null(strstr(out, "weir is beaten by"));
    char svg[200];
    FILE *f = fopen(plot_path, "r");
    svg[fread(svg, 1, sizeof(svg) - 1, f)] = '\0';
    fseek(f, -7, SEEK_END);
    char end[8] = "";
    assert_int_equal(fread(end, 1, 7, f), 7);
    fclose(f);
    assert_int_equal(strncmp(svg, "<svg xmlns=", 11), 0);
    assert_string_equal(end, "</svg>\n");
}

static void test_a_service_of_a_configuration(void **state)
{
    assert_int_equal(COMMAND("--trace", trace_path, "-c", config_path, "--service", "shop", "--policy",
                             "weir", "--start-time", "5s"),
                     0);
    assert_non_null(strstr(out, "times 1:"));
    assert_non_null(strstr(out, "violations: response over 500ms; 2..7 servers"));
    assert_int_equal(COMMAND("--trace", trace_path, "-c", config_path, "--service", "fixed"), 1);
    assert_non_null(strstr(problems, "service 'fixed' has fixed servers"));
    assert_int_equal(COMMAND("--trace", trace_path, "-c", config_path, "--service", "none"), 1);
    assert_non_null(strstr(problems, "there is no service 'none' in it"));
    assert_int_equal(COMMAND("--trace", trace_path, "-c", "/nonexistent.yaml"), 1);
}

/* What it would do is what is asked here. */
static void test_a_service_that_only_advises_acts(void **state)
{
    assert_int_equal(COMMAND("--trace", trace_path, "-c", config_path, "--service", "dry", "--policy", "weir",
                             "--peak-servers", "5", "--start-time", "5s", "--json"),
                     0);
    assert_non_null(strstr(out, "\"changes\":"));
    assert_null(strstr(out, "\"changes\":0,"));
}

/* Or what is told would be of servers that are given up again and again. */
static void test_servers_may_start_as_long_as_asked(void **state)
{
    static const char told[] =
        "weir simulate: `start_timeout` of shop is 1m: servers that start for longer would "
        "be given up; taken as 130s here\n";
    assert_int_equal(COMMAND("--trace", trace_path, "-c", config_path, "--service", "shop", "--policy",
                             "weir", "--peak-servers", "5", "--start-time", "5s,120s", "--json"),
                     0);
    assert_non_null(strstr(problems, told));
    assert_int_equal(COMMAND("--trace", trace_path, "-c", config_path, "--service", "shop", "--policy",
                             "weir", "--peak-servers", "5", "--start-time", "5s,30s", "--json"),
                     0);
    assert_null(strstr(problems, "start_timeout"));
}

static void test_wrong_options(void **state)
{
    static const struct {
        const char *arguments[4];
        const char *problem;
    } rows[] = {
        {{"--json"}, "weir simulate: --trace FILE is needed"},
        {{"--trace"}, "--trace needs a value"},
        {{"--trase", "x"}, "unknown option '--trase'; did you mean '--trace'?"},
        {{"--trace", "x", "--json=1"}, "--json takes no value"},
        {{"--trace", "x", "--start-time=30"}, "--start-time: '30': "},
        {{"--trace", "x", "--start-time=1.5s"}, "--start-time: '1.5s': whole seconds"},
        {{"--trace", "x", "--policy=k8s"}, "unknown policy 'k8s'"},
        {{"--trace", "x", "--servers=5..2"}, "--servers: '5..2': MIN is above MAX"},
        {{"--trace", "x", "--servers=5"}, "--servers: '5': MIN..MAX"},
        {{"--trace", "x", "--concurrency=0"}, "--concurrency: '0': a whole number from 1"},
        {{"--trace", "x", "--service-time=0s"}, "--service-time: '0s': it must be more than 0"},
        {{"--trace", "x", "--service-time=1s,much"}, "--service-time: 'much': the coefficient"},
        {{"--trace", "x", "--peak-servers=many"}, "--peak-servers: `recorded`, or: 'many'"},
        {{"--trace", "x", "--seed=0"}, "--seed: '0': a whole number above 0"},
        {{"--trace", "x", "--service", "shop"}, "--service needs the configuration"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int count = 0;
        while (count < 4 && rows[i].arguments[count])
            count++;
        int status = command(rows[i].arguments, count, out, sizeof(out), problems, sizeof(problems));
        if (status != 2 || !strstr(problems, rows[i].problem))
            fail_msg("row %zu: status %d, '%s'", i, status, problems);
    }
    assert_int_equal(COMMAND("--trace", "/nonexistent.csv"), 1);
    assert_non_null(strstr(problems, "weir simulate: /nonexistent.csv: opening it: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_of_load),
        cmocka_unit_test(test_the_servers_at_the_begin_are_adopted),
        cmocka_unit_test(test_zero_servers_are_woken),
        cmocka_unit_test(test_schedules_hold_at_the_time_of_the_trace),
        cmocka_unit_test(test_the_maximum_holds),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_table_and_drawing),
        cmocka_unit_test(test_a_service_of_a_configuration),
        cmocka_unit_test(test_a_service_that_only_advises_acts),
        cmocka_unit_test(test_servers_may_start_as_long_as_asked),
        cmocka_unit_test(test_wrong_options),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
