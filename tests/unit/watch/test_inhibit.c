/*
 * Which alerts hide others, by the engine on a virtual clock: the worse of one number, the cause of what
 * follows from it; for how long; and that nobody is hidden by what he hides.
 */
#include "watch/rules.h"

#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HIDDEN_FOR_S = 120, CHANGES_MAX = 32 };

struct change {
    char name[64], hidden[ALERT_TEXT_BYTES];
    enum alert_change change;
};

/* What stands on the board in the next second; a subject's numbers stay until they are taken off. */
struct number {
    enum metric metric;
    const char *host, *first, *second;
    double value;
};

struct play {
    struct rules *rules;
    struct board *board;
    int64_t second;
    size_t number_count, change_count;
    struct number numbers[8];
    struct change changes[CHANGES_MAX]; /* since the play was opened */
};

static void on_change(void *context, const struct alert *a, enum alert_change change, struct rules_time t)
{
    struct play *p = context;
    assert_true(p->change_count < CHANGES_MAX);
    struct change *c = &p->changes[p->change_count++];
    c->change = change;
    str_copy(c->name, sizeof(c->name), str_of(a->name));
    str_copy(c->hidden, sizeof(c->hidden), str_of(a->hidden));
}

static struct play *open_play(const struct config_rule *rules, size_t count)
{
    struct config_watch config = {.rules = (struct config_rule *)rules, .rule_count = count};
    struct play *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->rules =
        rules_new(&(struct rules_params){.instance = STR("web-1"), .on_change = on_change, .context = p});
    p->board = board_new();
    p->second = 1000;
    rules_open(p->rules, &config);
    return p;
}

static void close_play(struct play *p)
{
    rules_free(p->rules);
    board_free(p->board);
    free(p);
}

static struct number *put(struct play *p, struct number n)
{
    for (size_t i = 0; i < p->number_count; i++) {
        struct number *old = &p->numbers[i];
        if (old->metric == n.metric && strcmp(old->host, n.host) == 0 && old->first == n.first &&
            old->second == n.second) {
            old->value = n.value;
            return old;
        }
    }
    assert_true(p->number_count < ARRAY_LEN(p->numbers));
    p->numbers[p->number_count] = n;
    return &p->numbers[p->number_count++];
}

static void take_off(struct play *p, struct number *n)
{
    *n = p->numbers[--p->number_count];
}

static void run(struct play *p, int seconds)
{
    for (int s = 0; s < seconds; s++) {
        int64_t ns = ++p->second * NS_PER_S;
        board_begin(p->board, ns, ns);
        for (size_t i = 0; i < p->number_count; i++) {
            const struct number *n = &p->numbers[i];
            board_put(p->board, n->metric, &(struct subject){.host = n->host, .names = {n->first, n->second}},
                      reading_known(n->value));
        }
        board_end(p->board);
        rules_step(p->rules, p->board, (struct rules_time){ns, ns});
    }
}

/* Of this name, about this machine, and with `names` as the value of some label when it is not NULL. */
static const struct alert *find(const struct play *p, const char *name, const char *instance,
                                const char *label)
{
    const struct alert *a;
    for (size_t i = 0; (a = rules_alert(p->rules, i)) != NULL; i++) {
        bool has_label = label == NULL;
        for (size_t k = 0; k < a->label_count; k++)
            has_label |= label && strcmp(a->labels[k].value, label) == 0;
        if (strcmp(a->name, name) == 0 && strcmp(alert_label(a, "instance"), instance) == 0 && has_label)
            return a;
    }
    fail_msg("there is no %s of %s", name, instance);
    return NULL;
}

/* That it fires; hidden: NULL when people are told. */
static void assert_fires(const struct play *p, const char *name, const char *instance, const char *label,
                         const char *hidden)
{
    const struct alert *a = find(p, name, instance, label);
    if (!alert_life_is_active(&a->life))
        fail_msg("%s of %s does not fire", name, instance);
    if (strcmp(a->hidden, hidden ? hidden : "") != 0)
        fail_msg("in second %lld, %s of %s is hidden by '%s'", (long long)p->second - 1000, name, instance,
                 a->hidden);
}

static const struct change *last_change(const struct play *p, const char *name)
{
    for (size_t i = p->change_count; i-- > 0;)
        if (strcmp(p->changes[i].name, name) == 0)
            return &p->changes[i];
    fail_msg("nothing happened to %s", name);
    return NULL;
}

/* ---- of one number ---- */

static const struct config_rule levels[] = {
    {.name = STR("Full"), .is_enabled = true, .when = STR("disk > 80%"), .severity = RULE_SEVERITY_NOTICE},
    {.name = STR("Fuller"),
     .is_enabled = true,
     .when = STR("disk > 90%"),
     .severity = RULE_SEVERITY_CRITICAL},
    {.name = STR("Filled"),
     .is_enabled = true,
     .when = STR("disk > 85%"),
     .severity = RULE_SEVERITY_CRITICAL},
    {.name = STR("HostDiskHigh"), .when = STR("off")},
    {.name = STR("HostDiskAlmostFull"), .when = STR("off")},
};

static void the_worse_hides_the_lesser_of_the_same_number_alone(void **state)
{
    struct play *p = open_play(levels, ARRAY_LEN(levels));
    put(p, (struct number){METRIC_DISK, "", "/", NULL, 95});
    put(p, (struct number){METRIC_DISK, "", "/srv", NULL, 82});
    put(p, (struct number){METRIC_DISK, "web-2", "/", NULL, 82});
    run(p, 1);
    assert_fires(p, "Full", "web-1", "/", "Fuller says it more urgently");
    assert_string_equal(last_change(p, "Fuller")->hidden, "");
    /* As bad as each other: both are told. */
    assert_fires(p, "Fuller", "web-1", "/", NULL);
    assert_fires(p, "Filled", "web-1", "/", NULL);
    /* Another disk, and that of another machine, are other numbers. */
    assert_fires(p, "Full", "web-1", "/srv", NULL);
    assert_fires(p, "Full", "web-2", "/", NULL);
    close_play(p);
}

static void the_lesser_stays_hidden_for_two_minutes(void **state)
{
    struct play *p = open_play(levels, 2);
    struct number *disk = put(p, (struct number){METRIC_DISK, "", "/", NULL, 95});
    run(p, 1);
    assert_int_equal(last_change(p, "Full")->change, ALERT_FIRED);
    assert_string_equal(last_change(p, "Full")->hidden, "Fuller says it more urgently");
    disk->value = 84;
    run(p, 1);
    assert_int_equal(last_change(p, "Fuller")->change, ALERT_ENDED);
    run(p, HIDDEN_FOR_S - 2);
    assert_fires(p, "Full", "web-1", NULL, "Fuller says it more urgently");
    run(p, 1);
    assert_fires(p, "Full", "web-1", NULL, NULL);
    /* The cause comes back: hidden again. When all is well, nothing is left of it. */
    disk->value = 95;
    run(p, 1);
    assert_fires(p, "Full", "web-1", NULL, "Fuller says it more urgently");
    disk->value = 10;
    run(p, 1);
    assert_string_equal(last_change(p, "Full")->hidden, "Fuller says it more urgently");
    run(p, 600); /* what came back so soon is held for a while: see test_alert_life.c */
    assert_string_equal(find(p, "Full", "web-1", NULL)->hidden, "");
    disk->value = 84;
    run(p, 1);
    assert_fires(p, "Full", "web-1", NULL, NULL);
    close_play(p);
}

/* ---- causes and effects ---- */

static const struct config_rule error_rate[] = {
    {.name = STR("ErrorRateHigh"), .is_enabled = true, .when = STR("error_rate > 5%")}};

static void a_cause_hides_its_effects_and_not_the_other_way_round(void **state)
{
    struct play *p = open_play(error_rate, 1);
    put(p, (struct number){METRIC_ERROR_RATE, "", "shop", NULL, 50});
    put(p, (struct number){METRIC_ERROR_RATE, "", "blog", NULL, 50});
    run(p, 1);
    assert_fires(p, "ErrorRateHigh", "web-1", "shop", NULL);
    struct number *down = put(p, (struct number){METRIC_SERVICE_DOWN, "", "shop", NULL, 1});
    run(p, 1);
    assert_fires(p, "ServiceDown", "web-1", "shop", NULL);
    assert_fires(p, "ErrorRateHigh", "web-1", "shop", "ServiceDown explains it");
    assert_fires(p, "ErrorRateHigh", "web-1", "blog", NULL);
    /* The cause is gone with its subject: for two minutes as if it were there. */
    take_off(p, down);
    run(p, 1);
    assert_int_equal(last_change(p, "ServiceDown")->change, ALERT_ENDED);
    run(p, HIDDEN_FOR_S - 2);
    assert_fires(p, "ErrorRateHigh", "web-1", "shop", "ServiceDown explains it");
    run(p, 1);
    assert_fires(p, "ErrorRateHigh", "web-1", "shop", NULL);
    close_play(p);
}

static void an_effect_that_goes_while_it_is_hidden_is_not_told(void **state)
{
    struct play *p = open_play(error_rate, 1);
    put(p, (struct number){METRIC_SERVICE_DOWN, "", "shop", NULL, 1});
    struct number *rate = put(p, (struct number){METRIC_ERROR_RATE, "", "shop", NULL, 50});
    run(p, 1);
    assert_string_equal(last_change(p, "ErrorRateHigh")->hidden, "ServiceDown explains it");
    take_off(p, rate);
    run(p, 1);
    assert_int_equal(last_change(p, "ErrorRateHigh")->change, ALERT_ENDED);
    assert_string_equal(last_change(p, "ErrorRateHigh")->hidden, "ServiceDown explains it");
    close_play(p);
}

/* HostDown hides everything of its machine: also what is about the same number and worse? */
static void nobody_is_hidden_by_what_he_hides(void **state)
{
    static const struct config_rule rules[] = {
        {.name = STR("HostGone"),
         .is_enabled = true,
         .when = STR("host_failures > 2"),
         .severity = RULE_SEVERITY_CRITICAL},
        {.name = STR("HostAbsent"),
         .is_enabled = true,
         .when = STR("host_failures > 2"),
         .severity = RULE_SEVERITY_WARNING},
    };
    struct play *p = open_play(rules, 2);
    put(p, (struct number){METRIC_HOST_FAILURES, "web-2", NULL, NULL, 3});
    run(p, 1);
    assert_fires(p, "HostGone", "web-2", NULL, NULL); /* the worst is told in any case */
    assert_fires(p, "HostDown", "web-2", NULL, "HostGone says it more urgently");
    assert_string_equal(find(p, "HostAbsent", "web-2", NULL)->hidden[0] ? "hidden" : "", "hidden");
    close_play(p);
    /* A default's name for a rule about many things: they do not hide each other. */
    static const struct config_rule renamed[] = {
        {.name = STR("HostDown"), .is_enabled = true, .when = STR("disk > 80%")}};
    p = open_play(renamed, 1);
    put(p, (struct number){METRIC_DISK, "web-2", "/", NULL, 85});
    put(p, (struct number){METRIC_DISK, "web-2", "/srv", NULL, 85});
    run(p, 1);
    assert_fires(p, "HostDown", "web-2", "/", NULL);
    assert_fires(p, "HostDown", "web-2", "/srv", NULL);
    close_play(p);
}

/* ---- a machine and its servers ---- */

static void a_machine_that_is_down_hides_its_servers(void **state)
{
    struct play *p = open_play(NULL, 0);
    struct number *host = put(p, (struct number){METRIC_HOST_FAILURES, "web-2", NULL, NULL, 0});
    put(p, (struct number){METRIC_SERVER_DOWN, "web-2", "shop", "10.0.0.6:8000", 0});
    put(p, (struct number){METRIC_SERVER_DOWN, "web-3", "shop", "10.0.0.7:8000", 1});
    run(p, 10);
    host->value = 3;
    put(p, (struct number){METRIC_SERVER_DOWN, "web-2", "shop", "10.0.0.6:8000", 1});
    run(p, 150);
    assert_fires(p, "HostDown", "web-2", NULL, NULL);
    assert_fires(p, "ServerDown", "web-2", "10.0.0.6:8000", "HostDown explains it");
    assert_fires(p, "ServerDown", "web-3", "10.0.0.7:8000", NULL);
    /* The machine is back and its server is not. */
    host->value = 0;
    run(p, 1);
    assert_int_equal(last_change(p, "HostDown")->change, ALERT_ENDED);
    run(p, HIDDEN_FOR_S - 2);
    assert_fires(p, "ServerDown", "web-2", "10.0.0.6:8000", "HostDown explains it");
    run(p, 1);
    assert_fires(p, "ServerDown", "web-2", "10.0.0.6:8000", NULL);
    /* With all servers gone, people are told of the service, wherever they were. */
    put(p, (struct number){METRIC_SERVICE_DOWN, "", "shop", NULL, 1});
    put(p, (struct number){METRIC_SERVER_DOWN, "web-3", "blog", "10.0.0.7:9000", 1});
    run(p, 130);
    assert_fires(p, "ServiceDown", "web-1", "shop", NULL);
    assert_fires(p, "ServerDown", "web-2", "10.0.0.6:8000", "ServiceDown explains it");
    assert_fires(p, "ServerDown", "web-3", "10.0.0.7:8000", "ServiceDown explains it");
    assert_fires(p, "ServerDown", "web-3", "10.0.0.7:9000", NULL);
    close_play(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worse_hides_the_lesser_of_the_same_number_alone),
        cmocka_unit_test(the_lesser_stays_hidden_for_two_minutes),
        cmocka_unit_test(a_cause_hides_its_effects_and_not_the_other_way_round),
        cmocka_unit_test(an_effect_that_goes_while_it_is_hidden_is_not_told),
        cmocka_unit_test(nobody_is_hidden_by_what_he_hides),
        cmocka_unit_test(a_machine_that_is_down_hides_its_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
