/*
 * A chain of bounds, each of which may move the target that the ones before it left; the last that moved it
 * is named. The order says who has the last word: what people want for good (by hand, what it may cost, MAX,
 * MIN) stands above what protects from haste (step) and above what the load asks for.
 *
 *   needed -> spares -> stable window -> idle -> bottleneck -> step
 *          -> in flight -> MIN -> MAX -> cost -> by hand
 *
 * Steps are counted from the extremes of the last `per`, not in fixed periods: so there is no moment at which
 * two steps may follow each other at once. A step holds back and does not turn round: what came without steps
 * (a person's number, MIN) is no reason to go the other way.
 *
 * Invariants:
 * 1. MIN <= target <= MAX unless set by hand (then 0..MAX) or cut by the cost.
 * 2. A target below the present number of servers carries what is in flight, unless MAX, the cost or a person
 *    says otherwise.
 * 3. Any input gives a finite number.
 */
#include "scale/bounds.h"

#include "base/macros.h"
#include "base/units.h"

#include <math.h>
#include <stdio.h>
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

/* --- steps ------------------------------------------------------------------------------------------ */

static void step_slot_set(struct step_history *h, int64_t slot, uint32_t target)
{
    h->lowest[slot % STABLE_WINDOW_SLOTS] = h->highest[slot % STABLE_WINDOW_SLOTS] = target;
}

/* Lets time pass: in the slots that were passed over the target was what it is. */
static void steps_advance(struct step_history *h, uint32_t target, int64_t per_ns, int64_t now_ns)
{
    int64_t slot_ns = MAX(per_ns, 1) / (STABLE_WINDOW_SLOTS - 1) + 1, slot = now_ns / slot_ns;
    if (!h->is_started || slot_ns != h->slot_ns || slot - h->slot >= STABLE_WINDOW_SLOTS) {
        *h = (struct step_history){.is_started = true, .slot = slot, .slot_ns = slot_ns};
        for (unsigned i = 0; i < STABLE_WINDOW_SLOTS; i++)
            step_slot_set(h, i, target);
        return;
    }
    for (int64_t i = h->slot + 1; i <= slot; i++)
        step_slot_set(h, i, target);
    h->slot = MAX(slot, h->slot);
}

static void steps_note(struct step_history *h, uint32_t target)
{
    uint32_t *lowest = &h->lowest[h->slot % STABLE_WINDOW_SLOTS],
             *highest = &h->highest[h->slot % STABLE_WINDOW_SLOTS];
    *lowest = MIN(*lowest, target);
    *highest = MAX(*highest, target);
}

static uint32_t steps_most(const struct step_history *h, uint32_t up)
{
    uint32_t lowest = UINT32_MAX;
    for (unsigned i = 0; i < STABLE_WINDOW_SLOTS; i++)
        lowest = MIN(lowest, h->lowest[i]);
    return lowest + MIN(up, UINT32_MAX - lowest);
}

static uint32_t steps_least(const struct step_history *h, uint32_t down)
{
    uint32_t highest = 0;
    for (unsigned i = 0; i < STABLE_WINDOW_SLOTS; i++)
        highest = MAX(highest, h->highest[i]);
    return highest - MIN(down, highest);
}

/* --- the target ------------------------------------------------------------------------------------- */

uint32_t bounds_servers_for(double need)
{
    return (uint32_t)ceil(fmin(need, BOUNDS_NEED_MAX) - 1e-9); /* keeps 3.0000000001 from being 4 */
}

/* Whole servers that so much pays for, at most servers_max. */
static uint32_t servers_paid(const struct bounds_limits *limits, double money, double price)
{
    double most = floor(money / price + 1e-9);
    return most < limits->servers_max ? (uint32_t)fmax(most, 0) : limits->servers_max;
}

uint32_t bounds_cost_max(const struct bounds_limits *limits)
{
    const struct bounds_bill *bill = &limits->bill;
    if (!(limits->cost_per_hour > 0))
        return limits->servers_max;
    uint32_t stated = servers_paid(limits, limits->cost_max_per_hour, limits->cost_per_hour);
    if (!bill->is_told)
        return stated;
    uint32_t told = MIN(bill->paid_count, limits->servers_max);
    if (!bill->is_short)
        told += MIN(servers_paid(limits, limits->cost_max_per_hour - bill->paid, bill->next),
                    limits->servers_max - told);
    return MAX(told, MIN(stated, MAX(limits->servers_min, 1U)));
}

static void raise_to(struct bounds_choice *c, uint32_t least, enum scale_bound bound)
{
    if (c->target < least)
        *c = (struct bounds_choice){.target = least, .bound = bound};
}

static void lower_to(struct bounds_choice *c, uint32_t most, enum scale_bound bound)
{
    if (c->target > most)
        *c = (struct bounds_choice){.target = most, .bound = bound};
}

/* What the load asks for, with what is kept ready beyond it and what was asked for a while ago. */
static struct bounds_choice choose_wish(const struct bounds_limits *limits, const struct bounds_facts *facts,
                                        uint32_t needed, double need_in_window)
{
    struct bounds_choice c = {.target = needed, .bound = SCALE_BOUND_NONE};
    uint32_t spares = MIN(limits->spares, limits->servers_max); /* no overflow, and never beyond MAX */
    uint32_t held = need_in_window > 0 ? bounds_servers_for(need_in_window + BOUNDS_DOWN_ROOM) : 0;
    raise_to(&c, needed + spares, SCALE_BOUND_SPARES);
    raise_to(&c, MIN(facts->target_before, MAX(held, needed) + spares), SCALE_BOUND_STABLE_WINDOW);
    if (facts->is_last_kept)
        raise_to(&c, MIN(facts->target_before, 1), SCALE_BOUND_IDLE);
    return c;
}

static void keep_step(struct step_history *steps, const struct bounds_limits *limits,
                      const struct bounds_facts *facts, struct bounds_choice *c)
{
    steps_advance(steps, facts->target_before, limits->step_per_ns, facts->now_ns);
    steps_note(steps, facts->target_before);
    if (limits->step_up)
        lower_to(c, MAX(steps_most(steps, limits->step_up), facts->target_before), SCALE_BOUND_STEP);
    if (limits->step_down)
        raise_to(c, MIN(steps_least(steps, limits->step_down), facts->target_before), SCALE_BOUND_STEP);
}

static void keep_stated(const struct bounds_limits *limits, struct bounds_choice *c)
{
    raise_to(c, limits->servers_min, SCALE_BOUND_MIN);
    raise_to(c, limits->scheduled.least.servers, SCALE_BOUND_SCHEDULE);
    if (limits->scheduled.most.servers)
        lower_to(c, limits->scheduled.most.servers, SCALE_BOUND_SCHEDULE);
    lower_to(c, limits->servers_max, SCALE_BOUND_MAX);
    lower_to(c, bounds_cost_max(limits), SCALE_BOUND_COST);
    if (limits->has_manual)
        *c = (struct bounds_choice){.target = MIN(limits->manual, limits->servers_max),
                                    .bound = SCALE_BOUND_MANUAL};
}

struct bounds_choice bounds_choose(struct step_history *steps, const struct bounds_limits *limits,
                                   const struct bounds_facts *facts, uint32_t needed, double need_in_window)
{
    ASSERT(limits->servers_max >= 1 && facts->capacity >= 1);
    struct bounds_choice c = choose_wish(limits, facts, needed, need_in_window);
    if (facts->is_bottleneck_shared) /* who has none has nothing to share: the first one always comes */
        lower_to(&c, MAX(facts->target_before, 1U), SCALE_BOUND_BOTTLENECK);
    keep_step(steps, limits, facts, &c);
    uint32_t carrying = bounds_servers_for(facts->in_flight / facts->capacity);
    raise_to(&c, MIN(carrying, MIN(facts->up, facts->target_before)), SCALE_BOUND_IN_FLIGHT);
    keep_stated(limits, &c);
    steps_note(steps, c.target);
    return c;
}

struct bounds_choice bounds_keep(const struct bounds_limits *limits, uint32_t target_before)
{
    struct bounds_choice c = {.target = MAX(target_before, 1), .bound = SCALE_BOUND_ADVISE};
    struct bounds_limits always = *limits; /* what a schedule asks for is advice, too */
    always.scheduled = (struct schedule_now){0};
    keep_stated(&always, &c);
    return c;
}

/* --- in words --------------------------------------------------------------------------------------- */

static void format_step(char out[BOUND_TEXT_BYTES], const struct bounds_limits *limits)
{
    char per[UNITS_TEXT_BYTES];
    (void)snprintf(out, BOUND_TEXT_BYTES, "%s: up %u, down %u in %s (0: no limit)",
                   bound_helps[SCALE_BOUND_STEP], limits->step_up, limits->step_down,
                   units_format_duration(per, limits->step_per_ns));
}

static void format_cost(char out[BOUND_TEXT_BYTES], const struct bounds_limits *limits)
{
    const struct bounds_bill *bill = &limits->bill;
    int len = snprintf(out, BOUND_TEXT_BYTES, "%s: %g an hour are %u servers", bound_helps[SCALE_BOUND_COST],
                       limits->cost_max_per_hour, bounds_cost_max(limits));
    size_t left = BOUND_TEXT_BYTES - (size_t)len;
    if (!bill->is_told)
        (void)snprintf(out + len, left, " of %g", limits->cost_per_hour);
    else if (bill->is_short)
        (void)snprintf(out + len, left, "; by the prices that are told the cheapest %u cost %g",
                       bill->paid_count, bill->paid);
    else
        (void)snprintf(out + len, left, "; by the prices that are told %u cost %g, and one more %g",
                       bill->paid_count, bill->paid, bill->next);
}

char *bounds_format(char out[BOUND_TEXT_BYTES], const struct bounds_limits *limits, enum scale_bound bound)
{
    char scheduled[SCHEDULE_TEXT_BYTES];
    ASSERT((unsigned)bound < SCALE_BOUND_COUNT);
    switch (bound) {
    case SCALE_BOUND_STEP:
        format_step(out, limits);
        break;
    case SCALE_BOUND_COST:
        format_cost(out, limits);
        break;
    case SCALE_BOUND_SCHEDULE:
        (void)snprintf(out, BOUND_TEXT_BYTES, "%s: %s", bound_helps[bound],
                       schedule_format(scheduled, &limits->scheduled));
        break;
    case SCALE_BOUND_SPARES:
        (void)snprintf(out, BOUND_TEXT_BYTES, "%s: %u", bound_helps[bound], limits->spares);
        break;
    default:
        (void)snprintf(out, BOUND_TEXT_BYTES, "%s", bound_helps[bound]);
    }
    return out;
}
