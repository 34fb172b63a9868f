/*
 * cpu.h: how much CPU the servers of a service use for their requests, from totals that somebody reads once a
 * second or so. Pure: numbers in, a sum out.
 *
 * A server that has only just started is still busy with itself, and that is no load: until it is settled it
 * counts with at most what the settled ones use on average. One that is not known counts with that average.
 */
#pragma once
#include "fleet/server.h"
#include "scale/signals.h"

#define CPU_STALE_NS (INT64_C(5) * 1000000000) /* what was read longer ago is not known any more */

/* What a server has used, as far as somebody can tell. */
struct scale_usage {
    int64_t at_ns;
    bool is_known;
    int64_t cpu_ns; /* since some beginning; never goes back */
};

/* What is remembered of a server. All zero: nothing. */
struct cpu_server {
    uint64_t id; /* slots go from one server to the next */
    struct scale_usage usage;
    bool has_cores;
    double cores; /* between the last two readings; 1 is one core */
    bool is_settled;
};

void cpu_note(struct cpu_server *c, uint64_t id, const struct scale_usage *usage, bool is_settled);
/* Sets cpu_servers and cpu_cores of the signals. by_slot: of the whole fleet. */
void cpu_add_up(const struct cpu_server *by_slot, struct server *const *servers, uint32_t count,
                int64_t now_ns, struct scale_signals *g);
