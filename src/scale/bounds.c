/*
 * A chain of bounds, each of which may move the target that the ones before it left; the last that moved it
 * is named. The order says who has the last word:
 *
 *   needed -> stable window -> bottleneck -> in flight -> MIN -> MAX -> by hand
 *
 * Invariants:
 * 1. MIN <= target <= MAX unless set by hand (then 0..MAX).
 * 2. A target below the present number of servers carries what is in flight.
 * 3. Any input gives a finite number.
 */
#include "scale/bounds.h"

#include "base/macros.h"

#include <math.h>
#include <string.h>

static const char *const bound_names[SCALE_BOUND_COUNT] = {
#define BOUND_NAME(upper, lower, help) #lower,
    SCALE_BOUNDS(BOUND_NAME)};
static const char *const bound_helps[SCALE_BOUND_COUNT] = {
#define BOUND_HELP(upper, lower, help) help,
    SCALE_BOUNDS(BOUND_HELP)};

const char *scale_bound_name(enum scale_bound b)
{
    ASSERT((unsigned)b < SCALE_BOUND_COUNT);
    return bound_names[b];
}

const char *scale_bound_help(enum scale_bound b)
{
    ASSERT((unsigned)b < SCALE_BOUND_COUNT);
    return bound_helps[b];
}

/* --- the stable window ------------------------------------------------------------------------------ */

double stable_window_max(const struct stable_window *w)
{
    double max = 0;
    for (unsigned i = 0; i < STABLE_WINDOW_SLOTS; i++)
        max = fmax(max, w->need_max[i]);
    return max;
}

/* Opens the slot of now and empties those that were passed over. */
void stable_window_advance(struct stable_window *w, int64_t length_ns, int64_t now_ns)
{
    int64_t slot_ns =
        length_ns / (STABLE_WINDOW_SLOTS - 1) + 1; /* the newest slot is not full yet: 63 cover the window */
    int64_t slot = now_ns / slot_ns;
    if (slot_ns != w->slot_ns) {
        double max = w->slot_ns ? stable_window_max(w) : 0;
        memset(w->need_max, 0, sizeof(w->need_max));
        w->need_max[slot % STABLE_WINDOW_SLOTS] = max;
    } else if (slot - w->slot >= STABLE_WINDOW_SLOTS) {
        memset(w->need_max, 0, sizeof(w->need_max));
    } else {
        for (int64_t i = w->slot + 1; i <= slot; i++)
            w->need_max[i % STABLE_WINDOW_SLOTS] = 0;
    }
    w->slot = slot_ns == w->slot_ns ? MAX(slot, w->slot) : slot; /* a clock read earlier may come later */
    w->slot_ns = slot_ns;
}

void stable_window_note(struct stable_window *w, double need)
{
    double *slot = &w->need_max[w->slot % STABLE_WINDOW_SLOTS];
    *slot = fmax(*slot, need);
}

/* --- the target ------------------------------------------------------------------------------------- */

uint32_t bounds_servers_for(double need)
{
    return (uint32_t)ceil(fmin(need, BOUNDS_NEED_MAX) - 1e-9); /* keeps 3.0000000001 from being 4 */
}

static void move_to(struct bounds_choice *choice, uint32_t target, enum scale_bound bound)
{
    choice->target = target;
    choice->bound = bound;
}

struct bounds_choice bounds_choose(const struct bounds_limits *limits, const struct bounds_facts *facts,
                                   uint32_t needed, double need_in_window)
{
    ASSERT(limits->servers_max >= 1 && facts->capacity >= 1);
    struct bounds_choice c = {.target = needed, .bound = SCALE_BOUND_NONE};
    uint32_t held =
        MAX(need_in_window > 0 ? bounds_servers_for(need_in_window + BOUNDS_DOWN_ROOM) : 0, needed);
    if (MIN(facts->target_before, held) > c.target)
        move_to(&c, MIN(facts->target_before, held), SCALE_BOUND_STABLE_WINDOW);

    if (facts->is_bottleneck_shared && c.target > facts->target_before)
        move_to(&c, facts->target_before, SCALE_BOUND_BOTTLENECK);

    uint32_t carrying =
        MIN(bounds_servers_for(facts->in_flight / facts->capacity), MIN(facts->up, facts->target_before));
    if (carrying > c.target)
        move_to(&c, carrying, SCALE_BOUND_IN_FLIGHT);
    if (c.target < limits->servers_min)
        move_to(&c, limits->servers_min, SCALE_BOUND_MIN);
    if (c.target > limits->servers_max)
        move_to(&c, limits->servers_max, SCALE_BOUND_MAX);
    if (limits->has_manual)
        move_to(&c, MIN(limits->manual, limits->servers_max), SCALE_BOUND_MANUAL);
    return c;
}
