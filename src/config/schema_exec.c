/* The table of the keys of `scale: {exec}`. See schema.c. */
#include "config/schema_table.h"

static const struct schema_choice protocol_choices[] = {
    {"lines", EXEC_LINES, "one program that stays: a line of JSON to it for each call, a line back"},
    {"calls", EXEC_CALLS, "a program for each call, with what is asked as its last argument"},
    {NULL},
};

static const struct schema_choice asked_for_choices[] = {
    {"servers", EXEC_SERVERS, "to start a server, to stop that one"},
    {"count", EXEC_COUNT, "a number of servers in all; it chooses itself which one goes"},
    {NULL},
};

static const struct schema_key exec_keys[] = {
    {.name = "command",
     .shape = SHAPE_STRICT_LIST,
     .type = VALUE_TEXT,
     .offset = AT(config_exec, command),
     .item_bytes = sizeof(struct str),
     .is_required = true,
     .example = "[/usr/local/lib/weir/servers.py, --group, shop]",
     .synonyms = " cmd program run args path ",
     .help = "The plug-in: program and arguments, as a list."},
    {.name = "protocol",
     .type = VALUE_CHOICE,
     .offset = AT(config_exec, protocol),
     .choices = protocol_choices,
     .default_text = "lines",
     .example = "calls",
     .synonyms = " mode ",
     .help = "How it is asked."},
    {.name = "asked_for",
     .type = VALUE_CHOICE,
     .offset = AT(config_exec, asked_for),
     .choices = asked_for_choices,
     .default_text = "servers",
     .example = "count",
     .synonyms = " counts scaling ",
     .help = "What it is asked for."},
    {.name = "environment",
     .default_shown = "none",
     .shape = SHAPE_VARIABLES,
     .type = VALUE_TEXT,
     .offset = AT(config_exec, environment),
     .is_secret = true,
     .item_bytes = sizeof(struct str),
     .example = "{API_TOKEN: abc}",
     .synonyms = " env variables ",
     .help = "Environment variables for it, beside those that Weir itself has."},
    {.name = "directory",
     .type = VALUE_FILE,
     .offset = AT(config_exec, directory),
     .example = "/srv/shop",
     .default_shown = "the directory that Weir was started in",
     .synonyms = " dir cwd chdir working_directory ",
     .help = "Working directory."},
};
const struct schema_mapping schema_exec = {
    .help = "A program that starts, stops and lists servers, by Weir's plug-in protocol.",
    KEYS(exec_keys),
    .check = check_exec,
};
