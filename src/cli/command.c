#include "cli/command.h"

#include "base/str.h"

#include <stdio.h>

static size_t count_options(const struct command *c)
{
    size_t count = 0;
    while (c->options && c->options[count].name)
        count++;
    ASSERT(count <= COMMAND_OPTIONS_MAX);
    return count;
}

/* "--listen", "--listen=ADDR", "-c": which option is it? -1: none. */
static int find_option(const struct command *c, struct str name)
{
    for (size_t i = 0; i < count_options(c); i++) {
        const struct command_option *o = &c->options[i];
        if (str_eq(name, str_of(o->name)) || (o->short_name && str_eq(name, str_of(o->short_name))))
            return (int)i;
    }
    return -1;
}

static bool tell_unknown(const struct command *c, struct str name, struct err *err)
{
    const char *names[COMMAND_OPTIONS_MAX];
    size_t count = count_options(c);
    for (size_t i = 0; i < count; i++)
        names[i] = c->options[i].name;
    const char *nearest = str_nearest(name, names, count);
    if (nearest)
        return err_set(err, "unknown option '%.*s'; did you mean '%s'?", STR_ARG(name), nearest);
    return err_set(err, "unknown option '%.*s'", STR_ARG(name));
}

/* Takes the option at argv[*at] and its value, and moves *at behind them. */
static bool take_option(struct command_line *line, int argc, char **argv, int *at, struct err *err)
{
    struct str name = str_of(argv[*at]), given = {0};
    size_t equals;
    if (str_starts_with(name, STR("--")) && str_find(name, '=', &equals)) {
        given = str_of(argv[*at] + equals + 1);
        name = str_n(name.ptr, equals);
    }
    int i = find_option(line->command, name);
    if (i < 0)
        return tell_unknown(line->command, name, err);
    const struct command_option *o = &line->command->options[i];
    if (line->values[i])
        return err_set(err, "%s is given twice", o->name);
    if (!o->value && given.ptr)
        return err_set(err, "%s takes no value", o->name);
    if (o->value && !given.ptr && *at + 1 >= argc)
        return err_set(err, "%s needs a value: %s %s", o->name, o->name, o->value);
    if (o->value && !given.ptr)
        given = str_of(argv[++*at]);
    line->values[i] = o->value ? given.ptr : "";
    ++*at;
    return true;
}

static bool check_operands(const struct command_line *line, struct err *err)
{
    const struct command *c = line->command;
    if (line->operand_count < c->operands_min)
        return err_set(err, "it needs more arguments: weir %s %s", c->name, c->arguments);
    if (line->operand_count > c->operands_max)
        return err_set(err, "one argument too many: '%s'", line->operands[c->operands_max]);
    return true;
}

/* Operands are gathered at the front of argv + 1, which options leave free. */
bool command_line_parse(struct command_line *line, const struct command *command, int argc, char **argv,
                        struct err *err)
{
    int at = 1;
    bool are_options_over = false;
    *line = (struct command_line){.command = command, .hooks = line->hooks, .operands = argv + 1};
    while (at < argc) {
        struct str word = str_of(argv[at]);
        bool is_option = !are_options_over && word.len > 1 && word.ptr[0] == '-';
        if (is_option && str_eq(word, STR("--"))) {
            are_options_over = true;
            at++;
        } else if (is_option) {
            if (!take_option(line, argc, argv, &at, err))
                return false;
        } else {
            are_options_over = are_options_over || command->is_rest_verbatim;
            line->operands[line->operand_count++] = argv[at++];
        }
    }
    return check_operands(line, err);
}

const char *command_line_value(const struct command_line *line, const char *name)
{
    int i = find_option(line->command, str_of(name));
    ASSERT(i >= 0);
    return line->values[i];
}
