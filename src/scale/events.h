/*
 * events.h: what this room tells the ledger: each decision that changes something, each step of a server,
 * with reason and numbers.
 */
#pragma once
#include "base/json.h"
#include "fleet/service.h"
#include "scale/policy.h"

#define SCALE_EVENTS(X)                                                                                      \
    X(SCALE_UP, scale_up, "more servers are wanted")                                                         \
    X(SCALE_DOWN, scale_down, "fewer servers are wanted")                                                    \
    X(SCALE_MANUAL, scale_manual, "the number of servers was set by hand, or given back to the policy")      \
    X(SCALE_ADVICE, scale_advice, "another number of servers is advised (mode: advise)")                     \
    X(LEARNED_RESTORED, learned_restored, "what was learned before a restart is known again")                \
    X(LEARNED_REFUSED, learned_refused,                                                                      \
      "what was learned before a restart does not fit and is learned anew")                                  \
    X(SERVER_STATE, server_state, "a server went from one state to the next")                                \
    X(SERVER_DIED, server_died, "a server that took requests ended without being asked")                     \
    X(SERVER_START_FAILED, server_start_failed, "a server did not start")                                    \
    X(SERVER_UNHEALTHY, server_unhealthy, "probes failed: it gets no requests")                              \
    X(SERVER_HEALTHY, server_healthy, "probes succeed again")                                                \
    X(SERVER_REFUSING, server_refusing, "it refused a connection: it gets no requests until a good probe")   \
    X(SERVER_SLOW, server_slow, "it answers clearly slower than the others")                                 \
    X(SERVER_IN_PACE, server_in_pace, "it answers about as fast as the others again")                        \
    X(SERVER_NARROW, server_narrow, "it works on clearly fewer requests at once than the others")            \
    X(SERVER_WIDE, server_wide, "it works on as many requests at once as the others again")                  \
    X(SERVER_UNWELL, server_unwell, "the engine says that it is not well; what probes say counts")           \
    X(SERVER_WELL, server_well, "the engine says no more that it is not well")                               \
    X(BACK_OFF, back_off, "starts are held back after failures")                                             \
    X(PROVIDER_TROUBLE, provider_trouble, "calls to the engine that servers come from fail")                 \
    X(PROVIDER_RECOVERED, provider_recovered, "they succeed again")                                          \
    X(SERVERS_FULL, servers_full, "there is no place for more servers")
#define SCALE_EVENT_ENUM(upper, lower, help) SCALE_EVENT_##upper,
enum scale_event_kind { SCALE_EVENTS(SCALE_EVENT_ENUM) SCALE_EVENT_COUNT };
const char *scale_event_name(enum scale_event_kind k);

/* All pointers are borrowed for the time of the call. */
struct scale_event {
    enum scale_event_kind kind;
    bool is_warning; /* something went wrong */
    int64_t now_ns;
    const struct service *service;
    const struct server *server; /* NULL where the service as a whole is meant */
    enum server_state from,
        to;              /* SERVER_STATE, SERVER_DIED, SERVER_START_FAILED; both `requested`: a new server */
    int64_t in_state_ns; /* time spent in `from` */
    int64_t back_off_ns; /* BACK_OFF: no start before so long; else 0 */
    int64_t age_ns;      /* LEARNED_RESTORED: how long ago it was written; else 0 */
    const char *reason;  /* a sentence without the server's name */
    const char *last_lines;                /* end of its output; "" when there is none */
    const struct scale_decision *decision; /* SCALE_UP, SCALE_DOWN, SCALE_ADVICE; else NULL */
};

/* Adds the numbers to an open object: from, to, in_flight, back_off_seconds, target, needed, base, burst,
 * backlog, … */
void scale_event_write_numbers(const struct scale_event *e, struct json *j);
/* Adds a decision's numbers and reason to an open object. */
void scale_decision_write(const struct scale_decision *d, struct json *j);
