/* What is accepted, and what it becomes: every key, every default, the short forms, and the way back to text.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/macros.h"
#include "config/reader.h"
#include "config/sink.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct config *must_read(const char *text)
{
    struct diagnostics d;
    struct buf told = {0};
    struct config *c = config_read("weir.yaml", str_of(text), &d);
    diagnostics_print(&d, false, &told);
    if (!c || d.count)
        fail_msg("%s", told.ptr);
    diagnostics_fini(&d);
    buf_fini(&told);
    return c;
}

static void assert_addr(const struct addr *a, const char *expected)
{
    char text[ADDR_TEXT_BYTES];
    assert_string_equal(addr_format(text, a), expected);
}

static void assert_strings(const struct config_strings *s, size_t count, const char *const *expected)
{
    assert_int_equal(s->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(s->items[i].ptr, expected[i]);
}

static void assert_threshold(const struct config_threshold *t, double above, double clear, int64_t for_s)
{
    assert_true(t->is_enabled);
    assert_float_equal(t->above, above, 1e-9);
    assert_float_equal(t->clear, clear, 1e-9);
    assert_int_equal(t->for_ns, for_s * NS_PER_S);
}

static void defaults(void **state)
{
    struct config *c = must_read("services: {a: {servers: \"10.0.0.1:80\"}}\n");
    const struct config_service *s = &c->services[0];
    assert_in_range(c->workers, 1, CONFIG_WORKERS_MAX);
    assert_string_equal(c->user.ptr, "nobody");
    assert_int_equal(c->listener_count, 1);
    assert_addr(&c->listeners[0].address, "0.0.0.0:8080");
    assert_int_equal(c->trusted_proxy_count, 0);
    assert_int_equal(c->limits.header_bytes, 32 * 1024);
    assert_int_equal(c->limits.header_count, 100);
    assert_int_equal(c->limits.target_bytes, 8 * 1024);
    assert_int_equal(c->limits.body_bytes, 0);
    assert_int_equal(c->limits.connections, 100000);
    assert_int_equal(c->limits.buffer_memory, 512 * 1024 * 1024);
    assert_int_equal(c->timeouts.head_ns, 10 * NS_PER_S);
    assert_int_equal(c->timeouts.idle_ns, 60 * NS_PER_S);
    assert_int_equal(c->timeouts.server_idle_ns, 30 * NS_PER_S);
    assert_int_equal(c->timeouts.body_ns, 60 * NS_PER_S);
    assert_int_equal(c->timeouts.connect_ns, 3 * NS_PER_S);
    assert_int_equal(c->timeouts.response_ns, 60 * NS_PER_S);
    assert_int_equal(c->timeouts.tunnel_ns, 3600 * NS_PER_S);
    assert_int_equal(c->timeouts.drain_ns, 30 * NS_PER_S);
    assert_int_equal(c->service_count, 1);
    assert_string_equal(s->name.ptr, "a");
    assert_int_equal(s->hosts.count, 0);
    assert_int_equal(s->paths.count, 0);
    assert_int_equal(s->balance, BALANCE_RANDOM_OF_TWO);
    assert_int_equal(s->max_requests, 0);
    assert_int_equal(s->queue_length, 1000);
    assert_int_equal(s->queue_timeout_ns, 30 * NS_PER_S);
    assert_int_equal(s->queue_hopeless, QUEUE_HOPELESS_REFUSE);
    assert_int_equal(s->retries, 2);
    assert_false(s->health.has_path);
    assert_string_equal(s->health.host.ptr, "");
    assert_int_equal(s->health.interval_ns, 2 * NS_PER_S);
    assert_int_equal(s->health.timeout_ns, 2 * NS_PER_S);
    assert_int_equal(s->health.start_interval_ns, 50 * NS_PER_MS);
    assert_int_equal(s->health.rise, 2);
    assert_int_equal(s->health.fall, 3);
    assert_int_equal(s->health.status_min, 200);
    assert_int_equal(s->health.status_max, 399);
    assert_int_equal(s->scale.provider, SCALE_PROVIDER_NONE);
    assert_int_equal(c->watch.interval_ns, NS_PER_S);
    assert_threshold(&c->watch.cpu, 90, 80, 300);
    assert_threshold(&c->watch.memory, 80, 75, 300);
    assert_threshold(&c->watch.disk, 90, 87, 120);
    assert_int_equal(c->watch.disk_paths.count, 0);
    assert_threshold(&c->watch.error_rate, 5, 2, 60);
    assert_int_equal(c->watch.error_rate_requests_min, 20);
    assert_int_equal(c->watch.crash_count, 3);
    assert_int_equal(c->watch.crash_window_ns, 300 * NS_PER_S);
    assert_int_equal(c->watch.discovery_ns, 300 * NS_PER_S);
    assert_int_equal(c->notify_count, 1);
    assert_int_equal(c->notify[0].kind, NOTIFY_LOG);
    assert_string_equal(c->notify[0].name.ptr, "log");
    assert_true(c->admin.is_enabled);
    assert_addr(&c->admin.address, "127.0.0.1:9900");
    assert_string_equal(c->admin.token_file.ptr, "");
    assert_string_equal(c->admin.token_env.ptr, "");
    config_free(c);
}

static void empty_mappings_are_working_choices(void **state)
{
    struct config *c = must_read(
        "listeners: []\ntrusted_proxies:\nlimits: {}\ntimeouts:\nwatch: {host: {cpu: {}, memory: }}\n"
        "notify:\nadmin:\n"
        "services: {a: {servers: \"10.0.0.1:80\", health: {}, queue: , hosts: , paths: []}}\n");
    assert_addr(&c->listeners[0].address, "0.0.0.0:8080");
    assert_addr(&c->admin.address, "127.0.0.1:9900");
    assert_threshold(&c->watch.cpu, 90, 80, 300);
    assert_int_equal(c->services[0].queue_length, 1000);
    config_free(c);
}

static void scaled_services_have_their_own_defaults(void **state)
{
    struct config *c = must_read("services: {a: {scale: {command: [app, \"{port}\"]}}}\n");
    const struct config_scale *s = &c->services[0].scale;
    assert_int_equal(s->provider, SCALE_PROVIDER_PROCESS);
    assert_strings(&s->command, 2, (const char *const[]){"app", "{port}"});
    assert_int_equal(s->environment.count, 0);
    assert_string_equal(s->directory.ptr, "");
    assert_string_equal(s->user.ptr, "");
    assert_int_equal(s->servers_min, 1);
    assert_int_equal(s->servers_max, 1);
    assert_int_equal(s->target_in_flight, 0);
    assert_int_equal(s->objective_ns, 0);
    assert_int_equal(s->scale_down_after_ns, 0); /* from the start time */
    assert_int_equal(s->start_timeout_ns, 60 * NS_PER_S);
    assert_int_equal(s->stop_timeout_ns, 10 * NS_PER_S);
    assert_int_equal(s->drain_timeout_ns, 30 * NS_PER_S);
    config_free(c);
}

static const char every_key[] =
    "workers: 3\n"
    "user: weir\n"
    "listeners:\n"
    "  - http: :80\n"
    "  - http: \"[::1]:8080\"\n"
    "trusted_proxies: [10.0.0.0/8, \"::1\"]\n"
    "limits: {header_bytes: 64KiB, header_count: 200, target_bytes: 16KiB, body_bytes: 10MB, connections: "
    "5000,\n"
    "  buffer_memory: 1GiB}\n"
    "timeouts: {head: 1s, idle: 2s, server_idle: 3s, body: 4s, connect: 500ms, response: 1m30s, tunnel: 2h, "
    "drain: 0}\n"
    "services:\n"
    "  shop:\n"
    "    hosts: [Shop.Example.com, \"*.shop.example.com\", \"[::1]\", 10.0.0.9]\n"
    "    paths: [/a, /b/%20]\n"
    "    balance: least-requests\n"
    "    max_requests: 4\n"
    "    queue: {length: 10, timeout: 5s, hopeless: hold}\n"
    "    retries: 0\n"
    "    health: {path: /healthz?deep=1, host: shop:8000, interval: 1s, timeout: 300ms, start_interval: "
    "20ms, rise: 1, fall: 5,\n"
    "      status: 204}\n"
    "    scale:\n"
    "      provider: process\n"
    "      command:\n"
    "        - gunicorn\n"
    "        - --bind\n"
    "        - \"{address}\"\n"
    "        - \"\"\n"
    "      environment: {A: no, B_2: 1.10, c: \"x=\\\"y\\\"\\n\", d: }\n"
    "      directory: /srv/shop\n"
    "      user: www-data\n"
    "      nice: -20\n"
    "      log: {file: /var/log/shop.log, max: 1GiB, keep: 0, copy: stderr}\n"
    "      limits: {memory: 512MiB, cpus: 1.5}\n"
    "      servers: 0..16\n"
    "      in_flight: 3\n"
    "      objective: p99.5<300ms\n"
    "      scale_down_after: 5m\n"
    "      start_timeout: 10s\n"
    "      stop_timeout: 1s\n"
    "      drain_timeout: 2m\n"
    "  static:\n"
    "    balance: round-robin\n"
    "    servers: [10.0.0.1:8000, \"[2001:db8::1]:8001\", unix:/run/app.sock]\n"
    "watch:\n"
    "  interval: 5s\n"
    "  host: {cpu: 70%, memory: {above: 60.5%, clear: 10%, for: 0}, disk: off, disk_paths: [/, /var]}\n"
    "  error_rate: {above: 1%, for: 10s, min_requests: 7}\n"
    "  crashes: {count: 5, within: 10m}\n"
    "notify:\n"
    "  - webhook: https://hooks.example.com/ops\n"
    "  - log: {}\n"
    "  - webhook: {url: \"http://127.0.0.1:1/x?y\", bearer_token_file: /etc/t, name: ops}\n"
    "admin: {listen: 0.0.0.0:9900, token_env: TOKEN}\n";

static void check_every_service(const struct config *c)
{
    const struct config_service *s = &c->services[0];
    assert_int_equal(c->service_count, 2);
    assert_string_equal(s->name.ptr, "shop");
    assert_strings(&s->hosts, 4,
                   (const char *const[]){"shop.example.com", "*.shop.example.com", "[::1]", "10.0.0.9"});
    assert_strings(&s->paths, 2, (const char *const[]){"/a", "/b/%20"});
    assert_int_equal(s->balance, BALANCE_LEAST_REQUESTS);
    assert_int_equal(s->max_requests, 4);
    assert_int_equal(s->queue_length, 10);
    assert_int_equal(s->queue_timeout_ns, 5 * NS_PER_S);
    assert_int_equal(s->queue_hopeless, QUEUE_HOPELESS_HOLD);
    assert_int_equal(s->retries, 0);
    assert_true(s->health.has_path);
    assert_string_equal(s->health.path.ptr, "/healthz?deep=1");
    assert_string_equal(s->health.host.ptr, "shop:8000");
    assert_int_equal(s->health.interval_ns, NS_PER_S);
    assert_int_equal(s->health.timeout_ns, 300 * NS_PER_MS);
    assert_int_equal(s->health.start_interval_ns, 20 * NS_PER_MS);
    assert_int_equal(s->health.rise, 1);
    assert_int_equal(s->health.fall, 5);
    assert_int_equal(s->health.status_min, 204);
    assert_int_equal(s->health.status_max, 204);
    assert_strings(&s->scale.command, 4, (const char *const[]){"gunicorn", "--bind", "{address}", ""});
    assert_strings(&s->scale.environment, 4, (const char *const[]){"A=no", "B_2=1.10", "c=x=\"y\"\n", "d="});
    assert_string_equal(s->scale.directory.ptr, "/srv/shop");
    assert_string_equal(s->scale.user.ptr, "www-data");
    assert_int_equal(s->scale.nice, -20);
    assert_int_equal(s->scale.limits.memory_bytes, 512u << 20);
    assert_float_equal(s->scale.limits.cpus, 1.5, 1e-12);
    assert_string_equal(s->scale.log.file.ptr, "/var/log/shop.log");
    assert_int_equal(s->scale.log.bytes_max, 1u << 30);
    assert_int_equal(s->scale.log.keep, 0);
    assert_int_equal(s->scale.log.copy, SERVER_LOG_COPY_STDERR);
    assert_int_equal(s->scale.servers_min, 0);
    assert_int_equal(s->scale.servers_max, 16);
    assert_int_equal(s->scale.target_in_flight, 3);
    assert_int_equal(s->scale.objective_ns, 300 * NS_PER_MS);
    assert_float_equal(s->scale.objective_quantile, 0.995, 1e-12);
    assert_int_equal(s->scale.scale_down_after_ns, 300 * NS_PER_S);
    assert_int_equal(s->scale.start_timeout_ns, 10 * NS_PER_S);
    assert_int_equal(s->scale.stop_timeout_ns, NS_PER_S);
    assert_int_equal(s->scale.drain_timeout_ns, 120 * NS_PER_S);
    s++;
    assert_int_equal(s->balance, BALANCE_ROUND_ROBIN);
    assert_int_equal(s->server_count, 3);
    assert_addr(&s->servers[0], "10.0.0.1:8000");
    assert_addr(&s->servers[1], "[2001:db8::1]:8001");
    assert_addr(&s->servers[2], "unix:/run/app.sock");
    assert_int_equal(s->scale.provider, SCALE_PROVIDER_NONE);
}

static void check_every_other_key(const struct config *c)
{
    assert_int_equal(c->workers, 3);
    assert_string_equal(c->user.ptr, "weir");
    assert_int_equal(c->listener_count, 2);
    assert_addr(&c->listeners[1].address, "[::1]:8080");
    assert_int_equal(c->trusted_proxy_count, 2);
    assert_int_equal(c->trusted_proxies[0].prefix_bits, 8);
    assert_int_equal(c->limits.header_bytes, 64 * 1024);
    assert_int_equal(c->limits.header_count, 200);
    assert_int_equal(c->limits.target_bytes, 16 * 1024);
    assert_int_equal(c->limits.body_bytes, 10000000);
    assert_int_equal(c->limits.connections, 5000);
    assert_int_equal(c->limits.buffer_memory, 1 << 30);
    assert_int_equal(c->timeouts.head_ns, NS_PER_S);
    assert_int_equal(c->timeouts.idle_ns, 2 * NS_PER_S);
    assert_int_equal(c->timeouts.server_idle_ns, 3 * NS_PER_S);
    assert_int_equal(c->timeouts.body_ns, 4 * NS_PER_S);
    assert_int_equal(c->timeouts.connect_ns, 500 * NS_PER_MS);
    assert_int_equal(c->timeouts.response_ns, 90 * NS_PER_S);
    assert_int_equal(c->timeouts.tunnel_ns, 7200 * NS_PER_S);
    assert_int_equal(c->timeouts.drain_ns, 0);
    assert_int_equal(c->watch.interval_ns, 5 * NS_PER_S);
    assert_threshold(&c->watch.cpu, 70, 60, 300);
    assert_threshold(&c->watch.memory, 60.5, 10, 0);
    assert_false(c->watch.disk.is_enabled);
    assert_strings(&c->watch.disk_paths, 2, (const char *const[]){"/", "/var"});
    assert_threshold(&c->watch.error_rate, 1, 0, 10);
    assert_int_equal(c->watch.error_rate_requests_min, 7);
    assert_int_equal(c->watch.crash_count, 5);
    assert_int_equal(c->watch.crash_window_ns, 600 * NS_PER_S);
    assert_int_equal(c->notify_count, 3);
    assert_int_equal(c->notify[0].kind, NOTIFY_LOG);
    assert_int_equal(c->notify[1].kind, NOTIFY_WEBHOOK);
    assert_string_equal(c->notify[1].name.ptr, "webhook-1");
    assert_string_equal(c->notify[1].url.value.ptr, "https://hooks.example.com/ops");
    assert_string_equal(c->notify[1].token.file.ptr, "");
    assert_string_equal(c->notify[2].name.ptr, "ops");
    assert_string_equal(c->notify[2].url.value.ptr, "http://127.0.0.1:1/x?y");
    assert_string_equal(c->notify[2].token.file.ptr, "/etc/t");
    assert_addr(&c->admin.address, "0.0.0.0:9900");
    assert_string_equal(c->admin.token_env.ptr, "TOKEN");
}

static void every_key_arrives(void **state)
{
    struct config *c = must_read(every_key);
    check_every_service(c);
    check_every_other_key(c);
    config_free(c);
}

static void what_is_written_reads_the_same(void **state)
{
    struct buf first = {0}, second = {0};
    struct config *c = must_read(every_key);
    config_format(c, &first);
    config_free(c);
    c = must_read(first.ptr);
    check_every_service(c);
    check_every_other_key(c);
    config_format(c, &second);
    assert_string_equal(first.ptr, second.ptr);
    config_free(c);
    buf_fini(&first);
    buf_fini(&second);
}

static void check_discovery(const struct config *c)
{
    const struct config_discover *file = &c->services[0].discover, *dns = &c->services[1].discover,
                                 *srv = &c->services[2].discover, *fixed = &c->services[3].discover;
    assert_int_equal(file->source, DISCOVER_FILE);
    assert_string_equal(file->file.ptr, "/etc/weir/a.servers");
    assert_int_equal(file->hold_ns, 600 * NS_PER_S);
    assert_int_equal(file->servers_max, 3);
    assert_int_equal(dns->source, DISCOVER_DNS);
    assert_string_equal(dns->dns.ptr, "b.internal."); /* the dot says that no search list is meant */
    assert_int_equal(dns->port, 8000);
    assert_int_equal(dns->resolver_count, 2);
    assert_addr(&dns->resolvers[1], "[2001:db8::2]:5353");
    assert_int_equal(dns->family, DISCOVER_FAMILY_BOTH);
    assert_int_equal(dns->ttl_min_ns, 500 * NS_PER_MS);
    assert_int_equal(dns->ttl_max_ns, 7200 * NS_PER_S);
    assert_int_equal(dns->hold_ns, 0);
    assert_int_equal(dns->servers_max, 256);
    assert_int_equal(srv->source, DISCOVER_SRV); /* by its name */
    assert_string_equal(srv->srv.ptr, "_http._tcp.c.internal");
    assert_int_equal(srv->dns.len, 0);
    assert_int_equal(srv->family, DISCOVER_FAMILY_AUTO);
    assert_int_equal(srv->ttl_min_ns, NS_PER_S);
    assert_int_equal(srv->ttl_max_ns, 60 * NS_PER_S);
    assert_int_equal(fixed->source, DISCOVER_NONE);
}

static void discovery_arrives(void **state)
{
    struct buf written = {0};
    struct config *c =
        must_read("services:\n  a: {hosts: a, discover: {file: /etc/weir/a.servers, hold: 10m, max: 3}}\n"
                  "  b: {hosts: b, discover: {dns: B.internal., port: 8000, family: both, ttl_min: 500ms, "
                  "ttl_max: 2h,\n"
                  "      resolver: [\"10.0.0.2:53\", \"[2001:db8::2]:5353\"]}}\n"
                  "  c: {hosts: c, discover: {dns: _http._tcp.c.internal}}\n"
                  "  d: {servers: \"10.0.0.1:80\"}\n");
    check_discovery(c);
    config_format(c, &written);
    config_free(c);
    c = must_read(written.ptr);
    check_discovery(c);
    config_free(c);
    buf_fini(&written);
}

/* The worker reads what was written: each provider with the fewest keys, so with every default written out.
 */
static void every_provider_is_written_and_read_the_same(void **state)
{
    static const char *const scales[] = {
        "{command: [app, \"{port}\"]}",
        "{http: {endpoint: \"https://a.example\", provider: aws, region: eu-1}}",
        "{exec: {command: [/bin/plugin]}}",
        "{docker: {image: \"shop:1\", port: 8000}}",
        "{docker: {image: \"shop:1\", port: 8000, endpoint: \"tcp://10.0.0.5:2376\", publish: 10.0.0.5, "
        "restart: always,"
        " tls: {ca_file: /c}, labels: [\"a.b=c=d\"], mounts: [\"/a:/b:ro\"], networks: [x, y], memory: "
        "64MiB, cpus: 0.5,"
        " command: [a, \"\"], environment: {A: \"b c\"}, directory: /d, user: \"1:1\", pull: never, reach: "
        "direct,"
        " registry: {user: u, password_env: P}}}",
        "{swarm: {service: shop, port: 8000}}",
        "{swarm: {service: shop, port: 8000, image: \"shop:1\", without_tls: anywhere, memory: 1GiB}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(scales); i++) {
        struct buf text = {0}, first = {0}, second = {0};
        buf_printf(&text, "services:\n  a:\n    scale: %s\n", scales[i]);
        struct config *c = must_read(text.ptr);
        config_format(c, &first);
        config_free(c);
        c = must_read(first.ptr);
        config_format(c, &second);
        assert_string_equal(first.ptr, second.ptr);
        config_free(c);
        buf_fini(&text);
        buf_fini(&first);
        buf_fini(&second);
    }
}

static void short_forms(void **state)
{
    struct config *c = must_read(
        "admin: off\nservices:\n  a:\n    hosts: a.example\n    paths: /x\n    servers: 10.0.0.1:80\n"
        "    health: /h\n");
    assert_false(c->admin.is_enabled);
    assert_string_equal(c->services[0].hosts.items[0].ptr, "a.example");
    assert_string_equal(c->services[0].health.path.ptr, "/h");
    assert_true(c->services[0].health.has_path);
    config_free(c);
    c = must_read("admin: unix:/run/a.sock\nservices: {a: {servers: \"10.0.0.1:80\"}}\n");
    assert_addr(&c->admin.address, "unix:/run/a.sock");
    config_free(c);
}

static void json_is_accepted(void **state)
{
    struct config *c = must_read(
        "{\"listeners\": [{\"http\": \":80\"}], \"services\": {\"a\": {\"servers\": [\"10.0.0.1:80\"],\n"
        "\"retries\": 1}}}");
    assert_int_equal(c->services[0].retries, 1);
    config_free(c);
}

static void a_clear_threshold_does_not_go_below_zero(void **state)
{
    struct config *c = must_read("watch: {host: {cpu: 4%}}\nservices: {a: {servers: \"10.0.0.1:80\"}}\n");
    assert_threshold(&c->watch.cpu, 4, 0, 300);
    config_free(c);
}

static void the_examples_are_accepted(void **state)
{
    glob_t found;
    assert_int_equal(glob(SOURCE_ROOT "/examples/*.yaml", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 2);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct diagnostics d;
        struct buf told = {0};
        struct config *c = config_load(found.gl_pathv[i], &d);
        diagnostics_print(&d, false, &told);
        if (!c || d.count)
            fail_msg("%s", told.ptr);
        config_free(c);
        diagnostics_fini(&d);
        buf_fini(&told);
    }
    globfree(&found);
}

/* Of every kind and with every key: a copy lives on when the configuration is gone, and lists become a sink
 * each. */
static void sinks_can_be_copied(void **state)
{
    enum { SINKS_SEEN_MAX = 64 };
    struct diagnostics d;
    struct arena *arena = arena_new();
    struct buf texts[SINKS_SEEN_MAX] = {0};
    struct config_notify *copies[SINKS_SEEN_MAX];
    struct config *c = config_load(SOURCE_ROOT "/tests/fuzz/config/every-key.yaml", &d);
    assert_true(c && c->notify_count > 3 && c->notify_count <= SINKS_SEEN_MAX);
    size_t count = c->notify_count, alertmanagers = 0;
    for (size_t i = 0; i < count; i++) {
        config_sink_format(&c->notify[i], &texts[i]);
        copies[i] = config_sink_copy(arena, &c->notify[i]);
        alertmanagers += c->notify[i].kind == NOTIFY_ALERTMANAGER;
    }
    config_free(c);
    diagnostics_fini(&d);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_fini) struct buf again = {0};
        config_sink_format(copies[i], &again);
        assert_string_equal(again.ptr, texts[i].ptr);
        buf_fini(&texts[i]);
        if (copies[i]->kind == NOTIFY_ALERTMANAGER)
            assert_int_equal(copies[i]->urls.count, 1);
    }
    assert_int_equal(alertmanagers, 3);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(empty_mappings_are_working_choices),
        cmocka_unit_test(scaled_services_have_their_own_defaults),
        cmocka_unit_test(every_key_arrives),
        cmocka_unit_test(discovery_arrives),
        cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(every_provider_is_written_and_read_the_same),
        cmocka_unit_test(short_forms),
        cmocka_unit_test(json_is_accepted),
        cmocka_unit_test(a_clear_threshold_does_not_go_below_zero),
        cmocka_unit_test(the_examples_are_accepted),
        cmocka_unit_test(sinks_can_be_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
