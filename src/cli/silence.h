/* silence.h: `weir silence`: sets, lists and ends silences. */
#pragma once
#include "cli/command.h"

int silence_command(const struct command_line *line);
