/* discover_docker.h: the pure part of discover: {docker: …}: what a list of containers says. */
#pragma once
#include "base/addr.h"
#include "net/json_value.h"

#include <stdint.h>

enum { DISCOVER_CONTAINERS_MAX = 4096 };

struct discover_containers {
    uint32_t count, unusable; /* unusable: runs, but has no port or no address for us */
    struct addr *addresses;   /* owned */
    char why[160];            /* of the first unusable one */
};

/* items: of GET /containers/json. network: "" for the first one. False when that is no such list. */
bool discover_read_containers(const struct json_value *items, const char *network,
                              struct discover_containers *ret_found);
