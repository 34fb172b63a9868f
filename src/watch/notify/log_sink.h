/* log_sink.h: alerts as lines in Weir's own log, at the level of their severity. Always there, never queues.
 */
#pragma once
#include "watch/notify/notify.h"

void log_sink_tell(const struct notification *n);
