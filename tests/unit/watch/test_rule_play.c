/*
 * Every default rule and every example of docs/reference/rules.md on a virtual clock: a made-up course of its
 * numbers must make it fire at exactly its time and end at exactly its time, and missing data must do what it
 * says.
 */
#include "watch/rules.h"

#include "base/clock.h"
#include "base/macros.h"
#include "rule/default_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As the configuration's reader fills it in. */
static const struct config_watch defaults = {
    .cpu = {.is_enabled = true, .above = 90, .clear = 80, .for_ns = 300 * NS_PER_S},
    .memory = {.is_enabled = true, .above = 80, .clear = 75, .for_ns = 300 * NS_PER_S},
    .disk = {.is_enabled = true, .above = 90, .clear = 87, .for_ns = 120 * NS_PER_S},
    .error_rate = {.is_enabled = true, .above = 5, .clear = 2, .for_ns = 60 * NS_PER_S},
    .error_rate_requests_min = 20,
    .crash_count = 3,
    .crash_window_ns = 300 * NS_PER_S,
    .discovery_ns = 300 * NS_PER_S,
};

enum { NAME_BYTES = 128 };

struct play {
    const char *name; /* of the alert */
    struct rule rule;
    struct arena *arena;
    struct rules *rules;
    struct board *board;
    char names[SUBJECT_NAMES_MAX][NAME_BYTES]; /* of a subject that the rule matches */
    char host[NAME_BYTES];
    int64_t second;
    enum alert_change change; /* of the latest tick */
};

static void on_change(void *context, const struct alert *a, enum alert_change change, struct rules_time t)
{
    struct play *p = context;
    if (strcmp(a->name, p->name) == 0)
        p->change = change;
}

/* A text that fits the pattern, or for `!=` one that does not. */
static void make_name(const struct rule_matcher *m, char out[NAME_BYTES])
{
    size_t len = 0;
    for (size_t i = 0; i < m->pattern.len; i++)
        out[len++] = m->pattern.ptr[i] == '*' ? 'x' : m->pattern.ptr[i];
    if (m->is_not)
        out[len++] = '~';
    out[len] = '\0';
}

static void choose_subject(struct play *p)
{
    const struct rule_condition *c = &p->rule.conditions[0];
    enum subject_kind kind = metric_infos[c->metric].subject;
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
        snprintf(p->names[i], NAME_BYTES, "%s", subject_label(kind, i)[0] ? "one" : "");
    for (size_t k = 0; k < c->matcher_count; k++) {
        for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
            if (strcmp(c->matchers[k].label, subject_label(kind, i)) == 0)
                make_name(&c->matchers[k], p->names[i]);
        if (strcmp(c->matchers[k].label, "instance") == 0)
            make_name(&c->matchers[k], p->host);
    }
}

static void open_play(struct play *p, const char *name, const char *when, bool is_own)
{
    struct rule_mistake mistake;
    struct config_rule own = {
        .name = str_of(name), .is_enabled = true, .when = str_of(when), .severity = RULE_SEVERITY_CRITICAL};
    struct config_watch config = defaults;
    *p = (struct play){.name = name, .arena = arena_new(), .board = board_new(), .second = 1000};
    if (!rule_parse(str_of(when), p->arena, &p->rule, &mistake))
        fail_msg("%s: %s", when, mistake.text);
    if (is_own) {
        config.rule_count = 1;
        config.rules = &own;
    }
    p->rules =
        rules_new(&(struct rules_params){.instance = STR("web-1"), .on_change = on_change, .context = p});
    rules_open(p->rules, &config);
    choose_subject(p);
}

static void close_play(struct play *p)
{
    rules_free(p->rules);
    board_free(p->board);
    arena_free(p->arena);
}

static const struct alert *find(const struct play *p)
{
    const struct alert *a;
    for (size_t i = 0; (a = rules_alert(p->rules, i)) != NULL; i++)
        if (strcmp(a->name, p->name) == 0)
            return a;
    fail_msg("there is no %s", p->name);
    return NULL;
}

enum value { CLEAR, AT_THRESHOLD, BETWEEN, BEYOND, UNKNOWN };

static double value_of(const struct rule_condition *c, enum value which)
{
    double beyond = c->threshold * (c->is_below ? 0.5 : 1.02);
    if (which == CLEAR)
        return c->clear;
    if (which == AT_THRESHOLD)
        return c->threshold;
    if (which == BETWEEN)
        return (c->clear + c->threshold) / 2;
    return c->threshold == 0 ? 1 : beyond;
}

/* One second in which all its numbers are so. */
static enum alert_change tick(struct play *p, enum value which)
{
    struct subject subject = {.host = p->host, .names = {p->names[0], p->names[1]}};
    struct rules_time t = {.now_ns = ++p->second * NS_PER_S, .wall_ns = p->second * NS_PER_S};
    board_begin(p->board, t.now_ns, t.wall_ns);
    for (size_t i = 0; i < p->rule.condition_count; i++) {
        const struct rule_condition *c = &p->rule.conditions[i];
        board_put_note(p->board, c->metric, &subject,
                       which == UNKNOWN ? reading_unknown("it is hidden") : reading_known(value_of(c, which)),
                       "of 4; and more");
    }
    board_end(p->board);
    p->change = ALERT_NO_CHANGE;
    rules_step(p->rules, p->board, t);
    return p->change;
}

/* Seconds until something changes, at most `limit`; the first tick is second 0. */
static int64_t run(struct play *p, enum value which, int64_t limit, enum alert_change *ret_change)
{
    for (int64_t i = 0; i <= limit; i++) {
        *ret_change = tick(p, which);
        if (*ret_change != ALERT_NO_CHANGE)
            return i;
    }
    return -1;
}

static void assert_run(struct play *p, enum value which, int64_t limit, enum alert_change change,
                       int64_t after)
{
    enum alert_change happened;
    int64_t seconds = run(p, which, limit, &happened);
    bool is_right = change == ALERT_NO_CHANGE ? seconds == -1 : seconds == after && happened == change;
    if (!is_right)
        fail_msg("%s, numbers of kind %d: change %d after %lld s; expected %d after %lld s", p->name, which,
                 happened, (long long)seconds, change, (long long)after);
}

static void assert_sentence(const struct alert *a)
{
    bool is_fine = a->evidence[0] && !strchr(a->evidence, '{') && !strchr(a->evidence, '?');
    if (!is_fine)
        fail_msg("%s says \"%s\"", a->name, a->evidence);
}

static void play_course(struct play *p)
{
    enum { SOME = 20 };
    const struct rule_condition *c = &p->rule.conditions[0];
    assert_run(p, CLEAR, SOME, ALERT_NO_CHANGE, 0);
    const struct alert_rule *limits = &find(p)->rule;
    int64_t for_s = limits->for_ns / NS_PER_S;
    assert_run(p, AT_THRESHOLD, for_s + SOME, ALERT_NO_CHANGE, 0); /* not beyond it */
    if (for_s)
        assert_run(p, BEYOND, for_s / 2, ALERT_NO_CHANGE, 0); /* not for long enough */
    assert_run(p, CLEAR, for_s + SOME, ALERT_NO_CHANGE, 0);
    assert_run(p, BEYOND, for_s + SOME, ALERT_FIRED, for_s);
    assert_sentence(find(p));
    assert_int_equal(find(p)->spark.count > 0, true);
    if (c->clear != c->threshold)
        assert_run(p, BETWEEN, SOME, ALERT_NO_CHANGE, 0);
    assert_run(p, BEYOND, SOME, ALERT_NO_CHANGE, 0);
    int64_t hold_s = limits->hold_ns / NS_PER_S, keep_s = limits->keep_ns / NS_PER_S;
    assert_run(p, CLEAR, hold_s + keep_s + SOME, ALERT_ENDED, MAX(hold_s, keep_s - (keep_s > 0)));
    assert_sentence(find(p));
}

/* Missing data: told, not told, or an alert; and it never ends one. */
static void play_unknown(struct play *p)
{
    enum { LONG = 4000 };
    assert_run(p, CLEAR, 310, ALERT_NO_CHANGE, 0);
    int64_t for_s = find(p)->rule.for_ns / NS_PER_S, lost_s = ALERT_LOST_AFTER_NS / NS_PER_S;
    if (p->rule.unknown == RULE_UNKNOWN_OK)
        assert_run(p, UNKNOWN, LONG, ALERT_NO_CHANGE, 0);
    else if (p->rule.unknown == RULE_UNKNOWN_KEEP)
        assert_run(p, UNKNOWN, LONG, ALERT_LOST_SIGHT, lost_s);
    else
        assert_run(p, UNKNOWN, LONG, ALERT_FIRED, MAX(for_s, lost_s));
    assert_run(p, UNKNOWN, LONG, ALERT_NO_CHANGE, 0);
}

static void play_all(const char *name, const char *when, bool is_own)
{
    struct play p;
    open_play(&p, name, when, is_own);
    play_course(&p);
    play_unknown(&p);
    close_play(&p);
}

static void test_defaults(void **state)
{
    for (size_t i = 0; i < default_rule_count; i++) {
        struct play p;
        play_all(default_rules[i].name, default_rules[i].when, false);
        open_play(&p, default_rules[i].name, default_rules[i].when, false);
        (void)tick(&p, CLEAR);
        assert_string_equal(find(&p)->when, default_rules[i].when); /* the table tells what is in force */
        close_play(&p);
    }
}

static void test_documented_examples(void **state)
{
    static char page[65536];
    size_t examples = 0;
    FILE *file = fopen(SOURCE_ROOT "/docs/reference/rules.md", "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    fclose(file);
    char *at = strstr(page, "## Examples"), *end = strstr(page, "## The default rules");
    assert_true(at && end);
    while ((at = strstr(at, "\n| `")) != NULL && at < end) {
        char *text = at + strlen("\n| `"), *close = strchr(text, '`');
        assert_non_null(close);
        *close = '\0';
        play_all("Example", text, true);
        at = close + 1;
        examples++;
    }
    assert_true(examples >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_documented_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
