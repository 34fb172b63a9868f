/* The eligible server with the fewest requests in flight; among equals the next in turn, so that idle servers
 * share. */
#include "balance/balance.h"

static struct server *pick(const struct balance_request *r)
{
    if (r->server_count == 0)
        return NULL;
    struct server *best = NULL;
    int32_t best_in_flight = INT32_MAX;
    uint32_t start = atomic_fetch_add_explicit(r->turn, 1, memory_order_relaxed);
    for (uint32_t i = 0; i < r->server_count; i++) {
        struct server *s = r->servers[(start + i) % r->server_count];
        int32_t in_flight = server_in_flight(s);
        if (in_flight < best_in_flight && balance_is_eligible(r, s)) {
            best = s;
            best_in_flight = in_flight;
        }
    }
    return best;
}

const struct balance_ops balance_least_requests = {.name = "least-requests", .pick = pick};
