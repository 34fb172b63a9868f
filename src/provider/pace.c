#include "provider/pace.h"

#include "base/clock.h"

void pace_init(struct pace *p, uint32_t calls_per_second, uint64_t seed, int64_t now_ns)
{
    ASSERT(calls_per_second > 0);
    *p = (struct pace){.random = {seed ? seed : 1},
                       .calls_per_second = calls_per_second,
                       .tokens = calls_per_second,
                       .tokens_ns = now_ns};
}

static void fill(struct pace *p, int64_t now_ns)
{
    double seconds = (double)(now_ns - p->tokens_ns) / (double)NS_PER_S;
    p->tokens = MIN(p->tokens + seconds * p->calls_per_second, (double)p->calls_per_second);
    p->tokens_ns = now_ns;
}

int64_t pace_next_ns(struct pace *p, enum driver_call_kind kind, int64_t now_ns)
{
    fill(p, now_ns);
    int64_t token_ns = p->tokens >= 1
                           ? now_ns
                           : now_ns + 1 + (int64_t)((1 - p->tokens) / p->calls_per_second * (double)NS_PER_S);
    return MAX(token_ns, MAX(p->not_before_ns, p->kinds[kind].not_before_ns));
}

void pace_take(struct pace *p, int64_t now_ns)
{
    fill(p, now_ns);
    p->tokens -= 1;
}

void pace_note_success(struct pace *p, enum driver_call_kind kind)
{
    p->kinds[kind] = (struct pace_kind){0};
}

/* Between half of it and all of it, so that many Weirs do not ask in step. */
static int64_t jittered(struct pace *p, int64_t delay_ns)
{
    return delay_ns / 2 + (int64_t)random_below(&p->random, 1000) * (delay_ns / 2) / 1000;
}

void pace_note_failure(struct pace *p, enum driver_call_kind kind, const struct driver_failure *f,
                       int64_t now_ns)
{
    enum { DOUBLINGS_MAX = 10 };
    struct pace_kind *k = &p->kinds[kind];
    bool is_retryable = f->fault == DRIVER_FAULT_RETRYABLE;
    int64_t first_ns = is_retryable ? PACE_RETRY_FIRST_NS : PACE_PEOPLE_FIRST_NS;
    int64_t delay_ns = first_ns << MIN(k->failures_in_a_row, (uint32_t)DOUBLINGS_MAX);
    delay_ns = jittered(p, MIN(delay_ns, is_retryable ? PACE_RETRY_MAX_NS : PACE_PEOPLE_MAX_NS));
    if (k->failures_in_a_row++ == 0)
        k->first_ns = now_ns;
    k->last_ns = now_ns;
    k->not_before_ns = now_ns + delay_ns;
    k->failure = *f;
    if (f->retry_after_ns > 0)
        p->not_before_ns = MAX(p->not_before_ns, now_ns + MIN(f->retry_after_ns, PACE_RETRY_AFTER_MAX_NS));
}
