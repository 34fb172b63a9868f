/*
 * queue.h: a service's requests that wait for a server: first come, first served over all data threads.
 *
 * A slot given back is handed straight to the longest waiter: it stays taken while it changes hands, so
 * nobody can slip in between. Who cannot have a turn before its deadline is refused, on arrival or as soon as
 * that is so (fleet/outlook.h). A slot of the server that has just failed a waiter goes to the next one: a
 * server that breaks whatever it gets has always places free, and would get all who wait again and again.
 */
#pragma once
#include "base/list.h"
#include "fleet/outlook.h"
#include "fleet/service.h"
#include "net/loop.h"

#include <pthread.h>

struct waiter;

/* Where one data thread hears what became of its waiters. Initialise before use; the thread's loop must
 * outlive it. */
struct queue_inbox {
    pthread_mutex_t lock;
    struct list settled; /* of struct waiter */
    bool is_posted;
    struct message message;
    struct loop *loop;
    /* On the inbox's own thread: the waiter now holds a slot of w->server, or, when that is NULL, it was
     * refused for w->verdict. */
    void (*on_settled)(struct waiter *w);
};

enum waiter_state { WAITER_IDLE, WAITER_WAITING, WAITER_SETTLED };

struct waiter {
    /* The caller's, before it enters. */
    struct queue_inbox *inbox; /* of the thread that waits */
    int64_t arrived_ns;        /* its place in the queue */
    int64_t deadline_ns;
    bool is_patient;            /* it waits until its deadline even if that is hopeless */
    const struct server *avoid; /* failed it just now: others go first until avoid_until_ns; NULL: none */
    int64_t avoid_until_ns;

    /* The queue's. */
    struct list link;
    enum waiter_state state; /* under the queue's lock while not idle */
    struct service *service;
    struct server *server; /* when granted */
    enum outlook_verdict verdict;
    int64_t since_ns;
};

enum queue_entry { QUEUE_ENTERED, QUEUE_IS_FULL, QUEUE_IS_HOPELESS };

struct queue *queue_new(void);
void queue_free(struct queue *q);
void queue_inbox_init(struct queue_inbox *inbox, struct loop *loop, void (*on_settled)(struct waiter *w));
void queue_inbox_fini(struct queue_inbox *inbox);

/*
 * Puts w (its link initialised) behind all who arrived no later. Not when length_max wait already, nor when
 * it is hopeless: then w->verdict says why. has_server: one takes requests, whatever the outlook says. Any
 * data thread.
 */
enum queue_entry queue_enter(struct service *s, struct waiter *w, uint32_t length_max, bool has_server,
                             int64_t now_ns);
/* The outlook from now on: refuses those who wait in vain. Control thread. */
void queue_foresee(struct service *s, const struct outlook *outlook, int64_t now_ns);
/* Leaves the queue, or gives back a grant that is under way. Own thread of w; fine when idle. */
void queue_leave(struct waiter *w);

/* Whoever comes while somebody waits has to stand behind, whether or not a slot is free. Any thread. */
static inline bool queue_has_waiters(const struct service *s)
{
    return atomic_load_explicit(&s->queued, memory_order_seq_cst) > 0;
}

/* Takes a slot of s and counts it for the service. Any thread. */
bool queue_take_slot(struct server *s);
/* Gives the slot back, or passes it to the longest waiter. Any thread. */
void queue_release_slot(struct server *s);
/* The head of a response has come: a server that is given requests bit by bit may have more by that. Any
 * thread. */
void queue_note_answer(struct server *s, int64_t now_ns);
/* The queue is full, and s has no limit but for what is let in: one more, for the longest waiter or whoever
 * comes if none waits. Any thread. */
void queue_let_one_in(struct server *s);
/* s may have room now: grants while it has and somebody waits. Any thread. */
void queue_offer(struct server *s);
/* A server without a limit may have some more of those who wait if it stands still. Control thread, ten times
 * a second. */
void queue_look_after(struct server *s, int64_t now_ns);
