/* What the next hop is sent: whole heads compared as text, and parse(write(x)) == x. */
#include "cut.h"

#include "base/macros.h"
#include "http/h1_body.h"
#include "http/h1_write.h"

#include <stdio.h>

static struct http_request request, again; /* large: not on the stack */
static struct http_response response, response_again;
static char out[40000];

static void parse(const char *text)
{
    size_t scanned = 0, head_bytes;
    enum parse verdict =
        h1_parse_request(&request, text, strlen(text), &default_limits, &scanned, &head_bytes);
    if (verdict != PARSE_DONE)
        fail_msg("%s: %s", text, http_fault_phrase(request.fault));
}

static void parse_response(const char *text, enum http_method method)
{
    size_t scanned = 0, head_bytes;
    enum parse verdict =
        h1_parse_response(&response, text, strlen(text), method, &default_limits, &scanned, &head_bytes);
    if (verdict != PARSE_DONE)
        fail_msg("%s: %s", text, http_fault_phrase(response.fault));
}

static const struct h1_request_context stranger = {
    .client_ip = STR("192.0.2.1"), .scheme = STR("http"), .authority = STR("weir.example:8080")};

/* The six fields that tell what we saw of 192.0.2.1 asking for host and port over http. */
#define SAW(authority, port)                                                                                 \
    "X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: "                              \
    "http\r\nX-Forwarded-Host: " authority "\r\nX-Forwarded-Port: " port                                     \
    "\r\nForwarded: for=192.0.2.1;host=\"" authority "\";proto=http\r\n"

static void check_request(const char *text, const struct h1_request_context *c, const char *expected)
{
    parse(text);
    size_t len = h1_write_request(out, sizeof(out), &request, c);
    assert_str(str_n(out, len), expected);
}

static void test_request_lines_and_framing(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"GET /a?b HTTP/1.1\r\nHost: A.example\r\n\r\n",
         "GET /a?b HTTP/1.1\r\nHost: A.example\r\n" SAW("A.example", "80") "\r\n"},
        {"GET / HTTP/1.0\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: weir.example:8080\r\n" SAW("weir.example:8080", "8080") "\r\n"},
        {"brew http://b:81?c HTTP/1.1\r\nHost: a\r\n\r\n",
         "brew /?c HTTP/1.1\r\nHost: b:81\r\n" SAW("b:81", "81") "\r\n"},
        {"GET http://b HTTP/1.1\r\nHost: a:1\r\nX: y\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: b\r\nX: y\r\n" SAW("b", "80") "\r\n"},
        {"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
         "OPTIONS * HTTP/1.1\r\nHost: b\r\n" SAW("b", "80") "\r\n"},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n",
         "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 2\r\n" SAW("a", "80") "\r\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n" SAW("a", "80") "\r\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n" SAW("a", "80") "\r\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" SAW("a", "80") "\r\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" SAW("a", "80") "\r\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n" SAW("a", "80") "\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_request(rows[i].text, &stranger, rows[i].expected);
}

static void test_fields_that_end_here(void **state)
{
    check_request(
        "GET / HTTP/1.1\r\nConnection: keep-alive, x-mine, Cookie\r\nKeep-Alive: timeout=5\r\nX-Mine: 1\r\n"
        "Proxy-Connection: keep-alive\r\nCookie: c\r\nTE: gzip\r\nUpgrade: websocket\r\nHost: a\r\nProxy: "
        "evil\r\n"
        "Proxy-Authorization: Basic x\r\nHTTP2-Settings: AAA\r\nVia: 1.0 fred\r\nX-Kept:  "
        "spaced\t\r\nX-Empty:\r\n\r\n",
        &stranger,
        "GET / HTTP/1.1\r\nHost: a\r\nCookie: c\r\nVia: 1.0 fred\r\nX-Kept: spaced\r\nX-Empty: \r\n" SAW(
            "a", "80") "\r\n");
}

static void test_forged_fields_are_dropped(void **state)
{
    check_request(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 6.6.6.7\r\n"
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Prefix: "
        "/p\r\n"
        "X-Forwarded-Server: s\r\nX-Forwarded-Scheme: https\r\nX-Forwarded-Ssl: on\r\nX-Forwarded-By: b\r\n"
        "X-Forwarded-Protocol: https\r\nX-Forwarded-Client-Cert: x\r\nX-Real-IP: 6.6.6.6\r\nX-Client-IP: "
        "6.6.6.6\r\n"
        "X-Cluster-Client-IP: 6.6.6.6\r\nTrue-Client-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Last: "
        "kept\r\n\r\n",
        &stranger, "GET / HTTP/1.1\r\nHost: a\r\nX-Last: kept\r\n" SAW("a", "80") "\r\n");
    check_request("GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Proto: "
                  "https\r\nx_real_ip: 6\r\n"
                  "X.Forwarded.Host: evil\r\nContent_Length: 5\r\nX_Other: kept\r\n\r\n",
                  &stranger, "GET / HTTP/1.1\r\nHost: a\r\nX_Other: kept\r\n" SAW("a", "80") "\r\n");
    check_request(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For, Forwarded, X_Forwarded_For\r\n\r\n",
        &stranger, "GET / HTTP/1.1\r\nHost: a\r\n" SAW("a", "80") "\r\n");
}

static void test_ipv6_and_https(void **state)
{
    struct h1_request_context c = stranger;
    c.client_ip = STR("2001:db8::1");
    c.scheme = STR("https");
    check_request(
        "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", &c,
        "GET / HTTP/1.1\r\nHost: [::1]\r\nX-Forwarded-For: 2001:db8::1\r\nX-Real-IP: 2001:db8::1\r\n"
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: [::1]\r\nX-Forwarded-Port: 443\r\n"
        "Forwarded: for=\"[2001:db8::1]\";host=\"[::1]\";proto=https\r\n\r\n");
    c.client_ip = STR(""); /* a unix socket has no address */
    check_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &c,
                  "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: "
                  "a\r\nX-Forwarded-Port: 443\r\n"
                  "Forwarded: for=unknown;host=\"a\";proto=https\r\n\r\n");
}

static void test_trusted_peer(void **state)
{
    struct h1_request_context c = stranger;
    c.is_trusted = true;
    check_request(
        "GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-For: 3.3.3.3\r\n"
        "X-Forwarded-Proto: http, https\r\nX-Forwarded-Host: shop.example:444\r\nX-Forwarded-Prefix: /p\r\n"
        "Forwarded: for=1.1.1.1\r\nX-Client-IP: 1.1.1.1\r\n\r\n",
        &c,
        "GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-Prefix: /p\r\nX-Client-IP: 1.1.1.1\r\nX-Real-IP: "
        "3.3.3.3\r\n"
        "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"
        "X-Forwarded-Host: shop.example:444\r\nX-Forwarded-Port: 444\r\n"
        "Forwarded: for=1.1.1.1, for=192.0.2.1;host=\"inner\";proto=http\r\n\r\n");
    /* It said nothing: then it is the client. */
    check_request("GET / HTTP/1.1\r\nHost: a:81\r\n\r\n", &c,
                  "GET / HTTP/1.1\r\nHost: a:81\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.1\r\n"
                  "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a:81\r\nX-Forwarded-Port: 81\r\n"
                  "Forwarded: for=192.0.2.1;host=\"a:81\";proto=http\r\n\r\n");
    /* It said nonsense: then what we saw. Its scheme alone implies the port. */
    check_request("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Host: a "
                  "b\r\nX-Forwarded-Port: 0\r\n"
                  "X-Real-IP: 1.1.1.1\r\nX_Forwarded_For: 6.6.6.6\r\n\r\n",
                  &c,
                  "GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 1.1.1.1\r\nX-Forwarded-For: 192.0.2.1\r\n"
                  "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nX-Forwarded-Port: 80\r\n"
                  "Forwarded: for=192.0.2.1;host=\"a\";proto=http\r\n\r\n");
    check_request("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 8443\r\n\r\n",
                  &c,
                  "GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.1\r\n"
                  "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\nX-Forwarded-Port: 8443\r\n"
                  "Forwarded: for=192.0.2.1;host=\"a\";proto=http\r\n\r\n");
}

static void test_request_connection(void **state)
{
    struct h1_request_context c = stranger;
    c.closes = true;
    check_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &c,
                  "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" SAW("a", "80") "\r\n");
    check_request(
        "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n", &c,
        "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te, close\r\n" SAW("a", "80") "\r\n");
    check_request("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n", &stranger,
                  "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\n" SAW("a", "80") "\r\n");
    check_request("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: "
                  "websocket\r\nSec-WebSocket-Key: k\r\n\r\n",
                  &stranger,
                  "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: k\r\nUpgrade: websocket\r\n"
                  "Connection: upgrade\r\n" SAW("a", "80") "\r\n");
    check_request("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
                  "h2c\r\nHTTP2-Settings: A\r\n\r\n",
                  &stranger, "GET / HTTP/1.1\r\nHost: a\r\n" SAW("a", "80") "\r\n");
}

static void test_request_id_via_expect(void **state)
{
    struct h1_request_context c = stranger;
    c.request_id = STR("r-1");
    c.via_name = STR("weir");
    c.relays_expect = true;
    check_request(
        "POST / HTTP/1.1\r\nHost: a\r\nVia: 1.0 fred\r\nX-Request-Id: x\r\nExpect: 100-continue\r\n"
        "Content-Length: 1\r\n\r\n",
        &c,
        "POST / HTTP/1.1\r\nHost: a\r\nVia: 1.0 fred\r\nContent-Length: 1\r\nExpect: 100-continue\r\n" SAW(
            "a", "80") "X-Request-Id: r-1\r\nVia: 1.1 weir\r\n\r\n");
    check_request(
        "GET / HTTP/1.0\r\nHost: a\r\n\r\n", &c,
        "GET / HTTP/1.1\r\nHost: a\r\n" SAW("a", "80") "X-Request-Id: r-1\r\nVia: 1.0 weir\r\n\r\n");
}

/* Any room that is too small gives 0, and nothing is written beyond it. */
static void test_too_small(void **state)
{
    parse("GET /a HTTP/1.1\r\nHost: a\r\nX-A: b\r\nX-C:d\r\nX-E: f\r\n\r\n");
    size_t full = h1_write_request(out, sizeof(out), &request, &stranger);
    assert_true(full > 0);
    for (size_t room = 0; room < full; room++) {
        char *exact = malloc(room ? room : 1);
        assert_int_equal(h1_write_request(exact, room, &request, &stranger), 0);
        free(exact);
    }
    assert_int_equal(h1_write_request(out, full, &request, &stranger), full);
}

/* What was written reads back as the same request, and written again with a trusting reader only grows by one
 * hop. */
static void test_written_requests_parse(void **state)
{
    static const char *const rows[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a?b=c HTTP/1.1\r\nHost: a.example:8080\r\nAccept: */*\r\nCookie: a=b; c=d\r\nX:y\r\n\r\n",
        "POST http://b:81/c HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nConnection: te\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:1\r\nMax-Forwards: 9\r\n\r\n",
    };
    struct h1_request_context c = stranger;
    c.relays_expect = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        parse(rows[i]);
        size_t len = h1_write_request(out, sizeof(out), &request, &c), scanned = 0, head_bytes;
        enum parse verdict = h1_parse_request(&again, out, len, &default_limits, &scanned, &head_bytes);
        assert_int_equal(verdict, PARSE_DONE);
        assert_int_equal(head_bytes, len);
        assert_true(str_eq(again.method_text, request.method_text));
        assert_true(str_eq(again.path_query, request.path_query));
        assert_true(str_eq(again.authority, request.authority));
        assert_true(str_eq(again.upgrade, request.upgrade));
        assert_int_equal(again.framing, request.framing);
        assert_int_equal(again.content_length, request.content_length);
        assert_int_equal(again.expects_continue, request.expects_continue);
        assert_int_equal(again.accepts_trailers, request.accepts_trailers);
    }
}

static const struct response_row {
    const char *text;
    enum http_method method;
    struct h1_response_context context;
    const char *expected;
} responses[] = {
#define OK "HTTP/1.1 200 OK\r\n"
    {OK "Content-Length: 5\r\nX: y\r\n\r\n",
     HTTP_GET,
     {1, true, HTTP_FRAMING_LENGTH, {0}, {0}, {0}},
     OK "X: y\r\nContent-Length: 5\r\n\r\n"},
    {OK "Content-Length: 5\r\n\r\n",
     HTTP_GET,
     {1, false, HTTP_FRAMING_LENGTH, {0}, {0}, {0}},
     OK "Content-Length: 5\r\nConnection: close\r\n\r\n"},
    {OK "Content-Length: 5\r\n\r\n",
     HTTP_GET,
     {0, true, HTTP_FRAMING_LENGTH, {0}, {0}, {0}},
     OK "Content-Length: 5\r\nConnection: keep-alive\r\n\r\n"},
    {OK "\r\n",
     HTTP_GET,
     {1, true, HTTP_FRAMING_CHUNKED, {0}, {0}, {0}},
     OK "Transfer-Encoding: chunked\r\n\r\n"},
    {OK "Transfer-Encoding: chunked\r\n\r\n",
     HTTP_GET,
     {0, false, HTTP_FRAMING_UNTIL_CLOSE, {0}, {0}, {0}},
     OK "Connection: close\r\n\r\n"},
    {"HTTP/1.0 200 Fine\r\nConnection: keep-alive, x\r\nKeep-Alive: timeout=5\r\nX: 1\r\nY: "
     "2\r\nProxy-Authenticate: Basic\r\n"
     "Content-Length: 0\r\n\r\n",
     HTTP_GET,
     {1, true, HTTP_FRAMING_LENGTH, {0}, {0}, {0}},
     "HTTP/1.1 200 Fine\r\nY: 2\r\nContent-Length: 0\r\n\r\n"},
    {OK "Content-Length: 5\r\nDate: then\r\nX-Request-Id: theirs\r\nVia: 1.0 fred\r\n\r\n",
     HTTP_GET,
     {1, true, HTTP_FRAMING_LENGTH, STR("now"), STR("r-1"), STR("weir")},
     OK "Date: then\r\nVia: 1.0 fred\r\nContent-Length: 5\r\nX-Request-Id: r-1\r\nVia: 1.1 weir\r\n\r\n"},
    {OK "Content-Length: 5\r\nX-Request-Id: theirs\r\n\r\n",
     HTTP_GET,
     {1, true, HTTP_FRAMING_LENGTH, STR("now"), {0}, {0}},
     OK "X-Request-Id: theirs\r\nContent-Length: 5\r\nDate: now\r\n\r\n"},
    {OK "Content-Length: 5\r\n\r\n",
     HTTP_HEAD,
     {1, true, HTTP_FRAMING_NONE, {0}, {0}, {0}},
     OK "Content-Length: 5\r\n\r\n"},
    {OK "Transfer-Encoding: chunked\r\n\r\n",
     HTTP_HEAD,
     {1, true, HTTP_FRAMING_NONE, {0}, {0}, {0}},
     OK "\r\n"},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
     HTTP_GET,
     {1, true, HTTP_FRAMING_NONE, {0}, {0}, {0}},
     "HTTP/1.1 204 No Content\r\n\r\n"},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n",
     HTTP_GET,
     {1, true, HTTP_FRAMING_NONE, {0}, {0}, {0}},
     "HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 5\r\n\r\n"},
    {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
     "x\r\n\r\n",
     HTTP_GET,
     {1, false, HTTP_FRAMING_NONE, STR("now"), {0}, {0}},
     "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nUpgrade: websocket\r\nConnection: "
     "upgrade\r\n\r\n"},
    {OK "Upgrade: h2,h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
     HTTP_GET,
     {1, true, HTTP_FRAMING_LENGTH, {0}, {0}, {0}},
     OK "Content-Length: 0\r\n\r\n"},
    {"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: "
     "0\r\n\r\n",
     HTTP_GET,
     {1, true, HTTP_FRAMING_LENGTH, {0}, {0}, {0}},
     "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nUpgrade: websocket\r\nConnection: "
     "upgrade\r\n\r\n"},
    {"HTTP/1.1 404\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
     HTTP_GET,
     {1, true, HTTP_FRAMING_LENGTH, {0}, {0}, {0}},
     "HTTP/1.1 404 \r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"},
};

static void test_responses(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(responses); i++) {
        const struct response_row *row = &responses[i];
        parse_response(row->text, row->method);
        size_t len = h1_write_response(out, sizeof(out), &response, &row->context), scanned = 0, head_bytes;
        assert_str(str_n(out, len), row->expected);
        for (size_t room = 0; room < len; room++)
            assert_int_equal(h1_write_response(out, room, &response, &row->context), 0);
        len = h1_write_response(out, sizeof(out), &response, &row->context);
        enum parse verdict =
            h1_parse_response(&response_again, out, len, row->method, &default_limits, &scanned, &head_bytes);
        assert_int_equal(verdict, PARSE_DONE);
        assert_int_equal(head_bytes, len);
        assert_int_equal(response_again.status, response.status);
        assert_true(str_eq(response_again.reason, response.reason));
        assert_int_equal(response_again.framing, row->context.framing);
    }
}

static void test_framing_for_client(void **state)
{
    static const struct {
        enum http_framing server, to_1_0, to_1_1;
    } rows[] = {
        {HTTP_FRAMING_NONE, HTTP_FRAMING_NONE, HTTP_FRAMING_NONE},
        {HTTP_FRAMING_LENGTH, HTTP_FRAMING_LENGTH, HTTP_FRAMING_LENGTH},
        {HTTP_FRAMING_CHUNKED, HTTP_FRAMING_UNTIL_CLOSE, HTTP_FRAMING_CHUNKED},
        {HTTP_FRAMING_UNTIL_CLOSE, HTTP_FRAMING_UNTIL_CLOSE, HTTP_FRAMING_CHUNKED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        response.framing = rows[i].server;
        assert_int_equal(h1_framing_for_client(&response, 0), rows[i].to_1_0);
        assert_int_equal(h1_framing_for_client(&response, 1), rows[i].to_1_1);
    }
}

static void test_interim(void **state)
{
    parse_response(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\nX: 1\r\nContent-Length: 0\r\n\r\n",
        HTTP_GET);
    size_t len = h1_write_interim(out, sizeof(out), &response, STR("weir"));
    assert_str(str_n(out, len), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nVia: 1.1 weir\r\n\r\n");
    assert_int_equal(h1_write_interim(out, len - 1, &response, STR("weir")), 0);
    parse_response("HTTP/1.1 100 \r\n\r\n", HTTP_GET);
    len = h1_write_interim(out, sizeof(out), &response, STR(""));
    assert_str(str_n(out, len), "HTTP/1.1 100 \r\n\r\n");
}

static void test_trailers(void **state)
{
    static const struct {
        const char *trailers, *expected;
    } rows[] = {
        {"", "0\r\n\r\n"},
        {"grpc-status: 0\r\nX-A:\tb \r\n", "0\r\ngrpc-status: 0\r\nX-A: b\r\n\r\n"},
        {"A:\r\nB:c\r\nD: \r\n", "0\r\nA:\r\nB:c\r\nD: \r\n\r\n"}, /* no byte more than came */
        {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: a\r\nX-B: c\r\nAuthorization: "
         "x\r\nSet-Cookie: y\r\n"
         "X-Forwarded-For: 6\r\nForwarded: for=6\r\nX_Forwarded_For: 6\r\nConnection: close\r\nTrailer: "
         "a\r\n",
         "0\r\nX-B: c\r\n\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t room = strlen(rows[i].trailers) + H1_BODY_END_BYTES;
        size_t len = h1_write_trailers(out, room, str_of(rows[i].trailers));
        assert_str(str_n(out, len), rows[i].expected);
        assert_int_equal(h1_write_trailers(out, len - 1, str_of(rows[i].trailers)), 0);
    }
}

static void test_chunk_heads(void **state)
{
    static const size_t sizes[] = {1, 9, 10, 15, 16, 31, 255, 256, 4095, 4096, 16384, 65535, 65536, SIZE_MAX};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char is[H1_CHUNK_HEAD_BYTES_MAX], should[32];
        snprintf(should, sizeof(should), "%zx\r\n", sizes[i]);
        assert_str(str_n(is, h1_write_chunk_head(is, sizes[i])), should);
    }
}

/* Chunks as written decode to what was put in. */
static void test_written_chunks_decode(void **state)
{
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    size_t len = 0, used;
    for (size_t at = 0, n = 1; at < sizeof(text); at += n, n = MIN(n + 3, sizeof(text) - at)) {
        len += h1_write_chunk_head(out + len, n);
        memcpy(out + len, text + at, n);
        memcpy(out + len + n, H1_CHUNK_END.ptr, H1_CHUNK_END.len);
        len += n + H1_CHUNK_END.len;
    }
    len += h1_write_trailers(out + len, sizeof(out) - len, STR("X-A: b\r\n"));
    struct h1_body b;
    struct str payload, trailers;
    h1_body_init(&b, HTTP_FRAMING_CHUNKED, 0);
    assert_int_equal(h1_body_decode(&b, out, len, &used, &payload, &trailers), PARSE_DONE);
    assert_int_equal(used, len);
    assert_true(str_eq(payload, str_n(text, sizeof(text))));
    assert_str(trailers, "X-A: b\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_lines_and_framing),
        cmocka_unit_test(test_fields_that_end_here),
        cmocka_unit_test(test_forged_fields_are_dropped),
        cmocka_unit_test(test_ipv6_and_https),
        cmocka_unit_test(test_trusted_peer),
        cmocka_unit_test(test_request_connection),
        cmocka_unit_test(test_request_id_via_expect),
        cmocka_unit_test(test_too_small),
        cmocka_unit_test(test_written_requests_parse),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_framing_for_client),
        cmocka_unit_test(test_interim),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_chunk_heads),
        cmocka_unit_test(test_written_chunks_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
