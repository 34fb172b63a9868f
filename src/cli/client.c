/*
 * client.c: the address may be written in the ways in which people know it; all become a URL and, for a unix
 * socket, a path. The token goes only into the request; no message shows it.
 */
#include "cli/client.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/units.h"
#include "net/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_ADMIN      "127.0.0.1:9900"
#define DEFAULT_TIMEOUT_NS (10 * NS_PER_S)

enum { TOKEN_BYTES_MAX = 1024 };

struct target {
    const char *named; /* as the user wrote it */
    struct buf url;
    const char *unix_socket; /* NULL: TCP */
    char token[TOKEN_BYTES_MAX + 1];
    int64_t timeout_ns;
};

/* "127.0.0.1:9900", ":9900", "http://host:9900/", "unix:/run/weir.sock" */
static void choose_url(const struct command_line *line, struct target *t)
{
    t->named = command_line_value(line, "--admin");
    if (!t->named)
        t->named = getenv("WEIR_ADMIN");
    if (!t->named || !t->named[0])
        t->named = DEFAULT_ADMIN;
    struct str named = str_of(t->named);
    if (str_starts_with(named, STR("unix:"))) {
        t->unix_socket = t->named + strlen("unix:");
        buf_put(&t->url, STR("http://localhost"));
    } else if (str_starts_with(named, STR("http://")) || str_starts_with(named, STR("https://"))) {
        while (str_ends_with(named, STR("/")))
            named.len--;
        buf_put(&t->url, named);
    } else {
        buf_printf(&t->url, "http://%s%s", t->named[0] == ':' ? "127.0.0.1" : "", t->named);
    }
}

static bool read_token(const char *path, struct target *t, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "reading the token file %s", path);
    ssize_t n = read(fd, t->token, TOKEN_BYTES_MAX);
    int error = errno;
    close(fd);
    if (n < 0)
        return err_set_errno(err, error, "reading the token file %s", path);
    t->token[strcspn(t->token, "\r\n")] = '\0';
    return true;
}

static bool choose_token(const struct command_line *line, struct target *t, struct err *err)
{
    const char *path = command_line_value(line, "--token-file"), *token = getenv("WEIR_TOKEN");
    if (path)
        return read_token(path, t, err);
    if (token)
        str_copy(t->token, sizeof(t->token), str_of(token));
    return true;
}

static bool choose_timeout(const struct command_line *line, struct target *t, struct err *err)
{
    const char *text = command_line_value(line, "--timeout"), *problem;
    t->timeout_ns = DEFAULT_TIMEOUT_NS;
    if (!text)
        return true;
    if (!units_parse_duration(str_of(text), &t->timeout_ns, &problem))
        return err_set(err, "--timeout %s: %s", text, problem);
    return t->timeout_ns > 0 || err_set(err, "--timeout %s: it must be more than nothing", text);
}

/* The API says why in {"error": "..."}; a stranger on that port may say anything. */
static int tell_refusal(const struct command_line *line, const struct target *t,
                        const struct fetch_response *r)
{
    struct json_value *value = json_value_parse(buf_str(&r->body), NULL);
    const char *why = json_value_text(value, "error", NULL);
    if (why)
        fprintf(stderr, "weir %s: %s\n", line->command->name, why);
    else
        fprintf(stderr, "weir %s: %s answered with status %d\n", line->command->name, t->named, r->status);
    if (r->status == 401)
        fprintf(stderr, "give the admin token with --token-file FILE or in WEIR_TOKEN\n");
    json_value_free(value);
    return CLI_FAILED;
}

static int tell_unreachable(const struct command_line *line, const struct target *t, const struct err *err)
{
    fprintf(stderr, "weir %s: no answer from %s: %s\n", line->command->name, t->named, err->text);
    fprintf(stderr, "is weir running there? --admin ADDR or WEIR_ADMIN say where it is\n");
    return CLI_UNREACHABLE;
}

static int send_request(const struct command_line *line, const struct target *t,
                        const struct fetch_request *request, struct json_value **ret_value,
                        struct buf *ret_text)
{
    struct fetch_response response;
    struct err err;
    if (!fetch(request, &response, &err))
        return tell_unreachable(line, t, &err);
    int status = CLI_OK;
    struct json_value *value = NULL;
    if (response.status < 200 || response.status > 299) {
        status = tell_refusal(line, t, &response);
    } else if (!(value = json_value_parse(buf_str(&response.body), &err))) {
        fprintf(stderr, "weir %s: the answer of %s is not JSON: %s\n", line->command->name, t->named,
                err.text);
        status = CLI_FAILED;
    } else {
        *ret_value = value;
        if (ret_text)
            buf_put(ret_text, buf_str(&response.body));
    }
    fetch_response_fini(&response);
    return status;
}

int client_call(const struct command_line *line, const char *method, const char *path, struct str body,
                struct json_value **ret_value, struct buf *ret_text)
{
    static const char *const headers[] = {"Accept: application/json", "Content-Type: application/json"};
    struct target t = {0};
    struct err err;
    if (!choose_token(line, &t, &err) || !choose_timeout(line, &t, &err)) {
        fprintf(stderr, "weir %s: %s\n", line->command->name, err.text);
        return CLI_USAGE;
    }
    choose_url(line, &t);
    buf_put(&t.url, str_of(path));
    struct fetch_request request = {.method = method,
                                    .url = t.url.ptr,
                                    .headers = headers,
                                    .header_count = ARRAY_LEN(headers),
                                    .body = body,
                                    .bearer_token = t.token,
                                    .unix_socket = t.unix_socket,
                                    .is_direct = true,
                                    .timeout_ns = t.timeout_ns};
    int status = send_request(line, &t, &request, ret_value, ret_text);
    buf_fini(&t.url);
    return status;
}
