/*
 * webhook.c: alerts to an HTTP receiver, in Alertmanager's shape.
 *
 * A queue in memory, delivered one at a time and in order by a job thread of the sink's own, so that a
 * receiver that hangs delays nobody else. The head of the queue is tried until it is delivered, refused for
 * good, or too old; the order of what happened to an alert is thus kept. When the queue is full the oldest
 * goes: the newest is nearest to the truth.
 *
 * Delivery is at least once: an answer may be lost after the receiver took the message. The fingerprint and
 * startsAt of an alert are the same in every try, so receivers can tell.
 *
 * The URL and the token are secrets: logs name the sink only, and libcurl's errors the host.
 */
#include "watch/notify/notify.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/units.h"
#include "net/job.h"
#include "watch/notify/alertmanager.h"
#include "watch/notify/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    WEBHOOK_QUEUE_MAX = 256,
    WEBHOOK_NAME_BYTES = 64,
    TOKEN_BYTES_MAX = 4096,
    RESPONSE_BYTES_MAX = 64 * 1024,
};
#define WEBHOOK_TIMEOUT_NS (10 * NS_PER_S) /* of one try */
#define WEBHOOK_AGE_MAX_NS (3600 * NS_PER_S)

struct delivery {
    struct list link;
    struct buf body;
    int64_t queued_ns;
    uint32_t attempts;
};

/* One try, with copies of all it needs: it may outlive the sink. */
struct attempt {
    struct job job;
    struct webhook *webhook; /* borrowed; NULL when that is gone */
    bool (*fetch)(const struct fetch_request *request, struct fetch_response *ret_response, struct err *err);
    char *url, *token_file; /* owned */
    struct buf body;
    int64_t timeout_ns;
    struct retry_answer answer;
    struct err err; /* when no answer came */
};

struct webhook {
    struct loop *loop;
    struct job_pool *pool; /* NULL: no descriptors were left */
    bool (*fetch)(const struct fetch_request *request, struct fetch_response *ret_response, struct err *err);
    char name[WEBHOOK_NAME_BYTES];
    char *url, *token_file; /* owned */
    struct list queue;      /* of deliveries; the first is the one being tried */
    uint32_t queued;
    struct attempt *current; /* on the job thread */
    struct timer retry;
    struct random random;
    struct notify_counts counts;
    bool is_closing;
};

/* ---- one try, on the job thread ---- */

/* Read at each try, so that a changed token needs no reload. false with errno. */
static bool read_token(const char *path, char out[TOKEN_BYTES_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, out, TOKEN_BYTES_MAX - 1);
    int error = errno;
    close(fd);
    errno = error;
    if (n < 0)
        return false;
    while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\r' || out[n - 1] == ' '))
        n--;
    out[n] = '\0';
    return true;
}

static void run_attempt(struct job *j)
{
    struct attempt *t = container_of(j, struct attempt, job);
    static const char *const headers[] = {"Content-Type: application/json"};
    char token[TOKEN_BYTES_MAX] = "";
    struct fetch_response response;
    t->answer = (struct retry_answer){.retry_after_s = -1};
    if (t->token_file[0] && !read_token(t->token_file, token)) {
        t->answer.is_retryable = true;
        err_set_errno(&t->err, errno, "reading the token file %s", t->token_file);
        return;
    }
    struct fetch_request request = {
        .method = "POST",
        .url = t->url,
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .body = buf_str(&t->body),
        .bearer_token = token,
        .timeout_ns = t->timeout_ns,
        .response_bytes_max = RESPONSE_BYTES_MAX,
    };
    if (t->fetch(&request, &response, &t->err)) {
        t->answer.has_status = true;
        t->answer.status = response.status;
        t->answer.retry_after_s = response.retry_after_s;
        fetch_response_fini(&response);
    } else {
        t->answer.is_retryable = t->err.retryable;
    }
    explicit_bzero(token, sizeof(token));
}

/* ---- queue ---- */

static void start_next(struct webhook *w);

static struct delivery *head_of(const struct webhook *w)
{
    return list_is_empty(&w->queue) ? NULL : container_of(w->queue.next, struct delivery, link);
}

static void drop(struct webhook *w, struct delivery *d, enum notify_outcome outcome)
{
    w->counts.of[outcome]++;
    w->queued--;
    list_remove(&d->link);
    buf_fini(&d->body);
    free(d);
}

static const char *format_problem(const struct attempt *t, char *out, size_t out_bytes)
{
    if (!t->answer.has_status)
        return t->err.text;
    snprintf(out, out_bytes, "the receiver answered %d", t->answer.status);
    return out;
}

static void wait_and_retry(struct webhook *w, struct delivery *d, const struct attempt *t)
{
    char problem[64], span[UNITS_TEXT_BYTES];
    int64_t now_ns = loop_now_ns(w->loop);
    int64_t delay_ns = retry_delay_ns(d->attempts, t->answer.retry_after_s, &w->random);
    if (now_ns + delay_ns - d->queued_ns > WEBHOOK_AGE_MAX_NS) {
        log_error("notify %s: giving up on a notification after %u tries: %s", w->name, d->attempts,
                  format_problem(t, problem, sizeof(problem)));
        drop(w, d, NOTIFY_EXPIRED);
        start_next(w);
        return;
    }
    w->counts.of[NOTIFY_RETRIED]++;
    log_warn("notify %s: not delivered, next try in %s: %s", w->name,
             units_format_duration(span, delay_ns / NS_PER_MS * NS_PER_MS),
             format_problem(t, problem, sizeof(problem)));
    timer_set(w->loop, &w->retry, now_ns + delay_ns);
}

static void on_attempt(struct job *j, enum job_outcome outcome)
{
    struct attempt *t = container_of(j, struct attempt, job);
    struct webhook *w = t->webhook;
    struct delivery *d = head_of(w);
    char problem[64];
    w->current = NULL;
    t->webhook = NULL;
    if (outcome != JOB_DONE) /* only when the sink is closed: fetch has its own, shorter time-out */
        return;
    d->attempts++;
    enum retry_verdict verdict = retry_judge(&t->answer);
    if (verdict == RETRY_LATER && !w->is_closing) {
        wait_and_retry(w, d, t);
        return;
    }
    if (verdict == RETRY_LATER)
        return;
    if (verdict == RETRY_NEVER)
        log_error("notify %s: a notification was refused for good: %s", w->name,
                  format_problem(t, problem, sizeof(problem)));
    drop(w, d, verdict == RETRY_DELIVERED ? NOTIFY_DELIVERED : NOTIFY_REFUSED);
    start_next(w);
}

static void release_attempt(struct job *j)
{
    struct attempt *t = container_of(j, struct attempt, job);
    buf_fini(&t->body);
    free(t->url);
    free(t->token_file);
    free(t);
}

static struct attempt *new_attempt(struct webhook *w, const struct delivery *d, int64_t timeout_ns)
{
    struct attempt *t = NEW(struct attempt);
    t->job = (struct job){.run = run_attempt, .on_done = on_attempt, .release = release_attempt};
    t->webhook = w;
    t->fetch = w->fetch;
    t->url = mem_strdup(w->url);
    t->token_file = mem_strdup(w->token_file);
    t->timeout_ns = timeout_ns;
    buf_put(&t->body, buf_str(&d->body));
    return t;
}

static void start_next(struct webhook *w)
{
    struct delivery *d = head_of(w);
    if (d == NULL || w->current || w->is_closing || timer_is_set(&w->retry))
        return;
    struct attempt *t = new_attempt(w, d, WEBHOOK_TIMEOUT_NS);
    if (w->pool && job_submit(w->pool, &t->job, 0)) {
        w->current = t;
        return;
    }
    /* No thread now; perhaps later. */
    release_attempt(&t->job);
    timer_set(w->loop, &w->retry, loop_now_ns(w->loop) + RETRY_FIRST_NS);
}

static void on_retry(struct loop *l, struct timer *t)
{
    start_next(container_of(t, struct webhook, retry));
}

/* The oldest that is not on its way. */
static void make_room(struct webhook *w)
{
    if (w->queued < WEBHOOK_QUEUE_MAX)
        return;
    struct list *oldest = w->current ? w->queue.next->next : w->queue.next;
    log_error("notify %s: %d notifications are waiting already, the oldest is dropped", w->name,
              WEBHOOK_QUEUE_MAX);
    drop(w, container_of(oldest, struct delivery, link), NOTIFY_OVERFLOWED);
}

/* ---- the sink ---- */

static char *copy_text(struct str s)
{
    char *copy = mem_alloc(s.len + 1);
    str_copy(copy, s.len + 1, s);
    return copy;
}

static void *webhook_open(const struct notify_params *params, const struct config_notify *config,
                          const char *name)
{
    struct webhook *w = NEW(struct webhook);
    w->loop = params->loop;
    w->fetch = params->fetch;
    w->url = copy_text(config->url);
    w->token_file = copy_text(config->bearer_token_file);
    str_copy(w->name, sizeof(w->name), str_of(name));
    list_init(&w->queue);
    timer_init(&w->retry, on_retry);
    random_seed_from_system(&w->random);
    w->pool = job_pool_new(
        &(struct job_pool_params){.loop = params->loop, .name = "webhook", .threads_max = 1, .queue_max = 1});
    return w;
}

static void webhook_send(void *sink, const struct notification *n)
{
    struct webhook *w = sink;
    if (!alertmanager_can_tell(n->change))
        return;
    make_room(w);
    struct delivery *d = NEW(struct delivery);
    d->queued_ns = loop_now_ns(w->loop);
    alertmanager_write(&d->body, n, w->name);
    list_push_back(&w->queue, &d->link);
    w->queued++;
    start_next(w);
}

static struct notify_counts webhook_get_counts(const void *sink)
{
    const struct webhook *w = sink;
    struct notify_counts counts = w->counts;
    counts.queued = w->queued;
    return counts;
}

/* One try each on this thread, as long as the time lasts; a receiver that does not answer ends it. */
static void flush(struct webhook *w, int64_t until_ns)
{
    for (struct delivery *d; (d = head_of(w)) != NULL;) {
        int64_t left_ns = until_ns - clock_now_ns();
        if (left_ns < NS_PER_MS)
            return;
        struct attempt *t = new_attempt(w, d, MIN(left_ns, WEBHOOK_TIMEOUT_NS));
        run_attempt(&t->job);
        enum retry_verdict verdict = retry_judge(&t->answer);
        release_attempt(&t->job);
        if (verdict == RETRY_LATER)
            return;
        drop(w, d, verdict == RETRY_DELIVERED ? NOTIFY_DELIVERED : NOTIFY_REFUSED);
    }
}

static void webhook_close(void *sink, int64_t flush_ns)
{
    struct webhook *w = sink;
    int64_t until_ns = clock_now_ns() + flush_ns;
    w->is_closing = true;
    timer_cancel(&w->retry);
    job_pool_free(w->pool, flush_ns);
    flush(w, until_ns);
    if (w->queued)
        log_warn("notify %s: closed with %u notifications not delivered", w->name, w->queued);
    for (struct delivery *d; (d = head_of(w)) != NULL;)
        drop(w, d, NOTIFY_EXPIRED);
    free(w->url);
    free(w->token_file);
    free(w);
}

const struct notify_ops notify_webhook_ops = {
    .open = webhook_open, .send = webhook_send, .get_counts = webhook_get_counts, .close = webhook_close};
