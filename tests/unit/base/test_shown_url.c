/* test_shown_url.c: what everybody may see of an address. */
#include "base/shown_url.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void passwords_and_queries_are_not_shown(void **state)
{
    static const struct {
        const char *url, *shown;
    } cases[] = {
        {"https://shop.example.com/page", "https://shop.example.com/page"},
        {"https://u:secret@shop.example.com/page", "https://***@shop.example.com/page"},
        {"https://u:sec@ret@shop.example.com", "https://***@shop.example.com"},
        {"https://shop.example.com/page?key=secret#x", "https://shop.example.com/page?***"},
        {"https://shop.example.com?key=secret", "https://shop.example.com?***"},
        {"https://shop.example.com/a@b", "https://shop.example.com/a@b"},
        {"https://shop.example.com/?", "https://shop.example.com/?"},
        {"db.internal:5432", "db.internal:5432"},
        {"odd?text@here", "odd?text@here"},
        {"", ""},
    };
    char out[256], small[12];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(shown_url(str_of(cases[i].url), out, sizeof(out)).ptr, cases[i].shown);
    assert_string_equal(shown_url(STR("https://shop.example.com/"), small, sizeof(small)).ptr, "https://sho");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passwords_and_queries_are_not_shown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
