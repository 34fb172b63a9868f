/*
 * pace.h: when the next call to an engine may be made: so many a second, and ever more rarely while they
 * fail. Each kind of call has its own back-off, since an engine that refuses starts may well be listed; what
 * the engine itself asks for (Retry-After) counts for all of them. Pure: `now` is a parameter.
 */
#pragma once
#include "base/random.h"
#include "provider/driver.h"

#define PACE_RETRY_FIRST_NS     (NS_PER_S / 2)    /* the engine is away or busy: doubled... */
#define PACE_RETRY_MAX_NS       (30 * NS_PER_S)   /* ...up to here */
#define PACE_PEOPLE_FIRST_NS    (2 * NS_PER_S)    /* people must act: doubled... */
#define PACE_PEOPLE_MAX_NS      (30 * NS_PER_S)   /* ...up to here */
#define PACE_RETRY_AFTER_MAX_NS (3600 * NS_PER_S) /* a longer Retry-After is not believed */

struct pace {
    struct random random;
    uint32_t calls_per_second;
    double tokens;
    int64_t tokens_ns; /* when they were counted */
    struct pace_kind {
        uint32_t failures_in_a_row;
        int64_t first_ns, last_ns; /* of these failures */
        int64_t not_before_ns;
        struct driver_failure failure; /* the last of these failures */
    } kinds[DRIVER_CALL_COUNT];
    int64_t not_before_ns; /* the engine said so, for all kinds */
};

void pace_init(struct pace *p, uint32_t calls_per_second, uint64_t seed, int64_t now_ns);
/* When a call of that kind may be made; <= now: now. */
int64_t pace_next_ns(struct pace *p, enum driver_call_kind kind, int64_t now_ns);
/* It is made now. */
void pace_take(struct pace *p, int64_t now_ns);
void pace_note_success(struct pace *p, enum driver_call_kind kind);
void pace_note_failure(struct pace *p, enum driver_call_kind kind, const struct driver_failure *f,
                       int64_t now_ns);
