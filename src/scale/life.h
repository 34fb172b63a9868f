/*
 * life.h: one server's life: the table of states and transitions, and the one function that moves a server
 * along it. For the reconciler only.
 */
#pragma once
#include "base/list.h"
#include "scale/back_off.h"
#include "scale/reconciler.h"
#include "scale/start_times.h"

/* Every step a server can take, and what takes it. Anything else is a bug. */
#define LIFE_TRANSITIONS(X)                                                                                  \
    X(REQUESTED, STARTING, "the provider started it")                                                        \
    X(REQUESTED, FAILED, "the provider could not start it, or not within start_timeout")                     \
    X(REQUESTED, STOPPING, "it is not needed any more")                                                      \
    X(STARTING, WARMING, "first good probe")                                                                 \
    X(STARTING, FAILED, "it ended, or had no good probe within start_timeout")                               \
    X(STARTING, STOPPING, "it is not needed any more")                                                       \
    X(STARTING, DRAINING, "a listed server is drained by hand, or left the list")                            \
    X(WARMING, SERVING, "its share has grown to the full one")                                               \
    X(WARMING, DRAINING, "scale-down, by hand, or left the configuration or the list")                       \
    X(WARMING, FAILED, "it ended, or stayed unhealthy")                                                      \
    X(SERVING, DRAINING, "scale-down, by hand, or left the configuration or the list")                       \
    X(SERVING, FAILED, "it ended, or stayed unhealthy")                                                      \
    X(DRAINING, SERVING, "needed or listed again, or made ready by hand")                                    \
    X(DRAINING, STARTING, "a listed server without a good probe is listed again, or made ready by hand")     \
    X(STOPPING, STARTING, "the engine ended another one in its place")                                       \
    X(DRAINING, STOPPING, "nothing in flight, or drain_timeout")                                             \
    X(DRAINING, GONE, "it ended by itself, or left the list")                                                \
    X(STOPPING, GONE, "the provider says that it ended")                                                     \
    X(FAILED, GONE, "it exists no more and its back-off is over")

enum { LIFE_REASON_BYTES = 256 };

struct life {
    struct list link; /* in reconciler.lives, oldest first */
    struct server *server;
    struct provider *provider; /* NULL: a listed server (listed.h) */
    uint32_t number;           /* N of "SERVICE-N"; 0: another kind of name */
    bool may_exist;            /* the provider was asked for it and has not said that it ended */
    bool is_adopted;           /* found after a restart of the worker */
    bool is_held;              /* drained by hand */
    bool is_leaving; /* must not be taken back: left the configuration or the list, or the service was removed
                      */
    bool has_taken;  /* took requests at some time */
    bool is_refusing_known;      /* the flag was seen and told */
    struct provider_facts facts; /* what is known of its process, price and health */
    uint64_t program; /* what it was started from (learned_fingerprint); adopted: what is configured now */
    enum start_class start; /* when it was asked for */
    int64_t requested_ns, state_since_ns, taken_since_ns;
    int64_t quiet_since_ns;     /* draining: nothing in flight since */
    int64_t stop_asked_ns;      /* the provider was last asked to stop it */
    int64_t unhealthy_since_ns; /* 0: healthy, or never was */
    int64_t fast_until_ns;      /* probed fast until */
    int64_t ask_after_ns;       /* not to be probed fast to see whether it is full before that */
    int64_t kept_until_ns;      /* made ready by hand: the last choice for scale-down until then */
    uint32_t good_run, bad_run; /* probes in a row */
    double pace_factor;         /* server_pace.h; 0: not known */
    bool is_slow;               /* clearly slower than the others */
    bool is_tried;              /* enough was seen of it to bear out the knee of all, or not */
    uint32_t try_limit;         /* it may have so many, beyond the limit, to be tried; 0: it is not */
    double knee;                /* it works on clearly fewer requests at once, this many; 0: it does not */
    enum probe_pace pace;
    char reason[LIFE_REASON_BYTES]; /* of the present state */
    char last_probe[96];            /* what the last bad probe said */
};

struct reconciler {
    struct fleet *fleet;
    struct service *service;
    const struct config_service *config;
    struct provider *provider;
    const struct reconciler_effects *effects;
    struct random random;
    struct list lives;
    uint64_t program;  /* what the configuration says now */
    double price_told; /* of an hour, of the server that it was told of last; 0: of none so far */
    int64_t price_told_ns;
    uint32_t want;
    double capacity;
    uint32_t learned_limit; /* requests in flight that a server is kept to where max_requests says nothing; 0:
                               none */
    uint32_t slow_start;    /* reconciler_want.slow_start */
    bool has_want;          /* nothing is started or drained before the first word of the policy */
    bool is_frozen, is_held, is_retired;
    bool is_engine_away;    /* no starts are asked for, and those that were asked for are waited for */
    uint32_t address_count; /* listed servers (listed.h): fixed ones, or what was discovered last */
    struct addr *addresses; /* owned */
    bool needs_list;        /* those of the configuration: with the first tick */
    bool has_listed_to_add, is_full_told;
    bool needs_publish;
    struct back_off back_off;
    struct start_times start_times;
    enum start_class next_start;   /* of one asked for now */
    int64_t warm_until_ns;         /* so long, once no server is there that has served; 0: none was */
    int64_t unhealthy_replaced_ns; /* the last time a server was given up as unhealthy */
    uint64_t starts_total, start_failures_total, deaths_total;
};

#define life_of(node) container_of(node, struct life, link)
#define for_each_life(r, l)                                                                                  \
    for (struct list *l##_node = (r)->lives.next, *l##_next = l##_node->next; l##_node != &(r)->lives;       \
         l##_node = l##_next, l##_next = l##_node->next)                                                     \
        for (struct life *l = life_of(l##_node), *l##_once = l; l##_once; l##_once = NULL)

enum server_state life_state(const struct life *l);
bool life_is_up(const struct life *l); /* requested, starting, warming, serving */

/* A life in SERVER_REQUESTED, told as an event; NULL when the fleet is full. */
struct life *life_new(struct reconciler *r, struct str name, const struct addr *address,
                      struct provider *provider, int64_t now_ns);
/* The only writer of server->state: asserts the table, sets the pace of probes, tells the ledger. */
void life_go(struct reconciler *r, struct life *l, enum server_state to, int64_t now_ns, const char *reason,
             ...) PRINTF_LIKE(5, 6);
/* The same to FAILED, told as SERVER_DIED or SERVER_START_FAILED. */
void life_go_failed(struct reconciler *r, struct life *l, const char *reason, const char *last_lines,
                    int64_t now_ns);
/* An event about a server that changes no state. */
void life_tell(struct reconciler *r, const struct life *l, enum scale_event_kind kind, bool is_warning,
               const char *reason, int64_t now_ns);
void life_set_pace(struct reconciler *r, struct life *l, enum probe_pace pace);
/* Publishes if the snapshot must change, then gives back the slots of those that are gone. At the end of
 * every entry. */
void lives_flush(struct reconciler *r);
