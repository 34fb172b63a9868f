/* agent.h: `weir agent`: this machine's numbers for others, without a site. */
#pragma once
#include "cli/command.h"

int agent_command(const struct command_line *line);
