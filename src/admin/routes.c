/*
 * Which path means what. One table: method, pattern, who may ask, function. A `*` in a pattern stands for one
 * segment, the name of a service or server, percent-decoded (RFC 3986 §2.1), as a fixed server's name may be
 * `[::1]:8000`.
 *
 * Order of refusals: unknown path 404, wrong method 405, then access 401/403/415, then what the function
 * says; so a stranger learns only what this file, which is public, says anyway.
 */
#include "admin/access.h"
#include "admin/admin_priv.h"
#include "admin/metrics.h"
#include "base/clock.h"
#include "base/percent.h"
#include "net/json_value.h"

#include <stdarg.h>
#include <stdio.h>

static const char JSON_TYPE[] = "application/json";
enum { FOR_SECONDS_MAX = 30 * 24 * 3600 }; /* a number set by hand for longer is a configuration */

struct call {
    struct admin *admin;
    const struct admin_request *request;
    struct admin_response *response;
    char name[SERVER_NAME_BYTES + SERVICE_NAME_BYTES]; /* what `*` stood for */
};

void admin_respond_error(struct admin_response *response, int status, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct json j;
    buf_clear(&response->body);
    json_init(&j, &response->body);
    json_begin_object(&j);
    json_put_text(&j, "error", text);
    json_end_object(&j);
    buf_put_char(&response->body, '\n');
    response->status = status;
    response->content_type = JSON_TYPE;
    response->is_page = response->is_asset = false;
}

static struct json begin_json(struct call *c)
{
    struct json j;
    c->response->status = 200;
    c->response->content_type = JSON_TYPE;
    json_init(&j, &c->response->body);
    return j;
}

static void end_json(struct call *c)
{
    buf_put_char(&c->response->body, '\n');
}

/* A decimal query parameter; when_absent when it is not there; false when it is no number. */
static bool query_number(struct str query, struct str key, uint64_t when_absent, uint64_t *ret_value)
{
    struct str part;
    size_t at;
    *ret_value = when_absent;
    while (str_split(&query, '&', &part)) {
        if (!str_find(part, '=', &at) || !str_eq(str_n(part.ptr, at), key))
            continue;
        if (!str_parse_u64(str_n(part.ptr + at + 1, part.len - at - 1), ret_value))
            return false;
    }
    return true;
}

/* The first query parameter of that name as it was sent; "" when it is not there. */
static struct str query_text(struct str query, struct str key)
{
    struct str part;
    size_t at;
    while (str_split(&query, '&', &part))
        if (str_find(part, '=', &at) && str_eq(str_n(part.ptr, at), key))
            return str_n(part.ptr + at + 1, part.len - at - 1);
    return STR("");
}

/* ---- questions ---- */

static void get_services(struct call *c)
{
    struct json j = begin_json(c);
    admin_write_services(c->admin, &j);
    end_json(c);
}

static void get_servers(struct call *c)
{
    struct json j = begin_json(c);
    admin_write_servers(c->admin, &j);
    end_json(c);
}

static void get_events(struct call *c)
{
    uint64_t after, count;
    if (!query_number(c->request->query, STR("after"), 0, &after) ||
        !query_number(c->request->query, STR("count"), ADMIN_EVENTS_DEFAULT, &count) || count == 0) {
        admin_respond_error(c->response, 400, "after and count must be whole numbers, count at least 1");
        return;
    }
    struct json j = begin_json(c);
    uint32_t count_max = (uint32_t)MIN(count, (uint64_t)ADMIN_EVENTS_MAX);
    c->admin->ops.write_events(c->admin->ops.context, &j, after, count_max);
    end_json(c);
}

static void get_alerts(struct call *c)
{
    uint64_t all;
    if (!query_number(c->request->query, STR("all"), 0, &all)) {
        admin_respond_error(c->response, 400, "all must be 0 or 1");
        return;
    }
    struct json j = begin_json(c);
    json_begin_object(&j);
    json_key(&j, "alerts");
    c->admin->ops.write_alerts(c->admin->ops.context, &j, all != 0);
    json_end_object(&j);
    end_json(c);
}

static void get_host(struct call *c)
{
    struct json j = begin_json(c);
    c->admin->ops.write_host(c->admin->ops.context, &j);
    end_json(c);
}

static void get_probes(struct call *c)
{
    struct json j = begin_json(c);
    json_begin_object(&j);
    json_key(&j, "probes");
    c->admin->ops.write_probes(c->admin->ops.context, &j);
    json_end_object(&j);
    end_json(c);
}

static void get_hosts(struct call *c)
{
    struct json j = begin_json(c);
    json_begin_object(&j);
    json_key(&j, "hosts");
    c->admin->ops.write_hosts(c->admin->ops.context, &j);
    json_end_object(&j);
    end_json(c);
}

static void get_readings(struct call *c)
{
    struct json j = begin_json(c);
    c->admin->ops.write_readings(c->admin->ops.context, query_text(c->request->query, STR("host")), &j);
    end_json(c);
}

static struct service *named_service(struct call *c)
{
    struct service *s = fleet_find_service(c->admin->fleet, str_of(c->name));
    if (!s)
        admin_respond_error(c->response, 404, "there is no service `%s`", c->name);
    return s;
}

static void get_explanation(struct call *c)
{
    uint64_t last;
    struct service *s = named_service(c);
    if (!s)
        return;
    if (!query_number(c->request->query, STR("last"), ADMIN_EPISODES_DEFAULT, &last)) {
        admin_respond_error(c->response, 400, "last must be a whole number");
        return;
    }
    struct json j = begin_json(c);
    json_begin_object(&j);
    json_key(&j, "service");
    admin_write_service(c->admin, &j, s);
    c->admin->ops.write_explanation(c->admin->ops.context, &j, s, (uint32_t)MIN(last, (uint64_t)UINT32_MAX));
    json_end_object(&j);
    end_json(c);
}

static void get_arrivals(struct call *c)
{
    uint64_t from;
    struct service *s = named_service(c);
    if (!s)
        return;
    if (!query_number(c->request->query, STR("from"), 0, &from)) {
        admin_respond_error(c->response, 400, "from must be a whole number");
        return;
    }
    struct json j = begin_json(c);
    json_begin_object(&j);
    json_put_text(&j, "service", s->name);
    c->admin->ops.write_arrivals(c->admin->ops.context, &j, s, from);
    json_end_object(&j);
    end_json(c);
}

/* The answer comes from a file, so it comes later. */
static void get_history(struct call *c)
{
    struct history_query query;
    struct err err = {0};
    int status = 400;
    const struct admin_ops *ops = &c->admin->ops;
    if (history_query_parse(&query, c->request->query, clock_wall_ns() / NS_PER_S, &err) &&
        ops->ask_history(ops->context, &query, c->request->ticket, &status, &err))
        c->response->is_deferred = true;
    else
        admin_respond_error(c->response, status, "%s", err.text);
}

static void get_metrics(struct call *c)
{
    c->response->status = 200;
    c->response->content_type = METRICS_CONTENT_TYPE;
    metrics_write(&c->response->body, c->admin->fleet, &c->admin->ops, loop_now_ns(c->admin->loop));
}

static void get_healthz(struct call *c)
{
    struct json j = begin_json(c);
    json_begin_object(&j);
    json_put_text(&j, "status", "ok");
    json_end_object(&j);
    end_json(c);
}

static void get_readyz(struct call *c)
{
    const char *why_not = NULL;
    if (!c->admin->ops.is_ready(c->admin->ops.context, &why_not)) {
        admin_respond_error(c->response, 503, "%s", why_not ? why_not : "not ready");
        return;
    }
    get_healthz(c);
}

static void get_page(struct call *c)
{
    const char *why;
    struct str token = buf_str(&c->admin->token);
    bool can_see = access_check(token, c->request, false, &why) == 0;
    if (!can_see && !token.len) {
        admin_respond_error(c->response, 403, "%s", why);
        return;
    }
    admin_page(c->admin, can_see, c->response);
}

static void get_asset(struct call *c)
{
    if (!admin_asset(c->request->path, c->response))
        admin_respond_error(c->response, 404, "no such path");
}

static void get_silences(struct call *c)
{
    struct json j = begin_json(c);
    json_begin_object(&j);
    json_key(&j, "silences");
    c->admin->ops.write_silences(c->admin->ops.context, &j);
    json_end_object(&j);
    end_json(c);
}

/* ---- changes ---- */

static void post_silence(struct call *c)
{
    struct err err = {0};
    struct json_value *body = json_value_parse(c->request->body, &err);
    if (!body) {
        admin_respond_error(c->response, 400, "the body is not JSON: %s", err.text);
        return;
    }
    struct json j = begin_json(c);
    bool is_added = c->admin->ops.add_silence(c->admin->ops.context, body, &j, &err);
    json_value_free(body);
    if (is_added)
        end_json(c);
    else
        admin_respond_error(c->response, err.retryable ? 409 : 400, "%s", err.text);
}

static void delete_silence(struct call *c)
{
    struct err err = {0};
    struct json j = begin_json(c);
    if (c->admin->ops.end_silence(c->admin->ops.context, str_of(c->name), &j, &err))
        end_json(c);
    else
        admin_respond_error(c->response, err.retryable ? 409 : 404, "%s", err.text);
}

static struct server *named_server(struct call *c)
{
    struct server *s = fleet_find_server(c->admin->fleet, str_of(c->name));
    if (!s)
        admin_respond_error(c->response, 404, "there is no server `%s`", c->name);
    return s;
}

static bool apply_replicas(struct call *c, struct service *s, const struct json_value *body, struct err *err)
{
    const struct admin_ops *ops = &c->admin->ops;
    if (json_value_bool(body, "auto", false))
        return ops->clear_replicas(ops->context, s, err);
    int64_t count = json_value_int(body, "count", -1);
    int64_t for_s = json_value_int(body, "for_seconds", 0);
    return ops->set_replicas(ops->context, s, (uint32_t)count, for_s * NS_PER_S, err);
}

/* Exactly one of count (a whole number from 0) and auto: true; with a count, for_seconds says for how long.
 */
static bool replicas_are_valid(const struct json_value *body)
{
    bool has_count = json_value_has(body, "count"), has_auto = json_value_has(body, "auto");
    if (!json_value_is_object(body) || has_count == has_auto)
        return false;
    int64_t count = json_value_int(body, "count", -1), for_s = json_value_int(body, "for_seconds", 0);
    bool is_for_valid = for_s >= 1 && for_s <= FOR_SECONDS_MAX;
    if (json_value_has(body, "for_seconds") && (has_auto || !is_for_valid))
        return false;
    return has_auto ? json_value_bool(body, "auto", false) : count >= 0 && count <= FLEET_SERVERS_MAX;
}

static void post_replicas(struct call *c)
{
    struct err err = {0};
    struct service *s = named_service(c);
    if (!s)
        return;
    struct json_value *body = json_value_parse(c->request->body, &err);
    if (!body) {
        admin_respond_error(c->response, 400, "the body is not JSON: %s", err.text);
        return;
    }
    bool is_valid = replicas_are_valid(body), is_done = is_valid && apply_replicas(c, s, body, &err);
    json_value_free(body);
    if (!is_valid) {
        admin_respond_error(
            c->response, 400,
            "the body must be {\"count\": N}, {\"count\": N, \"for_seconds\": 1..%d} or {\"auto\": true}",
            FOR_SECONDS_MAX);
        return;
    }
    if (!is_done) {
        admin_respond_error(c->response, 409, "%s", err.text);
        return;
    }
    struct json j = begin_json(c);
    admin_write_service(c->admin, &j, s);
    end_json(c);
}

static void change_server(struct call *c, bool (*change)(void *context, struct server *s, struct err *err))
{
    struct err err = {0};
    struct server *s = named_server(c);
    if (!s)
        return;
    if (!change(c->admin->ops.context, s, &err)) {
        admin_respond_error(c->response, 409, "%s", err.text);
        return;
    }
    struct json j = begin_json(c);
    admin_write_server(c->admin, &j, s);
    end_json(c);
}

static void post_drain(struct call *c)
{
    change_server(c, c->admin->ops.drain_server);
}

static void post_ready(struct call *c)
{
    change_server(c, c->admin->ops.ready_server);
}

static void get_sinks(struct call *c)
{
    struct json j = begin_json(c);
    json_begin_object(&j);
    c->admin->ops.write_sinks(c->admin->ops.context, &j);
    json_end_object(&j);
    end_json(c);
}

/* The answer of the sink comes later, with the sinks. */
static void post_test(struct call *c)
{
    struct err err = {0};
    if (!c->admin->ops.test_sink(c->admin->ops.context, str_of(c->name), &err)) {
        admin_respond_error(c->response, 409, "%s", err.text);
        return;
    }
    get_sinks(c);
}

/* ---- the table ---- */

enum who { ANYBODY, TRUSTED }; /* TRUSTED: access_check() */

enum method { READ, POST, DELETE }; /* READ: GET and HEAD */
static const char *const method_names[] = {[READ] = "GET, HEAD", [POST] = "POST", [DELETE] = "DELETE"};

static const struct route_row {
    const char *pattern;
    enum method method; /* rows of one pattern stand together */
    enum who who;
    void (*run)(struct call *c);
} rows[] = {
    {"/api/v1/services", READ, TRUSTED, get_services},
    {"/api/v1/servers", READ, TRUSTED, get_servers},
    {"/api/v1/events", READ, TRUSTED, get_events},
    {"/api/v1/alerts", READ, TRUSTED, get_alerts},
    {"/api/v1/silences", READ, TRUSTED, get_silences},
    {"/api/v1/silences", POST, TRUSTED, post_silence},
    {"/api/v1/silences/*", DELETE, TRUSTED, delete_silence},
    {"/api/v1/host", READ, TRUSTED, get_host},
    {"/api/v1/hosts", READ, TRUSTED, get_hosts},
    {"/api/v1/probes", READ, TRUSTED, get_probes},
    {"/api/v1/readings", READ, TRUSTED, get_readings},
    {"/api/v1/history", READ, TRUSTED, get_history},
    {"/api/v1/sinks", READ, TRUSTED, get_sinks},
    {"/api/v1/services/*/explain", READ, TRUSTED, get_explanation},
    {"/api/v1/services/*/arrivals", READ, TRUSTED, get_arrivals},
    {"/api/v1/services/*/replicas", POST, TRUSTED, post_replicas},
    {"/api/v1/servers/*/drain", POST, TRUSTED, post_drain},
    {"/api/v1/servers/*/ready", POST, TRUSTED, post_ready},
    {"/api/v1/sinks/*/test", POST, TRUSTED, post_test},
    {"/metrics", READ, TRUSTED, get_metrics},
    {"/healthz", READ, ANYBODY, get_healthz},
    {"/readyz", READ, ANYBODY, get_readyz},
    {"/", READ, ANYBODY, get_page},
    {"/page.css", READ, ANYBODY, get_asset},
    {"/page.js", READ, ANYBODY, get_asset},
};

static bool pattern_fits(const char *pattern, struct str path, char *name, size_t name_bytes)
{
    struct str head = str_of(pattern);
    size_t star, slash;
    if (!str_find(head, '*', &star))
        return str_eq(head, path);
    struct str tail = str_n(head.ptr + star + 1, head.len - star - 1);
    head.len = star;
    if (!str_starts_with(path, head))
        return false;
    struct str rest = str_n(path.ptr + star, path.len - star);
    if (tail.len == 0)
        return !str_find(rest, '/', &slash) && percent_decode(rest, name, name_bytes);
    if (!str_find(rest, '/', &slash) || !str_eq(str_n(rest.ptr + slash, rest.len - slash), tail))
        return false;
    return percent_decode(str_n(rest.ptr, slash), name, name_bytes);
}

static void run_row(struct call *c, const struct route_row *row)
{
    const char *why;
    int status = row->who == TRUSTED
                     ? access_check(buf_str(&c->admin->token), c->request, row->method != READ, &why)
                     : 0;
    if (status) {
        admin_respond_error(c->response, status, "%s", why);
        return;
    }
    row->run(c);
}

static bool has_method(const struct route_row *row, struct str method)
{
    if (row->method == READ)
        return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));
    return str_eq(method, str_of(method_names[row->method]));
}

static void refuse_method(struct call *c, const char *methods)
{
    admin_respond_error(c->response, 405, "this path takes %s", methods);
    c->response->allow = methods;
}

void admin_answer(struct admin *a, const struct admin_request *request, struct admin_response *response)
{
    struct call c = {.admin = a, .request = request, .response = response};
    const struct route_row *other = NULL; /* with this path, but another method */
    bool are_both = false;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!pattern_fits(rows[i].pattern, request->path, c.name, sizeof(c.name)))
            continue;
        if (has_method(&rows[i], request->method)) {
            run_row(&c, &rows[i]);
            return;
        }
        are_both = other != NULL;
        other = &rows[i];
    }
    if (other)
        refuse_method(&c, are_both ? "GET, HEAD, POST" : method_names[other->method]);
    else
        admin_respond_error(response, 404, "no such path; see docs/reference/api.md");
}
