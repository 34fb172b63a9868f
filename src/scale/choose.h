/* choose.h: which servers go when fewer are wanted, and which draining one comes back. Pure; for the
 * reconciler and its bill. */
#pragma once
#include "scale/life.h"

/*
 * The server to give up next, or NULL when none is up: those that carry nothing yet first (requested,
 * starting), then those that cannot be used (unhealthy, refusing), then those that run another program than
 * the configuration says now, then warming, then serving ones; among equals one that is clearly slower than
 * the others, then one that was found to carry less, then the dearest (a price that is not told is 0), then
 * the one with the fewest requests in flight, since it is gone soonest; among those the newest, since older
 * ones have warm caches. Servers made ready by hand last.
 */
struct life *choose_victim(struct reconciler *r, int64_t now_ns);
/* A server that drains because of scale-down and is healthy: one that runs the present program, if any; among
 * equals one that is not clearly slow, then one that carries what the others carry, then the cheapest, and of
 * these the one with most in flight. NULL when there is none. */
struct life *choose_revival(const struct reconciler *r);
/* Whether it is one of those that choose_revival may choose. */
bool choose_may_return(const struct life *l);
