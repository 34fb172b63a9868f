/*
 * let_in.h: how many requests at a time a server is given that has no limit, while it is not known what it
 * carries: a few at first, and twice as many each time that it also answered about twice as many. Whoever
 * must wait meanwhile waits in the service's queue, where another server can take him, and where he keeps his
 * place.
 *
 * An answer is the head of a response: a stream that has begun is no work that waits. When all that it was
 * given are answered and still hold their places (streams, WebSockets), it is given twice as many at once.
 *
 * When it answers nothing for two seconds, its requests take long (long polls), and no answer can have come
 * of those it is given next: waiting for them tells nothing. Its health requests do: a server that answers
 * these, beside all that it has, has a place free, and is given twice as many each time that it has answered
 * two. One that does not is full, and gets no more. Where health is a mere connection, which the kernel
 * makes, it is given twice as many every two seconds.
 *
 * Pure. Written under the lock of the service's queue (proxy/queue.c), but for what is atomic.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LET_IN_FIRST = 8 };

/* Zero: a new server. */
struct let_in {
    _Atomic int32_t max;      /* 0: LET_IN_FIRST */
    _Atomic uint32_t healthy; /* control: health requests that it answered well; 0: such do not tell */
    _Atomic bool is_asking; /* for control: health requests would tell something now, the sooner the better */
    int32_t pending;        /* not answered yet; too many rather than too few */
    /* Of the present step: what is counted against which maximum, since when, until when. */
    int32_t step_max;
    uint32_t answers, step_healthy;
    int64_t step_ns, last_ns;
    int64_t slow_until_ns; /* until then it answers none of those that it is given next */
    int64_t took_ns;       /* the least that a request took in any step; 0: unknown */
    int64_t turn_ns;       /* that it took of late; 0: unknown */
};

/* How many it may have: `least` is what is known to go well anyway. Any thread. */
static inline int32_t let_in_max(const struct let_in *l, int32_t least)
{
    int32_t max = atomic_load_explicit(&l->max, memory_order_relaxed);
    max = max > LET_IN_FIRST ? max : LET_IN_FIRST;
    return max > least ? max : least;
}

/* It has answered a health request well. Control thread; so is the next. */
void let_in_note_healthy(struct let_in *l);
/* Whether it should be asked for its health soon, and often. */
bool let_in_is_asking(const struct let_in *l);
/* One of those who wait was given to it. */
void let_in_admit(struct let_in *l);
/* Both only while requests wait. It has answered one of in_flight; or it is looked at, ten times a second. It
 * may have more afterwards. */
void let_in_note(struct let_in *l, int32_t least, int32_t in_flight, int64_t now_ns);
void let_in_look(struct let_in *l, int32_t least, int32_t in_flight, int64_t now_ns);
/* It may have at least so many from now on. */
void let_in_press(struct let_in *l, int32_t max);
