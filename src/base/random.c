#include "base/random.h"

#include <sys/random.h>
#include <time.h>

void random_seed_from_system(struct random *r)
{
    if (getrandom(&r->state, sizeof(r->state), 0) != (ssize_t)sizeof(r->state))
        r->state = (uint64_t)time(NULL) * UINT64_C(0x9E3779B97F4A7C15);
    r->state |= 1;
}
