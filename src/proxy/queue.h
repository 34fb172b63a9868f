/*
 * queue.h: a service's requests that wait for a server: first come, first served over all data threads.
 *
 * A slot given back is handed straight to the longest waiter: it stays taken while it changes hands, so
 * nobody can slip in between.
 */
#pragma once
#include "base/list.h"
#include "fleet/service.h"
#include "net/loop.h"

#include <pthread.h>

struct waiter;

/* Where one data thread receives grants. Initialise before use; the thread's loop must outlive it. */
struct queue_inbox {
    pthread_mutex_t lock;
    struct list granted; /* of struct waiter */
    bool is_posted;
    struct message message;
    struct loop *loop;
    /* On the inbox's own thread: the waiter now holds a slot of w->server. */
    void (*on_granted)(struct waiter *w);
};

enum waiter_state { WAITER_IDLE, WAITER_WAITING, WAITER_GRANTED };

struct waiter {
    struct list link;
    enum waiter_state state; /* under the queue's lock while not idle */
    struct service *service;
    struct queue_inbox *inbox; /* of the thread that waits */
    struct server *server;     /* when granted */
    int64_t since_ns;
};

struct queue *queue_new(void);
void queue_free(struct queue *q);
void queue_inbox_init(struct queue_inbox *inbox, struct loop *loop, void (*on_granted)(struct waiter *w));
void queue_inbox_fini(struct queue_inbox *inbox);

/* Puts w (inbox set, initialised link) at the end; false when length_max wait already. Any data thread. */
bool queue_enter(struct service *s, struct waiter *w, uint32_t length_max, int64_t now_ns);
/* Leaves the queue, or gives back a grant that is under way. Own thread of w; fine when idle. */
void queue_leave(struct waiter *w);

/* Takes a slot of s and counts it for the service. Any thread. */
bool queue_take_slot(struct server *s);
/* Gives the slot back, or passes it to the longest waiter. Any thread. */
void queue_release_slot(struct server *s);
/* s may have room now: grants while it has and somebody waits. Any thread. */
void queue_offer(struct server *s);
