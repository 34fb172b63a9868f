/*
 * A price is known only once a server is there. So that one that turned out to be too dear is not tried again
 * and again, a new one is taken to cost what was told last, for an hour; then what those that are there cost
 * in the mean. But before a new one comes one that still drains is taken back, at the price it has.
 */
#include "scale/bill.h"

#include "base/clock.h"
#include "base/mem.h"
#include "scale/choose.h"

#include <stdlib.h>

#define ROUNDING    1e-9 /* 20 x 0.12 is a little more than 2.4 in binary */
#define BELIEVED_NS (3600 * NS_PER_S)

static int compare_prices(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double new_price(const struct reconciler *r, double stated, int64_t now_ns)
{
    double sum = 0;
    uint32_t count = 0;
    if (now_ns - r->price_told_ns < BELIEVED_NS)
        return r->price_told;
    for_each_life (r, l) {
        bool is_told = life_is_up(l) && l->facts.price > 0;
        sum += is_told ? l->facts.price : 0;
        count += is_told;
    }
    return count ? sum / count : stated;
}

static double next_price(const struct reconciler *r, double otherwise)
{
    const struct life *back = choose_revival(r);
    return back && back->facts.price > 0 ? back->facts.price : otherwise;
}

/* The cheapest first. Returns how many there are; *ret_prices is the caller's. */
static uint32_t collect(const struct reconciler *r, double otherwise, double **ret_prices)
{
    uint32_t count = 0, n = 0;
    for_each_life (r, l)
        count += life_is_up(l);
    double *prices = NEW_ARRAY(double, count + 1);
    for_each_life (r, l)
        if (life_is_up(l))
            prices[n++] = l->facts.price > 0 ? l->facts.price : otherwise;
    qsort(prices, count, sizeof(*prices), compare_prices);
    *ret_prices = prices;
    return count;
}

struct bounds_bill bill_of(const struct reconciler *r, double stated, double most, int64_t now_ns)
{
    struct bounds_bill bill = {.is_told = true};
    double *prices;
    if (!(stated > 0) || !(r->price_told > 0))
        return (struct bounds_bill){0};
    double otherwise = new_price(r, stated, now_ns);
    bill.next = next_price(r, otherwise);
    uint32_t count = collect(r, otherwise, &prices);
    while (bill.paid_count < count && bill.paid + prices[bill.paid_count] <= most * (1 + ROUNDING))
        bill.paid += prices[bill.paid_count++];
    bill.is_short = bill.paid_count < count;
    free(prices);
    return bill;
}
