/*
 * places.h: on which machine and port the next server of a service shall listen. The machine is the one with
 * the fewest of the service's servers, other things being equal: one on which a server has just ended soon
 * after its start comes last for a while, or a machine that is down would be chosen again and again.
 *
 * A port of this machine is found by binding to port 0 and closing again; between that and the server's own
 * bind another process may take it. A port of another machine is drawn from a range below those that kernels
 * give to connections. Either way a server that finds it taken fails, and the reconciler's next start gets
 * another one.
 */
#pragma once
#include "base/addr.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

enum { PLACES_MACHINES_MAX = 64, PLACES_PORT_FIRST = 20000, PLACES_PORT_COUNT = 12000 };

/* The machines of one service. Set up by places_init. */
struct places {
    uint32_t count;
    struct addr machines[PLACES_MACHINES_MAX]; /* with port 0 */
    int64_t avoid_until_ns[PLACES_MACHINES_MAX];
};

/* machines: IP addresses, ends in NULL; NULL or none: 127.0.0.1 alone. False with err: what is no address. */
bool places_init(struct places *p, const char *const *machines, struct err *err);
/*
 * count_at: how many servers of the service are on that machine (port 0). is_used: one of ours has that
 * address. False with err when no port is free.
 */
struct places_facts {
    void *context;
    uint32_t (*count_at)(void *context, const struct addr *machine);
    bool (*is_used)(void *context, const struct addr *address);
};
bool places_choose(const struct places *p, const struct places_facts *facts, int64_t now_ns,
                   struct addr *ret_address, struct err *err);
/* A server there has ended, so long after its start. */
void places_note_end(struct places *p, const struct addr *address, int64_t lived_ns, int64_t now_ns);
/* The same address without its port. */
struct addr places_machine(const struct addr *address);
