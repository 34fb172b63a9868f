/*
 * snapshot.h: what the data threads route by. Built whole by control in its own arena, published by one
 * pointer, never changed. Each data thread adopts the newest (proxy/thread.h says when) and publishes the
 * oldest epoch that it still uses; control frees what all have left. Built by control/snapshot_build.h,
 * searched by proxy/router.h.
 */
#pragma once
#include "base/arena.h"
#include "fleet/service.h"

struct config;         /* config/model.h */
struct config_service; /* config/model.h */

struct service_view {
    struct service *service;
    const struct config_service *config; /* lives as long as the snapshot: config is part of it */
    bool can_wait; /* servers may come (scaled, or not yet probed): without one, requests queue rather than
                      fail */
    uint32_t server_count;
    struct server *
        *servers; /* those in state warming, serving; is_healthy and is_refusing are asked at pick time */
};

struct route {
    struct str host; /* lower case; "" = any; for a wildcard ".example.com" (the part after the star) */
    bool is_wildcard;
    struct str path_prefix; /* begins with "/" */
    uint32_t service;       /* index in views */
};

struct snapshot {
    uint64_t epoch; /* 1, 2, 3, … given by fleet_publish */
    struct snapshot *next_retired;
    struct arena *arena;         /* owns all of this */
    const struct config *config; /* borrowed: control keeps it until the snapshot is freed */
    uint32_t service_count;
    struct service_view *services;
    uint32_t route_count;
    struct route *routes; /* best first: exact host, wildcard (longest first), any; then longest path first */
};
