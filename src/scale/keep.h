/*
 * keep.h: what is to outlive a worker, as text: one description of the fields serves both directions, so that
 * none can be forgotten in one of them. A module that has something to keep offers
 *
 *     void forecast_keep(struct keep *k, struct forecast *f);
 *
 * which names its fields one after the other; it is called once to write them and once to read them. Pure.
 *
 * A line a field: "forecast.loss 0.25". Reading takes exactly what writing gives, in the same order: another
 * count, a value out of its range, or one that is no number is refused. The first problem is kept, the fields
 * that follow are left as they are, and the caller throws away what was read.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keep {
    struct buf *out;     /* writing: to here; NULL: reading */
    struct str rest;     /* reading: what is left of the text */
    const char *section; /* before the names of fields; "" : none */
    int64_t now_ns;      /* of the clock that times are in */
    int64_t pause_ns;    /* reading: how long ago that was when it was written */
    uint64_t digest;     /* writing: of all but times; whether they are set counts */
    bool is_bad;         /* reading: something did not fit; err says what */
    struct err err;
};

struct keep keep_writing(struct buf *out, int64_t now_ns);
struct keep keep_reading(struct str text);
static inline bool keep_is_reading(const struct keep *k)
{
    return k->out == NULL;
}
/* For what a single field cannot tell: reads as "forecast: ...". Only the first problem counts. */
void keep_refuse(struct keep *k, const char *problem);
/* Reading: true when all went well and nothing is left. */
bool keep_is_complete(struct keep *k);

/* Each value lies within min..max, both included. */
void keep_bool(struct keep *k, const char *name, bool *value);
void keep_u32(struct keep *k, const char *name, uint32_t *value, uint32_t min, uint32_t max);
void keep_u32s(struct keep *k, const char *name, uint32_t *values, size_t count, uint32_t min, uint32_t max);
void keep_i64(struct keep *k, const char *name, int64_t *value, int64_t min, int64_t max);
void keep_i64s(struct keep *k, const char *name, int64_t *values, size_t count, int64_t min, int64_t max);
void keep_u64(struct keep *k, const char *name, uint64_t *value); /* any; a hash */
void keep_double(struct keep *k, const char *name, double *value, double min, double max);
void keep_doubles(struct keep *k, const char *name, double *values, size_t count, double min, double max);
/* One field of each of `count` structs that lie `stride` bytes apart. */
void keep_column(struct keep *k, const char *name, double *first, size_t count, size_t stride, double min,
                 double max);
/* A moment of the caller's clock, kept as its age: what happened 10 s ago and is read after a pause of an
 * hour happened an hour and 10 s ago. May lie ahead. 0 is no moment, and stays 0. */
void keep_time(struct keep *k, const char *name, int64_t *time_ns);
