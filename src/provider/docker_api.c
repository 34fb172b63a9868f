/*
 * docker_api.c: one HTTP request a call, by net/fetch.h.
 *
 * The API's version is in each path. Engines refuse versions that are newer than they are, and (from Docker
 * 29 on) those that are too old, so the version is the engine's own, capped at the newest that was tried
 * with these drivers: fields that they use have not changed in between. It is asked for at first and after
 * nobody answered, because who comes back may be another release.
 *
 * What a failure means is told by the status, and where that says little (500 for everything) by the
 * engine's words. Nothing secret is ever in a path, an error or a log: registry credentials travel in a
 * header alone.
 */
#include "provider/docker_api.h"

#include "base/clock.h"
#include "net/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNIX_PREFIX "unix://"
#define TCP_PREFIX  "tcp://"

enum { MINOR_VERSION_MAX = 51, MINOR_VERSION_MIN = 25, LINE_BYTES_MAX = 1024 * 1024 };

void docker_api_init(struct docker_api *api, const struct config_docker_api *config)
{
    *api = (struct docker_api){.config = config};
}

const char *docker_api_socket(const struct config_docker_api *config)
{
    bool is_unix = str_starts_with(config->endpoint, STR(UNIX_PREFIX));
    return is_unix ? config->endpoint.ptr + strlen(UNIX_PREFIX) : "";
}

/* ---- one request ---- */

struct line_reader {
    const struct docker_request *request;
    const struct driver_call *call;
    struct buf rest; /* of a line that has not ended */
};

static bool on_bytes(void *context, struct str bytes)
{
    struct line_reader *reader = context;
    size_t end;
    buf_put(&reader->rest, bytes);
    while (str_find(buf_str(&reader->rest), '\n', &end)) {
        struct str line = str_trim(str_n(reader->rest.ptr, end));
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len && !reader->request->on_line(reader->request->context, line))
            return false;
        buf_consume(&reader->rest, end + 1);
    }
    return reader->rest.len <= LINE_BYTES_MAX;
}

static bool is_cancelled(void *context)
{
    const struct line_reader *reader = context;
    return reader->call->is_cancelled && atomic_load(reader->call->is_cancelled);
}

static void put_url(const struct docker_api *api, const char *path, struct buf *out)
{
    struct str endpoint = api->config->endpoint;
    if (str_starts_with(endpoint, STR(UNIX_PREFIX)))
        buf_put(out, STR("http://docker"));
    else if (str_starts_with(endpoint, STR(TCP_PREFIX)))
        buf_printf(out, "%s://%s", api->config->has_tls ? "https" : "http",
                   endpoint.ptr + strlen(TCP_PREFIX));
    else
        buf_put(out, endpoint);
    if (api->version[0])
        buf_printf(out, "/v%s", api->version);
    buf_put(out, str_of(path));
}

/* Why a Unix socket does not answer is worth telling exactly: it is the first thing to go wrong. */
static bool fail_socket(const char *path, const struct err *err, struct driver_failure *f)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return driver_fail(f, DRIVER_FAULT_RETRYABLE, "%s: %s; is Docker running?", path, strerror(errno));
    if (access(path, R_OK | W_OK) != 0 && errno == EACCES)
        return driver_fail(f, DRIVER_FAULT_CREDENTIALS,
                           "%s: permission denied to user %u; it belongs to user %u and group %u (mode %03o)",
                           path, geteuid(), s.st_uid, s.st_gid, s.st_mode & 0777);
    return driver_fail(f, DRIVER_FAULT_RETRYABLE, "%s: %s", path, err->text);
}

static bool fail_unanswered(const struct docker_api *api, const struct err *err, struct driver_failure *f)
{
    const char *socket = docker_api_socket(api->config);
    if (socket[0])
        return fail_socket(socket, err, f);
    return driver_fail(f, err->retryable ? DRIVER_FAULT_RETRYABLE : DRIVER_FAULT_CONFIGURATION, "%s: %s",
                       api->config->endpoint.ptr, err->text);
}

static void fill_answer(struct fetch_response *response, struct docker_answer *ret_answer)
{
    bool is_json = response->body.len && (response->body.ptr[0] == '{' || response->body.ptr[0] == '[');
    *ret_answer =
        (struct docker_answer){.status = response->status,
                               .body = response->body,
                               .retry_after_ns = MAX(response->retry_after_s, INT64_C(0)) * NS_PER_S};
    if (is_json)
        ret_answer->json = json_value_parse(buf_str(&ret_answer->body), NULL);
}

/* False when there is no time left. */
static bool find_timeout(const struct driver_call *call, const struct docker_request *request,
                         int64_t *ret_timeout_ns, struct driver_failure *f)
{
    int64_t left_ns = call->deadline_ns - clock_now_ns();
    if (left_ns < NS_PER_MS)
        return driver_fail(f, DRIVER_FAULT_RETRYABLE, "no time is left for %s %s", request->method,
                           request->path);
    *ret_timeout_ns = request->patience_ns ? MIN(left_ns, request->patience_ns) : left_ns;
    return true;
}

/* field: a field of the answer that is wanted; NULL with ret_field for none. */
static bool exchange(struct docker_api *api, const struct driver_call *call,
                     const struct docker_request *request, const char *field,
                     char ret_field[FETCH_FIELD_BYTES], struct docker_answer *ret_answer,
                     struct driver_failure *f)
{
    const struct config_docker_api *c = api->config;
    struct line_reader reader = {.request = request, .call = call};
    const struct fetch_stream stream = {
        .context = &reader, .on_bytes = request->on_line ? on_bytes : NULL, .is_cancelled = is_cancelled};
    const struct fetch_tls tls = {c->ca_file.ptr, c->cert_file.ptr, c->key_file.ptr};
    struct buf url CLEANUP(buf_fini) = {0}, auth CLEANUP(buf_fini) = {0};
    const char *headers[2] = {"Content-Type: application/json"};
    const char *socket = docker_api_socket(c);
    struct fetch_response response;
    struct err err = {0};
    int64_t timeout_ns = 0;
    if (!find_timeout(call, request, &timeout_ns, f))
        return false;
    put_url(api, request->path, &url);
    if (request->registry_auth) {
        buf_printf(&auth, "X-Registry-Auth: %s", request->registry_auth);
        headers[1] = auth.ptr;
    }
    int64_t start_ns = clock_now_ns();
    bool is_answered = fetch(&(struct fetch_request){.method = request->method,
                                                     .url = url.ptr,
                                                     .headers = headers,
                                                     .header_count = request->registry_auth ? 2 : 1,
                                                     .body = request->body,
                                                     .unix_socket = socket[0] ? socket : NULL,
                                                     .is_direct = socket[0] != '\0',
                                                     .timeout_ns = timeout_ns,
                                                     .tls = c->has_tls ? &tls : NULL,
                                                     .answer_field = field,
                                                     .stream = &stream},
                             &response, &err);
    buf_fini(&reader.rest);
    if (is_answered) {
        if (ret_field)
            memcpy(ret_field, response.field, FETCH_FIELD_BYTES);
        fill_answer(&response, ret_answer);
        return true;
    }
    if (request->patience_ns && clock_now_ns() - start_ns >= timeout_ns - 2 * NS_PER_MS) {
        *ret_answer = (struct docker_answer){0};
        return true;
    }
    api->version[0] = '\0';
    return fail_unanswered(api, &err, f);
}

/* ---- the version ---- */

/* "1.41" -> 41 */
static bool parse_version(const char *text, uint64_t *ret_minor)
{
    struct str s = str_of(text);
    return str_starts_with(s, STR("1.")) && str_parse_u64(str_n(s.ptr + 2, s.len - 2), ret_minor);
}

static bool negotiate(struct docker_api *api, const struct driver_call *call, struct driver_failure *f)
{
    char field[FETCH_FIELD_BYTES];
    struct docker_answer answer;
    uint64_t minor;
    if (!exchange(api, call, &(struct docker_request){.method = "GET", .path = "/_ping"}, "Api-Version",
                  field, &answer, f))
        return false;
    bool is_good = docker_answer_is_good(&answer) || docker_refuse(f, &answer, "GET /_ping");
    docker_answer_fini(&answer);
    if (!is_good)
        return false;
    if (!parse_version(field, &minor) || minor < MINOR_VERSION_MIN)
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION,
                           "%s speaks version '%s' of the Docker Engine API; at least 1.%d is needed",
                           api->config->endpoint.ptr, field, MINOR_VERSION_MIN);
    snprintf(api->version, sizeof(api->version), "1.%u", (unsigned)MIN(minor, (uint64_t)MINOR_VERSION_MAX));
    return true;
}

bool docker_call(struct docker_api *api, const struct driver_call *call, const struct docker_request *request,
                 struct docker_answer *ret_answer, struct driver_failure *f)
{
    if (!api->version[0] && !negotiate(api, call, f))
        return false;
    return exchange(api, call, request, NULL, NULL, ret_answer, f);
}

/* ---- answers ---- */

void docker_answer_fini(struct docker_answer *a)
{
    json_value_free(a->json);
    buf_fini(&a->body);
    *a = (struct docker_answer){0};
}

bool docker_answer_is_good(const struct docker_answer *a)
{
    return (a->status >= 200 && a->status < 300) || a->status == 304;
}

const char *docker_answer_message(const struct docker_answer *a)
{
    const char *message = json_value_text(a->json, "message", "");
    if (message[0])
        return message;
    return a->body.len && !a->json ? a->body.ptr : "it gave no reason";
}

static bool has_any(const char *words, const char *const *phrases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasestr(words, phrases[i]))
            return true;
    return false;
}

enum driver_fault docker_fault_of(int status, const char *words)
{
    static const char *const credentials[] = {"unauthorized", "authentication required", "access denied",
                                              "access to the resource is denied", "no basic auth"},
                             *const quota[] = {"no space left", "toomanyrequests", "cannot allocate memory",
                                               "insufficient resources", "quota"},
                             *const configuration[] = {"already allocated",
                                                       "address already in use",
                                                       "not a swarm manager",
                                                       "executable file not found",
                                                       "no such image",
                                                       "invalid mount",
                                                       "not found"};
    if (status == 401 || status == 403 || has_any(words, credentials, ARRAY_LEN(credentials)))
        return DRIVER_FAULT_CREDENTIALS;
    if (has_any(words, quota, ARRAY_LEN(quota)))
        return DRIVER_FAULT_QUOTA;
    if (status == 400 || status == 404 || has_any(words, configuration, ARRAY_LEN(configuration)))
        return DRIVER_FAULT_CONFIGURATION;
    return DRIVER_FAULT_RETRYABLE;
}

bool docker_refuse(struct driver_failure *f, const struct docker_answer *a, const char *what)
{
    const char *message = docker_answer_message(a);
    (void)driver_fail(f, docker_fault_of(a->status, message), "%s: %s (status %d)", what, message, a->status);
    f->retry_after_ns = a->retry_after_ns;
    return false;
}

bool docker_do(struct docker_api *api, const struct driver_call *call, const char *method, const char *path,
               struct str body, const char *what, struct docker_answer *ret_answer, struct driver_failure *f)
{
    struct docker_answer answer;
    if (!docker_call(api, call, &(struct docker_request){.method = method, .path = path, .body = body},
                     &answer, f))
        return false;
    bool is_good = docker_answer_is_good(&answer) || docker_refuse(f, &answer, what);
    if (is_good && ret_answer)
        *ret_answer = answer;
    else
        docker_answer_fini(&answer);
    return is_good;
}
