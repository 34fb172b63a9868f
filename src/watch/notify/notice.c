/* notice.c: see notice.h. */
#include "watch/notify/notice.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* "07:20:11 UTC shop-2: serving -> failed after 3 s: exit status 1", a line each. */
static char *changes_of(const struct alert *a, bool is_korean)
{
    CLEANUP(buf_fini) struct buf lines = {0};
    for (size_t i = 0; a->past && i < a->past->count; i++) {
        const struct alert_past_event *e = &a->past->events[i];
        char time[CLOCK_RFC3339_BYTES];
        clock_format_rfc3339(time, e->wall_ns);
        buf_printf(&lines, "%s%.8s UTC %s", i ? "\n" : "", strchr(time, 'T') + 1,
                   is_korean ? e->text_korean : e->text);
    }
    return mem_strdup(buf_str(&lines).ptr);
}

static void set_texts(struct notice *n, const struct alert *a, struct notice_words words)
{
    n->name = mem_strdup(a->name);
    n->summary = mem_strdup(a->summary);
    n->evidence = mem_strdup(a->evidence);
    n->evidence_korean = mem_strdup(a->evidence_korean);
    n->line = mem_strdup(words.line);
    n->link = mem_strdup(words.link ? words.link : "");
    n->silence = mem_strdup(words.silence ? words.silence : "");
    n->changes = changes_of(a, false);
    n->changes_korean = changes_of(a, true);
}

void notice_init(struct notice *n, const struct alert *a, enum alert_change change, struct notice_words words)
{
    *n = (struct notice){.change = change,
                         .severity = a->severity,
                         .fingerprint = a->fingerprint,
                         .started_wall_ns = a->started_wall_ns,
                         .ended_wall_ns = change == ALERT_ENDED ? a->ended_wall_ns : 0,
                         .value = change == ALERT_FIRED ? a->life.means[0] : a->life.values[0],
                         .has_value = a->life.is_known && a->rule.limit_count > 0,
                         .unit = a->unit,
                         .threshold = a->rule.limits[0].threshold,
                         .label_count = a->label_count,
                         .labels = NEW_ARRAY(struct notice_label, a->label_count + 1)};
    for (size_t i = 0; i < a->label_count; i++)
        n->labels[i] = (struct notice_label){mem_strdup(a->labels[i].name), mem_strdup(a->labels[i].value)};
    set_texts(n, a, words);
}

void notice_copy(struct notice *to, const struct notice *from)
{
    *to = *from;
    to->labels = NEW_ARRAY(struct notice_label, from->label_count + 1);
    for (size_t i = 0; i < from->label_count; i++)
        to->labels[i] =
            (struct notice_label){mem_strdup(from->labels[i].name), mem_strdup(from->labels[i].value)};
#define NOTICE_TEXT_COPY(text) to->text = mem_strdup(from->text);
    NOTICE_TEXTS(NOTICE_TEXT_COPY)
#undef NOTICE_TEXT_COPY
}

void notice_fini(struct notice *n)
{
    for (size_t i = 0; i < n->label_count; i++) {
        free(n->labels[i].name);
        free(n->labels[i].value);
    }
    free(n->labels);
#define NOTICE_TEXT_FREE(text) free(n->text);
    NOTICE_TEXTS(NOTICE_TEXT_FREE)
#undef NOTICE_TEXT_FREE
    *n = (struct notice){0};
}

const char *notice_label(const struct notice *n, const char *name)
{
    for (size_t i = 0; i < n->label_count; i++)
        if (strcmp(n->labels[i].name, name) == 0)
            return n->labels[i].value;
    return NULL;
}

bool notice_is_over(const struct notice *n)
{
    return n->change == ALERT_ENDED;
}

char *notice_format_key(const struct notice *n, char out[NOTICE_KEY_BYTES])
{
    snprintf(out, NOTICE_KEY_BYTES, "%016" PRIx64 "-%" PRIx64, n->fingerprint,
             (uint64_t)(n->started_wall_ns / NS_PER_MS));
    return out;
}

/* ---- kept ---- */

void notice_save(const struct notice *n, struct json *j)
{
    char fingerprint[24];
    snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, n->fingerprint);
    json_begin_object(j);
    json_put_text(j, "change", notice_is_over(n) ? "ended" : "fired");
    json_put_text(j, "severity", alert_severity_name(n->severity));
    json_put_text(j, "fingerprint", fingerprint);
    json_put_int(j, "started", n->started_wall_ns);
    json_put_int(j, "ended", n->ended_wall_ns);
    json_put_double(j, "value", n->value);
    json_put_double(j, "threshold", n->threshold);
    json_put_bool(j, "is_whole_episode", n->is_whole_episode);
    json_put_bool(j, "has_value", n->has_value);
    json_put_text(j, "unit", metric_unit_name(n->unit));
    json_put_int(j, "episodes_before", n->episodes_before);
    json_key(j, "labels");
    json_begin_object(j);
    for (size_t i = 0; i < n->label_count; i++)
        json_put_text(j, n->labels[i].name, n->labels[i].value);
    json_end_object(j);
#define NOTICE_TEXT_SAVE(text) json_put_text(j, #text, n->text);
    NOTICE_TEXTS(NOTICE_TEXT_SAVE)
#undef NOTICE_TEXT_SAVE
    json_end_object(j);
}

static bool find_severity(const char *name, enum alert_severity *ret)
{
    for (int s = ALERT_CRITICAL; s <= ALERT_NOTICE; s++)
        if (strcmp(alert_severity_name((enum alert_severity)s), name) == 0) {
            *ret = (enum alert_severity)s;
            return true;
        }
    return false;
}

static enum metric_unit find_unit(const char *name)
{
    int unit = METRIC_UNIT_PERCENT;
    while (unit < METRIC_UNIT_FLAG && strcmp(metric_unit_name((enum metric_unit)unit), name) != 0)
        unit++;
    return (enum metric_unit)unit;
}

static void restore_labels(const struct json_value *labels, struct notice *n)
{
    while (json_value_member_name(labels, n->label_count))
        n->label_count++;
    n->labels = NEW_ARRAY(struct notice_label, n->label_count + 1);
    for (size_t i = 0; i < n->label_count; i++) {
        const char *name = json_value_member_name(labels, i);
        n->labels[i] = (struct notice_label){mem_strdup(name), mem_strdup(json_value_text(labels, name, ""))};
    }
}

bool notice_restore(const struct json_value *v, struct notice *ret)
{
    const char *fingerprint = json_value_text(v, "fingerprint", "");
    struct notice n = {
        .change = strcmp(json_value_text(v, "change", ""), "ended") == 0 ? ALERT_ENDED : ALERT_FIRED,
        .started_wall_ns = json_value_int(v, "started", 0),
        .ended_wall_ns = json_value_int(v, "ended", 0),
        .value = json_value_double(v, "value", 0),
        .threshold = json_value_double(v, "threshold", 0),
        .is_whole_episode = json_value_bool(v, "is_whole_episode", false),
        .has_value = json_value_bool(v, "has_value", false),
        .unit = find_unit(json_value_text(v, "unit", "")),
        .episodes_before = (uint32_t)json_value_int(v, "episodes_before", 0),
    };
    char *end;
    n.fingerprint = strtoull(fingerprint, &end, 16);
    if (end == fingerprint || *end || !find_severity(json_value_text(v, "severity", ""), &n.severity))
        return false;
    restore_labels(json_value_get(v, "labels"), &n);
#define NOTICE_TEXT_RESTORE(text) n.text = mem_strdup(json_value_text(v, #text, ""));
    NOTICE_TEXTS(NOTICE_TEXT_RESTORE)
#undef NOTICE_TEXT_RESTORE
    *ret = n;
    return true;
}
