/* Borrowed text: comparing, splitting, numbers, and the nearest word for "did you mean". */
#include "base/macros.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void comparing(void **state)
{
    assert_true(str_eq(STR("abc"), str_n("abcd", 3)));
    assert_false(str_eq(STR("abc"), STR("abd")));
    assert_false(str_eq(STR("abc"), STR("ab")));
    assert_true(str_eq(STR(""), str_n(NULL, 0)));
    assert_true(str_eq_nocase(STR("Content-LENGTH"), STR("content-length")));
    assert_false(str_eq_nocase(STR("a["), STR("a{"))); /* only letters have a case */
    assert_true(str_starts_with(STR("abc"), STR("ab")));
    assert_true(str_starts_with(STR("abc"), str_n(NULL, 0)));
    assert_false(str_starts_with(STR("ab"), STR("abc")));
    assert_true(str_ends_with(STR("abc"), STR("bc")));
    assert_false(str_ends_with(STR("bc"), STR("abc")));
    assert_int_equal(str_of(NULL).len, 0);
}

static void trimming(void **state)
{
    assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
    assert_true(str_eq(str_trim(STR(" \t ")), STR("")));
    assert_true(str_eq(str_trim(STR("\n")), STR("\n")));
}

static void splitting(void **state)
{
    struct str rest = STR("a,,b,"), part;
    static const char *const expected[] = {"a", "", "b", ""};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_true(str_split(&rest, ',', &part));
        assert_true(str_eq(part, str_of(expected[i])));
    }
    assert_false(str_split(&rest, ',', &part));
    rest = STR("");
    assert_true(str_split(&rest, ',', &part)); /* one empty part */
    assert_false(str_split(&rest, ',', &part));
    rest = str_n(NULL, 0);
    assert_false(str_split(&rest, ',', &part));
}

static void classes(void **state)
{
    for (int c = -128; c < 256; c++) {
        bool is_ascii = c >= 0 && c < 128;
        assert_int_equal(ascii_is_digit((char)c), is_ascii && c >= '0' && c <= '9');
        assert_int_equal(ascii_is_letter((char)c),
                         is_ascii && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')));
    }
    assert_true(str_has_only(STR("0123456789"), ascii_is_digit));
    assert_true(str_has_only(STR(""), ascii_is_digit));
    assert_false(str_has_only(STR("12a"), ascii_is_digit));
}

static void finding(void **state)
{
    size_t at = 77;
    assert_true(str_find(STR("a=b=c"), '=', &at));
    assert_int_equal(at, 1);
    assert_false(str_find(STR("abc"), '=', &at));
    assert_false(str_find(str_n("=", 0), '=', &at));
    assert_int_equal(at, 1);
}

static void numbers(void **state)
{
    uint64_t value = 77;
    assert_true(str_parse_u64(STR("0"), &value));
    assert_int_equal(value, 0);
    assert_true(str_parse_u64(STR("18446744073709551615"), &value));
    assert_int_equal(value, UINT64_MAX);
    static const char *const refused[] = {
        "", "18446744073709551616", "99999999999999999999", "-1", "+1", " 1", "1 ", "0x1", "1a"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_false(str_parse_u64(str_of(refused[i]), &value));
    assert_int_equal(value, UINT64_MAX);
}

static void copying(void **state)
{
    char out[4] = "xxx";
    assert_int_equal(str_copy(out, sizeof(out), STR("ab")), 2);
    assert_string_equal(out, "ab");
    assert_int_equal(str_copy(out, sizeof(out), STR("abcdef")), 3);
    assert_string_equal(out, "abc");
    assert_int_equal(str_copy(out, 1, STR("abc")), 0);
    assert_string_equal(out, "");
}

static void nearest_words(void **state)
{
    static const char *const words[] = {"interval", "timeout", "path", "host", "rise"};
    static const struct {
        const char *typed, *meant;
    } cases[] = {
        {"intervall", "interval"},
        {"intreval", "interval"},
        {"Timeout", "timeout"},
        {"timout", "timeout"},
        {"pathe", "path"},
        {"hots", "host"},
        {"zzz", NULL},
        {"", NULL},
        {"completely-different", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *nearest = str_nearest(str_of(cases[i].typed), words, ARRAY_LEN(words));
        if (!cases[i].meant)
            assert_null(nearest);
        else
            assert_string_equal(nearest, cases[i].meant);
    }
    assert_null(str_nearest(STR("host"), words, 0));
    char long_word[4096];
    memset(long_word, 'a', sizeof(long_word));
    assert_null(str_nearest(str_n(long_word, sizeof(long_word)), words, ARRAY_LEN(words)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing), cmocka_unit_test(trimming),      cmocka_unit_test(splitting),
        cmocka_unit_test(classes),   cmocka_unit_test(finding),       cmocka_unit_test(numbers),
        cmocka_unit_test(copying),   cmocka_unit_test(nearest_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
