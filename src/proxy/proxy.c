/* The data threads as one thing: started, told of snapshots, drained, ended. Control thread only. */
#include "proxy/proxy.h"

#include "base/mem.h"
#include "proxy/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct proxy *proxy_new(const struct proxy_params *params, struct err *err)
{
    struct proxy *p = NEW(struct proxy);
    p->params = *params;
    p->thread_count = params->thread_count;
    p->threads = NEW_ARRAY(struct data_thread *, params->thread_count);
    for (uint32_t i = 0; i < p->thread_count; i++) {
        p->threads[i] = data_thread_new(p, i, err);
        if (!p->threads[i]) {
            proxy_free(p);
            return NULL;
        }
    }
    return p;
}

bool proxy_start(struct proxy *p, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are control's business */
    int error = 0;
    for (; p->started_count < p->thread_count && !error; p->started_count += !error)
        error = pthread_create(&p->threads[p->started_count]->id, NULL, data_thread_main,
                               p->threads[p->started_count]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? err_set_errno(err, error, "starting data thread %u", p->started_count) : true;
}

void proxy_on_published(struct proxy *p)
{
    struct fleet *f = p->params.fleet;
    for (uint32_t i = 0; i < p->thread_count; i++)
        data_thread_wake(p->threads[i]);
    fleet_for_each_server (f, s)
        queue_offer(s);
}

void proxy_drain(struct proxy *p)
{
    if (atomic_exchange(&p->is_draining, 1))
        return;
    for (uint32_t i = 0; i < p->thread_count; i++)
        loop_post(p->threads[i]->loop, &p->threads[i]->drain);
}

uint32_t proxy_connections(const struct proxy *p)
{
    int32_t n = atomic_load_explicit(&p->connections, memory_order_relaxed);
    return n > 0 ? (uint32_t)n : 0;
}

const struct thread_cells *proxy_thread_cells(const struct proxy *p, uint32_t thread)
{
    ASSERT(thread < p->thread_count);
    return &p->threads[thread]->cells;
}

void proxy_queue_new(struct service *s)
{
    if (!s->queue)
        s->queue = queue_new();
}

void proxy_queue_free(struct service *s)
{
    queue_free(s->queue);
    s->queue = NULL;
}

void proxy_stop(struct proxy *p)
{
    for (uint32_t i = 0; i < p->started_count; i++)
        loop_post(p->threads[i]->loop, &p->threads[i]->stop);
    for (uint32_t i = 0; i < p->started_count; i++)
        pthread_join(p->threads[i]->id, NULL);
    p->started_count = 0;
}

void proxy_free(struct proxy *p)
{
    if (!p)
        return;
    ASSERT(p->started_count == 0);
    for (uint32_t i = 0; i < p->thread_count; i++)
        data_thread_free(p->threads[i]);
    free(p->threads);
    free(p);
}
