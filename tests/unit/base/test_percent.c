/* Percent-encoded text, in both directions. */
#include "base/macros.h"
#include "base/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void what_is_put_stays_in_its_segment(void **state)
{
    struct buf out = {0};
    percent_put(&out, STR("shop-1_a.b~/../?x=%\xc3\xa9"));
    assert_string_equal(out.ptr, "shop-1_a.b~%2F..%2F%3Fx%3D%25%C3%A9");
    buf_clear(&out);
    percent_put(&out, STR("{\"a b\":[1]}"));
    assert_string_equal(out.ptr, "%7B%22a%20b%22%3A%5B1%5D%7D");
    buf_fini(&out);
}

static void every_byte_comes_back(void **state)
{
    for (int c = 1; c < 256; c++) {
        char byte = (char)c, back[2];
        struct buf out = {0};
        percent_put(&out, str_n(&byte, 1));
        assert_int_equal(out.len, percent_is_plain(byte) ? 1 : 3);
        assert_true(percent_decode(buf_str(&out), back, sizeof(back)));
        assert_int_equal(back[0], byte);
        buf_fini(&out);
    }
}

static void what_is_malformed_is_refused(void **state)
{
    static const char *const bad[] = {"", "%", "%4", "a%4", "%4g", "%g4", "%00", "a%00b", "abcdefgh"};
    char out[8];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(percent_decode(str_of(bad[i]), out, sizeof(out)));
    assert_true(percent_decode(STR("%2fa%2Fb+"), out, sizeof(out)));
    assert_string_equal(out, "/a/b+");
    assert_true(percent_decode(STR("abcdefg"), out, sizeof(out)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_stays_in_its_segment),
        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(what_is_malformed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
