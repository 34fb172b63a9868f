/*
 * The tables themselves: here the whole file, its listeners, limits, timeouts and the admin listener; the
 * rest is in schema_service.c, schema_scale.c and schema_watch.c. A key's offset is that of its place in the
 * struct that its mapping decodes into; several mappings may share a struct (watch and watch.host, a service
 * and its queue), then the inner one has offset 0. A new key is a new row here and a new field in model.h;
 * nothing else needs to learn of it, the pages included.
 */
#include "config/schema.h"

#include "config/schema_table.h"

#include <stdio.h>

static_assert(offsetof(struct config_strings, items) == offsetof(struct schema_items, items),
              "lists look alike");
static_assert(AT(config, listeners) - AT(config, listener_count) == AT(schema_items, items),
              "count, then items");
static_assert(AT(config, services) - AT(config, service_count) == AT(schema_items, items),
              "count, then items");
static_assert(AT(config, notify) - AT(config, notify_count) == AT(schema_items, items), "count, then items");
static_assert(AT(config, trusted_proxies) - AT(config, trusted_proxy_count) == AT(schema_items, items),
              "count, then items");

static const struct schema_key limits_keys[] = {
    {.name = "header_bytes",
     .type = VALUE_SIZE,
     .offset = AT(config_limits, header_bytes),
     .default_text = "32KiB",
     .min = KIB(1),
     .max = KIB(64),
     .example = "64KiB",
     .help = "Request line and header fields of a request together; more is answered with 431."},
    {.name = "header_count",
     .type = VALUE_COUNT,
     .offset = AT(config_limits, header_count),
     .default_text = "100",
     .min = 10,
     .max = 256,
     .example = "200",
     .help = "Header fields of a request; more is answered with 431."},
    {.name = "target_bytes",
     .type = VALUE_SIZE,
     .offset = AT(config_limits, target_bytes),
     .default_text = "8KiB",
     .min = 256,
     .max = KIB(64),
     .example = "16KiB",
     .help = "Path and query of a request; more is answered with 414. At most header_bytes."},
    {.name = "body_bytes",
     .type = VALUE_SIZE,
     .offset = AT(config_limits, body_bytes),
     .default_text = "0",
     .max = TIB(256),
     .default_shown = "`0`: no limit",
     .example = "10MB",
     .synonyms = " client_max_body_size max_body_size ",
     .help =
         "Body of a request; more is answered with 413. Bodies are streamed, so large ones cost no memory."},
    {.name = "collect_bytes",
     .type = VALUE_SIZE,
     .offset = AT(config_limits, collect_bytes),
     .default_text = "16KiB",
     .max = KIB(64),
     .example = "0",
     .synonyms = " client_body_buffer_size http-buffer-request ",
     .help = "Request bodies up to this length are taken in before a server is chosen, so that slow clients "
             "do not "
             "occupy servers; 0 streams every body from the start."},
    {.name = "connections",
     .type = VALUE_COUNT,
     .offset = AT(config_limits, connections),
     .default_text = "100000",
     .min = 1,
     .max = 10000000,
     .example = "20000",
     .synonyms = " maxconn max_connections worker_connections ",
     .help = "Client connections open at the same time; further ones are told 503 and closed."},
    {.name = "buffer_memory",
     .type = VALUE_SIZE,
     .offset = AT(config_limits, buffer_memory),
     .default_text = "512MiB",
     .min = MIB(4),
     .max = TIB(1),
     .example = "1GiB",
     .help = "Memory for the bytes on their way, all connections together."},
};
static const struct schema_mapping limits = {
    .help = "What a client may ask for. Every limit that is hit is counted in the metrics.",
    KEYS(limits_keys),
    .check = check_limits,
};

static const struct schema_key timeouts_keys[] = {
    {.name = "head",
     .type = VALUE_DURATION,
     .offset = AT(config_timeouts, head_ns),
     .default_text = "10s",
     .min = MS(1),
     .max = HOURS(1),
     .example = "5s",
     .synonyms = " client_header_timeout http-request header ",
     .help = "From the first byte of a request to the end of its header; then 408."},
    {.name = "idle",
     .type = VALUE_DURATION,
     .offset = AT(config_timeouts, idle_ns),
     .default_text = "60s",
     .min = MS(1),
     .max = HOURS(24),
     .example = "2m",
     .synonyms = " keepalive keep_alive keepalive_timeout http-keep-alive client ",
     .help = "How long a client's connection is kept without a request."},
    {.name = "server_idle",
     .type = VALUE_DURATION,
     .offset = AT(config_timeouts, server_idle_ns),
     .default_text = "30s",
     .min = MS(1),
     .max = HOURS(24),
     .example = "4s",
     .help = "How long a connection to a server is kept for the next request. Less than the server's own "
             "keep-alive time is "
             "best."},
    {.name = "collect",
     .type = VALUE_DURATION,
     .offset = AT(config_timeouts, collect_ns),
     .default_text = "1s",
     .min = MS(1),
     .max = HOURS(1),
     .example = "5s",
     .help = "How long a small body (limits.collect_bytes) is waited for before its request goes to a server "
             "as it is; "
             "when many are slow at once, they are waited for until `body` has passed, then 408."},
    {.name = "body",
     .type = VALUE_DURATION,
     .offset = AT(config_timeouts, body_ns),
     .default_text = "60s",
     .min = MS(1),
     .max = HOURS(24),
     .example = "30s",
     .synonyms = " client_body_timeout send_timeout ",
     .help = "How long a body may stand still, in either direction, before the exchange is given up (408, "
             "504 or cut)."},
    {.name = "connect",
     .type = VALUE_DURATION,
     .offset = AT(config_timeouts, connect_ns),
     .default_text = "3s",
     .min = MS(1),
     .max = HOURS(1),
     .example = "1s",
     .synonyms = " proxy_connect_timeout ",
     .help = "Connecting to a server; then another server is tried, then 502."},
    {.name = "response",
     .type = VALUE_DURATION,
     .offset = AT(config_timeouts, response_ns),
     .default_text = "60s",
     .min = MS(1),
     .max = HOURS(24),
     .example = "2m",
     .synonyms = " proxy_read_timeout server ",
     .help = "From the request sent to the header of the response; then 504."},
    {.name = "tunnel",
     .type = VALUE_DURATION,
     .offset = AT(config_timeouts, tunnel_ns),
     .default_text = "1h",
     .min = MS(1),
     .max = HOURS(24 * 30),
     .example = "12h",
     .help = "How long an upgraded connection (WebSocket) is kept when nothing moves on it."},
    {.name = "drain",
     .type = VALUE_DURATION,
     .offset = AT(config_timeouts, drain_ns),
     .default_text = "30s",
     .min = 0,
     .max = HOURS(24),
     .example = "10s",
     .synonyms = " shutdown graceful grace hard-stop-after ",
     .help = "After SIGTERM: how long Weir waits for requests to end before it cuts them."},
};
static const struct schema_mapping timeouts = {
    .help = "How long Weir waits, for whom. Each can be set on its own.",
    KEYS(timeouts_keys),
};

static const struct schema_key listener_keys[] = {
    {.name = "http",
     .type = VALUE_ADDRESS,
     .offset = AT(config_listener, address),
     .is_required = true,
     .example = ":80",
     .synonyms = " listen bind address addr port ",
     .help = "Address for HTTP/1.1 without TLS. `:80` means every IPv4 address; `[::]:80` means every IPv6 "
             "and IPv4 address."},
};
static const struct schema_mapping listener = {
    .help = "Where clients connect. A list, each item with a key for its protocol.",
    KEYS(listener_keys),
    .check = check_listener,
};

static const struct schema_key admin_keys[] = {
    {.name = "listen",
     .type = VALUE_ADDRESS,
     .offset = AT(config_admin, address),
     .default_text = "127.0.0.1:9900",
     .example = "unix:/run/weir/admin.sock",
     .synonyms = " address bind http addr port ",
     .help = "Its address. Off the loopback a token is required."},
    {.name = "token_file",
     .type = VALUE_FILE,
     .offset = AT(config_admin, token_file),
     .default_shown = "none",
     .example = "/etc/weir/admin.token",
     .synonyms = " token password auth ",
     .help = "File that holds the token which clients show in an Authorization field."},
    {.name = "token_env",
     .type = VALUE_VARIABLE,
     .offset = AT(config_admin, token_env),
     .default_shown = "none",
     .example = "WEIR_ADMIN_TOKEN",
     .help = "Environment variable that holds it instead."},
};
static const struct schema_mapping admin = {
    .help = "API, metrics and the page, on a listener of their own. `off` turns it off; an address alone may "
            "stand for the "
            "mapping.",
    KEYS(admin_keys),
    .shorthand = "listen",
    .can_be_off = true,
    .is_enabled_offset = AT(config_admin, is_enabled),
    .check = check_admin,
};

static const struct schema_key state_keys[] = {
    {.name = "directory",
     .type = VALUE_FILE,
     .offset = AT(config_state, directory),
     .default_shown = "`$STATE_DIRECTORY` (systemd's `StateDirectory=`); else `/var/lib/weir` for root, "
                      "`$XDG_STATE_HOME/weir` or `~/.local/state/weir` for others",
     .example = "/srv/weir",
     .synonyms = " dir path folder file ",
     .help = "Holds a folder for each Weir, named after its configuration file; made if it is missing."},
};
static const struct schema_mapping state = {
    .help =
        "What is learned is kept in a file, so that a restart forgets nothing: what servers carry, how long "
        "they start, how the load behaves, numbers set by hand. `off` keeps nothing; a directory alone may "
        "stand for the mapping.",
    KEYS(state_keys),
    .shorthand = "directory",
    .can_be_off = true,
    .is_enabled_offset = AT(config_state, is_enabled),
};

static bool is_state_shown(const void *owner)
{
    const struct config *c = owner;
    return !c->state.is_enabled || c->state.directory.len;
}

static bool has_check(const void *owner)
{
    return ((const struct config_agent *)owner)->check.len > 0;
}

static const struct schema_key agent_keys[] = {
    {.name = "check",
     .type = VALUE_ADDRESS,
     .offset = AT(config_agent, check),
     .default_shown = "none",
     .is_shown = has_check,
     .example = "10.0.0.5:9911",
     .synonyms = " agent_check port agent_port listen ",
     .help = "Where HAProxy's agent checks are answered: with the weight that this machine should have, such "
             "as `75%`."},
    {.name = "full_below",
     .type = VALUE_PERCENT,
     .offset = AT(config_agent, full_below),
     .default_text = "70%",
     .example = "50%",
     .help = "CPU use up to which that weight is 100%; from there it falls to 10% where nothing is left."},
};
static const struct schema_mapping agent = {
    .help = "What this machine tells others. With it a file needs no `services`: that is what `weir agent` "
            "runs.",
    KEYS(agent_keys),
    .check = check_agent,
};
static bool is_agent_shown(const void *owner)
{
    return ((const struct config *)owner)->agent.is_written;
}

static const struct schema_key root_keys[] = {
    {.name = "workers",
     .type = VALUE_COUNT,
     .offset = AT(config, workers),
     .min = 1,
     .max = CONFIG_WORKERS_MAX,
     .default_shown = "the CPUs that Weir may use",
     .example = "4",
     .synonyms = " worker_processes nbthread threads nbproc ",
     .help = "Threads that carry requests."},
    {.name = "user",
     .type = VALUE_WORD,
     .offset = AT(config, user),
     .default_text = "nobody",
     .example = "weir",
     .help = "User of the worker process, when Weir is started as root."},
    {.name = "listeners",
     .shape = SHAPE_LIST,
     MAPPING(listener),
     .example = "[{http: \":80\"}]",
     .offset = AT(config, listener_count),
     .item_bytes = sizeof(struct config_listener),
     .item_title = "listener",
     .count_max = 64,
     .default_shown = "`- http: :8080`",
     .synonyms = " listen listener bind frontend frontends "},
    {.name = "trusted_proxies",
     .shape = SHAPE_LIST,
     .type = VALUE_RANGE,
     .offset = AT(config, trusted_proxy_count),
     .item_bytes = sizeof(struct addr_range),
     .default_shown = "none",
     .example = "[10.0.0.0/8, 2001:db8::/32]",
     .synonyms = " set_real_ip_from trusted real_ip proxies ",
     .help = "Addresses of proxies in front of Weir whose X-Forwarded-* and Forwarded fields are believed; "
             "from everybody else "
             "they are dropped."},
    {.name = "limits", MAPPING(limits), .example = "{header_bytes: 64KiB}", .offset = AT(config, limits)},
    {.name = "timeouts",
     MAPPING(timeouts),
     .example = "{idle: 2m}",
     .offset = AT(config, timeouts),
     .synonyms = " timeout "},
    {.name = "services",
     .shape = SHAPE_NAMED,
     MAPPING(schema_service),
     .example = "{shop: {servers: [10.0.0.1:8000]}}",
     .offset = AT(config, service_count),
     .item_bytes = sizeof(struct config_service),
     .item_title = "service",
     .count_max = CONFIG_SERVICES_MAX,
     .default_shown = "none, with `agent`; else required",
     .synonyms = " service backends backend upstreams upstream sites routes "},
    {.name = "watch",
     MAPPING(schema_watch),
     .example = "{interval: 5s}",
     .offset = AT(config, watch),
     .synonyms = " monitor alerts "},
    {.name = "notify",
     .shape = SHAPE_LIST,
     MAPPING(schema_notify),
     .example = "[{webhook: https://hooks.example.com/ops}]",
     .offset = AT(config, notify_count),
     .item_bytes = sizeof(struct config_notify),
     .item_title = "notify item",
     .count_max = CONFIG_SINKS_MAX + 1,
     .default_shown = "`- log: {}`",
     .synonyms = " notifications receivers sinks "},
    {.name = "history",
     MAPPING(schema_history),
     .example = "{max_size: 1GiB}",
     .offset = AT(config, history),
     .synonyms = " tsdb timeseries retention "},
    {.name = "admin",
     MAPPING(admin),
     .example = "127.0.0.1:9900",
     .offset = AT(config, admin),
     .synonyms = " api metrics stats dashboard "},
    {.name = "agent",
     MAPPING(agent),
     .offset = AT(config, agent),
     .example = "{check: \"10.0.0.5:9911\"}",
     .is_shown = is_agent_shown},
    {.name = "state",
     MAPPING(state),
     .example = "/srv/weir",
     .offset = AT(config, state),
     .is_shown = is_state_shown,
     .synonyms = " state_dir statedir data_dir datadir data storage database "},
};
const struct schema_mapping schema_root = {
    .help = "The keys of the file itself.",
    KEYS(root_keys),
    .check = check_root,
};

/* ---- looking things up ---- */

const struct schema_key *schema_find(const struct schema_mapping *m, struct str name)
{
    for (size_t i = 0; i < m->key_count; i++)
        if (str_eq(name, str_of(m->keys[i].name)))
            return &m->keys[i];
    return NULL;
}

static bool is_synonym(const struct schema_key *k, struct str name)
{
    char padded[48];
    if (!k->synonyms || name.len + 3 > sizeof(padded) || memchr(name.ptr, ' ', name.len))
        return false;
    snprintf(padded, sizeof(padded), " %.*s ", STR_ARG(name));
    return strstr(k->synonyms, padded) != NULL;
}

const char *schema_nearest(const struct schema_mapping *m, struct str name)
{
    enum { KEYS_MAX = 48 };
    const char *words[KEYS_MAX];
    ASSERT(m->key_count <= KEYS_MAX);
    for (size_t i = 0; i < m->key_count; i++) {
        if (is_synonym(&m->keys[i], name))
            return m->keys[i].name;
        words[i] = m->keys[i].name;
    }
    return str_nearest(name, words, m->key_count);
}

/* So many levels below `m`, whose own path is in out; leaves the path of the mapping that has the key. */
static bool find_home_below(const struct schema_mapping *m, struct str name, unsigned levels, char *out,
                            size_t out_bytes)
{
    const size_t len = strlen(out), prefix_len = strlen("in ");
    for (size_t i = 0; i < m->key_count; i++) {
        const struct schema_key *k = &m->keys[i];
        if (k->type != VALUE_MAPPING)
            continue;
        snprintf(out + len, out_bytes - len, "%s%s%s", len > prefix_len ? "." : "", k->name,
                 k->shape == SHAPE_NAMED ? ".NAME" : "");
        if (levels == 1 ? schema_find(k->mapping, name) != NULL
                        : find_home_below(k->mapping, name, levels - 1, out, out_bytes))
            return true;
        out[len] = '\0';
    }
    return false;
}

bool schema_find_home(struct str name, char *out, size_t out_bytes)
{
    str_copy(out, out_bytes, STR("in "));
    if (schema_find(&schema_root, name)) {
        str_copy(out, out_bytes, STR("at the top level"));
        return true;
    }
    enum { LEVELS_MAX = 8 };
    for (unsigned levels = 1; levels <= LEVELS_MAX; levels++) /* the nearest to the top is meant most often */
        if (find_home_below(&schema_root, name, levels, out, out_bytes))
            return true;
    return false;
}
