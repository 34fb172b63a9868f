/* Paths, methods, bodies and refusals of the admin API, with a fleet and ops of the test's own and no socket.
 */
#include "admin/admin.h"
#include "admin/metrics.h"
#include "admin/request.h"

#include "base/clock.h"
#include "net/json_value.h"
#include "net/socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

struct scene {
    struct loop *loop;
    int listener_fd;
    struct fleet *fleet;
    struct service *shop;
    struct server *server, *odd;
    struct thread_cells cells;
    struct admin *admin;
    struct admin_response response;
    /* What the ops were told. */
    char called[160];
    uint64_t after;
    uint32_t count;
    bool refuses, is_ready;
};

static void write_events(void *context, struct json *j, uint64_t after, uint32_t count_max)
{
    struct scene *s = context;
    s->after = after;
    s->count = count_max;
    json_begin_object(j);
    json_end_object(j);
}

static void write_array(void *context, struct json *j)
{
    json_begin_array(j);
    json_end_array(j);
}

static void write_object(void *context, struct json *j)
{
    json_begin_object(j);
    json_end_object(j);
}

static bool ask_history(void *context, const struct history_query *q, uint64_t ticket, int *ret_status,
                        struct err *err)
{
    struct scene *s = context;
    snprintf(s->called, sizeof(s->called), "history of %s for %u", q->metric, (unsigned)ticket);
    *ret_status = 503;
    return !s->refuses || err_set(err, "not now");
}

static void write_service_scale(void *context, struct json *j, const struct service *service)
{
    json_null(j);
}

static void write_explanation(void *context, struct json *j, const struct service *service,
                              uint32_t count_max)
{
    struct scene *s = context;
    s->count = count_max;
    json_put_text(j, "why", service->name);
}

static void write_arrivals(void *context, struct json *j, const struct service *service, uint64_t from)
{
    struct scene *s = context;
    s->after = from;
    json_put_int(j, "from_second", (int64_t)from);
}

static void write_server_life(void *context, struct json *j, const struct server *server)
{
    json_put_int(j, "pid", 4711);
}

static void write_service_usage(void *context, struct json *j, const struct service *service)
{
    json_key(j, "usage");
    json_null(j);
}

static void write_service_objectives(void *context, struct json *j, const struct service *service)
{
    json_key(j, "objectives");
    json_begin_array(j);
    json_end_array(j);
}

/* One is known, the others are not. */
static bool server_usage(void *context, const struct server *server, struct admin_usage *ret_usage)
{
    *ret_usage = (struct admin_usage){.cpu_percent = 41.6, .memory_bytes = 12 << 20};
    return str_ends_with(str_of(server->name), STR("1"));
}

static void write_metrics(void *context, struct buf *out)
{
    buf_put(out, STR("# HELP weir_extra Of the ops.\n# TYPE weir_extra gauge\nweir_extra 1\n"));
}

static bool note_change(struct scene *s, struct err *err, const char *verb, const char *name)
{
    snprintf(s->called, sizeof(s->called), "%s %s", verb, name);
    return !s->refuses || err_set(err, "not now");
}

static bool set_replicas(void *context, struct service *service, uint32_t count, int64_t for_ns,
                         struct err *err)
{
    char verb[32];
    snprintf(verb, sizeof(verb), for_ns ? "set %u for %.0f s:" : "set %u", count, (double)for_ns / 1e9);
    return note_change(context, err, verb, service->name);
}

static bool clear_replicas(void *context, struct service *service, struct err *err)
{
    return note_change(context, err, "clear", service->name);
}

static bool drain_server(void *context, struct server *server, struct err *err)
{
    return note_change(context, err, "drain", server->name);
}

static bool ready_server(void *context, struct server *server, struct err *err)
{
    return note_change(context, err, "ready", server->name);
}

static void write_alerts(void *context, struct json *j, bool is_all)
{
    json_begin_array(j);
    if (is_all)
        json_str(j, STR("also those that are ok"));
    json_end_array(j);
}

static bool add_silence(void *context, const struct json_value *body, struct json *j, struct err *err)
{
    json_begin_object(j);
    json_put_text(j, "silenceID", "1c0ffee1");
    json_end_object(j);
    if (!json_value_has(body, "endsAt"))
        return err_set(err, "endsAt must be a time");
    return note_change(context, err, "silence until", json_value_text(body, "endsAt", "?"));
}

static bool end_silence(void *context, struct str id, struct json *j, struct err *err)
{
    json_begin_object(j);
    json_end_object(j);
    return note_change(context, err, "end", id.ptr);
}

static bool is_ready(void *context, const char **ret_why_not)
{
    struct scene *s = context;
    *ret_why_not = "Weir is draining";
    return s->is_ready;
}

static const struct thread_cells *thread_cells(void *context, uint32_t thread)
{
    struct scene *s = context;
    return &s->cells;
}

static struct scene scene;

static void make_admin(const char *token)
{
    struct err err = {0};
    struct admin_ops ops = {.context = &scene,
                            .write_events = write_events,
                            .write_alerts = write_alerts,
                            .write_silences = write_array,
                            .add_silence = add_silence,
                            .end_silence = end_silence,
                            .write_host = write_object,
                            .ask_history = ask_history,
                            .write_service_scale = write_service_scale,
                            .write_service_discovery = write_service_scale,
                            .write_explanation = write_explanation,
                            .write_arrivals = write_arrivals,
                            .write_server_life = write_server_life,
                            .write_service_usage = write_service_usage,
                            .write_service_objectives = write_service_objectives,
                            .server_usage = server_usage,
                            .write_metrics = write_metrics,
                            .set_replicas = set_replicas,
                            .clear_replicas = clear_replicas,
                            .drain_server = drain_server,
                            .ready_server = ready_server,
                            .is_ready = is_ready,
                            .thread_cells = thread_cells};
    admin_free(scene.admin);
    scene.admin = admin_new(scene.loop, scene.listener_fd, str_of(token), scene.fleet, &ops, &err);
    assert_non_null(scene.admin);
}

static int setup(void **state)
{
    struct err err;
    struct addr address;
    const char *problem;
    scene = (struct scene){.is_ready = true};
    scene.loop = loop_new(NULL);
    scene.fleet = fleet_new(1);
    if (!addr_parse(STR("127.0.0.1:0"), &address, &problem))
        return -1;
    scene.listener_fd = socket_listen(&address, false, &err);
    scene.shop = fleet_add_service(scene.fleet, STR("shop"));
    scene.server = fleet_add_server(scene.fleet, scene.shop, STR("shop-1"), &address);
    scene.odd = fleet_add_server(scene.fleet, scene.shop, STR("[::1]:8000"), &address);
    make_admin("");
    return 0;
}

static int teardown(void **state)
{
    admin_free(scene.admin);
    buf_fini(&scene.response.body);
    fleet_free(scene.fleet);
    close(scene.listener_fd);
    loop_free(scene.loop);
    return 0;
}

static int ask_with(const struct admin_request *request)
{
    buf_fini(&scene.response.body);
    scene.response = (struct admin_response){0};
    scene.called[0] = '\0';
    admin_answer(scene.admin, request, &scene.response);
    return scene.response.status;
}

static int ask(const char *method, const char *path, const char *body)
{
    struct admin_request r = {.method = str_of(method),
                              .path = str_of(path),
                              .host = STR("127.0.0.1"),
                              .content_type = STR("application/json"),
                              .body = str_of(body)};
    return ask_with(&r);
}

static void expect_json(void)
{
    struct err err = {0};
    struct json_value *v = json_value_parse(buf_str(&scene.response.body), &err);
    if (!v)
        fail_msg("%s in %s", err.text, scene.response.body.ptr);
    json_value_free(v);
}

static void paths_and_methods_have_their_status(void **state)
{
    static const struct {
        const char *method, *path;
        int status;
        const char *allow;
    } cases[] = {
        {"GET", "/api/v1/services", 200, NULL},
        {"HEAD", "/api/v1/services", 200, NULL},
        {"POST", "/api/v1/services", 405, "GET, HEAD"},
        {"GET", "/api/v1/servers", 200, NULL},
        {"GET", "/api/v1/events", 200, NULL},
        {"GET", "/api/v1/alerts", 200, NULL},
        {"GET", "/api/v1/alerts?all=1", 404, NULL}, /* the query is apart */
        {"GET", "/api/v1/silences", 200, NULL},
        {"PUT", "/api/v1/silences", 405, "GET, HEAD, POST"},
        {"POST", "/api/v1/silences", 400, NULL},
        {"DELETE", "/api/v1/silences", 405, "GET, HEAD, POST"},
        {"DELETE", "/api/v1/silences/1c0ffee1", 200, NULL},
        {"GET", "/api/v1/silences/1c0ffee1", 405, "DELETE"},
        {"DELETE", "/api/v1/silences/", 404, NULL},
        {"DELETE", "/api/v1/silences/a/b", 404, NULL},
        {"GET", "/api/v1/host", 200, NULL},
        {"GET", "/api/v1/services/shop/explain", 200, NULL},
        {"GET", "/api/v1/services/nothing/explain", 404, NULL},
        {"POST", "/api/v1/services/shop/explain", 405, "GET, HEAD"},
        {"GET", "/api/v1/services/shop/arrivals", 200, NULL},
        {"GET", "/api/v1/services/nothing/arrivals", 404, NULL},
        {"GET", "/healthz", 200, NULL},
        {"POST", "/api/v1/history", 405, "GET, HEAD"},
        {"GET", "/readyz", 200, NULL},
        {"GET", "/api/v1/services/", 404, NULL},
        {"GET", "/api/v1", 404, NULL},
        {"GET", "/page.html", 404, NULL},
        {"GET", "/../etc/passwd", 404, NULL},
        {"GET", "*", 404, NULL},
        {"GET", "/api/v1/services/shop/replicas", 405, "POST"},
        {"DELETE", "/api/v1/servers/shop-1/drain", 405, "POST"},
        {"POST", "/api/v1/servers/shop-1/drain", 200, NULL},
        {"POST", "/api/v1/servers/shop-1/ready", 200, NULL},
        {"POST", "/api/v1/servers/shop-1/kill", 404, NULL},
        {"POST", "/api/v1/servers//drain", 404, NULL},
        {"POST", "/api/v1/servers/nobody/drain", 404, NULL},
        {"POST", "/api/v1/servers/shop-1/x/drain", 404, NULL},
        {"POST", "/api/v1/servers/%5B%3A%3a1]:8000/drain", 200, NULL},
        {"POST", "/api/v1/servers/shop-1%00/drain", 404, NULL},
        {"POST", "/api/v1/servers/shop-%3/drain", 404, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (ask(cases[i].method, cases[i].path, "") != cases[i].status)
            fail_msg("%s %s: %d", cases[i].method, cases[i].path, scene.response.status);
        expect_json();
        if (cases[i].allow)
            assert_string_equal(scene.response.allow, cases[i].allow);
    }
}

static void changes_reach_the_right_op(void **state)
{
    static const struct {
        const char *path, *body, *called;
    } cases[] = {
        {"/api/v1/services/shop/replicas", "{\"count\": 4}", "set 4 shop"},
        {"/api/v1/services/shop/replicas", "{\"count\": 0}", "set 0 shop"},
        {"/api/v1/services/shop/replicas", "{\"count\": 3, \"for_seconds\": 7200}", "set 3 for 7200 s: shop"},
        {"/api/v1/services/shop/replicas", "{\"auto\": true}", "clear shop"},
        {"/api/v1/servers/shop-1/drain", "", "drain shop-1"},
        {"/api/v1/servers/%5b::1%5d:8000/ready", "{}", "ready [::1]:8000"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(ask("POST", cases[i].path, cases[i].body), 200);
        assert_string_equal(scene.called, cases[i].called);
    }
    scene.refuses = true;
    assert_int_equal(ask("POST", cases[0].path, cases[0].body), 409);
    assert_string_equal(scene.response.body.ptr, "{\"error\":\"not now\"}\n");
}

static void wrong_bodies_are_refused(void **state)
{
    static const char *const bodies[] = {"",
                                         "4",
                                         "[]",
                                         "{}",
                                         "{\"count\": \"4\"}",
                                         "{\"count\": -1}",
                                         "{\"count\": 1.5}",
                                         "{\"count\": 1025}",
                                         "{\"count\": null}",
                                         "{\"count\": 4, \"auto\": true}",
                                         "{\"auto\": false}",
                                         "{\"for_seconds\": 60}",
                                         "{\"auto\": true, \"for_seconds\": 60}",
                                         "{\"count\": 4, \"for_seconds\": 0}",
                                         "{\"count\": 4, \"for_seconds\": -1}",
                                         "{\"count\": 4, \"for_seconds\": 1.5}",
                                         "{\"count\": 4, \"for_seconds\": null}",
                                         "{\"count\": 4, \"for_seconds\": 2592001}",
                                         "{\"count\": 4",
                                         "{\"count\": 4, \"count\": 5}"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        if (ask("POST", "/api/v1/services/shop/replicas", bodies[i]) != 400)
            fail_msg("%s: %d", bodies[i], scene.response.status);
        assert_string_equal(scene.called, "");
        expect_json();
    }
}

static void events_take_their_query(void **state)
{
    static const struct {
        const char *query;
        int status;
        uint64_t after;
        uint32_t count;
    } cases[] = {
        {"", 200, 0, 100},
        {"after=17", 200, 17, 100},
        {"count=5&after=3", 200, 3, 5},
        {"count=5000", 200, 0, 1000},
        {"other=1&after=2&x", 200, 2, 100},
        {"after=x", 400, 0, 0},
        {"after=-1", 400, 0, 0},
        {"count=0", 400, 0, 0},
        {"after=99999999999999999999", 400, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct admin_request r = {.method = STR("GET"),
                                  .path = STR("/api/v1/events"),
                                  .query = str_of(cases[i].query),
                                  .host = STR("localhost")};
        assert_int_equal(ask_with(&r), cases[i].status);
        if (cases[i].status == 200) {
            assert_int_equal(scene.after, cases[i].after);
            assert_int_equal(scene.count, cases[i].count);
        }
    }
}

static void explanations_and_arrivals_take_their_query(void **state)
{
    static const struct {
        const char *path, *query;
        int status;
        uint64_t after;
        uint32_t count;
    } cases[] = {
        {"/api/v1/services/shop/explain", "", 200, 0, 5},
        {"/api/v1/services/shop/explain", "last=12", 200, 0, 12},
        {"/api/v1/services/shop/explain", "last=0", 200, 0, 0},
        {"/api/v1/services/shop/explain", "last=99999999999", 200, 0, UINT32_MAX},
        {"/api/v1/services/shop/explain", "last=many", 400, 0, 0},
        {"/api/v1/services/shop/arrivals", "", 200, 0, 0},
        {"/api/v1/services/shop/arrivals", "from=81234", 200, 81234, 0},
        {"/api/v1/services/shop/arrivals", "from=-1", 400, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct admin_request r = {.method = STR("GET"),
                                  .path = str_of(cases[i].path),
                                  .query = str_of(cases[i].query),
                                  .host = STR("127.0.0.1")};
        scene.after = 0;
        scene.count = 0;
        assert_int_equal(ask_with(&r), cases[i].status);
        assert_int_equal(scene.after, cases[i].after);
        assert_int_equal(scene.count, cases[i].count);
        expect_json();
    }
}

static void the_history_is_answered_later(void **state)
{
    struct admin_request r = {.method = STR("GET"),
                              .path = STR("/api/v1/history"),
                              .query = STR("metric=cpu&from=2h"),
                              .host = STR("127.0.0.1"),
                              .ticket = 17};
    assert_int_equal(ask_with(&r), 0);
    assert_true(scene.response.is_deferred);
    assert_string_equal(scene.called, "history of cpu for 17");
    admin_answer_later(scene.admin, 17, 200, STR("{}")); /* nobody waits for it any more */
    scene.refuses = true;
    assert_int_equal(ask_with(&r), 503);
    assert_false(scene.response.is_deferred);
    assert_string_equal(scene.response.body.ptr, "{\"error\":\"not now\"}\n");
    r.query = STR("metric=cpu&from=now");
    assert_int_equal(ask_with(&r), 400);
    assert_string_equal(scene.called, "");
}

static void readiness_follows_control(void **state)
{
    scene.is_ready = false;
    assert_int_equal(ask("GET", "/readyz", ""), 503);
    assert_string_equal(scene.response.body.ptr, "{\"error\":\"Weir is draining\"}\n");
    assert_int_equal(ask("GET", "/healthz", ""), 200);
}

static void with_a_token_only_health_and_the_empty_page_are_open(void **state)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {{"/api/v1/services", 401}, {"/api/v1/servers", 401}, {"/api/v1/events", 401},
                 {"/api/v1/host", 401},     {"/api/v1/alerts", 401},  {"/api/v1/history", 401},
                 {"/metrics", 401},         {"/healthz", 200},        {"/readyz", 200},
                 {"/page.css", 200},        {"/page.js", 200},        {"/", 200}};
    make_admin("0123456789abcdef");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (ask("GET", cases[i].path, "") != cases[i].status)
            fail_msg("%s: %d", cases[i].path, scene.response.status);
    assert_null(strstr(scene.response.body.ptr, "shop-1"));
    assert_int_equal(ask("POST", "/api/v1/servers/shop-1/drain", ""), 401);
    assert_string_equal(scene.called, "");
}

static void the_page_shows_names_as_text(void **state)
{
    struct addr none = {0};
    fleet_add_server(scene.fleet, scene.shop, STR("<script>alert(1)</script>&\"x"), &none);
    assert_int_equal(ask("GET", "/", ""), 200);
    assert_true(scene.response.is_page);
    assert_non_null(strstr(scene.response.body.ptr, "shop-1"));
    assert_null(strstr(scene.response.body.ptr, "<script>alert"));
    assert_non_null(strstr(scene.response.body.ptr, "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;x"));
    assert_null(strstr(scene.response.body.ptr, "{{"));
}

static void a_foreign_name_gets_nothing(void **state)
{
    static const char *const paths[] = {"/", "/api/v1/services", "/metrics"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct admin_request r = {
            .method = STR("GET"), .path = str_of(paths[i]), .host = STR("evil.example:9900")};
        assert_int_equal(ask_with(&r), 403);
    }
}

static void numbers_are_added_up(void **state)
{
    struct err err;
    counter_add(&scene.shop->cells[0]->counters[SERVICE_ARRIVALS], 7);
    counter_add(&scene.shop->cells[0]->counters[SERVICE_RESPONSES_2XX], 4);
    counter_add(&scene.shop->cells[0]->counters[SERVICE_RESPONSES_5XX], 2);
    counter_add(&scene.server->cells[0]->counters[SERVER_ATTEMPTS], 9);
    counter_add(&scene.server->cells[0]->counters[SERVER_ERRORS_5XX], 1);
    counter_add(&scene.server->cells[0]->counters[SERVER_ERRORS_TIMEOUT], 1);
    histogram_record(&scene.server->cells[0]->latency, 20 * NS_PER_MS);
    atomic_store(&scene.server->state, SERVER_SERVING);
    atomic_store(&scene.server->is_healthy, 1);
    atomic_store(&scene.server->max_requests, 8);
    ask("GET", "/api/v1/services", "");
    struct json_value *root = json_value_parse(buf_str(&scene.response.body), &err);
    const struct json_value *shop = json_value_at(json_value_get(root, "services"), 0);
    assert_int_equal(json_value_int(shop, "requests", -1), 7);
    assert_int_equal(json_value_int(shop, "errors", -1), 2);
    assert_int_equal(json_value_int(json_value_get(shop, "responses"), "2xx", -1), 4);
    assert_int_equal(json_value_int(json_value_get(shop, "servers"), "serving", -1), 1);
    assert_int_equal(json_value_int(shop, "healthy", -1), 1);
    json_value_free(root);
    ask("GET", "/api/v1/servers", "");
    root = json_value_parse(buf_str(&scene.response.body), &err);
    const struct json_value *server = json_value_at(json_value_get(root, "servers"), 0);
    assert_string_equal(json_value_text(server, "name", ""), "shop-1");
    assert_string_equal(json_value_text(server, "state", ""), "serving");
    assert_int_equal(json_value_int(server, "requests", -1), 9);
    assert_int_equal(json_value_int(server, "errors", -1), 2);
    assert_int_equal(json_value_int(server, "max_requests", -1), 8);
    assert_int_equal(json_value_int(server, "pid", -1), 4711);
    double p50 = json_value_double(json_value_get(server, "recent"), "p50_seconds", 0);
    assert_true(p50 > 0.019 && p50 < 0.0215);
    json_value_free(root);
}

static void metrics_are_whole_families(void **state)
{
    struct addr none = {0};
    fleet_add_server(scene.fleet, scene.shop, STR("a\"b\\c"), &none);
    counter_add(&scene.cells.counters[THREAD_CONNECTIONS_ACCEPTED], 5);
    counter_add(&scene.cells.counters[THREAD_CONNECTIONS_CLOSED], 2);
    histogram_record(&scene.shop->cells[0]->duration, 2 * NS_PER_S);
    assert_int_equal(ask("GET", "/metrics", ""), 200);
    assert_string_equal(scene.response.content_type, METRICS_CONTENT_TYPE);
    const char *text = scene.response.body.ptr;
    static const char *const lines[] = {
        "\nweir_client_connections 3\n",
        "\nweir_requests_total{service=\"shop\",code=\"2xx\"} 0\n",
        "\nweir_request_duration_seconds_bucket{service=\"shop\",le=\"1\"} 0\n",
        "\nweir_request_duration_seconds_bucket{service=\"shop\",le=\"2.5\"} 1\n",
        "\nweir_request_duration_seconds_bucket{service=\"shop\",le=\"+Inf\"} 1\n",
        "\nweir_request_duration_seconds_count{service=\"shop\"} 1\n",
        "\nweir_request_duration_seconds_sum{service=\"shop\"} 2\n",
        "\nweir_server_in_flight{service=\"shop\",server=\"a\\\"b\\\\c\"} 0\n",
        "\nweir_extra 1\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (!strstr(text, lines[i]))
            fail_msg("no line%s", lines[i]);
    /* Each family is declared once. */
    for (const char *at = text; (at = strstr(at, "# TYPE ")); at++) {
        size_t len = strcspn(at, "\n");
        char line[256];
        str_copy(line, sizeof(line), str_n(at, MIN(len, sizeof(line) - 1)));
        if (strstr(at + 1, line))
            fail_msg("twice: %s", line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_and_methods_have_their_status, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_reach_the_right_op, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_bodies_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(events_take_their_query, setup, teardown),
        cmocka_unit_test_setup_teardown(explanations_and_arrivals_take_their_query, setup, teardown),
        cmocka_unit_test_setup_teardown(the_history_is_answered_later, setup, teardown),
        cmocka_unit_test_setup_teardown(readiness_follows_control, setup, teardown),
        cmocka_unit_test_setup_teardown(with_a_token_only_health_and_the_empty_page_are_open, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_page_shows_names_as_text, setup, teardown),
        cmocka_unit_test_setup_teardown(a_foreign_name_gets_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_are_added_up, setup, teardown),
        cmocka_unit_test_setup_teardown(metrics_are_whole_families, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
