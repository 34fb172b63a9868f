/* The estimate of one server's pace beside the others: what chance, uneven load and a common trouble look
 * like, and what a slow server does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/random.h"
#include "scale/collect.h"
#include "stats/histogram.h"

enum { SERVERS = 3, SEEDS = 60, SECONDS = 600 };

/* Logarithms (natural) of how long requests take, of mean 0 or so. */
typedef double (*durations)(struct random *r);

static double uniform(struct random *r)
{
    return (double)(random_next(r) >> 11) * 0x1p-53;
}

static double normal(struct random *r)
{
    return sqrt(-2 * log(1 - uniform(r))) * cos(6.283185307179586 * uniform(r));
}

static double constant(struct random *r)
{
    (void)r;
    return 0;
}

static double lognormal(struct random *r)
{
    return 0.5 * normal(r);
}

static double exponential(struct random *r)
{
    return log(-log(1 - uniform(r)) + 1e-12);
}

/* One in two is served from memory, and takes a hundredth. */
static double two_kinds(struct random *r)
{
    return 0.3 * normal(r) - (uniform(r) < 0.5 ? log(100) : 0);
}

static const struct {
    const char *name;
    durations draw;
} laws[] = {
    {"constant", constant}, {"lognormal", lognormal}, {"exponential", exponential}, {"two kinds", two_kinds}};

struct scene {
    struct random random;
    durations draw;
    double rates[SERVERS];    /* requests a second */
    double factors[SERVERS];  /* true paces */
    unsigned levels[SERVERS]; /* most in flight */
    struct server_pace paces[SERVERS];
};

static struct scene scene_of(uint64_t seed, durations draw)
{
    struct scene s = {.random = {.state = seed * 7919 + 1}, .draw = draw};
    for (int i = 0; i < SERVERS; i++) {
        s.rates[i] = 8;
        s.factors[i] = 1;
        s.levels[i] = 4;
    }
    return s;
}

/* Requests sent at level n take n times as long; `all` times as long for all of them. */
static void run_second(struct scene *s, double all_times)
{
    struct server_pace_second seconds[SERVERS], all;
    memset(seconds, 0, sizeof(seconds));
    memset(&all, 0, sizeof(all));
    for (int i = 0; i < SERVERS; i++) {
        double count = floor(s->rates[i] * (0.5 + uniform(&s->random)) + uniform(&s->random));
        for (int n = 0; n < (int)count; n++) {
            unsigned level = (unsigned)(uniform(&s->random) * s->levels[i]);
            double ns = 50e6 * all_times * (level + 1) / s->factors[i] * exp(s->draw(&s->random));
            seconds[i].admissions[level]++;
            seconds[i].admission_logs[level] += histogram_log_of((int64_t)ns);
        }
        server_pace_second_add(&all, &seconds[i]);
    }
    for (int i = 0; i < SERVERS; i++)
        server_pace_note(&s->paces[i], &seconds[i], &all);
}

static unsigned slow_ones(const struct scene *s)
{
    unsigned count = 0;
    for (int i = 0; i < SERVERS; i++)
        count += s->paces[i].is_slow;
    return count;
}

static void equal_servers_are_never_slow(void **state)
{
    (void)state;
    for (size_t law = 0; law < ARRAY_LEN(laws); law++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct scene s = scene_of(seed, laws[law].draw);
            s.rates[1] = 1 + (double)(seed % 7);    /* uneven load */
            s.levels[2] = 4 + (unsigned)(seed % 9); /* one is filled further */
            for (int second = 0; second < SECONDS; second++) {
                double all_times = second / 100 % 2 ? 3 : 1; /* the database they share */
                run_second(&s, all_times);
                if (slow_ones(&s))
                    fail_msg("%s, seed %d, second %d: an equal server is called slow", laws[law].name,
                             (int)seed, second);
            }
        }
}

static void half_as_fast_is_found_and_recovers(void **state)
{
    (void)state;
    for (size_t law = 0; law < 3; law++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct scene s = scene_of(seed, laws[law].draw);
            s.factors[1] = 0.5;
            int second = 0;
            while (second < SECONDS && !s.paces[1].is_slow) {
                run_second(&s, 1);
                second++;
            }
            assert_true(second <= 90); /* 720 requests of its own */
            for (int more = 0; more < 60; more++)
                run_second(&s, 1);
            assert_int_equal(slow_ones(&s), 1);
            assert_true(s.paces[1].is_slow);
            double factor = server_pace_factor(&s.paces[1]);
            assert_true(factor > 0.3 && factor < 0.75);
            s.factors[1] = 1;
            for (int more = 0; more < 360; more++)
                run_second(&s, 1);
            assert_int_equal(slow_ones(&s), 0);
        }
}

/* What was seen in three minutes is not held against it for as long. */
static void a_stalled_server_recovers_soon(void **state)
{
    (void)state;
    struct scene s = scene_of(3, lognormal);
    s.factors[1] = 0.05;
    for (int second = 0; second < 180; second++)
        run_second(&s, 1);
    assert_true(s.paces[1].is_slow);
    s.factors[1] = 1;
    for (int second = 0; second < 45; second++)
        run_second(&s, 1);
    assert_int_equal(slow_ones(&s), 0);
    assert_true(server_pace_factor(&s.paces[1]) > 0.9);
}

static void little_or_nothing_to_compare_says_nothing(void **state)
{
    (void)state;
    struct scene s = scene_of(1, constant);
    s.factors[0] = 0.1;
    for (int second = 0; second < 11; second++)
        run_second(&s, 1);
    assert_true(server_pace_factor(&s.paces[0]) == 0);
    assert_int_equal(slow_ones(&s), 0);

    struct server_pace alone = {0};
    struct server_pace_second own = {.admissions = {[3] = 100}, .admission_logs = {[3] = 100 * 300}};
    struct server_pace_second all = own; /* the others had fewer in flight */
    all.admissions[0] = 200;
    all.admission_logs[0] = 200 * 200;
    for (int second = 0; second < 100; second++)
        server_pace_note(&alone, &own, &all);
    assert_true(server_pace_factor(&alone) == 0 && !alone.is_slow);
}

/* A server answers so many requests with two in flight, of so many logarithms each. */
static void answer(struct server *s, unsigned count, unsigned logs)
{
    counter_add(&s->cells[0]->admissions[1], count);
    counter_add(&s->cells[0]->admission_logs[1], (uint64_t)count * logs);
}

static void one_that_is_filled_is_not_compared(void **state)
{
    (void)state;
    struct fleet *fleet = fleet_new(1);
    struct service *shop = fleet_add_service(fleet, STR("shop"));
    struct server *servers[SERVERS];
    for (int i = 0; i < SERVERS; i++) {
        char name[] = "shop-1";
        name[5] = (char)('1' + i);
        servers[i] = fleet_add_server(fleet, shop, str_of(name), &(struct addr){0});
        atomic_store(&servers[i]->state, SERVER_SERVING);
        atomic_store(&servers[i]->is_healthy, 1);
    }
    struct collector *c = collector_new();
    struct collect_request request = {
        .service = shop, .thread_count = 1, .servers = servers, .server_count = SERVERS, .quantile = 0.99};
    struct scale_signals g;
    for (int second = 0; second < 120; second++) {
        atomic_store(&shop->filled, second < 60 ? servers[0] : NULL);
        collector_read(c, &request, (second + 1) * NS_PER_S, &g);
        if (second < 60) {
            assert_true(server_pace_factor(collector_pace(c, 0)) == 0);
            assert_false(collector_pace(c, 1)->is_slow);
        }
        for (int i = 0; i < SERVERS; i++)
            answer(servers[i], 20, i == 0 ? 300 : 284); /* twice as long: an octave is 16 */
    }
    assert_true(collector_pace(c, 0)->is_slow);
    assert_true(fabs(server_pace_factor(collector_pace(c, 0)) - 0.5) < 1e-9);
    assert_false(collector_pace(c, 1)->is_slow);
    collector_free(c);
    fleet_free(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_servers_are_never_slow),
        cmocka_unit_test(half_as_fast_is_found_and_recovers),
        cmocka_unit_test(a_stalled_server_recovers_soon),
        cmocka_unit_test(one_that_is_filled_is_not_compared),
        cmocka_unit_test(little_or_nothing_to_compare_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
