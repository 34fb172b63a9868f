/* route.h: which alerts a sink is told of (`only` in the configuration), and when. Pure. */
#pragma once
#include "config/model.h"
#include "watch/notify/notice.h"

/* An alert about a sink itself is never told by that sink: it would not arrive. */
bool route_takes(const struct config_notify *sink, const struct notice *n);
/* Why it does not, a constant half sentence; NULL: it does. */
const char *route_why_not(const struct config_notify *sink, const struct notice *n);
/* Whether it is one of the sink's hours. */
bool route_is_open(const struct config_notify *sink, int64_t wall_s);
