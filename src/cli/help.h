/* help.h: the table of commands as text: for the terminal, and as the man page weir(1). Pure. */
#pragma once
#include "base/buf.h"
#include "cli/command.h"

/* commands: those that are not hidden are shown. */
void help_format_all(const struct command *commands, size_t count, struct buf *out);
void help_format_command(const struct command *c, struct buf *out);
void help_format_man_page(const struct command *commands, size_t count, struct buf *out);
