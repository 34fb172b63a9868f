/* The table of a service's objectives. See schema.c. */
#include "config/schema_table.h"

static_assert(AT(config_objectives, latency_quantile) - AT(config_objectives, latency_ns) == sizeof(int64_t),
              "p99 < 300ms");

static bool has_availability(const void *owner)
{
    const struct config_objectives *o = owner;
    return o->availability > 0;
}

static const struct schema_key objectives_keys[] = {
    {.name = "availability",
     .type = VALUE_PERCENT,
     .offset = AT(config_objectives, availability),
     .default_shown = "none",
     .example = "99.9%",
     .is_shown = has_availability,
     .synonyms = " success uptime errors error_rate ",
     .help = "The share of requests that are not answered with an error of the server side (5xx), Weir's own "
             "included."},
    {.name = "latency",
     .type = VALUE_OBJECTIVE,
     .offset = AT(config_objectives, latency_ns),
     .default_shown = "`objective` of `scale`",
     .example = "p99 < 300ms",
     .synonyms = " objective duration response_time ",
     .help = "The share of requests that are answered in time: `p99 < 300ms` is 99 % within 300 ms."},
    {.name = "period",
     .type = VALUE_DURATION,
     .offset = AT(config_objectives, period_ns),
     .default_text = "30d",
     .min = HOURS(24 * 3),
     .max = HOURS(24 * 30),
     .example = "7d",
     .synonyms = " window over ",
     .help = "The time in which the objectives are to be kept; the error budget is what may go wrong in it."},
    {.name = "min_bad",
     .type = VALUE_COUNT,
     .offset = AT(config_objectives, bad_min),
     .default_text = "10",
     .min = 1,
     .max = 1000000000,
     .example = "50",
     .synonyms = " min_requests min_events min_errors ",
     .help = "With fewer bad requests in the time looked at it is not told how fast the budget goes: one "
             "failure among ten requests would be a hundred times too fast."},
};
const struct schema_mapping schema_objectives = {
    .help = "What the service promises. When errors or slow requests use up the error budget too fast, an "
            "alert tells.",
    KEYS(objectives_keys),
    .check = check_objectives,
};
