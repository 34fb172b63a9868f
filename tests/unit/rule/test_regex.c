/* Regular expressions of matchers: what they fit, as regcomp() would say; what is refused, and where; time.
 */
#include "base/macros.h"
#include "rule/regex.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool fits(const char *pattern, const char *text)
{
    struct regex_mistake mistake;
    struct regex *p = regex_new(str_of(pattern), &mistake);
    if (!p)
        fail_msg("%s: at %zu: %s", pattern, mistake.at, mistake.text);
    bool does_fit = regex_fits(p, str_of(text));
    regex_free(p);
    return does_fit;
}

static void patterns_fit_whole_texts(void **state)
{
    static const struct {
        const char *pattern, *fits, *fits_not;
    } rows[] = {
        {"", "", "a"},
        {"shop", "shop", "shops"},
        {"shop", "shop", "a shop"},
        {"a|b|", "", "c"},
        {"a|bc|d", "bc", "ac"},
        {"(a|b)c", "bc", "b"},
        {"(?:a|b)+", "abba", ""},
        {"a*", "", "b"},
        {"a*b+c?", "aabb", "aac"},
        {"a+?b*?", "aab", "b"},
        {"(a*)*", "aaa", "b"},
        {"(a|)+", "", "b"},
        {"web-\\d+", "web-12", "web-x"},
        {"\\w+\\.example\\.com", "a_1.example.com", "a-1.example.com"},
        {"\\D\\W\\S", "a-b", "1-b"},
        {"[a-c]x", "bx", "dx"},
        {"[^a-c]x", "dx", "ax"},
        {"[]a]+", "]a", "b"},
        {"[a-]+", "-a", "b"},
        {"[\\d.]+", "10.0", "1a"},
        {"[\\]\\\\]", "\\", "a"},
        {"^shop$", "shop", "shop$"},
        {"a^b|x", "x", "ab"},
        {".", "한", "한글"},
        {"[가-힣]+", "한글", "abc"},
        {"./", "\xff/", "/"},
        {"a]}b", "a]}b", "a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!fits(rows[i].pattern, rows[i].fits) || fits(rows[i].pattern, rows[i].fits_not))
            fail_msg("%s", rows[i].pattern);
}

/* Every pattern and text of a few signs, that regcomp() takes, too. */
static void they_fit_what_regcomp_says(void **state)
{
    static const char signs[] = "ab|*+?().";
    static const char *const texts[] = {"", "a", "b", "aa", "ab", "ba", "aab", "bab", "abab"};
    enum { LENGTH = 5, SIGNS = sizeof(signs) - 1 };
    size_t compared = 0;
    for (size_t n = 0; n < (size_t)SIGNS * SIGNS * SIGNS * SIGNS * SIGNS; n++) {
        char pattern[LENGTH + 1] = {0}, whole[LENGTH + 8];
        struct regex_mistake mistake;
        for (size_t i = 0, rest = n; i < LENGTH; i++, rest /= SIGNS)
            pattern[i] = signs[rest % SIGNS];
        struct regex *p = regex_new(str_of(pattern), &mistake);
        regex_t regex;
        snprintf(whole, sizeof(whole), "^(%s)$", pattern);
        if (!p)
            continue;
        if (strchr(pattern, '?') || regcomp(&regex, whole, REG_EXTENDED | REG_NOSUB) != 0) {
            regex_free(p); /* `*?` means something else there */
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
            if (regex_fits(p, str_of(texts[i])) != (regexec(&regex, texts[i], 0, NULL, 0) == 0))
                fail_msg("%s and '%s'", pattern, texts[i]);
        regfree(&regex);
        regex_free(p);
        compared++;
    }
    assert_true(compared > 2000);
}

static void what_is_refused_and_where(void **state)
{
    static const struct {
        const char *pattern;
        size_t at;
        const char *text; /* part of it */
    } rows[] = {
        {"a(b", 1, "group is not closed"},   {"a)b", 1, "no group"},
        {"a[b", 1, "bracket is not closed"}, {"[]", 0, "bracket is not closed"},
        {"*a", 0, "nothing before"},         {"a|+", 2, "nothing before"},
        {"a**", 2, "repeated already"},      {"a{2}", 1, "counts in braces"},
        {"{", 0, "counts in braces"},        {"(?i)a", 0, "only `(?:`"},
        {"a\\", 1, "nothing behind"},        {"\\bq", 0, "behind a backslash"},
        {"\\1", 0, "behind a backslash"},    {"[[:alpha:]]", 1, "by name"},
        {"[b-a]", 1, "later one"},           {"[a-\\d]", 1, "later one"},
        {"[\\D]", 1, "behind a backslash"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct regex_mistake mistake;
        if (regex_new(str_of(rows[i].pattern), &mistake))
            fail_msg("%s was taken", rows[i].pattern);
        if (mistake.at != rows[i].at || !strstr(mistake.text, rows[i].text))
            fail_msg("%s: at %zu: %s", rows[i].pattern, mistake.at, mistake.text);
    }
}

/* What takes other engines any time or memory there is. */
static void no_pattern_takes_long(void **state)
{
    static const char *const patterns[] = {"(((((((((((a+)+)+)+)+)+)+)+)+)+)+)+", "(a|a|a?)*b",
                                           "(a*)*(a*)*(a*)*b",
                                           "a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaaaaaa"};
    char text[4096], deep[2 * REGEX_DEPTH_MAX + 8], full[REGEX_BYTES_MAX + 1];
    struct regex_mistake mistake;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_true(fits(patterns[0], text));
    for (size_t i = 1; i < ARRAY_LEN(patterns); i++)
        assert_false(fits(patterns[i], text));
    memset(deep, '(', sizeof(deep));
    assert_null(regex_new(str_n(deep, sizeof(deep)), &mistake));
    assert_int_equal(mistake.at, REGEX_DEPTH_MAX);
    static const char *const greatest[] = {"a", "|", "a+", "|a", "\\w", "[\\w]", "a*"};
    for (size_t k = 0; k < ARRAY_LEN(greatest); k++) {
        size_t step = strlen(greatest[k]), length = 0;
        for (; length + step <= REGEX_BYTES_MAX; length += step)
            memcpy(full + length, greatest[k], step);
        full[length] = '\0';
        (void)fits(full, text);
    }
    memset(full, 'a', sizeof(full));
    assert_null(regex_new(str_n(full, sizeof(full)), &mistake));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_fit_whole_texts),
        cmocka_unit_test(they_fit_what_regcomp_says),
        cmocka_unit_test(what_is_refused_and_where),
        cmocka_unit_test(no_pattern_takes_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
