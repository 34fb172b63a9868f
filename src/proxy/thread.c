/*
 * A data thread: its loop, its memory, its view of the fleet. Snapshots are taken up at the top of a turn,
 * and before a request is refused for want of a server; the thread publishes the oldest epoch that one of its
 * exchanges was routed by, so control knows what it may free (fleet/fleet.c).
 */
#include "proxy/thread.h"

#include "proxy/session.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static const int64_t accept_pause_ns = 100 * NS_PER_MS;
enum { DRAIN_ACCEPTS_MAX = 1024 };

/* ---- snapshots ---- */

static void publish_oldest(struct data_thread *t)
{
    struct snapshot_use *use = t->newest;
    while (use->older)
        use = use->older;
    atomic_store_explicit(&t->proxy->params.fleet->oldest_used[t->index], use->snapshot->epoch,
                          memory_order_release);
}

/* Drops what nobody uses any more, but for the newest. */
static void forget_unused(struct data_thread *t)
{
    for (struct snapshot_use **at = &t->newest->older; *at;) {
        struct snapshot_use *use = *at;
        if (use->users) {
            at = &use->older;
            continue;
        }
        *at = use->older;
        slab_give(&t->use_slab, use);
    }
    publish_oldest(t);
}

void thread_adopt(struct data_thread *t)
{
    struct snapshot *current = atomic_load_explicit(&t->proxy->params.fleet->current, memory_order_acquire);
    if (t->newest && t->newest->snapshot == current)
        return;
    struct snapshot_use *use = slab_take(&t->use_slab);
    if (!use) /* out of memory: the old one serves on, the next turn tries again */
        return;
    use->snapshot = current;
    use->older = t->newest;
    t->newest = use;
    t->config = current->config;
    upstream_sweep(t);
    forget_unused(t);
}

struct snapshot_use *thread_pin(struct data_thread *t)
{
    t->newest->users++;
    return t->newest;
}

void thread_unpin(struct data_thread *t, struct snapshot_use *use)
{
    ASSERT(use->users > 0);
    if (--use->users == 0 && use != t->newest)
        forget_unused(t);
}

struct str thread_date(struct data_thread *t)
{
    int64_t second = loop_now_ns(t->loop) / NS_PER_S;
    if (second != t->date_second || t->date[0] == '\0') {
        t->date_second = second;
        http_date_format(t->date, clock_wall_ns() / NS_PER_S);
    }
    return str_n(t->date, HTTP_DATE_BYTES);
}

/* ---- life ---- */

static void on_turn(struct loop *l)
{
    thread_adopt(loop_user(l));
}

static void on_accept(struct loop *l, struct handle *h, uint32_t events)
{
    (void)l;
    (void)events;
    (void)session_accept(container_of(h, struct listener, handle));
}

/* Nothing could be accepted for a while: for want of descriptors the level-triggered event would come back at
 * once. */
static void on_resume(struct loop *l, struct timer *timer)
{
    struct listener *listener = container_of(timer, struct listener, resume);
    if (!loop_change(l, &listener->handle, EPOLLIN))
        timer_set(l, timer, loop_now_ns(l) + accept_pause_ns);
}

void listener_pause(struct listener *l)
{
    struct loop *loop = l->thread->loop;
    (void)!loop_change(loop, &l->handle, 0); /* if even that fails, it is only busier */
    timer_set(loop, &l->resume, loop_now_ns(loop) + accept_pause_ns);
}

static void on_adopt(struct loop *l, struct message *m)
{
    struct data_thread *t = loop_user(l);
    (void)m;
    atomic_store_explicit(&t->is_adopt_posted, 0, memory_order_release);
    thread_adopt(t);
}

void data_thread_wake(struct data_thread *t)
{
    if (!atomic_exchange_explicit(&t->is_adopt_posted, 1, memory_order_acq_rel))
        loop_post(t->loop, &t->adopt);
}

static void stop_listening(struct data_thread *t)
{
    for (uint32_t i = 0; i < t->listener_count; i++) {
        timer_cancel(&t->listeners[i].resume);
        if (t->listeners[i].handle.fd >= 0)
            loop_remove(t->loop, &t->listeners[i].handle);
        t->listeners[i].handle.fd = -1; /* the descriptor is the supervisor's and stays open */
    }
}

/*
 * What the kernel has accepted already is taken; later clients shall be refused rather than wait in a queue
 * that nobody reads, so the descriptors are closed: when Weir ends, the supervisor has closed its own. When
 * only this worker ends, they stay open there.
 */
static void close_listeners(struct data_thread *t)
{
    for (uint32_t i = 0; i < t->listener_count; i++) {
        int fd = t->listeners[i].handle.fd;
        if (fd < 0)
            continue;
        for (int round = 0; round < DRAIN_ACCEPTS_MAX && session_accept(&t->listeners[i]); round++)
            ;
        timer_cancel(&t->listeners[i].resume);
        loop_remove(t->loop, &t->listeners[i].handle);
        t->listeners[i].handle.fd = -1;
        close(fd);
    }
}

static void on_drain(struct loop *l, struct message *m)
{
    struct data_thread *t = loop_user(l);
    (void)m;
    close_listeners(t);
    t->is_draining = true;
    upstream_close_idle(t);
    /* Each idle one reads once more before it is closed: a request may have come that no event has told of
     * yet. */
    list_for_each_safe (node, &t->sessions) {
        struct session *s = container_of(node, struct session, link);
        if (s->x.state == EXCHANGE_READ_HEAD && chunk_len(&s->client.in) == 0) {
            s->client.can_read = true;
            session_run(s);
        }
    }
}

static void on_stop(struct loop *l, struct message *m)
{
    struct data_thread *t = loop_user(l);
    (void)m;
    stop_listening(t);
    list_for_each_safe (node, &t->sessions)
        session_close(container_of(node, struct session, link));
    upstream_close_idle(t);
    loop_stop(l);
}

static bool add_listeners(struct data_thread *t, struct err *err)
{
    const struct proxy_params *params = &t->proxy->params;
    t->listener_count = params->listener_count;
    t->listeners = NEW_ARRAY(struct listener, MAX(params->listener_count, 1u));
    for (uint32_t i = 0; i < params->listener_count; i++) {
        struct listener *l = &t->listeners[i];
        l->thread = t;
        l->handle = (struct handle){.fd = params->listener_fds[i * params->thread_count + t->index],
                                    .on_event = on_accept};
        timer_init(&l->resume, on_resume);
        if (!loop_add(t->loop, &l->handle, EPOLLIN))
            return err_set_errno(err, errno, "adding listener %u to data thread %u", i, t->index);
    }
    return true;
}

struct data_thread *data_thread_new(struct proxy *p, uint32_t index, struct err *err)
{
    struct data_thread *t = mem_alloc_aligned(64, sizeof(*t));
    t->proxy = p;
    t->index = index;
    t->loop = loop_new(t);
    if (!t->loop) {
        err_set_errno(err, errno, "creating the event loop of data thread %u", index);
        free(t);
        return NULL;
    }
    list_init(&t->sessions);
    for (uint32_t i = 0; i < FLEET_SERVERS_MAX; i++)
        list_init(&t->idle[i]);
    slab_init(&t->session_slab, sizeof(struct session), 0);
    slab_init(&t->upstream_slab, sizeof(struct upstream), 0);
    slab_init(&t->use_slab, sizeof(struct snapshot_use), 0);
    random_seed_from_system(&t->random);
    queue_inbox_init(&t->inbox, t->loop, session_on_settled);
    t->adopt.on_receive = on_adopt;
    t->drain.on_receive = on_drain;
    t->stop.on_receive = on_stop;
    thread_adopt(t);
    t->buffers = buffer_pool_new(t->config->limits.buffer_memory / p->thread_count);
    loop_on_turn(t->loop, on_turn);
    if (!add_listeners(t, err)) {
        data_thread_free(t);
        return NULL;
    }
    return t;
}

void data_thread_free(struct data_thread *t)
{
    if (!t)
        return;
    stop_listening(t);
    atomic_store_explicit(&t->proxy->params.fleet->oldest_used[t->index], UINT64_MAX, memory_order_release);
    queue_inbox_fini(&t->inbox);
    slab_fini(&t->session_slab);
    slab_fini(&t->upstream_slab);
    slab_fini(&t->use_slab);
    buffer_pool_free(t->buffers);
    loop_free(t->loop);
    free(t->listeners);
    free(t);
}

void *data_thread_main(void *thread)
{
    struct data_thread *t = thread;
    char name[16];
    snprintf(name, sizeof(name), "weir-data-%u", t->index);
    pthread_setname_np(pthread_self(), name);
    loop_run(t->loop);
    return NULL;
}
