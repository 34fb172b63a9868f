/*
 * points.c: see points.h.
 *
 * A value becomes a code: a whole number with the order of the values, from the bits of a float without its
 * last eight. So what lies near in value lies near in code, whatever the size of the numbers, and a
 * difference of codes is a difference in per cent.
 *
 * The bytes are numbers of seven bits a byte, the low ones first (varints). Each begins a token, its two low
 * bits are the kind:
 *
 *   FLAT    signed difference of the mean to the point before; min and max are the mean
 *   SPREAD  the same, then mean - min and max - mean
 *   COUNTED as SPREAD, then how many values; the points that follow have as many, until told otherwise
 *   RUN     n >> 1 times more: unknown points if n is odd, else the point before again
 *
 * A flat line costs two bytes for as long as it lasts, a point of a lively one two to six. Rejected: XOR of
 * doubles (Gorilla): eight exact bytes of noise do not compress; a general compressor: needs blocks far
 * longer than those that a crash may lose.
 */
#include "store/points.h"

#include <float.h>
#include <math.h>

enum kind { FLAT, SPREAD, COUNTED, RUN, KIND_BITS = 2 };
enum { DROPPED_BITS = 8, VARINT_BYTES_MAX = 9 };

struct codes {
    int32_t min, mean, max;
    uint32_t count;
};

/* ---- values and codes ---- */

static int32_t code_of(double value)
{
    float f = (float)fmin(fabs(value), (double)FLT_MAX);
    uint32_t bits, largest;
    memcpy(&bits, &f, sizeof(bits));
    float most = FLT_MAX;
    memcpy(&largest, &most, sizeof(largest));
    bits += 1u << (DROPPED_BITS - 1); /* to the nearest */
    bits = MIN(bits, largest) >> DROPPED_BITS;
    return value < 0 ? -(int32_t)bits : (int32_t)bits;
}

static double value_of(int32_t code)
{
    uint32_t bits = (uint32_t)(code < 0 ? -code : code) << DROPPED_BITS;
    float f;
    memcpy(&f, &bits, sizeof(f));
    return code < 0 ? -(double)f : (double)f;
}

double points_round(double value)
{
    return value_of(code_of(value));
}

static struct codes codes_of(const struct point *p)
{
    struct codes c = {.count = p->count};
    if (p->count) {
        c.min = code_of(p->min);
        c.mean = code_of(p->mean);
        c.max = code_of(p->max);
    }
    return c;
}

/* ---- writing ---- */

static void put_number(struct buf *out, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        buf_put_char(out, (char)(n | 0x80));
    buf_put_char(out, (char)n);
}

static void put_token(struct buf *out, enum kind kind, uint64_t n)
{
    put_number(out, n << KIND_BITS | kind);
}

static uint64_t zigzag(int32_t n)
{
    return (uint64_t)n << 1 ^ (uint64_t)((int64_t)n >> 63);
}

static void put_point(struct buf *out, const struct codes *c, const struct codes *before)
{
    bool is_flat = c->min == c->mean && c->max == c->mean, is_counted = c->count != before->count;
    put_token(out, is_counted ? COUNTED : is_flat ? FLAT : SPREAD, zigzag(c->mean - before->mean));
    if (is_flat && !is_counted)
        return;
    put_number(out, (uint64_t)(c->mean - c->min));
    put_number(out, (uint64_t)(c->max - c->mean));
    if (is_counted)
        put_number(out, c->count);
}

static bool is_same(const struct codes *a, const struct codes *b)
{
    return a->count == b->count && a->min == b->min && a->mean == b->mean && a->max == b->max;
}

void points_encode(const struct point *points, size_t count, struct buf *out)
{
    struct codes before = {.count = 1};
    bool has_before = false;
    for (size_t i = 0, run; i < count; i += run) {
        struct codes c = codes_of(&points[i]);
        bool is_run = !c.count || (has_before && is_same(&c, &before));
        for (run = 1; is_run && i + run < count; run++) {
            struct codes next = codes_of(&points[i + run]);
            if (!is_same(&next, &c))
                break;
        }
        if (!c.count && i + run == count)
            return; /* what is not told is unknown */
        if (is_run) {
            put_token(out, RUN, (uint64_t)run << 1 | !c.count);
            continue;
        }
        put_point(out, &c, &before);
        before = c;
        has_before = true;
    }
}

/* ---- reading ---- */

struct reader {
    const unsigned char *at, *end;
    bool is_bad;
};

static uint64_t take_number(struct reader *r)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX && r->at < r->end; i++) {
        unsigned char byte = *r->at++;
        n |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (!(byte & 0x80))
            return n;
    }
    r->is_bad = true;
    return 0;
}

/* A code moved by so much; out of range is bad. */
static int32_t moved(struct reader *r, int32_t code, int64_t by)
{
    const int64_t most = code_of(DBL_MAX);
    int64_t sum = by > 2 * most || by < -2 * most ? most + 1 : code + by;
    r->is_bad |= sum > most || sum < -most;
    return r->is_bad ? 0 : (int32_t)sum;
}

static struct codes take_point(struct reader *r, enum kind kind, uint64_t n, const struct codes *before)
{
    struct codes c = {.count = before->count};
    c.min = c.mean = c.max = moved(r, before->mean, (int64_t)(n >> 1) ^ -(int64_t)(n & 1));
    if (kind == FLAT)
        return c;
    c.min = moved(r, c.mean, -(int64_t)(take_number(r) & INT64_MAX));
    c.max = moved(r, c.mean, (int64_t)(take_number(r) & INT64_MAX));
    if (kind == COUNTED) {
        uint64_t count = take_number(r);
        r->is_bad |= count == 0 || count > UINT32_MAX;
        c.count = (uint32_t)count;
    }
    return c;
}

static struct point point_of(const struct codes *c)
{
    return (struct point){
        .count = c->count, .min = value_of(c->min), .mean = value_of(c->mean), .max = value_of(c->max)};
}

bool points_decode(struct str bytes, struct point *ret_points, size_t count)
{
    struct reader r = {.at = (const unsigned char *)bytes.ptr,
                       .end = (const unsigned char *)bytes.ptr + bytes.len};
    struct codes before = {.count = 1};
    bool has_before = false;
    size_t i = 0;
    memset(ret_points, 0, count * sizeof(*ret_points));
    while (r.at < r.end && !r.is_bad) {
        uint64_t token = take_number(&r), n = token >> KIND_BITS;
        enum kind kind = (enum kind)(token & ((1u << KIND_BITS) - 1));
        uint64_t run = kind == RUN ? n >> 1 : 1;
        bool is_unknown = kind == RUN && (n & 1);
        if (kind != RUN)
            before = take_point(&r, kind, n, &before);
        has_before |= kind != RUN;
        r.is_bad |= run > count - i || (!is_unknown && !has_before);
        for (; !r.is_bad && run > 0; run--, i++)
            if (!is_unknown)
                ret_points[i] = point_of(&before);
    }
    if (r.is_bad)
        memset(ret_points, 0, count * sizeof(*ret_points));
    return !r.is_bad;
}

/* ---- coming together ---- */

void point_sum_add(struct point_sum *s, const struct point *p)
{
    if (!p->count)
        return;
    s->min = s->count ? fmin(s->min, p->min) : p->min;
    s->max = s->count ? fmax(s->max, p->max) : p->max;
    s->total += p->mean * p->count;
    s->count += p->count;
}

struct point point_sum_get(const struct point_sum *s)
{
    struct point p = {.count = s->count};
    if (!s->count)
        return p;
    p.min = s->min;
    p.max = s->max;
    p.mean = fmin(fmax(s->total / s->count, s->min), s->max); /* whatever the rounding did */
    return p;
}
