/* router.h: which service a request belongs to. Pure; any thread. */
#pragma once
#include "fleet/snapshot.h"

/* The first route that fits, or NULL. host: without port, any case, a trailing dot is ignored; path: without
 * query. */
const struct service_view *router_find(const struct snapshot *s, struct str host, struct str path);
