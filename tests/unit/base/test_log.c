/* What is logged is one line, whatever others said that stands in it. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void what_others_say_makes_no_lines_and_commands_no_terminal(void **state)
{
    char text[512];
    int ends[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_warn("the engine said: %s", "no\nroom\r\x1b[2J\x7f, caf\xc3\xa9");
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    ssize_t n = read(ends[0], text, sizeof(text) - 1);
    assert_true(n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "the engine said: no room  [2J , caf\xc3\xa9\n"));
    assert_ptr_equal(strchr(text, '\n'), text + n - 1);
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)close(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_say_makes_no_lines_and_commands_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
