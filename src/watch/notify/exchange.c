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

enum { HEADERS_MAX = 16, RESPONSE_BYTES_MAX = 64 * 1024 };

static void set_later(struct sink_answer *a, const char *why)
{
    *a = (struct sink_answer){.verdict = RETRY_LATER, .retry_after_s = -1};
    str_copy(a->text, sizeof(a->text), str_of(why));
}

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

static void send_request(const struct exchange *x, const struct sink_kind *kind, struct outgoing *out,
                         struct sink_answer *ret)
{
    const char *headers[HEADERS_MAX];
    struct fetch_response response;
    struct err err = {0};
    struct fetch_request request = {
        .method = out->method,
        .url = buf_str(&out->url).ptr,
        .headers = headers,
        .header_count = split_headers(&out->headers, headers),
        .body = buf_str(&out->body),
        .bearer_token = out->bearer_token,
        .timeout_ns = x->timeout_ns,
        .response_bytes_max = RESPONSE_BYTES_MAX,
    };
    if (!x->fetch(&request, &response, &err)) {
        set_later(ret, err.text);
        ret->verdict = err.retryable ? RETRY_LATER : RETRY_NEVER;
        return;
    }
    judge(kind, &response, ret);
    fetch_response_fini(&response);
}

static void send_by_http(const struct exchange *x, const struct sink_kind *kind,
                         const struct sink_setup *setup, struct sink_answer *ret)
{
    struct outgoing out = {.method = "POST", .bearer_token = ""};
    buf_put(&out.url, str_of(setup->url));
    kind->write(x->message, setup, &out);
    send_request(x, kind, &out, ret);
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
