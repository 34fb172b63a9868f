/* snapshot_build.h: from configuration and fleet to the next routing snapshot. Control thread. */
#pragma once
#include "config/model.h"
#include "fleet/fleet.h"

/* All services of config must have been added to the fleet. Servers in state warming or serving are in it. */
struct snapshot *snapshot_build(struct fleet *f, const struct config *config);

/*
 * Whether requests of the service may wait although no server takes any: servers can be started, or one of
 * the fixed ones has not been judged by the probes yet. What the snapshot's view says.
 */
bool snapshot_can_wait(struct fleet *f, const struct service *service, const struct config_service *config);
