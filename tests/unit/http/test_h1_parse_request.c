/* Request heads: what is refused and with which status, what is read from good ones; whole, cut in two, byte
 * by byte. */
#include "cut.h"
#include "rows.h"

#include "base/macros.h"
#include "http/h1_body.h"

static struct http_request request, again; /* large: not on the stack */

/* The verdict on what follows the head, or BAD with a fault of the body's. */
static enum parse decode_body(const struct http_request *r, struct str body, enum http_fault *ret_fault)
{
    struct h1_body b;
    size_t used;
    struct str payload, trailers;
    char *bytes = malloc(body.len + 1);
    memcpy(bytes, body.ptr, body.len);
    h1_body_init(&b, r->framing, r->content_length);
    enum parse verdict = h1_body_decode(&b, bytes, body.len, &used, &payload, &trailers);
    *ret_fault = b.fault;
    free(bytes);
    return verdict;
}

static void check_malformed(const struct row *row)
{
    struct str message = str_n(row->request, row->request_len);
    struct feed whole = {0};
    feed_request(&whole, &request, message, message.len, &default_limits);
    enum http_fault fault = request.fault;
    if (row->is_body) {
        assert_int_equal(whole.verdict, PARSE_DONE);
        struct str body = str_n(message.ptr + whole.head_bytes, message.len - whole.head_bytes);
        whole.verdict = decode_body(&request, body, &fault);
    }
    if (whole.verdict != PARSE_BAD || http_fault_status(fault) != row->status)
        fail_msg("%s: verdict %d, fault \"%s\"", row->name, whole.verdict, http_fault_phrase(fault));
    feed_fini(&whole);
}

/* Cut into pieces the same fault is found, and not before the whole message was seen to have it. */
static void check_malformed_cut(const struct row *row)
{
    struct str message = str_n(row->request, row->request_len);
    struct feed whole = {0}, bytewise = {0};
    feed_request(&whole, &request, message, message.len, &default_limits);
    for (size_t n = 1; n <= message.len && bytewise.verdict != PARSE_BAD && row->request_len < 2000; n++) {
        feed_request(&bytewise, &again, message, n, &default_limits);
        if (bytewise.verdict == PARSE_DONE || (n == message.len && bytewise.verdict != PARSE_BAD))
            fail_msg("%s: verdict %d byte by byte at %zu", row->name, bytewise.verdict, n);
    }
    if (row->request_len < 2000)
        assert_int_equal(again.fault, request.fault);
    for (size_t cut = 1; cut < message.len; cut += 1 + message.len / 2000) {
        struct feed two = {0};
        feed_request(&two, &again, message, cut, &default_limits);
        if (two.verdict == PARSE_MORE)
            feed_request(&two, &again, message, message.len, &default_limits);
        if (two.verdict != PARSE_BAD || again.fault != request.fault)
            fail_msg("%s: cut at %zu: verdict %d, fault \"%s\" instead of \"%s\"", row->name, cut,
                     two.verdict, http_fault_phrase(again.fault), http_fault_phrase(request.fault));
        feed_fini(&two);
    }
    feed_fini(&whole);
    feed_fini(&bytewise);
}

static void test_malformed(void **state)
{
    static struct row rows[ROWS_MAX];
    size_t count = rows_read(rows);
    assert_true(count >= 120);
    for (size_t i = 0; i < count; i++) {
        check_malformed(&rows[i]);
        if (!rows[i].is_body)
            check_malformed_cut(&rows[i]);
    }
    rows_free(rows, count);
}

static const struct good {
    const char *text; /* a head, perhaps with bytes behind it */
    enum http_method method;
    const char *method_text, *target, *path_query, *path, *authority, *host;
    uint16_t port;
    uint8_t minor_version;
    enum http_framing framing;
    uint64_t length;
    bool keep_alive, expects_continue, accepts_trailers;
    const char *upgrade;
    uint32_t field_count;
} goods[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GET, "GET", "/", "/", "/", "a", "a", 0, 1, 0, 0, true, false,
     false, "", 1},
    {"GET / HTTP/1.1\r\nHost:a\r\n\r\nGET /next", HTTP_GET, "GET", "/", "/", "/", "a", "a", 0, 1, 0, 0, true,
     false, false, "", 1},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GET, "GET", "/", "/", "/", "a", "a", 0, 1, 0, 0, true,
     false, false, "", 1},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GET, "GET", "/", "/", "/", "a", "a", 0, 1, 0, 0, true,
     false, false, "", 1},
    {"GET /a/b?c=d&e HTTP/1.1\r\nhOsT: A.Example:8080\r\n\r\n", HTTP_GET, "GET", "/a/b?c=d&e", "/a/b?c=d&e",
     "/a/b", "A.Example:8080", "A.Example", 8080, 1, 0, 0, true, false, false, "", 1},
    {"GET // HTTP/1.1\r\nHost: a:\r\n\r\n", HTTP_GET, "GET", "//", "//", "//", "a:", "a", 0, 1, 0, 0, true,
     false, false, "", 1},
    {"GET /%7e/%2F?%zz HTTP/1.1\r\nHost: [::1]:81\r\n\r\n", HTTP_GET, "GET", "/%7e/%2F?%zz", "/%7e/%2F?%zz",
     "/%7e/%2F", "[::1]:81", "[::1]", 81, 1, 0, 0, true, false, false, "", 1},
    {"GET /a?b[c]={d}|e^f`g HTTP/1.1\r\nHost: a_b-c~d\r\n\r\n", HTTP_GET, "GET", "/a?b[c]={d}|e^f`g",
     "/a?b[c]={d}|e^f`g", "/a", "a_b-c~d", "a_b-c~d", 0, 1, 0, 0, true, false, false, "", 1},
    {"GET http://b.example HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GET, "GET", "http://b.example", "/", "/",
     "b.example", "b.example", 0, 1, 0, 0, true, false, false, "", 1},
    {"GET HTTPS://b:65535/c?d HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GET, "GET", "HTTPS://b:65535/c?d", "/c?d",
     "/c", "b:65535", "b", 65535, 1, 0, 0, true, false, false, "", 1},
    {"GET http://[2001:db8::1]?d HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GET, "GET", "http://[2001:db8::1]?d",
     "?d", "/", "[2001:db8::1]", "[2001:db8::1]", 0, 1, 0, 0, true, false, false, "", 1},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OPTIONS, "OPTIONS", "*", "*", "*", "a", "a", 0, 1, 0, 0,
     true, false, false, "", 1},
    {"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OPTIONS, "OPTIONS", "http://b", "*", "*", "b", "b",
     0, 1, 0, 0, true, false, false, "", 1},
    {"OPTIONS http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OPTIONS, "OPTIONS", "http://b/", "/", "/", "b",
     "b", 0, 1, 0, 0, true, false, false, "", 1},
    {"GET / HTTP/1.0\r\n\r\n", HTTP_GET, "GET", "/", "/", "/", "", "", 0, 0, 0, 0, false, false, false, "",
     0},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", HTTP_GET, "GET", "/", "/", "/", "", "", 0, 0, 0, 0,
     true, false, false, "", 1},
    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\nHost: a\r\n\r\n", HTTP_GET, "GET", "/", "/", "/",
     "a", "a", 0, 0, 0, 0, false, false, false, "", 2},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x,, CLOSE\r\n\r\n", HTTP_GET, "GET", "/", "/", "/", "a", "a",
     0, 1, 0, 0, false, false, false, "", 2},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \t 5 \t\r\n\r\nhello", HTTP_POST, "POST", "/", "/", "/",
     "a", "a", 0, 1, HTTP_FRAMING_LENGTH, 5, true, false, false, "", 2},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", HTTP_POST, "POST", "/", "/", "/", "a", "a", 0,
     1, HTTP_FRAMING_LENGTH, 0, true, false, false, "", 2},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n\r\n", HTTP_POST, "POST", "/", "/",
     "/", "a", "a", 0, 1, HTTP_FRAMING_LENGTH, 999999999999999999, true, false, false, "", 2},
    {"PUT / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n0\r\n\r\n", HTTP_PUT, "PUT", "/", "/",
     "/", "a", "a", 0, 1, HTTP_FRAMING_CHUNKED, 0, true, false, false, "", 2},
    {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n", HTTP_POST, "POST",
     "/", "/", "/", "a", "a", 0, 1, HTTP_FRAMING_LENGTH, 1, true, true, false, "", 3},
    {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", HTTP_POST, "POST",
     "/", "/", "/", "a", "a", 0, 1, HTTP_FRAMING_LENGTH, 0, true, false, false, "", 3},
    {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", HTTP_POST, "POST", "/", "/", "/",
     "", "", 0, 0, HTTP_FRAMING_LENGTH, 1, false, false, false, "", 2},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n", HTTP_GET,
     "GET", "/", "/", "/", "a", "a", 0, 1, 0, 0, true, false, false, "websocket", 3},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", HTTP_GET, "GET", "/", "/", "/", "a", "a", 0,
     1, 0, 0, true, false, false, "", 2},
    {"GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", HTTP_GET, "GET", "/",
     "/", "/", "a", "a", 0, 0, 0, 0, false, false, false, "", 3},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, h2c\r\nConnection: upgrade\r\n\r\n", HTTP_GET, "GET",
     "/", "/", "/", "a", "a", 0, 1, 0, 0, true, false, false, "", 3},
    {"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\n",
     HTTP_POST, "POST", "/", "/", "/", "a", "a", 0, 1, HTTP_FRAMING_LENGTH, 1, true, false, false, "", 4},
    {"GET / HTTP/1.1\r\nHost: a\r\nTE: gzip, trailers\r\nConnection: te\r\n\r\n", HTTP_GET, "GET", "/", "/",
     "/", "a", "a", 0, 1, 0, 0, true, false, true, "", 3},
    {"BREW-it.now! /pot HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OTHER, "BREW-it.now!", "/pot", "/pot", "/pot", "a",
     "a", 0, 1, 0, 0, true, false, false, "", 1},
    {"get / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OTHER, "get", "/", "/", "/", "a", "a", 0, 1, 0, 0, true, false,
     false, "", 1},
    {"GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Latin: \xe9\xff\r\nX-Tab: a\tb\r\n!#$%&'*+-.^_`|~: a: "
     "b\r\n\r\n",
     HTTP_GET, "GET", "/", "/", "/", "a", "a", 0, 1, 0, 0, true, false, false, "", 5},
};

static void check_good(const struct good *g, const struct http_request *r)
{
    assert_int_equal(r->method, g->method);
    assert_str(r->method_text, g->method_text);
    assert_str(r->target, g->target);
    assert_str(r->path_query, g->path_query);
    assert_str(r->path, g->path);
    assert_str(r->authority, g->authority);
    assert_str(r->host, g->host);
    assert_int_equal(r->port, g->port);
    assert_int_equal(r->minor_version, g->minor_version);
    assert_int_equal(r->framing, g->framing);
    assert_int_equal(r->content_length, g->length);
    assert_int_equal(r->wants_keep_alive, g->keep_alive);
    assert_int_equal(r->expects_continue, g->expects_continue);
    assert_int_equal(r->accepts_trailers, g->accepts_trailers);
    assert_str(r->upgrade, g->upgrade);
    assert_int_equal(r->field_count, g->field_count);
}

static void test_good(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
        struct str message = str_of(goods[i].text);
        struct feed whole = {0};
        feed_request(&whole, &request, message, message.len, &default_limits);
        if (whole.verdict != PARSE_DONE)
            fail_msg("row %zu: %d, %s", i, whole.verdict, http_fault_phrase(request.fault));
        check_good(&goods[i], &request);
        feed_fini(&whole);
    }
}

/* Every piece but the last wants more; the last gives what the whole gives, and the same length. */
static void test_good_cut(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
        struct str message = str_of(goods[i].text);
        struct feed whole = {0}, bytewise = {0};
        feed_request(&whole, &request, message, message.len, &default_limits);
        for (size_t n = 0; n < whole.head_bytes; n++) {
            feed_request(&bytewise, &request, message, n, &default_limits);
            assert_int_equal(bytewise.verdict, PARSE_MORE);
            struct feed two = {0};
            feed_request(&two, &again, message, n, &default_limits);
            feed_request(&two, &again, message, message.len, &default_limits);
            assert_int_equal(two.verdict, PARSE_DONE);
            assert_int_equal(two.head_bytes, whole.head_bytes);
            check_good(&goods[i], &again);
            feed_fini(&two);
        }
        feed_request(&bytewise, &request, message, whole.head_bytes, &default_limits);
        assert_int_equal(bytewise.verdict, PARSE_DONE);
        assert_int_equal(bytewise.head_bytes, whole.head_bytes);
        check_good(&goods[i], &request);
        feed_fini(&whole);
        feed_fini(&bytewise);
    }
}

static void parse(const char *text)
{
    size_t scanned = 0, head_bytes;
    enum parse verdict =
        h1_parse_request(&request, text, strlen(text), &default_limits, &scanned, &head_bytes);
    assert_int_equal(verdict, PARSE_DONE);
}

static void test_fields(void **state)
{
    parse("GET / HTTP/1.1\r\nHost: a\r\nX-One:  b \r\nx-two: c\r\nAccept: text/html\r\nX-Forwarded-For: "
          "1\r\n\r\n");
    assert_int_equal(request.field_count, 5);
    assert_str(request.fields[1].name, "X-One");
    assert_str(request.fields[1].value, "b");
    assert_int_equal(request.fields[1].id, HTTP_FIELD_OTHER);
    assert_int_equal(request.fields[1].flags, 0);
    assert_str(request.fields[2].name, "x-two");
    assert_int_equal(request.fields[2].flags, HTTP_FIELD_CONTIGUOUS);
    assert_str(request.accept, "text/html");
    assert_int_equal(request.fields[4].id, HTTP_FIELD_X_FORWARDED_FOR);
    assert_ptr_equal(http_request_field(&request, HTTP_FIELD_HOST), &request.fields[0]);
    assert_null(http_request_field(&request, HTTP_FIELD_COOKIE));
}

static void test_connection_strips_only_what_it_may(void **state)
{
    parse("GET / HTTP/1.1\r\nHost: a\r\nX-Mine: 1\r\nCookie: c\r\nX-Forwarded-For: 1\r\nX-Yours: 2\r\n"
          "Connection: x-mine, Host, Cookie, X-Forwarded-For\r\nConnection: , X-MINE\r\n\r\n");
    for (uint32_t i = 0; i < request.field_count; i++) {
        bool is_named = request.fields[i].flags & HTTP_FIELD_NAMED_BY_CONNECTION;
        assert_int_equal(is_named, str_eq(request.fields[i].name, STR("X-Mine")));
    }
}

static void test_aliases(void **state)
{
    static const struct {
        const char *name;
        bool is_alias;
    } rows[] = {
        {"X_Forwarded_For", true}, {"x_FORWARDED-for", true},   {"X.Forwarded.Proto", true},
        {"X~Real~IP", true},       {"Content_Length", true},    {"X-Forwarded-For", false},
        {"X_Other", false},        {"X_Forwarded_For_", false}, {"Transfer_Encoding", true},
        {"_Host", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[200];
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n%s: b\r\n\r\n", rows[i].name);
        parse(text);
        assert_int_equal(!!(request.fields[1].flags & HTTP_FIELD_ALIAS), rows[i].is_alias);
    }
}

static void test_max_forwards(void **state)
{
    static const struct {
        const char *text;
        int64_t hops;
    } rows[] = {
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 0},
        {"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n", 10},
        {"GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n", -1},
        {"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n", -1},
        {"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\nMax-Forwards: 2\r\n\r\n", -1},
        {"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 9999999999999\r\n\r\n", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        parse(rows[i].text);
        assert_int_equal(request.max_forwards, rows[i].hops);
    }
}

static void test_request_id(void **state)
{
    static const struct {
        const char *fields, *id;
    } rows[] = {
        {"", ""},
        {"X-Request-Id: abc-1._Z\r\n", "abc-1._Z"},
        {"X-Request-Id: 0123456789012345678901234567890123456789012345678901234567890123\r\n",
         "0123456789012345678901234567890123456789012345678901234567890123"},
        {"X-Request-Id: 01234567890123456789012345678901234567890123456789012345678901234\r\n", ""},
        {"X-Request-Id:\r\n", ""},
        {"X-Request-Id: a b\r\n", ""},
        {"X-Request-Id: a\"b\r\n", ""},
        {"X-Request-Id: a\r\nX-Request-Id: b\r\n", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[300];
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", rows[i].fields);
        parse(text);
        assert_str(http_request_id(&request), rows[i].id);
    }
}

/* A head of `bytes` bytes, empty line included, with a padded field; returns it in static memory. */
static struct str head_of(size_t bytes)
{
    static char text[100000];
    struct str start = STR("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    memset(text, 'a', bytes);
    memcpy(text, start.ptr, start.len);
    memcpy(text + bytes - 4, "\r\n\r\n", 4);
    return str_n(text, bytes);
}

static void test_head_limit(void **state)
{
    struct feed f = {0};
    feed_request(&f, &request, head_of(32768), 32768, &default_limits);
    assert_int_equal(f.verdict, PARSE_DONE);
    assert_int_equal(f.head_bytes, 32768);
    f.scanned = 0;
    feed_request(&f, &request, head_of(32769), 32769, &default_limits);
    assert_int_equal(f.verdict, PARSE_BAD);
    assert_int_equal(request.fault, HTTP_FAULT_HEAD_BYTES);
    /* Without its end it is refused as soon as the limit is reached, also in pieces. */
    f.scanned = 0;
    feed_request(&f, &request, head_of(50000), 32767, &default_limits);
    assert_int_equal(f.verdict, PARSE_MORE);
    feed_request(&f, &request, head_of(50000), 32768, &default_limits);
    assert_int_equal(f.verdict, PARSE_BAD);
    assert_int_equal(request.fault, HTTP_FAULT_HEAD_BYTES);
    feed_fini(&f);
}

static void test_target_limit(void **state)
{
    static char text[20000];
    struct feed f = {0};
    const struct http_limits limits = {.head_bytes = 1000, .field_count = 10, .target_bytes = 100};
    int n = snprintf(text, sizeof(text), "GET /%099d HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    feed_request(&f, &request, str_of(text), (size_t)n, &limits);
    assert_int_equal(f.verdict, PARSE_DONE);
    /* One byte more is refused when it is seen, long before the line ends. */
    snprintf(text, sizeof(text), "GET /%0500d", 0);
    f.scanned = 0;
    feed_request(&f, &request, str_of(text), 4 + 100, &limits);
    assert_int_equal(f.verdict, PARSE_MORE);
    feed_request(&f, &request, str_of(text), 4 + 101, &limits);
    assert_int_equal(f.verdict, PARSE_BAD);
    assert_int_equal(request.fault, HTTP_FAULT_TARGET_LENGTH);
    feed_fini(&f);
}

static void test_field_limit(void **state)
{
    static char text[20000];
    for (uint32_t limit = 1; limit <= HTTP_FIELDS_MAX; limit += 51) {
        const struct http_limits limits = {.head_bytes = 20000, .field_count = limit, .target_bytes = 100};
        for (uint32_t count = limit; count <= limit + 1; count++) {
            size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
            for (uint32_t i = 1; i < count; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, "X: a\r\n");
            len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
            struct feed f = {0};
            feed_request(&f, &request, str_n(text, len), len, &limits);
            assert_int_equal(f.verdict, count > limit ? PARSE_BAD : PARSE_DONE);
            assert_int_equal(http_fault_status(request.fault), count > limit ? 431 : 0);
            feed_fini(&f);
        }
    }
}

/* What cannot become a good head is refused without waiting for the rest. */
static void test_early_refusal(void **state)
{
    static const struct {
        const char *text;
        enum http_fault fault;
    } rows[] = {
        {"\x16", HTTP_FAULT_CONTROL_BYTE},
        {"\n", HTTP_FAULT_BARE_LF},
        {"\rG", HTTP_FAULT_BARE_CR},
        {"GET / h", HTTP_FAULT_VERSION},
        {"GET / HTTP/2.0", HTTP_FAULT_VERSION_UNKNOWN},
        {"GET / HTTP/1.1\n", HTTP_FAULT_BARE_LF},
        {"GET / HTTP/1.1\rH", HTTP_FAULT_BARE_CR},
        {"GET /#", HTTP_FAULT_TARGET},
        {"GET *  ", HTTP_FAULT_VERSION},
        {"GET a HTTP/1.1\r\n", HTTP_FAULT_TARGET},
        {"CONNECT a:1 HTTP/1.1\r\n", HTTP_FAULT_CONNECT},
        {"GET / HTTP/1.1\r\nHost: a\n", HTTP_FAULT_BARE_LF},
        {"GET / HTTP/1.1\r\nHost: a\x01", HTTP_FAULT_CONTROL_BYTE},
        {"GET / HTTP/1.1\r\nHost: a\rb", HTTP_FAULT_BARE_CR},
        {"GET / HTTP/1.1\r\nHost : a\r\n", HTTP_FAULT_FIELD_NAME},
        {"GET / HTTP/1.1\r\nHost\r\n", HTTP_FAULT_FIELD_LINE},
        {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n", HTTP_FAULT_FOLDED_LINE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct feed f = {0};
        struct str message = str_of(rows[i].text);
        feed_request(&f, &request, message, message.len, &default_limits);
        if (f.verdict != PARSE_BAD || request.fault != rows[i].fault)
            fail_msg("row %zu: %d, %s", i, f.verdict, http_fault_phrase(request.fault));
        f.scanned = 0;
        feed_request(&f, &request, message, message.len - 1, &default_limits);
        assert_int_equal(f.verdict, PARSE_MORE);
        feed_request(&f, &request, message, message.len, &default_limits);
        assert_int_equal(f.verdict, PARSE_BAD);
        assert_int_equal(request.fault, rows[i].fault);
        feed_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed),    cmocka_unit_test(test_good),
        cmocka_unit_test(test_good_cut),     cmocka_unit_test(test_fields),
        cmocka_unit_test(test_aliases),      cmocka_unit_test(test_connection_strips_only_what_it_may),
        cmocka_unit_test(test_max_forwards), cmocka_unit_test(test_request_id),
        cmocka_unit_test(test_head_limit),   cmocka_unit_test(test_target_limit),
        cmocka_unit_test(test_field_limit),  cmocka_unit_test(test_early_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
