/*
 * pools.h: file systems that draw on the same free space, such as the datasets of a ZFS pool: when it runs
 * out all are full at once, and people are told once. Pure.
 */
#pragma once
#include "watch/host_sample.h"

/* The pool that a mount of this type draws on, by what it is mounted from; "" when it is alone. */
void pools_name(struct str type, struct str source, char ret_pool[HOST_POOL_BYTES]);

/*
 * Lets one file system speak for all of its pool that have about as much left, the fullest of them: sets
 * pool_mounts and is_spoken_for. What is unknown, or has less left (a quota) or more (a reservation), speaks
 * for itself. Call again with the same samples: who speaks goes on until another is clearly fuller.
 */
void pools_settle(struct disk_sample *const samples[], uint32_t count);

/* What grows as the file system fills up, in bytes: in a pool others fill it as well. */
double pools_fill_level(const struct disk_sample *s);
