/*
 * A lognormal time with mean m and coefficient of variation c: exp(mu + sigma x normal) with
 * sigma^2 = ln(1 + c^2), mu = ln m - sigma^2 / 2. Normals by Box and Muller.
 */
#include "law.h"

#include "base/units.h"

#include <math.h>
#include <stdlib.h>

double random_uniform(struct random *r)
{
    return ((double)(random_next(r) >> 11) + 0.5) * 0x1p-53;
}

struct random random_of_seed(uint64_t seed)
{
    struct random r = {.state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15)};
    for (int i = 0; i < 8; i++)
        (void)random_next(&r);
    return r;
}

static bool parse_mean(struct str text, struct law *l, struct err *err)
{
    int64_t ns;
    const char *problem;
    if (!units_parse_duration(text, &ns, &problem))
        return err_set(err, "'%.*s': %s", STR_ARG(text), problem);
    l->mean_ns = (double)ns;
    return true;
}

static bool parse_variation(struct str text, struct law *l, struct err *err)
{
    char *end = NULL;
    double variation = text.len ? strtod(text.ptr, &end) : -1;
    if (!end || *end || !(variation >= 0 && variation <= 20))
        return err_set(err, "'%.*s': the coefficient of variation is a number from 0 to 20", STR_ARG(text));
    if (l->mean_ns <= 0)
        return err_set(err, "a lognormal time needs a mean above 0");
    l->sigma = sqrt(log(1 + variation * variation));
    l->mu = log(l->mean_ns) - l->sigma * l->sigma / 2;
    return true;
}

bool law_parse(struct str text, struct law *ret_law, struct err *err)
{
    struct law l = {.kind = LAW_CONSTANT};
    struct str rest = text, part = {0};
    (void)str_split(&rest, ':', &part);
    if (str_eq(part, STR("exponential"))) {
        l.kind = LAW_EXPONENTIAL;
        (void)str_split(&rest, ':', &part);
    } else if (str_eq(part, STR("lognormal"))) {
        l.kind = LAW_LOGNORMAL;
        (void)str_split(&rest, ':', &part);
    }
    if (!parse_mean(part, &l, err) || (l.kind == LAW_LOGNORMAL && !parse_variation(rest, &l, err)))
        return false;
    *ret_law = l;
    return true;
}

static double normal(struct random *r)
{
    return sqrt(-2 * log(random_uniform(r))) * cos(2 * M_PI * random_uniform(r));
}

int64_t law_draw_ns(const struct law *l, struct random *r)
{
    switch (l->kind) {
    case LAW_LOGNORMAL:
        return (int64_t)exp(l->mu + l->sigma * normal(r));
    case LAW_EXPONENTIAL:
        return (int64_t)(-log(random_uniform(r)) * l->mean_ns);
    default:
        return (int64_t)l->mean_ns;
    }
}
