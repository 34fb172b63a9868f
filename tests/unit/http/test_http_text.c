/* The tables of message.h, byte classes, dates, and the replies that Weir makes itself. */
#include "http/date.h"
#include "http/error_reply.h"
#include "http/h1_parse.h"
#include "http/scan.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

/* The look-up walks the names of one length, so the table must be sorted by length. */
static void test_field_table(void **state)
{
    for (unsigned id = 1; id < HTTP_FIELD_COUNT; id++) {
        struct str name = http_field_name(id);
        char text[64];
        assert_true(name.len >= http_field_name(id - 1).len);
        assert_true(str_is_class(name, CHAR_PLAIN));
        assert_int_equal(http_field_find(name), id);
        for (size_t i = 0; i <= name.len; i++)
            text[i] = i < name.len && i % 2
                          ? (char)(name.ptr[i] ^ (ascii_lower(name.ptr[i]) >= 'a' ? 0x20 : 0))
                          : name.ptr[i];
        assert_int_equal(http_field_find(str_n(text, name.len)), id);
        for (size_t i = 0; i < name.len; i++) {
            memcpy(text, name.ptr, name.len);
            text[i] = text[i] == 'z' ? 'y' : 'z';
            assert_int_not_equal(http_field_find(str_n(text, name.len)), id);
        }
        assert_int_not_equal(http_field_find(str_n(name.ptr, name.len - 1)), id);
        assert_true(http_field_kind(id) != HTTP_KIND_OTHER);
    }
    assert_int_equal(http_field_find(STR("")), HTTP_FIELD_OTHER);
    assert_int_equal(http_field_find(STR("an-unusually-long-field-name-that-nobody-knows")),
                     HTTP_FIELD_OTHER);
}

static void test_names_and_phrases(void **state)
{
    assert_int_equal(http_method_find(STR("GET")), HTTP_GET);
    assert_int_equal(http_method_find(STR("CONNECT")), HTTP_CONNECT);
    assert_int_equal(http_method_find(STR("get")), HTTP_OTHER);
    for (unsigned fault = 1; fault < HTTP_FAULT_COUNT; fault++) {
        assert_true(http_status_reason(http_fault_status(fault)).len > 0);
        assert_true(strlen(http_fault_phrase(fault)) > 0);
    }
    assert_int_equal(http_status_reason(299).len, 0);
}

/* scan_value against the plain definition, at every offset and with every byte at every place. */
static void test_scan_value(void **state)
{
    for (unsigned c = 0; c < 256; c++) {
        bool may_stand = (c >= 0x20 && c != 0x7f) || c == '\t';
        for (size_t len = 1; len < 20; len++) {
            char *bytes = malloc(len);
            for (size_t at = 0; at < len; at++) {
                memset(bytes, 0xff, len);
                if (at > 0)
                    bytes[at - 1] = '\t';
                bytes[at] = (char)c;
                assert_ptr_equal(scan_value(bytes, bytes + len), may_stand ? bytes + len : bytes + at);
            }
            free(bytes);
        }
    }
}

static void test_char_classes(void **state)
{
    for (unsigned c = 0; c < 256; c++) {
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_ascii = c > 0 && c < 0x80;
        char byte = (char)c;
        assert_int_equal(char_is(byte, CHAR_TOKEN),
                         is_alnum || (is_ascii && strchr("!#$%&'*+-.^_`|~", (int)c)));
        assert_int_equal(char_is(byte, CHAR_TARGET), c > 0x20 && c < 0x7f && !strchr("\"#<>\\", (int)c));
        assert_int_equal(char_is(byte, CHAR_HOST), is_alnum || (is_ascii && strchr("-._~", (int)c)));
        assert_int_equal(char_is(byte, CHAR_ID), is_alnum || (is_ascii && strchr("-._", (int)c)));
        assert_int_equal(char_is(byte, CHAR_PLAIN), is_alnum || c == '-');
        assert_int_equal(char_is(byte, CHAR_DIGIT), c >= '0' && c <= '9');
        assert_int_equal(char_is(byte, CHAR_HEX), is_ascii && strchr("0123456789abcdefABCDEF", (int)c));
        assert_int_equal(char_is(byte, CHAR_QUOTED),
                         c == '\t' || (c >= 0x20 && c != 0x7f && c != '"' && c != '\\'));
    }
}

/* Against the C library's calendar, over all years that the form can hold. */
static void test_dates(void **state)
{
    char is[HTTP_DATE_BYTES + 1], should[64];
    assert_string_equal(http_date_format(is, 784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_string_equal(http_date_format(is, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_string_equal(http_date_format(is, 951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
    assert_string_equal(http_date_format(is, INT64_C(253402300799)), "Fri, 31 Dec 9999 23:59:59 GMT");
    for (int64_t second = 0; second < INT64_C(253402300799); second += 86400 * 13 + 12345) {
        time_t t = (time_t)second;
        struct tm calendar;
        gmtime_r(&t, &calendar);
        strftime(should, sizeof(should), "%a, %d %b %Y %H:%M:%S GMT", &calendar);
        assert_string_equal(http_date_format(is, second), should);
    }
}

static void test_accept(void **state)
{
    static const struct {
        const char *accept;
        bool wants_json;
    } rows[] = {
        {"", false},
        {"*/*", false},
        {"text/html", false},
        {"application/json", true},
        {"Application/JSON; charset=utf-8", true},
        {"application/problem+json", true},
        {"application/*", true},
        {"application/json, text/html", false},
        {"application/json, text/html;q=0.9", true},
        {"application/json;q=0.8, text/html;q=0.9", false},
        {"application/json, */*;q=0.5", true},
        {"text/html, application/json;q=0.5", false},
        {"text/*;q=0.3, application/json;q=0.4", true},
        {"text/html;q=0, */*", true},
        {"application/json;q=0", false},
        {"application/json ; q=0.001", true},
        {"application/json;q=1.0,text/html;q=0.999", true},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
        {"image/png", false},
        {"application/json;q=nonsense", true},
        {",,;;,", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (error_reply_wants_json(str_of(rows[i].accept)) != rows[i].wants_json)
            fail_msg("%s", rows[i].accept);
}

static struct http_response response;

static struct str parse_reply(const char *bytes, size_t len, enum http_method method)
{
    const struct http_limits limits = {.head_bytes = 4096, .field_count = 20, .target_bytes = 100};
    size_t scanned = 0, head_bytes;
    enum parse verdict = h1_parse_response(&response, bytes, len, method, &limits, &scanned, &head_bytes);
    assert_int_equal(verdict, PARSE_DONE);
    return str_n(bytes + head_bytes, len - head_bytes);
}

static struct str value_of(enum http_field_id id)
{
    const struct http_field *f = http_response_field(&response, id);
    return f ? f->value : STR("");
}

static void test_error_replies(void **state)
{
    static char out[ERROR_REPLY_BYTES_MAX], head[ERROR_REPLY_BYTES_MAX];
    struct error_reply e = {.status = 503,
                            .detail = STR("no <server> is \"up\" & well\x01"),
                            .request_id = STR("r-1"),
                            .date = STR("Sun, 06 Nov 1994 08:49:37 GMT"),
                            .retry_after_s = 5,
                            .keeps_alive = true,
                            .client_minor_version = 1};
    size_t len = error_reply_write(out, sizeof(out), &e);
    struct str body = parse_reply(out, len, HTTP_GET);
    assert_int_equal(response.status, 503);
    assert_int_equal(response.content_length, body.len);
    assert_true(response.keeps_alive);
    assert_true(str_eq(response.reason, STR("Service Unavailable")));
    assert_true(str_eq(value_of(HTTP_FIELD_RETRY_AFTER), STR("5")));
    assert_true(str_eq(value_of(HTTP_FIELD_X_REQUEST_ID), STR("r-1")));
    assert_true(str_eq(value_of(HTTP_FIELD_DATE), e.date));
    assert_true(str_eq(value_of(HTTP_FIELD_CONTENT_TYPE), STR("text/html; charset=utf-8")));
    assert_non_null(memmem(body.ptr, body.len, "no &lt;server&gt; is &quot;up&quot; &amp; well?", 43));

    /* HEAD: the same head, no body. */
    e.is_head = true;
    size_t head_len = error_reply_write(head, sizeof(head), &e);
    assert_int_equal(head_len, len - body.len);
    assert_memory_equal(head, out, head_len);

    e = (struct error_reply){
        .status = 405, .detail = STR("a \"quoted\\ <thing>"), .accept = STR("application/json")};
    len = error_reply_write(out, sizeof(out), &e);
    body = parse_reply(out, len, HTTP_GET);
    assert_false(response.keeps_alive);
    assert_true(str_eq(value_of(HTTP_FIELD_CONTENT_TYPE), STR("application/json")));
    assert_true(str_eq(body, STR("{\"status\": 405, \"error\": \"Method Not Allowed\", "
                                 "\"detail\": \"a \\\"quoted\\\\ <thing>\"}\n")));
    assert_non_null(memmem(out, len, "\r\nAllow: GET,", 13));
    for (size_t room = 0; room < len; room++)
        assert_int_equal(error_reply_write(out, room, &e), 0);
}

/* The worst text fits. */
static void test_error_reply_room(void **state)
{
    static char out[ERROR_REPLY_BYTES_MAX];
    char quotes[1000], id[HTTP_REQUEST_ID_BYTES_MAX];
    memset(quotes, '"', sizeof(quotes));
    memset(id, 'x', sizeof(id));
    for (int is_json = 0; is_json <= 1; is_json++) {
        struct error_reply e = {.status = 431,
                                .detail = str_n(quotes, sizeof(quotes)),
                                .request_id = str_n(id, sizeof(id)),
                                .date = STR("Sun, 06 Nov 1994 08:49:37 GMT"),
                                .retry_after_s = UINT32_MAX,
                                .accept = is_json ? STR("application/json") : STR("")};
        assert_true(error_reply_write(out, sizeof(out), &e) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_field_table),   cmocka_unit_test(test_names_and_phrases),
        cmocka_unit_test(test_scan_value),    cmocka_unit_test(test_char_classes),
        cmocka_unit_test(test_dates),         cmocka_unit_test(test_accept),
        cmocka_unit_test(test_error_replies), cmocka_unit_test(test_error_reply_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
