/* What `weir history` shows of an answer. */
#include "cli/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void assert_shown(const char *answer, const char *expected)
{
    struct err err;
    struct buf out CLEANUP(buf_fini) = {0};
    struct json_value *v = json_value_parse(str_of(answer), &err);
    assert_non_null(v);
    history_format(v, false, &out);
    json_value_free(v);
    assert_string_equal(out.ptr, expected);
}

#define BLANKS_55 "                                                       "

static void a_gap_is_no_0(void **state)
{
    assert_shown("{\"metric\": \"disk\", \"unit\": \"percent\", \"series\": [{\"labels\": {\"path\": \"/\"}, "
                 "\"points\": "
                 "[[1,0,0,0],[2,null,null,null],[3,40,50,60],[4,100,100,100],[5,0,0,0]]}]}",
                 "disk path=/\n  ▁ ▅█▁" BLANKS_55 "\n  min 0  mean 37.5  max 100  percent\n");
}

static void nothing_known(void **state)
{
    assert_shown("{\"metric\": \"cpu\", \"unit\": null, \"series\": []}",
                 "no such series has been recorded\n");
    assert_shown("{\"metric\": \"cpu\", \"unit\": \"percent\", \"series\": [{\"labels\": {}, \"points\": "
                 "[[1,null,null,null]]}]}",
                 "cpu\n       " BLANKS_55 "\n  nothing is known  percent\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_gap_is_no_0), cmocka_unit_test(nothing_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
