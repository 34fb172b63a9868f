/*
 * bounds.h: from the servers needed to the servers wanted: what holds the target back, one named bound after
 * the other, and the stable window. Pure: numbers in, a target and the name of what held it out.
 */
#pragma once
#include "scale/schedule.h"

#include <stdbool.h>
#include <stdint.h>

/* What held the target where it is. */
#define SCALE_BOUNDS(X)                                                                                      \
    X(NONE, none, "the present need")                                                                        \
    X(MIN, min, "servers: MIN")                                                                              \
    X(MAX, max, "servers: MAX")                                                                              \
    X(STABLE_WINDOW, stable_window, "a need seen within scale_down_after")                                   \
    X(SPARES, spares, "spares kept beyond the need")                                                         \
    X(IDLE, idle, "the gaps between requests: the last server is worth keeping a while")                     \
    X(BOTTLENECK, bottleneck, "a shared bottleneck: more servers got no more done")                          \
    X(STEP, step, "the largest step allowed in a while")                                                     \
    X(IN_FLIGHT, in_flight, "requests in flight that fewer servers could not carry")                         \
    X(COST, cost, "the most servers that may be paid for")                                                   \
    X(ADVISE, advise, "mode: advise, which leaves the number as it is")                                      \
    X(SCHEDULE, schedule, "schedule")                                                                        \
    X(MANUAL, manual, "a number set by hand")
#define SCALE_BOUND_ENUM(upper, lower, help) SCALE_BOUND_##upper,
enum scale_bound { SCALE_BOUNDS(SCALE_BOUND_ENUM) SCALE_BOUND_COUNT };
const char *scale_bound_name(enum scale_bound b);
/* Servers that must stay free after scaling down, so that a load on an edge does not flap. */
#define BOUNDS_DOWN_ROOM 0.2
#define BOUNDS_NEED_MAX  1e6 /* so that absurd input stays a number */

/* What the servers that are up cost in an hour. All zero where no provider tells prices. */
struct bounds_bill {
    bool is_told;
    uint32_t paid_count; /* so many of them may be paid for, the cheapest first */
    double paid;         /* what these cost */
    bool is_short;       /* there are more than these */
    double next;         /* what one more is taken to cost */
};

/* What people stated. Numbers of servers; 0 = not stated, where nothing else is said. */
struct bounds_limits {
    uint32_t servers_min, servers_max; /* config_scale; 0 is a MIN; servers_max >= 1 */
    uint32_t spares;
    uint32_t step_up, step_down;             /* at most so many more or fewer in any step_per_ns */
    int64_t step_per_ns;                     /* > 0 where one of them is stated */
    double cost_per_hour, cost_max_per_hour; /* of one server, of all of them */
    struct bounds_bill bill;                 /* counts instead of cost_per_hour where prices are told */
    struct schedule_now scheduled;           /* raises MIN and lowers MAX for a while */
    bool has_manual;
    uint32_t manual; /* `weir scale SERVICE N`, 0..servers_max */
};

/* What is so at this moment. */
struct bounds_facts {
    int64_t now_ns;
    uint32_t target_before;
    uint32_t up; /* servers requested, starting, warming, serving */
    uint32_t in_flight;
    double capacity;           /* requests in flight that one server carries; >= 1 */
    bool is_bottleneck_shared; /* more servers get no more done */
    bool is_last_kept;         /* the last server is not to be stopped yet */
};

struct bounds_choice {
    uint32_t target;
    enum scale_bound bound; /* the last that moved the target */
};

/* The largest need of the last while: a ring of slots. All zero: nothing needed yet. */
enum { STABLE_WINDOW_SLOTS = 64 };
struct stable_window {
    double need_max[STABLE_WINDOW_SLOTS]; /* in servers */
    int64_t slot, slot_ns;                /* number of the newest slot; length of each */
};
/* Lets time pass; a window of another length than before keeps its largest need. */
void stable_window_advance(struct stable_window *w, int64_t length_ns, int64_t now_ns);
void stable_window_note(struct stable_window *w, double need);
double stable_window_max(const struct stable_window *w);

/* The targets of the last step_per_ns: a ring of slots. All zero: nothing was wanted yet. */
struct step_history {
    bool is_started;
    uint32_t lowest[STABLE_WINDOW_SLOTS], highest[STABLE_WINDOW_SLOTS];
    int64_t slot, slot_ns; /* number of the newest slot; length of each */
};

/* Whole servers for a need; a tiny bit too much does not ask for another one. */
uint32_t bounds_servers_for(double need);
/* steps: of this service, zeroed at first; takes the new target in. needed: servers that the present load
 * asks for; need_in_window: the largest need of the stable window, the present one among them. */
struct bounds_choice bounds_choose(struct step_history *steps, const struct bounds_limits *limits,
                                   const struct bounds_facts *facts, uint32_t needed, double need_in_window);

/* Where decisions are only told: the number stays as it is, within MIN and MAX, and at least 1. */
struct bounds_choice bounds_keep(const struct bounds_limits *limits, uint32_t target_before);

/* What held it, with its numbers, to follow "held by": "cost: 2.5 an hour pays for 20 servers". */
enum { BOUND_TEXT_BYTES = 240 };
char *bounds_format(char out[BOUND_TEXT_BYTES], const struct bounds_limits *limits, enum scale_bound bound);
/* Servers that the stated cost pays for; servers_max when no cost is stated. Prices that are told leave MIN,
 * and one server at least, if the stated ones pay for them: a mistake there must not take a service down. */
uint32_t bounds_cost_max(const struct bounds_limits *limits);
