/*
 * fleet.h: the table of all services and servers, and the published snapshot. Slots are reused only after
 * every data thread has left all snapshots that named them. Control thread only, where nothing else is said.
 */
#pragma once
#include "fleet/snapshot.h"

enum { FLEET_SERVERS_MAX = 1024, FLEET_SERVICES_MAX = 256 };

struct fleet {
    uint32_t thread_count;
    uint64_t last_id;
    struct server *servers;   /* FLEET_SERVERS_MAX, allocated once */
    struct service *services; /* FLEET_SERVICES_MAX, allocated once */

    _Atomic(struct snapshot *) current; /* any thread reads */
    uint64_t last_epoch;
    _Atomic uint64_t oldest_used[THREADS_MAX]; /* each written by its data thread: oldest epoch it uses;
                                                  UINT64_MAX: thread gone */
    struct snapshot *retired;                  /* published once, maybe still used by someone; newest first */
};

struct fleet *fleet_new(uint32_t thread_count);
void fleet_free(struct fleet *f); /* all data threads have ended */

/* NULL when the table is full. The new server is in SERVER_REQUESTED, not healthy, and in no snapshot yet. */
struct server *fleet_add_server(struct fleet *f, struct service *service, struct str name,
                                const struct addr *address);
/* The server must be in no published snapshot any more; its slot is given out again when nobody can hold it.
 */
void fleet_remove_server(struct fleet *f, struct server *s);
struct service *fleet_add_service(struct fleet *f, struct str name);
struct service *fleet_find_service(struct fleet *f, struct str name); /* NULL */
struct server *fleet_find_server(struct fleet *f, struct str name);   /* NULL */
#define fleet_for_each_server(f, s)                                                                          \
    for (struct server *s = (f)->servers; s < (f)->servers + FLEET_SERVERS_MAX; s++)                         \
        if (s->id && !s->removed_epoch)
#define fleet_for_each_service(f, s)                                                                         \
    for (struct service *s = (f)->services; s < (f)->services + FLEET_SERVICES_MAX; s++)                     \
        if (s->id)

/* Gives the snapshot the next epoch, shows it to the data threads (which the caller then wakes) and retires
 * the one before. */
void fleet_publish(struct fleet *f, struct snapshot *s);
/* Frees retired snapshots that nobody uses; returns the oldest epoch still in use. Call now and then. */
uint64_t fleet_collect(struct fleet *f);
