/* Matchers of labels: what is taken, what is refused, what fits. */
#include "base/macros.h"
#include "rule/matcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void matchers_fit(void **state)
{
    static const struct {
        const char *text, *label;
        bool fits;
    } rows[] = {
        {"service=shop", "shop", true},
        {"service=shop", "shops", false},
        {"service=shop", "", false},
        {"service!=shop", "shop", false},
        {"service!=shop", "", true},
        {"service=", "", true},
        {"service=", "shop", false},
        {"service!=", "shop", true},
        {"path=/srv*", "/srv/data", true},
        {"path=/srv*", "/srv", true},
        {"path=/srv*", "/sr", false},
        {"path=*data", "/srv/data/data", true},
        {"path=*data", "/srv/data/", false},
        {"path=/*/b*/c", "/a/bb/bc/c", true},
        {"path=/*/b*/c", "/a/bb/bc/d", false},
        {"path!=/srv*", "/var", true},
        {"server=*", "", true},
        {"server=**", "x", true},
        {"server=a=b", "a=b", true}, /* the first = parts them */
        {"server!=~a", "~a", false}, /* there is no sign of three */
        {"service=~sh.p|blog", "shop", true},
        {"service=~sh.p|blog", "blog", true},
        {"service=~sh.p|blog", "my-blog", false}, /* all of it */
        {"service=~sh.p|blog", "", false},
        {"service=~", "", true},
        {"service!~sh.*", "shop", false},
        {"service!~sh.*", "blog", true},
        {"service!~sh.*", "", true},
        {"server=~a=b!~c", "a=b!~c", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct matcher m;
        assert_true(matcher_parse(str_of(rows[i].text), &m, NULL));
        matcher_arm(&m);
        if (matcher_fits(&m, str_of(rows[i].label)) != rows[i].fits)
            fail_msg("%s and '%s'", rows[i].text, rows[i].label);
        matcher_disarm(&m);
    }
}

static void what_is_no_matcher_is_told(void **state)
{
    static const char *const texts[] = {"",
                                        "service",
                                        "=shop",
                                        "!=shop",
                                        "ser vice=shop",
                                        "1st=x",
                                        "service~sh.*",
                                        "service=a\nb",
                                        "service=~a\nb",
                                        "service=~(sh",
                                        "dienst\xc3\xa9=x"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct matcher m = {.is_unlike = true};
        struct rule_mistake mistake = {0};
        assert_false(matcher_parse(str_of(texts[i]), &m, &mistake));
        assert_true(mistake.text[0] && m.is_unlike && m.name.len == 0);
        assert_true(mistake.at + mistake.length <= strlen(texts[i]));
    }
}

static void a_mistake_has_its_place(void **state)
{
    struct matcher m = {.name = STR("service"), .value = STR("sh[op"), .is_regex = true};
    struct rule_mistake mistake;
    struct err err;
    assert_false(matcher_parse(STR("service=~sh[op"), &m, &mistake));
    assert_int_equal(mistake.at, strlen("service=~sh"));
    assert_int_equal(mistake.length, 3);
    assert_string_equal(mistake.text, "this bracket is not closed");
    assert_false(matcher_is_valid(&m, &err));
    assert_non_null(strstr(err.text, "service=~sh[op: this bracket is not closed, at `[op`"));
}

static void a_long_glob_takes_no_time(void **state)
{
    char value[MATCHER_VALUE_BYTES_MAX], label[4096];
    for (size_t i = 0; i + 1 < sizeof(value); i += 2)
        memcpy(value + i, "*a", 2);
    memset(label, 'a', sizeof(label));
    label[sizeof(label) - 1] = 'b';
    struct matcher m = {.name = STR("x"), .value = str_n(value, sizeof(value))};
    assert_false(matcher_fits(&m, str_n(label, sizeof(label))));
    label[sizeof(label) - 1] = 'a';
    assert_true(matcher_fits(&m, str_n(label, sizeof(label))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matchers_fit),
        cmocka_unit_test(what_is_no_matcher_is_told),
        cmocka_unit_test(a_mistake_has_its_place),
        cmocka_unit_test(a_long_glob_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
