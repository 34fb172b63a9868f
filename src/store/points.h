/*
 * points.h: a row of points as few bytes: what the history keeps of a series. Pure.
 *
 * A point is what a stretch of time came to: the least, the mean and the greatest of so many values, or
 * nothing known. Values are kept with 16 significant bits (to 1 in 65,536; whole numbers up to that exactly),
 * which is far more than a chart shows or a sensor knows.
 */
#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct point {
    uint32_t count; /* values it was made of; 0: unknown, and the rest says nothing */
    double min, mean, max;
};

/* The value that is kept for this one; +-infinity becomes the greatest number there is. */
double points_round(double value);

/* Appends. All unknown: nothing at all. */
void points_encode(const struct point *points, size_t count, struct buf *out);
/* Exactly count points; those that the bytes do not tell are unknown. False: these are no such bytes, and
 * all points are unknown. */
bool points_decode(struct str bytes, struct point *ret_points, size_t count);

/* Points that come together as one: a rest of a chart's column, or of a coarser point. */
struct point_sum {
    uint32_t count;
    double min, max, total;
};
void point_sum_add(struct point_sum *s, const struct point *p);
struct point point_sum_get(const struct point_sum *s);
