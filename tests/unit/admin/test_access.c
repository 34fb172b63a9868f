/* Who may ask the admin listener: tokens, foreign names (DNS rebinding), and forged changes from another
 * site's page. */
#include "admin/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char TOKEN[] = "0123456789abcdef0123";

static int ask(const char *token, const char *host, const char *authorization)
{
    const char *why = NULL;
    struct admin_request r = {.host = str_of(host), .authorization = str_of(authorization)};
    int status = access_check(str_of(token), &r, false, &why);
    if (status)
        assert_non_null(why);
    return status;
}

static void a_token_is_asked_for_when_there_is_one(void **state)
{
    static const struct {
        const char *authorization;
        int status;
    } cases[] = {
        {"Bearer 0123456789abcdef0123", 0},
        {"bearer 0123456789abcdef0123", 0},
        {"Bearer  0123456789abcdef0123 ", 0},
        {"Bearer 0123456789abcdef0124", 401},
        {"Bearer 0123456789abcdef012", 401},
        {"Bearer 0123456789abcdef01234", 401},
        {"Basic 0123456789abcdef0123", 401},
        {"0123456789abcdef0123", 401},
        {"Bearer ", 401},
        {"Bearer", 401},
        {"", 401},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(ask(TOKEN, "ops.example.com", cases[i].authorization), cases[i].status);
}

static void without_a_token_the_host_must_be_ours(void **state)
{
    static const struct {
        const char *host;
        int status;
    } cases[] = {
        {"127.0.0.1:9900", 0},
        {"127.0.0.1", 0},
        {"[::1]:9900", 0},
        {"[::1]", 0},
        {"10.1.2.3:80", 0},
        {"localhost:9900", 0},
        {"LOCALHOST", 0},
        {"weir.localhost:9900", 0},
        {"evil.example:9900", 403},
        {"localhost.evil.example", 403},
        {"127.0.0.1.evil.example", 403},
        {"evillocalhost", 403},
        {".localhost", 403},
        {"127.0.0.1/8", 403},
        {"[::1", 403},
        {"", 403},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(ask("", cases[i].host, ""), cases[i].status);
}

static void changes_must_not_be_forged(void **state)
{
    static const struct {
        const char *content_type, *origin;
        bool has_field;
        int status;
    } cases[] = {
        {"application/json", "", false, 0},
        {"application/json; charset=utf-8", "", false, 0},
        {"Application/JSON", "http://127.0.0.1:9900", false, 0},
        {"", "", true, 0},
        {"text/plain", "", true, 0},
        {"", "", false, 415},
        {"text/plain", "", false, 415}, /* what a form or a no-cors fetch can send */
        {"text/plain; application/json", "", false, 415},
        {"application/json", "http://evil.example", false, 403},
        {"application/json", "http://127.0.0.1:80", false, 403}, /* another service of the same host */
        {"application/json", "null", false, 403},
        {"", "http://evil.example", true, 403},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why;
        struct admin_request r = {.host = STR("127.0.0.1:9900"),
                                  .content_type = str_of(cases[i].content_type),
                                  .origin = str_of(cases[i].origin),
                                  .has_request_field = cases[i].has_field};
        assert_int_equal(access_check(STR(""), &r, true, &why), cases[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_asked_for_when_there_is_one),
        cmocka_unit_test(without_a_token_the_host_must_be_ours),
        cmocka_unit_test(changes_must_not_be_forged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
