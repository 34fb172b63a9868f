/*
 * h1_parse_request.c: request heads.
 *
 *   empty lines?  request line  field lines  empty line   ->  h1_parse_request
 *                 |             |
 *                 parse_line    h1_fields_parse, then judge(): what the fields mean together
 *
 * A head that is complete at the first look, the usual case, goes straight through. One that comes in pieces
 * is looked at by look(), new bytes only, until its empty line is there, and then goes straight through.
 */
#include "http/h1_parse.h"

#include "http/h1_fields.h"
#include "http/h1_rules.h"
#include "http/scan.h"
#include "http/target.h"

enum {
    EMPTY_LINES_MAX = 2, /* before the request line; some old clients send one behind a body */
    VERSION_BYTES = 10,  /* "HTTP/1.1\r\n" */
};

/* *p moves behind the empty lines. */
static enum parse skip_empty_lines(const char **p, const char *end, enum http_fault *ret_fault)
{
    for (int i = 0; i < EMPTY_LINES_MAX && *p < end && **p == '\r'; i++) {
        if (*p + 1 == end)
            return PARSE_MORE;
        if ((*p)[1] != '\n') {
            *ret_fault = HTTP_FAULT_BARE_CR;
            return PARSE_BAD;
        }
        *p += 2;
    }
    return PARSE_DONE;
}

static enum http_fault version_fault(const char *p, size_t n)
{
    size_t i = 0;
    for (; i < n && i < 5; i++)
        if (p[i] != "HTTP/"[i])
            return h1_byte_fault(p[i], HTTP_FAULT_VERSION);
    for (; i < n && i < 8; i++)
        if (i == 6 ? p[i] != '.' : !char_is(p[i], CHAR_DIGIT))
            return h1_byte_fault(p[i], HTTP_FAULT_VERSION);
    if (n >= 8 && (p[5] != '1' || p[7] > '1'))
        return HTTP_FAULT_VERSION_UNKNOWN;
    if (n >= 9 && p[8] != '\r')
        return h1_byte_fault(p[8], HTTP_FAULT_VERSION);
    return n >= 10 && p[9] != '\n' ? HTTP_FAULT_BARE_CR : HTTP_FAULT_NONE;
}

/* `HTTP/1.1` CRLF at p. */
static enum parse parse_version(struct http_request *r, const char *p, const char *end)
{
    size_t n = MIN((size_t)(end - p), (size_t)VERSION_BYTES);
    r->fault = version_fault(p, n);
    if (r->fault)
        return PARSE_BAD;
    if (n < VERSION_BYTES)
        return PARSE_MORE;
    r->minor_version = (uint8_t)(p[7] - '0');
    return PARSE_DONE;
}

static enum parse refuse(struct http_request *r, enum http_fault fault)
{
    r->fault = fault;
    return PARSE_BAD;
}

/* The method at p; *ret_end is at the space behind it. */
static enum parse parse_method(struct http_request *r, const char *p, const char *end, const char **ret_end)
{
    const char *space = scan_class(p, MIN(end, p + HTTP_METHOD_BYTES_MAX + 1), CHAR_TOKEN);
    if (space - p > HTTP_METHOD_BYTES_MAX)
        return refuse(r, HTTP_FAULT_METHOD_LENGTH);
    if (space == end)
        return PARSE_MORE;
    if (*space != ' ')
        return refuse(r, *space == '\r' ? HTTP_FAULT_START_LINE : h1_byte_fault(*space, HTTP_FAULT_METHOD));
    if (space == p)
        return refuse(r, HTTP_FAULT_START_LINE);
    r->method_text = str_n(p, (size_t)(space - p));
    r->method = http_method_find(r->method_text);
    *ret_end = space;
    return PARSE_DONE;
}

/*
 * The request line at `line`; *ret_end is behind its CRLF. The bytes up to `looked` were found good before,
 * so that only the version, of constant length, is looked at again.
 */
static enum parse parse_line(struct http_request *r, const char *line, const char *looked, const char *end,
                             const struct http_limits *limits, const char **ret_end)
{
    const char *space;
    enum parse verdict = parse_method(r, line, end, &space);
    if (verdict != PARSE_DONE)
        return verdict;
    const char *target = space + 1, *from = target;
    if (looked - target > VERSION_BYTES)
        from = looked - VERSION_BYTES;
    space = scan_class(from, end, CHAR_TARGET);
    if ((size_t)(space - target) > limits->target_bytes)
        return refuse(r, HTTP_FAULT_TARGET_LENGTH);
    if (space == end)
        return PARSE_MORE;
    if (*space != ' ')
        return refuse(r, *space == '\r' ? HTTP_FAULT_START_LINE : h1_byte_fault(*space, HTTP_FAULT_TARGET));
    if (space == target)
        return refuse(r, HTTP_FAULT_START_LINE);
    verdict = parse_version(r, space + 1, end);
    if (verdict != PARSE_DONE)
        return verdict;
    r->target = str_n(target, (size_t)(space - target));
    *ret_end = space + 1 + VERSION_BYTES;
    r->fault = target_parse(r);
    return r->fault ? PARSE_BAD : PARSE_DONE;
}

/* RFC 9112 §3.2: exactly one valid Host in HTTP/1.1; an absolute-form target's authority replaces it all the
 * same. */
static enum http_fault judge_host(struct http_request *r, const struct h1_fields *noted)
{
    if (noted->repeated & FIELD_BIT(HOST))
        return HTTP_FAULT_HOST_REPEATED;
    const struct http_field *f =
        noted->seen & FIELD_BIT(HOST) ? http_request_field(r, HTTP_FIELD_HOST) : NULL;
    if (!f)
        return r->minor_version == 0 ? HTTP_FAULT_NONE : HTTP_FAULT_HOST_MISSING;
    struct str host;
    uint16_t port;
    if (!authority_parse(f->value, &host, &port))
        return HTTP_FAULT_HOST;
    if (r->authority.len)
        return HTTP_FAULT_NONE;
    r->authority = f->value;
    r->host = host;
    r->port = port;
    return HTTP_FAULT_NONE;
}

static bool list_has(struct str list, struct str wanted)
{
    struct str element;
    while (list_next(&list, &element))
        if (str_eq_nocase(element, wanted))
            return true;
    return false;
}

/* RFC 9110 §10.1.1: there is one expectation; a server may answer 417 to others. HTTP/1.0 had none. */
static enum http_fault judge_expect(struct http_request *r, const struct http_field *f)
{
    if (r->minor_version == 0)
        return HTTP_FAULT_NONE;
    if (!str_eq_nocase(f->value, STR("100-continue")))
        return HTTP_FAULT_EXPECT;
    r->expects_continue = r->framing == HTTP_FRAMING_CHUNKED || r->content_length > 0;
    return HTTP_FAULT_NONE;
}

static void judge_upgrade(struct http_request *r, const struct h1_fields *noted, const struct http_field *f)
{
    bool has_body = r->framing == HTTP_FRAMING_CHUNKED || r->content_length > 0;
    if (r->minor_version == 0 || has_body || noted->repeated & FIELD_BIT(UPGRADE))
        return;
    if (!list_has(f->value, STR("h2c")) && !list_has(f->value, STR("h2")))
        r->upgrade = f->value;
}

static void judge_max_forwards(struct http_request *r, const struct h1_fields *noted,
                               const struct http_field *f)
{
    uint64_t hops;
    bool is_bound = r->method == HTTP_OPTIONS || r->method == HTTP_TRACE;
    if (is_bound && !(noted->repeated & FIELD_BIT(MAX_FORWARDS)) && f->value.len <= 9 &&
        str_parse_u64(f->value, &hops))
        r->max_forwards = (int64_t)hops;
}

/* Fields that most requests do not have. */
static enum http_fault judge_rare(struct http_request *r, const struct h1_fields *noted,
                                  const struct h1_connection *c)
{
    enum http_fault fault = HTTP_FAULT_NONE;
    for (uint32_t i = 0; i < r->field_count && !fault; i++) {
        const struct http_field *f = &r->fields[i];
        if (f->id == HTTP_FIELD_EXPECT)
            fault = judge_expect(r, f);
        else if (f->id == HTTP_FIELD_UPGRADE && c->has_upgrade)
            judge_upgrade(r, noted, f);
        else if (f->id == HTTP_FIELD_TE)
            r->accepts_trailers |= r->minor_version == 1 && list_has(f->value, STR("trailers"));
        else if (f->id == HTTP_FIELD_MAX_FORWARDS)
            judge_max_forwards(r, noted, f);
    }
    return fault;
}

static enum http_fault judge(struct http_request *r, const struct h1_fields *noted)
{
    const uint64_t rare = FIELD_BIT(EXPECT) | FIELD_BIT(UPGRADE) | FIELD_BIT(TE) | FIELD_BIT(MAX_FORWARDS);
    struct h1_connection connection;
    r->field_count = noted->count;
    if (noted->is_overfull)
        return HTTP_FAULT_FIELD_COUNT;
    enum http_fault fault =
        h1_framing_parse(r->fields, noted, r->minor_version, &r->framing, &r->content_length);
    if (!fault)
        fault = judge_host(r, noted);
    if (!fault)
        fault = h1_connection_parse(r->fields, noted, &connection);
    if (fault)
        return fault;
    r->wants_keep_alive = !connection.has_close && (r->minor_version == 1 || connection.has_keep_alive);
    r->expects_continue = r->accepts_trailers = false;
    r->upgrade = STR("");
    r->max_forwards = -1;
    r->accept = noted->seen & FIELD_BIT(ACCEPT) ? http_request_field(r, HTTP_FIELD_ACCEPT)->value : STR("");
    return noted->seen & rare ? judge_rare(r, noted, &connection) : HTTP_FAULT_NONE;
}

static enum parse parse_whole(struct http_request *r, const char *bytes, const char *end,
                              const struct http_limits *limits, const char **ret_end)
{
    const char *p = bytes;
    struct h1_fields noted;
    enum parse verdict = skip_empty_lines(&p, end, &r->fault);
    if (verdict == PARSE_DONE)
        verdict = parse_line(r, p, p, end, limits, &p);
    if (verdict == PARSE_DONE)
        verdict = h1_fields_parse(r->fields, limits->field_count, p, end, &noted, ret_end, &r->fault);
    if (verdict != PARSE_DONE)
        return verdict;
    r->fault = judge(r, &noted);
    return r->fault ? PARSE_BAD : PARSE_DONE;
}

/* A head in pieces: the bytes before `looked` were good so far. PARSE_DONE: it is complete, and good but for
 * its meaning. */
static enum parse look(struct http_request *r, const char *bytes, const char *looked, const char *end,
                       const struct http_limits *limits)
{
    const char *line = bytes;
    enum parse verdict = skip_empty_lines(&line, end, &r->fault);
    if (verdict != PARSE_DONE)
        return verdict;
    const char *section = looked > line ? memchr(line, '\n', (size_t)(looked - line)) : NULL;
    if (section) {
        section++;
    } else {
        verdict = parse_line(r, line, looked, end, limits, &section);
        if (verdict != PARSE_DONE)
            return verdict;
    }
    return h1_fields_look(section, MAX(looked, section), end, &line, &r->fault);
}

enum parse h1_parse_request(struct http_request *r, const char *bytes, size_t len,
                            const struct http_limits *limits, size_t *scanned, size_t *ret_head_bytes)
{
    ASSERT(limits->field_count <= HTTP_FIELDS_MAX && *scanned <= len);
    const char *end = bytes + MIN(len, limits->head_bytes), *head_end;
    enum parse verdict = PARSE_DONE;
    r->fault = HTTP_FAULT_NONE;
    if (*scanned)
        verdict = look(r, bytes, bytes + *scanned, end, limits);
    if (verdict == PARSE_DONE)
        verdict = parse_whole(r, bytes, end, limits, &head_end);
    if (verdict == PARSE_DONE)
        *ret_head_bytes = (size_t)(head_end - bytes);
    if (verdict == PARSE_MORE && len >= limits->head_bytes)
        return refuse(r, HTTP_FAULT_HEAD_BYTES);
    *scanned = len;
    return verdict;
}
