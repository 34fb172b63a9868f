/* notify.h: `weir notify test [SINK]`: a real test message to a sink, by a file or through a running Weir. */
#pragma once
#include "cli/command.h"

int notify_command(const struct command_line *line);
