/*
 * The lock is the slow path's: it is taken only when a request has to wait, or when `queued` says that
 * somebody does.
 *
 * Why no waiter is forgotten: who queues first counts itself in `queued` and only then looks for a free slot
 * once more (exchange.c); who gives a slot back first lowers in_flight and only then reads `queued`. Both are
 * sequentially consistent, so at least one of the two sees the other.
 *
 * Locks: queue before inbox, never the other way round.
 */
#include "proxy/queue.h"

#include "base/mem.h"

#include <stdlib.h>

struct queue {
    pthread_mutex_t lock;
    struct list waiters; /* longest waiting first */
};

struct queue *queue_new(void)
{
    struct queue *q = NEW(struct queue);
    pthread_mutex_init(&q->lock, NULL);
    list_init(&q->waiters);
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    ASSERT(list_is_empty(&q->waiters));
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static void receive_grants(struct loop *l, struct message *m)
{
    struct queue_inbox *inbox = container_of(m, struct queue_inbox, message);
    (void)l;
    for (;;) {
        pthread_mutex_lock(&inbox->lock);
        struct list *node = list_pop_front(&inbox->granted);
        if (!node)
            inbox->is_posted = false;
        struct waiter *w = node ? container_of(node, struct waiter, link) : NULL;
        if (w)
            w->state = WAITER_IDLE;
        pthread_mutex_unlock(&inbox->lock);
        if (!w)
            return;
        inbox->on_granted(w);
    }
}

void queue_inbox_init(struct queue_inbox *inbox, struct loop *loop, void (*on_granted)(struct waiter *w))
{
    *inbox =
        (struct queue_inbox){.loop = loop, .on_granted = on_granted, .message.on_receive = receive_grants};
    pthread_mutex_init(&inbox->lock, NULL);
    list_init(&inbox->granted);
}

void queue_inbox_fini(struct queue_inbox *inbox)
{
    pthread_mutex_destroy(&inbox->lock);
}

static void note_oldest(struct service *s)
{
    struct queue *q = s->queue;
    int64_t oldest =
        list_is_empty(&q->waiters) ? 0 : container_of(q->waiters.next, struct waiter, link)->since_ns;
    atomic_store_explicit(&s->queue_oldest_ns, oldest, memory_order_relaxed);
}

/* With the queue's lock held. */
static void take_out(struct waiter *w)
{
    list_remove(&w->link);
    atomic_fetch_sub_explicit(&w->service->queued, 1, memory_order_seq_cst);
    note_oldest(w->service);
}

bool queue_enter(struct service *s, struct waiter *w, uint32_t length_max, int64_t now_ns)
{
    ASSERT(w->state == WAITER_IDLE && w->inbox);
    pthread_mutex_lock(&s->queue->lock);
    bool has_room = (uint32_t)atomic_load_explicit(&s->queued, memory_order_relaxed) < length_max;
    if (has_room) {
        w->service = s;
        w->server = NULL;
        w->since_ns = now_ns;
        w->state = WAITER_WAITING;
        list_push_back(&s->queue->waiters, &w->link);
        atomic_fetch_add_explicit(&s->queued, 1, memory_order_seq_cst);
        note_oldest(s);
    }
    pthread_mutex_unlock(&s->queue->lock);
    return has_room;
}

void queue_leave(struct waiter *w)
{
    struct server *granted = NULL;
    if (!w->service)
        return;
    pthread_mutex_lock(&w->service->queue->lock);
    if (w->state == WAITER_WAITING) {
        take_out(w);
        w->state = WAITER_IDLE;
    } else {
        pthread_mutex_lock(&w->inbox->lock);
        if (w->state == WAITER_GRANTED) {
            list_remove(&w->link);
            w->state = WAITER_IDLE;
            granted = w->server;
        }
        pthread_mutex_unlock(&w->inbox->lock);
    }
    pthread_mutex_unlock(&w->service->queue->lock);
    if (granted)
        queue_release_slot(granted);
}

/* With the queue's lock held: w gets the slot of `server` that the caller has taken. */
static void grant(struct waiter *w, struct server *server)
{
    struct queue_inbox *inbox = w->inbox;
    take_out(w);
    pthread_mutex_lock(&inbox->lock);
    w->server = server;
    w->state = WAITER_GRANTED;
    list_push_back(&inbox->granted, &w->link);
    bool must_post = !inbox->is_posted;
    inbox->is_posted = true;
    pthread_mutex_unlock(&inbox->lock);
    if (must_post)
        loop_post(inbox->loop, &inbox->message);
}

bool queue_take_slot(struct server *s)
{
    if (!server_slot_take(s))
        return false;
    atomic_fetch_add_explicit(&s->service->in_flight, 1, memory_order_relaxed);
    return true;
}

void queue_offer(struct server *s)
{
    struct service *service = s->service;
    if (atomic_load_explicit(&service->queued, memory_order_seq_cst) == 0)
        return;
    pthread_mutex_lock(&service->queue->lock);
    while (!list_is_empty(&service->queue->waiters) && server_can_take(s) && queue_take_slot(s))
        grant(container_of(service->queue->waiters.next, struct waiter, link), s);
    pthread_mutex_unlock(&service->queue->lock);
}

void queue_release_slot(struct server *s)
{
    struct service *service = s->service;
    atomic_fetch_sub_explicit(&service->in_flight, 1, memory_order_relaxed);
    server_slot_release(s);
    /* From here on s itself may only be read as a slot: somebody else can be the last to hold it. */
    if (atomic_load_explicit(&service->queued, memory_order_seq_cst) != 0)
        queue_offer(s);
}
