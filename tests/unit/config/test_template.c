/* test_template.c: templates taken apart, and what is told of those that are wrong. */
#include "config/template.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* "a<3>b<19:disk>": literals as they are, placeholders by number; or what is wrong and where. */
static void describe(const char *text, struct buf *out)
{
    struct str rest = str_of(text);
    struct template_part part;
    struct err problem = {0}, hint = {0};
    for (;;) {
        switch (template_next(&rest, &part, &problem, &hint)) {
        case TEMPLATE_LITERAL:
            buf_put(out, part.text);
            break;
        case TEMPLATE_PLACEHOLDER:
            buf_printf(out, "<%d%s%.*s>", part.placeholder, part.label.len ? ":" : "", STR_ARG(part.label));
            break;
        case TEMPLATE_WRONG:
            buf_printf(out, "!%zu+%zu %s (%s)", (size_t)(part.text.ptr - text), part.text.len, problem.text,
                       hint.text);
            return;
        case TEMPLATE_END:
            return;
        }
    }
}

static void check(const char *text, const char *expected)
{
    CLEANUP(buf_fini) struct buf out = {0};
    describe(text, &out);
    assert_string_equal(buf_str(&out).ptr, expected);
}

static void good_ones_are_taken_apart(void **state)
{
    check("", "");
    check("no placeholder", "no placeholder");
    check("{title}", "<0>");
    check("[prod] {alert}: {value}", "[prod] <2>: <11>");
    check("{label.disk_path}!", "<19:disk_path>!");
    check("{{{status}}} {{}}", "{<5>} {}");
}

static void mistakes_are_told_with_their_place(void **state)
{
    check("at {sevice}", "at !3+8 there is no placeholder {sevice} (did you mean {service}?)");
    check("{Service}", "!0+9 there is no placeholder {Service} (did you mean {service}?)");
    check("{zzzzzzzz}",
          "!0+10 there is no placeholder {zzzzzzzz} (known: title, text, alert, summary, evidence, status, "
          "severity, subject, service, server, instance, value, threshold, since, duration, changes, link, "
          "silence, labels, label.NAME)");
    check("{label.}", "!0+8 there is no placeholder {label.} (did you mean {labels}?)");
    check("{label.9}", "!0+9 there is no placeholder {label.9} (did you mean {labels}?)");
    check("a {value", "a !2+1 a '{' without its '}' (a brace itself is written {{)");
    check("a } b", "a !2+1 a '}' without its '{' (a brace itself is written }})");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_taken_apart),
        cmocka_unit_test(mistakes_are_told_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
