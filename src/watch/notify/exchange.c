/*
 * exchange.c: see exchange.h.
 *
 * What comes of it is told without the address and the token: libcurl's errors name the host alone, and of an
 * answer only the status is told.
 */
#include "watch/notify/exchange.h"

#include "base/macros.h"
#include "watch/notify/secret.h"

#include <stdio.h>

enum { SHOWN_BODY_BYTES = 2000 };
enum { HEADERS_MAX = 16, RESPONSE_BYTES_MAX = 64 * 1024 };

static void set_later(struct sink_answer *a, const char *why)
{
    *a = (struct sink_answer){.verdict = RETRY_LATER, .retry_after_s = -1};
    str_copy(a->text, sizeof(a->text), str_of(why));
}

/* ---- for who looks on ---- */

/* Takes every place where the secret stands out of the text. */
static void hide(struct buf *text, const char *secret)
{
    size_t len = strlen(secret);
    char *at = len ? text->ptr : NULL;
    while (at && (at = memmem(at, text->len - (size_t)(at - text->ptr), secret, len)) != NULL) {
        size_t after = text->len - (size_t)(at - text->ptr) - len;
        size_t stars = MIN(len, (size_t)3);
        memset(at, '*', stars);
        memmove(at + stars, at + len, after + 1);
        text->len -= len - stars;
        at += stars;
    }
}

/* What is behind the host of a URL, and who is named before it, may let everybody in. */
static void hide_url(struct buf *text, const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? strpbrk(host + 3, "/?#") : NULL;
    const char *at = host ? memchr(host + 3, '@', path ? (size_t)(path - host - 3) : strlen(host + 3)) : NULL;
    char who[512];
    if (path && path[1])
        hide(text, path);
    if (!at)
        return;
    str_copy(who, sizeof(who), str_n(host + 3, (size_t)(at - host - 3)));
    hide(text, who);
}

/* Who knows a topic of ntfy can read it. It is the last part of the address, and a word of the messages. */
static void hide_topic(struct buf *text, const char *url)
{
    char topic[512];
    const char *slash = strrchr(url, '/');
    if (!slash || !slash[1])
        return;
    snprintf(topic, sizeof(topic), "\"%s\"", slash + 1);
    hide(text, topic);
}

static void hide_secrets(const struct exchange *x, const struct sink_setup *setup, struct buf *text)
{
    hide(text, setup->token);
    hide_url(text, setup->url);
    if (x->config->kind == NOTIFY_NTFY)
        hide_topic(text, setup->url);
    for (size_t i = 0; i < x->config->urls.count; i++)
        hide_url(text, x->config->urls.items[i].ptr);
}

static void show(const struct exchange *x, const struct sink_setup *setup, struct buf *text)
{
    hide_secrets(x, setup, text);
    x->watcher->on_step(x->watcher->context, text->ptr);
    buf_clear(text);
}

static void show_secret(const struct exchange *x, const char *what, const struct config_secret *s)
{
    CLEANUP(buf_fini) struct buf text = {0};
    if (s->file.len)
        buf_printf(&text, "%s: from the file %s", what, s->file.ptr);
    else if (s->env.len)
        buf_printf(&text, "%s: from the variable %s", what, s->env.ptr);
    else
        return;
    x->watcher->on_step(x->watcher->context, text.ptr);
}

static void show_request(const struct exchange *x, const struct sink_setup *setup, const struct outgoing *out)
{
    CLEANUP(secret_wipe) struct buf text = {0};
    struct str rest = buf_str(&out->headers), line;
    buf_printf(&text, "%s %s", out->method, buf_str(&out->url).ptr);
    show(x, setup, &text);
    while (str_split(&rest, '\n', &line) && line.len) {
        bool is_secret = str_starts_with(line, STR("Authorization:"));
        buf_printf(&text, "%.*s", STR_ARG(is_secret ? STR("Authorization: ***") : line));
        show(x, setup, &text);
    }
    if (out->bearer_token[0]) {
        buf_put(&text, STR("Authorization: Bearer ***"));
        show(x, setup, &text);
    }
    buf_printf(&text, "%.*s", (int)MIN(out->body.len, (size_t)SHOWN_BODY_BYTES), buf_str(&out->body).ptr);
    show(x, setup, &text);
}

static void show_answer(const struct exchange *x, const struct sink_setup *setup,
                        const struct fetch_response *response)
{
    CLEANUP(buf_fini) struct buf text = {0};
    struct str body = buf_str(&response->body);
    buf_printf(&text, "answer: %d%s%.*s", response->status, body.len ? " " : "",
               (int)MIN(body.len, (size_t)SHOWN_BODY_BYTES), body.ptr);
    show(x, setup, &text);
}

/* ---- one try ---- */

static void judge(const struct sink_kind *kind, const struct fetch_response *response, struct sink_answer *a)
{
    struct retry_answer by_status = {
        .has_status = true, .status = response->status, .retry_after_s = response->retry_after_s};
    *a = (struct sink_answer){.verdict = retry_judge(&by_status),
                              .status = response->status,
                              .retry_after_s = response->retry_after_s};
    if (a->verdict != RETRY_DELIVERED)
        snprintf(a->text, sizeof(a->text), "the receiver answered %d", response->status);
    if (kind->judge)
        kind->judge(response, a);
}

/* What a receiver said may have the address in it: "no such page: /services/T0KEN". */
static void clean_words(const struct exchange *x, const struct sink_setup *setup, struct sink_answer *a)
{
    CLEANUP(buf_fini) struct buf text = {0};
    buf_put(&text, str_of(a->text));
    hide_secrets(x, setup, &text);
    str_copy(a->text, sizeof(a->text), buf_str(&text));
}

/* Cuts the text into its lines. */
static size_t split_headers(struct buf *text, const char *lines[HEADERS_MAX])
{
    size_t count = 0;
    for (char *line = text->ptr; line && *line && count < HEADERS_MAX; count++) {
        char *end = strchr(line, '\n');
        *end = '\0';
        lines[count] = line;
        line = end + 1;
    }
    return count;
}

static void send_request(const struct exchange *x, const struct sink_kind *kind,
                         const struct sink_setup *setup, struct outgoing *out, struct sink_answer *ret)
{
    const char *headers[HEADERS_MAX];
    struct fetch_response response;
    struct err err = {0};
    struct fetch_tls tls = {.ca_file = x->config->ca_file.ptr};
    struct fetch_request request = {
        .method = out->method,
        .url = buf_str(&out->url).ptr,
        .headers = headers,
        .header_count = split_headers(&out->headers, headers),
        .body = buf_str(&out->body),
        .bearer_token = out->bearer_token,
        .timeout_ns = x->timeout_ns,
        .response_bytes_max = RESPONSE_BYTES_MAX,
        .tls = &tls,
    };
    if (!x->fetch(&request, &response, &err)) {
        set_later(ret, err.text);
        return;
    }
    if (x->watcher)
        show_answer(x, setup, &response);
    judge(kind, &response, ret);
    clean_words(x, setup, ret);
    fetch_response_fini(&response);
}

static void send_by_http(const struct exchange *x, const struct sink_kind *kind,
                         const struct sink_setup *setup, struct sink_answer *ret)
{
    struct outgoing out = {.method = "POST", .bearer_token = ""};
    buf_put(&out.url, str_of(setup->url));
    kind->write(x->message, setup, &out);
    if (x->watcher)
        show_request(x, setup, &out);
    send_request(x, kind, setup, &out, ret);
    secret_wipe(&out.url);
    secret_wipe(&out.headers);
    secret_wipe(&out.body);
}

void exchange_run(const struct exchange *x, struct sink_answer *ret)
{
    const struct sink_kind *kind = sink_kind(x->config->kind);
    struct buf url = {0}, token = {0};
    struct err err = {0};
    ASSERT(x->timeout_ns > 0 && x->message->count > 0);
    if (x->watcher) {
        show_secret(x, "URL", &x->config->url);
        show_secret(x, "secret", &x->config->token);
    }
    if (!secret_read(&x->config->url, &url, &err) || !secret_read(&x->config->token, &token, &err)) {
        set_later(ret, err.text);
    } else {
        struct sink_setup setup = {
            .config = x->config, .url = buf_str(&url).ptr, .token = buf_str(&token).ptr};
        if (kind->deliver)
            kind->deliver(x->message, &setup, x->timeout_ns, ret);
        else
            send_by_http(x, kind, &setup, ret);
    }
    secret_wipe(&url);
    secret_wipe(&token);
}
