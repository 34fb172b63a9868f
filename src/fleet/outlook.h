/*
 * outlook.h: what is known about when places on a service's servers come free, and whether a request that has
 * to wait can have its turn before its deadline. Control writes it (scale/foresee.h), the queue asks
 * (proxy/queue.h). Pure.
 *
 * It errs on the side of waiting: what it refuses could not have been served had everything gone as well as
 * it ever did.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define OUTLOOK_NO_LIMIT UINT32_MAX

struct outlook {
    bool is_known;         /* false, as in one that is all zero: whoever comes may wait */
    uint32_t places_now;   /* of servers that take requests, or may do so at any moment */
    uint32_t places_later; /* of servers that are coming, and of those that may be started */
    int64_t later_ns;      /* when the first of those can be there at the earliest */
    int64_t place_ns;      /* how long a request held its place when all went quickly; 0: not known */
};

enum outlook_verdict {
    OUTLOOK_HOLD,
    OUTLOOK_NO_SERVER, /* no server can be there in time */
    OUTLOOK_NO_TURN,   /* there are servers, but too many requests are before it */
};

/* Of a request that `before` others are served before, and that is not worth serving after deadline_ns. One
 * whose time is over already is not judged: that is for its timer. */
enum outlook_verdict outlook_judge(const struct outlook *o, uint32_t before, int64_t deadline_ns,
                                   int64_t now_ns);
