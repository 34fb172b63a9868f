/* value_times.c: see values.h. Times of the calendar: lines of cron, hours, days, time zones. */
#include "config/values_priv.h"

#include "base/week.h"
#include "config/model.h"
#include "config/zone_file.h"

static enum value_outcome parse_cron(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    struct config_cron *cron = target;
    if (!cron_parse(text, &cron->times, hint))
        return VALUE_WRONG;
    return value_keep_text(text, arena, &cron->text);
}

static bool format_cron(const struct schema_key *k, const void *target, struct buf *out)
{
    const struct config_cron *cron = target;
    value_put_quoted(cron->text, out);
    return cron->text.len > 0;
}

static enum value_outcome parse_hours(const struct schema_key *k, struct str text, struct arena *arena,
                                      void *target, struct err *hint)
{
    const char *problem;
    return week_parse_hours(text, target, &problem) ? VALUE_OK : value_wrong(hint, problem);
}

static bool format_hours(const struct schema_key *k, const void *target, struct buf *out)
{
    const struct week_hours *hours = target;
    char text[WEEK_TEXT_BYTES];
    if (hours->to == 0 && hours->from == 0)
        return false;
    value_put_quoted(str_of(week_format_hours(text, *hours)), out);
    return true;
}

static enum value_outcome parse_days(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    const char *problem;
    return week_parse_days(text, target, &problem) ? VALUE_OK : value_wrong(hint, problem);
}

static bool format_days(const struct schema_key *k, const void *target, struct buf *out)
{
    char text[WEEK_TEXT_BYTES];
    value_put_quoted(str_of(week_format_days(text, *(const uint8_t *)target)), out);
    return true;
}

static enum value_outcome parse_zone(const struct schema_key *k, struct str text, struct arena *arena,
                                     void *target, struct err *hint)
{
    struct config_zone *zone = target;
    if (!zone_file_load(arena, text, &zone->rules, hint))
        return VALUE_WRONG;
    return value_keep_text(text, arena, &zone->name);
}

static bool format_zone(const struct schema_key *k, const void *target, struct buf *out)
{
    return value_format_text(k, &((const struct config_zone *)target)->name, out);
}

const struct value_row value_times[VALUE_TYPE_COUNT] = {
    [VALUE_CRON] = {"the five fields of cron", "lines of cron", parse_cron, format_cron},
    [VALUE_HOURS] = {"hours of the day", "hours of the day", parse_hours, format_hours},
    [VALUE_DAYS] = {"days of the week", "days of the week", parse_days, format_days},
    [VALUE_ZONE] = {"a time zone", "time zones", parse_zone, format_zone},
};
