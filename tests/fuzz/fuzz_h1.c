/*
 * fuzz_h1.c: the HTTP/1.1 codec against any bytes. The first byte of an input chooses what the rest is:
 *   0 a request with its body, 1 a response to GET, 2 a response to HEAD, 3 a chunked body, 4 the text of an
 * error reply. Its upper bits choose the limits and how the input is cut. Checked besides memory errors:
 * never more is used than there is; in pieces (moving in memory) the verdict is that of the whole; what the
 * writers emit is good, reads back as the same, and carries no line that was not asked for.
 */
#include "base/macros.h"
#include "http/error_reply.h"
#include "http/h1_body.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

#include <stdlib.h>

static struct http_request request, request_again;
static struct http_response response, response_again;
static const struct http_limits wide = {
    .head_bytes = 1 << 20, .field_count = HTTP_FIELDS_MAX, .target_bytes = 1 << 19};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What one input asks for. */
struct plan {
    unsigned kind;
    enum http_method method; /* of the request that a response answers */
    struct http_limits limits;
    size_t piece_bytes; /* how much comes at a time */
    bool is_trusted;
};

static struct plan plan_of(uint8_t choice)
{
    static const size_t pieces[] = {1, 2, 3, 7};
    bool is_tight = choice >> 6 & 1;
    return (struct plan){
        .kind = choice % 8 % 5,
        .method = choice % 8 == 2 ? HTTP_HEAD : HTTP_GET,
        .limits = {.head_bytes = is_tight ? 64 : 8192,
                   .field_count = is_tight ? 3 : 100,
                   .target_bytes = is_tight ? 16 : 1024},
        .piece_bytes = pieces[choice >> 4 & 3],
        .is_trusted = choice >> 7 & 1,
    };
}

static bool is_inside(struct str s, const char *bytes, size_t len)
{
    return s.len == 0 || (s.ptr >= bytes && s.ptr + s.len <= bytes + len);
}

static void check_fields(const struct http_field *fields, uint32_t count, const char *bytes, size_t len)
{
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(fields[i].name.len > 0 && is_inside(fields[i].name, bytes, len));
        ASSERT(is_inside(fields[i].value, bytes, len));
        ASSERT(!memchr(fields[i].value.ptr, '\r', fields[i].value.len));
        ASSERT(!memchr(fields[i].value.ptr, '\n', fields[i].value.len));
    }
}

static bool same_fields(const struct http_field *a, uint32_t a_count, const struct http_field *b,
                        uint32_t b_count)
{
    if (a_count != b_count)
        return false;
    for (uint32_t i = 0; i < a_count; i++)
        if (!str_eq(a[i].name, b[i].name) || !str_eq(a[i].value, b[i].value) || a[i].flags != b[i].flags)
            return false;
    return true;
}

static enum parse parse_request(const struct plan *plan, const char *bytes, size_t len, size_t *scanned,
                                size_t *ret_head_bytes)
{
    return h1_parse_request(&request_again, bytes, len, &plan->limits, scanned, ret_head_bytes);
}

static enum parse parse_response(const struct plan *plan, const char *bytes, size_t len, size_t *scanned,
                                 size_t *ret_head_bytes)
{
    return h1_parse_response(&response_again, bytes, len, plan->method, &plan->limits, scanned,
                             ret_head_bytes);
}

/* Feeds the bytes in pieces, each time in memory of exactly the size of what came so far; *ret_bytes is what
 * the last call saw, owned by the caller. */
static enum parse parse_in_pieces(enum parse (*parse)(const struct plan *, const char *, size_t, size_t *,
                                                      size_t *),
                                  const struct plan *plan, const char *bytes, size_t len, char **ret_bytes,
                                  size_t *ret_head_bytes)
{
    enum parse verdict = PARSE_MORE;
    size_t scanned = 0;
    *ret_bytes = NULL;
    for (size_t n = 0; verdict == PARSE_MORE && n < len;) {
        n = MIN(n + plan->piece_bytes, len);
        char *moved = malloc(n);
        memcpy(moved, bytes, n);
        free(*ret_bytes);
        *ret_bytes = moved;
        verdict = parse(plan, moved, n, &scanned, ret_head_bytes);
    }
    return verdict;
}

/* Payload bytes and a checksum of them, the trailers' length and the bytes used, for comparison. */
struct decoded {
    enum parse verdict;
    size_t used, payload_len, trailers_len;
    uint64_t sum;
};

static void decode_piece(struct h1_body *b, struct decoded *d, const char *bytes, size_t len)
{
    size_t used;
    struct str payload, trailers;
    char *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    d->verdict = h1_body_decode(b, copy, len, &used, &payload, &trailers);
    ASSERT(used <= len && is_inside(payload, copy, used) && is_inside(trailers, copy, used));
    d->used += used;
    d->payload_len += payload.len;
    d->trailers_len += trailers.len;
    for (size_t i = 0; i < payload.len; i++)
        d->sum = d->sum * 31 + (uint8_t)payload.ptr[i];
    char out[H1_TRAILER_BYTES_MAX + H1_BODY_END_BYTES];
    if (d->verdict == PARSE_DONE)
        ASSERT(h1_write_trailers(out, trailers.len + H1_BODY_END_BYTES, trailers) >= H1_BODY_END_BYTES);
    free(copy);
}

static void check_body(const struct plan *plan, enum http_framing framing, uint64_t length, const char *bytes,
                       size_t len)
{
    struct decoded whole = {0}, pieces = {0};
    struct h1_body b;
    h1_body_init(&b, framing, length);
    decode_piece(&b, &whole, bytes, len);
    h1_body_init(&b, framing, length);
    pieces.verdict = PARSE_MORE;
    for (size_t n = 0; pieces.verdict == PARSE_MORE && n < len;) {
        n = MIN(n + plan->piece_bytes, len);
        decode_piece(&b, &pieces, bytes + pieces.used, n - pieces.used);
    }
    if (len == 0)
        return;
    ASSERT(whole.verdict == pieces.verdict && whole.payload_len == pieces.payload_len &&
           whole.sum == pieces.sum);
    ASSERT(whole.trailers_len == pieces.trailers_len);
    ASSERT(whole.verdict == PARSE_BAD || whole.used == pieces.used);
}

/* Exactly one field of this name is in the written request. */
static void check_once(const struct http_request *r, enum http_field_id id)
{
    const struct http_field *f = http_request_field(r, id);
    ASSERT(f);
    for (const struct http_field *other = f + 1; other < r->fields + r->field_count; other++)
        ASSERT(other->id != id);
}

static void check_written_request(const struct plan *plan)
{
    static char out[1 << 17];
    const struct h1_request_context c = {.client_ip = STR("2001:db8::1"),
                                         .is_trusted = plan->is_trusted,
                                         .scheme = STR("http"),
                                         .authority = STR("fallback:80"),
                                         .request_id = STR("id"),
                                         .via_name = STR("weir"),
                                         .relays_expect = true};
    size_t len = h1_write_request(out, sizeof(out), &request, &c), scanned = 0, head_bytes;
    ASSERT(len > 0);
    enum parse verdict = h1_parse_request(&request_again, out, len, &wide, &scanned, &head_bytes);
    ASSERT(verdict == PARSE_DONE && head_bytes == len);
    ASSERT(str_eq(request_again.method_text, request.method_text) &&
           str_eq(request_again.path, request.path));
    ASSERT(request_again.framing == request.framing &&
           request_again.content_length == request.content_length);
    ASSERT(request.authority.len == 0 || str_eq(request_again.authority, request.authority));
    ASSERT(str_eq(request_again.upgrade, request.upgrade));
    ASSERT(request_again.expects_continue == request.expects_continue);
    check_once(&request_again, HTTP_FIELD_HOST);
    check_once(&request_again, HTTP_FIELD_X_FORWARDED_FOR);
    check_once(&request_again, HTTP_FIELD_X_FORWARDED_PROTO);
    check_once(&request_again, HTTP_FIELD_X_FORWARDED_HOST);
    check_once(&request_again, HTTP_FIELD_X_FORWARDED_PORT);
    check_once(&request_again, HTTP_FIELD_FORWARDED);
    struct str peers = http_request_field(&request_again, HTTP_FIELD_X_FORWARDED_FOR)->value;
    ASSERT(plan->is_trusted ? str_ends_with(peers, c.client_ip) : str_eq(peers, c.client_ip));
    for (uint32_t i = 0; i < request_again.field_count; i++)
        ASSERT(!(request_again.fields[i].flags & (HTTP_FIELD_ALIAS | HTTP_FIELD_NAMED_BY_CONNECTION)));
}

static void check_request(const struct plan *plan, const char *bytes, size_t len)
{
    size_t scanned = 0, head_bytes = 0, head_bytes_again = 0;
    char *moved;
    enum parse verdict = h1_parse_request(&request, bytes, len, &plan->limits, &scanned, &head_bytes);
    enum parse verdict_again = parse_in_pieces(parse_request, plan, bytes, len, &moved, &head_bytes_again);
    if (len > 0)
        ASSERT(verdict == verdict_again && (verdict != PARSE_BAD || request.fault == request_again.fault));
    if (verdict == PARSE_DONE) {
        ASSERT(head_bytes <= len && head_bytes == head_bytes_again);
        ASSERT(request.field_count <= plan->limits.field_count &&
               request.target.len <= plan->limits.target_bytes);
        ASSERT(request.framing != HTTP_FRAMING_UNTIL_CLOSE && request.path.len > 0);
        ASSERT(request.path.ptr[0] == '/' || str_eq(request.path, STR("*")));
        ASSERT(request.authority.len > 0 || request.minor_version == 0);
        ASSERT(same_fields(request.fields, request.field_count, request_again.fields,
                           request_again.field_count));
        check_fields(request.fields, request.field_count, bytes, head_bytes);
        (void)error_reply_wants_json(request.accept);
        ASSERT(http_request_id(&request).len <= HTTP_REQUEST_ID_BYTES_MAX);
    }
    free(moved);
    if (verdict == PARSE_DONE) {
        check_written_request(plan);
        check_body(plan, request.framing, request.content_length, bytes + head_bytes, len - head_bytes);
    }
}

static void check_written_response(const struct plan *plan)
{
    static char out[1 << 17];
    uint8_t minor_version = plan->is_trusted ? 0 : 1;
    enum http_framing framing = h1_framing_for_client(&response, minor_version);
    const struct h1_response_context c = {.client_minor_version = minor_version,
                                          .framing = framing,
                                          .request_id = STR("id"),
                                          .via_name = STR("weir"),
                                          .keeps_alive =
                                              response.keeps_alive && framing != HTTP_FRAMING_UNTIL_CLOSE,
                                          .date = STR("Sun, 06 Nov 1994 08:49:37 GMT")};
    size_t scanned = 0, head_bytes, len;
    if (response.status < 200 && !response.is_upgrade)
        len = h1_write_interim(out, sizeof(out), &response, c.via_name);
    else
        len = h1_write_response(out, sizeof(out), &response, &c);
    ASSERT(len > 0);
    enum parse verdict =
        h1_parse_response(&response_again, out, len, plan->method, &wide, &scanned, &head_bytes);
    ASSERT(verdict == PARSE_DONE && head_bytes == len && response_again.status == response.status);
    ASSERT(str_eq(response_again.reason, response.reason) && response_again.framing == framing);
    if (framing == HTTP_FRAMING_LENGTH)
        ASSERT(response_again.content_length == response.content_length);
    if (response.status >= 200)
        ASSERT(response_again.has_date && response_again.keeps_alive == c.keeps_alive);
}

static void check_response(const struct plan *plan, const char *bytes, size_t len)
{
    size_t scanned = 0, head_bytes = 0, head_bytes_again = 0;
    char *moved;
    enum parse verdict =
        h1_parse_response(&response, bytes, len, plan->method, &plan->limits, &scanned, &head_bytes);
    enum parse verdict_again = parse_in_pieces(parse_response, plan, bytes, len, &moved, &head_bytes_again);
    if (len > 0)
        ASSERT(verdict == verdict_again && (verdict != PARSE_BAD || response.fault == response_again.fault));
    if (verdict == PARSE_DONE) {
        ASSERT(head_bytes <= len && head_bytes == head_bytes_again);
        ASSERT(response.status >= 100 && response.status <= 599);
        ASSERT(same_fields(response.fields, response.field_count, response_again.fields,
                           response_again.field_count));
        check_fields(response.fields, response.field_count, bytes, head_bytes);
    }
    free(moved);
    if (verdict == PARSE_DONE) {
        check_written_response(plan);
        check_body(plan, response.framing, response.content_length, bytes + head_bytes, len - head_bytes);
    }
}

static void check_error_reply(const struct plan *plan, const char *bytes, size_t len)
{
    static char out[ERROR_REPLY_BYTES_MAX];
    const struct error_reply e = {.status = 400,
                                  .detail = str_n(bytes, len),
                                  .accept = str_n(bytes, len),
                                  .keeps_alive = true,
                                  .client_minor_version = 1};
    size_t written = error_reply_write(out, sizeof(out), &e), scanned = 0, head_bytes;
    ASSERT(written > 0);
    enum parse verdict = h1_parse_response(&response, out, written, HTTP_GET, &wide, &scanned, &head_bytes);
    ASSERT(verdict == PARSE_DONE && head_bytes + response.content_length == written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct plan plan = plan_of(data[0]);
    size_t len = size - 1;
    char *bytes = malloc(len ? len : 1);
    memcpy(bytes, data + 1, len);
    if (plan.kind == 0)
        check_request(&plan, bytes, len);
    else if (plan.kind <= 2)
        check_response(&plan, bytes, len);
    else if (plan.kind == 3)
        check_body(&plan, HTTP_FRAMING_CHUNKED, 0, bytes, len);
    else
        check_error_reply(&plan, bytes, len);
    free(bytes);
    return 0;
}
