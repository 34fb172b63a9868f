/* The simulated site against queueing theory, against itself without short cuts, and against its seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "scale/simulate/erlang.h"
#include "scale/simulate/study.h"

static struct sim_model standard_model(void)
{
    return (struct sim_model){.concurrency = 4,
                              .service_mean_s = 0.2,
                              .service_cv = 0.5,
                              .objective_ns = NS_PER_S,
                              .servers_min = 1,
                              .servers_max = 400,
                              .seed = 7};
}

static void assert_within(double a, double b, double share)
{
    if (!(fabs(a - b) <= share * fabs(b)))
        fail_msg("%.9g is not within %g %% of %.9g", a, share * 100, b);
}

/* ---- formulas ---- */

static void test_erlang(void **state)
{
    assert_within(erlang_c(0.5, 1), 0.5, 1e-12); /* M/M/1: the load itself */
    assert_within(erlang_c(1, 2), 1.0 / 3, 1e-12);
    assert_within(erlang_c(8, 10), 0.40918, 1e-4); /* from tables */
    assert_true(erlang_c(10, 10) == 1 && erlang_c(0, 3) == 0);
    assert_within(erlang_wait_share(0.5, 1, 1, 2), 0.5 * exp(-1), 1e-12);
    assert_int_equal(erlang_servers(0, 0.2, 4, 0.3, 0.01), 0);
    assert_int_equal(erlang_servers(0.001, 0.2, 4, 0.3, 0.01), 1);
    for (double rate = 5; rate < 900; rate += 37) { /* the fewest: one less does not do */
        uint32_t servers = erlang_servers(rate, 0.2, 4, 0.3, 0.01);
        assert_true(erlang_wait_share(rate * 0.2, 4 * servers, 0.2, 0.3) <= 0.01);
        assert_true(erlang_wait_share(rate * 0.2, 4 * (servers - 1), 0.2, 0.3) > 0.01);
    }
}

/* ---- the calendar ---- */

/* Times near and far (years ahead), taken in order while more are put in. */
static void test_calendar_is_in_order(void **state)
{
    enum { COUNT = 20000 };
    static struct calendar_link links[COUNT + 1];
    static bool is_in[COUNT + 1];
    struct calendar *c = NEW(struct calendar);
    struct random r = {.state = 99};
    int64_t now_ns = SIM_START_NS;
    uint32_t put = 0, taken = 0;
    calendar_init(c, 200 * NS_PER_MS);
    for (int step = 0; taken < COUNT; step++) {
        for (uint32_t i = random_below(&r, 20); i > 0 && put < COUNT; i--) {
            uint32_t number = ++put;
            int64_t ahead_ns = random_below(&r, 100) ? 300 * NS_PER_MS : 100 * NS_PER_S;
            links[number].at_ns = now_ns + 1 + (int64_t)(random_next(&r) % (uint64_t)ahead_ns);
            is_in[number] = true;
            calendar_put(c, links, number);
        }
        int64_t until_ns = now_ns + random_below(&r, put < COUNT ? 20000000 : UINT32_MAX), last_ns = now_ns;
        for (uint32_t number; (number = calendar_take(c, links, until_ns)); taken++) {
            assert_true(is_in[number] && links[number].at_ns <= until_ns && links[number].at_ns >= last_ns);
            last_ns = links[number].at_ns;
            is_in[number] = false;
        }
        now_ns = until_ns;
        for (uint32_t i = 1; step % 50 == 0 && i <= put; i++)
            assert_true(!is_in[i] || links[i].at_ns > now_ns); /* none was left behind */
    }
    assert_int_equal(c->count, 0);
    free(c);
}

/* ---- one site under constant load ---- */

static double exponential(struct random *r)
{
    return -log(((double)(random_next(r) >> 11) + 0.5) * 0x1p-53);
}

struct outcome {
    double waiting_share, response_mean_s, in_system_mean, running_mean;
};

/* `count` requests at `rate` to `servers` servers; exponential service times unless cv is given. */
static struct outcome run_site(double rate, uint32_t servers, uint32_t concurrency, double cv, uint32_t count)
{
    struct sim_model m = standard_model();
    m.concurrency = concurrency;
    m.service_cv = cv;
    struct load none = {.seconds = 1};
    struct arrivals draw;
    arrivals_init(&draw, &none, &m);
    struct random r = {.state = 12345};
    struct arrival *items = NEW_ARRAY(struct arrival, count);
    double at_s = 0;
    for (uint32_t i = 0; i < count; i++) {
        at_s += exponential(&r) / rate;
        items[i].at_ns = SIM_START_NS + (int64_t)(at_s * (double)NS_PER_S);
        items[i].service_ns =
            cv > 0 ? arrivals_draw_service_ns(&draw) : (int64_t)(0.2 * exponential(&r) * (double)NS_PER_S);
    }
    struct service_cells *cells = NEW(struct service_cells);
    struct site s;
    site_init(&s, &m);
    s.cells = cells;
    for (uint32_t i = 0; i < servers; i++)
        site_serve(&s, site_add_server(&s), concurrency);
    struct outcome o = {0};
    uint32_t at = 0;
    double length_s = 0;
    while (at < count) {
        site_run(&s, items, &at, count, s.now_ns + NS_PER_S, true);
        length_s++;
        o.in_system_mean += (double)s.in_system_ns / (double)NS_PER_S;
        o.running_mean += (double)s.running_ns / (double)NS_PER_S;
        s.in_system_ns = s.running_ns = 0;
    }
    struct histogram_sum waits = {0}, durations = {0};
    histogram_sum_add(&waits, &cells->queue_wait);
    histogram_sum_add(&durations, &cells->duration);
    o.waiting_share = (double)waits.count / count;
    o.response_mean_s = (double)durations.sum_ns / (double)durations.count / (double)NS_PER_S;
    o.in_system_mean /= length_s;
    o.running_mean /= length_s;
    site_fini(&s);
    free(cells);
    free(items);
    arrivals_fini(&draw);
    return o;
}

static void test_many_places_wait_as_erlang_says(void **state)
{
    static const struct {
        double load;
        uint32_t servers, concurrency;
    } rows[] = {{6.5, 2, 4}, {9, 10, 1}, {17.5, 5, 4}, {28, 8, 4}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t places = rows[i].servers * rows[i].concurrency;
        double c = erlang_c(rows[i].load, places);
        struct outcome o = run_site(rows[i].load / 0.2, rows[i].servers, rows[i].concurrency, 0, 1000000);
        assert_within(o.waiting_share, c, 0.03);
        assert_within(o.response_mean_s, 0.2 + c * 0.2 / (places - rows[i].load), 0.03);
    }
}

static void test_one_place_waits_as_pollaczek_says(void **state)
{
    struct outcome o = run_site(3.5, 1, 1, 0.5, 1000000); /* load 0.7 */
    double wait = 0.7 * 0.2 * (1 + 0.25) / 2 / (1 - 0.7);
    assert_within(o.response_mean_s, 0.2 + wait, 0.03);
}

static void test_littles_law(void **state)
{
    struct outcome o = run_site(18, 1, 4, 0.5, 500000);
    assert_within(o.in_system_mean, 18 * o.response_mean_s, 0.01);
    assert_within(o.running_mean, 18 * 0.2, 0.01);
}

static void test_service_times(void **state)
{
    struct sim_model m = standard_model();
    struct load none = {.seconds = 1};
    struct arrivals a;
    arrivals_init(&a, &none, &m);
    double sum = 0, squares = 0;
    uint32_t late = 0, count = 2000000;
    for (uint32_t i = 0; i < count; i++) {
        double s = (double)arrivals_draw_service_ns(&a) / (double)NS_PER_S;
        sum += s;
        squares += s * s;
        late += s > 1;
    }
    double mean = sum / count, deviation = sqrt(squares / count - mean * mean);
    assert_within(mean, 0.2, 0.002);
    assert_within(deviation / mean, 0.5, 0.01);
    assert_within((double)late / count, 1.35e-4, 0.25); /* P(Z > (ln 5 + s²/2) / s), s² = ln 1.25 */
    arrivals_fini(&a);
}

/* ---- lanes ---- */

static struct load wave(uint32_t seconds, double low, double high, double period_s)
{
    struct load l = {.seconds = seconds, .rate = NEW_ARRAY(float, seconds), .factor = 1, .peak = high};
    for (uint32_t i = 0; i < seconds; i++)
        l.rate[i] = (float)(low + (high - low) * (0.5 - 0.5 * cos(2 * 3.14159265 * i / period_s)));
    return l;
}

static struct lane_result run_lane(const struct sim_setting *setting, const struct load *l, uint32_t start_s,
                                   bool follows_all, uint64_t seed)
{
    struct sim_model m = standard_model();
    m.seed = seed;
    struct lane_params params = {
        .setting = setting, .model = &m, .load = l, .start_s = start_s, .follows_all = follows_all};
    struct arrivals a;
    struct lane *lane = lane_new(&params);
    struct lane_result r;
    arrivals_init(&a, l, &m);
    while (arrivals_next(&a))
        lane_run(lane, &a);
    lane_finish(lane, &r);
    lane_free(lane);
    arrivals_fini(&a);
    return r;
}

static void test_arrivals_follow_the_rate(void **state)
{
    struct load l = wave(4000, 5, 200, 1000);
    struct sim_model m = standard_model();
    struct arrivals a;
    double expected[4] = {0}, counts[4] = {0}; /* by the quarter of the wave */
    int64_t before_ns = 0;
    arrivals_init(&a, &l, &m);
    while (arrivals_next(&a))
        for (uint32_t i = 0; i < a.second_count; i++) {
            const struct arrivals_second *s = &a.seconds[i];
            uint32_t second = a.begin_second + i;
            expected[second % 1000 / 250] += (double)l.rate[second];
            counts[second % 1000 / 250] += s->count;
            for (uint32_t j = s->first; j < s->first + s->count; j++) {
                assert_true(a.items[j].at_ns >= before_ns);
                assert_int_equal((a.items[j].at_ns - SIM_START_NS) / NS_PER_S, second);
                before_ns = a.items[j].at_ns;
            }
        }
    for (int i = 0; i < 4; i++)
        assert_within(counts[i], expected[i], 4 / sqrt(expected[i])); /* four standard deviations */
    arrivals_fini(&a);
    load_fini(&l);
}

static void test_skipping_changes_nothing(void **state)
{
    static const struct sim_setting settings[] = {
        {.ops = &policy_static, .target = 0.95},
        {.ops = &policy_static, .target = 0.6},
        {.ops = &policy_hpa, .metric = SIM_METRIC_CPU, .target = 0.8, .down_s = 60},
        {.ops = &policy_knative, .target = 0.7, .up_factor = 10},
        {.ops = &policy_oracle, .target = 1},
    };
    struct load l = wave(3600, 10, 400, 900);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        struct lane_result quick = run_lane(&settings[i], &l, 30, false, 3);
        struct lane_result whole = run_lane(&settings[i], &l, 30, true, 3);
        assert_int_equal(quick.requests, whole.requests);
        assert_true(whole.followed == 1 && quick.followed < 1);
        if (settings[i].ops == &policy_static) { /* nothing drains: the same to the last request */
            assert_true(quick.violations == whole.violations && quick.wait_max_s == whole.wait_max_s);
            assert_true(quick.server_hours == whole.server_hours);
        }
        assert_within(quick.violations, whole.violations, 0.02);
        assert_within(quick.server_hours, whole.server_hours, 0.001);
    }
    load_fini(&l);
}

static void test_the_oracle_keeps_the_objective(void **state)
{
    struct load l = wave(7200, 4, 700, 1800);
    struct sim_setting oracle = {.ops = &policy_oracle, .target = 1};
    double hours = 0;
    for (uint32_t start_s = 5; start_s <= 120; start_s += 115) {
        struct lane_result r = run_lane(&oracle, &l, start_s, false, 5);
        assert_true(r.violations > 0.5e-4 && r.violations < 4e-4); /* 1.35e-4 are late without any wait */
        assert_true(r.server_hours > hours);                       /* longer ahead costs more */
        hours = r.server_hours;
        /* Its cost: the servers that Erlang C wants, second by second, are a floor. */
        double floor = 0;
        for (uint32_t i = 0; i < l.seconds; i++)
            floor += erlang_servers((double)l.rate[i], 0.2, 4, 0.3, 0.01) / 3600.0;
        assert_true(r.server_hours >= floor && r.server_hours < 1.35 * floor);
    }
    load_fini(&l);
}

static void test_a_seed_gives_the_same_and_another_does_not(void **state)
{
    struct load l = wave(1200, 10, 300, 600);
    struct sim_setting s = {.ops = &policy_hpa, .metric = SIM_METRIC_IN_FLIGHT, .target = 0.8, .down_s = 60};
    struct lane_result a = run_lane(&s, &l, 30, false, 11), b = run_lane(&s, &l, 30, false, 11);
    struct lane_result c = run_lane(&s, &l, 30, false, 12);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(a.requests != c.requests);
    load_fini(&l);
}

static void test_cost_is_from_the_ask_to_the_end_of_the_drain(void **state)
{
    struct sim_model m = standard_model();
    struct arrival items[] = {{SIM_START_NS + 12 * NS_PER_S, 3 * NS_PER_S}};
    struct site s;
    uint32_t at = 0;
    site_init(&s, &m);
    uint32_t server = site_add_server(&s);
    site_run(&s, items, &at, 1, SIM_START_NS + 10 * NS_PER_S, true); /* it starts for 10 s */
    site_serve(&s, server, 4);
    site_run(&s, items, &at, 1, SIM_START_NS + 13 * NS_PER_S, true);
    assert_int_equal(s.servers[server].in_flight, 1);
    site_drain(&s, server);
    site_run(&s, items, &at, 1, SIM_START_NS + 60 * NS_PER_S, true);
    assert_int_equal(s.servers[server].state, SITE_SERVER_FREE);
    assert_within(site_server_seconds(&s), 15, 1e-9); /* its last request came at 12 and took 3 */
    site_fini(&s);
}

static void test_a_request_in_hopeless_company(void **state)
{
    struct sim_model m = standard_model();
    struct arrival items[64];
    struct site s;
    uint32_t at = 0;
    for (uint32_t i = 0; i < 64; i++)
        items[i] = (struct arrival){SIM_START_NS + 1000 + i, 10 * NS_PER_S};
    site_init(&s, &m);
    m.queue_length = 8;
    m.queue_timeout_ns = 5 * NS_PER_S;
    uint32_t bounded = site_add_server(&s);
    site_serve(&s, bounded, 6); /* takes 6, works on 4 */
    site_run(&s, items, &at, 64, SIM_START_NS + NS_PER_S, true);
    assert_int_equal(s.servers[bounded].in_flight, 6);
    assert_int_equal(s.servers[bounded].running, 4);
    assert_int_equal(s.queue_count, 8);
    assert_int_equal(s.score.refused, 64 - 6 - 8);
    assert_int_equal(s.waited_in_flight, 0);
    site_run(&s, items, &at, 64, SIM_START_NS + 11 * NS_PER_S, true); /* the eight were given up after 5 s */
    assert_int_equal(s.score.refused, 64 - 6);
    assert_int_equal(s.in_flight, 2);
    assert_int_equal(s.waited_in_flight, 2); /* inside the server */
    site_kill(&s, bounded);
    assert_int_equal(s.score.refused, 64 - 4); /* the two that it had begun are lost */
    assert_int_equal(s.in_flight + s.running + s.serving + s.queue_count, 0);
    assert_int_equal(s.score.requests, 64);
    assert_int_equal(s.score.late, 64);
    site_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_erlang),
        cmocka_unit_test(test_calendar_is_in_order),
        cmocka_unit_test(test_many_places_wait_as_erlang_says),
        cmocka_unit_test(test_one_place_waits_as_pollaczek_says),
        cmocka_unit_test(test_littles_law),
        cmocka_unit_test(test_service_times),
        cmocka_unit_test(test_arrivals_follow_the_rate),
        cmocka_unit_test(test_skipping_changes_nothing),
        cmocka_unit_test(test_the_oracle_keeps_the_objective),
        cmocka_unit_test(test_a_seed_gives_the_same_and_another_does_not),
        cmocka_unit_test(test_cost_is_from_the_ask_to_the_end_of_the_drain),
        cmocka_unit_test(test_a_request_in_hopeless_company),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
