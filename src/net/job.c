/*
 * job.c: see job.h.
 *
 * A queue under one mutex, threads that are started when a job finds none idle, and an eventfd that wakes the
 * loop to collect what is finished. An eventfd and not loop_post: it can be taken off the loop at once, so a
 * pool that is freed leaves nothing behind in a mailbox that is perhaps never emptied again.
 *
 * Invariants:
 * 1. A job is in exactly one of the lists queue, running, finished, and only while it is the pool's.
 * 2. on_done is called once, by the loop's thread, with the mutex free; is_answered is the loop thread's
 * alone.
 * 3. release follows on_done. A running job is never released by the loop's thread.
 * 4. The pool's memory lives until its owner and every thread have let go (refs): a hanging thread may
 * outlive the pool.
 * 5. A thread that has ended in time is joined, not only counted: what libraries keep for each thread
 * (OpenSSL's error queue) is freed as the thread goes, which must not run while the process itself ends.
 *
 * Rejected: killing a thread that hangs. In a system call on a dead mount nothing can, and elsewhere it
 * leaves locks held.
 */
#include "net/job.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK_BYTES = 1024 * 1024 }; /* TLS and the resolver are hungry; untouched pages cost nothing */

struct job_thread {
    struct job_pool *pool;
    pthread_t id;
    bool has_ended;      /* nothing is left to do but to go */
    bool is_left_behind; /* it hung when the pool was freed */
};

struct job_pool {
    struct loop *loop;
    char name[16];
    uint32_t threads_max, queue_max;
    struct handle wake;    /* eventfd */
    struct timer deadline; /* of the job that is late first */
    _Atomic uint32_t refs; /* owner and threads */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work, quiet;
    struct list queue, running, finished;
    uint32_t queued, threads, idle;
    uint32_t started; /* threads end only when the pool is closed, so these are all there ever were */
    struct job_thread *started_threads; /* owned; threads_max of them */
    bool is_closed;                     /* no new jobs; threads end */
    bool is_abandoned; /* the owner waits no more: running jobs are released by their threads */
};

static _Atomic uint32_t left_behind; /* threads, of all pools */

uint32_t job_threads_left_behind(void)
{
    return atomic_load_explicit(&left_behind, memory_order_acquire);
}

static void unref(struct job_pool *p)
{
    /* Acquire-release: the last one must see all that the others did with the pool before it frees it. */
    if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->quiet);
    free(p->started_threads);
    free(p);
}

static struct job *pop(struct list *l)
{
    return list_is_empty(l) ? NULL : container_of(list_pop_front(l), struct job, link);
}

/* The next job for a thread; NULL: the thread is to end. Called and left with the mutex held. */
static struct job *wait_for_job(struct job_pool *p)
{
    while (list_is_empty(&p->queue) && !p->is_closed) {
        p->idle++;
        pthread_cond_wait(&p->work, &p->mutex);
        p->idle--;
    }
    if (p->is_closed)
        return NULL;
    struct job *j = pop(&p->queue);
    p->queued--;
    j->stage = JOB_RUNNING;
    list_push_back(&p->running, &j->link);
    return j;
}

static void finish(struct job_pool *p, struct job *j)
{
    list_remove(&j->link);
    j->stage = JOB_FINISHED;
    if (p->is_abandoned) {
        j->release(j);
        return;
    }
    list_push_back(&p->finished, &j->link);
    if (!p->is_closed)
        (void)!write(p->wake.fd, &(uint64_t){1}, sizeof(uint64_t));
}

static void *thread_main(void *argument)
{
    struct job_thread *t = argument;
    struct job_pool *p = t->pool;
    pthread_setname_np(pthread_self(), p->name);
    pthread_mutex_lock(&p->mutex);
    struct job *j;
    while ((j = wait_for_job(p)) != NULL) {
        pthread_mutex_unlock(&p->mutex);
        j->run(j);
        pthread_mutex_lock(&p->mutex);
        finish(p, j);
    }
    t->has_ended = true;
    p->threads--;
    if (t->is_left_behind)
        atomic_fetch_sub_explicit(&left_behind, 1, memory_order_release);
    pthread_cond_signal(&p->quiet);
    pthread_mutex_unlock(&p->mutex);
    unref(p);
    return NULL;
}

/* With all signals blocked: they are the main thread's. With the mutex held. */
static bool start_thread(struct job_pool *p)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    struct job_thread *t = &p->started_threads[p->started];
    t->pool = p;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    p->threads++;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&t->id, &attributes, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error == 0) {
        p->started++;
        return true;
    }
    p->threads--;
    atomic_fetch_sub_explicit(&p->refs, 1, memory_order_relaxed);
    return false;
}

static void answer(struct job *j, enum job_outcome outcome)
{
    if (j->is_answered)
        return;
    j->is_answered = true;
    if (j->on_done)
        j->on_done(j, outcome);
}

static void collect_finished(struct job_pool *p)
{
    for (;;) {
        pthread_mutex_lock(&p->mutex);
        struct job *j = pop(&p->finished);
        pthread_mutex_unlock(&p->mutex);
        if (j == NULL)
            return;
        answer(j, JOB_DONE);
        j->release(j);
    }
}

static void on_wake(struct loop *l, struct handle *h, uint32_t events)
{
    struct job_pool *p = container_of(h, struct job_pool, wake);
    uint64_t count;
    (void)!read(h->fd, &count, sizeof(count));
    collect_finished(p);
}

/* The first late job of a list, or NULL; *next_ns becomes the earliest deadline still ahead. */
static struct job *find_late(struct list *jobs, int64_t now_ns, int64_t *next_ns)
{
    list_for_each (node, jobs) {
        struct job *j = container_of(node, struct job, link);
        if (j->is_answered || j->deadline_ns == 0)
            continue;
        if (j->deadline_ns <= now_ns)
            return j;
        *next_ns = MIN(*next_ns, j->deadline_ns);
    }
    return NULL;
}

static void on_deadline(struct loop *l, struct timer *t)
{
    struct job_pool *p = container_of(t, struct job_pool, deadline);
    int64_t next_ns;
    for (;;) {
        next_ns = INT64_MAX;
        pthread_mutex_lock(&p->mutex);
        struct job *running = find_late(&p->running, loop_now_ns(l), &next_ns);
        struct job *waiting = running ? NULL : find_late(&p->queue, loop_now_ns(l), &next_ns);
        if (waiting) {
            list_remove(&waiting->link);
            p->queued--;
        }
        pthread_mutex_unlock(&p->mutex);
        if (running)
            answer(running, JOB_LATE);
        if (waiting) {
            answer(waiting, JOB_LATE);
            waiting->release(waiting);
        }
        if (!running && !waiting)
            break;
    }
    if (next_ns != INT64_MAX)
        timer_set(l, t, next_ns);
}

struct job_pool *job_pool_new(const struct job_pool_params *params)
{
    ASSERT(params->threads_max > 0 && params->queue_max > 0);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return NULL;
    struct job_pool *p = NEW(struct job_pool);
    p->loop = params->loop;
    p->threads_max = params->threads_max;
    p->queue_max = params->queue_max;
    p->started_threads = NEW_ARRAY(struct job_thread, params->threads_max);
    snprintf(p->name, sizeof(p->name), "%s", params->name);
    p->wake = (struct handle){.fd = fd, .on_event = on_wake};
    timer_init(&p->deadline, on_deadline);
    atomic_init(&p->refs, 1);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->quiet, &attributes);
    pthread_condattr_destroy(&attributes);
    list_init(&p->queue);
    list_init(&p->running);
    list_init(&p->finished);
    if (loop_add(p->loop, &p->wake, EPOLLIN | EPOLLET))
        return p;
    int error = errno;
    close(fd);
    unref(p);
    errno = error;
    return NULL;
}

bool job_submit(struct job_pool *p, struct job *j, int64_t deadline_ns)
{
    ASSERT(j->run && j->release);
    pthread_mutex_lock(&p->mutex);
    bool is_taken = !p->is_closed && p->queued < p->queue_max;
    if (is_taken && p->idle <= p->queued && p->threads < p->threads_max)
        is_taken = start_thread(p) || p->threads > 0;
    if (is_taken) {
        j->pool = p;
        j->deadline_ns = deadline_ns;
        j->stage = JOB_QUEUED;
        j->is_answered = false;
        list_push_back(&p->queue, &j->link);
        p->queued++;
        pthread_cond_signal(&p->work);
    }
    pthread_mutex_unlock(&p->mutex);
    if (is_taken && deadline_ns && (!timer_is_set(&p->deadline) || deadline_ns < p->deadline.deadline_ns))
        timer_set(p->loop, &p->deadline, deadline_ns);
    return is_taken;
}

static void cancel_queued(struct job_pool *p)
{
    for (;;) {
        pthread_mutex_lock(&p->mutex);
        p->is_closed = true;
        struct job *j = pop(&p->queue);
        if (j)
            p->queued--;
        pthread_cond_broadcast(&p->work);
        pthread_mutex_unlock(&p->mutex);
        if (j == NULL)
            return;
        answer(j, JOB_CANCELLED);
        j->release(j);
    }
}

static uint32_t count_running(const struct job_pool *p)
{
    uint32_t count = 0;
    list_for_each (node, &p->running)
        count++;
    return count;
}

/* Those with nothing to do, who end as soon as they wake; then the others, for a while. */
static void wait_for_threads(struct job_pool *p, int64_t grace_ns)
{
    int64_t until_ns = clock_now_ns() + grace_ns;
    struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};
    pthread_mutex_lock(&p->mutex);
    while (p->threads > count_running(p))
        pthread_cond_wait(&p->quiet, &p->mutex);
    while (p->threads > 0 && pthread_cond_timedwait(&p->quiet, &p->mutex, &until) == 0)
        continue;
    pthread_mutex_unlock(&p->mutex);
}

/* Those that ended are waited for until they are gone; those that hang go on alone. */
static void part_with_threads(struct job_pool *p)
{
    for (uint32_t i = 0; i < p->started; i++) {
        pthread_mutex_lock(&p->mutex);
        bool has_ended = p->started_threads[i].has_ended;
        p->started_threads[i].is_left_behind = !has_ended;
        if (!has_ended)
            atomic_fetch_add_explicit(&left_behind, 1, memory_order_relaxed);
        pthread_mutex_unlock(&p->mutex);
        if (has_ended)
            pthread_join(p->started_threads[i].id, NULL);
        else
            pthread_detach(p->started_threads[i].id);
    }
}

/* Under the mutex on purpose: a job that ends now must wait until it is answered. */
static void abandon_running(struct job_pool *p)
{
    pthread_mutex_lock(&p->mutex);
    p->is_abandoned = true;
    list_for_each (node, &p->running)
        answer(container_of(node, struct job, link), JOB_CANCELLED);
    pthread_mutex_unlock(&p->mutex);
}

void job_pool_free(struct job_pool *p, int64_t grace_ns)
{
    if (p == NULL)
        return;
    cancel_queued(p);
    wait_for_threads(p, grace_ns);
    abandon_running(p);
    collect_finished(p);
    part_with_threads(p);
    timer_cancel(&p->deadline);
    loop_remove(p->loop, &p->wake);
    close(p->wake.fd);
    unref(p);
}
