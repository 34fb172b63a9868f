#include "scale/foresee.h"

#include "base/macros.h"

/* Servers that are coming and servers that may be started are counted as there when the first of them can be.
 */
static int64_t first_ns(const struct foresee_facts *f, int64_t now_ns)
{
    if (f->coming == 0)
        return MAX(f->not_before_ns, now_ns) + f->start_ns;
    if (f->is_one_imminent || f->start_ns == 0)
        return now_ns;
    return MAX(f->asked_ns + f->start_ns, now_ns); /* one that is overdue may be there at any moment */
}

static uint32_t places_of(uint32_t servers, uint32_t place_limit)
{
    if (servers == 0)
        return 0;
    return place_limit ? (uint32_t)MIN((uint64_t)servers * place_limit, OUTLOOK_NO_LIMIT) : OUTLOOK_NO_LIMIT;
}

struct outlook foresee(const struct foresee_facts *f, int64_t now_ns)
{
    uint32_t up = f->there + f->coming;
    uint32_t later = f->coming + (f->up_max > up ? f->up_max - up : 0);
    return (struct outlook){
        .is_known = true,
        .places_now = places_of(f->there, f->place_limit),
        .places_later = places_of(later, f->place_limit),
        .later_ns = first_ns(f, now_ns),
        .place_ns = f->place_ns,
    };
}
