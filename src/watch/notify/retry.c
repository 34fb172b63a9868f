/* retry.c: see retry.h. */
#include "watch/notify/retry.h"

#include "base/clock.h"
#include "base/macros.h"

/* RFC 9110 §15.5, RFC 4918 §11.2, RFC 6585 §5 */
static bool is_about_the_message(int status)
{
    static const int statuses[] = {400, 406, 411, 413, 414, 415, 422, 431};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i] == status)
            return true;
    return false;
}

enum retry_verdict retry_judge(const struct retry_answer *a)
{
    if (a->has_status && a->status >= 200 && a->status < 300)
        return RETRY_DELIVERED;
    return a->has_status && is_about_the_message(a->status) ? RETRY_NEVER : RETRY_LATER;
}

int64_t retry_delay_ns(uint32_t attempts, int64_t retry_after_s, struct random *random)
{
    ASSERT(attempts > 0);
    uint32_t doublings = MIN(attempts - 1, 16u);
    int64_t back_off = MIN(RETRY_FIRST_NS << doublings, RETRY_LONGEST_NS);
    int64_t half_us = back_off / 2 / NS_PER_US;
    int64_t delay = back_off / 2 + (int64_t)random_below(random, (uint32_t)half_us + 1) * NS_PER_US;
    int64_t asked = retry_after_s > 0 ? MIN(retry_after_s, RETRY_ASKED_MAX_NS / NS_PER_S) * NS_PER_S : 0;
    return MAX(delay, asked);
}
