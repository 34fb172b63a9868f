/*
 * targets.h: the servers needed so that one carries no more than people stated: requests a second, CPU. Pure.
 * docs/explanation/scaling.md tells how these stand beside the need that is computed from the work.
 */
#pragma once
#include "scale/signals.h"

#include <stdbool.h>
#include <stdint.h>

/* What decided how many servers are needed. X(id, name, what one server should carry or use) */
#define SCALE_TERMS(X)                                                                                       \
    X(WORK, work, "requests in flight")                                                                      \
    X(RATE, requests_per_second, "requests a second")                                                        \
    X(CPU, cpu, "cores in use")
#define SCALE_TERM_ENUM(upper, lower, unit) SCALE_TERM_##upper,
enum scale_term { SCALE_TERMS(SCALE_TERM_ENUM) SCALE_TERM_COUNT };
const char *scale_term_name(enum scale_term t);

/* What people stated; 0 = not stated. */
struct targets_limits {
    double requests_per_second; /* that one server should carry */
    double cpu_cores;           /* that one server should use: `cpu` of its `cores` */
    bool has_work;              /* in_flight or an objective is stated too */
};

struct targets_state {
    bool is_started, has_cpu;
    double cpu_cores;    /* moving mean of all servers together */
    int64_t cpu_seen_ns; /* when it was known last; before that, since when it is wanted */
};

struct target_need {
    double per_server; /* stated; 0: not */
    bool is_known;
    double seen;    /* of all servers together */
    double servers; /* seen / per_server; 0 while it is not known */
};

struct targets_need {
    struct target_need rate, cpu;
    /* The targets are all that counts: the work does only as a floor. Not while all that were stated are
     * unknown for long. */
    bool is_alone;
};

/* To be called with every signals once, in order of time. */
void targets_observe(struct targets_state *t, const struct targets_limits *limits,
                     const struct scale_signals *g);
/* rate: arrivals a second, told apart from chance. */
struct targets_need targets_get(const struct targets_state *t, const struct targets_limits *limits,
                                double rate, int64_t now_ns);
/* The target that asks for most, or SCALE_TERM_WORK where none is stated and known. */
enum scale_term targets_largest(const struct targets_need *n);
const struct target_need *targets_of(const struct targets_need *n, enum scale_term term); /* not for WORK */

enum { TARGET_TEXT_BYTES = 96 };
/* What was seen, for a sentence: "130.2 requests a second, of which one server should have 50". */
char *targets_format(char out[TARGET_TEXT_BYTES], const struct targets_need *n, enum scale_term term);
