#include "rates.h"

#include "base/clock.h"
#include "base/mem.h"
#include "law.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rate is taken for constant within so long. */
#define STEP_S 0.01

static bool read_line(const char *line, double *ret_at_s, double *ret_requests)
{
    char *end;
    *ret_at_s = strtod(line, &end);
    if (end == line || *end != ',')
        return false;
    const char *second = end + 1;
    *ret_requests = strtod(second, &end);
    return end != second && *ret_requests >= 0 && (*end == '\n' || *end == 0);
}

/* A bin's own width is the distance to the one before; all are alike. */
static bool add_bin(struct rates *r, double at_s, double before_s, double requests)
{
    if (r->bin_count == 1)
        r->bin_s = at_s - before_s;
    if (r->bin_count > 0 && (r->bin_s <= 0 || fabs(at_s - before_s - r->bin_s) > 1e-6))
        return false;
    r->rate = mem_realloc(r->rate, (r->bin_count + 1) * sizeof(*r->rate));
    r->rate[r->bin_count++] = requests;
    return true;
}

static bool read_lines(FILE *in, struct rates *r, struct err *err)
{
    char line[256];
    double at_s, requests, before_s = 0;
    for (unsigned number = 1; fgets(line, sizeof(line), in); number++) {
        if (number == 1 && !read_line(line, &at_s, &requests))
            continue;
        if (!read_line(line, &at_s, &requests) || !add_bin(r, at_s, before_s, requests))
            return err_set(err, "line %u: `t_seconds,requests` with stamps of equal distance", number);
        before_s = at_s;
    }
    for (uint32_t i = 0; i < r->bin_count; i++)
        r->rate[i] /= r->bin_s;
    return r->bin_count >= 2 || err_set(err, "at least two lines are needed");
}

bool rates_read(const char *path, struct rates *ret_rates, struct err *err)
{
    struct rates r = {.bin_s = 1};
    FILE *in = fopen(path, "re");
    if (!in)
        return err_set_errno(err, errno, "%s: opening it", path);
    bool ok = read_lines(in, &r, err) || err_wrap(err, "%s", path);
    (void)fclose(in);
    if (ok)
        *ret_rates = r;
    else
        rates_fini(&r);
    return ok;
}

void rates_fini(struct rates *r)
{
    free(r->rate);
    *r = (struct rates){0};
}

double rates_at(const struct rates *r, double at_s)
{
    double at = at_s / r->bin_s - 0.5;
    if (at <= 0)
        return r->rate[0];
    uint32_t bin = (uint32_t)at;
    if (bin + 1 >= r->bin_count)
        return r->rate[r->bin_count - 1];
    double share = at - bin;
    return r->rate[bin] * (1 - share) + r->rate[bin + 1] * share;
}

/* The distance to the next arrival is drawn in expected requests, and used up at the rate of each moment. */
int64_t *rates_draw_arrivals(const struct rates *r, struct random *random, uint32_t *ret_count)
{
    int64_t *at_ns = NULL;
    uint32_t count = 0, capacity = 0;
    double gap = -log(random_uniform(random));
    double end_s = r->bin_s * r->bin_count;
    for (double begin_s = 0; begin_s < end_s; begin_s += STEP_S) {
        double expected = rates_at(r, begin_s + STEP_S / 2) * STEP_S, used = 0;
        for (; used + gap < expected; gap = -log(random_uniform(random))) {
            used += gap;
            if (count == capacity) {
                capacity = capacity ? 2 * capacity : 4096;
                at_ns = mem_realloc(at_ns, capacity * sizeof(*at_ns));
            }
            at_ns[count++] = (int64_t)((begin_s + used / expected * STEP_S) * (double)NS_PER_S);
        }
        gap -= expected - used;
    }
    *ret_count = count;
    return at_ns;
}
