/*
 * erlang.h: how long requests wait for one of many places (M/M/k). Pure.
 */
#pragma once
#include <stdint.h>

/* Erlang C: the share of requests that must wait, when load = arrivals x service time and there are `places`.
 * 1 when the load is not less than the places. */
double erlang_c(double load, uint32_t places);
/* The share of requests that wait longer than wait_s; service_s: mean service time. */
double erlang_wait_share(double load, uint32_t places, double service_s, double wait_s);
/* The fewest servers of `concurrency` places at which no more than `share` of the requests waits longer than
 * wait_s. 0 for no load. */
uint32_t erlang_servers(double arrivals_per_s, double service_s, uint32_t concurrency, double wait_s,
                        double share);
