/*
 * delivery.c: see delivery.h.
 *
 * A queue in memory, delivered one at a time and in order by a job thread of the sink's own, so that a
 * receiver that hangs delays nobody else. The head of the queue is tried until it is delivered, refused for
 * good, or too old; the order of what happened to an alert is thus kept. When the queue is full the oldest
 * goes: the newest is nearest to the truth.
 *
 * Delivery is at least once: an answer may be lost after the receiver took the message. The key of an episode
 * (notice_format_key) is the same in every try, so receivers can tell.
 */
#include "watch/notify/delivery.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/units.h"
#include "config/sink.h"
#include "net/job.h"

#include <stdlib.h>

enum { QUEUE_MAX = 256 };
#define TRY_TIMEOUT_NS (10 * NS_PER_S)
#define AGE_MAX_NS     (3600 * NS_PER_S)

struct entry {
    struct list link;
    struct notice notice;
    int64_t queued_ns;
    uint32_t attempts;
};

/* One try, with copies of all it needs: it may outlive the sink. */
struct attempt {
    struct job job;
    struct delivery *delivery; /* borrowed; NULL when that is gone */
    struct arena *arena;       /* owned: the configuration and the texts of the message */
    struct notice notice;      /* owned */
    struct alert_message message;
    struct exchange exchange;
    struct sink_answer answer;
};

struct delivery {
    struct loop *loop;
    struct job_pool *pool; /* NULL: no descriptors were left */
    sink_fetch *fetch;
    struct arena *arena; /* owned: config */
    const struct config_notify *config;
    const char *name, *external_url;
    struct list queue; /* of entries; the first is the one being tried */
    uint32_t queued;
    struct attempt *current; /* on the job thread */
    struct timer retry;
    struct random random;
    struct notify_counts counts;
    bool is_closing;
};

/* ---- one try, on the job thread ---- */

static void run_attempt(struct job *j)
{
    struct attempt *t = container_of(j, struct attempt, job);
    exchange_run(&t->exchange, &t->answer);
}

/* ---- queue ---- */

static void start_next(struct delivery *d);

static struct entry *head_of(const struct delivery *d)
{
    return list_is_empty(&d->queue) ? NULL : container_of(d->queue.next, struct entry, link);
}

static void drop(struct delivery *d, struct entry *e, enum notify_outcome outcome)
{
    d->counts.of[outcome]++;
    d->queued--;
    list_remove(&e->link);
    notice_fini(&e->notice);
    free(e);
}

static void wait_and_retry(struct delivery *d, struct entry *e, const struct sink_answer *a)
{
    char span[UNITS_TEXT_BYTES];
    int64_t now_ns = loop_now_ns(d->loop);
    int64_t delay_ns = retry_delay_ns(e->attempts, a->retry_after_s, &d->random);
    if (now_ns + delay_ns - e->queued_ns > AGE_MAX_NS) {
        log_error("notify %s: giving up on a notification after %u tries: %s", d->name, e->attempts, a->text);
        drop(d, e, NOTIFY_EXPIRED);
        start_next(d);
        return;
    }
    d->counts.of[NOTIFY_RETRIED]++;
    log_warn("notify %s: not delivered, next try in %s: %s", d->name,
             units_format_duration(span, delay_ns / NS_PER_MS * NS_PER_MS), a->text);
    timer_set(d->loop, &d->retry, now_ns + delay_ns);
}

static void on_attempt(struct job *j, enum job_outcome outcome)
{
    struct attempt *t = container_of(j, struct attempt, job);
    struct delivery *d = t->delivery;
    struct entry *e = head_of(d);
    d->current = NULL;
    t->delivery = NULL;
    if (outcome != JOB_DONE) /* only when the sink is closed: a try has its own, shorter time-out */
        return;
    e->attempts++;
    if (t->answer.verdict == RETRY_LATER) {
        if (!d->is_closing)
            wait_and_retry(d, e, &t->answer);
        return;
    }
    if (t->answer.verdict == RETRY_NEVER)
        log_error("notify %s: a notification was refused for good: %s", d->name, t->answer.text);
    drop(d, e, t->answer.verdict == RETRY_DELIVERED ? NOTIFY_DELIVERED : NOTIFY_REFUSED);
    start_next(d);
}

static void release_attempt(struct job *j)
{
    struct attempt *t = container_of(j, struct attempt, job);
    notice_fini(&t->notice);
    arena_free(t->arena);
    free(t);
}

static struct attempt *new_attempt(struct delivery *d, const struct entry *e, int64_t timeout_ns)
{
    struct attempt *t = NEW(struct attempt);
    t->job = (struct job){.run = run_attempt, .on_done = on_attempt, .release = release_attempt};
    t->delivery = d;
    t->arena = arena_new();
    notice_copy(&t->notice, &e->notice);
    t->message = (struct alert_message){.receiver = arena_strdup(t->arena, str_of(d->name)),
                                        .external_url = arena_strdup(t->arena, str_of(d->external_url)),
                                        .wall_ns = clock_wall_ns(),
                                        .count = 1,
                                        .notices = &t->notice};
    t->exchange = (struct exchange){.config = config_sink_copy(t->arena, d->config),
                                    .message = &t->message,
                                    .fetch = d->fetch,
                                    .timeout_ns = timeout_ns};
    return t;
}

static void start_next(struct delivery *d)
{
    struct entry *e = head_of(d);
    if (e == NULL || d->current || d->is_closing || timer_is_set(&d->retry))
        return;
    struct attempt *t = new_attempt(d, e, TRY_TIMEOUT_NS);
    if (d->pool && job_submit(d->pool, &t->job, 0)) {
        d->current = t;
        return;
    }
    /* No thread now; perhaps later. */
    release_attempt(&t->job);
    timer_set(d->loop, &d->retry, loop_now_ns(d->loop) + RETRY_FIRST_NS);
}

static void on_retry(struct loop *l, struct timer *t)
{
    start_next(container_of(t, struct delivery, retry));
}

/* The oldest that is not on its way. */
static void make_room(struct delivery *d)
{
    if (d->queued < QUEUE_MAX)
        return;
    struct list *oldest = d->current ? d->queue.next->next : d->queue.next;
    log_error("notify %s: %d notifications are waiting already, the oldest is dropped", d->name, QUEUE_MAX);
    drop(d, container_of(oldest, struct entry, link), NOTIFY_OVERFLOWED);
}

/* ---- the sink ---- */

struct delivery *delivery_new(const struct delivery_params *params)
{
    struct delivery *d = NEW(struct delivery);
    d->loop = params->loop;
    d->fetch = params->fetch;
    d->arena = arena_new();
    d->config = config_sink_copy(d->arena, params->config);
    d->name = d->config->name.ptr;
    d->external_url = arena_strdup(d->arena, str_of(params->external_url));
    list_init(&d->queue);
    timer_init(&d->retry, on_retry);
    random_seed_from_system(&d->random);
    d->pool = job_pool_new(
        &(struct job_pool_params){.loop = params->loop, .name = "notify", .threads_max = 1, .queue_max = 1});
    return d;
}

void delivery_send(struct delivery *d, const struct notice *n)
{
    make_room(d);
    struct entry *e = NEW(struct entry);
    e->queued_ns = loop_now_ns(d->loop);
    notice_copy(&e->notice, n);
    list_push_back(&d->queue, &e->link);
    d->queued++;
    start_next(d);
}

struct notify_counts delivery_counts(const struct delivery *d)
{
    struct notify_counts counts = d->counts;
    counts.queued = d->queued;
    return counts;
}

/* One try each on this thread, as long as the time lasts; a receiver that does not answer ends it. */
static void flush(struct delivery *d, int64_t until_ns)
{
    for (struct entry *e; (e = head_of(d)) != NULL;) {
        int64_t left_ns = until_ns - clock_now_ns();
        if (left_ns < NS_PER_MS)
            return;
        struct attempt *t = new_attempt(d, e, MIN(left_ns, TRY_TIMEOUT_NS));
        run_attempt(&t->job);
        enum retry_verdict verdict = t->answer.verdict;
        release_attempt(&t->job);
        if (verdict == RETRY_LATER)
            return;
        drop(d, e, verdict == RETRY_DELIVERED ? NOTIFY_DELIVERED : NOTIFY_REFUSED);
    }
}

void delivery_free(struct delivery *d, int64_t flush_ns)
{
    int64_t until_ns = clock_now_ns() + flush_ns;
    d->is_closing = true;
    timer_cancel(&d->retry);
    job_pool_free(d->pool, flush_ns);
    flush(d, until_ns);
    if (d->queued)
        log_warn("notify %s: closed with %u notifications not delivered", d->name, d->queued);
    for (struct entry *e; (e = head_of(d)) != NULL;)
        drop(d, e, NOTIFY_EXPIRED);
    arena_free(d->arena);
    free(d);
}
