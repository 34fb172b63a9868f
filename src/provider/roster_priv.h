/* roster_priv.h: what roster.c (wishes and calls) and roster_list.c (what a list says) share. */
#pragma once
#include "base/list.h"
#include "provider/roster.h"

#define MISSING_GRACE_NS (10 * NS_PER_S) /* a list may show so late what a start has made */
#define STOP_AGAIN_NS    (5 * NS_PER_S)  /* beyond the time it had: it is stopped by force, and again */
#define SETTLE_POLL_NS   (1 * NS_PER_S)  /* between two lists while something is on its way */
#define COUNT_SETTLE_NS                                                                                      \
    (5 * NS_PER_S)                      /* an engine that counts has begun to act so long after it was told  \
                                         */
#define OLD_TROUBLE_NS (600 * NS_PER_S) /* a start that failed is no trouble any more when none is wanted */

struct seat {
    struct list link; /* in roster.seats, oldest first */
    char key[INSTANCE_KEY_BYTES];
    bool is_wanted;   /* start() was asked for it, or it was found; and stop() was not */
    bool is_silent;   /* nobody is told of it: what is left of one that ended, or was started twice */
    bool is_dropped;  /* stop() was asked for it before anything was done: told at the next turn */
    bool is_called;   /* a start was called for it, or it was seen */
    bool is_doubtful; /* that call failed: the next list tells what became of it */
    bool has_id, is_seen, was_seen; /* is: in the last list; was: in any */
    bool is_told_started, is_told_coming;
    bool is_stop_called;
    struct provider_facts facts;   /* as told last */
    struct instance instance;      /* with has_id: as last listed, or as started */
    struct driver_failure failure; /* with is_doubtful */
    int64_t called_ns;             /* when that call was answered */
    uint64_t unwanted_wish;        /* the wish with which stop() was asked for it */
    int64_t stop_timeout_ns;
    int64_t stop_due_ns; /* the next stop call; INT64_MAX: none */
};

struct roster {
    struct provider *provider;
    const struct provider_sink *sink;
    char service[64];
    uint32_t capabilities;
    int64_t poll_ns;
    struct pace pace;
    struct list seats;
    bool has_listed, is_observing, is_ending;
    int64_t next_list_ns, listed_ns;
    uint32_t listed_count;

    /* Engines that count. */
    uint64_t wish, said_wish; /* the first grows with each start and stop; the second is what was said last */
    bool has_said, has_count_failed;
    uint32_t said_count;
    int64_t said_ns;
    struct driver_failure count_failure;

    bool has_trouble, has_failed;
    struct provider_trouble trouble, last_failure;
    uint64_t calls_total[DRIVER_CALL_COUNT], failed_calls_total[DRIVER_CALL_COUNT];
    uint64_t failures_total[DRIVER_FAULT_COUNT];
};

#define seat_of(node) container_of(node, struct seat, link)
/* The body may free the seat, and add others at the end. */
#define for_each_seat(r, s)                                                                                  \
    for (struct list *s##_node = (r)->seats.next, *s##_next = s##_node->next; s##_node != &(r)->seats;       \
         s##_node = s##_next, s##_next = s##_node->next)                                                     \
        for (struct seat *s = seat_of(s##_node), *s##_once = s; s##_once; s##_once = NULL)

static inline bool roster_can(const struct roster *r, uint32_t capability)
{
    return r->capabilities & capability;
}

struct seat *seat_new(struct roster *r, const char *key);
void seat_free(struct seat *s);
/* A list that is whole. */
void roster_take_list(struct roster *r, const struct instance_list *list, int64_t now_ns);
