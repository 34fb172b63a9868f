/* The JSON writer: commas, escapes, nesting, and always valid output. */
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void expect_str(struct str value, const char *expected)
{
    struct buf out = {0};
    struct json j;
    json_init(&j, &out);
    json_str(&j, value);
    assert_string_equal(out.ptr, expected);
    buf_fini(&out);
}

static void objects_and_arrays(void **state)
{
    struct buf out = {0};
    struct json j;
    json_init(&j, &out);
    json_begin_object(&j);
    json_put_int(&j, "a", -1);
    json_key(&j, "b");
    json_begin_array(&j);
    json_int(&j, 1);
    json_begin_object(&j);
    json_end_object(&j);
    json_begin_array(&j);
    json_end_array(&j);
    json_bool(&j, false);
    json_end_array(&j);
    json_put_text(&j, "c", NULL);
    json_put_bool(&j, "d", true);
    json_put_str(&j, "e", STR("x"));
    json_put_text(&j, "f", "y");
    json_put_int_if(&j, "g", true, 2);
    json_put_int_if(&j, "h", false, 2);
    json_put_double_if(&j, "i", true, 0.5);
    json_put_double_if(&j, "j", false, 0.5);
    json_end_object(&j);
    assert_string_equal(out.ptr, "{\"a\":-1,\"b\":[1,{},[],false],\"c\":null,\"d\":true,\"e\":\"x\",\"f\":"
                                 "\"y\",\"g\":2,\"h\":null,\"i\":0.5,\"j\":null}");
    buf_fini(&out);
}

static void numbers(void **state)
{
    struct buf out = {0};
    struct json j;
    json_init(&j, &out);
    json_begin_array(&j);
    json_int(&j, INT64_MIN);
    json_int(&j, INT64_MAX);
    json_double(&j, 0.5);
    json_double(&j, NAN);
    json_double(&j, INFINITY);
    json_null(&j);
    json_end_array(&j);
    assert_string_equal(out.ptr, "[-9223372036854775808,9223372036854775807,0.5,null,null,null]");
    buf_fini(&out);
}

static void texts_are_escaped(void **state)
{
    expect_str(STR(""), "\"\"");
    expect_str(str_n(NULL, 0), "\"\"");
    expect_str(STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    expect_str(STR("\n\t\r\x01\x7f"), "\"\\n\\u0009\\u000d\\u0001\\u007f\"");
    expect_str(str_n("a\0b", 3), "\"a\\u0000b\"");
    expect_str(STR("가게 é 😀"), "\"가게 é 😀\"");
}

/* Unicode 15, table 3-7: overlong forms, surrogates, beyond U+10FFFF, cut and lonely bytes. */
static void what_is_no_utf8_is_replaced(void **state)
{
    expect_str(STR("a\xff"
                   "b"),
               "\"a\\ufffdb\"");
    expect_str(STR("\x80"), "\"\\ufffd\"");
    expect_str(STR("\xc0\xaf"), "\"\\ufffd\\ufffd\"");
    expect_str(STR("\xe0\x9f\xbf"), "\"\\ufffd\\ufffd\\ufffd\"");
    expect_str(STR("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
    expect_str(STR("\xf0\x8f\xbf\xbf"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    expect_str(STR("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    expect_str(STR("\xea\xb0"), "\"\\ufffd\\ufffd\"");
    expect_str(STR("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_and_arrays),
        cmocka_unit_test(numbers),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(what_is_no_utf8_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
