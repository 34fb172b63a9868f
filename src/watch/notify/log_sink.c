/* log_sink.c: alerts as lines in Weir's own log, at the level of their severity. Always there, never queues.
 */
#include "watch/notify/notify.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

struct log_sink {
    struct notify_counts counts;
};

static void *log_open(const struct notify_params *params, const struct config_notify *config,
                      const char *name)
{
    return NEW(struct log_sink);
}

static enum log_level level_of(const struct notification *n)
{
    if (n->change == ALERT_LOST_SIGHT)
        return LOG_LEVEL_WARN;
    if (n->change != ALERT_FIRED || n->alert->severity == ALERT_NOTICE)
        return LOG_LEVEL_INFO;
    return n->alert->severity == ALERT_CRITICAL ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN;
}

static void log_send(void *sink, const struct notification *n)
{
    struct log_sink *s = sink;
    log_line(level_of(n), "%s", n->text);
    s->counts.of[NOTIFY_DELIVERED]++;
}

static struct notify_counts log_get_counts(const void *sink)
{
    return ((const struct log_sink *)sink)->counts;
}

static void log_close(void *sink, int64_t flush_ns)
{
    free(sink);
}

const struct notify_ops notify_log_ops = {
    .open = log_open, .send = log_send, .get_counts = log_get_counts, .close = log_close};
