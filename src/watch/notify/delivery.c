/*
 * delivery.c: see delivery.h.
 *
 * One message at a time, by a job thread of the sink's own, so that a receiver that hangs delays nobody else.
 * What is next and when is the outbox's; here it is sent and told about.
 *
 * Delivery is at least once: an answer may be lost after the receiver took the message. The key of an episode
 * (notice_format_key) is the same in every try, so receivers can tell.
 */
#include "watch/notify/delivery.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/units.h"
#include "config/sink.h"
#include "net/job.h"

#include <stdlib.h>

#define SAID_AGAIN_NS     (300 * NS_PER_S)
#define NO_THREAD_WAIT_NS (1 * NS_PER_S)

/* One try, with copies of all it needs: it may outlive the sink. */
struct attempt {
    struct job job;
    struct delivery *delivery; /* borrowed; NULL when that is gone */
    struct arena *arena;       /* owned: the configuration and the texts of the message */
    size_t count;
    struct notice *notices; /* owned */
    struct alert_message message;
    struct exchange exchange;
    struct sink_answer answer;
};

struct delivery {
    struct delivery_params params;
    struct job_pool *pool; /* NULL: no descriptors were left, or it is closed */
    struct arena *arena;   /* owned: config and texts */
    const struct config_notify *config;
    const char *name, *external_url;
    struct outbox *outbox;
    struct attempt *current; /* on the job thread */
    struct timer timer;      /* the next message may leave */
    bool is_closing;
    int64_t said_ns; /* when the log last said why nothing arrives, and in which words */
    char said[sizeof(((struct sink_answer *)NULL)->text)];
};

/* ---- one try ---- */

static void run_attempt(struct job *j)
{
    struct attempt *t = container_of(j, struct attempt, job);
    exchange_run(&t->exchange, &t->answer);
}

static void release_attempt(struct job *j)
{
    struct attempt *t = container_of(j, struct attempt, job);
    for (size_t i = 0; i < t->count; i++)
        notice_fini(&t->notices[i]);
    free(t->notices);
    arena_free(t->arena);
    free(t);
}

/* A receiver that is away for a night is no reason for a line every few seconds. */
static bool is_news(struct delivery *d, const char *why, int64_t now_ns)
{
    bool is_said = d->said_ns && strcmp(d->said, why) == 0 && now_ns - d->said_ns < SAID_AGAIN_NS;
    if (is_said)
        return false;
    d->said_ns = MAX(now_ns, 1);
    str_copy(d->said, sizeof(d->said), str_of(why));
    return true;
}

/* What became of it, in the log. */
static void tell(struct delivery *d, const struct sink_answer *a, const struct outbox_result *r,
                 int64_t now_ns)
{
    char pause[UNITS_TEXT_BYTES];
    if (r->lost)
        log_error("notify %s: %u alerts were not told and never will be, %s: %s", d->name, r->lost,
                  r->is_expired ? "they are too old" : "they were refused", a->text);
    else if (a->verdict == RETRY_NEVER)
        log_warn("notify %s: a message was refused, its alerts are told one by one: %s", d->name, a->text);
    if (r->retry_ns && is_news(d, a->text, now_ns))
        log_warn("notify %s: not delivered, next try in %s: %s", d->name,
                 units_format_duration(pause, r->retry_ns / NS_PER_MS * NS_PER_MS), a->text);
}

static void finish(struct delivery *d, const struct sink_answer *a, int64_t now_ns)
{
    int64_t failed_ns = outbox_failing_ns(d->outbox, now_ns);
    struct outbox_result result = outbox_done(d->outbox, a, now_ns);
    char span[UNITS_TEXT_BYTES];
    if (failed_ns && !result.failing_ns)
        log_info("notify %s: delivered again, after %s", d->name,
                 units_format_duration(span, failed_ns / NS_PER_S * NS_PER_S));
    if (a->verdict == RETRY_DELIVERED)
        d->said_ns = 0;
    tell(d, a, &result, now_ns);
    if (d->params.on_delivered)
        d->params.on_delivered(d->params.context);
}

static void on_attempt(struct job *j, enum job_outcome outcome)
{
    struct attempt *t = container_of(j, struct attempt, job);
    struct delivery *d = t->delivery;
    d->current = NULL;
    t->delivery = NULL;
    if (outcome != JOB_DONE) { /* only when the sink is closed: a try has its own, shorter time-out */
        outbox_undo(d->outbox);
        return;
    }
    finish(d, &t->answer, loop_now_ns(d->params.loop));
    delivery_wake(d);
}

static struct attempt *new_attempt(struct delivery *d, const struct notice *const notices[], size_t count,
                                   uint32_t left_out)
{
    struct attempt *t = NEW(struct attempt);
    t->job = (struct job){.run = run_attempt, .on_done = on_attempt, .release = release_attempt};
    t->delivery = d;
    t->arena = arena_new();
    t->notices = NEW_ARRAY(struct notice, count);
    for (; t->count < count; t->count++)
        notice_copy(&t->notices[t->count], notices[t->count]);
    t->message = (struct alert_message){.receiver = arena_strdup(t->arena, str_of(d->name)),
                                        .external_url = arena_strdup(t->arena, str_of(d->external_url)),
                                        .wall_ns = clock_wall_ns(),
                                        .count = count,
                                        .notices = t->notices,
                                        .left_out = left_out};
    t->exchange = (struct exchange){.config = config_sink_copy(t->arena, d->config),
                                    .message = &t->message,
                                    .fetch = d->params.fetch,
                                    .timeout_ns = d->config->pace.timeout_ns};
    return t;
}

/* NULL: nothing is due. */
static struct attempt *take_attempt(struct delivery *d, int64_t now_ns)
{
    const struct notice **notices = NEW_ARRAY(const struct notice *, sink_kind(d->config->kind)->alerts_max);
    uint32_t left_out;
    size_t count = outbox_take(d->outbox, now_ns, notices, &left_out);
    struct attempt *t = count ? new_attempt(d, notices, count, left_out) : NULL;
    free(notices);
    return t;
}

/* ---- when ---- */

static void start_next(struct delivery *d)
{
    int64_t now_ns = loop_now_ns(d->params.loop);
    struct attempt *t = take_attempt(d, now_ns);
    if (!t)
        return;
    if (d->pool && job_submit(d->pool, &t->job, 0)) {
        d->current = t;
        return;
    }
    /* No thread now; perhaps later. */
    release_attempt(&t->job);
    outbox_undo(d->outbox);
    timer_set(d->params.loop, &d->timer, now_ns + NO_THREAD_WAIT_NS);
}

static void on_timer(struct loop *l, struct timer *t)
{
    struct delivery *d = container_of(t, struct delivery, timer);
    start_next(d);
    if (!timer_is_set(t))
        delivery_wake(d);
}

void delivery_wake(struct delivery *d)
{
    int64_t due_ns = outbox_due_ns(d->outbox);
    timer_cancel(&d->timer);
    if (!d->is_closing && !d->current && due_ns != INT64_MAX)
        timer_set(d->params.loop, &d->timer, MAX(due_ns, loop_now_ns(d->params.loop)));
}

/* ---- the sink ---- */

struct delivery *delivery_new(const struct delivery_params *params)
{
    struct random random;
    struct delivery *d = NEW(struct delivery);
    random_seed_from_system(&random);
    d->params = *params;
    d->arena = arena_new();
    d->config = config_sink_copy(d->arena, params->config);
    d->name = d->config->name.ptr;
    d->external_url = arena_strdup(d->arena, str_of(params->external_url));
    d->outbox = outbox_new(&(struct outbox_params){.kind = sink_kind(d->config->kind),
                                                   .group_wait_ns = d->config->pace.group_wait_ns,
                                                   .give_up_ns = d->config->pace.give_up_ns,
                                                   .length_max = d->config->pace.queue,
                                                   .per_minute = d->config->pace.per_minute,
                                                   .seed = random.state});
    outbox_set_keeping(d->outbox, params->is_keeping);
    timer_init(&d->timer, on_timer);
    d->pool = job_pool_new(
        &(struct job_pool_params){.loop = params->loop, .name = "notify", .threads_max = 1, .queue_max = 1});
    return d;
}

void delivery_send(struct delivery *d, const struct notice *n)
{
    uint64_t lost = outbox_lost(d->outbox);
    outbox_add(d->outbox, n, loop_now_ns(d->params.loop));
    if (outbox_lost(d->outbox) > lost)
        log_error("notify %s: %u notifications are waiting already, the oldest is dropped", d->name,
                  d->config->pace.queue);
    delivery_wake(d);
}

struct outbox *delivery_outbox(struct delivery *d)
{
    return d->outbox;
}

/* One try each on this thread, as long as the time lasts; a receiver that does not answer ends it. */
static void flush(struct delivery *d, int64_t until_ns)
{
    bool is_answering = true;
    outbox_hurry(d->outbox, clock_now_ns());
    while (is_answering) {
        int64_t left_ns = until_ns - clock_now_ns();
        struct attempt *t = left_ns < NS_PER_MS ? NULL : take_attempt(d, clock_now_ns());
        if (!t)
            return;
        t->exchange.timeout_ns = MIN(left_ns, d->config->pace.timeout_ns);
        run_attempt(&t->job);
        is_answering = t->answer.verdict != RETRY_LATER;
        finish(d, &t->answer, clock_now_ns());
        release_attempt(&t->job);
    }
}

void delivery_close(struct delivery *d, int64_t flush_ns)
{
    int64_t until_ns = clock_now_ns() + flush_ns;
    d->is_closing = true;
    timer_cancel(&d->timer);
    job_pool_free(d->pool, flush_ns);
    d->pool = NULL;
    flush(d, until_ns);
}

void delivery_free(struct delivery *d)
{
    if (d == NULL)
        return;
    outbox_free(d->outbox);
    arena_free(d->arena);
    free(d);
}
