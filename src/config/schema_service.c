/* The table of a service's keys, with its queue and health checks; scaling is schema_scale.c. See schema.c.
 */
#include "config/schema_table.h"

static_assert(AT(config_service, servers) - AT(config_service, server_count) == AT(schema_items, items),
              "count, then items");
static_assert(AT(config_service, name) == 0, "named items begin with their name");
static_assert(AT(config_health, status_max) - AT(config_health, status_min) == sizeof(uint16_t), "MIN..MAX");

static const struct schema_choice balance_choices[] = {
    {"random-of-two", BALANCE_RANDOM_OF_TWO, "the better of two random servers, by latency, errors and load"},
    {"round-robin", BALANCE_ROUND_ROBIN, "one after the other"},
    {"least-requests", BALANCE_LEAST_REQUESTS, "the server with the fewest requests in flight"},
    {NULL},
};

static const struct schema_choice hopeless_choices[] = {
    {"refuse", QUEUE_HOPELESS_REFUSE, "it gets 503 at once, or as soon as that is so"},
    {"hold", QUEUE_HOPELESS_HOLD, "it waits until `timeout` all the same"},
    {NULL},
};

static const struct schema_key queue_keys[] = {
    {.name = "length",
     .type = VALUE_COUNT,
     .offset = AT(config_service, queue_length),
     .default_text = "1000",
     .max = 1000000,
     .example = "200",
     .synonyms = " size max ",
     .help = "Requests that may wait; the next one is answered with 503 at once. 0 means that none waits."},
    {.name = "timeout",
     .type = VALUE_DURATION,
     .offset = AT(config_service, queue_timeout_ns),
     .default_text = "30s",
     .min = MS(1),
     .max = HOURS(1),
     .example = "10s",
     .help = "How long a request may wait; then 503."},
    {.name = "hopeless",
     .type = VALUE_CHOICE,
     .offset = AT(config_service, queue_hopeless),
     .choices = hopeless_choices,
     .default_text = "refuse",
     .example = "hold",
     .synonyms = " refuse_early deadline_aware shed shedding ",
     .help = "What becomes of a request that surely cannot have its turn within `timeout`."},
};
static const struct schema_mapping queue = {
    .help =
        "Where requests wait, in order, when every server is at its limit, or while the first one starts.",
    KEYS(queue_keys),
};

static const struct schema_key health_keys[] = {
    {.name = "path",
     .type = VALUE_TARGET,
     .offset = AT(config_health, path),
     .example = "/healthz",
     .default_shown = "none: a TCP connection is the probe",
     .synonyms = " uri url httpchk endpoint ",
     .help =
         "Path that is asked with GET. Without it, a server is healthy when it accepts a TCP connection."},
    {.name = "host",
     .type = VALUE_AUTHORITY,
     .offset = AT(config_health, host),
     .example = "shop.example.com",
     .default_shown = "the server's address",
     .help = "Host field of the probe."},
    {.name = "interval",
     .type = VALUE_DURATION,
     .offset = AT(config_health, interval_ns),
     .default_text = "2s",
     .min = MS(10),
     .max = HOURS(24),
     .example = "5s",
     .synonyms = " inter period every ",
     .help = "Time between two probes of a server that serves."},
    {.name = "timeout",
     .type = VALUE_DURATION,
     .offset = AT(config_health, timeout_ns),
     .default_text = "2s",
     .min = MS(10),
     .max = HOURS(1),
     .example = "500ms",
     .help = "A probe that takes longer has failed."},
    {.name = "start_interval",
     .type = VALUE_DURATION,
     .offset = AT(config_health, start_interval_ns),
     .default_text = "50ms",
     .min = MS(10),
     .max = HOURS(1),
     .example = "200ms",
     .synonyms = " fastinter ",
     .help = "Time between two probes of a server that starts, or that refused a connection; less while "
             "nobody listens there."},
    {.name = "rise",
     .type = VALUE_COUNT,
     .offset = AT(config_health, rise),
     .default_text = "2",
     .min = 1,
     .max = 100,
     .example = "1",
     .synonyms = " healthy_threshold passes ",
     .help = "Good probes in a row that bring a failed server back. A new server needs one."},
    {.name = "fall",
     .type = VALUE_COUNT,
     .offset = AT(config_health, fall),
     .default_text = "3",
     .min = 1,
     .max = 100,
     .example = "2",
     .synonyms = " unhealthy_threshold fails max_fails ",
     .help = "Failed probes in a row that take a server out."},
    {.name = "status",
     .type = VALUE_STATUSES,
     .offset = AT(config_health, status_min),
     .default_text = "200..399",
     .min = 100,
     .max = 599,
     .example = "200",
     .synonyms = " expect code codes ",
     .help = "Status codes that count as good: one, or a range MIN..MAX."},
};
static const struct schema_mapping health = {
    .help = "How servers are probed. A path alone may stand for the mapping: `health: /healthz`.",
    KEYS(health_keys),
    .shorthand = "path",
    .check = check_health,
};

static bool is_scaled(const void *owner)
{
    const struct config_service *s = owner;
    return s->scale.provider != SCALE_PROVIDER_NONE;
}

static bool is_discovered(const void *owner)
{
    const struct config_service *s = owner;
    return s->discover.source != DISCOVER_NONE;
}

static const struct schema_key service_keys[] = {
    {.name = "hosts",
     .shape = SHAPE_LIST,
     .type = VALUE_HOST,
     .offset = AT(config_service, hosts),
     .item_bytes = sizeof(struct str),
     .default_shown = "any host",
     .example = "[shop.example.com, \"*.shop.example.com\"]",
     .synonyms = " host server_name domain domains ",
     .help = "Hosts that it answers for: exact, or with a leading `*.` for all names below. Without it, "
             "every host that no other "
             "service takes."},
    {.name = "paths",
     .shape = SHAPE_LIST,
     .type = VALUE_PATH,
     .offset = AT(config_service, paths),
     .item_bytes = sizeof(struct str),
     .default_shown = "`/`: every path",
     .example = "[/old/]",
     .synonyms = " path location prefix ",
     .help = "Beginnings of paths that it answers for; the longest wins."},
    {.name = "balance",
     .type = VALUE_CHOICE,
     .offset = AT(config_service, balance),
     .choices = balance_choices,
     .default_text = "random-of-two",
     .example = "least-requests",
     .synonyms = " algorithm method lb_policy policy ",
     .help = "How a server is chosen."},
    {.name = "servers",
     .shape = SHAPE_LIST,
     .type = VALUE_ADDRESS,
     .offset = AT(config_service, server_count),
     .item_bytes = sizeof(struct addr),
     .example = "[10.0.0.1:8000, 10.0.0.2:8000]",
     .default_shown = "none",
     .synonyms = " server upstream upstreams backend backends targets nodes to ",
     .help = "Fixed servers. A service has either these, or `discover`, or `scale`."},
    {.name = "discover",
     MAPPING(schema_discover),
     .offset = AT(config_service, discover),
     .is_shown = is_discovered,
     .example = "{file: /etc/weir/shop.servers}",
     .synonyms = " discovery sd resolve service_discovery "},
    {.name = "max_requests",
     .type = VALUE_COUNT,
     .offset = AT(config_service, max_requests),
     .default_text = "0",
     .default_shown = "`0`: no limit",
     .max = 1000000,
     .example = "4",
     .synonyms = " maxconn max_conns concurrency max_connections ",
     .help = "Requests in flight on one server, exactly; further ones wait in the queue."},
    {.name = "queue", MAPPING(queue), .example = "{length: 200, timeout: 10s}"},
    {.name = "retries",
     .type = VALUE_COUNT,
     .offset = AT(config_service, retries),
     .default_text = "2",
     .max = 10,
     .example = "1",
     .synonyms = " retry max_retries proxy_next_upstream_tries ",
     .help = "Further servers to try when one could not be reached, or when trying again is safe."},
    {.name = "health",
     MAPPING(health),
     .example = "/healthz",
     .offset = AT(config_service, health),
     .synonyms = " healthcheck health_check check probe "},
    {.name = "objectives",
     MAPPING(schema_objectives),
     .offset = AT(config_service, objectives),
     .example = "{availability: 99.9%, latency: p99 < 300ms}",
     .synonyms = " slo slos objective slis "},
    {.name = "scale",
     MAPPING(schema_scale),
     .example = "{command: [./server, \"{port}\"], servers: 1..4}",
     .offset = AT(config_service, scale),
     .is_shown = is_scaled,
     .synonyms = " autoscale scaling autoscaling "},
};
const struct schema_mapping schema_service = {
    .help =
        "What clients ask for. A mapping of names to services; a name has small letters, digits and hyphens.",
    KEYS(service_keys),
    .check = check_service,
};
