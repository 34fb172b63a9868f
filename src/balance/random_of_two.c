/*
 * Two eligible servers drawn at random, the one with the lower expected cost wins: near the best choice
 * without the herd that follows a single best (Mitzenmacher, "The power of two choices", 2001). A few draws
 * may meet servers that are out or full; then a scan from a random place finds whatever is left.
 */
#include "balance/balance.h"

enum { DRAWS_MAX = 6 };

static struct server *scan(const struct balance_request *r, uint32_t start, const struct server *except)
{
    for (uint32_t i = 0; i < r->server_count; i++) {
        struct server *s = r->servers[(start + i) % r->server_count];
        if (s != except && balance_is_eligible(r, s))
            return s;
    }
    return NULL;
}

static struct server *draw(const struct balance_request *r, const struct server *except)
{
    for (int i = 0; i < DRAWS_MAX; i++) {
        struct server *s = r->servers[random_below(r->random, r->server_count)];
        if (s != except && balance_is_eligible(r, s))
            return s;
    }
    return scan(r, random_below(r->random, r->server_count), except);
}

static struct server *pick(const struct balance_request *r)
{
    if (r->server_count == 0)
        return NULL;
    struct server *a = draw(r, NULL);
    if (!a || r->server_count == 1)
        return a;
    struct server *b = draw(r, a);
    if (!b)
        return a;
    double cost_a = balance_cost(&r->loads[a->slot], a, r->now_ns);
    double cost_b = balance_cost(&r->loads[b->slot], b, r->now_ns);
    return cost_b < cost_a ? b : a;
}

const struct balance_ops balance_random_of_two = {.name = "random-of-two", .pick = pick};
