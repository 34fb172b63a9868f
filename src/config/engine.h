/* engine.h: what follows from `scale: {engine}` in more places than one. Pure. */
#pragma once
#include "config/model.h"

/* How long Weir may take at its end to stop the servers of all engines, beyond timeouts.drain; 0: it keeps
 * them.
 */
int64_t config_engines_exit_ns(const struct config *c);
bool config_stops_at_exit(const struct config_service *s);
