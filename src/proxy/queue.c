/*
 * Order is the order of arrival, by the clock of the turn in which a request was complete, not of reaching
 * the lock: a thread that was held up, or a request that is tried again, does not lose its place by it. So
 * one that enters looks for its place from the end; who is older than everybody goes straight to the front.
 *
 * The lock is the slow path's: it is taken only when a request has to wait, or when `queued` says that
 * somebody does.
 *
 * Why no waiter is forgotten: who queues first counts itself in `queued` and only then looks for a free slot
 * once more (exchange.c); who gives a slot back first lowers in_flight and only then reads `queued`. Both are
 * sequentially consistent, so at least one of the two sees the other. Who leaves a slot to others because its
 * server failed it (avoid) is found by control's look at each server, ten times a second.
 *
 * Why nobody overtakes: a request takes a slot without queueing only after it saw `queued` at 0 (exchange.c);
 * so whoever waits came to the queue after that look. A slot that is given back while somebody waits is taken
 * under the lock, for the first in the queue.
 *
 * A server without a limit gets a queue not all at once but as it gets on with it (fleet/let_in.h). All at
 * once, a thousand would be lost in the accept queue of a server that has just started, and their order with
 * them.
 *
 * Locks: queue before inbox, never the other way round.
 */
#include "proxy/queue.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

struct queue {
    pthread_mutex_t lock;
    struct list waiters; /* longest waiting first */
    struct outlook outlook;
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

static void receive_settled(struct loop *l, struct message *m)
{
    struct queue_inbox *inbox = container_of(m, struct queue_inbox, message);
    (void)l;
    for (;;) {
        pthread_mutex_lock(&inbox->lock);
        struct list *node = list_pop_front(&inbox->settled);
        if (!node)
            inbox->is_posted = false;
        struct waiter *w = node ? container_of(node, struct waiter, link) : NULL;
        if (w)
            w->state = WAITER_IDLE;
        pthread_mutex_unlock(&inbox->lock);
        if (!w)
            return;
        inbox->on_settled(w);
    }
}

void queue_inbox_init(struct queue_inbox *inbox, struct loop *loop, void (*on_settled)(struct waiter *w))
{
    *inbox =
        (struct queue_inbox){.loop = loop, .on_settled = on_settled, .message.on_receive = receive_settled};
    pthread_mutex_init(&inbox->lock, NULL);
    list_init(&inbox->settled);
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

/* Whom w is to stand behind, counted from the front: *ret_before others. With the queue's lock held. */
static struct list *find_place(struct queue *q, const struct waiter *w, uint32_t queued, uint32_t *ret_before)
{
    *ret_before = queued;
    if (list_is_empty(&q->waiters))
        return &q->waiters;
    if (container_of(q->waiters.next, struct waiter, link)->arrived_ns > w->arrived_ns) {
        *ret_before = 0;
        return &q->waiters;
    }
    struct list *at = q->waiters.prev;
    for (; container_of(at, struct waiter, link)->arrived_ns > w->arrived_ns; at = at->prev)
        --*ret_before;
    return at;
}

/* With the queue's lock held. */
static enum outlook_verdict judge(const struct waiter *w, const struct outlook *o, uint32_t before,
                                  int64_t now_ns)
{
    return w->is_patient ? OUTLOOK_HOLD : outlook_judge(o, before, w->deadline_ns, now_ns);
}

static enum queue_entry enter(struct service *s, struct waiter *w, uint32_t length_max, bool has_server,
                              int64_t now_ns)
{
    struct queue *q = s->queue;
    uint32_t before, queued = (uint32_t)atomic_load_explicit(&s->queued, memory_order_relaxed);
    if (queued >= length_max)
        return QUEUE_IS_FULL;
    struct list *at = find_place(q, w, queued, &before);
    bool is_outdated = has_server && q->outlook.places_now == 0;
    w->verdict = is_outdated ? OUTLOOK_HOLD : judge(w, &q->outlook, before, now_ns);
    if (w->verdict != OUTLOOK_HOLD)
        return QUEUE_IS_HOPELESS;
    w->service = s;
    w->server = NULL;
    w->since_ns = now_ns;
    w->state = WAITER_WAITING;
    list_insert_after(at, &w->link);
    atomic_fetch_add_explicit(&s->queued, 1, memory_order_seq_cst);
    note_oldest(s);
    return QUEUE_ENTERED;
}

enum queue_entry queue_enter(struct service *s, struct waiter *w, uint32_t length_max, bool has_server,
                             int64_t now_ns)
{
    ASSERT(w->state == WAITER_IDLE && w->inbox);
    pthread_mutex_lock(&s->queue->lock);
    enum queue_entry entry = enter(s, w, length_max, has_server, now_ns);
    pthread_mutex_unlock(&s->queue->lock);
    return entry;
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
        if (w->state == WAITER_SETTLED) {
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

/* With the queue's lock held: w gets the slot of `server` that the caller has taken; NULL: it is refused. */
static void settle(struct waiter *w, struct server *server)
{
    struct queue_inbox *inbox = w->inbox;
    take_out(w);
    pthread_mutex_lock(&inbox->lock);
    w->server = server;
    w->state = WAITER_SETTLED;
    list_push_back(&inbox->settled, &w->link);
    bool must_post = !inbox->is_posted;
    inbox->is_posted = true;
    pthread_mutex_unlock(&inbox->lock);
    if (must_post)
        loop_post(inbox->loop, &inbox->message);
}

/* Those who are refused take nobody's turn, so only those who stay are counted. */
static void refuse_hopeless(struct queue *q, int64_t now_ns)
{
    uint32_t before = 0;
    list_for_each_safe (node, &q->waiters) {
        struct waiter *w = container_of(node, struct waiter, link);
        w->verdict = judge(w, &q->outlook, before, now_ns);
        if (w->verdict == OUTLOOK_HOLD)
            before++;
        else
            settle(w, NULL);
    }
}

void queue_foresee(struct service *s, const struct outlook *outlook, int64_t now_ns)
{
    pthread_mutex_lock(&s->queue->lock);
    s->queue->outlook = *outlook;
    if (outlook->is_known)
        refuse_hopeless(s->queue, now_ns);
    pthread_mutex_unlock(&s->queue->lock);
}

bool queue_take_slot(struct server *s)
{
    if (!server_slot_take(s))
        return false;
    atomic_fetch_add_explicit(&s->service->in_flight, 1, memory_order_relaxed);
    return true;
}

/* With the queue's lock held: whether one more that waits may be sent to s. */
static bool may_have_one(const struct server *s)
{
    bool has_limit = server_limit(s) > 0; /* then taking the slot tells */
    return server_can_take(s) && (has_limit || server_in_flight(s) < let_in_max(&s->let_in, 0));
}

/* The longest waiter that has not just been failed by s; NULL: none. With the queue's lock held. */
static struct waiter *find_next(const struct server *s)
{
    list_for_each (node, &s->service->queue->waiters) {
        struct waiter *w = container_of(node, struct waiter, link);
        if (w->avoid != s || clock_now_ns() >= w->avoid_until_ns)
            return w;
    }
    return NULL;
}

/* With the queue's lock held. */
static void let_waiters_in(struct server *s)
{
    struct waiter *next;
    while ((next = find_next(s)) && may_have_one(s) && queue_take_slot(s)) {
        let_in_admit(&s->let_in);
        settle(next, s);
    }
}

void queue_offer(struct server *s)
{
    struct service *service = s->service;
    if (!queue_has_waiters(service))
        return;
    pthread_mutex_lock(&service->queue->lock);
    let_waiters_in(s);
    pthread_mutex_unlock(&service->queue->lock);
}

static int32_t least_of(const struct server *s)
{
    return atomic_load_explicit(&s->slow_start, memory_order_relaxed);
}

void queue_note_answer(struct server *s, int64_t now_ns)
{
    if (!queue_has_waiters(s->service))
        return;
    pthread_mutex_lock(&s->service->queue->lock);
    let_in_note(&s->let_in, least_of(s), server_in_flight(s), now_ns);
    let_waiters_in(s);
    pthread_mutex_unlock(&s->service->queue->lock);
}

void queue_look_after(struct server *s, int64_t now_ns)
{
    struct service *service = s->service;
    if (!queue_has_waiters(service) || !server_can_take(s))
        return;
    pthread_mutex_lock(&service->queue->lock);
    let_in_look(&s->let_in, least_of(s), server_in_flight(s), now_ns);
    let_waiters_in(s);
    pthread_mutex_unlock(&service->queue->lock);
}

void queue_let_one_in(struct server *s)
{
    pthread_mutex_lock(&s->service->queue->lock);
    let_in_press(&s->let_in, server_in_flight(s) + 1);
    let_waiters_in(s);
    pthread_mutex_unlock(&s->service->queue->lock);
}

void queue_release_slot(struct server *s)
{
    struct service *service = s->service;
    atomic_fetch_sub_explicit(&service->in_flight, 1, memory_order_relaxed);
    server_slot_release(s);
    /* From here on s itself may only be read as a slot: somebody else can be the last to hold it. */
    if (queue_has_waiters(service))
        queue_offer(s);
}
