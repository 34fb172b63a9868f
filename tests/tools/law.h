/*
 * law.h: times drawn at random, as the synthetic servers take them: "200ms" (always the same),
 * "lognormal:200ms:0.5" (mean, coefficient of variation), "exponential:200ms" (mean). Pure.
 */
#pragma once
#include "base/err.h"
#include "base/random.h"
#include "base/str.h"

enum law_kind { LAW_CONSTANT, LAW_LOGNORMAL, LAW_EXPONENTIAL };

struct law {
    enum law_kind kind;
    double mean_ns;
    double mu, sigma; /* of the logarithm; LAW_LOGNORMAL */
};

/* False with a sentence. */
bool law_parse(struct str text, struct law *ret_law, struct err *err) MUST_USE;
int64_t law_draw_ns(const struct law *l, struct random *r); /* >= 0 */

double random_uniform(struct random *r); /* in (0, 1) */
/* A generator whose first numbers do not show how small the seed was. */
struct random random_of_seed(uint64_t seed);
