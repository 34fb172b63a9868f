/*
 * h1_write.c: heads for the next hop. Which fields are left out is one 64-bit set of field ids; what is kept
 * is mostly copied in runs: neighbouring fields that lie in the message as they would be written go in one
 * copy.
 */
#include "http/h1_write.h"

#include "http/forwarding.h"
#include "http/h1_fields.h"
#include "http/out.h"

#define IF_HOP(wanted, identifier, name, kind) | (HTTP_KIND_##kind == (wanted) ? FIELD_BIT(identifier) : 0)
static const uint64_t hop_fields = 0 HTTP_FIELD_TABLE(IF_HOP, HTTP_KIND_HOP);

static void put_field(struct out *o, struct str name, struct str value)
{
    out_str(o, name);
    OUT_TEXT(o, ": ");
    out_str(o, value);
    OUT_TEXT(o, "\r\n");
}

/* The fields whose ids are not in `left_out`, in their order. */
static void put_fields(struct out *o, const struct http_field *fields, uint32_t count, uint64_t left_out)
{
    const char *run = NULL, *run_end = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct http_field *f = &fields[i];
        if (left_out >> f->id & 1 || f->flags & (HTTP_FIELD_NAMED_BY_CONNECTION | HTTP_FIELD_ALIAS))
            continue;
        if (f->flags & HTTP_FIELD_CONTIGUOUS && f->name.ptr == run_end) {
            run_end = f->value.ptr + f->value.len + 2;
            continue;
        }
        if (run)
            out_put(o, run, (size_t)(run_end - run));
        run = run_end = NULL;
        if (f->flags & HTTP_FIELD_CONTIGUOUS) {
            run = f->name.ptr;
            run_end = f->value.ptr + f->value.len + 2;
        } else {
            put_field(o, f->name, f->value);
        }
    }
    if (run)
        out_put(o, run, (size_t)(run_end - run));
}

static void put_length(struct out *o, uint64_t length)
{
    OUT_TEXT(o, "Content-Length: ");
    out_u64(o, length);
    OUT_TEXT(o, "\r\n");
}

static void put_framing(struct out *o, enum http_framing framing, uint64_t length)
{
    if (framing == HTTP_FRAMING_LENGTH)
        put_length(o, length);
    else if (framing == HTTP_FRAMING_CHUNKED)
        OUT_TEXT(o, "Transfer-Encoding: chunked\r\n");
}

/* Via: what the message was received as, and who received it. A line of its own behind the others continues
 * their list. */
static void put_via(struct out *o, uint8_t minor_version, struct str via_name)
{
    if (via_name.len == 0)
        return;
    if (minor_version == 0)
        OUT_TEXT(o, "Via: 1.0 ");
    else
        OUT_TEXT(o, "Via: 1.1 ");
    out_str(o, via_name);
    OUT_TEXT(o, "\r\n");
}

static void put_request_line(struct out *o, const struct http_request *r)
{
    out_str(o, r->method_text);
    OUT_TEXT(o, " ");
    if (r->path_query.ptr[0] == '?')
        OUT_TEXT(o, "/");
    out_str(o, r->path_query);
    OUT_TEXT(o, " HTTP/1.1\r\n");
}

/* What the client asked of this hop, asked anew of the next. */
static void put_request_connection(struct out *o, const struct http_request *r,
                                   const struct h1_request_context *c)
{
    if (r->upgrade.len)
        put_field(o, STR("Upgrade"), r->upgrade);
    if (r->accepts_trailers)
        OUT_TEXT(o, "TE: trailers\r\n");
    if (r->upgrade.len && r->accepts_trailers)
        OUT_TEXT(o, "Connection: upgrade, te\r\n");
    else if (r->upgrade.len)
        OUT_TEXT(o, "Connection: upgrade\r\n");
    else if (r->accepts_trailers && c->closes)
        OUT_TEXT(o, "Connection: te, close\r\n");
    else if (r->accepts_trailers)
        OUT_TEXT(o, "Connection: te\r\n");
    else if (c->closes)
        OUT_TEXT(o, "Connection: close\r\n");
}

size_t h1_write_request(char *out, size_t out_bytes, const struct http_request *r,
                        const struct h1_request_context *c)
{
    struct out o = out_over(out, out_bytes);
    uint64_t left_out = hop_fields | forwarding_replaces(c) | FIELD_BIT(HOST) | FIELD_BIT(CONTENT_LENGTH) |
                        FIELD_BIT(X_REQUEST_ID) | FIELD_BIT(EXPECT);
    struct str authority = r->authority.len ? r->authority : c->authority;
    ASSERT(authority.len > 0 && r->path_query.len > 0);
    if (r->max_forwards > 0)
        left_out |= FIELD_BIT(MAX_FORWARDS);
    put_request_line(&o, r);
    OUT_TEXT(&o, "Host: ");
    out_str(&o, authority);
    OUT_TEXT(&o, "\r\n");
    put_fields(&o, r->fields, r->field_count, left_out);
    put_framing(&o, r->framing, r->content_length);
    if (r->expects_continue && c->relays_expect)
        OUT_TEXT(&o, "Expect: 100-continue\r\n");
    if (r->max_forwards > 0) {
        OUT_TEXT(&o, "Max-Forwards: ");
        out_u64(&o, (uint64_t)r->max_forwards - 1);
        OUT_TEXT(&o, "\r\n");
    }
    put_request_connection(&o, r, c);
    forwarding_write(&o, r, c, authority);
    if (c->request_id.len)
        put_field(&o, STR("X-Request-Id"), c->request_id);
    put_via(&o, r->minor_version, c->via_name);
    OUT_TEXT(&o, "\r\n");
    return out_len(&o);
}

static void put_status_line(struct out *o, const struct http_response *r)
{
    OUT_TEXT(o, "HTTP/1.1 ");
    out_u64(o, r->status);
    OUT_TEXT(o, " ");
    out_str(o, r->reason);
    OUT_TEXT(o, "\r\n");
}

static void put_response_connection(struct out *o, const struct http_response *r,
                                    const struct h1_response_context *c)
{
    if (r->upgrade.len)
        put_field(o, STR("Upgrade"), r->upgrade);
    if (r->is_upgrade)
        OUT_TEXT(o, "Connection: upgrade\r\n");
    else if (r->upgrade.len && !c->keeps_alive)
        OUT_TEXT(o, "Connection: upgrade, close\r\n");
    else if (r->upgrade.len)
        OUT_TEXT(o, "Connection: upgrade\r\n");
    else if (!c->keeps_alive)
        OUT_TEXT(o, "Connection: close\r\n");
    else if (c->client_minor_version == 0)
        OUT_TEXT(o, "Connection: keep-alive\r\n");
}

size_t h1_write_response(char *out, size_t out_bytes, const struct http_response *r,
                         const struct h1_response_context *c)
{
    ASSERT(c->framing != HTTP_FRAMING_CHUNKED || c->client_minor_version > 0);
    ASSERT(c->framing != HTTP_FRAMING_UNTIL_CLOSE || !c->keeps_alive);
    struct out o = out_over(out, out_bytes);
    uint64_t left_out = hop_fields | FIELD_BIT(CONTENT_LENGTH);
    bool describes_length =
        r->status >= 200 && r->status != 204; /* RFC 9110 §8.6: not allowed in the others */
    if (c->request_id.len)
        left_out |= FIELD_BIT(X_REQUEST_ID);
    put_status_line(&o, r);
    put_fields(&o, r->fields, r->field_count, left_out);
    if (c->framing == HTTP_FRAMING_NONE && r->has_content_length && describes_length)
        put_length(&o, r->content_length);
    else
        put_framing(&o, c->framing, r->content_length);
    put_response_connection(&o, r, c);
    if (!r->has_date && c->date.len && r->status >= 200)
        put_field(&o, STR("Date"), c->date);
    if (c->request_id.len)
        put_field(&o, STR("X-Request-Id"), c->request_id);
    put_via(&o, r->minor_version, c->via_name);
    OUT_TEXT(&o, "\r\n");
    return out_len(&o);
}

enum http_framing h1_framing_for_client(const struct http_response *r, uint8_t client_minor_version)
{
    if (r->framing == HTTP_FRAMING_UNTIL_CLOSE && client_minor_version > 0)
        return HTTP_FRAMING_CHUNKED;
    if (r->framing == HTTP_FRAMING_CHUNKED && client_minor_version == 0)
        return HTTP_FRAMING_UNTIL_CLOSE;
    return r->framing;
}

size_t h1_write_interim(char *out, size_t out_bytes, const struct http_response *r, struct str via_name)
{
    ASSERT(r->status >= 100 && r->status < 200 && !r->is_upgrade);
    struct out o = out_over(out, out_bytes);
    put_status_line(&o, r);
    put_fields(&o, r->fields, r->field_count, hop_fields | FIELD_BIT(CONTENT_LENGTH));
    put_via(&o, r->minor_version, via_name);
    OUT_TEXT(&o, "\r\n");
    return out_len(&o);
}

/* A blank is written only where one was: so trailers never grow, and a caller's fixed room for them suffices.
 */
static void put_trailer(struct out *o, const struct http_field *f)
{
    bool had_blank = f->value.ptr > f->name.ptr + f->name.len + 1;
    out_str(o, f->name);
    out_str(o, had_blank ? STR(": ") : STR(":"));
    out_str(o, f->value);
    OUT_TEXT(o, "\r\n");
}

size_t h1_write_trailers(char *out, size_t out_bytes, struct str trailers)
{
    struct out o = out_over(out, out_bytes);
    struct http_field f;
    OUT_TEXT(&o, "0\r\n");
    while (h1_fields_next(&trailers, &f))
        if (f.id == HTTP_FIELD_OTHER && !(f.flags & HTTP_FIELD_ALIAS))
            put_trailer(&o, &f);
    OUT_TEXT(&o, "\r\n");
    return out_len(&o);
}

size_t h1_write_chunk_head(char out[H1_CHUNK_HEAD_BYTES_MAX], size_t payload_bytes)
{
    ASSERT(payload_bytes > 0);
    size_t digits = ((size_t)(63 - __builtin_clzll(payload_bytes)) >> 2) + 1;
    for (size_t i = digits; i-- > 0; payload_bytes >>= 4)
        out[i] = "0123456789abcdef"[payload_bytes & 15];
    out[digits] = '\r';
    out[digits + 1] = '\n';
    return digits + 2;
}
