/*
 * Places are counted as if each of them came free at once, and from then on at twice the pace of the best
 * stretch that was seen: chance, a change of load or a quicker version of the program are no reason to refuse
 * anybody.
 */
#include "fleet/outlook.h"

#include "base/macros.h"

enum { PACE_MARGIN = 2 };

/* How many requests can have begun on so many places from one moment until another, at the most. */
static double turns(uint32_t places, int64_t from_ns, int64_t until_ns, int64_t place_ns)
{
    if (places == 0 || until_ns < from_ns)
        return 0;
    if (places == OUTLOOK_NO_LIMIT || place_ns <= 0)
        return (double)UINT64_MAX;
    return places * (1 + PACE_MARGIN * ((double)(until_ns - from_ns) / (double)place_ns));
}

enum outlook_verdict outlook_judge(const struct outlook *o, uint32_t before, int64_t deadline_ns,
                                   int64_t now_ns)
{
    if (!o->is_known || deadline_ns <= now_ns)
        return OUTLOOK_HOLD;
    double now = turns(o->places_now, now_ns, deadline_ns, o->place_ns);
    double later = turns(o->places_later, MAX(o->later_ns, now_ns), deadline_ns, o->place_ns);
    if (now + later == 0 && o->places_now == 0)
        return OUTLOOK_NO_SERVER;
    return now + later >= (double)before + 1 ? OUTLOOK_HOLD : OUTLOOK_NO_TURN;
}
