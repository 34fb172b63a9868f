/* test_utf8.c: where text may be cut. */
#include "base/utf8.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void sequences_are_whole_characters(void **state)
{
    static const struct {
        struct str text;
        size_t length;
    } cases[] = {
        {STR("a"), 1},
        {STR("\xc3\xa9"), 2},         /* e with acute */
        {STR("\xed\x95\x9c"), 3},     /* U+D55C */
        {STR("\xf0\x9f\x94\xa5"), 4}, /* U+1F525 */
        {STR("\xed\x95"), 0},         /* cut */
        {STR("\x95"), 0},             /* begins within one */
        {STR("\xc0\x80"), 0},         /* overlong */
        {STR("\xed\xa0\x80"), 0},     /* a surrogate */
        {STR("\xf4\x90\x80\x80"), 0}, /* beyond U+10FFFF */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(utf8_sequence(cases[i].text), cases[i].length);
}

static void a_cut_leaves_whole_characters(void **state)
{
    struct str text = STR("a\xed\x95\x9c\xea\xb8\x80"); /* a, two syllables of three bytes */
    static const size_t lengths[] = {0, 1, 1, 1, 4, 4, 4, 7, 7};
    for (size_t bytes_max = 0; bytes_max < ARRAY_LEN(lengths); bytes_max++)
        assert_int_equal(utf8_cut(text, bytes_max).len, lengths[bytes_max]);
    assert_int_equal(utf8_cut(STR("a\xff\xff"), 2).len, 2); /* what is no character is cut anywhere */
}

static void units_are_those_of_utf_16(void **state)
{
    struct str text = STR("a\xed\x95\x9c\xf0\x9f\x94\xa5!"); /* 1 + 1 + 2 + 1 */
    assert_int_equal(utf8_units(text), 5);
    static const size_t lengths[] = {0, 1, 4, 4, 8, 9, 9};
    for (size_t units_max = 0; units_max < ARRAY_LEN(lengths); units_max++)
        assert_int_equal(utf8_cut_units(text, units_max).len, lengths[units_max]);
    assert_int_equal(utf8_units(STR("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_are_whole_characters),
        cmocka_unit_test(a_cut_leaves_whole_characters),
        cmocka_unit_test(units_are_those_of_utf_16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
