/* Pointers into JSON (RFC 6901), with the examples of its section 5, and scalars as text. */
#include "base/macros.h"
#include "net/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char document[] =
    "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4,"
    " \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8, \"null\": null, \"half\": 0.5}";

static struct json_value *parsed(void)
{
    struct err err = {0};
    struct json_value *root = json_value_parse(str_of(document), &err);
    assert_non_null(root);
    return root;
}

static void pointers_lead_where_the_standard_says(void **state)
{
    static const struct {
        const char *pointer, *text;
    } rows[] = {
        {"/foo/0", "bar"}, {"/foo/1", "baz"}, {"/", "0"},     {"/a~1b", "1"}, {"/c%d", "2"},  {"/e^f", "3"},
        {"/g|h", "4"},     {"/i\\j", "5"},    {"/k\"l", "6"}, {"/ ", "7"},    {"/m~0n", "8"},
    };
    struct json_value *root = parsed();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[16];
        assert_true(json_value_to_text(json_value_find(root, rows[i].pointer), text, sizeof(text)));
        assert_string_equal(text, rows[i].text);
    }
    assert_ptr_equal(json_value_find(root, ""), root);
    assert_ptr_equal(json_value_find(root, "#"), root);
    assert_true(json_value_is_array(json_value_find(root, "/foo")));
    json_value_free(root);
}

static void other_pointers_lead_nowhere(void **state)
{
    static const char *const wrong[] = {"foo",      "/foo/2",   "/foo/-", "/foo/00",
                                        "/foo/bar", "/foo/0/x", "/m~2n",  "/m~",
                                        "/absent",  "/foo/",    "#/foo",  "/foo/18446744073709551616"};
    struct json_value *root = parsed();
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_null(json_value_find(root, wrong[i]));
    assert_null(json_value_find(NULL, "/foo"));
    json_value_free(root);
}

static void only_texts_and_integers_are_texts(void **state)
{
    static const char *const none[] = {"/foo", "/null", "/half", "/absent"};
    struct json_value *root = parsed();
    char text[4];
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_false(json_value_to_text(json_value_find(root, none[i]), text, sizeof(text)));
    assert_true(json_value_to_text(json_value_find(root, "/foo/0"), text, 4));
    assert_false(json_value_to_text(json_value_find(root, "/foo/0"), text, 3)); /* it does not fit */
    assert_true(json_value_is_null(json_value_find(root, "/null")));
    assert_false(json_value_is_null(json_value_find(root, "/absent")));
    assert_true(json_value_to_double(json_value_find(root, "/half"), 7) == 0.5);
    assert_true(json_value_to_double(json_value_find(root, "/foo"), 7) == 7);
    json_value_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers_lead_where_the_standard_says),
        cmocka_unit_test(other_pointers_lead_nowhere),
        cmocka_unit_test(only_texts_and_integers_are_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
