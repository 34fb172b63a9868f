/*
 * site.h: the simulated web site: one FIFO queue at the balancer, and servers that work on some requests at
 * once. Every request is followed: when it came, when it was taken, when it ends. No malloc per request.
 *
 * A server has a limit of requests in flight that the balancer keeps; those that it took beyond what it works
 * on at once wait inside it, in order. The balancer chooses the server with the fewest requests in flight.
 */
#pragma once
#include "fleet/let_in.h"
#include "scale/simulate/arrivals.h"
#include "scale/simulate/calendar.h"
#include "stats/cells.h"

enum {
    SITE_LEVELS = 64,         /* servers with more in flight than this are chosen in turn */
    SITE_QUEUE_MAX = 1 << 20, /* a request beyond it is refused */
};

enum site_server_state { SITE_SERVER_FREE, SITE_SERVER_STARTING, SITE_SERVER_SERVING, SITE_SERVER_DRAINING };

struct site_server {
    enum site_server_state state;
    int64_t asked_ns, ready_ns;
    uint32_t limit;        /* requests in flight; 0: none but for let_in */
    struct let_in *let_in; /* borrowed; NULL: it is given all */
    uint32_t let_in_least;
    uint32_t in_flight, running;      /* taken; of these, worked on */
    uint32_t inner_first, inner_last; /* taken and not worked on yet; requests by number, 0: none */
    uint32_t level, next, previous;   /* in the list of servers with so many in flight; 0: none */
    bool is_listed;
    struct server_cells *cells; /* borrowed; NULL: nothing is counted */
};

/* A request that a server has. */
struct site_request {
    int64_t arrived_ns, taken_ns, service_ns;
    uint32_t server, next; /* next: inside the server, or the next free one */
    bool has_waited, is_late;
    uint8_t level; /* level_of() the server's requests in flight when it was taken */
};

struct site_waiting {
    int64_t arrived_ns, service_ns;
};

/* What became of the requests so far. */
struct site_score {
    uint64_t requests; /* begun or refused */
    uint64_t late;     /* of these: response over the objective, or refused */
    uint64_t refused;
    int64_t wait_max_ns, response_max_ns;
};

struct site {
    const struct sim_model *model; /* borrowed */
    int64_t now_ns;
    struct site_score score;

    /* Integrals, nanoseconds x number; whoever reads them sets them back to 0 (once a second). */
    int64_t running_ns, in_system_ns;
    uint32_t running, in_flight; /* over all servers */
    uint32_t waited_in_flight;   /* requests in flight that came to their server late */
    uint32_t serving, starting, draining;
    double billed_s; /* of servers that are gone */

    uint32_t server_count, server_capacity; /* number 0 is never used */
    struct site_server *servers;            /* owned */
    uint32_t levels[SITE_LEVELS];
    uint64_t level_bits;
    uint32_t filled, fill_to; /* this server gets requests first while it has fewer; 0: none */

    uint32_t request_count, request_capacity, free_request;
    struct site_request *requests; /* owned; number 0 is never used */
    struct calendar_link *links;   /* owned; of requests in service, in the calendar of their ends */
    struct calendar ends;

    uint32_t queue_first, queue_count, queue_capacity; /* ring; capacity is a power of two */
    struct site_waiting *queue;                        /* owned */

    struct service_cells *cells; /* borrowed; NULL: nothing is counted */
    bool stops_unserved;         /* site_run() returns when a request queues and no server takes any */
};

void site_init(struct site *s, const struct sim_model *model);
void site_fini(struct site *s);

/* A new server, starting from site->now_ns; returns its number. */
uint32_t site_add_server(struct site *s);
/* It takes requests from now on; a drained one takes them again. */
void site_serve(struct site *s, uint32_t server, uint32_t limit);
void site_set_limit(struct site *s, uint32_t server, uint32_t limit);
/* While it has no limit it is given requests bit by bit; NULL: all. */
void site_set_let_in(struct site *s, uint32_t server, struct let_in *l, uint32_t least);
/* Ten times a second: a server that stands still while requests wait may have more. */
void site_look_after(struct site *s, uint32_t server);
/* It gets nothing new. With nothing in flight, or once that has ended, `site_remove` is due. */
void site_drain(struct site *s, uint32_t server);
/* It exists no longer; its cost ends. Nothing may be in flight on it. */
void site_remove(struct site *s, uint32_t server);

/* It ends with whatever it has in flight: those requests are lost, and late. */
void site_kill(struct site *s, uint32_t server);

/*
 * Runs to end_ns with the arrivals from *at on, below `end`, that come before it, and moves *at. Drained
 * servers are removed if removes_drained. Returns the time reached: end_ns, or before it for stops_unserved.
 */
int64_t site_run(struct site *s, const struct arrival *items, uint32_t *at, uint32_t end, int64_t end_ns,
                 bool removes_drained);

/* Requests in service with these ends, spread evenly over the serving servers; the site has none before. */
void site_put_requests(struct site *s, const int64_t *ends, uint32_t count);
/* Forgets all requests in service, of which none has waited. */
void site_forget_requests(struct site *s);

/* A second in which nobody waits and whose requests are not followed: the endless site's numbers. */
void site_skip_second(struct site *s, const struct arrivals_second *second);

/* Requests that wait at the end: late when already over the objective. Call once, last. */
void site_score_waiting(struct site *s);
/* Seconds of servers, from asking to removal or now. */
double site_server_seconds(const struct site *s);
int64_t site_queue_oldest_ns(const struct site *s); /* when it came; 0: none waits */
