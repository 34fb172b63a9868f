/* timekeeping.h: is the clock right? From the kernel's state of its discipline (adjtimex). */
#pragma once
#include "watch/host_sample.h"

struct timex;

/* Whether the clock is disciplined, from what the kernel says. Unknown while nobody has told the kernel
 * anything of the clock since it started: a virtual machine's may be kept right from outside. What is not
 * known is NAN. frequency_shift: what the clock was made slower or faster by; 0: nothing. */
struct reading timekeeping_judge(bool is_synchronised, double frequency_shift, double error_bound_s,
                                 double estimated_error_s);
void timekeeping_take(struct clock_sample *ret_sample);
/* Pure, for tests: result is what adjtimex(2) returned. */
void timekeeping_read(const struct timex *t, int result, struct clock_sample *ret_sample);
