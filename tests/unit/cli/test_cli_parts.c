/* test_cli_parts.c: command lines taken apart, tables lined up, names escaped, help complete. */
#include "cli/client.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct command_option options[] = {{"--listen", NULL, "ADDR", "where"},
                                                {"--config", "-c", "FILE", "which"},
                                                {"--json", NULL, NULL, "raw"},
                                                {0}};
static const struct command run_like = {.name = "run",
                                        .arguments = "COMMAND...",
                                        .summary = "Run it",
                                        .details = "More.\n\n  weir run x\n",
                                        .options = options,
                                        .operands_max = SIZE_MAX,
                                        .is_rest_verbatim = true};
static const struct command scale_like = {.name = "scale",
                                          .arguments = "SERVICE N",
                                          .summary = "Scale it",
                                          .details = "",
                                          .options = options,
                                          .operands_min = 2,
                                          .operands_max = 2};

/* "listen|config|json|operand operand", "-" for what was not given, or the error. */
static void parse(const struct command *c, const char *words, struct buf *out)
{
    char copy[256], *argv[16];
    int argc = 0;
    struct command_line line = {0};
    struct err err;
    str_copy(copy, sizeof(copy), str_of(words));
    for (char *save = NULL, *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    if (!command_line_parse(&line, c, argc, argv, &err)) {
        buf_printf(out, "%s", err.text);
        return;
    }
    static const char *const names[] = {"--listen", "--config", "--json"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = command_line_value(&line, names[i]);
        buf_printf(out, "%s|", value ? value : "-");
    }
    for (size_t i = 0; i < line.operand_count; i++)
        buf_printf(out, i ? " %s" : "%s", line.operands[i]);
}

static void command_lines_are_taken_apart(void **state)
{
    static const struct {
        const struct command *command;
        const char *words, *want;
    } cases[] = {
        {&run_like, "run", "-|-|-|"},
        {&run_like, "run --listen :80 -- gunicorn --bind x", ":80|-|-|gunicorn --bind x"},
        {&run_like, "run --listen=:80 gunicorn --listen x -c y", ":80|-|-|gunicorn --listen x -c y"},
        {&run_like, "run -c f --json", "-|f||"},
        {&run_like, "run -- --json", "-|-|-|--json"},
        {&run_like, "run -", "-|-|-|-"},
        {&run_like, "run --lisen :80", "unknown option '--lisen'; did you mean '--listen'?"},
        {&run_like, "run --zzzzzzzzzz", "unknown option '--zzzzzzzzzz'"},
        {&run_like, "run -x", "unknown option '-x'"},
        {&run_like, "run --listen", "--listen needs a value: --listen ADDR"},
        {&run_like, "run --json=yes", "--json takes no value"},
        {&run_like, "run --json --json", "--json is given twice"},
        {&run_like, "run --listen=", "|-|-|"},
        {&scale_like, "scale shop 4", "-|-|-|shop 4"},
        {&scale_like, "scale shop --json 4", "-|-||shop 4"},
        {&scale_like, "scale shop", "it needs more arguments: weir scale SERVICE N"},
        {&scale_like, "scale shop 4 5", "one argument too many: '5'"},
        {&scale_like, "scale shop -- -4", "-|-|-|shop -4"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf got = {0};
        parse(cases[i].command, cases[i].words, &got);
        if (strcmp(got.ptr, cases[i].want) != 0)
            fail_msg("%s: got '%s', want '%s'", cases[i].words, got.ptr, cases[i].want);
        buf_fini(&got);
    }
}

static void tables_line_up(void **state)
{
    static const char *const headings[] = {"NAME", ">N", "WHERE"};
    struct table t;
    struct buf out = {0};
    table_init(&t, headings, 3);
    table_put(&t, "a\033[31m");
    table_put(&t, "%d", 12345);
    table_put(&t, "here");
    table_put(&t, "\xc3\xa9t\xc3\xa9"); /* three characters, five bytes */
    table_put(&t, "1");
    table_put(&t, "%s", "");
    table_format(&t, false, &out);
    assert_string_equal(out.ptr, "NAME        N  WHERE\n"
                                 "a?[31m  12345  here\n"
                                 "\xc3\xa9t\xc3\xa9"
                                 "         1  \n");
    table_fini(&t);
    buf_fini(&out);
}

static void help_names_everything(void **state)
{
    const struct command commands[] = {
        run_like, scale_like, {.name = "secret", .arguments = "", .is_hidden = true}};
    struct buf all = {0}, one = {0}, man = {0};
    help_format_all(commands, 3, &all);
    assert_non_null(strstr(all.ptr, "scale SERVICE N "));
    assert_null(strstr(all.ptr, "secret"));
    help_format_command(&run_like, &one);
    assert_non_null(strstr(one.ptr, "-c, --config FILE"));
    help_format_man_page(commands, 3, &man);
    assert_non_null(strstr(man.ptr, ".SS weir run COMMAND...\n"));
    assert_non_null(strstr(man.ptr, "\\-c, \\-\\-config FILE"));
    assert_null(strstr(man.ptr, "secret"));
    buf_fini(&all);
    buf_fini(&one);
    buf_fini(&man);
}

static void colours_are_for_terminals(void **state)
{
    unsetenv("CLICOLOR_FORCE");
    unsetenv("NO_COLOR");
    assert_false(terminal_has_colour(-1));
    setenv("CLICOLOR_FORCE", "1", 1);
    assert_true(terminal_has_colour(-1));
    setenv("NO_COLOR", "1", 1);
    assert_false(terminal_has_colour(-1));
    unsetenv("CLICOLOR_FORCE");
    unsetenv("NO_COLOR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines_are_taken_apart),
        cmocka_unit_test(tables_line_up),
        cmocka_unit_test(help_names_everything),
        cmocka_unit_test(colours_are_for_terminals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
