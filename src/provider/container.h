/*
 * container.h: what the drivers docker and swarm share about containers: the configuration as the API takes
 * it, the registry's credentials, a program's last words. Everything but credentials is pure.
 */
#pragma once
#include "base/json.h"
#include "config/model.h"
#include "provider/docker_api.h"

/* Labels on what Weir made. weir.owner tells one Weir's things from another's. */
#define LABEL_OWNER   "weir.owner"
#define LABEL_SERVICE "weir.service"
#define LABEL_SERVER  "weir.server"

/* Writes ["program", "argument"] with {address}, {host} and {port} filled in: inside a container a server
 * listens on all addresses. */
void container_write_command(struct json *j, const struct config_container *c);
/* Writes ["NAME=value"]; PORT among them unless the configuration has one of its own. */
void container_write_environment(struct json *j, const struct config_container *c);
/* Writes the members of a Labels object that the configuration names. */
void container_write_labels(struct json *j, const struct config_container *c);
/* Writes the array of Mounts: a source that begins with / is a folder of the host, another a volume. */
void container_write_mounts(struct json *j, const struct config_container *c);

/* "1.4" of "registry.example.com:5000/shop:1.4", "latest" where there is none; "" behind a digest. */
struct str container_image_tag(struct str image);

/*
 * The value of X-Registry-Auth, or nothing when none is configured. Reads the password's file or variable
 * each time, since it may be changed under way. Blocks on a small file. The caller wipes the text.
 */
bool container_registry_auth(const struct config_container *c, struct buf *ret_auth,
                             struct driver_failure *f) MUST_USE;

/* Where it takes requests, if that is an address of IPv4 or IPv6 and a port; else it has none. */
void container_set_address(struct instance *instance, struct str host, int64_t port);

/* The last line with a word in it of a log as GET /containers/ID/logs sends it: frames of both outputs, or
 * plain text where there is a terminal. Borrowed from the log. */
struct str container_last_line(struct str log);
