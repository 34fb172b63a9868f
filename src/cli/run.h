/* run.h: `weir run`: from the command line to a checked configuration, which the hook then runs. Returns an
 * exit code. */
#pragma once
#include "cli/command.h"

int run_command(const struct command_line *line);
