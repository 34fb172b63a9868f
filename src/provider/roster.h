/*
 * roster.h: who is there at an engine, who shall be, and which call to make next: what all providers over
 * engines have in common. No thread, no clock, no socket: managed.h makes the calls on threads, tests make
 * them in memory. Control thread.
 *
 * A seat is one key: asked for by start(), or found in a list. Wishes come in through roster_start and
 * roster_stop, truth through the answers of list(); in between roster_next says what to do about the
 * difference, and provider_sink hears what became of it.
 */
#pragma once
#include "provider/driver.h"
#include "provider/pace.h"

struct roster;

struct roster_params {
    struct provider *provider; /* for sink's on_observed, on_trouble, on_recovered; borrowed */
    const struct provider_sink *sink;
    const char *service; /* its name; copied */
    uint32_t capabilities;
    int64_t poll_ns; /* between two lists when nothing is going on */
    uint32_t calls_per_second;
    uint64_t seed; /* jitter */
};

/* A call to be made. A plain value. */
struct roster_call {
    enum driver_call_kind kind;   /* never DRIVER_CALL_WAIT */
    char key[INSTANCE_KEY_BYTES]; /* START */
    struct instance instance;     /* STOP */
    int64_t stop_timeout_ns;      /* STOP; 0: by force */
    uint32_t count, count_before; /* SET_COUNT */
    uint64_t wish;                /* the roster's */
};

struct roster_answer {
    bool is_good;
    struct driver_failure failure; /* of a bad one */
    struct instance instance;      /* of a good START */
    struct instance_list list;     /* of a good LIST; borrowed for the call */
};

struct roster *roster_new(const struct roster_params *params, int64_t now_ns);
void roster_free(struct roster *r); /* NULL is fine; servers are left as they are */

/* Wishes, as provider_ops has them. The sink is not called from inside. */
void roster_start(struct roster *r, const char *key);
void roster_stop(struct roster *r, const char *key, int64_t stop_timeout_ns, int64_t now_ns);
void roster_observe(struct roster *r, int64_t now_ns);
/* All servers are to go, and nobody is told any more: Weir ends. roster_is_empty() tells when it is done. */
void roster_end_all(struct roster *r, int64_t stop_timeout_ns, int64_t now_ns);
bool roster_is_empty(const struct roster *r);

/*
 * The call to make now, or false and when to ask again (INT64_MAX: when something new is asked for). One call
 * at a time: each is answered by roster_answer() before the next is asked for. Tells the sink what is
 * overdue.
 */
bool roster_next(struct roster *r, int64_t now_ns, struct roster_call *ret_call, int64_t *ret_again_ns);
void roster_answer(struct roster *r, const struct roster_call *call, const struct roster_answer *answer,
                   int64_t now_ns);
/* Of wait(), which is called beside the others. When it may be called next: roster_wait_ns(). */
void roster_wait_answer(struct roster *r, const struct roster_answer *answer, int64_t now_ns);
int64_t roster_wait_ns(struct roster *r, int64_t now_ns);

struct provider_status roster_status(const struct roster *r);
