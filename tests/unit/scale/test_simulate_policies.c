/* The policies of others, step by step, against numbers worked out by hand from their published rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "scale/simulate/hpa_rules.h"
#include "scale/simulate/settings.h"

/* A policy, what it sees, and its memory. A server carries 4 at once, 20 a second. */
struct stage {
    struct sim_model model;
    struct sim_setting setting;
    struct history history;
    struct site site;
    struct load load;
    struct sim_view view;
    void *state;
};

static struct stage *stage_new(struct sim_setting setting)
{
    struct stage *s = NEW(struct stage);
    s->model =
        (struct sim_model){.concurrency = 4, .service_mean_s = 0.2, .servers_min = 1, .servers_max = 400};
    s->setting = setting;
    s->state = mem_alloc(setting.ops->state_bytes + 1);
    site_init(&s->site, &s->model);
    s->view = (struct sim_view){.history = &s->history,
                                .site = &s->site,
                                .setting = &s->setting,
                                .model = &s->model,
                                .load = &s->load,
                                .start_s = 30};
    return s;
}

static void stage_free(struct stage *s)
{
    site_fini(&s->site);
    free(s->state);
    free(s);
}

/* `count` servers more; those that serve have done so for for_s. */
static void stage_add(struct stage *s, uint32_t count, bool is_serving, uint32_t for_s)
{
    int64_t now_ns = s->site.now_ns;
    for (uint32_t i = 0; i < count; i++) {
        s->site.now_ns = now_ns - (int64_t)(for_s + (is_serving ? 30 : 0)) * NS_PER_S;
        uint32_t server = site_add_server(&s->site);
        s->site.now_ns = now_ns - for_s * NS_PER_S;
        if (is_serving)
            site_serve(&s->site, server, 4);
    }
    s->site.now_ns = now_ns;
    s->view.serving = s->site.serving;
    s->view.starting = s->site.starting;
    s->view.wanted = s->view.serving + s->view.starting;
}

/* Time passes with these means a second; nobody is asked. */
static void stage_pass(struct stage *s, uint32_t seconds, double arrivals, double running, double in_system)
{
    struct history_mean m = {
        .arrivals = arrivals, .running = running, .in_system = in_system, .serving = s->site.serving};
    for (uint32_t i = 0; i < seconds; i++)
        history_note(&s->history, &m);
    s->view.now_s += seconds;
    s->site.now_ns += seconds * NS_PER_S;
}

static uint32_t stage_ask(struct stage *s)
{
    s->view.wanted = s->setting.ops->decide(s->state, &s->view);
    return s->view.wanted;
}

/* ---- HPA ---- */

static struct sim_setting hpa(enum sim_metric metric, double target, uint32_t down_s)
{
    return (struct sim_setting){.ops = &policy_hpa, .metric = metric, .target = target, .down_s = down_s};
}

static void test_hpa_cpu(void **state)
{
    static const struct {
        double target;
        uint32_t old, young, starting; /* servers */
        double usage;                  /* 0..1 */
        uint32_t expected;
    } rows[] = {
        {0.8, 10, 0, 0, 1, 13},    /* saturated: at most 1 / 0.8 at a time */
        {0.8, 10, 0, 0, 2, 13},    /* and a place is not busier than busy */
        {0.8, 10, 0, 0, 0.85, 10}, /* within the tolerance of a tenth */
        {0.8, 10, 0, 0, 0.9, 12},  /* 1.125 */
        {0.8, 10, 0, 0, 0.7, 9},   /* 0.875 */
        {0.8, 10, 0, 0, 0.73, 10}, /* below, too */
        {0.8, 10, 0, 0, 0.4, 5},
        {0.8, 10, 0, 4, 1, 14},  /* with the idle the ratio is 0.89: no more, and not fewer either */
        {0.5, 8, 0, 2, 1, 16},   /* 2 x 8 / 10 = 1.6 of 10 */
        {0.5, 8, 2, 0, 1, 16},   /* too young for a sample: the same */
        {0.5, 8, 0, 1, 0.55, 9}, /* 1.1 x 8 / 9 = 0.98 */
        {0.8, 8, 0, 2, 0.2, 2},  /* going down, only those with samples count */
        {0.5, 0, 3, 0, 1, 3},    /* no sample at all */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stage *s = stage_new(hpa(SIM_METRIC_CPU, rows[i].target, 0));
        stage_add(s, rows[i].old, true, 300);
        stage_add(s, rows[i].young, true, 0);
        stage_add(s, rows[i].starting, false, 0);
        uint32_t serving = s->site.serving;
        stage_pass(s, 15, 0, rows[i].usage * 4 * serving, 0); /* the sample */
        stage_pass(s, 14, 0, 0, 0);                           /* too new to be seen */
        history_note(&s->history, &(struct history_mean){.serving = serving});
        s->view.now_s++; /* the young are 29 s old: their sample began before they did */
        if (stage_ask(s) != rows[i].expected)
            fail_msg("row %zu: %u, not %u", i, s->view.wanted, rows[i].expected);
        stage_free(s);
    }
}

static void test_hpa_totals(void **state)
{
    struct stage *s = stage_new(hpa(SIM_METRIC_REQUESTS, 0.7, 0)); /* 14 a second each */
    stage_add(s, 10, true, 300);
    stage_pass(s, 15, 210, 40, 0);
    assert_int_equal(stage_ask(s), 15);
    stage_pass(s, 15, 224, 40, 0); /* 16 / 15: tolerated */
    assert_int_equal(stage_ask(s), 15);
    stage_pass(s, 15, 70, 40, 0);
    assert_int_equal(stage_ask(s), 5);
    stage_free(s);

    s = stage_new(hpa(SIM_METRIC_IN_FLIGHT, 0.5, 0)); /* 2 each, waiting ones included */
    stage_add(s, 10, true, 300);
    stage_pass(s, 15, 0, 20, 36);
    assert_int_equal(stage_ask(s), 18);
    stage_free(s);
}

static void test_hpa_behaviour(void **state)
{
    struct hpa_state h = {0};
    assert_int_equal(hpa_stabilise(&h, 40, 10, 300), 20); /* +100 % beats +4 */
    assert_int_equal(hpa_stabilise(&h, 40, 2, 300), 6);   /* +4 beats +100 % */
    assert_int_equal(hpa_stabilise(&h, 7, 6, 300), 7);
    /* Down to the most of the last 300 s: 40 was said 2 looks ago. */
    assert_int_equal(hpa_stabilise(&h, 3, 20, 300), 20);
    for (int i = 0; i < 17; i++)
        assert_int_equal(hpa_stabilise(&h, 3, 20, 300), 20);
    assert_int_equal(hpa_stabilise(&h, 3, 20, 300), 20); /* the second 40 is exactly 300 s old */
    assert_int_equal(hpa_stabilise(&h, 3, 20, 300), 7);
    assert_int_equal(hpa_stabilise(&h, 3, 20, 300), 3);
    struct hpa_state quick = {0};
    assert_int_equal(hpa_stabilise(&quick, 9, 20, 0), 9);
}

/* ---- KEDA ---- */

static void test_keda(void **state)
{
    struct stage *s = stage_new((struct sim_setting){
        .ops = &policy_keda, .metric = SIM_METRIC_IN_FLIGHT, .target = 0.7, .down_s = 0});
    stage_add(s, 6, true, 300);
    stage_pass(s, 14, 0, 0, 28);
    assert_int_equal(stage_ask(s), 6); /* KEDA polls, but its HPA looks every 15 s */
    stage_pass(s, 1, 0, 0, 28);
    assert_int_equal(stage_ask(s), 10); /* 28 / 2.8 */
    stage_free(s);

    s = stage_new((struct sim_setting){.ops = &policy_keda, .metric = SIM_METRIC_REQUESTS, .target = 0.5});
    s->model.servers_min = 0;
    stage_add(s, 4, true, 300);
    stage_pass(s, 30, 0, 0, 0);
    stage_pass(s, 30, 80, 0, 1);
    assert_int_equal(stage_ask(s), 4); /* the minute's mean is 40 a second, 10 each */
    for (int i = 0; i < 300; i++) {
        stage_pass(s, 1, 0, 0, 0);
        assert_true(stage_ask(s) >= 1); /* the HPA goes to one, not to zero */
    }
    stage_pass(s, 1, 0, 0, 0);
    assert_int_equal(stage_ask(s), 0); /* after the cooldown of 300 s */
    stage_pass(s, 1, 1, 0, 1);
    assert_int_equal(stage_ask(s), 1);
    stage_free(s);
}

/* ---- Knative ---- */

static struct stage *knative(uint32_t servers, double up_factor, uint32_t down_s)
{
    struct stage *s = stage_new((struct sim_setting){
        .ops = &policy_knative, .target = 0.7, .up_factor = up_factor, .down_s = down_s}); /* 2.8 each */
    stage_add(s, servers, true, 300);
    return s;
}

static void test_knative_is_calm(void **state)
{
    struct stage *s = knative(1, 1000, 0);
    stage_pass(s, 60, 0, 0, 2);
    assert_int_equal(stage_ask(s), 1);
    stage_add(s, 9, true, 300); /* ten are ready */
    stage_pass(s, 60, 0, 0, 28);
    assert_int_equal(stage_ask(s), 10);
    stage_pass(s, 30, 0, 0, 0); /* the mean over 60 s is 14 */
    assert_int_equal(stage_ask(s), 5);
    stage_pass(s, 30, 0, 0, 2.8); /* wanted 1, but at most halved: ten are still ready */
    assert_int_equal(stage_ask(s), 5);
    stage_free(s);
}

static void test_knative_panics(void **state)
{
    static const struct {
        double up_factor;
        uint32_t first;
    } rows[] = {{1000, 8}, {3, 6}, {2, 4}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stage *s = knative(1, rows[i].up_factor, 0);
        stage_pass(s, 60, 0, 0, 2);
        assert_int_equal(stage_ask(s), 1);
        stage_add(s, 1, true, 300);
        stage_pass(s, 6, 0, 0, 20); /* over 6 s: 20, so 8 servers, four times as many as are ready */
        assert_int_equal(stage_ask(s), rows[i].first);
        stage_pass(s, 60, 0, 0, 1); /* it goes no lower until 60 s after the last such moment */
        assert_int_equal(stage_ask(s), rows[i].first);
        stage_pass(s, 2, 0, 0, 1);
        assert_true(stage_ask(s) == 1);
        stage_free(s);
    }
}

static void test_knative_begins_in_panic_and_delays(void **state)
{
    struct stage *s = knative(10, 1000, 0);
    stage_pass(s, 2, 0, 0, 2.8);
    assert_int_equal(stage_ask(s), 10); /* a fresh autoscaler holds what it finds */
    stage_pass(s, 62, 0, 0, 2.8);
    assert_int_equal(stage_ask(s), 5);
    stage_free(s);

    s = knative(1, 1000, 60);
    stage_pass(s, 60, 0, 0, 2);
    for (int i = 0; i < 40; i++)
        (void)stage_ask(s);
    stage_add(s, 1, true, 300);
    stage_pass(s, 60, 0, 0, 5.6);
    assert_int_equal(stage_ask(s), 2);
    for (int i = 0; i < 30; i++) {
        stage_pass(s, 2, 0, 0, 0.1);
        assert_int_equal(stage_ask(s), 2); /* the most of the last 60 s */
    }
    stage_pass(s, 2, 0, 0, 0.1);
    (void)stage_ask(s);
    for (int i = 0; i < 30; i++) {
        stage_pass(s, 2, 0, 0, 0.1);
        (void)stage_ask(s);
    }
    assert_int_equal(s->view.wanted, 1);
    stage_free(s);
}

static void test_knative_goes_to_zero(void **state)
{
    struct stage *s = knative(1, 1000, 0);
    s->model.servers_min = 0;
    stage_pass(s, 60, 0, 0, 1);
    assert_int_equal(stage_ask(s), 1);
    for (int i = 0; i < 44; i++) { /* 60 s until the window is empty, 30 s of grace */
        stage_pass(s, 2, 0, 0, 0);
        assert_int_equal(stage_ask(s), 1);
    }
    stage_pass(s, 2, 0, 0, 0);
    assert_int_equal(stage_ask(s), 0);
    stage_free(s);
}

/* ---- AWS ---- */

static struct sim_setting aws(enum sim_metric metric, double target, uint32_t warm_up_s, bool is_stepwise)
{
    return (struct sim_setting){.ops = &policy_aws,
                                .metric = metric,
                                .target = target,
                                .warm_up_s = warm_up_s,
                                .is_stepwise = is_stepwise};
}

static uint32_t minute(struct stage *s, double arrivals, double running)
{
    stage_pass(s, 60, arrivals, running, running);
    return stage_ask(s);
}

static void test_aws_tracking(void **state)
{
    struct stage *s = stage_new(aws(SIM_METRIC_CPU, 0.5, 300, false));
    stage_add(s, 10, true, 1000);
    assert_int_equal(minute(s, 0, 40), 10); /* the minute is published only with the next */
    assert_int_equal(minute(s, 0, 40), 10);
    assert_int_equal(minute(s, 0, 40), 10);
    assert_int_equal(minute(s, 0, 40), 20); /* three in a row: 10 x 1 / 0.5 */
    stage_add(s, 10, false, 0);
    assert_int_equal(minute(s, 0, 40), 20); /* the ten that come are counted */
    stage_free(s);

    s = stage_new(aws(SIM_METRIC_REQUESTS, 0.5, 0, false));
    stage_add(s, 10, true, 1000);
    for (int i = 0; i < 15; i++)
        assert_int_equal(minute(s, 60, 0), 10);
    assert_int_equal(minute(s, 60, 0), 6); /* 15 published minutes: 6 a second and server is 0.3; 10 x 0.6 */
    stage_free(s);

    s = stage_new(aws(SIM_METRIC_REQUESTS, 0.5, 0, false));
    stage_add(s, 10, true, 1000);
    for (int i = 0; i < 40; i++)
        assert_int_equal(minute(s, 92, 0), 10); /* 0.92 of the target: between the alarms */
    stage_free(s);
}

static void test_aws_steps(void **state)
{
    static const struct {
        uint32_t servers;
        double usage;
        uint32_t expected;
    } rows[] = {{10, 0.65, 11}, {10, 0.75, 12}, {10, 0.95, 13}, {5, 0.65, 6}, {25, 0.75, 30}, {25, 0.65, 27}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stage *s = stage_new(aws(SIM_METRIC_CPU, 0.6, 0, true));
        stage_add(s, rows[i].servers, true, 1000);
        for (int m = 0; m < 3; m++)
            assert_int_equal(minute(s, 0, rows[i].usage * 4 * rows[i].servers), rows[i].servers);
        assert_int_equal(minute(s, 0, rows[i].usage * 4 * rows[i].servers), rows[i].expected);
        stage_free(s);
    }
    struct stage *s = stage_new(aws(SIM_METRIC_CPU, 0.6, 0, true));
    stage_add(s, 20, true, 1000);
    for (int m = 0; m < 15; m++)
        assert_int_equal(minute(s, 0, 0.35 * 80), 20);
    assert_int_equal(minute(s, 0, 0.35 * 80), 18);
    stage_free(s);
}

/* ---- Nomad ---- */

static void test_nomad(void **state)
{
    struct stage *s = stage_new(
        (struct sim_setting){.ops = &policy_nomad, .metric = SIM_METRIC_CPU, .target = 0.5, .down_s = 60});
    stage_add(s, 10, true, 1000);
    stage_pass(s, 60, 0, 20.1, 0); /* 0.5025: within a hundredth */
    assert_int_equal(stage_ask(s), 10);
    stage_pass(s, 60, 0, 24, 0);
    assert_int_equal(stage_ask(s), 12);
    stage_pass(s, 50, 0, 40, 0); /* cooling */
    assert_int_equal(stage_ask(s), 12);
    stage_pass(s, 10, 0, 40, 0);
    assert_int_equal(stage_ask(s), 24); /* 12 x 2 */
    stage_pass(s, 60, 0, 0, 0);
    assert_int_equal(stage_ask(s), 1);
    stage_free(s);

    s = stage_new((struct sim_setting){
        .ops = &policy_nomad, .metric = SIM_METRIC_IN_FLIGHT, .target = 0.5, .down_s = 60});
    stage_add(s, 10, true, 1000);
    stage_pass(s, 60, 0, 40, 100); /* waiting ones count: 2.5 of each place */
    assert_int_equal(stage_ask(s), 50);
    stage_free(s);
}

/* ---- those that know, and the table ---- */

static void test_static_and_oracle(void **state)
{
    struct stage *s = stage_new((struct sim_setting){.ops = &policy_static, .target = 0.5});
    float rate[200];
    for (int i = 0; i < 200; i++)
        rate[i] = i == 150 ? 800 : 20;
    s->load = (struct load){.seconds = 200, .rate = rate, .peak = 800};
    uint32_t most = oracle_servers(&s->model, 800), least = oracle_servers(&s->model, 20);
    assert_int_equal(most, 41); /* 160 busy places */
    assert_int_equal(least, 2);
    assert_int_equal(stage_ask(s), 21); /* half of 41, rounded */
    s->setting = (struct sim_setting){.ops = &policy_oracle, .target = 1};
    for (uint32_t now_s = 110; now_s < 160; now_s++) {
        s->view.now_s = now_s;
        assert_int_equal(stage_ask(s), now_s >= 120 && now_s <= 150 ? most : least); /* 30 s ahead */
    }
    stage_free(s);
}

static void test_every_setting_has_a_name_of_its_own(void **state)
{
    static struct sim_setting settings[SETTINGS_MAX];
    struct err err;
    char *names[SETTINGS_MAX];
    uint32_t count = settings_expand(STR("all"), settings, &err);
    assert_true(count > 100);
    for (uint32_t i = 0; i < count; i++) {
        struct buf name = {0};
        buf_printf(&name, "%s ", settings[i].ops->name);
        settings[i].ops->describe(&settings[i], &name);
        names[i] = name.ptr;
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
    }
    for (uint32_t i = 0; i < count; i++)
        free(names[i]);
    assert_int_equal(settings_expand(STR("weir,oracle"), settings, &err), 2);
    assert_int_equal(settings_expand(STR("hpq"), settings, &err), 0);
    assert_string_equal(err.text, "unknown policy 'hpq'; did you mean 'hpa'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hpa_cpu),
        cmocka_unit_test(test_hpa_totals),
        cmocka_unit_test(test_hpa_behaviour),
        cmocka_unit_test(test_keda),
        cmocka_unit_test(test_knative_is_calm),
        cmocka_unit_test(test_knative_panics),
        cmocka_unit_test(test_knative_begins_in_panic_and_delays),
        cmocka_unit_test(test_knative_goes_to_zero),
        cmocka_unit_test(test_aws_tracking),
        cmocka_unit_test(test_aws_steps),
        cmocka_unit_test(test_nomad),
        cmocka_unit_test(test_static_and_oracle),
        cmocka_unit_test(test_every_setting_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
