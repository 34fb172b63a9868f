/* notify.c: see notify.h. The log and the list of the sinks in use. */
#include "watch/notify/notify.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"
#include "config/sink.h"
#include "watch/notify/delivery.h"
#include "watch/notify/log_sink.h"

#include <stdlib.h>

enum { SINKS_MAX = 64, SINK_NAME_BYTES = 64 };

struct sink {
    struct delivery *delivery; /* owned; NULL for the log and for one that was taken over */
    char name[SINK_NAME_BYTES];
    struct buf written; /* what it was opened with; as secret as that */
    uint64_t told;      /* the log's */
};

struct notifier {
    struct notify_params params;
    char *external_url; /* owned */
    size_t count;
    struct sink sinks[SINKS_MAX]; /* the first is the log */
};

const char *notify_outcome_name(enum notify_outcome outcome)
{
    static const char *const names[] = {
        [NOTIFY_DELIVERED] = "delivered", [NOTIFY_RETRIED] = "retried",       [NOTIFY_REFUSED] = "refused",
        [NOTIFY_EXPIRED] = "expired",     [NOTIFY_OVERFLOWED] = "overflowed",
    };
    ASSERT((size_t)outcome < ARRAY_LEN(names));
    return names[outcome];
}

/* ---- which sinks there are ---- */

static void open_sink(struct notifier *n, const struct config_notify *config)
{
    ASSERT(n->count < SINKS_MAX);
    struct sink *s = &n->sinks[n->count++];
    *s = (struct sink){0};
    str_copy(s->name, sizeof(s->name), config->name);
    config_sink_format(config, &s->written);
    s->delivery = delivery_new(&(struct delivery_params){
        .loop = n->params.loop, .config = config, .external_url = n->external_url, .fetch = n->params.fetch});
}

static void close_sink(struct sink *s, int64_t flush_ns)
{
    if (s->delivery)
        delivery_free(s->delivery, flush_ns);
    buf_fini(&s->written);
}

static bool take_over(struct notifier *n, struct notifier *old, const struct config_notify *config)
{
    CLEANUP(buf_fini) struct buf wanted = {0};
    config_sink_format(config, &wanted);
    for (size_t k = 1; k < old->count; k++) {
        struct sink *s = &old->sinks[k];
        if (!s->delivery || !str_eq(buf_str(&s->written), buf_str(&wanted)))
            continue;
        n->sinks[n->count++] = *s;
        *s = (struct sink){0};
        return true;
    }
    return false;
}

struct notifier *notifier_new(const struct notify_params *params)
{
    struct notifier *n = NEW(struct notifier);
    n->params = *params;
    n->external_url = mem_strdup(params->external_url ? params->external_url : "");
    n->count = 1;
    str_copy(n->sinks[0].name, SINK_NAME_BYTES, STR("log"));
    return n;
}

void notifier_configure(struct notifier *n, const struct config_notify *sinks, size_t count)
{
    struct notifier *old = NEW(struct notifier);
    *old = *n;
    n->count = 1;
    for (size_t i = 0; i < count && n->count < SINKS_MAX; i++)
        if (sinks[i].kind != NOTIFY_LOG && !take_over(n, old, &sinks[i]))
            open_sink(n, &sinks[i]);
    if (count >= SINKS_MAX)
        log_warn("notify: %zu sinks are configured, %d are used", count, SINKS_MAX - 1);
    for (size_t k = 1; k < old->count; k++)
        close_sink(&old->sinks[k], 0);
    free(old);
}

/* ---- what they are told ---- */

void notifier_send(struct notifier *n, const struct notification *what)
{
    struct notice notice;
    ASSERT(what->change != ALERT_NO_CHANGE);
    log_sink_tell(what);
    n->sinks[0].told++;
    if (what->change != ALERT_FIRED && what->change != ALERT_ENDED)
        return;
    notice_init(&notice, what->alert, what->change, what->text);
    for (size_t i = 1; i < n->count; i++)
        delivery_send(n->sinks[i].delivery, &notice);
    notice_fini(&notice);
}

static struct notify_counts counts_of(const struct sink *s)
{
    if (s->delivery)
        return delivery_counts(s->delivery);
    return (struct notify_counts){.of[NOTIFY_DELIVERED] = s->told};
}

void notifier_write_metrics(const struct notifier *n, struct buf *out)
{
    buf_put(out, STR("# HELP weir_notifications_total Alert notifications by sink and what became of them.\n"
                     "# TYPE weir_notifications_total counter\n"));
    for (size_t i = 0; i < n->count; i++) {
        struct notify_counts counts = counts_of(&n->sinks[i]);
        for (int k = 0; k < NOTIFY_OUTCOME_COUNT; k++)
            buf_printf(out, "weir_notifications_total{sink=\"%s\",outcome=\"%s\"} %llu\n", n->sinks[i].name,
                       notify_outcome_name((enum notify_outcome)k), (unsigned long long)counts.of[k]);
    }
    buf_put(out, STR("# HELP weir_notifications_queued Alert notifications waiting to be delivered.\n"
                     "# TYPE weir_notifications_queued gauge\n"));
    for (size_t i = 0; i < n->count; i++)
        buf_printf(out, "weir_notifications_queued{sink=\"%s\"} %llu\n", n->sinks[i].name,
                   (unsigned long long)counts_of(&n->sinks[i]).queued);
}

void notifier_free(struct notifier *n, int64_t flush_ns)
{
    if (n == NULL)
        return;
    int64_t until_ns = clock_now_ns() + flush_ns;
    for (size_t i = 0; i < n->count; i++)
        close_sink(&n->sinks[i], MAX(until_ns - clock_now_ns(), 0));
    free(n->external_url);
    free(n);
}
