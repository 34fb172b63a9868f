/* actions.h: the commands that change something in a running Weir. Each returns an exit code. */
#pragma once
#include "cli/command.h"

int action_scale(const struct command_line *line);
int action_drain(const struct command_line *line);
int action_ready(const struct command_line *line);
