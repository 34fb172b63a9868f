/* sink_keys.h: rows that the tables of several kinds of sinks have. A table with any of them names
 * check_sink(), or a check that calls it, as its check. Only tables include it. */
#pragma once
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
         MAPPING(schema_only),                                                                               \
         .offset = AT(config_notify, only),                                                                  \
         .is_shown = schema_has_only,                                                                        \
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
         .synonyms = " expire max_age retry_for ",                                                           \
         .help = "What could not be delivered for so long is dropped."},                                     \
        {.name = "timeout",                                                                                  \
         .type = VALUE_DURATION,                                                                             \
         .offset = AT(config_notify, pace.timeout_ns),                                                       \
         .default_text = "10s",                                                                              \
         .min = SECONDS(1) / 10,                                                                             \
         .max = SECONDS(300),                                                                                \
         .example = "30s",                                                                                   \
         .synonyms = " deadline request_timeout send_timeout max_time ",                                     \
         .help = "How long one try may take; then it is broken off, and made again later."},                 \
    {                                                                                                        \
        .name = "queue", .type = VALUE_COUNT, .offset = AT(config_notify, pace.queue),                       \
        .default_text = "1000", .min = 1, .max = 10000, .example = "100",                                    \
        .synonyms = " queue_length queue_size ",                                                             \
        .help = "Alerts that wait for this sink, at most; then the oldest is dropped and counted."           \
    }

/* In what words people are told: for kinds that write to people. */
#define WORDS_KEYS                                                                                           \
    {.name = "language",                                                                                     \
     .type = VALUE_CHOICE,                                                                                   \
     .offset = AT(config_notify, words.language),                                                            \
     .choices = schema_languages,                                                                            \
     .default_shown = "`watch.language`",                                                                    \
     .example = "ko",                                                                                        \
     .synonyms = " lang locale ",                                                                            \
     .help = "Language of the messages."},                                                                   \
        {.name = "zone",                                                                                     \
         .type = VALUE_ZONE,                                                                                 \
         .offset = AT(config_notify, words.zone),                                                            \
         .default_text = "UTC",                                                                              \
         .example = "Asia/Seoul",                                                                            \
         .synonyms = " timezone time_zone tz ",                                                              \
         .help = "Zone of the times in messages."},                                                          \
    {                                                                                                        \
        .name = "template", MAPPING(schema_template), .offset = AT(config_notify, words),                    \
        .is_shown = schema_has_template, .example = "{title: \"[prod] {title}\"}",                           \
        .synonyms = " templates format message ",                                                            \
    }

/* For receivers with a certificate of one's own authority. */
#define CA_FILE_KEY                                                                                          \
    {                                                                                                        \
        .name = "ca_file", .type = VALUE_FILE, .offset = AT(config_notify, ca_file),                         \
        .default_shown = "the authorities that the system trusts", .example = "/etc/weir/ca.pem",            \
        .synonyms = " ca cacert ca_cert tls_ca ", .help = "PEM file with the authorities to trust instead.", \
    }

extern const struct schema_choice schema_languages[];
extern const struct schema_mapping schema_template;
bool schema_has_template(const void *sink);
extern const struct schema_mapping schema_only;
bool schema_has_only(const void *sink);

extern const struct schema_mapping schema_slack, schema_discord, schema_teams, schema_telegram,
    schema_pagerduty, schema_ntfy, schema_mail, schema_sink_exec, schema_syslog;
