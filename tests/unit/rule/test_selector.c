/* Which series of an exporter are meant: what is read, how it is written, and what a mistake is told as. */
#include "rule/selector.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void it_is_written_in_one_form(void **state)
{
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        {"up", "up"},
        {" job:errors:rate5m ", "job:errors:rate5m"},
        {"up{}", "up"},
        {"a{b=\"c\"}", "a{b=\"c\"}"},
        {"a { b = 'c' , d != \"e*\" , }", "a{b=\"c\",d!=\"e*\"}"},
        {"a{b='say \"c\"'}", "a{b='say \"c\"'}"},
        {"a{b=\"}\",c=\"C:\\x\"}", "a{b=\"}\",c=\"C:\\x\"}"},
        {"a{b=\"\"}", "a{b=\"\"}"},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct selector s;
        struct rule_mistake m;
        CLEANUP(buf_fini) struct buf out = {0};
        if (!selector_parse(str_of(rows[i].text), arena, &s, &m))
            fail_msg("%s: %s", rows[i].text, m.text);
        selector_format(&s, &out);
        assert_string_equal(out.ptr, rows[i].canonical);
    }
    arena_free(arena);
}

static void a_mistake_has_its_place(void **state)
{
    static const struct {
        const char *text;
        size_t at, length;
        const char *says, *hint;
    } rows[] = {
        {"", 0, 0, "a series begins with the name of a metric, not the end", "such as app_queue_depth"},
        {"{a=\"b\"}", 0, 1, "a series begins with the name of a metric, not '{'", "such as"},
        {"rate(a[5m])", 4, 1, "'(' is not expected here", "rate_of"},
        {"a b", 2, 1, "'b' is not expected here", "labels in braces"},
        {"a{b=~\"c.*\"}", 3, 2, "there are no regular expressions here", "* stands for any text"},
        {"a{b!~\"c.*\"}", 3, 2, "there are no regular expressions here", "* stands for any text"},
        {"a{b>1}", 3, 1, "a label is compared with '=' or '!=', not '>'", "label="},
        {"a{b!1}", 3, 1, "a label is compared with '=' or '!=', not '!'", "label="},
        {"a{b=c}", 4, 1, "the text of a label stands in quotes, not 'c'", "label="},
        {"a{b=\"c}", 4, 3, "the quote is not closed", ""},
        {"a{b=\"c\"", 7, 0, "a ',' or a '}' is missing before the end", ""},
        {"a{\"b\"}", 2, 1, "here stands the name of a label, not '\"'", "such as"},
        {"a{,}", 2, 1, "here stands the name of a label, not ','", "such as"},
        {"größe", 2, 2, "'ö' is not expected here", ""},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct selector s;
        struct rule_mistake m;
        if (selector_parse(str_of(rows[i].text), arena, &s, &m))
            fail_msg("'%s' is taken", rows[i].text);
        assert_string_equal(m.text, rows[i].says);
        assert_int_equal(m.at, rows[i].at);
        assert_int_equal(m.length, rows[i].length);
        if (!strstr(m.hint, rows[i].hint))
            fail_msg("%s: hint '%s'", rows[i].text, m.hint);
    }
    arena_free(arena);
}

static void it_is_bounded(void **state)
{
    struct arena *arena = arena_new();
    struct selector s;
    struct rule_mistake m;
    char text[SELECTOR_BYTES_MAX + 2];
    memset(text, 'a', sizeof(text));
    assert_true(selector_parse(str_n(text, SELECTOR_BYTES_MAX), arena, &s, &m));
    assert_false(selector_parse(str_n(text, SELECTOR_BYTES_MAX + 1), arena, &s, &m));
    assert_string_equal(m.text, "a series is named in at most 512 characters");
    assert_true(selector_parse(STR("a{a='',b='',c='',d='',e='',f='',g='',h=''}"), arena, &s, &m));
    assert_int_equal(s.label_count, SELECTOR_LABELS_MAX);
    assert_false(selector_parse(STR("a{a='',b='',c='',d='',e='',f='',g='',h='',i=''}"), arena, &s, &m));
    assert_string_equal(m.text, "there are at most 8 labels");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_written_in_one_form),
        cmocka_unit_test(a_mistake_has_its_place),
        cmocka_unit_test(it_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
