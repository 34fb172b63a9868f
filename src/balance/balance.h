/*
 * balance.h: choosing a server for a request. One file per method behind balance_ops; all pure: what they
 * look at is passed in.
 *
 * A method only proposes; the caller takes the slot (server_slot_take) and asks again when another thread was
 * quicker. Latency is learned per data thread (struct balance_load), in-flight counts are exact over all
 * threads.
 */
#pragma once
#include "base/random.h"
#include "fleet/server.h"

/* What one data thread has learned of one server. Zeroed when the slot gets a new server. */
struct balance_load {
    uint64_t server_id;
    double latency_ns;  /* peak EWMA: rises at once, decays over BALANCE_DECAY_NS; 0: nothing known */
    double error_share; /* EWMA of failures, 0..1 */
    int64_t updated_ns;
};

enum { BALANCE_AVOID_MAX = 8 };

struct balance_request {
    struct server *const *servers;
    uint32_t server_count;
    const struct balance_load *loads; /* by server slot */
    _Atomic uint32_t *turn;           /* the service's, shared by all threads */
    struct random *random;
    int64_t now_ns;
    struct server *filled; /* it comes first while it has fewer than fill_to; NULL: none */
    uint32_t avoid_count;  /* servers already tried for this request */
    const struct server *avoid[BALANCE_AVOID_MAX];
};

struct balance_ops {
    const char *name; /* as in `balance: NAME` */
    /* A server that can take a request and has room, or NULL. */
    struct server *(*pick)(const struct balance_request *r);
};

const struct balance_ops *balance_by_method(int method); /* enum balance_method of config/model.h */
extern const struct balance_ops balance_round_robin, balance_least_requests, balance_random_of_two;

/* What the method proposes, unless the service has a server that is to be filled first. */
struct server *balance_pick(const struct balance_ops *method, const struct balance_request *r);

/* True when the server could take this request: in rotation, not tried before, below its limit. */
bool balance_is_eligible(const struct balance_request *r, const struct server *s);

/* Tells the outcome of a request: time to the head of the response, or to the failure. */
void balance_observe(struct balance_load *l, struct server *s, int64_t latency_ns, bool is_error,
                     int64_t now_ns);
/* Expected cost of one more request on the server; smaller is better. */
double balance_cost(const struct balance_load *l, const struct server *s, int64_t now_ns);
