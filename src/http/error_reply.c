/*
 * error_reply.c: the body is made first, in a buffer of its own, because its length goes into the head.
 */
#include "http/error_reply.h"

#include "http/out.h"
#include "http/scan.h"

enum { BODY_BYTES_MAX = 3072 }; /* a detail of 256 bytes, each escaped to six, twice */

static void put_html(struct out *o, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '&')
            OUT_TEXT(o, "&amp;");
        else if (c == '<')
            OUT_TEXT(o, "&lt;");
        else if (c == '>')
            OUT_TEXT(o, "&gt;");
        else if (c == '"')
            OUT_TEXT(o, "&quot;");
        else if (c >= 0x20 && c < 0x7f)
            out_put(o, &c, 1);
        else
            OUT_TEXT(o, "?");
    }
}

static void put_json(struct out *o, struct str text)
{
    OUT_TEXT(o, "\"");
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"' || c == '\\')
            OUT_TEXT(o, "\\");
        if (c >= 0x20 && c < 0x7f)
            out_put(o, &c, 1);
        else
            OUT_TEXT(o, "?");
    }
    OUT_TEXT(o, "\"");
}

static void put_html_body(struct out *o, const struct error_reply *e, struct str detail)
{
    OUT_TEXT(o, "<!doctype html>\n<meta charset=\"utf-8\">\n<title>");
    out_u64(o, e->status);
    OUT_TEXT(o, " ");
    put_html(o, http_status_reason(e->status));
    OUT_TEXT(o, "</title>\n<h1>");
    out_u64(o, e->status);
    OUT_TEXT(o, " ");
    put_html(o, http_status_reason(e->status));
    OUT_TEXT(o, "</h1>\n");
    if (detail.len) {
        OUT_TEXT(o, "<p>");
        put_html(o, detail);
        OUT_TEXT(o, "</p>\n");
    }
    if (e->request_id.len) {
        OUT_TEXT(o, "<p><small>Request ");
        put_html(o, e->request_id);
        OUT_TEXT(o, "</small></p>\n");
    }
}

static void put_json_body(struct out *o, const struct error_reply *e, struct str detail)
{
    OUT_TEXT(o, "{\"status\": ");
    out_u64(o, e->status);
    OUT_TEXT(o, ", \"error\": ");
    put_json(o, http_status_reason(e->status));
    OUT_TEXT(o, ", \"detail\": ");
    put_json(o, detail);
    if (e->request_id.len) {
        OUT_TEXT(o, ", \"request_id\": ");
        put_json(o, e->request_id);
    }
    OUT_TEXT(o, "}\n");
}

static void put_optional(struct out *o, struct str name_colon, struct str value)
{
    if (value.len == 0)
        return;
    out_str(o, name_colon);
    out_str(o, value);
    OUT_TEXT(o, "\r\n");
}

static void put_head(struct out *o, const struct error_reply *e, bool is_json, size_t body_bytes)
{
    OUT_TEXT(o, "HTTP/1.1 ");
    out_u64(o, e->status);
    OUT_TEXT(o, " ");
    out_str(o, http_status_reason(e->status));
    OUT_TEXT(o, "\r\nContent-Type: ");
    out_str(o, is_json ? STR("application/json") : STR("text/html; charset=utf-8"));
    OUT_TEXT(o, "\r\nContent-Length: ");
    out_u64(o, body_bytes);
    OUT_TEXT(o, "\r\nCache-Control: no-store\r\n");
    put_optional(o, STR("Date: "), e->date);
    put_optional(o, STR("X-Request-Id: "), e->request_id);
    if (e->status == 405)
        OUT_TEXT(o, "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n");
    if (e->retry_after_s) {
        OUT_TEXT(o, "Retry-After: ");
        out_u64(o, e->retry_after_s);
        OUT_TEXT(o, "\r\n");
    }
    if (!e->keeps_alive)
        OUT_TEXT(o, "Connection: close\r\n");
    else if (e->client_minor_version == 0)
        OUT_TEXT(o, "Connection: keep-alive\r\n");
    OUT_TEXT(o, "\r\n");
}

size_t error_reply_write(char *out, size_t out_bytes, const struct error_reply *e)
{
    ASSERT(e->status >= 400 && e->status < 600 && e->request_id.len <= HTTP_REQUEST_ID_BYTES_MAX);
    char body_bytes[BODY_BYTES_MAX];
    struct out body = out_over(body_bytes, sizeof(body_bytes)), o = out_over(out, out_bytes);
    struct str detail = str_n(e->detail.ptr, MIN(e->detail.len, (size_t)ERROR_REPLY_DETAIL_BYTES_MAX));
    bool is_json = error_reply_wants_json(e->accept);
    if (is_json)
        put_json_body(&body, e, detail);
    else
        put_html_body(&body, e, detail);
    ASSERT(!body.is_full);
    put_head(&o, e, is_json, out_len(&body));
    if (!e->is_head)
        out_put(&o, body_bytes, out_len(&body));
    return out_len(&o);
}

/* A q-value in thousandths; what is none counts as 1, the default. */
static unsigned parse_q(struct str text)
{
    unsigned value = 0, weight = 1000;
    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1'))
        return 1000;
    for (size_t i = 0; i < text.len; i++) {
        if (i == 1 ? text.ptr[i] != '.' : !char_is(text.ptr[i], CHAR_DIGIT))
            return 1000;
        if (i == 1)
            continue;
        value += (unsigned)(text.ptr[i] - '0') * weight;
        weight /= 10;
    }
    return MIN(value, 1000u);
}

static unsigned find_q(struct str parameters)
{
    struct str part;
    while (str_split(&parameters, ';', &part)) {
        part = str_trim(part);
        if (part.len >= 2 && (part.ptr[0] | 0x20) == 'q' && part.ptr[1] == '=')
            return parse_q(str_n(part.ptr + 2, part.len - 2));
    }
    return 1000;
}

/* How exactly a media range names a type: 0 not at all, 1 by star/star, 2 by its first half, 3 wholly. */
static unsigned match(struct str range, struct str type, struct str type_star)
{
    if (str_eq_nocase(range, type))
        return 3;
    if (str_eq_nocase(range, type_star))
        return 2;
    return str_eq(range, STR("*/*"));
}

struct preference {
    unsigned exactness, q;
};

static void prefer(struct preference *p, unsigned exactness, unsigned q)
{
    if (exactness > p->exactness)
        *p = (struct preference){exactness, q};
}

bool error_reply_wants_json(struct str accept)
{
    struct preference html = {0, 0}, json = {0, 0};
    struct str element, range;
    while (list_next(&accept, &element)) {
        if (element.len == 0 || !str_split(&element, ';', &range))
            continue;
        range = str_trim(range);
        unsigned q = find_q(element);
        prefer(&html, match(range, STR("text/html"), STR("text/*")), q);
        prefer(&html, match(range, STR("application/xhtml+xml"), STR("text/*")), q);
        prefer(&json, match(range, STR("application/json"), STR("application/*")), q);
        prefer(&json, match(range, STR("application/problem+json"), STR("application/*")), q);
    }
    return json.q > html.q;
}
