/* provider.h: `weir provider test SERVICE -c FILE`: tries the provider of a service. */
#pragma once
#include "cli/command.h"

int provider_command(const struct command_line *line);
