/*
 * links.h: the speed of network links, asked for on a job thread every minute: the kernel may have to wait
 * for a driver before it answers. All functions run on the loop's thread.
 */
#pragma once
#include "net/job.h"
#include "watch/host_sample.h"

struct links;

struct links *links_new(const char *root, struct job_pool *jobs); /* never NULL; jobs: see network.h */
void links_free(struct links *l);
/* Starts a look at these interfaces when it is time for one. */
void links_refresh(struct links *l, const struct interface_sample *interfaces, uint32_t count,
                   int64_t now_ns);
struct reading links_speed(const struct links *l, const char *name); /* bits a second */
