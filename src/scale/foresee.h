/*
 * foresee.h: from what is known of a service's servers to the outlook that its queue judges by: how soon, at
 * the very best, places can come free. Pure.
 */
#pragma once
#include "fleet/outlook.h"

struct foresee_facts {
    uint32_t there;        /* servers that take requests, or may do so at any moment */
    uint32_t coming;       /* servers that were asked for and have had no good probe yet */
    uint32_t up_max;       /* servers there may be in all; 0: none will be started */
    uint32_t place_limit;  /* requests in flight of one server; 0: no limit */
    bool is_one_imminent;  /* one of those that are coming was there before Weir looked: it may answer now */
    int64_t start_ns;      /* the fastest start that was seen; 0: none was */
    int64_t asked_ns;      /* when the longest of the present starts was asked for */
    int64_t not_before_ns; /* no start before; in the past: free */
    int64_t place_ns;      /* how long a request holds its place when all goes quickly; 0: not known */
};

struct outlook foresee(const struct foresee_facts *f, int64_t now_ns);
