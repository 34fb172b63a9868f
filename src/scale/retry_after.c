#include "scale/retry_after.h"

#include "base/clock.h"
#include "base/macros.h"

static int64_t left_of_start_ns(const struct retry_after_facts *f)
{
    if (!f->is_starting)
        return f->back_off_ns + f->start_time_ns;
    int64_t left_ns = f->start_time_ns - f->start_age_ns;
    return left_ns >= 0 ? left_ns : -left_ns;
}

uint32_t retry_after_s(const struct retry_after_facts *f)
{
    if (f->has_available)
        return RETRY_AFTER_BUSY_S;
    int64_t known_ns =
        f->start_time_ns ? left_of_start_ns(f) : RETRY_AFTER_UNKNOWN_S * NS_PER_S + f->back_off_ns;
    int64_t seconds = known_ns / NS_PER_S + (known_ns % NS_PER_S > 0);
    return (uint32_t)MIN(MAX(seconds, 1), RETRY_AFTER_MAX_S);
}
