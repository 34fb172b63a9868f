/*
 * What all methods share: who is eligible, and the load estimate.
 *
 * The estimate is Finagle's peak EWMA: a latency above the estimate replaces it at once, one below pulls it
 * down with time constant decay_ns; the cost of one more request is latency * (in flight + 1). A server that
 * fails fast would look quick, so errors have a price: broken_latency_ns where all requests fail, and with
 * the square of their share below, for one error may be the request's own fault and many are the server's.
 * The price must outweigh the slowest answer of a sound server that is remembered. Errors that all servers
 * make alike change no order. Both estimates fade while nothing is observed, so that who was slow or broken
 * is tried again.
 */
#include "balance/balance.h"

#include "base/macros.h"

#include <math.h>

static const double decay_ns = 10.0 * 1e9;
static const double unknown_cost = 1e15;
static const double broken_latency_ns = 5e9;
static const double failing_share = 0.1; /* the second or third error in a row */

static const struct balance_ops *const methods[] = {
    /* in the order of enum balance_method */
    &balance_random_of_two,
    &balance_round_robin,
    &balance_least_requests,
};

const struct balance_ops *balance_by_method(int method)
{
    ASSERT(method >= 0 && (size_t)method < ARRAY_LEN(methods));
    return methods[method];
}

bool balance_is_eligible(const struct balance_request *r, const struct server *s)
{
    if (!server_can_take(s))
        return false;
    int32_t limit = server_limit(s);
    if (limit && server_in_flight(s) >= limit)
        return false;
    for (uint32_t i = 0; i < r->avoid_count; i++)
        if (r->avoid[i] == s)
            return false;
    return true;
}

static bool is_failing(const struct balance_load *l, const struct server *s)
{
    return l->server_id == s->id && l->error_share > failing_share;
}

/* One that fails fast would never be full: all requests would go there, and nothing be learned of it. */
struct server *balance_pick(const struct balance_ops *method, const struct balance_request *r)
{
    struct server *s = r->filled;
    if (s && server_in_flight(s) < atomic_load_explicit(&s->fill_to, memory_order_relaxed) &&
        balance_is_eligible(r, s) && !is_failing(&r->loads[s->slot], s))
        return s;
    return method->pick(r);
}

/* For the threads that have none of their own yet. */
static void tell_first_answer(struct server *s, int64_t latency_ns)
{
    int64_t none = 0;
    if (atomic_load_explicit(&s->first_answer_ns, memory_order_relaxed) == 0)
        (void)atomic_compare_exchange_strong_explicit(&s->first_answer_ns, &none, MAX(latency_ns, INT64_C(1)),
                                                      memory_order_relaxed, memory_order_relaxed);
}

void balance_observe(struct balance_load *l, struct server *s, int64_t latency_ns, bool is_error,
                     int64_t now_ns)
{
    if (l->server_id != s->id)
        *l = (struct balance_load){.server_id = s->id, .updated_ns = now_ns};
    if (!is_error)
        tell_first_answer(s, latency_ns);
    double weight = exp(-(double)MAX(now_ns - l->updated_ns, INT64_C(0)) / decay_ns);
    double latency = (double)MAX(latency_ns, INT64_C(1));
    if (latency > l->latency_ns)
        l->latency_ns = latency;
    else
        l->latency_ns = l->latency_ns * weight + latency * (1 - weight);
    /* Errors are counted per request, one in twenty requests of memory, and fade with time like the latency.
     */
    l->error_share *= weight;
    l->error_share += ((is_error ? 1.0 : 0.0) - l->error_share) * 0.05;
    l->updated_ns = now_ns;
}

/*
 * Of a server that this thread had no answer of: it is tried. With one request at a time until it has
 * answered somebody; after that by what others had of it, for its requests in flight are theirs: a server
 * that others keep busy would never be tried here, and what this thread knows would be all it ever knows.
 */
static double cost_unseen(const struct server *s, double pending)
{
    int64_t first_ns = atomic_load_explicit(&s->first_answer_ns, memory_order_relaxed);
    if (pending <= 0)
        return 0;
    return first_ns ? (double)first_ns * (pending + 1) : unknown_cost + pending;
}

double balance_cost(const struct balance_load *l, const struct server *s, int64_t now_ns)
{
    double pending = (double)server_in_flight(s);
    if (l->server_id != s->id || l->latency_ns <= 0)
        return cost_unseen(s, pending);
    double fading = exp(-(double)MAX(now_ns - l->updated_ns, INT64_C(0)) / decay_ns);
    double error_price_ns = l->error_share * l->error_share * broken_latency_ns;
    return (l->latency_ns + error_price_ns) * fading * (pending + 1);
}
