/* notify.c: see notify.h. The log and the list of the sinks in use. */
#include "watch/notify/notify.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"
#include "config/sink.h"
#include "stats/exposition.h"
#include "watch/notify/delivery.h"
#include "watch/notify/live_trial.h"
#include "watch/notify/log_sink.h"
#include "watch/notify/route.h"

#include <stdio.h>
#include <stdlib.h>

enum { SINKS_MAX = CONFIG_SINKS_MAX, KEY_BYTES = 80 };

static const struct str key_prefix = {"notify:", sizeof("notify:") - 1};

struct sink {
    struct delivery *delivery; /* owned */
    struct arena *arena;       /* owned: config */
    const struct config_notify *config;
    uint64_t mark; /* of its last outbox_save() */
    bool is_saved; /* ...which was in the last notifier_save() */
};

/* Names of sinks that there are no more, whose documents are to be emptied. */
struct gone {
    size_t count;
    char *names[SINKS_MAX]; /* owned */
};

struct notifier {
    struct notify_params params;
    char *external_url; /* owned */
    void (*on_change)(void *context);
    void *context;
    bool is_keeping, is_closed;
    uint64_t log_told;
    struct live_trial *trial; /* owned */
    size_t count;
    struct sink sinks[SINKS_MAX];
    struct gone gone;
};

static struct outbox *outbox_of(const struct sink *s)
{
    return delivery_outbox(s->delivery);
}

/* ---- which sinks there are no more ---- */

static void note_gone(struct notifier *n, struct str name)
{
    struct gone *g = &n->gone;
    if (g->count == SINKS_MAX)
        return;
    char *copy = mem_alloc(name.len + 1);
    str_copy(copy, name.len + 1, name);
    g->names[g->count++] = copy;
}

static void forget_gone(struct notifier *n)
{
    while (n->gone.count)
        free(n->gone.names[--n->gone.count]);
}

/* ---- which sinks there are ---- */

static void on_delivered(void *context)
{
    struct notifier *n = context;
    if (n->on_change)
        n->on_change(n->context);
}

static struct sink *open_sink(struct notifier *n, const struct config_notify *config)
{
    ASSERT(n->count < SINKS_MAX);
    struct sink *s = &n->sinks[n->count++];
    *s = (struct sink){.arena = arena_new()};
    s->config = config_sink_copy(s->arena, config);
    s->delivery = delivery_new(&(struct delivery_params){.loop = n->params.loop,
                                                         .config = config,
                                                         .external_url = n->external_url,
                                                         .fetch = n->params.fetch,
                                                         .is_keeping = n->is_keeping,
                                                         .on_delivered = on_delivered,
                                                         .context = n});
    return s;
}

static void free_sink(struct sink *s)
{
    delivery_free(s->delivery);
    arena_free(s->arena);
    *s = (struct sink){0};
}

static struct sink *find_named(struct notifier *n, struct str name)
{
    for (size_t k = 0; k < n->count; k++)
        if (str_eq(n->sinks[k].config->name, name))
            return &n->sinks[k];
    return NULL;
}

static void open_or_set(const struct sink *s, int64_t now_ns, int64_t wall_ns)
{
    outbox_set_open(outbox_of(s), route_is_open(s->config, wall_ns / NS_PER_S), now_ns);
}

struct notifier *notifier_new(const struct notify_params *params)
{
    struct notifier *n = NEW(struct notifier);
    n->params = *params;
    n->external_url = mem_strdup(params->external_url ? params->external_url : "");
    n->trial = live_trial_new(params->loop, params->fetch);
    return n;
}

static void warn_of_what_waits(const struct sink *s)
{
    uint64_t queued = outbox_counts(outbox_of(s)).queued;
    if (queued)
        log_warn("notify %s: closed with %llu alerts not told", s->config->name.ptr,
                 (unsigned long long)queued);
}

void notifier_open(struct notifier *n, const struct config_notify *sinks, size_t count)
{
    ASSERT(n->count == 0);
    for (size_t i = 0; i < count; i++)
        if (sinks[i].kind != NOTIFY_LOG)
            open_or_set(open_sink(n, &sinks[i]), clock_now_ns(), clock_wall_ns());
}

void notifier_close(struct notifier *n, int64_t flush_ns)
{
    int64_t until_ns = clock_now_ns() + flush_ns;
    for (size_t i = 0; i < n->count && !n->is_closed; i++) {
        delivery_close(n->sinks[i].delivery, MAX(until_ns - clock_now_ns(), 0));
        if (!n->is_keeping)
            warn_of_what_waits(&n->sinks[i]);
    }
    live_trial_free(n->trial);
    n->trial = NULL;
    n->is_closed = true;
}

void notifier_free(struct notifier *n)
{
    if (n == NULL)
        return;
    notifier_close(n, 0);
    for (size_t i = 0; i < n->count; i++)
        free_sink(&n->sinks[i]);
    forget_gone(n);
    free(n->external_url);
    free(n);
}

/* ---- what they are told ---- */

/* The end is the outbox's to judge: who was told of the beginning is told of the end. */
static void send_notice(struct sink *s, const struct notice *notice)
{
    if (notice_is_over(notice) || route_takes(s->config, notice))
        delivery_send(s->delivery, notice);
}

void notifier_send(struct notifier *n, const struct notification *what)
{
    struct notice notice;
    ASSERT(what->change != ALERT_NO_CHANGE && !n->is_closed);
    log_sink_tell(what);
    n->log_told++;
    if (what->change != ALERT_FIRED && what->change != ALERT_ENDED)
        return;
    notice_init(&notice, what->alert, what->change,
                (struct notice_words){.line = what->text, .link = what->link, .silence = what->silence});
    for (size_t i = 0; i < n->count; i++)
        send_notice(&n->sinks[i], &notice);
    notice_fini(&notice);
}

void notifier_tick(struct notifier *n, int64_t now_ns, int64_t wall_ns)
{
    for (size_t i = 0; i < n->count; i++) {
        open_or_set(&n->sinks[i], now_ns, wall_ns);
        delivery_wake(n->sinks[i].delivery);
    }
}

/* ---- what outlives the worker ---- */

void notifier_set_keeping(struct notifier *n, bool is_keeping)
{
    n->is_keeping = is_keeping;
    for (size_t i = 0; i < n->count; i++) {
        outbox_set_keeping(outbox_of(&n->sinks[i]), is_keeping);
        delivery_wake(n->sinks[i].delivery);
    }
}

void notifier_on_change(struct notifier *n, void (*on_change)(void *context), void *context)
{
    n->on_change = on_change;
    n->context = context;
}

bool notifier_has_changed(const struct notifier *n)
{
    for (size_t i = 0; i < n->count; i++)
        if (outbox_has_changed(outbox_of(&n->sinks[i])))
            return true;
    return n->gone.count > 0;
}

static void put_document(const char *name, struct str text,
                         void (*put)(void *context, const char *key, struct str text), void *context)
{
    char key[KEY_BYTES];
    snprintf(key, sizeof(key), "%s%s", key_prefix.ptr, name);
    put(context, key, text);
}

void notifier_save(struct notifier *n, int64_t now_ns, int64_t wall_ns,
                   void (*put)(void *context, const char *key, struct str text), void *context)
{
    CLEANUP(buf_fini) struct buf text = {0};
    for (size_t i = 0; i < n->count; i++) {
        struct sink *s = &n->sinks[i];
        s->is_saved = outbox_has_changed(outbox_of(s));
        if (!s->is_saved)
            continue;
        buf_clear(&text);
        s->mark = outbox_save(outbox_of(s), &text, now_ns, wall_ns);
        put_document(s->config->name.ptr, buf_str(&text), put, context);
    }
    for (size_t i = 0; i < n->gone.count; i++)
        put_document(n->gone.names[i], STR(""), put, context);
    forget_gone(n);
}

void notifier_kept(struct notifier *n, bool is_kept)
{
    for (size_t i = 0; i < n->count; i++) {
        struct sink *s = &n->sinks[i];
        if (!s->is_saved)
            continue;
        s->is_saved = false;
        if (is_kept)
            outbox_kept(outbox_of(s), s->mark);
        else
            outbox_not_kept(outbox_of(s));
        if (!n->is_closed)
            delivery_wake(s->delivery);
    }
}

bool notifier_restore(struct notifier *n, struct str key, struct str text, int64_t now_ns, int64_t wall_ns)
{
    if (!str_starts_with(key, key_prefix))
        return false;
    struct str name = str_n(key.ptr + key_prefix.len, key.len - key_prefix.len);
    struct sink *s = find_named(n, name);
    if (!s && text.len && name.len < KEY_BYTES - key_prefix.len)
        note_gone(n, name); /* or it would be told of old things when it is there again one day */
    if (!s || !outbox_restore(outbox_of(s), text, now_ns, wall_ns))
        return false;
    open_or_set(s, now_ns, wall_ns);
    delivery_wake(s->delivery);
    return true;
}

static void settle_sink(struct sink *s, bool (*is_firing)(void *context, uint64_t fingerprint), void *context,
                        int64_t wall_ns)
{
    const struct notice *told;
    for (size_t i = 0; (told = outbox_told(outbox_of(s), i)) != NULL;) {
        if (is_firing(context, told->fingerprint)) {
            i++;
            continue;
        }
        struct notice end;
        notice_copy(&end, told);
        end.change = ALERT_ENDED;
        end.ended_wall_ns = wall_ns;
        delivery_send(s->delivery, &end); /* it is not among the told any more */
        notice_fini(&end);
    }
}

void notifier_settle(struct notifier *n, bool (*is_firing)(void *context, uint64_t fingerprint),
                     void *context, int64_t wall_ns)
{
    for (size_t i = 0; i < n->count; i++)
        settle_sink(&n->sinks[i], is_firing, context, wall_ns);
}

/* ---- tried ---- */

bool notifier_start_test(struct notifier *n, struct str name, struct err *err)
{
    const struct sink *s = find_named(n, name);
    if (!s)
        return err_set(err, "there is no sink `%.*s`", STR_ARG(name));
    return live_trial_start(n->trial, s->config, n->external_url, err);
}

void notifier_write_test(const struct notifier *n, struct json *j)
{
    live_trial_write(n->trial, j);
}

/* ---- who knows what ---- */

const char *sink_standing_name(enum sink_standing standing)
{
#define SINK_STANDING_NAME(id, name) [SINK_##id] = name,
    static const char *const names[SINK_STANDING_COUNT] = {SINK_STANDINGS(SINK_STANDING_NAME)};
#undef SINK_STANDING_NAME
    return names[standing];
}

/* Of a sink that neither knows of the alert nor has still to be told. */
static enum sink_standing standing_of_stranger(const struct sink *s, const struct alert *a, bool is_silenced)
{
    if (a->hidden[0])
        return SINK_HIDDEN;
    if (is_silenced)
        return SINK_SILENCED;
    if (alert_life_is_active(&a->life))
        return SINK_MISSED;
    return route_is_open(s->config, clock_wall_ns() / NS_PER_S) ? SINK_READY : SINK_CLOSED;
}

static struct sink_report report_sink(const struct sink *s, const struct alert *a,
                                      const struct notice *notice, bool is_silenced)
{
    static const enum sink_standing by_knowledge[] = {
        [OUTBOX_WAITS] = SINK_WAITING, [OUTBOX_DEFERRED] = SINK_CLOSED, [OUTBOX_KNOWS] = SINK_TOLD};
    int64_t since_ns;
    struct sink_report r = {.name = s->config->name.ptr};
    enum outbox_knowledge known = outbox_find(outbox_of(s), a->fingerprint, &since_ns);
    if (known == OUTBOX_KNOWS)
        r.told_wall_ns = clock_wall_ns() - (clock_now_ns() - since_ns);
    if (known != OUTBOX_KNOWS_NOTHING) {
        r.standing = by_knowledge[known];
        return r;
    }
    r.why = route_why_not(s->config, notice);
    r.standing = r.why ? SINK_BARRED : standing_of_stranger(s, a, is_silenced);
    return r;
}

size_t notifier_report(const struct notifier *n, const struct alert *a, bool is_silenced,
                       struct sink_report ret[CONFIG_SINKS_MAX])
{
    struct notice notice;
    notice_init(&notice, a, ALERT_FIRED, (struct notice_words){.line = ""});
    for (size_t i = 0; i < n->count; i++)
        ret[i] = report_sink(&n->sinks[i], a, &notice, is_silenced);
    notice_fini(&notice);
    return n->count;
}

/* ---- numbers ---- */

static const struct {
    const char *name;
    size_t offset;
} outcomes[] = {
    {"delivered", offsetof(struct outbox_counts, delivered)},
    {"retried", offsetof(struct outbox_counts, retried)},
    {"refused", offsetof(struct outbox_counts, refused)},
    {"expired", offsetof(struct outbox_counts, expired)},
    {"overflowed", offsetof(struct outbox_counts, overflowed)},
    {"joined", offsetof(struct outbox_counts, joined)},
};

static uint64_t count_at(const struct outbox_counts *counts, size_t offset)
{
    return *(const uint64_t *)(const void *)((const char *)counts + offset);
}

static void write_outcomes(struct buf *out, const char *sink, const struct outbox_counts *counts)
{
    for (size_t k = 0; k < ARRAY_LEN(outcomes); k++)
        buf_printf(out, "weir_notifications_total{sink=\"%s\",outcome=\"%s\"} %llu\n", sink, outcomes[k].name,
                   (unsigned long long)count_at(counts, outcomes[k].offset));
}

void notifier_write_metrics(const struct notifier *n, struct buf *out)
{
    int64_t now_ns = loop_now_ns(n->params.loop);
    exposition_begin(out, "weir_notifications_total", "counter",
                     "Alert notifications by sink and what became of them.");
    write_outcomes(out, "log", &(struct outbox_counts){.delivered = n->log_told});
    for (size_t i = 0; i < n->count; i++) {
        struct outbox_counts counts = outbox_counts(outbox_of(&n->sinks[i]));
        write_outcomes(out, n->sinks[i].config->name.ptr, &counts);
    }
    exposition_begin(out, "weir_notifications_queued", "gauge",
                     "Alert notifications waiting to be delivered.");
    buf_put(out, STR("weir_notifications_queued{sink=\"log\"} 0\n"));
    for (size_t i = 0; i < n->count; i++)
        buf_printf(out, "weir_notifications_queued{sink=\"%s\"} %llu\n", n->sinks[i].config->name.ptr,
                   (unsigned long long)outbox_counts(outbox_of(&n->sinks[i])).queued);
    exposition_begin(out, "weir_notifications_failing_seconds", "gauge",
                     "For how long no message has reached a sink; 0 when the last one did.");
    for (size_t i = 0; i < n->count; i++)
        buf_printf(out, "weir_notifications_failing_seconds{sink=\"%s\"} %.3f\n",
                   n->sinks[i].config->name.ptr,
                   (double)outbox_failing_ns(outbox_of(&n->sinks[i]), now_ns) / 1e9);
}

void notifier_write_json(const struct notifier *n, struct json *j)
{
    int64_t now_ns = loop_now_ns(n->params.loop);
    json_begin_array(j);
    for (size_t i = 0; i < n->count; i++) {
        const struct sink *s = &n->sinks[i];
        struct outbox_counts counts = outbox_counts(outbox_of(s));
        json_begin_object(j);
        json_put_str(j, "name", s->config->name);
        json_put_text(j, "kind", config_sink_kind_name(s->config->kind));
        json_put_int(j, "waiting", (int64_t)counts.queued);
        json_put_double(j, "failing_seconds", (double)outbox_failing_ns(outbox_of(s), now_ns) / 1e9);
        for (size_t k = 0; k < ARRAY_LEN(outcomes); k++)
            json_put_int(j, outcomes[k].name, (int64_t)count_at(&counts, outcomes[k].offset));
        json_end_object(j);
    }
    json_end_array(j);
}

void notifier_put_readings(const struct notifier *n, struct board *b)
{
    for (size_t i = 0; i < n->count; i++) {
        const struct sink *s = &n->sinks[i];
        struct subject subject = {.names = {s->config->name.ptr}};
        int64_t failing_ns = outbox_failing_ns(outbox_of(s), board_now_ns(b));
        board_put_note(b, METRIC_SINK_FAILING, &subject, reading_known((double)failing_ns / 1e9),
                       "%llu alerts wait for it, %llu were never told",
                       (unsigned long long)outbox_counts(outbox_of(s)).queued,
                       (unsigned long long)outbox_lost(outbox_of(s)));
        board_put(b, METRIC_SINK_LOST, &subject,
                  reading_known((double)outbox_lost_lately(outbox_of(s), board_now_ns(b))));
    }
}
