/*
 * The loop's parts and their order within a turn: wait for events, run their handles, run due timers, deliver
 * messages, run the tasks that asked for another turn, run what was deferred. Frees come last, so no event of
 * the same turn can meet freed memory; a handle removed in mid-turn is also struck from the batch of events
 * still to be run.
 *
 * Timers sit in a wheel of base-64 digits of their expiry tick (1 ms): a timer is filed at the highest digit
 * in which its tick differs from the current one. So everything on level 0 is due within this 64 ms, and the
 * lowest level with a timer on it gives the next moment at which there is something to do: no scanning of
 * empty slots. A deadline moved later is only stored; the timer is filed anew when its old slot comes up
 * (idle and response timeouts move on every request).
 *
 * Mailbox: a stack that any thread pushes on and the loop takes whole. Ordering: push is a release, take an
 * acquire; who pushes on an empty stack writes the eventfd. The eventfd is edge-triggered and never read:
 * each write is a new edge.
 */
#include "net/loop.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, LEVELS = 8, SLOT_BITS = 6, SLOTS = 1 << SLOT_BITS };

struct wheel {
    uint64_t tick;         /* everything up to and including this tick has run */
    uint64_t used[LEVELS]; /* a bit per slot that may hold timers */
    struct list slots[LEVELS][SLOTS];
};

struct loop {
    int epoll_fd, event_fd;
    bool is_stopping; /* own thread */
    int64_t now_ns;
    void *user;
    void (*on_turn)(struct loop *l);
    struct wheel wheel;
    struct list again;
    struct deferred *deferred;
    struct epoll_event events[EVENTS_MAX];
    int event_at, event_count; /* the batch being run */
    _Atomic(struct message *) mailbox;
    _Atomic bool stop_asked;
};

/* ---- timers ---- */

static uint64_t tick_of(int64_t ns)
{
    return ns <= 0 ? 0 : ((uint64_t)ns + NS_PER_MS - 1) / NS_PER_MS;
}

static void wheel_file(struct wheel *w, struct timer *t)
{
    uint64_t tick = MAX(tick_of(t->deadline_ns), w->tick + 1);
    unsigned top_bit = 63 - (unsigned)__builtin_clzll(tick ^ w->tick);
    unsigned level = MIN(top_bit / SLOT_BITS, (unsigned)LEVELS - 1);
    unsigned slot = (tick >> (level * SLOT_BITS)) & (SLOTS - 1);
    t->scheduled_ns = (int64_t)tick * NS_PER_MS;
    w->used[level] |= UINT64_C(1) << slot;
    list_push_back(&w->slots[level][slot], &t->link);
}

/* The tick of the next slot in use, or UINT64_MAX. Slots at or before the current digit cannot be in use. */
static uint64_t wheel_next(const struct wheel *w, unsigned *ret_level, unsigned *ret_slot)
{
    for (unsigned level = 0; level < LEVELS; level++) {
        if (!w->used[level])
            continue;
        unsigned slot = (unsigned)__builtin_ctzll(w->used[level]);
        uint64_t above = w->tick >> ((level + 1) * SLOT_BITS) << ((level + 1) * SLOT_BITS);
        *ret_level = level;
        *ret_slot = slot;
        return above + ((uint64_t)slot << (level * SLOT_BITS));
    }
    return UINT64_MAX;
}

static void wheel_run(struct loop *l)
{
    struct wheel *w = &l->wheel;
    uint64_t now_tick = (uint64_t)l->now_ns / NS_PER_MS;
    unsigned level, slot;
    uint64_t next;
    while ((next = wheel_next(w, &level, &slot)) <= now_tick) {
        struct list due;
        list_init(&due);
        struct list *from = &w->slots[level][slot];
        if (!list_is_empty(from)) { /* move the whole list: timers set by a callback go elsewhere */
            list_insert_after(from, &due);
            list_remove(from);
        }
        w->used[level] &= ~(UINT64_C(1) << slot);
        w->tick = MAX(next, w->tick);
        for (struct list *node; (node = list_pop_front(&due));) {
            struct timer *t = container_of(node, struct timer, link);
            if (t->deadline_ns > (int64_t)w->tick * NS_PER_MS)
                wheel_file(w, t);
            else
                t->on_expire(l, t);
        }
    }
    /* With nothing left in the wheel the current tick may jump; else it must not pass a used slot. */
    if (next == UINT64_MAX)
        w->tick = now_tick;
}

void timer_init(struct timer *t, void (*on_expire)(struct loop *l, struct timer *t))
{
    *t = (struct timer){.on_expire = on_expire};
    list_init(&t->link);
}

void timer_set(struct loop *l, struct timer *t, int64_t deadline_ns)
{
    t->deadline_ns = deadline_ns;
    if (list_is_linked(&t->link)) {
        if (deadline_ns >= t->scheduled_ns)
            return;
        list_remove(&t->link);
    }
    wheel_file(&l->wheel, t);
}

void timer_cancel(struct timer *t)
{
    list_remove(&t->link); /* its slot's bit stays: an empty slot coming up is harmless */
}

bool timer_is_set(const struct timer *t)
{
    return list_is_linked(&t->link);
}

/* ---- life ---- */

struct loop *loop_new(void *user)
{
    struct loop *l = NEW(struct loop);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    if (l->epoll_fd < 0 || l->event_fd < 0 ||
        epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->event_fd, &event) != 0) {
        int error = errno;
        loop_free(l);
        errno = error;
        return NULL;
    }
    l->user = user;
    l->now_ns = clock_now_ns();
    l->wheel.tick = (uint64_t)l->now_ns / NS_PER_MS;
    list_init(&l->again);
    for (unsigned level = 0; level < LEVELS; level++)
        for (unsigned slot = 0; slot < SLOTS; slot++)
            list_init(&l->wheel.slots[level][slot]);
    return l;
}

static void run_deferred(struct loop *l)
{
    while (l->deferred) {
        struct deferred *d = l->deferred;
        l->deferred = d->next;
        d->run(l, d);
    }
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    run_deferred(l); /* what was closed after the last turn */
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    if (l->event_fd >= 0)
        close(l->event_fd);
    free(l);
}

void *loop_user(struct loop *l)
{
    return l->user;
}

int64_t loop_now_ns(const struct loop *l)
{
    return l->now_ns;
}

void loop_on_turn(struct loop *l, void (*on_turn)(struct loop *l))
{
    l->on_turn = on_turn;
}

/* ---- descriptors ---- */

static bool control_epoll(struct loop *l, int operation, struct handle *h, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = h};
    return epoll_ctl(l->epoll_fd, operation, h->fd, &event) == 0;
}

bool loop_add(struct loop *l, struct handle *h, uint32_t events)
{
    return control_epoll(l, EPOLL_CTL_ADD, h, events);
}

bool loop_change(struct loop *l, struct handle *h, uint32_t events)
{
    return control_epoll(l, EPOLL_CTL_MOD, h, events);
}

void loop_remove(struct loop *l, struct handle *h)
{
    if (h->fd >= 0)
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, h->fd, NULL);
    loop_forget(l, h);
}

void loop_forget(struct loop *l, const struct handle *h)
{
    for (int i = l->event_at; i < l->event_count; i++)
        if (l->events[i].data.ptr == h)
            l->events[i].data.ptr = NULL;
}

/* ---- messages, deferred, tasks ---- */

static void wake(struct loop *l)
{
    uint64_t one = 1;
    (void)!write(l->event_fd, &one, sizeof(one));
}

void loop_post(struct loop *l, struct message *m)
{
    struct message *head = atomic_load_explicit(&l->mailbox, memory_order_relaxed);
    do
        m->next = head;
    while (!atomic_compare_exchange_weak_explicit(&l->mailbox, &head, m, memory_order_release,
                                                  memory_order_relaxed));
    if (!head)
        wake(l);
}

static void deliver_messages(struct loop *l)
{
    if (!atomic_load_explicit(&l->mailbox, memory_order_relaxed))
        return;
    struct message *stack = atomic_exchange_explicit(&l->mailbox, NULL, memory_order_acquire);
    struct message *in_order = NULL;
    while (stack) {
        struct message *next = stack->next;
        stack->next = in_order;
        in_order = stack;
        stack = next;
    }
    while (in_order) {
        struct message *m = in_order;
        in_order = m->next;
        m->on_receive(l, m);
    }
}

void loop_defer(struct loop *l, struct deferred *d)
{
    d->next = l->deferred;
    l->deferred = d;
}

void loop_again(struct loop *l, struct task *t)
{
    if (!list_is_linked(&t->link))
        list_push_back(&l->again, &t->link);
}

static void run_tasks(struct loop *l, struct list *tasks)
{
    for (struct list *node; (node = list_pop_front(tasks));) {
        struct task *t = container_of(node, struct task, link);
        t->run(l, t);
    }
}

/* ---- turns ---- */

static int wait_ms(const struct loop *l)
{
    unsigned level, slot;
    if (!list_is_empty(&l->again) || atomic_load_explicit(&l->mailbox, memory_order_relaxed))
        return 0;
    uint64_t next = wheel_next(&l->wheel, &level, &slot);
    if (next == UINT64_MAX)
        return -1;
    uint64_t now_tick = (uint64_t)clock_now_ns() / NS_PER_MS;
    return next <= now_tick ? 0 : (int)MIN(next - now_tick, (uint64_t)60000);
}

static void turn(struct loop *l)
{
    int n = epoll_wait(l->epoll_fd, l->events, EVENTS_MAX, wait_ms(l));
    ASSERT(n >= 0 || errno == EINTR);
    struct list tasks; /* those asked for before this turn's events */
    list_init(&tasks);
    if (!list_is_empty(&l->again)) {
        list_insert_after(&l->again, &tasks);
        list_remove(&l->again);
    }
    l->now_ns = clock_now_ns();
    l->event_count = MAX(n, 0);
    if (l->on_turn)
        l->on_turn(l);
    for (l->event_at = 0; l->event_at < l->event_count;) {
        struct epoll_event *event = &l->events[l->event_at++];
        struct handle *h = event->data.ptr;
        if (h)
            h->on_event(l, h, event->events);
    }
    l->event_at = l->event_count = 0;
    wheel_run(l);
    deliver_messages(l);
    run_tasks(l, &tasks);
    run_deferred(l);
}

void loop_run(struct loop *l)
{
    while (!l->is_stopping) {
        turn(l);
        if (atomic_load_explicit(&l->stop_asked, memory_order_acquire))
            l->is_stopping = true;
    }
    l->is_stopping = false;
    atomic_store_explicit(&l->stop_asked, false, memory_order_relaxed);
}

void loop_stop(struct loop *l)
{
    atomic_store_explicit(&l->stop_asked, true, memory_order_release);
    wake(l);
}
