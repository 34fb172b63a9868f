/*
 * The tables of who is told of alerts: a row in notify_keys[] and a table of its own for each kind of sink.
 * See schema.c.
 *
 * A sink's address and what it shows to be let in are secrets: `url` may be written here, in a file or in a
 * variable; everything else is in a file or a variable only (struct config_secret). The macros below are the
 * rows that kinds have in common; a kind that has them names check_sink() as its check.
 */
#include "config/schema_table.h"

/* Exactly one of the three; check_sink() sees to it. */
#define URL_KEYS(example_text, help_text)                                                                    \
    {.name = "url",                                                                                          \
     .type = VALUE_URL,                                                                                      \
     .offset = AT(config_notify, url.value),                                                                 \
     .is_secret = true,                                                                                      \
     .default_shown = "from `url_file` or `url_env`",                                                        \
     .example = (example_text),                                                                              \
     .synonyms = " address to endpoint webhook_url ",                                                        \
     .help = help_text " A secret: it is shown nowhere."},                                                   \
        {.name = "url_file",                                                                                 \
         .type = VALUE_FILE,                                                                                 \
         .offset = AT(config_notify, url.file),                                                              \
         .default_shown = "none",                                                                            \
         .example = "/etc/weir/hook.url",                                                                    \
         .help = "File that holds the URL instead; read again for every message. Others must not be able "   \
                 "to read it."},                                                                             \
    {                                                                                                        \
        .name = "url_env", .type = VALUE_VARIABLE, .offset = AT(config_notify, url.env),                     \
        .default_shown = "none", .example = "HOOK_URL",                                                      \
        .help = "Environment variable that holds the URL instead."                                           \
    }

/* word: "token", "password", "routing_key"... At most one of the two. */
#define SECRET_KEYS(word, help_text, file_example, variable_example, synonyms_text)                          \
    {.name = word "_file",                                                                                   \
     .type = VALUE_FILE,                                                                                     \
     .offset = AT(config_notify, token.file),                                                                \
     .default_shown = "none",                                                                                \
     .example = (file_example),                                                                              \
     .synonyms = synonyms_text,                                                                              \
     .help = "File that holds " help_text                                                                    \
             "; read again for every message. Others must not be able to read it."},                         \
    {                                                                                                        \
        .name = word "_env", .type = VALUE_VARIABLE, .offset = AT(config_notify, token.env),                 \
        .default_shown = "none", .example = (variable_example),                                              \
        .help = "Environment variable that holds it instead."                                                \
    }

static const struct schema_choice severity_choices[] = {
    {"critical", CONFIG_CRITICAL, "users are hurt"},
    {"warning", CONFIG_WARNING, "somebody should look soon"},
    {"notice", CONFIG_NOTICE, "good to know"},
    {NULL},
};

static const struct schema_key only_keys[] = {
    {.name = "severity",
     .shape = SHAPE_LIST,
     .type = VALUE_CHOICE,
     .choices = severity_choices,
     .offset = AT(config_only, severity),
     .item_bytes = sizeof(int),
     .default_shown = "any",
     .example = "[critical, warning]",
     .synonyms = " severities level priority ",
     .help = "Alerts of these severities."},
    {.name = "alerts",
     .shape = SHAPE_LIST,
     .type = VALUE_WORD,
     .offset = AT(config_only, alerts),
     .item_bytes = sizeof(struct str),
     .default_shown = "any",
     .example = "[HostDiskHigh, Service*]",
     .synonyms = " alert alertname names rules ",
     .help = "Alerts of these names; `*` stands for anything, `?` for one character."},
    {.name = "services",
     .shape = SHAPE_LIST,
     .type = VALUE_WORD,
     .offset = AT(config_only, services),
     .item_bytes = sizeof(struct str),
     .default_shown = "any, and those about the host",
     .example = "[shop, shop-*]",
     .synonyms = " service ",
     .help = "Alerts about these services."},
    {.name = "labels",
     .shape = SHAPE_VARIABLES,
     .type = VALUE_TEXT,
     .offset = AT(config_only, labels),
     .item_bytes = sizeof(struct str),
     .default_shown = "any",
     .example = "{path: \"/srv*\"}",
     .synonyms = " match matchers label ",
     .help = "Alerts that have these labels with these values, which may hold `*` and `?`."},
    {.name = "hours",
     .type = VALUE_HOURS,
     .offset = AT(config_only, hours),
     .default_shown = "all day",
     .example = "\"09:00-18:00\"",
     .synonyms = " time times ",
     .help = "At these hours. What fires outside and still does when they begin is told then; that an alert "
             "is over is told at any time. Hours over midnight belong to the day on which they begin."},
    {.name = "days",
     .shape = SHAPE_LIST,
     .type = VALUE_DAYS,
     .offset = AT(config_only, day_count),
     .item_bytes = sizeof(uint8_t),
     .default_shown = "all days",
     .example = "mon-fri",
     .synonyms = " weekdays day ",
     .help = "On these days of the week."},
    {.name = "zone",
     .type = VALUE_ZONE,
     .offset = AT(config_only, zone),
     .default_text = "UTC",
     .example = "Asia/Seoul",
     .synonyms = " timezone time_zone tz ",
     .help = "The time zone of `hours` and `days`, by its name in the tz database (/usr/share/zoneinfo)."},
};
static_assert(AT(config_only, days) - AT(config_only, day_count) == AT(schema_items, items),
              "count, then items");
static const struct schema_mapping only = {
    .help = "Which alerts this sink is told of. All that is stated must hold; of a list one is enough.",
    KEYS(only_keys),
};

static bool has_only(const void *owner)
{
    const struct config_only *o = &((const struct config_notify *)owner)->only;
    return o->severity.count || o->alerts.count || o->services.count || o->labels.count || o->day_count ||
           o->hours.to;
}

/* What every sink but the log has, last in its table. */
#define SINK_KEYS(kind_name) SINK_KEYS_AFTER(kind_name, "5s")
#define SINK_KEYS_AFTER(kind_name, group_wait_text)                                                          \
    {.name = "name",                                                                                         \
     .type = VALUE_NAME,                                                                                     \
     .offset = AT(config_notify, name),                                                                      \
     .default_shown = "`" kind_name "-1` and so on",                                                         \
     .example = "ops",                                                                                       \
     .help = "Its name in logs, metrics and commands. What waits for it is kept under this name."},          \
        {.name = "only",                                                                                     \
         MAPPING(only),                                                                                      \
         .offset = AT(config_notify, only),                                                                  \
         .is_shown = has_only,                                                                               \
         .example = "{severity: critical}",                                                                  \
         .synonyms = " route when match filter "},                                                           \
        {.name = "group_wait",                                                                               \
         .type = VALUE_DURATION,                                                                             \
         .offset = AT(config_notify, pace.group_wait_ns),                                                    \
         .default_text = (group_wait_text),                                                                  \
         .max = HOURS(1),                                                                                    \
         .example = "30s",                                                                                   \
         .synonyms = " group wait delay batch ",                                                             \
         .help = "An alert waits so long for others, so that what happens together is one message; 0: it "   \
                 "does not."},                                                                               \
        {.name = "per_minute",                                                                               \
         .type = VALUE_COUNT,                                                                                \
         .offset = AT(config_notify, pace.per_minute),                                                       \
         .default_text = "20",                                                                               \
         .min = 1,                                                                                           \
         .max = 6000,                                                                                        \
         .example = "4",                                                                                     \
         .synonyms = " rate rate_limit limit messages_per_minute ",                                          \
         .help = "Messages in a minute, at most. What waits longer leaves together."},                       \
        {.name = "give_up",                                                                                  \
         .type = VALUE_DURATION,                                                                             \
         .offset = AT(config_notify, pace.give_up_ns),                                                       \
         .default_text = "24h",                                                                              \
         .min = SECONDS(1),                                                                                  \
         .max = HOURS(24 * 7),                                                                               \
         .example = "1h",                                                                                    \
         .synonyms = " expire max_age retry_for timeout ",                                                   \
         .help = "What could not be delivered for so long is dropped."},                                     \
    {                                                                                                        \
        .name = "queue", .type = VALUE_COUNT, .offset = AT(config_notify, pace.queue),                       \
        .default_text = "1000", .min = 1, .max = 10000, .example = "100",                                    \
        .synonyms = " queue_length queue_size ",                                                             \
        .help = "Alerts that wait for this sink, at most; then the oldest is dropped and counted."           \
    }

static const struct schema_mapping log_sink = {
    .help = "Alerts as lines in Weir's own log. This sink is always there."};

static const struct schema_key webhook_keys[] = {
    URL_KEYS("https://hooks.example.com/ops",
             "Where alerts are posted, in the format of Prometheus Alertmanager's webhooks (version 4)."),
    SECRET_KEYS("bearer_token", "the token for an Authorization field", "/etc/weir/hook.token", "HOOK_TOKEN",
                " token token_file bearer authorization "),
    SINK_KEYS("webhook"),
};
static const struct schema_mapping webhook = {
    .help = "Alerts as HTTP POST, tried again until they arrive. A URL alone may stand for the mapping.",
    KEYS(webhook_keys),
    .shorthand = "url",
    .check = check_sink,
};

static const struct schema_key alertmanager_keys[] = {
    {.name = "urls",
     .shape = SHAPE_LIST,
     .type = VALUE_URL,
     .offset = AT(config_notify, urls),
     .item_bytes = sizeof(struct str),
     .is_required = true,
     .is_secret = true,
     .example = "[http://am-1.example.com:9093, http://am-2.example.com:9093]",
     .synonyms = " url address addresses endpoint targets servers ",
     .help = "Where Alertmanager is, without /api; all members of a cluster. Each is a sink of its own, the "
             "second with `-2` behind its name and so on."},
    SECRET_KEYS("bearer_token", "the token for an Authorization field", "/etc/weir/alertmanager.token",
                "ALERTMANAGER_TOKEN", " token token_file bearer authorization "),
    SINK_KEYS_AFTER("alertmanager", "0s"),
};
static const struct schema_mapping alertmanager = {
    .help = "Alerts to the API (version 2) of Prometheus Alertmanager, told anew every minute as Prometheus "
            "does. URLs alone may stand for the mapping.",
    KEYS(alertmanager_keys),
    .shorthand = "urls",
    .check = check_sink,
};

static const struct schema_key notify_keys[] = {
    [NOTIFY_LOG] = {.name = "log", MAPPING(log_sink), .example = "{}"},
    [NOTIFY_WEBHOOK] = {.name = "webhook",
                        MAPPING(webhook),
                        .example = "https://hooks.example.com/ops",
                        .synonyms = " http url slack hook "},
    [NOTIFY_ALERTMANAGER] = {.name = "alertmanager",
                             MAPPING(alertmanager),
                             .example = "[http://am-1.example.com:9093, http://am-2.example.com:9093]",
                             .synonyms = " prometheus alertmanagers "},
};
const struct schema_mapping schema_notify = {
    .help = "Who is told of alerts. A list, each item with a key for its kind.",
    KEYS(notify_keys),
    .is_one_of = true,
    .kind_offset = AT(config_notify, kind),
};
