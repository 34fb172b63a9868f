/*
 * swarm.h: provider `swarm`: the servers are the tasks of a service of a Docker swarm, which need not be on
 * this host. A driver; see driver.h. Weir changes one number, the service's replicas; which task goes when it
 * falls, and where a new one runs, is the swarm's to say.
 *
 * Weir sends requests to single tasks, so it has to know their addresses: either the port is published in
 * host mode (then a task is at its node's address and the port that it got there), or Weir is on a network
 * that the tasks are on. The ingress mesh, which shows one address for all tasks, is refused with the words
 * that say what to do.
 */
#pragma once
#include "base/buf.h"
#include "config/model.h"
#include "net/json_value.h"
#include "provider/driver.h"

extern const struct driver_ops swarm_driver;

/* ---- pure parts, for tests ---- */

/* Writes the body of POST /services/create. */
void swarm_write_create(const struct config_container *c, const char *owner, const char *service,
                        uint32_t replicas, int64_t stop_timeout_ns, struct buf *out);
/* What of a service (GET /services/NAME) makes it impossible to work with; false with f. */
bool swarm_check_service(const struct json_value *service, const struct config_container *c,
                         struct driver_failure *f);
bool swarm_is_updating(const struct json_value *service); /* a rolling update or a roll-back goes on */
/* Reads an item of GET /tasks; nodes: the answer of GET /nodes. False when it is not one. */
bool swarm_read_task(const struct json_value *task, const struct json_value *nodes,
                     const struct config_container *c, struct instance *ret_instance);
