/* snapshot_build.h: from configuration and fleet to the next routing snapshot. Control thread. */
#pragma once
#include "config/model.h"
#include "fleet/fleet.h"

/* All services of config must have been added to the fleet. Servers in state warming or serving are in it. */
struct snapshot *snapshot_build(struct fleet *f, const struct config *config);
