/* Prometheus' text format: heads, rows, and what a label's value may hold. */
#include "stats/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_family_of_one_row(void **state)
{
    struct buf out = {0};
    exposition_put_one(&out, "weir_store_bytes", "gauge", "Size of the file.", 123456789012.0);
    assert_string_equal(out.ptr, "# HELP weir_store_bytes Size of the file.\n"
                                 "# TYPE weir_store_bytes gauge\n"
                                 "weir_store_bytes 123456789012\n");
    buf_fini(&out);
}

static void labels_are_escaped(void **state)
{
    struct buf out = {0};
    exposition_put_label(&out, "/srv/\"a\\b\"\n가게");
    assert_string_equal(out.ptr, "/srv/\\\"a\\\\b\\\"\\n가게");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_of_one_row),
        cmocka_unit_test(labels_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
