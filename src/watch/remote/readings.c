/* readings.c: see readings.h. */
#include "watch/remote/readings.h"

#include <math.h>

static const char unknown_there[] = "the machine itself does not know it";

static void write_labels(const struct series *s, struct json *j)
{
    json_key(j, "labels");
    json_begin_object(j);
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++) {
        const char *label = subject_label(metric_infos[s->metric].subject, i);
        if (label[0])
            json_put_text(j, label, s->subject.names[i]);
    }
    json_end_object(j);
}

static void write_one(const struct series *s, struct json *j)
{
    json_begin_object(j);
    json_put_text(j, "metric", metric_infos[s->metric].name);
    json_put_text(j, "unit", metric_unit_name(metric_infos[s->metric].unit));
    write_labels(s, j);
    json_put_double_if(j, "value", s->reading.is_known, s->reading.value);
    if (!s->reading.is_known)
        json_put_text(j, "why_unknown", s->reading.why_unknown ? s->reading.why_unknown : "");
    if (s->note[0])
        json_put_text(j, "note", s->note);
    json_end_object(j);
}

void readings_write(const struct board *b, struct str host, struct json *j)
{
    json_begin_object(j);
    json_key(j, "readings");
    json_begin_array(j);
    for (size_t i = 0; i < board_count(b); i++)
        if (str_eq(str_of(board_at(b, i)->subject.host), host))
            write_one(board_at(b, i), j);
    json_end_array(j);
    json_end_object(j);
}

static bool read_subject(const struct json_value *labels, enum subject_kind kind, struct subject *ret_subject)
{
    *ret_subject = (struct subject){0};
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++) {
        const char *label = subject_label(kind, i);
        if (label[0] && !(ret_subject->names[i] = json_value_text(labels, label, NULL)))
            return false;
    }
    return true;
}

static bool put_one(const struct json_value *item, struct board *b)
{
    struct subject subject;
    const struct json_value *value = json_value_get(item, "value");
    enum metric metric = metric_find(str_of(json_value_text(item, "metric", "")));
    if (metric == METRIC_COUNT ||
        !read_subject(json_value_get(item, "labels"), metric_infos[metric].subject, &subject))
        return false;
    double number = json_value_to_double(value, NAN);
    struct reading reading = isfinite(number) ? reading_known(number) : reading_unknown(unknown_there);
    const char *note = json_value_text(item, "note", json_value_text(item, "why_unknown", ""));
    board_put_note(b, metric, &subject, reading, "%s", note);
    return true;
}

size_t readings_put(const struct json_value *object, struct board *b)
{
    const struct json_value *items = json_value_get(object, "readings");
    size_t count = MIN(json_value_count(items), (size_t)READINGS_MAX), put = 0;
    for (size_t i = 0; i < count; i++)
        put += put_one(json_value_at(items, i), b);
    return put;
}
