/* past.h: what happened just before an alert began, out of the ledger. Pure. */
#pragma once
#include "base/clock.h"
#include "control/ledger.h"
#include "watch/alert.h"

#define PAST_NS (900 * NS_PER_S) /* what happened so long before an alert may have to do with it */

/*
 * The last few events of the PAST_NS before it began that may have to do with it, the oldest first: those of
 * its service (NULL: it is about none) and those of no service. Other alerts are told by themselves.
 */
void past_find(const struct ledger *l, const char *service, int64_t began_ns, struct alert_past *ret_past);
