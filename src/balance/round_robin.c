/* Each eligible server in turn. The place in the order is shared by all threads, so the rotation holds for
 * the service. */
#include "balance/balance.h"

static struct server *pick(const struct balance_request *r)
{
    if (r->server_count == 0)
        return NULL;
    uint32_t start = atomic_fetch_add_explicit(r->turn, 1, memory_order_relaxed);
    for (uint32_t i = 0; i < r->server_count; i++) {
        struct server *s = r->servers[(start + i) % r->server_count];
        if (!balance_is_eligible(r, s))
            continue;
        if (i) /* servers were skipped: the next request goes on behind the one chosen */
            atomic_fetch_add_explicit(r->turn, i, memory_order_relaxed);
        return s;
    }
    return NULL;
}

const struct balance_ops balance_round_robin = {.name = "round-robin", .pick = pick};
