/* route.c: see route.h. */
#include "watch/notify/route.h"

#include "base/macros.h"

#include <assert.h>
#include <fnmatch.h>

static_assert((int)CONFIG_CRITICAL == (int)ALERT_CRITICAL && (int)CONFIG_WARNING == (int)ALERT_WARNING &&
                  (int)CONFIG_NOTICE == (int)ALERT_NOTICE,
              "severities are the same");

/* None is any. value NULL: the alert has no such thing. */
static bool is_one_of(const struct config_strings *patterns, const char *value)
{
    for (size_t i = 0; i < patterns->count && value; i++)
        if (fnmatch(patterns->items[i].ptr, value, 0) == 0)
            return true;
    return patterns->count == 0;
}

static bool has_severity(const struct config_choices *severities, enum alert_severity severity)
{
    for (size_t i = 0; i < severities->count; i++)
        if (severities->items[i] == (int)severity)
            return true;
    return severities->count == 0;
}

/* pair: "NAME=pattern" */
static bool has_label(const struct notice *n, struct str pair)
{
    char name[64];
    size_t at = 0;
    ASSERT(str_find(pair, '=', &at));
    str_copy(name, sizeof(name), str_n(pair.ptr, at));
    const char *value = notice_label(n, name);
    return value && fnmatch(pair.ptr + at + 1, value, 0) == 0;
}

const char *route_why_not(const struct config_notify *sink, const struct notice *n)
{
    const struct config_only *only = &sink->only;
    const char *about = notice_label(n, "sink");
    if (about && str_eq(str_of(about), sink->name))
        return "it is about this sink itself";
    if (!has_severity(&only->severity, n->severity))
        return "its severity is not in only.severity";
    if (!is_one_of(&only->alerts, n->name))
        return "its name is not in only.alerts";
    if (!is_one_of(&only->services, notice_label(n, "service")))
        return "it is not about a service in only.services";
    for (size_t i = 0; i < only->labels.count; i++)
        if (!has_label(n, only->labels.items[i]))
            return "its labels are not those of only.labels";
    return NULL;
}

bool route_takes(const struct config_notify *sink, const struct notice *n)
{
    return route_why_not(sink, n) == NULL;
}

bool route_is_open(const struct config_notify *sink, int64_t wall_s)
{
    const struct config_only *only = &sink->only;
    unsigned days = only->day_count ? 0 : WEEK_ALL_DAYS;
    for (size_t i = 0; i < only->day_count; i++)
        days |= only->days[i];
    return week_holds(only->hours, (uint8_t)days, wall_s + zone_offset_s(&only->zone.rules, wall_s));
}
