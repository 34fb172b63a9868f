/* Paths that mean the same are routed the same; what servers could read in two ways is refused; nothing
 * grows. */
#include "base/macros.h"
#include "proxy/route_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *path, *meaning; /* NULL: refused */
} rows[] = {
    {"/", "/"},
    {"/a/b", "/a/b"},
    {"/a.b/.c/..d/e..", "/a.b/.c/..d/e.."},
    {"/.well-known/x", "/.well-known/x"},
    {"/...", "/..."},
    {"/a;b=c/d", "/a;b=c/d"},
    {"//", "/"},
    {"//a", "/a"},
    {"/a//b///c/", "/a/b/c/"},
    {"/./a/./b/.", "/a/b/"},
    {"/a/../b", "/b"},
    {"/a/b/..", "/a/"},
    {"/a/b/../..", "/"},
    {"/a/b/../../c", "/c"},
    {"/a//../b", "/b"},
    {"/old/%2e%2E/admin/x", "/admin/x"},
    {"/old/.%2e/admin", "/admin"},
    {"/%61dmin/%7E", "/admin/~"},
    {"/a%2Fb", "/a%2Fb"},
    {"/%C3%A4/%20", "/%C3%A4/%20"},
    {"/a%2525", "/a%2525"},
    {"/%252e%252e/a", "/%252e%252e/a"},
    {"/a;..", "/a;.."},
    {"/..", NULL},
    {"/../a", NULL},
    {"/a/../../b", NULL},
    {"/%2e%2e/a", NULL},
    {"/a%00b", NULL},
    {"/a/..%2Fb", NULL},
    {"/a/..%2fb", NULL},
    {"/a%2F../b", NULL},
    {"/a%5c..%5cb", NULL},
    {"/a%2F%2e%2e%2Fb", NULL},
    {"/a/..;/b", NULL},
    {"/a/..;x=y/b", NULL},
    {"/a/.;/b", NULL},
    {"/a%2F..;x", NULL},
};

static void each_path_has_its_meaning(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].path);
        char *path = memcpy(malloc(len), rows[i].path, len),
             *out = malloc(len); /* so that a sanitizer sees each end */
        struct str meaning = STR("untouched");
        bool is_clear = route_path_resolve(str_n(path, len), out, &meaning);
        if (is_clear != (rows[i].meaning != NULL) || (is_clear && !str_eq(meaning, str_of(rows[i].meaning))))
            fail_msg("%s: %s %.*s", rows[i].path, is_clear ? "gives" : "is refused", STR_ARG(meaning));
        free(path);
        free(out);
    }
}

static void a_meaning_means_itself(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[64];
        struct str meaning;
        if (!rows[i].meaning)
            continue;
        assert_true(route_path_resolve(str_of(rows[i].meaning), out, &meaning));
        assert_true(str_eq(meaning, str_of(rows[i].meaning)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_path_has_its_meaning),
        cmocka_unit_test(a_meaning_means_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
