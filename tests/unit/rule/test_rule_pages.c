/* The committed pages say what the tables say; tools/rule_pages.c writes them. */
#include "rule/reference.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void read_page(const char *path, struct buf *out)
{
    char part[4096];
    size_t n;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while ((n = fread(part, 1, sizeof(part), file)) > 0)
        buf_put(out, str_n(part, n));
    fclose(file);
}

static void test_metrics(void **state)
{
    struct buf page CLEANUP(buf_fini) = {0}, wanted CLEANUP(buf_fini) = {0};
    read_page(SOURCE_ROOT "/docs/reference/watched-metrics.md", &page);
    rule_reference_metrics(&wanted);
    assert_string_equal(page.ptr, wanted.ptr);
}

static void test_default_rules(void **state)
{
    struct buf page CLEANUP(buf_fini) = {0}, wanted CLEANUP(buf_fini) = {0};
    read_page(SOURCE_ROOT "/docs/reference/rules.md", &page);
    rule_reference_defaults(&wanted);
    assert_non_null(strstr(page.ptr, wanted.ptr));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_default_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
