/* The tables of what is watched. See schema.c. */
#include "config/sink_keys.h"

static_assert(AT(config_watch, hosts) - AT(config_watch, host_count) == AT(schema_items, items),
              "count, then items");
static_assert(AT(config_watch, probes) - AT(config_watch, probe_count) == AT(schema_items, items),
              "count, then items");

/* The defaults of thresholds differ, so each has its own table. */
#define THRESHOLD_KEYS(above_text, clear_text, clear_words, for_text, above_example, clear_example)          \
    {.name = "above",                                                                                        \
     .type = VALUE_PERCENT,                                                                                  \
     .offset = AT(config_threshold, above),                                                                  \
     .default_text = (above_text),                                                                           \
     .example = (above_example),                                                                             \
     .synonyms = " threshold max limit enter ",                                                              \
     .help = "The alert begins above this."},                                                                \
        {.name = "clear",                                                                                    \
         .type = VALUE_PERCENT,                                                                              \
         .offset = AT(config_threshold, clear),                                                              \
         .default_text = (clear_text),                                                                       \
         .default_shown = clear_words,                                                                       \
         .example = (clear_example),                                                                         \
         .synonyms = " below exit resolve ",                                                                 \
         .help = "It ends at this or below; at most `above`."},                                              \
    {                                                                                                        \
        .name = "for", .type = VALUE_DURATION, .offset = AT(config_threshold, for_ns),                       \
        .default_text = (for_text), .max = HOURS(24), .example = "1m",                                       \
        .synonyms = " duration window after ", .help = "Only when it lasts this long."                       \
    }

static const struct schema_key cpu_keys[] = {
    THRESHOLD_KEYS("90%", "80%", "`above` less 10%", "5m", "95%", "70%")};
static const struct schema_key memory_keys[] = {
    THRESHOLD_KEYS("80%", "75%", "`above` less 5%", "5m", "95%", "70%")};
static const struct schema_key disk_keys[] = {
    THRESHOLD_KEYS("90%", "87%", "`above` less 3%", "2m", "95%", "85%")};
static const struct schema_key error_rate_keys[] = {
    THRESHOLD_KEYS("5%", "2%", "`above` less 3%", "1m", "2%", "1%"),
    {.name = "min_requests",
     .type = VALUE_COUNT,
     .offset = AT(config_watch, error_rate_requests_min) - AT(config_watch, error_rate),
     .default_text = "20",
     .min = 1,
     .max = 1000000000,
     .example = "100",
     .help = "Only when at least so many requests came in that time."},
};

#define THRESHOLD_MAPPING(array)                                                                             \
    KEYS(array), .shorthand = "above", .can_be_off = true,                                                   \
                 .is_enabled_offset = AT(config_threshold, is_enabled), .check = check_threshold

static const struct schema_mapping cpu = {
    .help = "CPU use of the host, or of Weir's cgroup when that has a limit.", THRESHOLD_MAPPING(cpu_keys)};
static const struct schema_mapping memory = {.help = "Memory that is not available to new programs.",
                                             THRESHOLD_MAPPING(memory_keys)};
static const struct schema_mapping disk = {.help = "Use of each watched file system.",
                                           THRESHOLD_MAPPING(disk_keys)};
static const struct schema_mapping error_rate = {
    .help = "Share of a service's responses that are errors of the server side (5xx).",
    THRESHOLD_MAPPING(error_rate_keys)};

static const struct schema_key host_keys[] = {
    {.name = "cpu", MAPPING(cpu), .offset = AT(config_watch, cpu), .example = "90%"},
    {.name = "memory",
     MAPPING(memory),
     .offset = AT(config_watch, memory),
     .example = "{above: 80%, clear: 70%, for: 10m}",
     .synonyms = " ram mem "},
    {.name = "disk", MAPPING(disk), .offset = AT(config_watch, disk), .example = "off"},
    {.name = "disk_paths",
     .shape = SHAPE_LIST,
     .type = VALUE_FULL_FILE,
     .offset = AT(config_watch, disk_paths),
     .item_bytes = sizeof(struct str),
     .default_shown = "the mounted file systems",
     .example = "[/, /var/lib]",
     .synonyms = " paths mounts disks ",
     .help = "File systems to watch, each by a path in it."},
};
static const struct schema_mapping host = {
    .help = "Alerts about the machine. Each is a percentage, a mapping, or `off`.",
    KEYS(host_keys),
};

static const struct schema_key crashes_keys[] = {
    {.name = "count",
     .type = VALUE_COUNT,
     .offset = AT(config_watch, crash_count),
     .default_text = "3",
     .min = 1,
     .max = 1000,
     .example = "5",
     .help = "A server that dies so often..."},
    {.name = "within",
     .type = VALUE_DURATION,
     .offset = AT(config_watch, crash_window_ns),
     .default_text = "5m",
     .min = SECONDS(1),
     .max = HOURS(24),
     .example = "10m",
     .synonyms = " window for ",
     .help = "...in this time raises an alert."},
};
static const struct schema_mapping crashes = {
    .help = "When a server that Weir started keeps dying.",
    KEYS(crashes_keys),
};

static const struct schema_key watch_keys[] = {
    {.name = "interval",
     .type = VALUE_DURATION,
     .offset = AT(config_watch, interval_ns),
     .default_text = "1s",
     .min = MS(100),
     .max = HOURS(1),
     .example = "5s",
     .help = "How often the host is measured."},
    {.name = "language",
     .type = VALUE_CHOICE,
     .offset = AT(config_watch, language),
     .choices = schema_languages,
     .default_text = "en",
     .example = "ko",
     .synonyms = " lang locale ",
     .help = "Language of messages to people, where a sink has none of its own. The log stays English."},
    {.name = "host", MAPPING(host), .example = "{cpu: 90%, disk: off}", .synonyms = " system machine "},
    {.name = "error_rate",
     MAPPING(error_rate),
     .offset = AT(config_watch, error_rate),
     .example = "{above: 2%, for: 5m}",
     .synonyms = " errors "},
    {.name = "crashes", MAPPING(crashes), .example = "{count: 5, within: 10m}"},
    {.name = "silences",
     MAPPING(schema_silences),
     .offset = AT(config_watch, silences),
     .example = "{max: 50, longest: 7d}",
     .synonyms = " silence mutes "},
    {.name = "maintenance",
     .shape = SHAPE_STRICT_LIST,
     MAPPING(schema_maintenance),
     .offset = AT(config_watch, silences) + AT(config_silences, maintenance_count),
     .item_bytes = sizeof(struct config_maintenance),
     .count_max = CONFIG_SCHEDULES_MAX,
     .item_title = "maintenance window",
     .default_shown = "none",
     .example = "[{from: \"0 3 * * 0\", for: 2h, zone: Europe/Berlin, match: [service=shop]}]",
     .synonyms = " windows maintenance_windows downtime "},
    {.name = "discovery",
     .type = VALUE_DURATION,
     .offset = AT(config_watch, discovery_ns),
     .default_text = "5m",
     .max = HOURS(24 * 30),
     .example = "1m",
     .help = "An alert when a service's servers could not be discovered for this long; 0: none."},
    {.name = "hosts",
     .shape = SHAPE_NAMED,
     MAPPING(schema_host),
     .offset = AT(config_watch, host_count),
     .item_bytes = sizeof(struct config_host),
     .item_title = "host",
     .count_max = CONFIG_HOSTS_MAX,
     .default_shown = "none",
     .example = "{web-2: \"http://web-2.internal:9100/metrics\"}",
     .synonyms = " machines nodes targets exporters agents "},
    {.name = "probes",
     .shape = SHAPE_NAMED,
     MAPPING(schema_probe),
     .offset = AT(config_watch, probe_count),
     .item_bytes = sizeof(struct config_probe),
     .item_title = "probe",
     .count_max = CONFIG_PROBES_MAX,
     .default_shown = "none",
     .example = "{shop: \"https://shop.example.com/\"}",
     .synonyms = " probe checks sites blackbox uptime "},
    {.name = "rules",
     .shape = SHAPE_STRICT_LIST,
     MAPPING(schema_rule),
     .offset = AT(config_watch, rule_count),
     .item_bytes = sizeof(struct config_rule),
     .count_max = CONFIG_RULES_MAX,
     .item_title = "rule",
     .default_shown = "none; the [default rules](rules.md#the-default-rules) are there",
     .example = "[{alert: CheckoutSlow, when: \"latency_p99{service='shop'} > 800ms for 5m\"}]",
     .synonyms = " alerts rule alerting "},
};
const struct schema_mapping schema_watch = {
    .help = "What is measured and when it becomes an alert.",
    KEYS(watch_keys),
    .check = check_watch,
};
