/*
 * timekeeping.c: see timekeeping.h; adjtimex(2).
 *
 * The kernel calls the clock unsynchronised when nobody has disciplined it for so long that it may be wrong
 * by 16 s. offset is what is still being slewed away; its unit depends on a flag.
 */
#include "watch/timekeeping.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/timex.h>

/* What the kernel begins with as both errors (NTP_PHASE_LIMIT). Whoever disciplines a clock tells a smaller
 * estimate, which stays when that program is gone; the bound grows by itself until it is there again. */
#define FIRST_ERROR_S 16.0

struct reading timekeeping_judge(bool is_synchronised, double frequency_shift, double error_bound_s,
                                 double estimated_error_s)
{
    bool is_untouched =
        frequency_shift == 0 && error_bound_s >= FIRST_ERROR_S && estimated_error_s >= FIRST_ERROR_S;
    if (!is_synchronised && is_untouched)
        return reading_unknown("nobody has told the kernel of the clock since it started");
    return reading_known(is_synchronised);
}

void timekeeping_read(const struct timex *t, int result, struct clock_sample *ret_sample)
{
    bool is_nano = (t->status & STA_NANO) != 0;
    bool is_good = (t->status & STA_UNSYNC) == 0 && result != TIME_ERROR;
    ret_sample->offset_s = reading_known((double)t->offset / (is_nano ? 1e9 : 1e6));
    ret_sample->error_bound_s = reading_known((double)t->maxerror / 1e6);
    ret_sample->is_synchronised =
        timekeeping_judge(is_good, (double)t->freq, (double)t->maxerror / 1e6, (double)t->esterror / 1e6);
}

void timekeeping_take(struct clock_sample *ret_sample)
{
    struct timex t = {.modes = 0};
    int result = adjtimex(&t);
    if (result >= 0) {
        timekeeping_read(&t, result, ret_sample);
        return;
    }
    struct reading unknown = reading_unknown(strerrordesc_np(errno));
    ret_sample->offset_s = ret_sample->error_bound_s = ret_sample->is_synchronised = unknown;
}
