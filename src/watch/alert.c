/*
 * alert.c: see alert.h.
 *
 *   unknown    -> ok          there is a reading
 *   ok         -> pending     above the threshold
 *   pending    -> ok          the mean since then is not above it
 *   pending    -> firing      the mean is, for `for`, and the value is not clear
 *   firing    <-> recovering  the value is clear, or not any more
 *   recovering -> resolved    clear for `hold`
 *   resolved   -> ok          after a while, so that people find it in the list
 *   ok         -> unknown     no reading
 *
 * Why the mean: a machine at 95 % dips below 90 % in many single seconds, and an alert that wants every
 * sample above the threshold never fires. The mean since the first crossing, with a last value that is not
 * clear, fires on real load only. Missing data stops the clocks of pending and recovering; it never counts as
 * good or bad. Only go() writes the state.
 */
#include "watch/alert.h"

#include "base/macros.h"

#include <stdio.h>

const char *alert_state_name(enum alert_state state)
{
#define ALERT_STATE_NAME(id, name) [ALERT_##id] = name,
    static const char *const names[] = {ALERT_STATES(ALERT_STATE_NAME)};
#undef ALERT_STATE_NAME
    ASSERT(state < ALERT_STATE_COUNT);
    return names[state];
}

const char *alert_severity_name(enum alert_severity severity)
{
    static const char *const names[] = {
        [ALERT_CRITICAL] = "critical", [ALERT_WARNING] = "warning", [ALERT_NOTICE] = "notice"};
    ASSERT((size_t)severity < ARRAY_LEN(names));
    return names[severity];
}

static void go(struct alert_life *l, enum alert_state state, int64_t now_ns)
{
    l->state = state;
    l->state_since_ns = now_ns;
}

bool alert_life_is_active(const struct alert_life *l)
{
    return l->state == ALERT_FIRING || l->state == ALERT_RECOVERING;
}

/* How long it must stay clear: doubled for each time it fired lately, so that a flapping alert becomes one
 * long alert. */
static int64_t hold_ns(const struct alert_life *l, const struct alert_rule *rule, int64_t now_ns)
{
    uint32_t kept = MIN(l->firing_count, (uint32_t)ALERT_FIRINGS_KEPT), recent = 0;
    for (uint32_t i = 0; i < kept; i++)
        recent += now_ns - l->firings_ns[i] < ALERT_FLAP_WINDOW_NS;
    if (recent <= 1)
        return rule->hold_ns;
    int64_t hold = MAX(rule->hold_ns, ALERT_FLAP_HOLD_NS) << (recent - 1);
    return MIN(hold, MAX(rule->hold_ns, ALERT_HOLD_MAX_NS));
}

static enum alert_change fire(struct alert_life *l, int64_t now_ns)
{
    l->above_since_ns = l->state_since_ns;
    l->firing_since_ns = now_ns;
    l->mean = l->pending_s > 0 ? l->pending_sum / l->pending_s : l->value;
    l->firings_ns[l->firing_count++ % ALERT_FIRINGS_KEPT] = now_ns;
    go(l, ALERT_FIRING, now_ns);
    return ALERT_FIRED;
}

static enum alert_change step_pending(struct alert_life *l, const struct alert_rule *rule, int64_t now_ns)
{
    double mean = l->pending_s > 0 ? l->pending_sum / l->pending_s : l->value;
    if (mean <= rule->above)
        go(l, ALERT_OK, now_ns);
    else if (now_ns - l->state_since_ns >= rule->for_ns && l->value > rule->clear)
        return fire(l, now_ns);
    return ALERT_NO_CHANGE;
}

static enum alert_change step_quiet(struct alert_life *l, const struct alert_rule *rule, int64_t now_ns)
{
    if (l->value > rule->above) {
        l->pending_sum = l->pending_s = 0;
        go(l, ALERT_PENDING, now_ns);
        return step_pending(l, rule, now_ns);
    }
    bool is_over = l->state == ALERT_RESOLVED && now_ns - l->state_since_ns >= ALERT_RESOLVED_FOR_NS;
    if (l->state == ALERT_UNKNOWN || is_over)
        go(l, ALERT_OK, now_ns);
    return ALERT_NO_CHANGE;
}

static enum alert_change step_active(struct alert_life *l, const struct alert_rule *rule, int64_t now_ns)
{
    if (l->value > rule->clear) {
        if (l->state == ALERT_RECOVERING)
            go(l, ALERT_FIRING, now_ns);
        return ALERT_NO_CHANGE;
    }
    if (l->state == ALERT_FIRING)
        go(l, ALERT_RECOVERING, now_ns);
    if (now_ns - l->state_since_ns < hold_ns(l, rule, now_ns))
        return ALERT_NO_CHANGE;
    go(l, ALERT_RESOLVED, now_ns);
    return ALERT_ENDED;
}

static enum alert_change step_unknown(struct alert_life *l, const struct alert_rule *rule, int64_t elapsed_ns,
                                      int64_t now_ns)
{
    if (l->is_known || l->unknown_since_ns == 0)
        l->unknown_since_ns = now_ns;
    l->is_known = false;
    bool is_long = now_ns - l->unknown_since_ns >= ALERT_LOST_AFTER_NS;
    if (l->state == ALERT_PENDING || l->state == ALERT_RECOVERING)
        l->state_since_ns += elapsed_ns;
    if (l->state == ALERT_OK || (l->state == ALERT_PENDING && is_long))
        go(l, ALERT_UNKNOWN, now_ns);
    if (!is_long || l->is_lost || rule->is_unknown_ordinary)
        return ALERT_NO_CHANGE;
    l->is_lost = true;
    return ALERT_LOST_SIGHT;
}

enum alert_change alert_life_step(struct alert_life *l, const struct alert_rule *rule, struct reading r,
                                  int64_t now_ns)
{
    int64_t elapsed_ns = l->last_step_ns ? MAX(now_ns - l->last_step_ns, 0) : 0;
    l->last_step_ns = MAX(now_ns, 1);
    if (!r.is_known)
        return step_unknown(l, rule, elapsed_ns, now_ns);
    bool sees_again = l->is_lost;
    bool was_known = l->is_known;
    l->is_known = true;
    l->is_lost = false;
    l->value = r.value;
    enum alert_change change;
    if (l->state == ALERT_PENDING) {
        double seconds = was_known ? (double)elapsed_ns / 1e9 : 0;
        l->pending_sum += r.value * seconds;
        l->pending_s += seconds;
        change = step_pending(l, rule, now_ns);
    } else if (alert_life_is_active(l)) {
        change = step_active(l, rule, now_ns);
    } else {
        change = step_quiet(l, rule, now_ns);
    }
    return change == ALERT_NO_CHANGE && sees_again ? ALERT_SEES_AGAIN : change;
}

enum alert_change alert_life_end(struct alert_life *l, int64_t now_ns)
{
    bool was_active = alert_life_is_active(l);
    go(l, was_active ? ALERT_RESOLVED : ALERT_UNKNOWN, now_ns);
    return was_active ? ALERT_ENDED : ALERT_NO_CHANGE;
}

/* FNV-1a over sorted names and values with 0xff between, as Prometheus makes its label fingerprints. */
static uint64_t fingerprint_add(uint64_t hash, struct str text)
{
    for (size_t i = 0; i <= text.len; i++) {
        hash ^= i < text.len ? (unsigned char)text.ptr[i] : 0xff;
        hash *= UINT64_C(1099511628211);
    }
    return hash;
}

static void set_fingerprint(struct alert *a)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    hash = fingerprint_add(hash, STR("alertname"));
    hash = fingerprint_add(hash, str_of(a->name));
    for (size_t i = 0; i < a->label_count; i++) {
        hash = fingerprint_add(hash, str_of(a->labels[i].name));
        hash = fingerprint_add(hash, str_of(a->labels[i].value));
    }
    hash = fingerprint_add(hash, STR("severity"));
    a->fingerprint = fingerprint_add(hash, str_of(alert_severity_name(a->severity)));
}

void alert_init(struct alert *a, const char *name, const char *summary, enum alert_severity severity,
                struct str instance)
{
    *a = (struct alert){.name = name, .summary = summary, .severity = severity};
    alert_add_label(a, "instance", instance);
}

void alert_add_label(struct alert *a, const char *name, struct str value)
{
    const char *before = a->label_count ? a->labels[a->label_count - 1].name : "alertname";
    ASSERT(a->label_count < ALERT_LABELS_MAX && strcmp(before, name) < 0 && strcmp(name, "severity") < 0);
    struct alert_label *label = &a->labels[a->label_count++];
    label->name = name;
    str_copy(label->value, sizeof(label->value), value);
    set_fingerprint(a);
}

static void note_times(struct alert *a, enum alert_change change, int64_t wall_ns)
{
    if (change == ALERT_FIRED) {
        a->started_wall_ns = wall_ns;
        a->ended_wall_ns = 0;
    }
    if (change == ALERT_ENDED)
        a->ended_wall_ns = wall_ns;
}

enum alert_change alert_step(struct alert *a, struct reading r, int64_t now_ns, int64_t wall_ns)
{
    enum alert_change change = alert_life_step(&a->life, &a->rule, r, now_ns);
    a->why_unknown = r.is_known ? NULL : r.why_unknown;
    note_times(a, change, wall_ns);
    return change;
}

enum alert_change alert_end(struct alert *a, int64_t now_ns, int64_t wall_ns)
{
    enum alert_change change = alert_life_end(&a->life, now_ns);
    note_times(a, change, wall_ns);
    return change;
}

char *alert_format_line(const struct alert *a, enum alert_change change, char *out, size_t out_bytes)
{
    const char *why = a->why_unknown ? a->why_unknown : "no reading";
    const char *still =
        alert_life_is_active(&a->life) ? "; it stays firing until there is a reading again" : "";
    switch (change) {
    case ALERT_FIRED:
        snprintf(out, out_bytes, "ALERT: %s! %s", a->summary, a->evidence);
        break;
    case ALERT_ENDED:
        snprintf(out, out_bytes, "RESOLVED: %s: %s", a->summary, a->evidence);
        break;
    case ALERT_LOST_SIGHT:
        snprintf(out, out_bytes, "UNKNOWN: %s%s%s? Cannot tell: %s%s", a->summary,
                 a->label_count > 1 ? " of " : "", a->label_count > 1 ? a->labels[1].value : "", why, still);
        break;
    case ALERT_SEES_AGAIN:
        snprintf(out, out_bytes, "KNOWN AGAIN: %s%s%s? It can be told again: %s", a->summary,
                 a->label_count > 1 ? " of " : "", a->label_count > 1 ? a->labels[1].value : "",
                 alert_state_name(a->life.state));
        break;
    case ALERT_NO_CHANGE:
        out[0] = '\0';
    }
    return out;
}
