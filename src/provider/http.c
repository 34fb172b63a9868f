/*
 * http.c
 *
 * Two requests, both from templates of the configuration: so many servers in all (set_count), and which there
 * are (list, over as many pages as it takes). The number is absolute, so a request that arrives twice, or
 * whose answer is lost, does no harm.
 *
 * The token is read for each call, so that it may be renewed beside a running Weir; it is part of no text.
 */
#include "provider/http.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/percent.h"
#include "net/fetch.h"
#include "provider/http_list.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOKEN_BYTES_MAX = 4096, PAGES_MAX = 100, WORDS_BYTES = 240 };

struct driver {
    const struct config_service *service; /* borrowed */
    const struct config_http *config;     /* of it */
    char *owner;                          /* owned */
};

static struct driver *http_open(const struct config_service *service, const char *owner, struct err *err)
{
    struct driver *d = NEW(struct driver);
    d->service = service;
    d->config = &service->scale.http;
    d->owner = mem_strdup(owner);
    return d;
}

static void http_close(struct driver *d)
{
    free(d->owner);
    free(d);
}

/* --- templates --------------------------------------------------------------------------------------- */

struct words {
    bool is_path; /* percent-encoded; else as in a JSON text */
    const struct driver *driver;
    uint32_t count;
    bool is_up;
};

/* In a path, or between the quotes of JSON, where no control bytes come to. */
static void put_encoded(struct buf *out, struct str text, bool is_path)
{
    if (is_path) {
        percent_put(out, text);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, text.ptr[i]);
    }
}

static bool put_word(struct buf *out, struct str name, const struct words *w)
{
    const struct config_http *c = w->driver->config;
    if (str_eq(name, STR("count")))
        buf_printf(out, "%u", w->count);
    else if (str_eq(name, STR("scale_up")))
        buf_put(out, w->is_up ? STR("true") : STR("false"));
    else if (str_eq(name, STR("service")))
        put_encoded(out, w->driver->service->name, w->is_path);
    else if (str_eq(name, STR("owner")))
        put_encoded(out, str_of(w->driver->owner), w->is_path);
    else if (str_eq(name, STR("provider")))
        put_encoded(out, c->provider, w->is_path);
    else if (str_eq(name, STR("region")))
        put_encoded(out, c->region, w->is_path);
    else
        return false;
    return true;
}

/* What is in braces and no word of ours stays as it is: a body is JSON. */
static void put_template(struct buf *out, struct str template, const struct words *w)
{
    size_t open, close;
    while (str_find(template, '{', &open)) {
        buf_put(out, str_n(template.ptr, open));
        template = str_n(template.ptr + open, template.len - open);
        bool has_end = str_find(template, '}', &close);
        if (has_end && put_word(out, str_n(template.ptr + 1, close - 1), w)) {
            template = str_n(template.ptr + close + 1, template.len - close - 1);
            continue;
        }
        buf_put_char(out, '{');
        template = str_n(template.ptr + 1, template.len - 1);
    }
    buf_put(out, template);
}

/* --- one request ------------------------------------------------------------------------------------- */

struct request {
    const char *method;
    struct str url;   /* ends in NUL */
    struct str shown; /* of the URL, what may be shown: the path */
    struct str body;
};

/* It becomes part of a field, so it must be printable, whatever the file holds; its last line end is not it.
 */
static bool put_token(struct str text, const char *where, struct buf *out, struct driver_failure *f)
{
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    text = str_trim(text);
    if (text.len == 0)
        return driver_fail(f, DRIVER_FAULT_CREDENTIALS, "there is no token in %s", where);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return driver_fail(f, DRIVER_FAULT_CREDENTIALS, "what is in %s is no token", where);
    buf_put(out, text);
    return true;
}

static bool read_token(const struct config_http *c, struct buf *out, struct driver_failure *f)
{
    char bytes[TOKEN_BYTES_MAX];
    if (c->token_env.len)
        return put_token(str_of(getenv(c->token_env.ptr)), c->token_env.ptr, out, f);
    if (c->token_file.len == 0)
        return true;
    int fd = open(c->token_file.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : pread(fd, bytes, sizeof(bytes), 0);
    if (fd >= 0)
        close(fd);
    bool is_good = put_token(str_n(bytes, n > 0 ? (size_t)n : 0), c->token_file.ptr, out, f);
    explicit_bzero(bytes, sizeof(bytes));
    return is_good;
}

static bool is_cancelled(void *context)
{
    const struct driver_call *call = context;
    return atomic_load_explicit(call->is_cancelled, memory_order_relaxed);
}

static bool has_field(const struct config_http *c, const char *name_and_colon)
{
    for (size_t i = 0; i < c->headers.count; i++)
        if (strncasecmp(c->headers.items[i].ptr, name_and_colon, strlen(name_and_colon)) == 0)
            return true;
    return false;
}

static bool exchange(const struct driver *d, const struct driver_call *call, const struct request *q,
                     const struct buf *token, struct fetch_response *ret_response, struct driver_failure *f)
{
    const struct config_http *c = d->config;
    const struct fetch_stream stream = {.context = (void *)call, .is_cancelled = is_cancelled};
    struct err err = {0};
    const char **headers = NEW_ARRAY(const char *, c->headers.count + 1);
    size_t header_count = 0;
    for (size_t i = 0; i < c->headers.count; i++)
        headers[header_count++] = c->headers.items[i].ptr;
    if (q->body.len && !has_field(c, "content-type:"))
        headers[header_count++] = "Content-Type: application/json";
    struct fetch_request request = {.method = q->method,
                                    .url = q->url.ptr,
                                    .headers = headers,
                                    .header_count = header_count,
                                    .body = q->body,
                                    .bearer_token = token->ptr,
                                    .timeout_ns = MAX(call->deadline_ns - clock_now_ns(), NS_PER_MS),
                                    .stream = &stream};
    bool is_answered = fetch(&request, ret_response, &err);
    free(headers);
    if (is_answered)
        return true;
    return driver_fail(f, err.retryable ? DRIVER_FAULT_RETRYABLE : DRIVER_FAULT_CONFIGURATION, "%s %.*s: %s",
                       q->method, STR_ARG(q->shown), err.text);
}

/* --- what an answer means ---------------------------------------------------------------------------- */

/* The API's own words, on one line, cut, and without the token should it send that back. */
static void copy_words(char out[WORDS_BYTES], struct str body, const struct buf *token)
{
    CLEANUP(buf_fini) struct buf words = {0};
    while (body.len) {
        bool is_token = token->len && body.len >= token->len && memcmp(body.ptr, token->ptr, token->len) == 0;
        size_t step = is_token ? token->len : 1;
        unsigned char c = (unsigned char)body.ptr[0];
        if (is_token)
            buf_put(&words, STR("***"));
        else
            buf_put_char(&words, c < 0x20 || c == 0x7F ? ' ' : (char)c);
        body = str_n(body.ptr + step, body.len - step);
    }
    (void)str_copy(out, WORDS_BYTES, str_trim(buf_str(&words)));
}

static bool speaks_of_quota(const char *words)
{
    static const char *const signs[] = {"quota", "limit exceeded", "limitexceeded", "insufficient",
                                        "capacity"};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (strcasestr(words, signs[i]))
            return true;
    return false;
}

static enum driver_fault fault_of(int status, const char *words)
{
    switch (status) {
    case 402:
        return DRIVER_FAULT_QUOTA;
    case 408:
    case 425:
    case 429:
        return DRIVER_FAULT_RETRYABLE;
    case 401:
        return DRIVER_FAULT_CREDENTIALS;
    case 403:
        return speaks_of_quota(words) ? DRIVER_FAULT_QUOTA : DRIVER_FAULT_CREDENTIALS;
    case 409: /* something is going on there already, or there is no room */
        return speaks_of_quota(words) ? DRIVER_FAULT_QUOTA : DRIVER_FAULT_RETRYABLE;
    default:
        break;
    }
    if (status >= 500)
        return DRIVER_FAULT_RETRYABLE;
    return status >= 400 && speaks_of_quota(words) ? DRIVER_FAULT_QUOTA : DRIVER_FAULT_CONFIGURATION;
}

/* Sends it and takes a good answer; anything else is a failure with the API's words. */
static bool ask(const struct driver *d, const struct driver_call *call, const struct request *q,
                int status_min, int status_max, struct buf *ret_body, struct driver_failure *f)
{
    CLEANUP(buf_fini) struct buf token = {0};
    struct fetch_response response = {0};
    char words[WORDS_BYTES];
    if (!read_token(d->config, &token, f) || !exchange(d, call, q, &token, &response, f))
        return false;
    if (response.status >= status_min && response.status <= status_max) {
        *ret_body = response.body;
        return true;
    }
    copy_words(words, buf_str(&response.body), &token);
    (void)driver_fail(f, fault_of(response.status, words), "%s %.*s: status %d%s%s", q->method,
                      STR_ARG(q->shown), response.status, words[0] ? ": " : "", words);
    f->retry_after_ns = response.retry_after_s > 0 ? response.retry_after_s * NS_PER_S : 0;
    fetch_response_fini(&response);
    return false;
}

/* --- so many in all ---------------------------------------------------------------------------------- */

static bool http_set_count(struct driver *d, const struct driver_call *call, uint32_t count,
                           uint32_t count_before, struct driver_failure *f)
{
    const struct config_http *c = d->config;
    CLEANUP(buf_fini) struct buf url = {0}, body = {0}, answer = {0};
    struct words words = {.is_path = true, .driver = d, .count = count, .is_up = count >= count_before};
    http_put_endpoint(c, &url);
    size_t path_at = url.len;
    put_template(&url, c->path, &words);
    words.is_path = false;
    put_template(&body, c->body, &words);
    struct request q = {.method = c->method.ptr,
                        .url = buf_str(&url),
                        .shown = str_n(url.ptr + path_at, url.len - path_at),
                        .body = buf_str(&body)};
    return ask(d, call, &q, c->status_min, c->status_max, &answer, f);
}

/* --- which there are --------------------------------------------------------------------------------- */

static bool http_list(struct driver *d, const struct driver_call *call, struct instance_list *ret_list,
                      struct driver_failure *f)
{
    const struct config_http *c = d->config;
    CLEANUP(buf_fini) struct buf url = {0};
    struct instance_list list = {0};
    struct words words = {.is_path = true, .driver = d};
    bool is_last = false, is_good = true;
    http_put_endpoint(c, &url);
    size_t path_at = url.len;
    put_template(&url, c->list.path, &words);
    for (int page = 0; is_good && !is_last; page++) {
        CLEANUP(buf_fini) struct buf answer = {0};
        struct request q = {.method = c->list.method.ptr,
                            .url = buf_str(&url),
                            .shown = str_n(url.ptr + path_at, url.len - path_at)};
        is_good = page < PAGES_MAX ||
                  driver_fail(f, DRIVER_FAULT_CONFIGURATION, "list: more than %d pages", PAGES_MAX);
        is_good = is_good && ask(d, call, &q, 200, 299, &answer, f) &&
                  http_read_page(c, buf_str(&answer), &list, &url, &is_last, f);
    }
    if (is_good)
        *ret_list = list;
    else
        free(list.items);
    return is_good;
}

const struct driver_ops http_driver = {
    .name = "http",
    .capabilities = DRIVER_TELLS_ADDRESSES | DRIVER_TELLS_STARTS | DRIVER_TELLS_PRICES,
    .open = http_open,
    .close = http_close,
    .list = http_list,
    .set_count = http_set_count,
};
