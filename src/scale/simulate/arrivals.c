/*
 * A Poisson process whose rate changes from second to second: the distance to the next arrival is drawn in
 * expected requests (exponential, mean 1) and used up at each second's own rate. Service times are lognormal;
 * normals come in pairs (Marsaglia's polar method).
 *
 * The endless site is a heap of ends: an arrival takes out what has ended before it, and puts in its own.
 */
#include "scale/simulate/arrivals.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

static double uniform(struct random *r) /* in (0, 1) */
{
    return ((double)(random_next(r) >> 11) + 0.5) * 0x1p-53;
}

static double normal(struct arrivals *a)
{
    if (a->has_spare_normal) {
        a->has_spare_normal = false;
        return a->spare_normal;
    }
    double x, y, square;
    do {
        x = 2 * uniform(&a->random) - 1;
        y = 2 * uniform(&a->random) - 1;
        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    double scale = sqrt(-2 * log(square) / square);
    a->spare_normal = y * scale;
    a->has_spare_normal = true;
    return x * scale;
}

int64_t arrivals_draw_service_ns(struct arrivals *a)
{
    if (a->sigma <= 0)
        return (int64_t)(a->model->service_mean_s * (double)NS_PER_S);
    return (int64_t)(exp(a->mu + a->sigma * normal(a)) * (double)NS_PER_S) + 1;
}

void arrivals_init(struct arrivals *a, const struct load *load, const struct sim_model *model)
{
    double variance = log(1 + model->service_cv * model->service_cv);
    *a = (struct arrivals){.load = load,
                           .model = model,
                           .random = {.state = model->seed},
                           .mu = log(model->service_mean_s) - variance / 2,
                           .sigma = sqrt(variance)};
    for (int i = 0; i < 8; i++) /* small seeds begin with small numbers */
        (void)random_next(&a->random);
    a->gap = -log(uniform(&a->random));
}

void arrivals_fini(struct arrivals *a)
{
    free(a->items);
    free(a->ends);
    free(a->serving);
    *a = (struct arrivals){0};
}

/* ---- the endless site ---- */

static void heap_push(struct arrivals *a, int64_t end_ns)
{
    if (a->serving_count == a->serving_capacity) {
        a->serving_capacity = a->serving_capacity ? 2 * a->serving_capacity : 256;
        a->serving = mem_realloc(a->serving, a->serving_capacity * sizeof(*a->serving));
    }
    uint32_t at = a->serving_count++;
    for (; at > 0 && a->serving[(at - 1) / 2] > end_ns; at = (at - 1) / 2)
        a->serving[at] = a->serving[(at - 1) / 2];
    a->serving[at] = end_ns;
}

static void heap_pop(struct arrivals *a)
{
    int64_t last = a->serving[--a->serving_count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < a->serving_count; at = child) {
        if (child + 1 < a->serving_count && a->serving[child + 1] < a->serving[child])
            child++;
        if (a->serving[child] >= last)
            break;
        a->serving[at] = a->serving[child];
    }
    a->serving[at] = last;
}

static void end_until(struct arrivals *a, struct arrivals_second *s, int64_t begin_ns, int64_t now_ns)
{
    while (a->serving_count && a->serving[0] <= now_ns) {
        s->busy_ns += a->serving[0] - begin_ns;
        heap_pop(a);
    }
}

static void note_ends(struct arrivals *a, struct arrivals_second *s)
{
    s->ends = a->end_count;
    s->end_count = a->serving_count;
    if (a->end_count + a->serving_count > a->end_capacity) {
        a->end_capacity = 2 * (a->end_count + a->serving_count);
        a->ends = mem_realloc(a->ends, a->end_capacity * sizeof(*a->ends));
    }
    for (uint32_t i = 0; i < a->serving_count; i++)
        a->ends[a->end_count++] = a->serving[i];
}

/* busy_ns counts each request from the second's begin to its end, or to the second's end, less the time
 * before it came. */
static void serve_second(struct arrivals *a, struct arrivals_second *s, int64_t begin_ns)
{
    int64_t end_ns = begin_ns + NS_PER_S;
    s->most = a->serving_count;
    for (uint32_t i = s->first; i < s->first + s->count; i++) {
        const struct arrival *r = &a->items[i];
        end_until(a, s, begin_ns, r->at_ns);
        s->busy_ns -= r->at_ns - begin_ns;
        heap_push(a, r->at_ns + r->service_ns);
        s->most = a->serving_count > s->most ? a->serving_count : s->most;
        s->late += r->service_ns > a->model->objective_ns;
        s->service_max_ns = MAX(s->service_max_ns, r->service_ns);
    }
    end_until(a, s, begin_ns, end_ns);
    s->busy_ns += a->serving_count * NS_PER_S;
}

/* ---- drawing ---- */

static void put_arrival(struct arrivals *a, int64_t at_ns)
{
    if (a->item_count == a->item_capacity) {
        a->item_capacity = a->item_capacity ? 2 * a->item_capacity : 4096;
        a->items = mem_realloc(a->items, a->item_capacity * sizeof(*a->items));
    }
    a->items[a->item_count++] = (struct arrival){at_ns, arrivals_draw_service_ns(a)};
}

static void draw_second(struct arrivals *a, struct arrivals_second *s, int64_t begin_ns, double rate)
{
    double done = 0; /* expected requests of this second that are used up */
    s->first = a->item_count;
    while (done + a->gap < rate) {
        done += a->gap;
        put_arrival(a, begin_ns + (int64_t)(done / rate * (double)NS_PER_S));
        a->gap = -log(uniform(&a->random));
    }
    a->gap -= rate - done;
    s->count = a->item_count - s->first;
}

bool arrivals_next(struct arrivals *a)
{
    a->begin_second = a->next_second;
    a->second_count = a->item_count = a->end_count = 0;
    while (a->second_count < ARRIVALS_STRETCH_S && a->next_second < a->load->seconds) {
        struct arrivals_second *s = &a->seconds[a->second_count++];
        int64_t begin_ns = SIM_START_NS + a->next_second * NS_PER_S;
        *s = (struct arrivals_second){0};
        note_ends(a, s);
        draw_second(a, s, begin_ns, (double)a->load->rate[a->next_second++]);
        serve_second(a, s, begin_ns);
    }
    return a->second_count > 0;
}
