/* history_query.c: see history_query.h. */
#include "admin/history_query.h"

#include "base/clock.h"
#include "base/percent.h"
#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>

enum { DEFAULT_RANGE_S = 3600 };
#define WALL_S_MAX (INT64_C(1) << 33) /* the year 2242 */

struct pair {
    char name[HISTORY_QUERY_NAME_BYTES], value[HISTORY_QUERY_VALUE_BYTES];
};

static bool take_pair(struct str part, struct pair *ret_pair, struct err *err)
{
    size_t at;
    if (!str_find(part, '=', &at) || at + 1 == part.len)
        return err_set(err, "the query is made of NAME=VALUE with & between, and '%.*s' is none",
                       STR_ARG(part));
    if (!percent_decode(str_n(part.ptr, at), ret_pair->name, sizeof(ret_pair->name)) ||
        !percent_decode(str_n(part.ptr + at + 1, part.len - at - 1), ret_pair->value,
                        sizeof(ret_pair->value)))
        return err_set(err, "'%.*s' is not well percent-encoded, or too long", STR_ARG(part));
    return true;
}

/* A moment: seconds since 1970, so long ago, or now. */
static bool parse_moment(const struct pair *p, int64_t now_s, int64_t *ret_s, struct err *err)
{
    uint64_t number;
    int64_t ago_ns;
    const char *problem;
    if (strcmp(p->value, "now") == 0) {
        *ret_s = now_s;
        return true;
    }
    if (str_parse_u64(str_of(p->value), &number) && number < (uint64_t)WALL_S_MAX) {
        *ret_s = (int64_t)number;
        return true;
    }
    if (!units_parse_duration(str_of(p->value), &ago_ns, &problem) || ago_ns / NS_PER_S > now_s)
        return err_set(err, "'%s' must be seconds since 1970, so long ago (30m, 6h, 7d) or now, not '%s'",
                       p->name, p->value);
    *ret_s = now_s - ago_ns / NS_PER_S;
    return true;
}

static bool parse_step(const struct pair *p, int64_t *ret_s, struct err *err)
{
    uint64_t number;
    int64_t ns = 0;
    const char *problem;
    if (str_parse_u64(str_of(p->value), &number) && number > 0 && number < (uint64_t)WALL_S_MAX) {
        *ret_s = (int64_t)number;
        return true;
    }
    if (!units_parse_duration(str_of(p->value), &ns, &problem) || ns < NS_PER_S || ns % NS_PER_S)
        return err_set(err, "'step' must be whole seconds, such as 10, 10s or 5m, not '%s'", p->value);
    *ret_s = ns / NS_PER_S;
    return true;
}

static bool take_label(struct history_query *q, const struct pair *p, struct err *err)
{
    if (q->label_count == HISTORY_QUERY_LABELS_MAX)
        return err_set(err, "more than %d labels", HISTORY_QUERY_LABELS_MAX);
    struct history_query_label *label = &q->labels[q->label_count++];
    memcpy(label->name, p->name, sizeof(label->name));
    memcpy(label->value, p->value, sizeof(label->value));
    return true;
}

struct moments {
    bool has_from;
    int64_t from_s, to_s;
};

static bool take(struct history_query *q, struct moments *m, const struct pair *p, int64_t now_s,
                 struct err *err)
{
    if (strcmp(p->name, "metric") == 0) {
        if (strlen(p->value) >= sizeof(q->metric))
            return err_set(err, "there is no metric with so long a name");
        str_copy(q->metric, sizeof(q->metric), str_of(p->value));
        return true;
    }
    if (strcmp(p->name, "from") == 0) {
        m->has_from = true;
        return parse_moment(p, now_s, &m->from_s, err);
    }
    if (strcmp(p->name, "to") == 0)
        return parse_moment(p, now_s, &m->to_s, err);
    if (strcmp(p->name, "step") == 0)
        return parse_step(p, &q->step_s, err);
    return take_label(q, p, err);
}

static bool check(const struct history_query *q, struct err *err)
{
    if (q->from_s >= q->to_s)
        return err_set(err, "'from' must be before 'to', and in the past");
    int64_t points = q->step_s ? (q->to_s - q->from_s) / q->step_s : 0;
    if (points > HISTORY_QUERY_POINTS_MAX)
        return err_set(err,
                       "that would be %" PRId64
                       " points of each series, and %d is the most: a longer 'step', or "
                       "none",
                       points, HISTORY_QUERY_POINTS_MAX);
    return true;
}

bool history_query_parse(struct history_query *ret_query, struct str query, int64_t now_s, struct err *err)
{
    struct moments m = {.to_s = now_s};
    struct pair p;
    struct str part;
    *ret_query = (struct history_query){0};
    while (str_split(&query, '&', &part))
        if (part.len && (!take_pair(part, &p, err) || !take(ret_query, &m, &p, now_s, err)))
            return false;
    ret_query->to_s = MIN(m.to_s, now_s);
    ret_query->from_s = m.has_from ? m.from_s : ret_query->to_s - DEFAULT_RANGE_S;
    return check(ret_query, err);
}
