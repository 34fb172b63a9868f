/*
 * listed.h: servers that others start: known by their addresses alone, which are those of the configuration
 * or what discovery found last. They are the lives without a provider. For the reconciler only.
 */
#pragma once
#include "scale/life.h"

/*
 * The whole list, copied: an address that is new gets a life, one that is missing drains and goes, one that
 * comes again while it still drains is taken back. An address given twice counts once.
 */
void listed_set(struct reconciler *r, const struct addr *addresses, uint32_t count, int64_t now_ns);
/* Adds those for which there was no place in the fleet before. Every tick. */
void listed_add_missing(struct reconciler *r, int64_t now_ns);
bool listed_has(const struct reconciler *r, const struct addr *address);
void listed_fini(struct reconciler *r);
