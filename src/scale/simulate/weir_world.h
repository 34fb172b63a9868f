/*
 * weir_world.h: runs Weir itself in the simulation: the very code of the scale room (signals, capacity,
 * policy, reconciler) on a fleet whose counters the simulated requests write, with a provider and probes that
 * take their time. It knows neither the servers' capacity nor their start time.
 */
#pragma once
#include "config/model.h"
#include "scale/simulate/site.h"

struct weir_world;

struct weir_world_params {
    struct site *site;                   /* borrowed, empty */
    const struct sim_model *model;       /* borrowed */
    const struct config_service *config; /* borrowed; its service is scaled */
    uint32_t start_s;
    uint32_t servers; /* that are there at the begin, and are adopted */
};

struct weir_world *weir_world_new(const struct weir_world_params *params);
void weir_world_free(struct weir_world *w); /* NULL is fine */
/* One second of the load, to site->now_ns + 1 s. */
void weir_world_run_second(struct weir_world *w, const struct arrival *items, uint32_t count);
uint64_t weir_world_changes(const struct weir_world *w); /* decisions that changed the number wanted */
