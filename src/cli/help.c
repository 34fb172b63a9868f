#include "cli/help.h"

#include <stdio.h>

static const char introduction[] = "Weir stands in front of a web site's servers: it balances the requests "
                                   "over them, starts and stops servers as the\n"
                                   "load rises and falls, and watches the host and the site.\n";

static const struct {
    int code;
    const char *meaning;
} exits[] = {
    {CLI_OK, "all well"},
    {CLI_FAILED, "it failed; standard error says why"},
    {CLI_USAGE, "the command line is wrong"},
    {CLI_UNREACHABLE, "Weir's admin API cannot be reached"},
    {CLI_INTERRUPTED, "weir run: interrupted twice, everything was killed"},
};

static const struct {
    const char *name, *meaning;
} variables[] = {
    {"WEIR_ADMIN", "where the admin API is, when --admin is not given"},
    {"WEIR_TOKEN", "the admin token, when --token-file is not given"},
    {"NO_COLOR", "set to anything: no colours"},
    {"NOTIFY_SOCKET, WATCHDOG_USEC",
     "set by systemd for a service of Type=notify: weir run tells it READY=1, STATUS= and "
     "STOPPING=1; use KillMode=mixed, so that servers are drained before they are stopped"},
    {"STATE_DIRECTORY, XDG_STATE_HOME, HOME",
     "where weir run keeps what it learns, when the configuration has no `state:`; the first that is set, "
     "but for root /var/lib/weir instead of the last two"},
};

static const struct {
    const char *signal, *meaning;
} signals[] = {
    {"SIGTERM",
     "nothing new is accepted, requests may end within timeouts.drain, servers are stopped, exit 0"},
    {"SIGINT", "(Ctrl-C) the same; the second one kills everything at once, exit 130"},
    {"SIGHUP", "is noted and ignored"},
};

/* ---- terminal ---- */

void help_format_all(const struct command *commands, size_t count, struct buf *out)
{
    buf_printf(out, "%s\nUsage: weir COMMAND [ARGUMENTS]\n\nCommands:\n", introduction);
    for (size_t i = 0; i < count; i++) {
        char head[64];
        if (commands[i].is_hidden)
            continue;
        snprintf(head, sizeof(head), "%s %s", commands[i].name, commands[i].arguments);
        buf_printf(out, "  %-25s  %s\n", head, commands[i].summary);
    }
    buf_put(out, STR("\n`weir help COMMAND` tells more about one. Exit codes:\n"));
    for (size_t i = 0; i < ARRAY_LEN(exits); i++)
        buf_printf(out, "  %3d  %s\n", exits[i].code, exits[i].meaning);
}

static void put_option_head(const struct command_option *o, char head[64])
{
    snprintf(head, 64, "%s%s%s%s%s", o->short_name ? o->short_name : "", o->short_name ? ", " : "", o->name,
             o->value ? " " : "", o->value ? o->value : "");
}

static void put_indented(const char *text, struct buf *out)
{
    struct str rest = str_of(text), line;
    while (str_split(&rest, '\n', &line))
        buf_printf(out, line.len ? "  %.*s\n" : "%.*s\n", STR_ARG(line));
}

void help_format_command(const struct command *c, struct buf *out)
{
    buf_printf(out, "Usage: weir %s%s%s%s\n\n  %s.\n", c->name, c->options ? " [OPTIONS]" : "",
               c->arguments[0] ? " " : "", c->arguments, c->summary);
    if (c->details[0]) {
        buf_put_char(out, '\n');
        put_indented(c->details, out);
    }
    if (c->options)
        buf_put(out, STR("\nOptions:\n"));
    for (const struct command_option *o = c->options; o && o->name; o++) {
        char head[64];
        put_option_head(o, head);
        buf_printf(out, "  %-22s  %s\n", head, o->help);
    }
}

/* ---- man page ---- */

/* troff's own characters: a backslash, a minus that must be a minus, and a dot or quote that begins a line.
 */
static void put_troff(const char *text, struct buf *out)
{
    bool begins_line = true;
    for (; *text; text++) {
        if (begins_line && (*text == '.' || *text == '\''))
            buf_put(out, STR("\\&"));
        if (*text == '\\')
            buf_put(out, STR("\\e"));
        else if (*text == '-')
            buf_put(out, STR("\\-"));
        else
            buf_put_char(out, *text);
        begins_line = *text == '\n';
    }
}

static void put_tagged(const char *tag, const char *text, struct buf *out)
{
    buf_put(out, STR(".TP\n.B "));
    put_troff(tag, out);
    buf_put_char(out, '\n');
    put_troff(text, out);
    buf_put_char(out, '\n');
}

/* Indented lines are examples and keep their form; the others are filled. */
static void put_details(const char *text, struct buf *out)
{
    struct str rest = str_of(text), line;
    bool is_example = false;
    while (str_split(&rest, '\n', &line)) {
        char copy[256];
        bool is_indented = str_starts_with(line, STR("  "));
        if (is_indented != is_example)
            buf_put(out, is_indented ? STR(".PP\n.nf\n") : STR(".fi\n"));
        is_example = is_indented;
        str_copy(copy, sizeof(copy), line);
        if (line.len)
            put_troff(copy, out);
        else
            buf_put(out, STR(".PP"));
        buf_put_char(out, '\n');
    }
    if (is_example)
        buf_put(out, STR(".fi\n"));
}

static void put_man_command(const struct command *c, struct buf *out)
{
    buf_printf(out, ".SS weir %s%s%s\n", c->name, c->arguments[0] ? " " : "", c->arguments);
    put_troff(c->summary, out);
    buf_put(out, STR(".\n"));
    if (c->details[0]) {
        buf_put(out, STR(".PP\n"));
        put_details(c->details, out);
    }
    for (const struct command_option *o = c->options; o && o->name; o++) {
        char head[64];
        put_option_head(o, head);
        put_tagged(head, o->help, out);
    }
}

void help_format_man_page(const struct command *commands, size_t count, struct buf *out)
{
    buf_put(out, STR(".\\\" Written by `weir help --man` from the table of commands.\n"
                     ".TH WEIR 1 \"\" \"weir " WEIR_VERSION "\" \"User Commands\"\n"
                     ".SH NAME\nweir \\- load balancer, autoscaler and monitor in one\n"
                     ".SH SYNOPSIS\n.B weir\n.I COMMAND\n.RI [ ARGUMENTS ]\n.SH DESCRIPTION\n"));
    put_troff(introduction, out);
    buf_put(out, STR(".SH COMMANDS\n"));
    for (size_t i = 0; i < count; i++)
        if (!commands[i].is_hidden)
            put_man_command(&commands[i], out);
    buf_put(out, STR(".SH SIGNALS\nOf\n.BR \"weir run\" :\n"));
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        put_tagged(signals[i].signal, signals[i].meaning, out);
    buf_put(out, STR(".SH EXIT STATUS\n"));
    for (size_t i = 0; i < ARRAY_LEN(exits); i++) {
        char code[16];
        snprintf(code, sizeof(code), "%d", exits[i].code);
        put_tagged(code, exits[i].meaning, out);
    }
    buf_put(out, STR(".SH ENVIRONMENT\n"));
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        put_tagged(variables[i].name, variables[i].meaning, out);
    buf_put(out, STR(".SH SEE ALSO\n.BR weir.yaml (5)\n"));
}
