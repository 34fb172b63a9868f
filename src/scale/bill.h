/* bill.h: what the servers of a service that are up cost, by the prices that their provider tells. Control
 * thread. */
#pragma once
#include "scale/bounds.h"

struct reconciler;

/* stated: what a server costs of which no price is told; most: what all may cost, in an hour. */
struct bounds_bill bill_of(const struct reconciler *r, double stated, double most, int64_t now_ns);
