/* history.h: `weir history`: what came of a metric, as a line of blocks with its least, mean and greatest. */
#pragma once
#include "base/buf.h"
#include "cli/command.h"
#include "net/json_value.h"

int history_show(const struct command_line *line);

/* answer: of GET /api/v1/history, with a metric or without. */
void history_format(const struct json_value *answer, bool has_colour, struct buf *out);
