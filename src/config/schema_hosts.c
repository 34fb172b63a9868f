/* The table of the keys of another machine (`watch: {hosts: …}`). See schema.c. */
#include "config/schema_table.h"

static_assert(AT(config_host, numbers) - AT(config_host, number_count) == AT(schema_items, items),
              "as in the others");

static const struct schema_key number_keys[] = {
    [NUMBER_SUM] = {.name = "sum_of",
                    .type = VALUE_TEXT,
                    .offset = AT(config_number, series),
                    .default_shown = "none",
                    .example = "'app_queue_depth{queue=\"mail\"}'",
                    .synonyms = " series metric gauge value value_of ",
                    .help =
                        "Series of the exporter: a metric's name, and in braces labels that must (`=`) or "
                        "must not (`!=`) have a value, in which `*` stands for any text. The values of all "
                        "that fit are added up."},
    [NUMBER_RATE] = {.name = "rate_of",
                     .type = VALUE_TEXT,
                     .offset = AT(config_number, series),
                     .default_shown = "none",
                     .example = "'http_errors_total{code=\"5*\"}'",
                     .synonyms = " counter rate irate increase per_second ",
                     .help = "The same of counters: by how much all that fit grow in a second."},
};
static const struct schema_mapping schema_number = {
    .help = "One number of an exporter, from the values of one or more of its series. Text alone stands for "
            "`sum_of`.",
    KEYS(number_keys),
    .shorthand = "sum_of",
    .is_one_of = true,
    .kind_offset = AT(config_number, kind),
    .check = check_number,
};

static bool has_exporter(const void *owner)
{
    const struct config_host *c = owner;
    return c->kind == HOST_KIND_EXPORTER;
}

static const struct schema_key host_keys[] = {
    {.name = "exporter",
     .type = VALUE_URL,
     .offset = AT(config_host, exporter),
     .default_shown = "none",
     .example = "http://web-2.internal:9100/metrics",
     .synonyms = " url metrics node_exporter target scrape ",
     .help = "Where a Prometheus exporter tells its numbers: those of node_exporter are known, of others "
             "`numbers` says what is read."},
    {.name = "agent",
     .type = VALUE_URL,
     .offset = AT(config_host, agent),
     .default_shown = "none",
     .example = "http://web-2.internal:9910",
     .synonyms = " weir ",
     .help = "Where a `weir agent`, or another Weir's admin page, is."},
    {.name = "interval",
     .type = VALUE_DURATION,
     .offset = AT(config_host, interval_ns),
     .default_text = "15s",
     .min = SECONDS(1),
     .max = HOURS(1),
     .example = "5s",
     .synonyms = " scrape_interval every period ",
     .help = "How often it is asked."},
    {.name = "timeout",
     .type = VALUE_DURATION,
     .offset = AT(config_host, timeout_ns),
     .default_text = "5s",
     .default_shown = "`5s`, but at most `interval`",
     .min = MS(100),
     .max = SECONDS(120),
     .example = "2s",
     .synonyms = " scrape_timeout ",
     .help = "An answer that takes longer is none."},
    {.name = "token_file",
     .type = VALUE_FILE,
     .offset = AT(config_host, token.file),
     .default_shown = "none",
     .example = "/etc/weir/agent.token",
     .synonyms = " bearer_token_file token ",
     .help = "File that holds the bearer token to show; read again each time."},
    {.name = "token_env",
     .type = VALUE_VARIABLE,
     .offset = AT(config_host, token.env),
     .default_shown = "none",
     .example = "AGENT_TOKEN",
     .help = "Environment variable that holds it instead."},
    {.name = "ca_file",
     .type = VALUE_FILE,
     .offset = AT(config_host, ca_file),
     .default_shown = "the system's",
     .example = "/etc/weir/ca.pem",
     .synonyms = " ca cacert ",
     .help = "With https: whom to trust instead, in PEM."},
    {.name = "numbers",
     .shape = SHAPE_NAMED,
     MAPPING(schema_number),
     .name_type = VALUE_LABEL,
     .offset = AT(config_host, number_count),
     .item_bytes = sizeof(struct config_number),
     .item_title = "number",
     .count_max = CONFIG_NUMBERS_MAX,
     .default_shown = "none",
     .example = "{queue_depth: app_queue_depth}",
     .synonyms = " metrics series values gauges counters "},
    {.name = "max_series",
     .type = VALUE_COUNT,
     .offset = AT(config_host, series_max),
     .default_text = "1000",
     .min = 1,
     .max = 100000,
     .example = "5000",
     .is_shown = has_exporter,
     .synonyms = " series_limit sample_limit ",
     .help = "Series of an exporter that its `numbers` may be made of, together. A number that more of them "
             "fit is unknown."},
    {.name = "max_answer",
     .type = VALUE_SIZE,
     .offset = AT(config_host, answer_bytes_max),
     .default_text = "4MiB",
     .min = KIB(4),
     .max = MIB(16),
     .example = "1MiB",
     .synonyms = " body_size_limit max_size max_body ",
     .help = "A longer answer is none."},
};
const struct schema_mapping schema_host = {
    .help = "Another machine whose numbers are watched here, too, with either `exporter` or `agent`. A URL "
            "alone stands for `exporter`.",
    KEYS(host_keys),
    .shorthand = "exporter",
    .check = check_host,
};
