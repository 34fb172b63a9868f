/* Rows of Prometheus' text format: what is taken, what is refused, and where. */
#include "watch/remote/exposition_reader.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct exposition_row one(const char *text)
{
    struct exposition_reader e;
    struct exposition_row row;
    exposition_reader_init(&e, str_of(text));
    assert_true(exposition_reader_next(&e, &row));
    return row;
}

static void rows_are_read(void **state)
{
    (void)state;
    struct exposition_reader e;
    struct exposition_row row;
    exposition_reader_init(
        &e, STR("# HELP up Up.\n# TYPE up gauge\nup 1\n\nb{x=\"y\"} -2.5e3 1700000000000\r\nc{} NaN"));
    assert_true(exposition_reader_next(&e, &row));
    assert_true(str_eq(row.name, STR("up")) && row.value == 1 && row.labels.len == 0);
    assert_true(exposition_reader_next(&e, &row));
    assert_true(str_eq(row.name, STR("b")) && row.value == -2500);
    assert_int_equal(e.line, 5);
    assert_true(exposition_reader_next(&e, &row));
    assert_true(isnan(row.value));
    assert_false(exposition_reader_next(&e, &row));
    assert_null(e.why);
}

static void labels_are_found_and_unescaped(void **state)
{
    (void)state;
    char value[32], small[4];
    struct exposition_row row = one("m{a=\"}\", path=\"C:\\\\x\\ny \\\"q\\\"\", empty=\"\",} 7");
    assert_true(row.value == 7);
    assert_true(exposition_label(&row, "a", value, sizeof(value)));
    assert_string_equal(value, "}");
    assert_true(exposition_label(&row, "path", value, sizeof(value)));
    assert_string_equal(value, "C:\\x\ny \"q\"");
    assert_true(exposition_label(&row, "empty", value, sizeof(value)));
    assert_string_equal(value, "");
    assert_true(exposition_label(&row, "path", small, sizeof(small)));
    assert_string_equal(small, "C:\\");
    assert_false(exposition_label(&row, "pat", value, sizeof(value)));
}

static void what_makes_no_sense_has_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"ok 1\n{a=\"b\"} 1\n", "a row begins with the name of a metric"},
        {"ok 1\nm{a=\"b 1\n", "the labels are not closed"},
        {"ok 1\nm{a=b} 1\n", "the labels make no sense"},
        {"ok 1\nm{a=\"b\" c=\"d\"} 1\n", "the labels make no sense"},
        {"ok 1\nm{a=\"b\"}\n", "the value is no number"},
        {"ok 1\nm one\n", "the value is no number"},
        {"ok 1\n<html>\n", "a row begins with the name of a metric"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exposition_reader e;
        struct exposition_row row;
        exposition_reader_init(&e, str_of(cases[i].text));
        assert_true(exposition_reader_next(&e, &row));
        assert_false(exposition_reader_next(&e, &row));
        assert_string_equal(e.why, cases[i].why);
        assert_int_equal(e.line, 2);
        assert_false(exposition_reader_next(&e, &row));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read),
        cmocka_unit_test(labels_are_found_and_unescaped),
        cmocka_unit_test(what_makes_no_sense_has_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
