/* The tables of the keys of `scale: {docker}` and `scale: {swarm}`, which have most keys in common. See
 * schema.c. */
#include "config/schema_table.h"

#define ITEM .item_bytes = sizeof(struct str)

const struct schema_choice schema_docker_plain[] = {
    {"loopback", DOCKER_PLAIN_LOOPBACK, "on this host alone"},
    {"anywhere", DOCKER_PLAIN_ANYWHERE,
     "who can reach the port, or listen on the way, has root on the engine's host"},
    {NULL},
};

static const struct schema_choice docker_reach_choices[] = {
    {"published", CONTAINER_PUBLISHED, "at a port of the host that the engine publishes"},
    {"direct", CONTAINER_DIRECT, "at the container's own address, which Weir must be able to reach"},
    {NULL},
};

static const struct schema_choice swarm_reach_choices[] = {
    {"published", CONTAINER_PUBLISHED, "at the node's address, at the port that is published in mode host"},
    {"direct", CONTAINER_DIRECT, "at the task's address on a network that Weir is on, too"},
    {NULL},
};

static const struct schema_choice pull_choices[] = {
    {"missing", PULL_MISSING, "when the engine does not have it"},
    {"always", PULL_ALWAYS, "before each start"},
    {"never", PULL_NEVER, "the engine has to have it"},
    {NULL},
};

static const struct schema_choice restart_choices[] = {
    {"no", RESTART_NO, "Weir starts another one"},
    {"on-failure", RESTART_ON_FAILURE, "the engine does, when its exit status is not 0"},
    {"unless-stopped", RESTART_UNLESS_STOPPED, "the engine does, also when it starts itself"},
    {"always", RESTART_ALWAYS, "the engine does, always"},
    {NULL},
};

static const struct schema_key tls_keys[] = {
    {.name = "ca_file",
     .type = VALUE_FILE,
     .offset = AT(config_docker_api, ca_file),
     .example = "/etc/weir/docker/ca.pem",
     .default_shown = "the system's store",
     .synonyms = " ca cacert tlscacert ",
     .help = "Whom to trust, in PEM."},
    {.name = "cert_file",
     .type = VALUE_FILE,
     .offset = AT(config_docker_api, cert_file),
     .example = "/etc/weir/docker/cert.pem",
     .default_shown = "none",
     .synonyms = " cert certificate tlscert ",
     .help = "Who Weir is, in PEM."},
    {.name = "key_file",
     .type = VALUE_FILE,
     .offset = AT(config_docker_api, key_file),
     .example = "/etc/weir/docker/key.pem",
     .default_shown = "none",
     .synonyms = " key tlskey ",
     .help = "The key of that certificate."},
};
const struct schema_mapping schema_docker_tls = {
    .help = "TLS to an engine that is reached by TCP. The API gives root on its host, so who calls it should "
            "have to show a certificate.",
    KEYS(tls_keys),
};

static bool has_tls(const void *owner)
{
    const struct config_container *c = owner;
    return c->api.ca_file.len || c->api.cert_file.len || c->api.key_file.len;
}

static const struct schema_key registry_keys[] = {
    {.name = "server",
     .type = VALUE_WORD,
     .offset = AT(config_registry, server),
     .example = "registry.example.com",
     .default_shown = "the one in the image's name",
     .synonyms = " host url address ",
     .help = "The registry."},
    {.name = "user",
     .type = VALUE_WORD,
     .offset = AT(config_registry, user),
     .is_required = true,
     .example = "weir",
     .synonyms = " username login ",
     .help = "Who Weir is there."},
    {.name = "password_file",
     .type = VALUE_FILE,
     .offset = AT(config_registry, password_file),
     .default_shown = "none",
     .example = "/etc/weir/registry.password",
     .synonyms = " password token token_file ",
     .help = "File that holds the password or token; read again for every pull."},
    {.name = "password_env",
     .type = VALUE_VARIABLE,
     .offset = AT(config_registry, password_env),
     .default_shown = "none",
     .example = "REGISTRY_PASSWORD",
     .help = "Environment variable that holds it instead."},
};
static const struct schema_mapping registry = {
    .help = "Who Weir is for the registry that images are pulled from.",
    KEYS(registry_keys),
    .check = check_registry,
};

static bool has_registry(const void *owner)
{
    const struct config_container *c = owner;
    return c->registry.user.len > 0;
}

/* What both have in common. */
#define API_KEYS                                                                                             \
    {.name = "endpoint",                                                                                     \
     .type = VALUE_WORD,                                                                                     \
     .offset = AT(config_container, api.endpoint),                                                           \
     .default_text = "unix:///var/run/docker.sock",                                                          \
     .example = "tcp://10.0.0.5:2376",                                                                       \
     .synonyms = " host url socket docker_host ",                                                            \
     .help = "Where the engine's API is: `unix:///path` or `tcp://host:port`."},                             \
        {.name = "tls",                                                                                      \
         MAPPING(schema_docker_tls),                                                                         \
         .offset = AT(config_container, api),                                                                \
         .is_shown = has_tls,                                                                                \
         .example = "{ca_file: /etc/weir/docker/ca.pem, cert_file: /etc/weir/docker/cert.pem, key_file: "    \
                    "/etc/weir/docker/key.pem}"},                                                            \
    {                                                                                                        \
        .name = "without_tls", .type = VALUE_CHOICE, .offset = AT(config_container, api.plain),              \
        .choices = schema_docker_plain, .default_text = "loopback", .example = "anywhere",                   \
        .synonyms = " insecure plain ", .help = "Where the API may be reached by TCP without TLS."           \
    }

#define CONTAINER_KEYS                                                                                       \
    {.name = "command",                                                                                      \
     .shape = SHAPE_STRICT_LIST,                                                                             \
     .type = VALUE_TEXT,                                                                                     \
     .offset = AT(config_container, command),                                                                \
     ITEM,                                                                                                   \
     .default_shown = "the image's",                                                                         \
     .example = "[gunicorn, --bind, \"0.0.0.0:{port}\", \"shop:app\"]",                                      \
     .synonyms = " cmd args exec run ",                                                                      \
     .help = "Program and arguments instead of the image's. `{port}` stands for `port`, `{host}` for "       \
             "0.0.0.0 and `{address}` for both; the environment variable PORT says so too."},                \
        {.name = "environment",                                                                              \
         .default_shown = "none",                                                                            \
         .shape = SHAPE_VARIABLES,                                                                           \
         .type = VALUE_TEXT,                                                                                 \
         .offset = AT(config_container, environment),                                                        \
         .is_secret = true,                                                                                  \
         ITEM,                                                                                               \
         .example = "{FLASK_ENV: production}",                                                               \
         .synonyms = " env variables ",                                                                      \
         .help = "Environment variables in the container."},                                                 \
        {.name = "directory",                                                                                \
         .type = VALUE_FULL_FILE,                                                                            \
         .offset = AT(config_container, directory),                                                          \
         .example = "/srv/shop",                                                                             \
         .default_shown = "the image's",                                                                     \
         .synonyms = " dir cwd working_dir workdir ",                                                        \
         .help = "Working directory in the container."},                                                     \
        {.name = "user",                                                                                     \
         .type = VALUE_WORD,                                                                                 \
         .offset = AT(config_container, user),                                                               \
         .example = "\"1000:1000\"",                                                                         \
         .default_shown = "the image's",                                                                     \
         .help = "User that it runs as in the container."},                                                  \
        {.name = "labels",                                                                                   \
         .shape = SHAPE_STRICT_LIST,                                                                         \
         .type = VALUE_TEXT,                                                                                 \
         .offset = AT(config_container, labels),                                                             \
         ITEM,                                                                                               \
         .count_max = 64,                                                                                    \
         .default_shown = "none",                                                                            \
         .example = "[\"com.example.team=web\"]",                                                            \
         .help = "Labels of the container, `NAME=value`, beside Weir's own."},                               \
        {.name = "networks",                                                                                 \
         .shape = SHAPE_LIST,                                                                                \
         .type = VALUE_WORD,                                                                                 \
         .offset = AT(config_container, networks),                                                           \
         ITEM,                                                                                               \
         .count_max = 16,                                                                                    \
         .default_shown = "the engine's default one",                                                        \
         .example = "[shop, databases]",                                                                     \
         .synonyms = " network ",                                                                            \
         .help = "Networks that it is on, by their names. With `reach: direct` Weir reaches it on the "      \
                 "first."},                                                                                  \
        {.name = "mounts",                                                                                   \
         .shape = SHAPE_STRICT_LIST,                                                                         \
         .type = VALUE_WORD,                                                                                 \
         .offset = AT(config_container, mounts),                                                             \
         ITEM,                                                                                               \
         .count_max = 64,                                                                                    \
         .default_shown = "none",                                                                            \
         .example = "[\"/srv/uploads:/data\", \"assets:/assets:ro\"]",                                       \
         .synonyms = " volumes binds ",                                                                      \
         .help = "Folders of the engine's host, or volumes: `SOURCE:TARGET`, with `:ro` to be read only."},  \
        {.name = "memory",                                                                                   \
         .type = VALUE_SIZE,                                                                                 \
         .offset = AT(config_container, memory_bytes),                                                       \
         .default_text = "0",                                                                                \
         .default_shown = "`0`: no limit",                                                                   \
         .max = TIB(64),                                                                                     \
         .example = "512MiB",                                                                                \
         .synonyms = " mem memory_limit ",                                                                   \
         .help = "Memory that one server may have; with more it is killed."},                                \
        {.name = "cpus",                                                                                     \
         .type = VALUE_DECIMAL,                                                                              \
         .offset = AT(config_container, cpus),                                                               \
         .default_text = "0",                                                                                \
         .default_shown = "`0`: no limit",                                                                   \
         .max = 4096,                                                                                        \
         .example = "1.5",                                                                                   \
         .synonyms = " cpu cpu_limit ",                                                                      \
         .help = "CPUs that one server may use."},                                                           \
    {                                                                                                        \
        .name = "registry", MAPPING(registry), .offset = AT(config_container, registry),                     \
        .is_shown = has_registry, .example = "{user: weir, password_file: /etc/weir/registry.password}",     \
        .synonyms = " auth login credentials "                                                               \
    }

#define PORT_KEY(what)                                                                                       \
    {                                                                                                        \
        .name = "port", .type = VALUE_COUNT, .offset = AT(config_container, port), .is_required = true,      \
        .min = 1, .max = 65535, .example = "8000", .synonyms = " target_port container_port ", .help = what  \
    }

static const struct schema_key docker_keys[] = {
    {.name = "image",
     .type = VALUE_WORD,
     .offset = AT(config_container, image),
     .is_required = true,
     .example = "registry.example.com/shop:1.4",
     .help = "The image that containers are made of."},
    PORT_KEY("Port that a server listens on, in its container, on all addresses."),
    API_KEYS,
    {.name = "reach",
     .type = VALUE_CHOICE,
     .offset = AT(config_container, reach),
     .choices = docker_reach_choices,
     .default_text = "published",
     .example = "direct",
     .synonyms = " address mode ",
     .help = "How Weir reaches a container."},
    {.name = "publish",
     .type = VALUE_WORD,
     .offset = AT(config_container, publish),
     .default_text = "127.0.0.1",
     .example = "10.0.0.5",
     .synonyms = " publish_address host_ip bind ",
     .help = "Address of the engine's host that ports are published on, and that Weir connects to."},
    {.name = "publish_port",
     .type = VALUE_COUNT,
     .offset = AT(config_container, publish_port),
     .default_text = "0",
     .default_shown = "`0`: the engine chooses one for each",
     .max = 65535,
     .example = "8000",
     .synonyms = " host_port ",
     .help = "Port of the engine's host, for a service of one server."},
    {.name = "pull",
     .type = VALUE_CHOICE,
     .offset = AT(config_container, pull),
     .choices = pull_choices,
     .default_text = "missing",
     .example = "never",
     .synonyms = " pull_policy ",
     .help = "When the image is pulled; a start includes that, so `start_timeout` has to be long enough."},
    {.name = "restart",
     .type = VALUE_CHOICE,
     .offset = AT(config_container, restart),
     .choices = restart_choices,
     .default_text = "no",
     .example = "unless-stopped",
     .synonyms = " restart_policy ",
     .help = "What becomes of a container that ended by itself."},
    CONTAINER_KEYS,
};
const struct schema_mapping schema_docker = {
    .help = "Containers of a Docker Engine (or of Podman, which speaks the same API).",
    KEYS(docker_keys),
    .check = check_docker,
};

static const struct schema_key swarm_keys[] = {
    {.name = "service",
     .type = VALUE_WORD,
     .offset = AT(config_container, service),
     .is_required = true,
     .example = "shop",
     .synonyms = " name ",
     .help = "Name of the swarm's service. Weir changes its number of replicas and nothing else."},
    PORT_KEY("Port that a server listens on, in its container, on all addresses."),
    API_KEYS,
    {.name = "reach",
     .type = VALUE_CHOICE,
     .offset = AT(config_container, reach),
     .choices = swarm_reach_choices,
     .default_text = "published",
     .example = "direct",
     .synonyms = " address mode ",
     .help = "How Weir reaches a task."},
    {.name = "image",
     .type = VALUE_WORD,
     .offset = AT(config_container, image),
     .default_shown = "none: the service has to be there",
     .example = "registry.example.com/shop:1.4",
     .help = "With it Weir makes the service when the swarm has none of that name; the keys below say how. "
             "A service that is there is left as it is: change it with `docker service update`."},
    CONTAINER_KEYS,
};
const struct schema_mapping schema_swarm = {
    .help = "Tasks of a service of a Docker swarm. The endpoint has to be a manager of the swarm.",
    KEYS(swarm_keys),
    .check = check_swarm,
};
