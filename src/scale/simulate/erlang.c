/*
 * Erlang's loss recursion B(0) = 1, B(j) = R B(j-1) / (j + R B(j-1)) is stable for any load and costs one
 * step a place; C follows from B. A table or an approximation would save microseconds where nobody waits for
 * them.
 */
#include "scale/simulate/erlang.h"

#include <math.h>

static double c_of_b(double load, uint32_t places, double b)
{
    return places * b / (places - load * (1 - b));
}

double erlang_c(double load, uint32_t places)
{
    if (load <= 0)
        return 0;
    if (load >= places)
        return 1;
    double b = 1;
    for (uint32_t j = 1; j <= places; j++)
        b = load * b / (j + load * b);
    return c_of_b(load, places, b);
}

static double tail(double load, uint32_t places, double service_s, double wait_s)
{
    return exp(-(places - load) * wait_s / service_s);
}

double erlang_wait_share(double load, uint32_t places, double service_s, double wait_s)
{
    if (load <= 0)
        return 0;
    return load >= places ? 1 : erlang_c(load, places) * tail(load, places, service_s, wait_s);
}

uint32_t erlang_servers(double arrivals_per_s, double service_s, uint32_t concurrency, double wait_s,
                        double share)
{
    double load = arrivals_per_s * service_s, b = 1;
    if (load <= 0)
        return 0;
    for (uint32_t places = 1;; places++) {
        b = load * b / (places + load * b);
        if (places % concurrency != 0 || load >= places)
            continue;
        if (c_of_b(load, places, b) * tail(load, places, service_s, wait_s) <= share)
            return places / concurrency;
    }
}
