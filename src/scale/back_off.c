#include "scale/back_off.h"

#include "base/macros.h"

void back_off_clear(struct back_off *b)
{
    *b = (struct back_off){0};
}

/* Doubled with each step, spread by a quarter to either side so that services do not start in step. */
static int64_t delay_ns(uint32_t doublings, struct random *random)
{
    int64_t delay = doublings < 16 ? BACK_OFF_FIRST_NS << doublings : BACK_OFF_MAX_NS;
    delay = MIN(delay, BACK_OFF_MAX_NS);
    return delay - delay / 4 + (int64_t)random_below(random, 1000) * (delay / 2) / 1000;
}

void back_off_note_failure(struct back_off *b, int64_t requested_ns, int64_t served_ns, int64_t now_ns,
                           struct random *random)
{
    if (served_ns >= BACK_OFF_PROVEN_NS || (b->steps > 0 && requested_ns < b->step_ns))
        return;
    b->steps++;
    b->step_ns = now_ns;
    if (b->steps == 1 && served_ns >= 0)
        return;
    b->not_before_ns = MAX(b->not_before_ns, now_ns + delay_ns(b->steps - 1, random));
}

void back_off_note_proven(struct back_off *b, int64_t requested_ns)
{
    if (b->steps > 0 && requested_ns >= b->step_ns)
        back_off_clear(b);
}
