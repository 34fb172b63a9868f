/*
 * command.h: one row of the table of commands, its options, and a command line taken apart by them.
 */
#pragma once
#include "base/err.h"
#include "base/macros.h"
#include "cli/cli.h"

#include <stdbool.h>
#include <stddef.h>

enum { COMMAND_OPTIONS_MAX = 12 };

struct command_option {
    const char *name;       /* "--listen"; NULL ends the list */
    const char *short_name; /* "-c" or NULL */
    const char *value;      /* what stands for its value in help: "ADDR"; NULL: a switch without value */
    const char *help;
};

struct command_line;

struct command {
    const char *name;
    const char *arguments;                /* as in help: "SERVICE N" or "" */
    const char *summary;                  /* one line without a full stop */
    const char *details;                  /* paragraphs for `weir help COMMAND` and the man page */
    const struct command_option *options; /* ends with a NULL name; may be NULL */
    size_t operands_min, operands_max;
    bool is_rest_verbatim; /* from the first operand on, nothing is an option: `run COMMAND --its-flag` */
    bool is_hidden;
    int (*run)(const struct command_line *line);
};

/* Everything is borrowed from argv and the table. */
struct command_line {
    const struct command *command;
    const struct cli_hooks *hooks;
    const char *values[COMMAND_OPTIONS_MAX]; /* per option: NULL not given; "" for a switch */
    size_t operand_count;
    char **operands; /* within argv, whose order is changed: operands last */
};

/* argv[0] is the command's name. False with a sentence, and a suggestion where one is near. -h and --help are
 * the caller's. */
bool command_line_parse(struct command_line *line, const struct command *command, int argc, char **argv,
                        struct err *err) MUST_USE;
/* The value of an option that the command has: NULL when not given, "" for a switch. */
const char *command_line_value(const struct command_line *line, const char *name);
