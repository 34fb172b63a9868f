/* explain.h: `weir explain SERVICE`: why it has as many servers as it has, told in plain words. */
#pragma once
#include "base/buf.h"
#include "cli/command.h"
#include "net/json_value.h"

int explain_show(const struct command_line *line); /* returns an exit code */

/* The API's answer as the story: the present first, then the decisions, newest first. What the answer does
 * not say is left out. Pure. */
void explain_format(const struct json_value *answer, bool has_colour, struct buf *out);
