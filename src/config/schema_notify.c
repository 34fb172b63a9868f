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

/* What every sink but the log has, last in its table. */
#define SINK_KEYS(kind_name)                                                                                 \
    {                                                                                                        \
        .name = "name", .type = VALUE_NAME, .offset = AT(config_notify, name),                               \
        .default_shown = "`" kind_name "-1` and so on", .example = "ops",                                    \
        .help = "Its name in logs, metrics and commands."                                                    \
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

static const struct schema_key notify_keys[] = {
    [NOTIFY_LOG] = {.name = "log", MAPPING(log_sink), .example = "{}"},
    [NOTIFY_WEBHOOK] = {.name = "webhook",
                        MAPPING(webhook),
                        .example = "https://hooks.example.com/ops",
                        .synonyms = " http url slack hook "},
};
const struct schema_mapping schema_notify = {
    .help = "Who is told of alerts. A list, each item with a key for its kind.",
    KEYS(notify_keys),
    .is_one_of = true,
    .kind_offset = AT(config_notify, kind),
};
