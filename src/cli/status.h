/* status.h: the commands that show what a running Weir does. Each returns an exit code. */
#pragma once
#include "cli/command.h"

int status_show(const struct command_line *line);        /* weir status */
int status_show_events(const struct command_line *line); /* weir events */
