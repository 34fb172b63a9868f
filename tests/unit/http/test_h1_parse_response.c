/* Response heads: framing by RFC 9112 §6.3, what is refused; whole, cut in two, byte by byte. */
#include "cut.h"

#include "base/macros.h"

static struct http_response response, again; /* large: not on the stack */

#define OK "HTTP/1.1 200 OK\r\n"

static const struct good {
    const char *text;
    enum http_method method;
    unsigned status;
    const char *reason;
    uint8_t minor_version;
    enum http_framing framing;
    bool has_length;
    uint64_t length;
    bool keeps_alive;
    uint32_t field_count;
} goods[] = {
    {OK "\r\n", HTTP_GET, 200, "OK", 1, HTTP_FRAMING_UNTIL_CLOSE, false, 0, false, 0},
    {OK "Content-Length: 5\r\n\r\nhello", HTTP_GET, 200, "OK", 1, HTTP_FRAMING_LENGTH, true, 5, true, 1},
    {OK "Content-Length: 0\r\n\r\n", HTTP_GET, 200, "OK", 1, HTTP_FRAMING_LENGTH, true, 0, true, 1},
    {OK "Content-Length: 5\r\nConnection: close\r\n\r\n", HTTP_GET, 200, "OK", 1, HTTP_FRAMING_LENGTH, true,
     5, false, 2},
    {OK "Content-Length: 5\r\nConnection: x, Close\r\n\r\n", HTTP_GET, 200, "OK", 1, HTTP_FRAMING_LENGTH,
     true, 5, false, 2},
    {OK "Transfer-Encoding: chunked\r\n\r\n", HTTP_GET, 200, "OK", 1, HTTP_FRAMING_CHUNKED, false, 0, true,
     1},
    {OK "Transfer-Encoding: CHUNKED\r\n\r\n", HTTP_HEAD, 200, "OK", 1, HTTP_FRAMING_NONE, false, 0, true, 1},
    {OK "Content-Length: 5\r\n\r\n", HTTP_HEAD, 200, "OK", 1, HTTP_FRAMING_NONE, true, 5, true, 1},
    {OK "\r\n", HTTP_HEAD, 200, "OK", 1, HTTP_FRAMING_NONE, false, 0, true, 0},
    {"HTTP/1.1 204 No Content\r\n\r\n", HTTP_POST, 204, "No Content", 1, HTTP_FRAMING_NONE, false, 0, true,
     0},
    {"HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n", HTTP_GET, 204, "", 1, HTTP_FRAMING_NONE, true, 0, true, 1},
    {"HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n", HTTP_GET, 204, "", 1, HTTP_FRAMING_NONE, true, 5, false,
     1},
    {"HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GET, 204, "", 1, HTTP_FRAMING_NONE, false, 0,
     false, 1},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", HTTP_GET, 304, "Not Modified", 1,
     HTTP_FRAMING_NONE, true, 5, true, 1},
    {"HTTP/1.1 100 Continue\r\n\r\n", HTTP_POST, 100, "Continue", 1, HTTP_FRAMING_NONE, false, 0, true, 0},
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", HTTP_GET, 103, "Early Hints", 1, HTTP_FRAMING_NONE,
     false, 0, true, 1},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", HTTP_GET, 101,
     "Switching Protocols", 1, HTTP_FRAMING_NONE, false, 0, false, 2},
    {"HTTP/1.0 200 OK\r\n\r\n", HTTP_GET, 200, "OK", 0, HTTP_FRAMING_UNTIL_CLOSE, false, 0, false, 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP_GET, 200, "OK", 0, HTTP_FRAMING_LENGTH, true, 5,
     false, 1},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\n\r\n", HTTP_GET, 200, "OK", 0,
     HTTP_FRAMING_LENGTH, true, 5, true, 2},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", HTTP_GET, 200, "OK", 0, HTTP_FRAMING_UNTIL_CLOSE,
     false, 0, false, 1},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", HTTP_GET, 200, "", 1, HTTP_FRAMING_LENGTH, true, 0, true,
     1},
    {"HTTP/1.1 599 \xe9t\xe9\tand more\r\nContent-Length: 0\r\n\r\n", HTTP_GET, 599, "\xe9t\xe9\tand more", 1,
     HTTP_FRAMING_LENGTH, true, 0, true, 1},
};

static void check_good(const struct good *g, const struct http_response *r)
{
    assert_int_equal(r->status, g->status);
    assert_str(r->reason, g->reason);
    assert_int_equal(r->minor_version, g->minor_version);
    assert_int_equal(r->framing, g->framing);
    assert_int_equal(r->has_content_length, g->has_length);
    assert_int_equal(r->content_length, g->length);
    assert_int_equal(r->keeps_alive, g->keeps_alive);
    assert_int_equal(r->is_upgrade, g->status == 101);
    assert_int_equal(r->field_count, g->field_count);
}

static void test_good(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
        const struct good *g = &goods[i];
        struct str message = str_of(g->text);
        struct feed whole = {0}, bytewise = {0};
        feed_response(&whole, &response, message, message.len, g->method, &default_limits);
        if (whole.verdict != PARSE_DONE)
            fail_msg("row %zu: %d, %s", i, whole.verdict, http_fault_phrase(response.fault));
        check_good(g, &response);
        for (size_t n = 0; n < whole.head_bytes; n++) {
            feed_response(&bytewise, &response, message, n, g->method, &default_limits);
            assert_int_equal(bytewise.verdict, PARSE_MORE);
            struct feed two = {0};
            feed_response(&two, &again, message, n, g->method, &default_limits);
            feed_response(&two, &again, message, message.len, g->method, &default_limits);
            assert_int_equal(two.verdict, PARSE_DONE);
            assert_int_equal(two.head_bytes, whole.head_bytes);
            check_good(g, &again);
            feed_fini(&two);
        }
        feed_response(&bytewise, &response, message, whole.head_bytes, g->method, &default_limits);
        assert_int_equal(bytewise.verdict, PARSE_DONE);
        check_good(g, &response);
        feed_fini(&whole);
        feed_fini(&bytewise);
    }
}

static const struct bad {
    const char *text;
    size_t len;
    enum http_fault fault;
} bads[] = {
#define BAD(text, fault)                                                                                     \
    {                                                                                                        \
        text, sizeof(text) - 1, HTTP_FAULT_##fault                                                           \
    }
    BAD("HTTP/1.1 099 x\r\n\r\n", STATUS),
    BAD("HTTP/1.1 600 x\r\n\r\n", STATUS),
    BAD("HTTP/1.1 999 x\r\n\r\n", STATUS),
    BAD("HTTP/1.1 20 OK\r\n\r\n", STATUS),
    BAD("HTTP/1.1 2000 OK\r\n\r\n", STATUS),
    BAD("HTTP/1.1 2x0 OK\r\n\r\n", STATUS),
    BAD("HTTP/1.1 -20 OK\r\n\r\n", STATUS),
    BAD("HTTP/1.1  200 OK\r\n\r\n", STATUS),
    BAD("HTTP/1.1\t200 OK\r\n\r\n", STATUS),
    BAD("HTTP/1.1 200\tOK\r\n\r\n", CONTROL_BYTE),
    BAD("HTTP/1.1 200OK\r\n\r\n", STATUS),
    BAD("HTTP/2.0 200 OK\r\n\r\n", STATUS),
    BAD("HTTP/1.2 200 OK\r\n\r\n", STATUS),
    BAD("http/1.1 200 OK\r\n\r\n", STATUS),
    BAD("ICY 200 OK\r\n\r\n", STATUS),
    BAD("200 OK\r\n\r\n", STATUS),
    BAD("\r\nHTTP/1.1 200 OK\r\n\r\n", STATUS),
    BAD("hello", STATUS),
    BAD("HTTP/1.1 200 OK\n\r\n", BARE_LF),
    BAD("HTTP/1.1 200\n", BARE_LF),
    BAD("HTTP/1.1 200 O\rK\r\n\r\n", BARE_CR),
    BAD("HTTP/1.1 200 O\0K\r\n\r\n", CONTROL_BYTE),
    BAD("HTTP/1.1 200 O\x7fK\r\n\r\n", CONTROL_BYTE),
    BAD(OK "X : a\r\n\r\n", FIELD_NAME),
    BAD(OK ": a\r\n\r\n", FIELD_NAME),
    BAD(OK "X\r\n\r\n", FIELD_LINE),
    BAD(OK "X: a\r\n b\r\n\r\n", FOLDED_LINE),
    BAD(OK " X: a\r\n\r\n", FOLDED_LINE),
    BAD(OK "X: a\nb\r\n\r\n", BARE_LF),
    BAD(OK "X: a\rb\r\n\r\n", BARE_CR),
    BAD(OK "X: a\0b\r\n\r\n", CONTROL_BYTE),
    BAD(OK "X: a\r\n\n", BARE_LF),
    BAD(OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", LENGTH_REPEATED),
    BAD(OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", LENGTH_REPEATED),
    BAD(OK "Content-Length: 5, 5\r\n\r\n", LENGTH),
    BAD(OK "Content-Length: +5\r\n\r\n", LENGTH),
    BAD(OK "Content-Length: -5\r\n\r\n", LENGTH),
    BAD(OK "Content-Length:\r\n\r\n", LENGTH),
    BAD(OK "Content-Length: 99999999999999999999\r\n\r\n", LENGTH),
    BAD(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", LENGTH_AND_ENCODING),
    BAD(OK "Transfer-Encoding: gzip\r\n\r\n", ENCODING),
    BAD(OK "Transfer-Encoding: chunked, gzip\r\n\r\n", ENCODING),
    BAD(OK "Transfer-Encoding: gzip, chunked\r\n\r\n", ENCODING_UNKNOWN),
    BAD(OK "Transfer-Encoding: chunked, chunked\r\n\r\n", ENCODING),
    BAD(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", ENCODING),
    BAD(OK "Transfer-Encoding: identity\r\n\r\n", ENCODING),
    BAD(OK "Transfer-Encoding:\r\n\r\n", ENCODING),
    BAD("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ENCODING_VERSION),
    BAD(OK "Connection: a b\r\n\r\n", CONNECTION),
    BAD("HTTP/1.1 304 x\r\nContent-Length: x\r\n\r\n", LENGTH),
#undef BAD
};

static void test_bad(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct str message = str_n(bads[i].text, bads[i].len);
        struct feed whole = {0}, bytewise = {0};
        feed_response(&whole, &response, message, message.len, HTTP_GET, &default_limits);
        if (whole.verdict != PARSE_BAD || response.fault != bads[i].fault)
            fail_msg("row %zu: %d, %s", i, whole.verdict, http_fault_phrase(response.fault));
        for (size_t n = 1; n <= message.len && bytewise.verdict != PARSE_BAD; n++)
            feed_response(&bytewise, &response, message, n, HTTP_GET, &default_limits);
        if (bytewise.verdict != PARSE_BAD || response.fault != bads[i].fault)
            fail_msg("row %zu byte by byte: %d, %s", i, bytewise.verdict, http_fault_phrase(response.fault));
        for (size_t cut = 1; cut < message.len; cut++) {
            struct feed two = {0};
            feed_response(&two, &again, message, cut, HTTP_GET, &default_limits);
            if (two.verdict == PARSE_MORE)
                feed_response(&two, &again, message, message.len, HTTP_GET, &default_limits);
            assert_int_equal(two.verdict, PARSE_BAD);
            assert_int_equal(again.fault, bads[i].fault);
            feed_fini(&two);
        }
        feed_fini(&whole);
        feed_fini(&bytewise);
    }
}

static void test_fields(void **state)
{
    static const char text[] =
        OK "Date: now\r\nUpgrade: h2c\r\nX: a\r\nConnection: x\r\nContent-Length: 0\r\n\r\n";
    size_t scanned = 0, head_bytes;
    enum parse verdict = h1_parse_response(&response, text, sizeof(text) - 1, HTTP_GET, &default_limits,
                                           &scanned, &head_bytes);
    assert_int_equal(verdict, PARSE_DONE);
    assert_int_equal(head_bytes, sizeof(text) - 1);
    assert_true(response.has_date);
    assert_str(response.upgrade, "");
    assert_true(response.fields[2].flags & HTTP_FIELD_NAMED_BY_CONNECTION);
    assert_false(response.fields[0].flags & HTTP_FIELD_NAMED_BY_CONNECTION);
}

static void test_limits(void **state)
{
    const struct http_limits limits = {.head_bytes = 40, .field_count = 2, .target_bytes = 10};
    struct feed f = {0};
    feed_response(&f, &response, STR(OK "A: 1\r\nB: 2\r\n\r\n"), 31, HTTP_GET, &limits);
    assert_int_equal(f.verdict, PARSE_DONE);
    f.scanned = 0;
    feed_response(&f, &response, STR(OK "A: 1\r\nB: 2\r\nC: 3\r\n\r\n"), 37, HTTP_GET, &limits);
    assert_int_equal(response.fault, HTTP_FAULT_FIELD_COUNT);
    f.scanned = 0;
    feed_response(&f, &response, STR(OK "A: 1\r\nB: 234567890123456789\r\n\r\n"), 39, HTTP_GET, &limits);
    assert_int_equal(f.verdict, PARSE_MORE);
    feed_response(&f, &response, STR(OK "A: 1\r\nB: 234567890123456789\r\n\r\n"), 40, HTTP_GET, &limits);
    assert_int_equal(response.fault, HTTP_FAULT_HEAD_BYTES);
    feed_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
