/*
 * loop.h: one epoll loop a thread: file descriptors, timers, and a mailbox that other threads post to.
 *
 * One turn: wait; run the ready handles; run due timers; deliver posted messages; run what was deferred
 * (frees). Only loop_post and loop_stop may be called from other threads.
 *
 * Descriptors are registered once, edge-triggered (EPOLLIN|EPOLLOUT|EPOLLRDHUP|EPOLLET), so a request needs
 * no epoll_ctl: the owner remembers readiness until a read or write comes back short.
 */
#pragma once
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

struct handle {
    int fd; /* -1: not open */
    /* Called with the EPOLL* bits. May remove any handle, itself included; memory is freed by loop_defer
     * only. */
    void (*on_event)(struct loop *l, struct handle *h, uint32_t events);
};

struct timer {
    struct list link;
    int64_t deadline_ns;  /* when it is meant to run */
    int64_t scheduled_ns; /* the wheel slot it sits in: at or before the deadline */
    void (*on_expire)(struct loop *l, struct timer *t);
};

struct message {
    struct message *next;
    void (*on_receive)(struct loop *l,
                       struct message *m); /* runs on the loop's thread; owns m from then on */
};

struct deferred {
    struct deferred *next;
    void (*run)(struct loop *l, struct deferred *d);
};

struct task {
    struct list link;
    void (*run)(struct loop *l, struct task *t);
};

struct loop *loop_new(void *user); /* NULL with errno when the kernel refuses */
void loop_free(struct loop *l);    /* everything must have been removed before; runs what is still deferred */
void *loop_user(struct loop *l);
/* The time at which this turn began: cheap, and the same for everything in the turn. */
int64_t loop_now_ns(const struct loop *l);
void loop_run(struct loop *l); /* until loop_stop */
void loop_stop(struct loop *l);
/* Runs at the top of each turn, before events: where a data thread adopts a snapshot. May be NULL. */
void loop_on_turn(struct loop *l, void (*on_turn)(struct loop *l));

bool loop_add(struct loop *l, struct handle *h, uint32_t events)
    __attribute__((warn_unused_result)); /* false with errno */
bool loop_change(struct loop *l, struct handle *h, uint32_t events) __attribute__((warn_unused_result));
void loop_remove(struct loop *l, struct handle *h); /* does not close the descriptor; safe within a turn */
/* Cheaper, for a descriptor about to be closed that nobody else holds: close() itself takes it out of epoll.
 */
void loop_forget(struct loop *l, const struct handle *h);

void timer_init(struct timer *t, void (*on_expire)(struct loop *l, struct timer *t));
/* Moving a deadline later is one store; the wheel notices when the old slot comes up. Resolution: 1 ms. */
void timer_set(struct loop *l, struct timer *t, int64_t deadline_ns);
void timer_cancel(struct timer *t); /* fine when not set */
bool timer_is_set(const struct timer *t);

void loop_post(struct loop *l, struct message *m);   /* any thread; m stays owned by the receiver side */
void loop_defer(struct loop *l, struct deferred *d); /* runs once at the end of this turn */
/* Runs the task in the next turn, after the events: for who has used up its budget. Fine when queued already.
 */
void loop_again(struct loop *l, struct task *t);
