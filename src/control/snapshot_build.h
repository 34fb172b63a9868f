/* snapshot_build.h: from configuration and fleet to the next routing snapshot. Control thread. */
#pragma once
#include "config/model.h"
#include "fleet/fleet.h"

/*
 * What nobody waits for any more. Of servers that others start and that never answered: by slot, the id of
 * one that is given up for now; it comes back with its first good probe as any other. Of services whose
 * servers are discovered: by slot, that the first list has come, or will not come soon.
 */
struct given_up {
    uint64_t ids[FLEET_SERVERS_MAX];
    bool sources[FLEET_SERVICES_MAX];
};

/* All services of config must have been added to the fleet. Servers in state warming or serving are in it. */
struct snapshot *snapshot_build(struct fleet *f, const struct config *config,
                                const struct given_up *given_up);

/*
 * Whether requests of the service may wait although no server takes any: servers can be started, or one of
 * the fixed ones is still to be judged, or they are still to be discovered. What the snapshot's view says.
 */
bool snapshot_can_wait(struct fleet *f, const struct service *service, const struct config_service *config,
                       const struct given_up *given_up);
bool snapshot_is_sought(const struct service *service, const struct config_service *config,
                        const struct given_up *given_up); /* its servers are still to be discovered */
/* A fixed or discovered server that may soon take its first request. */
bool snapshot_is_awaited(const struct server *s, const struct given_up *given_up);
