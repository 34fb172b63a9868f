/*
 * rules.c: see rules.h.
 *
 * A tick has three parts. First all alerts take their step, rule by rule: both a rule's alerts and the
 * board's series of one metric are in the order in which the series came, so one walk over both finds what is
 * new and what is gone. Then it is settled which alerts are hidden, for which all must have taken their step.
 * Then the changes are told.
 *
 * An alert stays hidden for HIDDEN_FOR_NS after what hid it has ended: the effects of a cause take a while to
 * go away. Who is told, and when, is for telling.h.
 */
#include "watch/rules.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "watch/evidence.h"
#include "watch/inhibit.h"
#include "watch/rule_set.h"

#include <stdio.h>
#include <stdlib.h>

#define HIDDEN_FOR_NS (120 * NS_PER_S)

struct tracked {
    struct alert alert;
    const struct armed_rule *rule; /* of the set */
    uint64_t series_id;
    enum alert_change change; /* in this tick */
    int64_t hidden_until_ns;  /* by another alert; 0: it was not */
    struct alert_past *past;  /* owned; of the latest firing; NULL: it never fired */
};

static void free_tracked(struct tracked *t)
{
    free(t->past);
    free(t);
}

/* Alerts in the order of their series. */
struct tracked_list {
    size_t count, capacity;
    struct tracked **items; /* owned */
};

struct rules {
    struct rules_params params;
    char instance[ALERT_VALUE_BYTES];
    struct rule_set set;
    struct tracked_list *of_rule; /* one for each rule of the set */
    struct tracked_list all;      /* the same alerts, rule by rule; as of the latest step */
    struct tracked_list gone;     /* ended with their subject or rule; until they are told */
    bool must_match;              /* the rules are new: which series they match has to be looked at again */
    uint64_t left_out;
    /* Of one step: the board's series by metric, in the order of their coming. */
    size_t series_capacity;
    const struct series **series;
    size_t first_of[METRIC_COUNT + 1];
    struct inhibit_item *active;
    size_t active_count, active_capacity;
};

/* ---- lists ---- */

static void push(struct tracked_list *l, struct tracked *t)
{
    if (l->count == l->capacity) {
        l->capacity = MAX(2 * l->capacity, (size_t)8);
        l->items = mem_realloc(l->items, l->capacity * sizeof(struct tracked *));
    }
    l->items[l->count++] = t;
}

static void free_list(struct tracked_list *l, bool owns)
{
    for (size_t i = 0; i < l->count && owns; i++)
        free_tracked(l->items[i]);
    free(l->items);
    *l = (struct tracked_list){0};
}

static void gather(struct rules *r)
{
    r->all.count = 0;
    for (size_t i = 0; i < r->set.count; i++)
        for (size_t k = 0; k < r->of_rule[i].count; k++)
            push(&r->all, r->of_rule[i].items[k]);
}

/* ---- life ---- */

struct rules *rules_new(const struct rules_params *params)
{
    struct rules *r = NEW(struct rules);
    r->params = *params;
    str_copy(r->instance, sizeof(r->instance), params->instance);
    return r;
}

static void free_rules(struct rules *r)
{
    for (size_t i = 0; i < r->set.count; i++)
        free_list(&r->of_rule[i], true);
    free(r->of_rule);
    rule_set_fini(&r->set);
}

void rules_free(struct rules *r)
{
    if (r == NULL)
        return;
    free_rules(r);
    free_list(&r->all, false);
    free_list(&r->gone, true);
    free(r->series);
    free(r->active);
    free(r);
}

/* ---- matching ---- */

static const char *label_of(const struct rules *r, const struct series *s, const char *label)
{
    enum subject_kind kind = metric_infos[s->metric].subject;
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
        if (strcmp(subject_label(kind, i), label) == 0)
            return s->subject.names[i];
    return s->subject.host[0] ? s->subject.host : r->instance;
}

static bool is_matched(const struct rules *r, const struct rule *rule, const struct series *s)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        for (size_t k = 0; k < rule->conditions[i].matcher_count; k++) {
            const struct rule_matcher *m = &rule->conditions[i].matchers[k];
            if (rule_glob(m->pattern, str_of(label_of(r, s, m->label))) == m->is_not)
                return false;
        }
    }
    return true;
}

/* ---- steps ---- */

static void set_rule(struct tracked *t, const struct armed_rule *rule)
{
    t->rule = rule;
    t->alert.name = rule->name;
    t->alert.summary = rule->summary;
    t->alert.when = rule->when;
    t->alert.unit = metric_infos[rule->rule.conditions[0].metric].unit;
    t->alert.rule = rule->limits;
    t->alert.spark.step_ns = rule->spark_step_ns;
    for (size_t i = 0; i < rule->label_count; i++)
        alert_add_label(&t->alert, rule->labels[i].name, str_of(rule->labels[i].value));
}

/* NULL: there are too many. */
static struct tracked *new_tracked(struct rules *r, const struct armed_rule *rule, const struct series *s,
                                   struct rules_time t)
{
    if (r->all.count >= RULES_ALERTS_MAX) {
        r->left_out++;
        return NULL;
    }
    struct tracked *new = NEW(struct tracked);
    enum subject_kind kind = metric_infos[s->metric].subject;
    const char *host = s->subject.host[0] ? s->subject.host : r->instance;
    alert_init(&new->alert, rule->name, rule->summary, rule->severity, str_of(host));
    new->alert.is_elsewhere = s->subject.host[0] != '\0';
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
        if (subject_label(kind, i)[0])
            alert_add_label(&new->alert, subject_label(kind, i), str_of(s->subject.names[i]));
    set_rule(new, rule);
    new->series_id = s->id;
    push(&r->all, new); /* counted at once; gathered anew after the step */
    if (r->params.on_new)
        r->params.on_new(r->params.context, &new->alert, t);
    return new;
}

/* Why an alert ends that nothing has resolved, in each language. */
struct farewell {
    const char *english, *korean;
};
static const struct farewell rule_is_about_others = {"the rule is not about it any more",
                                                     "규칙이 더 이상 이 대상에 적용되지 않습니다."};

static void end(struct rules *r, struct tracked *tracked, struct farewell why, struct rules_time t)
{
    struct alert *a = &tracked->alert;
    tracked->change = alert_end(a, t.now_ns, t.wall_ns);
    if (tracked->change != ALERT_NO_CHANGE) {
        str_copy(a->evidence, sizeof(a->evidence), str_of(why.english));
        str_copy(a->evidence_korean, sizeof(a->evidence_korean), str_of(why.korean));
    }
    push(&r->gone, tracked);
}

static bool is_worth_a_sentence(const struct alert *a, enum alert_change change)
{
    bool is_near = a->life.state == ALERT_PENDING || alert_life_is_active(&a->life);
    return change == ALERT_ENDED || (is_near && (a->life.is_known || a->life.is_blind));
}

static void note_past(struct rules *r, struct tracked *tracked, struct rules_time t)
{
    int64_t since_ns = tracked->alert.life.passed_since_ns;
    struct rules_time began = {.now_ns = since_ns, .wall_ns = t.wall_ns - (t.now_ns - since_ns)};
    if (!tracked->past)
        tracked->past = NEW(struct alert_past);
    *tracked->past = (struct alert_past){0};
    bool is_known =
        r->params.find_past && r->params.find_past(r->params.context, &tracked->alert, began, tracked->past);
    tracked->alert.past = is_known ? tracked->past : NULL;
}

static void step(struct rules *r, struct tracked *tracked, const struct board *b, const struct series *s,
                 struct rules_time t)
{
    const struct rule *rule = &tracked->rule->rule;
    struct alert *a = &tracked->alert;
    struct reading readings[RULE_CONDITIONS_MAX] = {s->reading};
    for (size_t i = 1; i < rule->condition_count; i++) {
        const struct series *other = board_find(b, rule->conditions[i].metric, &s->subject);
        readings[i] = other ? other->reading : reading_unknown("one of its numbers is not measured here");
    }
    tracked->change = alert_step(a, readings, t.now_ns, t.wall_ns);
    if (is_worth_a_sentence(a, tracked->change))
        evidence_write(a, tracked->rule, s->note, tracked->change, t.now_ns);
    if (tracked->change == ALERT_FIRED)
        note_past(r, tracked, t);
}

static struct farewell why_gone(enum metric metric)
{
    switch (metric_infos[metric].subject) {
    case SUBJECT_DISK:
        return (struct farewell){
            "it is not watched any more (not mounted, or taken out of the configuration)",
            "더 이상 감시하지 않습니다(마운트되어 있지 않거나 설정에서 빠졌습니다)."};
    case SUBJECT_SERVICE:
        return (struct farewell){"the service is not configured any more",
                                 "서비스가 더 이상 설정에 없습니다."};
    case SUBJECT_SERVER:
        return (struct farewell){"the server is not there any more", "서버가 더 이상 없습니다."};
    default:
        return (struct farewell){"it is not measured any more", "더 이상 측정하지 않습니다."};
    }
}

/* One rule's alerts and the series of its metric, side by side. */
static void step_rule(struct rules *r, size_t index, const struct board *b, struct rules_time t)
{
    const struct armed_rule *rule = &r->set.rules[index];
    struct tracked_list old = r->of_rule[index], kept = {0};
    enum metric metric = rule->rule.conditions[0].metric;
    size_t at = 0;
    for (size_t i = r->first_of[metric]; i < r->first_of[metric + 1]; i++) {
        const struct series *s = r->series[i];
        for (; at < old.count && old.items[at]->series_id < s->id; at++)
            end(r, old.items[at], why_gone(metric), t);
        struct tracked *tracked =
            at < old.count && old.items[at]->series_id == s->id ? old.items[at++] : NULL;
        bool is_its = tracked && !r->must_match ? true : is_matched(r, &rule->rule, s);
        if (tracked && !is_its)
            end(r, tracked, rule_is_about_others, t);
        else if (is_its && !tracked)
            tracked = new_tracked(r, rule, s, t);
        if (!is_its || !tracked)
            continue;
        step(r, tracked, b, s, t);
        push(&kept, tracked);
    }
    for (; at < old.count; at++)
        end(r, old.items[at], why_gone(metric), t);
    free(old.items);
    r->of_rule[index] = kept;
}

/* ---- the board by metric ---- */

static void sort_series(struct rules *r, const struct board *b)
{
    size_t next[METRIC_COUNT] = {0};
    size_t count = board_count(b);
    if (count > r->series_capacity) {
        r->series_capacity = count;
        r->series = mem_realloc(r->series, count * sizeof(struct series *));
    }
    for (size_t i = 0; i < count; i++)
        next[board_at(b, i)->metric]++;
    r->first_of[0] = 0;
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        r->first_of[m + 1] = r->first_of[m] + next[m];
        next[m] = r->first_of[m];
    }
    for (size_t i = 0; i < count; i++)
        r->series[next[board_at(b, i)->metric]++] = board_at(b, i);
}

/* ---- hiding ---- */

static struct inhibit_item item_of(const struct tracked *t)
{
    return (struct inhibit_item){
        .alert = &t->alert, .metric = t->rule->rule.conditions[0].metric, .series_id = t->series_id};
}

static void find_active(struct rules *r)
{
    r->active_count = 0;
    for (size_t i = 0; i < r->all.count; i++) {
        if (!alert_life_is_active(&r->all.items[i]->alert.life))
            continue;
        if (r->active_count == r->active_capacity) {
            r->active_capacity = MAX(2 * r->active_capacity, (size_t)16);
            r->active = mem_realloc(r->active, r->active_capacity * sizeof(struct inhibit_item));
        }
        r->active[r->active_count++] = item_of(r->all.items[i]);
    }
}

static void hide(struct rules *r, struct tracked *tracked, struct rules_time t)
{
    struct alert *a = &tracked->alert;
    const char *why = NULL;
    if (!alert_life_is_active(&a->life) && tracked->change == ALERT_NO_CHANGE) {
        a->hidden[0] = '\0';
        tracked->hidden_until_ns = 0;
        return;
    }
    struct inhibit_item item = item_of(tracked);
    const struct alert *by = inhibit_find(r->active, r->active_count, &item, &why);
    if (by) {
        snprintf(a->hidden, sizeof(a->hidden), "%s %s", by->name, why);
        tracked->hidden_until_ns = t.now_ns + HIDDEN_FOR_NS;
        return;
    }
    if (t.now_ns >= tracked->hidden_until_ns)
        a->hidden[0] = '\0'; /* else for the reason that stands there */
}

/* ---- telling ---- */

static void tell(struct rules *r, struct tracked *tracked, struct rules_time t)
{
    if (tracked->change != ALERT_NO_CHANGE)
        r->params.on_change(r->params.context, &tracked->alert, tracked->change, t);
}

static void tell_gone(struct rules *r, struct rules_time t)
{
    for (size_t i = 0; i < r->gone.count; i++) {
        tell(r, r->gone.items[i], t);
        free_tracked(r->gone.items[i]);
    }
    r->gone.count = 0;
}

void rules_step(struct rules *r, const struct board *b, struct rules_time t)
{
    r->left_out = 0;
    sort_series(r, b);
    for (size_t i = 0; i < r->set.count; i++)
        step_rule(r, i, b, t);
    r->must_match = false;
    gather(r);
    find_active(r);
    for (size_t i = 0; i < r->all.count; i++)
        hide(r, r->all.items[i], t);
    for (size_t i = 0; i < r->all.count; i++)
        tell(r, r->all.items[i], t);
    tell_gone(r, t);
}

/* ---- configuration ---- */

void rules_open(struct rules *r, const struct config_watch *config)
{
    ASSERT(r->set.count == 0);
    rule_set_build(&r->set, config);
    r->of_rule = NEW_ARRAY(struct tracked_list, MAX(r->set.count, (size_t)1));
    r->must_match = true;
}

const struct alert *rules_alert(const struct rules *r, size_t index)
{
    return index < r->all.count ? &r->all.items[index]->alert : NULL;
}

const char *rules_instance(const struct rules *r)
{
    return r->instance;
}

uint64_t rules_left_out(const struct rules *r)
{
    return r->left_out;
}
