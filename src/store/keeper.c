/* keeper.c: see keeper.h. One mutex, held for a few instructions. */
#include "store/keeper.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { QUEUE_MAX = 64 };
#define WORK_NS  (30 * NS_PER_S)   /* a disk that takes longer is told */
#define CLOSE_NS (100 * NS_PER_MS) /* for the thread to end, once its work is done */

struct keeper_shared {
    pthread_mutex_t mutex; /* guards refs and done */
    pthread_cond_t changed;
    uint32_t refs;
    uint64_t done;
    struct keeper_file file;
};

struct keeper {
    struct job_pool *pool;
    struct keeper_shared *shared;
    uint64_t submitted;
};

/* ---- any thread ---- */

static struct keeper_shared *shared_new(const struct keeper_file *file)
{
    struct keeper_shared *s = NEW(struct keeper_shared);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&s->mutex, NULL);
    s->refs = 1;
    s->file = *file;
    return s;
}

static struct keeper_shared *shared_ref(struct keeper_shared *s)
{
    pthread_mutex_lock(&s->mutex);
    s->refs++;
    pthread_mutex_unlock(&s->mutex);
    return s;
}

static void shared_unref(struct keeper_shared *s)
{
    pthread_mutex_lock(&s->mutex);
    bool is_last = --s->refs == 0;
    pthread_mutex_unlock(&s->mutex);
    if (!is_last)
        return;
    s->file.free(s->file.file);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->changed);
    free(s);
}

/* After its run, or when it is given up before that. */
static void count_done(struct keeper_work *w)
{
    if (w->is_counted)
        return;
    w->is_counted = true;
    pthread_mutex_lock(&w->shared->mutex);
    w->shared->done++;
    pthread_cond_broadcast(&w->shared->changed);
    pthread_mutex_unlock(&w->shared->mutex);
}

/* ---- what a job calls ---- */

static void run(struct job *j)
{
    struct keeper_work *w = container_of(j, struct keeper_work, job);
    w->run(w, w->shared->file.file);
    count_done(w);
}

static void on_done(struct job *j, enum job_outcome outcome)
{
    struct keeper_work *w = container_of(j, struct keeper_work, job);
    w->on_done(w, outcome);
}

static void work_free(struct keeper_work *w)
{
    shared_unref(w->shared);
    w->free(w);
}

/* Perhaps on the job thread. */
static void release(struct job *j)
{
    struct keeper_work *w = container_of(j, struct keeper_work, job);
    count_done(w);
    work_free(w);
}

/* ---- on the loop's thread ---- */

struct keeper *keeper_new(struct loop *loop, const char *name, const struct keeper_file *file)
{
    struct job_pool_params params = {.loop = loop, .name = name, .threads_max = 1, .queue_max = QUEUE_MAX};
    struct job_pool *pool = job_pool_new(&params);
    if (!pool) {
        int error = errno;
        file->free(file->file);
        errno = error;
        return NULL;
    }
    struct keeper *k = NEW(struct keeper);
    k->pool = pool;
    k->shared = shared_new(file);
    return k;
}

bool keeper_submit(struct keeper *k, struct keeper_work *w)
{
    ASSERT(w->run && w->on_done && w->free);
    w->job = (struct job){.run = run, .on_done = on_done, .release = release};
    w->shared = shared_ref(k->shared);
    if (job_submit(k->pool, &w->job, w->may_hang ? 0 : clock_now_ns() + WORK_NS)) {
        k->submitted++;
        return true;
    }
    work_free(w);
    return false;
}

uint64_t keeper_submitted(const struct keeper *k)
{
    return k->submitted;
}

bool keeper_has_done(const struct keeper *k, uint64_t number)
{
    pthread_mutex_lock(&k->shared->mutex);
    bool has_done = k->shared->done >= number;
    pthread_mutex_unlock(&k->shared->mutex);
    return has_done;
}

bool keeper_wait(const struct keeper *k, int64_t wait_ns)
{
    struct keeper_shared *s = k->shared;
    int64_t until_ns = clock_now_ns() + wait_ns;
    struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};
    pthread_mutex_lock(&s->mutex);
    while (s->done < k->submitted && pthread_cond_timedwait(&s->changed, &s->mutex, &until) == 0)
        continue;
    bool is_done = s->done >= k->submitted;
    pthread_mutex_unlock(&s->mutex);
    return is_done;
}

static void close_file(struct keeper_work *w, void *file)
{
    w->shared->file.close(file);
}

static void on_closed(struct keeper_work *w, enum job_outcome outcome)
{
}

static void free_work(struct keeper_work *w)
{
    free(w);
}

void keeper_free(struct keeper *k, int64_t grace_ns)
{
    struct keeper_work *closing = NEW(struct keeper_work);
    *closing = (struct keeper_work){.run = close_file, .on_done = on_closed, .free = free_work};
    bool is_done = keeper_submit(k, closing) && keeper_wait(k, grace_ns);
    job_pool_free(k->pool, is_done ? CLOSE_NS : 0);
    shared_unref(k->shared);
    free(k);
}
