/* timekeeping.h: is the clock right? From the kernel's state of its discipline (adjtimex). */
#pragma once
#include "watch/host_sample.h"

struct timex;

void timekeeping_take(struct clock_sample *ret_sample);
/* Pure, for tests: result is what adjtimex(2) returned. */
void timekeeping_read(const struct timex *t, int result, struct clock_sample *ret_sample);
