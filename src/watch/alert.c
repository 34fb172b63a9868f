/*
 * alert.c: see alert.h.
 *
 *   unknown    -> ok          there is a reading
 *   ok         -> pending     above the threshold
 *   pending    -> ok          the mean since then is not above it, or it was clear for half of `for`
 *   pending    -> firing      the mean is, for `for`, and the value is not clear
 *   firing    <-> recovering  the value is clear, or not any more
 *   recovering -> resolved    clear for `hold`, and not above the threshold for `keep`
 *   resolved   -> ok          after a while, so that people find it in the list
 *   ok         -> unknown     no reading
 *   unknown    -> firing      no reading for long, of a rule with `unknown alert`
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

static void go(struct alert_life *l, enum alert_state state, int64_t now_ns)
{
    l->state = state;
    l->state_since_ns = now_ns;
}

bool alert_life_is_active(const struct alert_life *l)
{
    return l->state == ALERT_FIRING || l->state == ALERT_RECOVERING;
}

/* ---- limits ---- */

static bool is_passed_by(const struct alert_limit *limit, double value)
{
    return limit->is_below ? value < limit->threshold : value > limit->threshold;
}

static bool is_clear_of(const struct alert_limit *limit, double value)
{
    return limit->is_below ? value >= limit->clear : value <= limit->clear;
}

static bool is_passed(const struct alert_rule *rule, const double *values)
{
    for (size_t i = 0; i < rule->limit_count; i++)
        if (!is_passed_by(&rule->limits[i], values[i]))
            return false;
    return true;
}

static bool is_clear(const struct alert_rule *rule, const double *values)
{
    for (size_t i = 0; i < rule->limit_count; i++)
        if (is_clear_of(&rule->limits[i], values[i]))
            return true;
    return false;
}

/* ---- flapping ---- */

static uint32_t recent_firings(const struct alert_life *l, int64_t now_ns)
{
    uint32_t kept = MIN(l->firing_count, (uint32_t)ALERT_FIRINGS_KEPT), recent = 0;
    for (uint32_t i = 0; i < kept; i++)
        recent += now_ns - l->firings_ns[i] < ALERT_FLAP_WINDOW_NS;
    return recent;
}

bool alert_life_is_flapping(const struct alert_life *l, int64_t now_ns)
{
    return recent_firings(l, now_ns) >= ALERT_FLAPPING_AT;
}

/* How long it must stay clear: doubled for each time it fired lately, so that a flapping alert becomes one
 * long alert. */
static int64_t hold_ns(const struct alert_life *l, const struct alert_rule *rule, int64_t now_ns)
{
    uint32_t recent = recent_firings(l, now_ns);
    if (recent <= 1)
        return rule->hold_ns;
    if (recent >= ALERT_FLAPPING_AT)
        return MAX(rule->hold_ns, ALERT_FLAPPING_HOLD_NS);
    return MAX(rule->hold_ns,
               MIN(MAX(rule->hold_ns, ALERT_FLAP_HOLD_NS) << (recent - 1), ALERT_FLAPPING_HOLD_NS));
}

/* ---- steps ---- */

static void get_means(const struct alert_life *l, const struct alert_rule *rule, double *ret_means)
{
    for (size_t i = 0; i < rule->limit_count; i++)
        ret_means[i] = l->pending_s > 0 ? l->pending_sums[i] / l->pending_s : l->values[i];
}

static enum alert_change fire(struct alert_life *l, const struct alert_rule *rule, int64_t now_ns)
{
    l->passed_since_ns = l->state == ALERT_PENDING ? l->state_since_ns : now_ns;
    l->passed_last_ns = now_ns;
    l->firing_since_ns = now_ns;
    get_means(l, rule, l->means);
    l->firings_ns[l->firing_count++ % ALERT_FIRINGS_KEPT] = now_ns;
    go(l, ALERT_FIRING, now_ns);
    return ALERT_FIRED;
}

/* A number near 0 that rose once has a mean above 0 for ever, so being clear for half the time ends it, too.
 */
static enum alert_change step_pending(struct alert_life *l, const struct alert_rule *rule, int64_t now_ns)
{
    double means[ALERT_LIMITS_MAX];
    get_means(l, rule, means);
    bool is_clear_now = is_clear(rule, l->values);
    if (!is_clear_now)
        l->pending_clear_since_ns = 0;
    else if (l->pending_clear_since_ns == 0)
        l->pending_clear_since_ns = MAX(now_ns, 1);
    bool was_clear_long = is_clear_now && now_ns - l->pending_clear_since_ns >= MAX(rule->for_ns / 2, 1);
    if (!is_passed(rule, means) || was_clear_long)
        go(l, ALERT_OK, now_ns);
    else if (now_ns - l->state_since_ns >= rule->for_ns && !is_clear_now)
        return fire(l, rule, now_ns);
    return ALERT_NO_CHANGE;
}

static enum alert_change step_quiet(struct alert_life *l, const struct alert_rule *rule, int64_t now_ns)
{
    if (is_passed(rule, l->values)) {
        memset(l->pending_sums, 0, sizeof(l->pending_sums));
        l->pending_s = 0;
        l->pending_clear_since_ns = 0;
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
    if (is_passed(rule, l->values))
        l->passed_last_ns = now_ns;
    if (!is_clear(rule, l->values)) {
        if (l->state == ALERT_RECOVERING)
            go(l, ALERT_FIRING, now_ns);
        return ALERT_NO_CHANGE;
    }
    if (l->state == ALERT_FIRING)
        go(l, ALERT_RECOVERING, now_ns);
    bool is_held = now_ns - l->state_since_ns < hold_ns(l, rule, now_ns);
    bool is_kept = now_ns - l->passed_last_ns < rule->keep_ns;
    if (is_held || is_kept)
        return ALERT_NO_CHANGE;
    go(l, ALERT_RESOLVED, now_ns);
    return ALERT_ENDED;
}

/* Time without readings stops the clocks. */
static void stop_clocks(struct alert_life *l, int64_t elapsed_ns)
{
    if (l->state == ALERT_PENDING || l->state == ALERT_RECOVERING)
        l->state_since_ns += elapsed_ns;
    if (l->pending_clear_since_ns)
        l->pending_clear_since_ns += elapsed_ns;
    l->passed_last_ns += elapsed_ns;
}

static enum alert_change step_unknown(struct alert_life *l, const struct alert_rule *rule, int64_t elapsed_ns,
                                      int64_t now_ns)
{
    if (l->is_known || l->unknown_since_ns == 0)
        l->unknown_since_ns = MAX(now_ns, 1);
    l->is_known = false;
    bool is_long = now_ns - l->unknown_since_ns >= ALERT_LOST_AFTER_NS;
    stop_clocks(l, elapsed_ns);
    if (l->state == ALERT_OK || (l->state == ALERT_PENDING && is_long))
        go(l, ALERT_UNKNOWN, now_ns);
    bool is_alarming = rule->unknown == RULE_UNKNOWN_ALERT && !alert_life_is_active(l);
    if (is_alarming && now_ns - l->unknown_since_ns >= MAX(rule->for_ns, ALERT_LOST_AFTER_NS)) {
        l->is_blind = true;
        l->is_lost = false; /* the alert itself says it */
        return fire(l, rule, now_ns);
    }
    if (!is_long || l->is_lost || l->is_blind || rule->unknown == RULE_UNKNOWN_OK || is_alarming)
        return ALERT_NO_CHANGE;
    l->is_lost = true;
    return ALERT_LOST_SIGHT;
}

static bool take_readings(struct alert_life *l, const struct alert_rule *rule, const struct reading *readings)
{
    for (size_t i = 0; i < rule->limit_count; i++)
        if (!readings[i].is_known)
            return false;
    for (size_t i = 0; i < rule->limit_count; i++)
        l->values[i] = readings[i].value;
    return true;
}

enum alert_change alert_life_step(struct alert_life *l, const struct alert_rule *rule,
                                  const struct reading *readings, int64_t now_ns)
{
    ASSERT(rule->limit_count >= 1 && rule->limit_count <= ALERT_LIMITS_MAX);
    int64_t elapsed_ns = l->last_step_ns ? MAX(now_ns - l->last_step_ns, 0) : 0;
    l->last_step_ns = MAX(now_ns, 1);
    if (!take_readings(l, rule, readings))
        return step_unknown(l, rule, elapsed_ns, now_ns);
    bool sees_again = l->is_lost;
    bool was_known = l->is_known;
    l->is_known = true;
    l->is_lost = l->is_blind = false;
    enum alert_change change;
    if (l->state == ALERT_PENDING) {
        double seconds = was_known ? (double)elapsed_ns / 1e9 : 0;
        for (size_t i = 0; i < rule->limit_count; i++)
            l->pending_sums[i] += l->values[i] * seconds;
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

static uint64_t fingerprint_label(uint64_t hash, const char *name, const char *value)
{
    return fingerprint_add(fingerprint_add(hash, str_of(name)), str_of(value));
}

/* alertname and severity have their places among the others. */
static void set_fingerprint(struct alert *a)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    bool has_name = false, has_severity = false;
    for (size_t i = 0; i <= a->label_count; i++) {
        const char *name = i < a->label_count ? a->labels[i].name : NULL;
        if (!has_name && (!name || strcmp("alertname", name) < 0)) {
            hash = fingerprint_label(hash, "alertname", a->name);
            has_name = true;
        }
        if (!has_severity && (!name || strcmp("severity", name) < 0)) {
            hash = fingerprint_label(hash, "severity", alert_severity_name(a->severity));
            has_severity = true;
        }
        if (name)
            hash = fingerprint_label(hash, name, a->labels[i].value);
    }
    a->fingerprint = hash;
}

void alert_init(struct alert *a, const char *name, const char *summary, enum alert_severity severity,
                struct str instance)
{
    *a = (struct alert){.name = name, .summary = summary, .when = "", .severity = severity};
    alert_add_label(a, "instance", instance);
}

void alert_add_label(struct alert *a, const char *name, struct str value)
{
    size_t i = 0;
    while (i < a->label_count && strcmp(a->labels[i].name, name) < 0)
        i++;
    bool is_there = i < a->label_count && strcmp(a->labels[i].name, name) == 0;
    if (!is_there) {
        ASSERT(a->label_count < ALERT_LABELS_MAX);
        memmove(&a->labels[i + 1], &a->labels[i], (a->label_count++ - i) * sizeof(a->labels[0]));
        a->labels[i].name = name;
    }
    str_copy(a->labels[i].value, sizeof(a->labels[i].value), value);
    set_fingerprint(a);
}

const char *alert_label(const struct alert *a, const char *name)
{
    for (size_t i = 0; i < a->label_count; i++)
        if (strcmp(a->labels[i].name, name) == 0)
            return a->labels[i].value;
    return NULL;
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

static const char *why_unknown(const struct alert_rule *rule, const struct reading *readings)
{
    for (size_t i = 0; i < rule->limit_count; i++)
        if (!readings[i].is_known)
            return readings[i].why_unknown;
    return NULL;
}

enum alert_change alert_step(struct alert *a, const struct reading *readings, int64_t now_ns, int64_t wall_ns)
{
    enum alert_change change = alert_life_step(&a->life, &a->rule, readings, now_ns);
    a->why_unknown = why_unknown(&a->rule, readings);
    sparkline_add(&a->spark, readings[0], now_ns);
    note_times(a, change, wall_ns);
    return change;
}

enum alert_change alert_end(struct alert *a, int64_t now_ns, int64_t wall_ns)
{
    enum alert_change change = alert_life_end(&a->life, now_ns);
    note_times(a, change, wall_ns);
    return change;
}

char *alert_format_subject(const struct alert *a, char *out, size_t out_bytes)
{
    static const char *const kinds[] = {"server", "service",   "path", "probe",  "sink",
                                        "device", "interface", "cpu",  "process"};
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *value = alert_label(a, kinds[i]);
        if (value) {
            snprintf(out, out_bytes, " of %s", value);
            break;
        }
    }
    return out;
}

char *alert_format_line(const struct alert *a, enum alert_change change, char *out, size_t out_bytes)
{
    char subject[ALERT_VALUE_BYTES + 8];
    const char *why = a->why_unknown ? a->why_unknown : "no reading";
    const char *still =
        alert_life_is_active(&a->life) ? "; it stays firing until there is a reading again" : "";
    const char *where = a->is_elsewhere ? alert_label(a, "instance") : NULL;
    char on[ALERT_VALUE_BYTES + 8] = "";
    if (where)
        snprintf(on, sizeof(on), " (%s)", where);
    alert_format_subject(a, subject, sizeof(subject));
    switch (change) {
    case ALERT_FIRED:
        snprintf(out, out_bytes, "ALERT: %s%s! %s", a->summary, on, a->evidence);
        break;
    case ALERT_ENDED:
        snprintf(out, out_bytes, "RESOLVED: %s%s: %s", a->summary, on, a->evidence);
        break;
    case ALERT_LOST_SIGHT:
        snprintf(out, out_bytes, "UNKNOWN: %s%s%s? Cannot tell: %s%s", a->summary, subject, on, why, still);
        break;
    case ALERT_SEES_AGAIN:
        snprintf(out, out_bytes, "KNOWN AGAIN: %s%s%s? It can be told again: %s", a->summary, subject, on,
                 alert_state_name(a->life.state));
        break;
    case ALERT_NO_CHANGE:
        out[0] = '\0';
    }
    return out;
}
