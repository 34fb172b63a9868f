/* notify.c: see notify.h. The table of the sinks and the list of those in use. */
#include "watch/notify/notify.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { SINKS_MAX = 32, SINK_NAME_BYTES = 64 };

static const struct notify_ops *const ops_of_kind[] = {
    [NOTIFY_LOG] = &notify_log_ops,
    [NOTIFY_WEBHOOK] = &notify_webhook_ops,
};

struct sink {
    const struct notify_ops *ops;
    void *self; /* owned, by ops */
    char name[SINK_NAME_BYTES];
    enum notify_kind kind;
    char *url, *bearer_token_file; /* owned; what it was opened with */
};

struct notifier {
    struct notify_params params;
    size_t count;
    struct sink sinks[SINKS_MAX];
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

static char *copy_text(struct str s)
{
    char *copy = mem_alloc(s.len + 1);
    str_copy(copy, s.len + 1, s);
    return copy;
}

static void open_sink(struct notifier *n, const struct config_notify *config)
{
    ASSERT((size_t)config->kind < ARRAY_LEN(ops_of_kind) && n->count < SINKS_MAX);
    struct sink *s = &n->sinks[n->count++];
    s->ops = ops_of_kind[config->kind];
    s->kind = config->kind;
    s->url = copy_text(config->url);
    s->bearer_token_file = copy_text(config->bearer_token_file);
    str_copy(s->name, sizeof(s->name), config->name);
    s->self = s->ops->open(&n->params, config, s->name);
}

static void close_sink(struct sink *s, int64_t flush_ns)
{
    s->ops->close(s->self, flush_ns);
    free(s->url);
    free(s->bearer_token_file);
}

static bool is_same(const struct sink *s, const struct config_notify *config)
{
    return s->kind == config->kind && str_eq(str_of(s->name), config->name) &&
           str_eq(str_of(s->url), config->url) &&
           str_eq(str_of(s->bearer_token_file), config->bearer_token_file);
}

struct notifier *notifier_new(const struct notify_params *params)
{
    struct notifier *n = NEW(struct notifier);
    n->params = *params;
    notifier_configure(n, NULL, 0);
    return n;
}

void notifier_configure(struct notifier *n, const struct config_notify *sinks, size_t count)
{
    static const struct config_notify log = {.kind = NOTIFY_LOG, .name = {"log", 3}};
    struct notifier old = *n;
    n->count = 0;
    open_sink(n, &log);
    for (size_t i = 0; i < count && n->count < SINKS_MAX; i++) {
        size_t k = 0;
        if (sinks[i].kind == NOTIFY_LOG) /* it is there already, and nobody wants to read all twice */
            continue;
        while (k < old.count && !(old.sinks[k].self && is_same(&old.sinks[k], &sinks[i])))
            k++;
        if (k == old.count) {
            open_sink(n, &sinks[i]);
            continue;
        }
        n->sinks[n->count++] = old.sinks[k];
        old.sinks[k].self = NULL;
    }
    if (count >= SINKS_MAX)
        log_warn("notify: %zu sinks are configured, %d are used", count, SINKS_MAX - 1);
    for (size_t k = 0; k < old.count; k++)
        if (old.sinks[k].self)
            close_sink(&old.sinks[k], 0);
}

void notifier_send(struct notifier *n, const struct notification *what)
{
    ASSERT(what->change != ALERT_NO_CHANGE);
    for (size_t i = 0; i < n->count; i++)
        n->sinks[i].ops->send(n->sinks[i].self, what);
}

void notifier_write_metrics(const struct notifier *n, struct buf *out)
{
    buf_put(out, STR("# HELP weir_notifications_total Alert notifications by sink and what became of them.\n"
                     "# TYPE weir_notifications_total counter\n"));
    for (size_t i = 0; i < n->count; i++) {
        struct notify_counts counts = n->sinks[i].ops->get_counts(n->sinks[i].self);
        for (int k = 0; k < NOTIFY_OUTCOME_COUNT; k++)
            buf_printf(out, "weir_notifications_total{sink=\"%s\",outcome=\"%s\"} %llu\n", n->sinks[i].name,
                       notify_outcome_name((enum notify_outcome)k), (unsigned long long)counts.of[k]);
    }
    buf_put(out, STR("# HELP weir_notifications_queued Alert notifications waiting to be delivered.\n"
                     "# TYPE weir_notifications_queued gauge\n"));
    for (size_t i = 0; i < n->count; i++)
        buf_printf(out, "weir_notifications_queued{sink=\"%s\"} %llu\n", n->sinks[i].name,
                   (unsigned long long)n->sinks[i].ops->get_counts(n->sinks[i].self).queued);
}

void notifier_free(struct notifier *n, int64_t flush_ns)
{
    if (n == NULL)
        return;
    int64_t until_ns = clock_now_ns() + flush_ns;
    for (size_t i = 0; i < n->count; i++)
        close_sink(&n->sinks[i], MAX(until_ns - clock_now_ns(), 0));
    free(n);
}
