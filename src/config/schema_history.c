/* The table of the history: how long what is kept, and how large it may become. See schema.c. */
#include "config/schema_table.h"

#define DAYS(n) HOURS((n)*24)

static const struct schema_key keep_keys[] = {
    {.name = "1s",
     .type = VALUE_DURATION,
     .offset = AT(config_history_keep, second_ns),
     .default_text = "1h",
     .min = SECONDS(600),
     .max = DAYS(7),
     .example = "6h",
     .help = "Points of one second."},
    {.name = "10s",
     .type = VALUE_DURATION,
     .offset = AT(config_history_keep, ten_seconds_ns),
     .default_text = "1d",
     .min = HOURS(2),
     .max = DAYS(60),
     .example = "3d",
     .help = "Points of ten seconds."},
    {.name = "1m",
     .type = VALUE_DURATION,
     .offset = AT(config_history_keep, minute_ns),
     .default_text = "30d",
     .min = HOURS(48),
     .max = DAYS(366),
     .example = "90d",
     .help = "Points of one minute."},
    {.name = "1h",
     .type = VALUE_DURATION,
     .offset = AT(config_history_keep, hour_ns),
     .default_text = "365d",
     .min = HOURS(48),
     .max = DAYS(3660),
     .example = "730d",
     .help = "Points of one hour."},
};
static const struct schema_mapping keep = {
    .help = "How long points are kept. What is older is there in coarser points.",
    KEYS(keep_keys),
    .check = check_history_keep,
};

static const struct schema_key history_keys[] = {
    {.name = "keep",
     MAPPING(keep),
     .offset = AT(config_history, keep),
     .example = "{1s: 6h, 1m: 90d}",
     .synonyms = " retention levels "},
    {.name = "max_size",
     .type = VALUE_SIZE,
     .offset = AT(config_history, bytes_max),
     .default_text = "256MiB",
     .min = MIB(4),
     .max = TIB(1),
     .example = "1GiB",
     .synonyms = " size limit ",
     .help = "The file grows no larger: then the oldest of the finest points go first."},
};
const struct schema_mapping schema_history = {
    .help = "What is watched is kept in a file beside what is learned (`state`), and can be asked for by the "
            "API. `off` keeps nothing.",
    KEYS(history_keys),
    .can_be_off = true,
    .is_enabled_offset = AT(config_history, is_enabled),
};
