/*
 * While requests wait a server has all that it may have, n; and if it answers one each g seconds, a request
 * takes n x g (Little). Beyond the K requests that it works on at once that grows with n. It may grow by one
 * half, measured over n answers, else the step is not taken; so a server ends with 1.5 to 3 K requests. That
 * uses it in full, what waits inside it is bounded, and what happens below and above K is seen, from which K
 * is learned (scale/capacity.h).
 *
 * Two health requests, since the first that ends after a step may have begun before it. Two seconds, since
 * servers that answer those beside requests which wait for one another (for the processor, for a database)
 * must not be buried in the time that an ordinary request takes.
 *
 * Rejected: the times of the requests themselves. Those that end first after a step are the short ones.
 */
#include "fleet/let_in.h"

#define STILL_NS (2000 * INT64_C(1000000)) /* that it answers nothing for so long is no chance */

enum { MAX_AT_MOST = 1 << 24, ANSWERS_MIN = 16, STEP_TURNS_MAX = 16, STILL_TURNS = 3, HEALTHY_MIN = 2 };

static const double slower = 1.5;

static void begin_step(struct let_in *l, int32_t max, int64_t now_ns)
{
    l->step_max = max;
    l->step_ns = l->last_ns = now_ns;
    l->answers = 0;
    l->step_healthy = atomic_load_explicit(&l->healthy, memory_order_relaxed);
}

static void raise(struct let_in *l, int32_t max, int64_t now_ns)
{
    int32_t raised = max < MAX_AT_MOST ? 2 * max : max;
    atomic_store_explicit(&l->max, raised, memory_order_relaxed);
    l->turn_ns *= 2; /* at worst */
    begin_step(l, raised, now_ns);
}

static bool is_still(const struct let_in *l, int64_t now_ns)
{
    int64_t turns_ns = STILL_TURNS * l->turn_ns;
    return now_ns - l->last_ns > (turns_ns > STILL_NS ? turns_ns : STILL_NS);
}

/* A whole turn of n answers, or more of them. */
static void judge(struct let_in *l, int32_t max, int64_t now_ns)
{
    l->turn_ns = (now_ns - l->step_ns) * max / l->answers;
    bool goes_well = l->took_ns == 0 || (double)l->turn_ns <= slower * (double)l->took_ns;
    if (l->took_ns == 0 || l->turn_ns < l->took_ns)
        l->took_ns = l->turn_ns;
    if (goes_well)
        raise(l, max, now_ns);
    else if (l->answers >= (uint32_t)max * STEP_TURNS_MAX)
        begin_step(l, max, now_ns);
}

void let_in_admit(struct let_in *l)
{
    l->pending++;
}

void let_in_note(struct let_in *l, int32_t least, int32_t in_flight, int64_t now_ns)
{
    int32_t max = let_in_max(l, least);
    uint32_t turn = max > ANSWERS_MIN ? (uint32_t)max : ANSWERS_MIN;
    if (is_still(l, now_ns)) /* or nobody waited meanwhile: any of them may be one that is not answered */
        l->pending = in_flight;
    bool is_full = in_flight >= max; /* not so while something else limits it: a share that grows */
    if (l->step_max != max || is_still(l, now_ns) || !is_full)
        begin_step(l, max, now_ns);
    l->pending -= l->pending > 0;
    l->answers++;
    l->last_ns = now_ns;
    if (!is_full)
        return;
    if (l->pending == 0)
        raise(l, max, now_ns);
    else if (l->answers % turn == 0)
        judge(l, max, now_ns);
}

void let_in_note_healthy(struct let_in *l)
{
    atomic_fetch_add_explicit(&l->healthy, 1, memory_order_relaxed);
}

bool let_in_is_asking(const struct let_in *l)
{
    return atomic_load_explicit(&l->is_asking, memory_order_relaxed);
}

/* What it is given now is not answered before this moment, to judge by what it was given so far. */
static bool is_slow(struct let_in *l, int64_t now_ns)
{
    if (is_still(l, now_ns) && l->answers == 0)
        l->slow_until_ns = now_ns + STILL_NS;
    return now_ns < l->slow_until_ns || is_still(l, now_ns);
}

void let_in_look(struct let_in *l, int32_t least, int32_t in_flight, int64_t now_ns)
{
    int32_t max = let_in_max(l, least);
    uint32_t healthy = atomic_load_explicit(&l->healthy, memory_order_relaxed);
    if (l->step_max != max)
        begin_step(l, max, now_ns);
    bool would_tell = in_flight >= max && is_slow(l, now_ns);
    atomic_store_explicit(&l->is_asking, would_tell && healthy > 0, memory_order_relaxed);
    if (!would_tell)
        return;
    if (healthy > 0 ? healthy - l->step_healthy >= HEALTHY_MIN : is_still(l, now_ns))
        raise(l, max, now_ns);
}

void let_in_press(struct let_in *l, int32_t max)
{
    if (max > let_in_max(l, 0))
        atomic_store_explicit(&l->max, max, memory_order_relaxed);
}
