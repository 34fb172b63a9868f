/*
 * inhibit.h: which active alerts explain others, so that people are told the cause and not all that follows
 * from it. Pure.
 */
#pragma once
#include "watch/alert.h"

/* One alert that is active. */
struct inhibit_item {
    const struct alert *alert;
    enum metric metric; /* the first of its rule */
    uint64_t series_id;
};

/* An active alert that explains this one, and the reason as half a sentence in *ret_why; NULL: none does. */
const struct alert *inhibit_find(const struct inhibit_item *items, size_t count,
                                 const struct inhibit_item *of, const char **ret_why);
