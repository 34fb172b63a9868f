/* The table of the keys of `discover:`. See schema.c. */
#include "config/schema_table.h"

static_assert(AT(config_discover, resolvers) - AT(config_discover, resolver_count) == AT(schema_items, items),
              "count, then items");

static const struct schema_choice family_choices[] = {
    {"auto", DISCOVER_FAMILY_AUTO, "the IPv4 addresses, or the IPv6 ones where there are no others"},
    {"ipv4", DISCOVER_FAMILY_IPV4, "IPv4 addresses alone"},
    {"ipv6", DISCOVER_FAMILY_IPV6, "IPv6 addresses alone"},
    {"both", DISCOVER_FAMILY_BOTH, "both, each a server of its own"},
    {NULL},
};

static bool is_dns(const void *owner)
{
    const struct config_discover *c = owner;
    return c->source == DISCOVER_DNS || c->source == DISCOVER_SRV;
}

static bool has_port(const void *owner)
{
    const struct config_discover *c = owner;
    return c->port > 0;
}

static bool is_docker(const void *owner)
{
    const struct config_discover *c = owner;
    return c->source == DISCOVER_DOCKER;
}

static bool has_tls(const void *owner)
{
    const struct config_discover *c = owner;
    return c->docker.has_tls;
}

static const struct schema_key docker_keys[] = {
    {.name = "endpoint",
     .type = VALUE_WORD,
     .offset = AT(config_discover, docker.endpoint),
     .default_text = "unix:///var/run/docker.sock",
     .example = "tcp://127.0.0.1:2375",
     .synonyms = " host url socket docker_host ",
     .help = "Where the engine's API is: `unix:///path` or `tcp://host:port`."},
    {.name = "tls",
     MAPPING(schema_docker_tls),
     .offset = AT(config_discover, docker),
     .is_shown = has_tls,
     .example = "{ca_file: /etc/weir/docker/ca.pem, cert_file: /etc/weir/docker/cert.pem, key_file: "
                "/etc/weir/docker/key.pem}"},
    {.name = "without_tls",
     .type = VALUE_CHOICE,
     .offset = AT(config_discover, docker.plain),
     .choices = schema_docker_plain,
     .default_text = "loopback",
     .example = "anywhere",
     .synonyms = " insecure plain ",
     .help = "Where the API may be reached by TCP without TLS."},
    {.name = "network",
     .type = VALUE_WORD,
     .offset = AT(config_discover, network),
     .default_shown = "the container's label `weir.network`, else its first network",
     .example = "backend",
     .synonyms = " networks ",
     .help = "Network on which Weir reaches the containers, for those without a label of their own."},
};
static const struct schema_mapping docker = {
    .help = "Containers with the labels `weir.service` (the service's name) and `weir.port`. `{}` is fine.",
    KEYS(docker_keys),
};

static const struct schema_key discover_keys[] = {
    {.name = "file",
     .type = VALUE_FULL_FILE,
     .offset = AT(config_discover, file),
     .default_shown = "none",
     .example = "/etc/weir/shop.servers",
     .synonyms = " path files file_sd ",
     .help = "A file with addresses, one a line, or a JSON list of them. It is watched: what changes in it "
             "counts at once."},
    {.name = "dns",
     .type = VALUE_DNS,
     .offset = AT(config_discover, dns),
     .default_shown = "none",
     .example = "shop.internal",
     .synonyms = " name host hostname domain dns_sd ",
     .help = "A name in DNS: its addresses are servers, each at `port`. One that begins with `_` is meant as "
             "`srv`."},
    {.name = "srv",
     .type = VALUE_DNS,
     .offset = AT(config_discover, srv),
     .default_shown = "none",
     .example = "_http._tcp.shop.internal",
     .help = "A name with SRV records: servers with their ports."},
    {.name = "docker",
     MAPPING(docker),
     .is_shown = is_docker,
     .example = "{endpoint: \"unix:///var/run/docker.sock\"}",
     .synonyms = " container containers labels "},
    {.name = "port",
     .type = VALUE_COUNT,
     .offset = AT(config_discover, port),
     .min = 1,
     .max = 65535,
     .default_shown = "required with `dns`",
     .is_shown = has_port,
     .example = "8000",
     .help = "Where the servers that `dns` finds listen."},
    {.name = "resolver",
     .shape = SHAPE_LIST,
     .type = VALUE_ADDRESS,
     .offset = AT(config_discover, resolver_count),
     .item_bytes = sizeof(struct addr),
     .count_max = 8,
     .default_shown = "those of /etc/resolv.conf",
     .example = "10.0.0.2:53",
     .synonyms = " resolvers nameserver nameservers server ",
     .help = "DNS servers that are asked instead of the system's. The name is then asked for as it is, "
             "without the system's search list."},
    {.name = "family",
     .type = VALUE_CHOICE,
     .offset = AT(config_discover, family),
     .choices = family_choices,
     .default_text = "auto",
     .is_shown = is_dns,
     .example = "ipv6",
     .synonyms = " ip prefer lookup_family ",
     .help = "Which addresses count."},
    {.name = "ttl_min",
     .type = VALUE_DURATION,
     .offset = AT(config_discover, ttl_min_ns),
     .default_text = "1s",
     .min = MS(100),
     .max = HOURS(24),
     .is_shown = is_dns,
     .example = "5s",
     .synonyms = " min_ttl ",
     .help = "An answer is good for its TTL, but for this long at least..."},
    {.name = "ttl_max",
     .type = VALUE_DURATION,
     .offset = AT(config_discover, ttl_max_ns),
     .default_text = "1m",
     .min = MS(100),
     .max = HOURS(24),
     .is_shown = is_dns,
     .example = "10s",
     .synonyms = " max_ttl ttl refresh interval valid ",
     .help = "...and for this long at most."},
    {.name = "hold",
     .type = VALUE_DURATION,
     .offset = AT(config_discover, hold_ns),
     .default_text = "0",
     .default_shown = "`0`: for ever",
     .max = HOURS(24 * 30),
     .example = "10m",
     .synonyms = " keep stale hold_down ",
     .help = "How long the last servers are kept while the source fails or has none. Health checks go on all "
             "the while. A file that says `[]` means it, and is believed at once."},
    {.name = "max",
     .type = VALUE_COUNT,
     .offset = AT(config_discover, servers_max),
     .default_text = "256",
     .min = 1,
     .max = CONFIG_SERVERS_MAX,
     .example = "32",
     .synonyms = " limit servers_max max_servers ",
     .help = "Servers that are taken at most; what goes beyond is told and left out."},
};
const struct schema_mapping schema_discover = {
    .help = "Servers that others start: where to find them. With exactly one of `file`, `dns`, `srv` and "
            "`docker`.",
    KEYS(discover_keys),
    .check = check_discover,
};
