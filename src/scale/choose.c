#include "scale/choose.h"

static bool is_outdated(const struct reconciler *r, const struct life *l)
{
    return l->program != r->program;
}

static int rank_of(const struct reconciler *r, const struct life *l, int64_t now_ns) /* smaller goes first */
{
    if (now_ns < l->kept_until_ns)
        return 6;
    enum server_state state = life_state(l);
    if (state == SERVER_REQUESTED)
        return 0;
    if (state == SERVER_STARTING)
        return 1;
    if (!server_can_take(l->server))
        return 2;
    if (is_outdated(r, l))
        return 3;
    return state == SERVER_WARMING ? 4 : 5;
}

static bool goes_before(const struct reconciler *r, const struct life *a, const struct life *b,
                        int64_t now_ns)
{
    int rank_a = rank_of(r, a, now_ns), rank_b = rank_of(r, b, now_ns);
    if (rank_a != rank_b)
        return rank_a < rank_b;
    if (a->is_slow != b->is_slow)
        return a->is_slow;
    if ((a->knee > 0) != (b->knee > 0))
        return a->knee > 0;
    if (a->facts.price != b->facts.price) /* not told: nobody says that it saves anything */
        return a->facts.price > b->facts.price;
    int32_t in_flight_a = server_in_flight(a->server), in_flight_b = server_in_flight(b->server);
    if (in_flight_a != in_flight_b)
        return in_flight_a < in_flight_b;
    return a->server->id > b->server->id;
}

struct life *choose_victim(struct reconciler *r, int64_t now_ns)
{
    struct life *best = NULL;
    for_each_life (r, l)
        if (life_is_up(l) && (!best || goes_before(r, l, best, now_ns)))
            best = l;
    return best;
}

bool choose_may_return(const struct life *l)
{
    return life_state(l) == SERVER_DRAINING && !l->is_held && !l->is_leaving &&
           atomic_load_explicit(&l->server->is_healthy, memory_order_relaxed) &&
           !atomic_load_explicit(&l->server->is_refusing, memory_order_relaxed);
}

static bool returns_before(const struct reconciler *r, const struct life *a, const struct life *b)
{
    if (is_outdated(r, a) != is_outdated(r, b))
        return is_outdated(r, b);
    if (a->is_slow != b->is_slow)
        return b->is_slow;
    if ((a->knee > 0) != (b->knee > 0))
        return b->knee > 0;
    if (a->facts.price != b->facts.price)
        return a->facts.price < b->facts.price;
    return server_in_flight(a->server) > server_in_flight(b->server);
}

struct life *choose_revival(const struct reconciler *r)
{
    struct life *best = NULL;
    for_each_life (r, l)
        if (choose_may_return(l) && (!best || returns_before(r, l, best)))
            best = l;
    return best;
}
