/*
 * model.h: a configuration as the program uses it: checked, with every default filled in. Built by reader.h
 * from a file or by config_for_command() (command.h) for `weir run -- COMMAND`. Lives in one arena and never
 * changes once built; any thread may read it.
 *
 * All sizes are bytes, all times nanoseconds, percentages 0..100. 0 means "no limit" only where the comment
 * says so. The schema table (schema.c) is the one list of keys, types, defaults and help texts; this struct
 * is what it decodes into.
 */
#pragma once
#include "base/arena.h"
#include "base/str.h"
#include "base/addr.h"
#include "base/cron.h"
#include "base/week.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stdint.h>

struct config_strings {
    size_t count;
    struct str *items; /* each ends in NUL */
};

struct config_limits {     /* limits: */
    uint64_t header_bytes; /* request line and fields together; default 32KiB -> 431 */
    uint32_t header_count; /* default 100 -> 431 */
    uint64_t target_bytes; /* default 8KiB -> 414 */
    uint64_t body_bytes;   /* default 0: no limit -> 413 */
    uint64_t
        collect_bytes; /* bodies up to here are taken in before a server is chosen; default 16KiB; 0: none */
    uint32_t connections;   /* client connections over all threads; default 100000 */
    uint64_t buffer_memory; /* all data threads' buffers together; default 512MiB */
};

struct config_timeouts {    /* timeouts: */
    int64_t head_ns;        /* from the first byte of a request to the end of its head; default 10s -> 408 */
    int64_t idle_ns;        /* keep-alive connection without a request, client side; default 60s */
    int64_t server_idle_ns; /* pooled connection to a server; default 30s */
    int64_t collect_ns;     /* how long a small body is waited for before a server is chosen; default 1s */
    int64_t body_ns;        /* a body that stands still, either direction; default 60s -> 408, 504 or cut */
    int64_t connect_ns;     /* to a server; default 3s -> next server, then 502 */
    int64_t response_ns;    /* request sent to head of the response; default 60s -> 504 */
    int64_t tunnel_ns;      /* an upgraded connection on which nothing moves; default 1h */
    int64_t drain_ns;       /* SIGTERM: how long to wait for requests to end; default 30s */
};

struct config_listener { /* listeners: - http: ADDR */
    struct addr address;
};

enum balance_method { BALANCE_RANDOM_OF_TWO, BALANCE_ROUND_ROBIN, BALANCE_LEAST_REQUESTS };

struct config_health {         /* health: */
    bool has_path;             /* no path: a TCP connect is the probe */
    struct str path;           /* begins with / */
    struct str host;           /* Host field of the probe; default the server's address */
    int64_t interval_ns;       /* while serving; default 2s */
    int64_t timeout_ns;        /* default 2s */
    int64_t start_interval_ns; /* at most, while starting or when taken out for refusing; default 50ms */
    uint32_t rise, fall;       /* default 2 and 3; a new server needs one good probe */
    uint16_t status_min, status_max; /* default 200..399 */
};

enum scale_provider {
    SCALE_PROVIDER_NONE,
    SCALE_PROVIDER_PROCESS,
    SCALE_PROVIDER_HTTP,
    SCALE_PROVIDER_EXEC,
    SCALE_PROVIDER_DOCKER,
    SCALE_PROVIDER_SWARM,
};

enum engine_at_exit { ENGINE_KEEP, ENGINE_STOP };

struct config_engine {           /* scale: {engine}: what is the same for all engines but `process` */
    int64_t poll_ns;             /* between two looks at what there is; default 5s */
    int64_t timeout_ns;          /* of one call; default 10s */
    uint32_t calls_per_second;   /* at most; default 10 */
    enum engine_at_exit at_exit; /* what becomes of the servers when Weir ends; default keep */
    struct str owner;            /* marks what is ours, with the service's name; "" = weir */
};

struct config_http_list { /* scale: {http: {list}}; pointers are RFC 6901 */
    struct str method, path;
    struct str items, id, address, port, state, started, price, next; /* pointers; "" = not told */
    struct config_strings pending, running, stopping, ended;          /* the words for each state */
};

struct config_http { /* scale: {http}: somebody's scaling API */
    struct str endpoint;
    struct str provider, region;
    struct str method, path, body;
    struct config_strings headers; /* "Name: value" */
    struct str token_file, token_env;
    uint16_t status_min, status_max; /* these mean that it is accepted; default 200..299 */
    struct config_http_list list;
};

enum exec_protocol { EXEC_LINES, EXEC_CALLS };
enum exec_asked_for { EXEC_SERVERS, EXEC_COUNT };

struct config_exec {                   /* scale: {exec}: a program of the user's */
    struct config_strings command;     /* program and arguments */
    struct config_strings environment; /* "NAME=value" */
    struct str directory;              /* "" = Weir's own */
    enum exec_protocol protocol;       /* a line a call to a program that stays, or a program a call */
    enum exec_asked_for asked_for;     /* to start and stop one by one, or a number in all */
};

enum docker_plain { DOCKER_PLAIN_LOOPBACK, DOCKER_PLAIN_ANYWHERE };
enum container_reach { CONTAINER_PUBLISHED, CONTAINER_DIRECT };
enum container_pull { PULL_MISSING, PULL_ALWAYS, PULL_NEVER };
enum container_restart { RESTART_NO, RESTART_ON_FAILURE, RESTART_UNLESS_STOPPED, RESTART_ALWAYS };

struct config_docker_api {          /* scale: {docker}, {swarm}: how the Engine API is reached */
    struct str endpoint;            /* unix:///var/run/docker.sock, tcp://HOST:PORT */
    struct str ca_file;             /* tls: whom to trust; "" = the system's store */
    struct str cert_file, key_file; /* tls: who we are; "" = nobody */
    bool has_tls;
    enum docker_plain plain;
};

struct config_registry { /* scale: {docker: {registry}} */
    struct str server;   /* "" = the one in the image's name */
    struct str user;     /* "" = nobody */
    struct str password_file, password_env;
};

struct config_container { /* scale: {docker} and {swarm} */
    struct config_docker_api api;
    struct str service;                /* swarm: its name there */
    struct str image;                  /* swarm: "" = the service is somebody else's */
    struct config_strings command;     /* instead of the image's; {address} {host} {port} still in place */
    struct config_strings environment; /* "NAME=value" */
    struct config_strings labels;      /* "NAME=value" */
    struct config_strings networks;
    struct config_strings mounts; /* "SOURCE:TARGET" or "SOURCE:TARGET:ro" */
    struct str directory, user;   /* "" = the image's */
    uint32_t port;                /* that it listens on, inside */
    enum container_reach reach;
    struct str publish;             /* docker: the host's address that ports are published on */
    uint32_t publish_port;          /* docker: 0 = the engine chooses one for each */
    uint64_t memory_bytes;          /* 0 = no limit */
    double cpus;                    /* 0 = no limit */
    enum container_restart restart; /* docker */
    enum container_pull pull;       /* docker */
    struct config_registry registry;
};

enum server_log_copy { SERVER_LOG_COPY_NONE, SERVER_LOG_COPY_STDERR };
enum scale_mode { SCALE_MODE_ACT, SCALE_MODE_ADVISE };

struct config_step {   /* scale: {step}: how fast the number of servers may change; 0 = no limit */
    uint32_t up, down; /* servers... */
    int64_t per_ns;    /* ...in any such time; default 1m */
};

struct config_cost {     /* scale: {cost}; in any currency */
    double server_hour;  /* one server for an hour; 0 = no cost stated */
    double max_per_hour; /* all of them together */
};

struct config_cpu_target { /* scale: {cpu}: what one server should use; percent 0 = not stated */
    double percent;        /* of these cores */
    double cores;          /* that one server may use; default 1 */
};

struct config_server_log { /* scale: {log} */
    struct str file;       /* from the root; "" = there is none */
    uint64_t bytes_max;
    uint32_t keep;
    enum server_log_copy copy;
};
struct config_server_limits { /* scale: {limits}: of one server; 0 = none */
    uint64_t memory_bytes;
    double cpus;
};

struct config_cron {
    struct str text; /* as written; the five fields that `times` was read from */
    struct cron times;
};

struct config_zone {
    struct str name; /* of the tz database; "UTC" needs none */
    struct zone rules;
};

struct config_schedule { /* scale: {schedule}: what holds at stated times */
    struct config_cron from;
    int64_t for_ns;
    struct config_zone zone; /* of `from`; default UTC */
    uint32_t servers_min;    /* servers: MIN.. or MIN..MAX or N */
    uint32_t servers_max;    /* 0: it caps nothing */
};

struct config_scale {                  /* scale: */
    enum scale_mode mode;              /* advise: decide and tell, but leave the number as it is */
    enum scale_provider provider;      /* default process when `command` is given */
    struct config_engine engine;       /* of any provider but process */
    struct config_http http;           /* provider http */
    struct config_exec exec;           /* provider exec */
    struct config_container docker;    /* provider docker */
    struct config_container swarm;     /* provider swarm */
    struct config_strings command;     /* process: with {address} {host} {port} {socket} still in place */
    struct config_strings environment; /* "NAME=value" */
    struct config_strings machines;    /* IP addresses that {host} stands for in turn; none: 127.0.0.1 */
    struct str directory;              /* "" = Weir's own */
    struct str user;                   /* "" = the user that started Weir */
    int32_t nice;                      /* added to Weir's own; default 0 */
    struct config_server_log log;
    struct config_server_limits limits;
    uint32_t servers_min, servers_max; /* servers: MIN..MAX or N; default 1..1 */
    uint32_t target_in_flight;         /* in_flight: requests a server should carry; 0 = measured */
    double target_requests_per_second; /* requests_per_second: that a server should carry; 0 = not stated */
    struct config_cpu_target cpu;
    int64_t objective_ns;      /* objective: p99 < 300ms; 0 = none stated */
    double objective_quantile; /* 0.99 */
    uint32_t spares;           /* warm servers kept beyond the need; default 0 */
    size_t schedule_count;
    struct config_schedule *schedules; /* schedule: */
    struct config_step step;
    struct config_cost cost;
    int64_t scale_down_after_ns; /* stable window; 0: from the start time */
    int64_t start_timeout_ns;    /* default 60s */
    int64_t stop_timeout_ns;     /* SIGTERM to SIGKILL; default 10s */
    int64_t drain_timeout_ns;    /* waiting for a draining server's requests; default 30s, then it is stopped
                                    anyway */
};

/* What becomes of a request that cannot have its turn within the queue's timeout. */
enum queue_hopeless { QUEUE_HOPELESS_REFUSE, QUEUE_HOPELESS_HOLD };

enum discover_source { DISCOVER_NONE, DISCOVER_FILE, DISCOVER_DNS, DISCOVER_SRV, DISCOVER_DOCKER };

enum discover_family {
    DISCOVER_FAMILY_AUTO,
    DISCOVER_FAMILY_IPV4,
    DISCOVER_FAMILY_IPV6,
    DISCOVER_FAMILY_BOTH
};

struct config_discover {             /* discover: */
    enum discover_source source;     /* NONE: the service has none */
    struct str file;                 /* FILE: a path from the root */
    struct str dns;                  /* DNS: a name, lower case */
    struct str srv;                  /* SRV: the same */
    struct config_docker_api docker; /* DOCKER */
    struct str network;              /* DOCKER: "" = the container's first */
    uint32_t port;                   /* DNS; 1..65535 */
    size_t resolver_count;           /* 0: the system's */
    struct addr *resolvers;
    enum discover_family family;    /* default auto */
    int64_t ttl_min_ns, ttl_max_ns; /* default 1s and 1m */
    int64_t hold_ns;      /* what was found last is kept so long when the source fails; default 0: for ever */
    uint32_t servers_max; /* max: default 256 */
};

struct config_objectives {   /* objectives: */
    double availability;     /* percent of requests without an error of the server side; 0 = none stated */
    int64_t latency_ns;      /* latency: p99 < 300ms; 0 = none stated here */
    double latency_quantile; /* 0.99 */
    int64_t period_ns;       /* default 30d */
    uint32_t bad_min;        /* min_bad: with fewer in a window nothing is told; default 10 */
};

struct config_service {          /* services: NAME: */
    struct str name;             /* [a-z0-9-]{1,48} */
    struct config_strings hosts; /* exact, lower case, or "*.example.com"; none = any host */
    struct config_strings paths; /* prefixes beginning with /; none = "/" */
    enum balance_method balance;
    size_t server_count; /* servers: fixed ones */
    struct addr *servers;
    struct config_discover discover;
    uint32_t max_requests;              /* in flight per server, exact; 0 = no limit */
    uint32_t queue_length;              /* queue: {length}; default 1000 */
    int64_t queue_timeout_ns;           /* queue: {timeout}; default 30s -> 503 */
    enum queue_hopeless queue_hopeless; /* queue: {hopeless}; default refuse */
    uint32_t retries;                   /* further servers to try; default 2 */
    struct config_health health;
    struct config_scale scale;
    struct config_objectives objectives;
};

struct config_threshold { /* `90%` or {above: 90%, clear: 85%, for: 5m} */
    bool is_enabled;      /* false for `off` */
    double above, clear;  /* percent */
    int64_t for_ns;
};

enum { CONFIG_PROBES_MAX = 256, CONFIG_PROBE_HEADERS_MAX = 32, CONFIG_PROBE_ADDRESSES_MAX = 32 };
enum probe_kind { PROBE_HTTP, PROBE_TCP, PROBE_TLS, PROBE_DNS };
enum probe_record { PROBE_RECORD_A, PROBE_RECORD_AAAA };
enum probe_method { PROBE_METHOD_GET, PROBE_METHOD_HEAD };

struct config_probe { /* watch: {probes: NAME: } */
    struct str name;
    enum probe_kind kind;
    struct str http;                 /* HTTP: a URL */
    struct str tcp, tls;             /* TCP, TLS: host:port */
    struct str dns;                  /* DNS: a name, lower case */
    int64_t interval_ns;             /* default 30s */
    int64_t timeout_ns;              /* at most interval_ns; default 10s */
    uint16_t status_min, status_max; /* HTTP; default 200..299 */
    uint32_t redirects_max;          /* HTTP; default 5 */
    enum probe_method method;        /* HTTP; default GET */
    struct str contains;             /* HTTP; "" = anything */
    struct config_strings headers;   /* HTTP: "Name: value" */
    struct str ca_file;              /* HTTP, TLS; "" = the system's */
    enum probe_record record;        /* DNS; default A */
    struct config_strings addresses; /* DNS: must be there; none = any */
    size_t resolver_count;           /* DNS; 0: the system's */
    struct addr *resolvers;
};

struct config_maintenance { /* watch: {maintenance}: times at which nobody is told */
    struct config_cron from;
    int64_t for_ns;
    struct config_zone zone;     /* of `from`; default UTC */
    struct config_strings match; /* matchers of labels (rule/matcher.h); none = all alerts */
    struct str comment;          /* "" = none */
};

struct config_silences {
    uint32_t count_max; /* watch: {silences: {max}}; default 256 */
    int64_t longest_ns; /* default 90d */
    size_t maintenance_count;
    struct config_maintenance *maintenance; /* watch: {maintenance} */
};

struct config_secret {    /* at most one is not "" */
    struct str value;     /* the secret itself; for URLs only */
    struct str file, env; /* where it is found at each use */
};

enum { CONFIG_HOSTS_MAX = 256, CONFIG_NUMBERS_MAX = 64 };
enum host_kind { HOST_KIND_EXPORTER, HOST_KIND_AGENT };

enum number_kind {
    NUMBER_SUM,
    NUMBER_RATE
}; /* in the order of the rows of number_keys[] in schema_hosts.c */

struct config_number { /* numbers: NAME: */
    struct str name;
    enum number_kind kind;
    struct str series; /* which, in the canonical form of rule/selector.h; checked */
};

struct config_host { /* watch: {hosts: NAME: } */
    struct str name;
    enum host_kind kind;
    struct str exporter; /* EXPORTER: a URL */
    struct str agent;    /* AGENT: a URL */
    int64_t interval_ns; /* default 15s */
    int64_t timeout_ns;  /* at most interval_ns; default 5s */
    size_t address_count;
    struct addr_range *addresses; /* of its servers; none = that of its URL */
    struct config_secret token;
    struct str ca_file;        /* "" = the system's */
    uint64_t answer_bytes_max; /* EXPORTER; default 4MiB */
    uint32_t series_max;       /* EXPORTER; of all numbers together; default 1000 */
    size_t number_count;       /* EXPORTER */
    struct config_number *numbers;
};

enum config_language { LANGUAGE_UNSET, LANGUAGE_ENGLISH, LANGUAGE_KOREAN };

enum config_rule_severity {
    RULE_SEVERITY_DEFAULT, /* the default rule's of this name, else a warning */
    RULE_SEVERITY_CRITICAL,
    RULE_SEVERITY_WARNING,
    RULE_SEVERITY_NOTICE
};

struct config_rule { /* watch: rules: - alert: NAME */
    struct str name; /* one that a default has takes that one's place */
    bool is_enabled; /* `when: off`: the default is not wanted */
    struct str when; /* a rule in the canonical form of rule/rule.h; checked */
    enum config_rule_severity severity;
    struct str summary;           /* "" = the default's, else the rule itself */
    struct config_strings labels; /* NAME=value each; at most 4 */
};

struct config_watch {              /* watch: */
    int64_t interval_ns;           /* default 1s */
    enum config_language language; /* of messages to people; default en */
    struct config_threshold cpu, memory,
        disk; /* host: {cpu, memory, disk}; 90/80 for 5m, 80/75 for 5m, 90/87 for 2m */
    struct config_strings disk_paths;   /* host: {disk_paths}; default the mounted file systems */
    struct config_threshold error_rate; /* share of 5xx of a service; default 5/2 for 1m */
    uint32_t error_rate_requests_min;   /* ...only when that many requests came in the window; default 20 */
    uint32_t crash_count;               /* a server that dies so often... default 3 */
    int64_t crash_window_ns;            /* ...in this time; default 5m */
    struct config_silences silences;
    int64_t discovery_ns; /* a source of servers that has failed for so long; default 5m; 0: no alert */
    size_t probe_count;
    struct config_probe *probes; /* probes: */
    size_t host_count;
    struct config_host *hosts; /* hosts: */
    size_t rule_count;         /* rules: */
    struct config_rule *rules;
};

/* X(ID, key): in the order of the rows of notify_keys[] in schema_notify.c. */
#define NOTIFY_KINDS(X)                                                                                      \
    X(LOG, "log")                                                                                            \
    X(WEBHOOK, "webhook")                                                                                    \
    X(ALERTMANAGER, "alertmanager")                                                                          \
    X(SLACK, "slack")                                                                                        \
    X(DISCORD, "discord")                                                                                    \
    X(TEAMS, "teams")                                                                                        \
    X(TELEGRAM, "telegram")                                                                                  \
    X(PAGERDUTY, "pagerduty")                                                                                \
    X(NTFY, "ntfy")                                                                                          \
    X(MAIL, "mail")                                                                                          \
    X(EXEC, "exec")                                                                                          \
    X(SYSLOG, "syslog")

#define NOTIFY_KIND_ID(id, key) NOTIFY_##id,
enum notify_kind { NOTIFY_KINDS(NOTIFY_KIND_ID) NOTIFY_KIND_COUNT };

struct config_choices {
    size_t count;
    int *items;
};

/* only: which alerts a sink is told of; all that is given must hold. */
struct config_only {
    struct config_choices severity; /* enum config_severity; none = any */
    struct config_strings alerts;   /* names, with * and ?; none = any */
    struct config_strings services; /* the same, of the label `service` */
    struct config_strings labels;   /* "NAME=value", value with * and ? */
    struct week_hours hours;        /* default all day... */
    size_t day_count;
    uint8_t *days; /* ...and all days; each a bit a day */
    struct config_zone zone;
};
enum config_severity { CONFIG_CRITICAL, CONFIG_WARNING, CONFIG_NOTICE };

struct config_pace {       /* how a sink is told */
    int64_t group_wait_ns; /* default 5s */
    int64_t give_up_ns;    /* default 24h */
    int64_t timeout_ns;    /* of one try; default 10s */
    uint32_t per_minute;   /* messages; default 20 */
    uint32_t queue;        /* alerts that wait; default 1000 */
};

struct config_words {              /* how people are told */
    enum config_language language; /* never UNSET in a configuration that was read; default watch.language */
    struct config_zone zone;       /* of times in messages; default UTC */
    struct str title, text;        /* template: see template.h; "" = in Weir's own words */
};

struct config_telegram {
    struct str chat; /* its number or @name */
    uint32_t thread; /* topic of a forum; 0 = none */
};

enum mail_security { MAIL_STARTTLS, MAIL_IMPLICIT_TLS, MAIL_IN_THE_CLEAR };

struct config_mail {
    struct str server; /* host or host:port */
    enum mail_security tls;
    struct str user; /* "" = nobody logs in; the password is the sink's token */
    struct str from;
    struct config_strings to; /* at least one */
};

struct config_sink_exec {
    struct config_strings command;     /* program and arguments */
    struct config_strings environment; /* "NAME=value" */
    struct str directory;              /* "" = Weir's own */
};

enum syslog_transport { SYSLOG_LOCAL, SYSLOG_UDP, SYSLOG_TCP };
enum syslog_format { SYSLOG_FORMAT_UNSET, SYSLOG_RFC5424, SYSLOG_RFC3164 };

struct config_syslog {
    enum syslog_transport transport; /* protocol */
    struct str server;               /* UDP and TCP: host or host:port */
    struct str socket;               /* local: default /dev/log */
    enum syslog_format format;       /* default what each transport's readers know */
    int facility;                    /* 0..23, default 3: daemon */
};

/*
 * notify: - webhook: URL | - log: {}. What several kinds have comes first, then a struct a kind. Only what
 * the kind's table in schema_notify.c lists is set; all else is zero.
 */
struct config_notify {
    enum notify_kind kind;
    struct str name; /* default the kind and a number: webhook-1 */
    struct config_only only;
    struct config_pace pace;
    struct config_secret url;   /* http:// or https:// */
    struct config_secret token; /* bearer token, bot's token, routing key, password */
    struct config_strings urls; /* ALERTMANAGER: one; a list of them becomes a sink each */
    struct str ca_file;         /* "" = the system's authorities */
    struct config_words words;
    struct config_telegram telegram;
    struct config_mail mail;
    struct config_sink_exec exec;
    struct config_syslog syslog;
};

struct config_admin {      /* admin: */
    bool is_enabled;       /* `admin: off` turns it off */
    struct addr address;   /* default 127.0.0.1:9900 */
    struct str token_file; /* required when address is not loopback, unless token_env is given */
    struct str token_env;
};

struct config_agent {  /* agent: */
    bool is_written;   /* services may be missing then */
    struct addr check; /* len 0: no agent checks are answered */
    double full_below; /* CPU use in percent up to which the weight is full; default 70 */
};

struct config_history_keep { /* history: {keep: {1s, 10s, 1m, 1h}}; each at least as long as the one before */
    int64_t second_ns, ten_seconds_ns, minute_ns, hour_ns; /* default 1h, 1d, 30d, 365d */
};

struct config_history { /* history: */
    bool is_enabled;    /* `history: off` keeps nothing */
    struct config_history_keep keep;
    uint64_t bytes_max; /* max_size; default 256MiB */
};

struct config_state {     /* state: */
    bool is_enabled;      /* `state: off` keeps nothing */
    struct str directory; /* "" = where such things belong, see supervisor/state_folder.h */
};

struct config {
    struct arena *arena; /* owns all of this, the struct included */
    uint32_t workers;    /* data threads; default: usable CPUs; 1..THREADS_MAX */
    struct str user;     /* the worker's user when Weir is started as root; default nobody */
    size_t listener_count;
    struct config_listener *listeners;
    size_t trusted_proxy_count;
    struct addr_range *trusted_proxies;
    struct config_limits limits;
    struct config_timeouts timeouts;
    size_t service_count;
    struct config_service *services;
    struct config_watch watch;
    size_t notify_count;
    struct config_notify *notify; /* the log is always the first sink */
    struct config_history history;
    struct config_admin admin;
    struct config_state state;
    struct config_agent agent;
};
