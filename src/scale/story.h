/*
 * story.h: remembers the decisions that changed something, and what came of each: servers asked for, when the
 * first was ready, how long requests waited and how many were late meanwhile. Pure: facts and `now` in,
 * episodes out. For `weir explain`; it decides nothing.
 *
 * Decisions in the same direction that follow quickly after each other are one episode: 1 -> 2 -> 4 -> 6.
 */
#pragma once
#include "scale/events.h"

enum {
    STORY_EPISODES_MAX = 32, /* of a service; the oldest are forgotten */
    STORY_STEPS_MAX = 4,     /* of an episode: the first ones and the last; those between are counted */
    STORY_STARTS_MAX = 64,   /* servers asked for whose start is followed at once */
};
#define STORY_JOIN_NS                                                                                        \
    (INT64_C(30) * 1000000000) /* a change so soon after the last belongs to its episode                     \
                                */
#define STORY_SETTLE_NS                                                                                      \
    (INT64_C(2) * 1000000000) /* an episode is followed so long after its end: numbers lag */

/* How requests to the service fared, since the worker started. */
struct story_outcomes {
    uint64_t answered;
    uint64_t late;    /* of these: over the objective; 0 where none is stated */
    uint64_t refused; /* by Weir: no server, queue full, waited too long, or would have */
    uint64_t aborted; /* the client left before it had its answer */
};

/* What was to be seen at one moment. */
struct story_seen {
    double arrivals_per_s;
    uint32_t in_flight, queued, available;
    int64_t queue_oldest_age_ns, duration_quantile_ns;
};

struct story_step {
    struct story_seen seen;
    struct scale_decision decision;
};

struct story_episode {
    uint64_t number; /* 1, 2, 3, … of the service */
    bool is_up;      /* more servers, else fewer */
    bool is_by_hand;
    bool is_overtaken; /* it ended because the next one, the other way, began */
    int64_t began_ns, changed_ns;
    int64_t settled_ns; /* when all was as wanted; 0: not yet */
    int64_t ended_ns;   /* 0: open, it is still followed */
    uint32_t target_before, target;
    uint32_t changes, step_count;
    struct story_step steps[STORY_STEPS_MAX];

    /* What came of it. Times count from began_ns; 0: it did not happen (yet). */
    uint32_t asked, ready, taken_back, called_off, start_failures, deaths, drained, gone;
    int64_t first_ready_ns, last_ready_ns, last_gone_ns;
    int64_t first_start_ns;                /* how long the first that was ready took, from asking for it */
    int64_t start_median_ns, start_p90_ns; /* what was known of start times when it began; 0: nothing */
    int64_t wait_longest_ns;
    uint32_t queued_most;
    int64_t queue_empty_ns;         /* when the queue was empty again */
    struct story_outcomes outcomes; /* in the meantime */
    char failure[128];              /* why the last start failed, or the last server died */
};

/* All zero is a story without episodes. Large (some 80 KB): not for the stack. */
struct story {
    uint64_t count; /* episodes ever begun */
    struct story_episode episodes[STORY_EPISODES_MAX];
    struct story_outcomes outcomes_before; /* of the service, when the newest episode began */
    struct story_start {
        uint64_t server_id; /* 0: none */
        int64_t asked_ns;
    } starts[STORY_STARTS_MAX];
    uint32_t starts_next;
};

struct story_moment {
    const struct scale_signals *signals;
    const struct scale_decision *decision;
    double arrivals_per_s;
    int64_t wait_longest_ns; /* of the requests that left the queue in the last second or so */
    struct story_outcomes outcomes;
};

/* After each decision, before anything is done about it. */
void story_note(struct story *s, const struct story_moment *m);
/* Every event of the service's servers, when it happens. */
void story_note_event(struct story *s, const struct scale_event *e);
/* back 0: the newest. NULL: there are not so many, or it is forgotten. Borrowed until the next call. */
const struct story_episode *story_find(const struct story *s, uint32_t back);
