/*
 * h1_parse_response.c: response heads: status line, fields, and the body's framing by RFC 9112 §6.3. As
 * strict as requests are: a server that is answered by two readings would poison the connection for the next
 * client.
 */
#include "http/h1_parse.h"

#include "http/h1_fields.h"
#include "http/h1_rules.h"
#include "http/scan.h"

enum { STATUS_LINE_PREFIX_BYTES = 12 }; /* "HTTP/1.1 200" */

static bool prefix_is_valid(const char *p, size_t n)
{
    for (size_t i = 0; i < n && i < 7; i++)
        if (p[i] != "HTTP/1."[i])
            return false;
    if (n > 7 && p[7] != '0' && p[7] != '1')
        return false;
    if (n > 8 && p[8] != ' ')
        return false;
    if (n > 9 && (p[9] < '1' || p[9] > '5'))
        return false;
    for (size_t i = 10; i < n && i < STATUS_LINE_PREFIX_BYTES; i++)
        if (!char_is(p[i], CHAR_DIGIT))
            return false;
    return true;
}

static enum parse refuse(struct http_response *r, enum http_fault fault)
{
    r->fault = fault;
    return PARSE_BAD;
}

/*
 * The status line at `line`, looked at before up to `looked`. The space before an empty reason may be
 * missing, as it is from several servers; no reader takes that for anything else.
 */
static enum parse parse_line(struct http_response *r, const char *line, const char *looked, const char *end,
                             const char **ret_end)
{
    size_t n = MIN((size_t)(end - line), (size_t)STATUS_LINE_PREFIX_BYTES);
    if (!prefix_is_valid(line, n))
        return refuse(r, HTTP_FAULT_STATUS);
    const char *reason = line + STATUS_LINE_PREFIX_BYTES;
    if (reason >= end)
        return PARSE_MORE;
    if (*reason != ' ' && *reason != '\r')
        return refuse(r, h1_byte_fault(*reason, HTTP_FAULT_STATUS));
    const char *from = looked > reason ? looked - (looked[-1] == '\r') : reason;
    const char *cr = scan_value(from, end);
    if (cr == end || (*cr == '\r' && cr + 1 == end))
        return PARSE_MORE;
    if (*cr != '\r' || cr[1] != '\n')
        return refuse(r, h1_byte_fault(*cr, HTTP_FAULT_CONTROL_BYTE));
    r->minor_version = (uint8_t)(line[7] - '0');
    r->status = (uint16_t)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    reason += *reason == ' ';
    r->reason = str_n(reason, (size_t)(cr - reason));
    *ret_end = cr + 2;
    return PARSE_DONE;
}

/* RFC 9112 §6.3, rules 1 to 8, for requests that are not CONNECT. `stated` is what the fields say. */
static void judge_body(struct http_response *r, enum http_method request_method, enum http_framing stated,
                       const struct h1_connection *c)
{
    bool never_has_body = r->status < 200 || r->status == 204;
    bool has_no_body = never_has_body || r->status == 304 || request_method == HTTP_HEAD;
    bool states_body =
        stated == HTTP_FRAMING_CHUNKED || (stated == HTTP_FRAMING_LENGTH && r->content_length > 0);
    r->has_content_length = stated == HTTP_FRAMING_LENGTH;
    if (has_no_body)
        r->framing = HTTP_FRAMING_NONE;
    else
        r->framing = stated == HTTP_FRAMING_NONE ? HTTP_FRAMING_UNTIL_CLOSE : stated;
    r->keeps_alive = !c->has_close && (r->minor_version == 1 || c->has_keep_alive) &&
                     r->framing != HTTP_FRAMING_UNTIL_CLOSE && !r->is_upgrade;
    /* A server that frames what must have no body may send one all the same: its connection is not used
     * again. */
    if (never_has_body && states_body)
        r->keeps_alive = false;
}

static enum http_fault judge(struct http_response *r, const struct h1_fields *noted,
                             enum http_method request_method)
{
    struct h1_connection connection;
    enum http_framing stated;
    r->field_count = noted->count;
    if (noted->is_overfull)
        return HTTP_FAULT_FIELD_COUNT;
    enum http_fault fault = h1_framing_parse(r->fields, noted, r->minor_version, &stated, &r->content_length);
    if (!fault)
        fault = h1_connection_parse(r->fields, noted, &connection);
    if (fault)
        return fault;
    r->is_upgrade = r->status == 101;
    r->has_date = noted->seen & FIELD_BIT(DATE);
    r->upgrade = STR("");
    if ((r->status == 101 || r->status == 426) && noted->seen & FIELD_BIT(UPGRADE))
        r->upgrade = http_response_field(r, HTTP_FIELD_UPGRADE)->value;
    judge_body(r, request_method, stated, &connection);
    return HTTP_FAULT_NONE;
}

static enum parse parse_whole(struct http_response *r, const char *bytes, const char *end,
                              enum http_method request_method, const struct http_limits *limits,
                              const char **ret_end)
{
    const char *section;
    struct h1_fields noted;
    enum parse verdict = parse_line(r, bytes, bytes, end, &section);
    if (verdict == PARSE_DONE)
        verdict = h1_fields_parse(r->fields, limits->field_count, section, end, &noted, ret_end, &r->fault);
    if (verdict != PARSE_DONE)
        return verdict;
    r->fault = judge(r, &noted, request_method);
    return r->fault ? PARSE_BAD : PARSE_DONE;
}

/* A head in pieces: the bytes before `looked` were good so far. PARSE_DONE: it is complete, and good but for
 * its meaning. */
static enum parse look(struct http_response *r, const char *bytes, const char *looked, const char *end)
{
    const char *section = memchr(bytes, '\n', (size_t)(looked - bytes));
    if (section) {
        section++;
    } else {
        enum parse verdict = parse_line(r, bytes, looked, end, &section);
        if (verdict != PARSE_DONE)
            return verdict;
    }
    const char *head_end;
    return h1_fields_look(section, MAX(looked, section), end, &head_end, &r->fault);
}

enum parse h1_parse_response(struct http_response *r, const char *bytes, size_t len,
                             enum http_method request_method, const struct http_limits *limits,
                             size_t *scanned, size_t *ret_head_bytes)
{
    ASSERT(limits->field_count <= HTTP_FIELDS_MAX && *scanned <= len);
    const char *end = bytes + MIN(len, limits->head_bytes), *head_end;
    enum parse verdict = PARSE_DONE;
    r->fault = HTTP_FAULT_NONE;
    if (*scanned)
        verdict = look(r, bytes, bytes + *scanned, end);
    if (verdict == PARSE_DONE)
        verdict = parse_whole(r, bytes, end, request_method, limits, &head_end);
    if (verdict == PARSE_DONE)
        *ret_head_bytes = (size_t)(head_end - bytes);
    if (verdict == PARSE_MORE && len >= limits->head_bytes)
        return refuse(r, HTTP_FAULT_HEAD_BYTES);
    *scanned = len;
    return verdict;
}
