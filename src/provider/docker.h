/*
 * docker.h: provider `docker`: each server is a container of a Docker Engine. A driver; see driver.h. Podman
 * speaks the same API.
 *
 * What is ours is told by labels (container.h), so that a Weir that was started again finds its containers
 * and touches no others. A container is named OWNER-SERVER; one that is asked to end is renamed to
 * OWNER-SERVER.stop-SECONDS (since 1970, when it has to be gone), because the engine itself doesn't tell that
 * a container is being ended.
 */
#pragma once
#include "config/model.h"
#include "net/json_value.h"
#include "provider/driver.h"

#include "base/buf.h"

extern const struct driver_ops docker_driver;

/* ---- pure parts, for tests ---- */

/* Writes the body of POST /containers/create. key: "SERVICE/SERVER". */
void docker_write_create(const struct config_container *c, const char *owner, const char *key,
                         struct buf *out);
/* "OWNER-SERVER", with what a name may not have replaced. */
void docker_write_name(const char *owner, const char *key, struct buf *out);
/* Reads an item of GET /containers/json. False when it is not one. */
bool docker_read_item(const struct json_value *item, const struct config_container *c, int64_t wall_ns,
                      struct instance *ret_instance);
/* The detail of one that ended, from GET /containers/ID/json and its log. */
void docker_read_end(const struct json_value *inspected, struct str log, struct instance *instance);
