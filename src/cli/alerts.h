/* alerts.h: `weir alerts`: what fires, what is coming, what is silenced; and all about one of them. */
#pragma once
#include "base/buf.h"
#include "cli/command.h"
#include "net/json_value.h"

int alerts_show(const struct command_line *line);
/* All that is known of one alert of that answer. */
void alerts_format_one(const struct json_value *alert, bool has_colour, struct buf *out);
/* The same lines for `weir status`; answer: of /api/v1/alerts. */
void alerts_format_summary(const struct json_value *answer, bool has_colour, struct buf *out);
