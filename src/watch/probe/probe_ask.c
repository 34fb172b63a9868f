/*
 * probe_ask.c: looks that block: a page, a connection, a TLS handshake. libcurl does the work behind
 * net/fetch.h; what its answer means is decided here.
 *
 * Where a certificate is refused, a second look without any check, and without a request, reads when it ends:
 * "expired three days ago" is what people must know then.
 */
#include "watch/probe/probe.h"

#include "base/macros.h"
#include "net/fetch.h"

#include <stdio.h>
#include <string.h>

bool probe_has_certificate(const struct config_probe *c)
{
    return c->kind == PROBE_TLS || (c->kind == PROBE_HTTP && str_starts_with(c->http, STR("https://")));
}

struct str probe_target(const struct config_probe *c)
{
    switch (c->kind) {
    case PROBE_HTTP:
        return c->http;
    case PROBE_TCP:
        return c->tcp;
    case PROBE_TLS:
        return c->tls;
    case PROBE_DNS:
        break;
    }
    return c->dns;
}

const char *probe_kind_name(enum probe_kind kind)
{
    static const char *const names[] = {
        [PROBE_HTTP] = "http", [PROBE_TCP] = "tcp", [PROBE_TLS] = "tls", [PROBE_DNS] = "dns"};
    ASSERT((size_t)kind < ARRAY_LEN(names));
    return names[kind];
}

/* ---- the page ---- */

static bool take_bytes(void *context, struct str bytes)
{
    struct buf *page = context;
    size_t room = PROBE_BODY_BYTES_MAX - page->len;
    buf_put(page, str_n(bytes.ptr, MIN(bytes.len, room)));
    return page->len < PROBE_BODY_BYTES_MAX;
}

static bool contains(struct str page, struct str text)
{
    return text.len == 0 || (page.len >= text.len && memmem(page.ptr, page.len, text.ptr, text.len) != NULL);
}

static void say_status(const struct config_probe *c, struct probe_result *r)
{
    if (c->status_min == c->status_max)
        (void)snprintf(r->reason, sizeof(r->reason), "status %d instead of %u", r->status, c->status_min);
    else
        (void)snprintf(r->reason, sizeof(r->reason), "status %d instead of %u..%u", r->status, c->status_min,
                       c->status_max);
}

static void judge_page(const struct config_probe *c, struct str page, struct probe_result *r)
{
    if (r->status < c->status_min || r->status > c->status_max) {
        say_status(c, r);
        return;
    }
    if (!contains(page, c->contains)) {
        (void)snprintf(r->reason, sizeof(r->reason), "the page does not contain `%.*s`",
                       (int)MIN(c->contains.len, (size_t)100), c->contains.ptr);
        return;
    }
    r->is_good = true;
    (void)snprintf(r->reason, sizeof(r->reason), "status %d", r->status);
}

/* ---- asking ---- */

static void look_at_certificate(struct fetch_request *request, const char *url, struct probe_result *r)
{
    struct fetch_response response;
    struct fetch_request unchecked = {.method = "GET",
                                      .url = url,
                                      .is_direct = request->is_direct,
                                      .timeout_ns = request->timeout_ns,
                                      .is_connect_only = true,
                                      .is_anybody_trusted = true,
                                      .is_certificate_wanted = true};
    struct err err;
    if (!fetch(&unchecked, &response, &err))
        return;
    r->certificate_end_s = response.certificate_end_s;
    fetch_response_fini(&response);
}

static void ask(const struct config_probe *c, struct fetch_request *request, struct probe_result *r)
{
    struct err err = {0};
    struct buf page CLEANUP(buf_fini) = {0};
    struct fetch_response response;
    struct fetch_stream stream = {.context = &page, .on_bytes = take_bytes};
    if (!request->is_connect_only)
        request->stream = &stream;
    if (!fetch(request, &response, &err)) {
        str_copy(r->reason, sizeof(r->reason), str_of(err.text));
        if (request->is_certificate_wanted && !err.retryable)
            look_at_certificate(request, request->url, r);
        return;
    }
    r->status = response.status;
    r->time_ns = MAX(response.total_ns, INT64_C(1));
    r->redirects = response.redirects;
    r->certificate_end_s = response.certificate_end_s;
    if (request->is_connect_only) {
        r->is_good = true;
        (void)snprintf(r->reason, sizeof(r->reason), "connected");
    } else {
        judge_page(c, page.len ? buf_str(&page) : buf_str(&response.body), r);
    }
    fetch_response_fini(&response);
}

void probe_ask(const struct config_probe *c, struct probe_result *ret_result)
{
    ASSERT(c->kind != PROBE_DNS);
    char url[512], ca_file[512];
    const char *headers[CONFIG_PROBE_HEADERS_MAX];
    struct fetch_tls tls = {.ca_file = ca_file};
    struct fetch_request request = {
        .method = c->method == PROBE_METHOD_HEAD ? "HEAD" : "GET",
        .is_direct = true, /* what is behind a proxy of the environment is not what visitors see */
        .timeout_ns = c->timeout_ns,
        .tls = &tls,
        .redirects_max = c->redirects_max,
        .is_connect_only = c->kind != PROBE_HTTP,
        .is_certificate_wanted = probe_has_certificate(c),
        .headers = headers,
        .header_count = MIN(c->headers.count, (size_t)CONFIG_PROBE_HEADERS_MAX),
    };
    *ret_result = (struct probe_result){0};
    str_copy(ca_file, sizeof(ca_file), c->ca_file);
    for (size_t i = 0; i < request.header_count; i++)
        headers[i] = c->headers.items[i].ptr;
    if (c->kind != PROBE_HTTP) {
        request.redirects_max = 0;
        (void)snprintf(url, sizeof(url), "%s://%.*s/", c->kind == PROBE_TLS ? "https" : "http",
                       STR_ARG(probe_target(c)));
    }
    request.url = c->kind == PROBE_HTTP ? c->http.ptr : url;
    ask(c, &request, ret_result);
}
