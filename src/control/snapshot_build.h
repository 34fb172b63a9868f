/* snapshot_build.h: from configuration and fleet to the next routing snapshot. Control thread. */
#pragma once
#include "config/model.h"
#include "fleet/fleet.h"

/*
 * What probes have found so far of fixed servers that never answered: by slot, the id of one that is given up
 * for now. Nobody waits for it; it comes back with its first good probe as any other.
 */
struct given_up {
    uint64_t ids[FLEET_SERVERS_MAX];
};

/* All services of config must have been added to the fleet. Servers in state warming or serving are in it. */
struct snapshot *snapshot_build(struct fleet *f, const struct config *config,
                                const struct given_up *given_up);

/*
 * Whether requests of the service may wait although no server takes any: servers can be started, or one of
 * the fixed ones is still to be judged. What the snapshot's view says.
 */
bool snapshot_can_wait(struct fleet *f, const struct service *service, const struct config_service *config,
                       const struct given_up *given_up);
/* A fixed server that may soon take its first request. */
bool snapshot_is_awaited(const struct server *s, const struct given_up *given_up);
