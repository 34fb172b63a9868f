/*
 * The tables of who is told of alerts: a row in notify_keys[] and a table of its own for each kind of sink.
 * See schema.c.
 *
 * A sink's address and what it shows to be let in are secrets: `url` may be written here, in a file or in a
 * variable; everything else is in a file or a variable only (struct config_secret). The rows that kinds have
 * in common are in sink_keys.h; the kinds that write to people are in schema_people.c.
 */
#include "config/sink_keys.h"

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
const struct schema_mapping schema_only = {
    .help = "Which alerts this sink is told of. All that is stated must hold; of a list one is enough.",
    KEYS(only_keys),
};

bool schema_has_only(const void *owner)
{
    const struct config_only *o = &((const struct config_notify *)owner)->only;
    return o->severity.count || o->alerts.count || o->services.count || o->labels.count || o->day_count ||
           o->hours.to;
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
                        .synonyms = " http url hook "},
    [NOTIFY_ALERTMANAGER] = {.name = "alertmanager",
                             MAPPING(alertmanager),
                             .example = "[http://am-1.example.com:9093, http://am-2.example.com:9093]",
                             .synonyms = " prometheus alertmanagers "},
    [NOTIFY_SLACK] = {.name = "slack",
                      MAPPING(schema_slack),
                      .example = "{url_file: /etc/weir/slack.url}",
                      .synonyms = " mattermost rocketchat "},
    [NOTIFY_DISCORD] = {.name = "discord",
                        MAPPING(schema_discord),
                        .example = "{url_file: /etc/weir/discord.url}"},
    [NOTIFY_TEAMS] = {.name = "teams",
                      MAPPING(schema_teams),
                      .example = "{url_file: /etc/weir/teams.url}",
                      .synonyms = " msteams microsoft office "},
    [NOTIFY_TELEGRAM] = {.name = "telegram",
                         MAPPING(schema_telegram),
                         .example = "{token_file: /etc/weir/telegram.token, chat: \"-1001234567890\"}"},
    [NOTIFY_PAGERDUTY] = {.name = "pagerduty",
                          MAPPING(schema_pagerduty),
                          .example = "{routing_key_file: /etc/weir/pagerduty.key}",
                          .synonyms = " pager opsgenie "},
    [NOTIFY_NTFY] = {.name = "ntfy",
                     MAPPING(schema_ntfy),
                     .example = "{url_file: /etc/weir/ntfy.url}",
                     .synonyms = " push phone "},
    [NOTIFY_MAIL] = {.name = "mail",
                     MAPPING(schema_mail),
                     .example = "{server: mail.example.com, from: weir@example.com, to: [ops@example.com]}",
                     .synonyms = " email e-mail smtp "},
    [NOTIFY_EXEC] = {.name = "exec",
                     MAPPING(schema_sink_exec),
                     .example = "{command: [/usr/local/bin/tell, ops]}",
                     .synonyms = " command program script run "},
    [NOTIFY_SYSLOG] = {.name = "syslog",
                       MAPPING(schema_syslog),
                       .example = "{}",
                       .synonyms = " rsyslog journal "},
};
const struct schema_mapping schema_notify = {
    .help = "Who is told of alerts. A list, each item with a key for its kind.",
    KEYS(notify_keys),
    .is_one_of = true,
    .kind_offset = AT(config_notify, kind),
};
