/* log_sink.c: see log_sink.h. */
#include "watch/notify/log_sink.h"

#include "base/log.h"

static enum log_level level_of(const struct notification *n)
{
    if (n->change == ALERT_LOST_SIGHT)
        return LOG_LEVEL_WARN;
    if (n->change != ALERT_FIRED || n->alert->severity == ALERT_NOTICE)
        return LOG_LEVEL_INFO;
    return n->alert->severity == ALERT_CRITICAL ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN;
}

void log_sink_tell(const struct notification *n)
{
    if (n->change == ALERT_FIRED && n->silence)
        log_line(level_of(n), "%s (to silence it: %s)", n->text, n->silence);
    else
        log_line(level_of(n), "%s", n->text);
}
