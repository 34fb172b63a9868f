/* sparkline.h: the latest course of one number, in few values: what a small picture beside an alert is drawn
 * from. Pure. */
#pragma once
#include "watch/reading.h"

#include <stddef.h>
#include <stdint.h>

enum { SPARKLINE_VALUES = 48 };

struct sparkline {   /* all zero but step_ns is empty */
    int64_t step_ns; /* a value is the mean over so long; 0: over one reading */
    uint32_t count, next;
    float values[SPARKLINE_VALUES]; /* a ring; NaN where nothing was known */
    int64_t begin_ns;               /* of the latest value */
    uint32_t readings;              /* known ones in it */
};

void sparkline_add(struct sparkline *s, struct reading r, int64_t now_ns);
float sparkline_at(const struct sparkline *s, size_t i); /* the oldest first; i below count */
