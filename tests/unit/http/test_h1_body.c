/* Bodies: what payload is found and where the message ends; whole, cut in two at every place, byte by byte.
 */
#include "http/h1_body.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct outcome {
    enum parse verdict;
    char payload[5000], trailers[5000];
    size_t payload_len, used;
};

/* Feeds bytes[0..n) of the message as a connection does: what was not used is fed again. */
static void feed(struct h1_body *b, struct outcome *o, struct str message, size_t n)
{
    size_t len = n - o->used, used;
    char *bytes = malloc(len ? len : 1); /* exactly as much as there is */
    struct str payload, trailers;
    memcpy(bytes, message.ptr + o->used, len);
    o->verdict = h1_body_decode(b, bytes, len, &used, &payload, &trailers);
    assert_true(used <= len && payload.len <= used);
    assert_true(payload.len == 0 || (payload.ptr >= bytes && payload.ptr + payload.len <= bytes + used));
    memcpy(o->payload + o->payload_len, payload.ptr, payload.len);
    o->payload_len += payload.len;
    if (trailers.len)
        snprintf(o->trailers, sizeof(o->trailers), "%.*s", STR_ARG(trailers));
    o->used += used;
    free(bytes);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->verdict, b->verdict);
    if (a->verdict == PARSE_BAD)
        return;
    assert_int_equal(a->used, b->used);
    assert_int_equal(a->payload_len, b->payload_len);
    assert_memory_equal(a->payload, b->payload, a->payload_len);
    assert_string_equal(a->trailers, b->trailers);
}

static void check_cuts(enum http_framing framing, uint64_t length, struct str message,
                       const struct outcome *whole)
{
    struct h1_body b;
    for (size_t cut = 0; cut <= message.len; cut++) {
        struct outcome two = {0};
        h1_body_init(&b, framing, length);
        feed(&b, &two, message, cut);
        if (two.verdict == PARSE_MORE)
            feed(&b, &two, message, message.len);
        check_same(&two, whole);
    }
    struct outcome bytewise = {0};
    h1_body_init(&b, framing, length);
    for (size_t n = 0; n <= message.len && bytewise.verdict != PARSE_BAD; n++)
        feed(&b, &bytewise, message, n);
    check_same(&bytewise, whole);
}

static const struct good {
    enum http_framing framing;
    uint64_t length;
    const char *text;
    enum parse verdict;
    const char *payload, *trailers;
    size_t left; /* bytes behind the message */
} goods[] = {
    {HTTP_FRAMING_NONE, 0, "next", PARSE_DONE, "", "", 4},
    {HTTP_FRAMING_LENGTH, 0, "next", PARSE_DONE, "", "", 4},
    {HTTP_FRAMING_LENGTH, 5, "hello", PARSE_DONE, "hello", "", 0},
    {HTTP_FRAMING_LENGTH, 5, "hellonext", PARSE_DONE, "hello", "", 4},
    {HTTP_FRAMING_LENGTH, 6, "hello", PARSE_MORE, "hello", "", 0},
    {HTTP_FRAMING_UNTIL_CLOSE, 0, "hello", PARSE_MORE, "hello", "", 0},
#define GOOD(text, payload, trailers, left)                                                                  \
    {                                                                                                        \
        HTTP_FRAMING_CHUNKED, 0, text, PARSE_DONE, payload, trailers, left                                   \
    }
    GOOD("0\r\n\r\n", "", "", 0),
    GOOD("0\r\n\r\nnext", "", "", 4),
    GOOD("5\r\nhello\r\n0\r\n\r\n", "hello", "", 0),
    GOOD("5\r\nhello\r\n7\r\n, world\r\n1\r\n!\r\n0\r\n\r\nnext", "hello, world!", "", 4),
    GOOD("0000000000000005\r\nhello\r\n000\r\n\r\n", "hello", "", 0),
    GOOD("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", "", 0),
    GOOD("1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", "abcdefghijklmnopqrstuvwxyz", "", 0),
    GOOD("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", "", 0),
    GOOD("5;a\r\nhello\r\n0\r\n\r\n", "hello", "", 0),
    GOOD("5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello", "", 0),
    GOOD("5;a=b;c;d=\"e\"\r\nhello\r\n0\r\n\r\n", "hello", "", 0),
    GOOD("5 ; a = b ;\tc\r\nhello\r\n0\r\n\r\n", "hello", "", 0),
    GOOD("5;a=\"b;c\\\"d\\\\ e\xe9\";f\r\nhello\r\n0\r\n\r\n", "hello", "", 0),
    GOOD("5;a=\"\"\r\nhello\r\n0\r\n\r\n", "hello", "", 0),
    GOOD("0\r\nX-A: b\r\n\r\nnext", "", "X-A: b\r\n", 4),
    GOOD("5\r\nhello\r\n0\r\nX-A: b\r\nX-C:\r\n\r\n", "hello", "X-A: b\r\nX-C:\r\n", 0),
#undef GOOD
    {HTTP_FRAMING_CHUNKED, 0, "5\r\nhel", PARSE_MORE, "hel", "", 0},
    {HTTP_FRAMING_CHUNKED, 0, "5\r\nhello\r\n0\r\nX-A: b\r\n", PARSE_MORE, "hello", "", 8},
};

static void test_good(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
        const struct good *g = &goods[i];
        struct str message = str_of(g->text);
        struct h1_body b;
        struct outcome whole = {0};
        h1_body_init(&b, g->framing, g->length);
        feed(&b, &whole, message, message.len);
        if (whole.verdict != g->verdict)
            fail_msg("row %zu: verdict %d", i, whole.verdict);
        assert_int_equal(whole.used, message.len - g->left);
        assert_int_equal(whole.payload_len, strlen(g->payload));
        assert_memory_equal(whole.payload, g->payload, whole.payload_len);
        assert_string_equal(whole.trailers, g->trailers);
        assert_int_equal(h1_body_is_done(&b), g->verdict == PARSE_DONE);
        check_cuts(g->framing, g->length, message, &whole);
    }
}

static void test_bad(void **state)
{
    static const char *const rows[] = {
        "x\r\n",
        "\r\n",
        "g\r\n",
        " 5\r\n",
        "5 \r\n",
        "5\t\r\n",
        "+5\r\n",
        "-5\r\n",
        "0x5\r\n",
        "5_\r\n",
        "5,5\r\n",
        "5\n",
        "5\rx",
        "5\r\r\n",
        "5\r\nhellox",
        "5\r\nhello\n",
        "5\r\nhello\rx",
        "5;\r\n",
        "5;=\r\n",
        "5;a=\r\n",
        "5;a=;\r\n",
        "5;a \r\n",
        "5;a=b \r\n",
        "5;a=\"b\" \r\n",
        "5;;a\r\n",
        "5;a b\r\n",
        "5;a=b c\r\n",
        "5;a=\"b\"c\r\n",
        "5;a=\"\n",
        "5;a=\"\r\n",
        "5;a=\"\x7f\"",
        "5;a=\"\\\n",
        "5;a\n",
        "5;a\x01",
        "5;(\r\n",
        "5;a=(\r\n",
        "8000000000000000\r\n",
        "7fffffffffffffff0\r\n",
        "00000000000000005\r\n",
        "0\n",
        "0\r\n\n",
        "0\r\n\rx",
        "0\r\nX\r\n",
        "0\r\nX : a\r\n",
        "0\r\n X: a\r\n",
        "0\r\nX: a\n",
        "0\r\nX: a\rb",
        "0\r\nX: a\x01",
        "0\r\n: a\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str message = str_of(rows[i]);
        struct h1_body b;
        struct outcome whole = {0};
        h1_body_init(&b, HTTP_FRAMING_CHUNKED, 0);
        feed(&b, &whole, message, message.len);
        if (whole.verdict != PARSE_BAD)
            fail_msg("row %zu: verdict %d", i, whole.verdict);
        assert_int_equal(http_fault_status(b.fault), 400);
        assert_int_equal(h1_body_end(&b), PARSE_BAD);
        check_cuts(HTTP_FRAMING_CHUNKED, 0, message, &whole);
    }
}

static void test_largest_size(void **state)
{
    struct h1_body b;
    struct outcome o = {0};
    h1_body_init(&b, HTTP_FRAMING_CHUNKED, 0);
    feed(&b, &o, STR("7fffffffffffffff\r\nhello"), 23);
    assert_int_equal(o.verdict, PARSE_MORE);
    assert_int_equal(o.payload_len, 5);
    assert_int_equal(b.remaining, INT64_MAX - 5);
}

static void test_line_limit(void **state)
{
    char text[600];
    for (int extra = 0; extra <= 1; extra++) {
        struct h1_body b;
        struct outcome o = {0};
        int name_bytes = H1_CHUNK_LINE_BYTES_MAX - 3 + extra; /* size, semicolon, CR */
        memset(text, 'a', sizeof(text));
        memcpy(text, "1;", 2);
        memcpy(text + 2 + name_bytes, "\r\nx\r\n0\r\n\r\n", 11);
        h1_body_init(&b, HTTP_FRAMING_CHUNKED, 0);
        feed(&b, &o, str_of(text), strlen(text));
        assert_int_equal(o.verdict, extra ? PARSE_BAD : PARSE_DONE);
    }
}

static void test_trailer_limit(void **state)
{
    static char text[3 * H1_TRAILER_BYTES_MAX];
    for (int extra = 0; extra <= 1; extra++) {
        struct outcome o = {0};
        struct h1_body b;
        size_t section_bytes = (size_t)H1_TRAILER_BYTES_MAX + (size_t)extra;
        memset(text, 'a', sizeof(text));
        memcpy(text, "0\r\nX: ", 6);
        memcpy(text + 3 + section_bytes - 4, "\r\n\r\n", 5);
        h1_body_init(&b, HTTP_FRAMING_CHUNKED, 0);
        feed(&b, &o, str_of(text), strlen(text));
        assert_int_equal(o.verdict, extra ? PARSE_BAD : PARSE_DONE);
        if (extra)
            assert_int_equal(b.fault, HTTP_FAULT_TRAILERS);
        check_cuts(HTTP_FRAMING_CHUNKED, 0, str_of(text), &o);
    }
}

static void test_end(void **state)
{
    static const struct {
        enum http_framing framing;
        uint64_t length;
        const char *text;
        enum parse verdict;
    } rows[] = {
        {HTTP_FRAMING_NONE, 0, "", PARSE_DONE},
        {HTTP_FRAMING_UNTIL_CLOSE, 0, "", PARSE_DONE},
        {HTTP_FRAMING_UNTIL_CLOSE, 0, "hello", PARSE_DONE},
        {HTTP_FRAMING_LENGTH, 0, "", PARSE_DONE},
        {HTTP_FRAMING_LENGTH, 5, "hell", PARSE_BAD},
        {HTTP_FRAMING_LENGTH, 5, "hello", PARSE_DONE},
        {HTTP_FRAMING_CHUNKED, 0, "", PARSE_BAD},
        {HTTP_FRAMING_CHUNKED, 0, "5\r\nhello\r\n", PARSE_BAD},
        {HTTP_FRAMING_CHUNKED, 0, "0\r\n", PARSE_BAD},
        {HTTP_FRAMING_CHUNKED, 0, "0\r\nX: a\r\n", PARSE_BAD},
        {HTTP_FRAMING_CHUNKED, 0, "0\r\n\r\n", PARSE_DONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct h1_body b;
        struct outcome o = {0};
        h1_body_init(&b, rows[i].framing, rows[i].length);
        feed(&b, &o, str_of(rows[i].text), strlen(rows[i].text));
        assert_int_equal(h1_body_end(&b), rows[i].verdict);
        assert_int_equal(h1_body_is_done(&b), rows[i].verdict == PARSE_DONE);
    }
}

/* A body that ended uses nothing more: the bytes belong to the next message. */
static void test_after_the_end(void **state)
{
    struct h1_body b;
    struct outcome o = {0};
    h1_body_init(&b, HTTP_FRAMING_CHUNKED, 0);
    feed(&b, &o, STR("0\r\n\r\nnext"), 9);
    assert_int_equal(o.used, 5);
    feed(&b, &o, STR("0\r\n\r\nnext"), 9);
    assert_int_equal(o.verdict, PARSE_DONE);
    assert_int_equal(o.used, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(test_bad),
        cmocka_unit_test(test_largest_size),  cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_trailer_limit), cmocka_unit_test(test_end),
        cmocka_unit_test(test_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
