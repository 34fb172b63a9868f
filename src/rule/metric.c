/* metric.c: the tables behind metric.h. */
#include "rule/metric.h"

#include "base/macros.h"

#define METRIC_INFO(id, name, unit, subject, help) {name, METRIC_UNIT_##unit, SUBJECT_##subject, help},
const struct metric_info metric_infos[METRIC_COUNT] = {METRICS(METRIC_INFO)};

const char *metric_unit_name(enum metric_unit unit)
{
#define UNIT_NAME(id, name) name,
    static const char *const names[] = {METRIC_UNITS(UNIT_NAME)};
    ASSERT((size_t)unit < ARRAY_LEN(names));
    return names[unit];
}

const char *subject_label(enum subject_kind kind, size_t index)
{
#define SUBJECT_LABELS(id, first, second) {first, second},
    static const char *const labels[][SUBJECT_NAMES_MAX] = {SUBJECT_KINDS(SUBJECT_LABELS)};
    ASSERT((size_t)kind < ARRAY_LEN(labels) && index < SUBJECT_NAMES_MAX);
    return labels[kind][index];
}

enum metric metric_find(struct str name)
{
    size_t m = 0;
    while (m < METRIC_COUNT && !str_eq(str_of(metric_infos[m].name), name))
        m++;
    return (enum metric)m;
}

const char *metric_suggest(struct str name)
{
    const char *names[METRIC_COUNT];
    for (size_t m = 0; m < METRIC_COUNT; m++)
        names[m] = metric_infos[m].name;
    return str_nearest(name, names, METRIC_COUNT);
}
