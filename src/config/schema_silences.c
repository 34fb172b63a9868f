/* The tables of what is not told: the bounds of silences, and maintenance windows. See schema.c. */
#include "config/schema_table.h"

static_assert(AT(config_silences, maintenance) - AT(config_silences, maintenance_count) ==
                  AT(schema_items, items),
              "count, then items");

static const struct schema_key silences_keys[] = {
    {.name = "max",
     .type = VALUE_COUNT,
     .offset = AT(config_silences, count_max),
     .default_text = "256",
     .min = 1,
     .max = 1000,
     .example = "50",
     .synonyms = " count limit ",
     .help = "So many silences at most; the next one is refused. Those that are over make room."},
    {.name = "longest",
     .type = VALUE_DURATION,
     .offset = AT(config_silences, longest_ns),
     .default_text = "90d",
     .min = SECONDS(60),
     .max = HOURS(24 * 366),
     .example = "7d",
     .synonyms = " max_duration for ",
     .help = "How long a silence may last."},
};
const struct schema_mapping schema_silences = {
    .help = "Bounds of the silences that people set (`weir silence`).",
    KEYS(silences_keys),
};

static const struct schema_key maintenance_keys[] = {
    {.name = "from",
     .type = VALUE_CRON,
     .offset = AT(config_maintenance, from),
     .is_required = true,
     .example = "\"0 3 * * 0\"",
     .synonyms = " start cron schedule at begin ",
     .help = "When it begins, as five fields of cron, as in `scale.schedule`."},
    {.name = "for",
     .type = VALUE_DURATION,
     .offset = AT(config_maintenance, for_ns),
     .is_required = true,
     .min = SECONDS(60),
     .max = HOURS(24 * 31),
     .example = "2h",
     .synonyms = " duration end to until ",
     .help = "How long it lasts each time."},
    {.name = "zone",
     .type = VALUE_ZONE,
     .offset = AT(config_maintenance, zone),
     .default_text = "UTC",
     .example = "Europe/Berlin",
     .synonyms = " timezone time_zone tz ",
     .help = "The time zone of `from`, by its name in the tz database."},
    {.name = "match",
     .shape = SHAPE_LIST,
     .type = VALUE_TEXT,
     .offset = AT(config_maintenance, match),
     .item_bytes = sizeof(struct str),
     .count_max = CONFIG_MATCHERS_MAX,
     .default_shown = "all alerts",
     .example = "[service=shop, \"alertname=Host*\"]",
     .synonyms = " matchers labels alerts ",
     .help = "Which alerts: LABEL=VALUE or LABEL!=VALUE, all of them; `*` in a value stands for any text. "
             "LABEL=~REGEX and LABEL!~REGEX are regular expressions that fit all of the label."},
    {.name = "comment",
     .type = VALUE_TEXT,
     .offset = AT(config_maintenance, comment),
     .default_shown = "none",
     .example = "backup and updates",
     .synonyms = " reason why note ",
     .help = "Shown with the alerts that it silences."},
};
const struct schema_mapping schema_maintenance = {
    .help = "Times at which nobody is told of some alerts. They go on living meanwhile, and what still fires "
            "when the window closes is told then.",
    KEYS(maintenance_keys),
    .check = check_maintenance,
};
