/*
 * Slots instead of pointers with reference counts: servers and services live in two fixed tables, so a data
 * thread may always read through a pointer it has. What must be awaited is only the reuse of a slot:
 *
 * 1. fleet_remove_server notes the newest epoch that may still name the server.
 * 2. A data thread's oldest_used passes an epoch only when none of its exchanges uses it, and, on adopting a
 * newer one, it has closed its idle connections to servers that are not in it.
 * 3. So once every oldest_used is beyond the noted epoch and nothing is in flight, nobody can touch the slot.
 *
 * Ordering: publishing a snapshot is a release store, adopting it an acquire load; oldest_used likewise the
 * other way round.
 */
#include "fleet/fleet.h"

#include "base/macros.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define STATE_NAME(upper, lower, help) #lower,
static const char *const state_names[SERVER_STATE_COUNT] = {SERVER_STATES(STATE_NAME)};

const char *server_state_name(enum server_state s)
{
    ASSERT((unsigned)s < SERVER_STATE_COUNT);
    return state_names[s];
}

bool server_slot_take(struct server *s)
{
    int32_t limit = server_limit(s);
    if (limit == 0) {
        atomic_fetch_add_explicit(&s->in_flight, 1, memory_order_seq_cst);
        return true;
    }
    int32_t now = server_in_flight(s);
    while (now < limit)
        if (atomic_compare_exchange_weak_explicit(&s->in_flight, &now, now + 1, memory_order_seq_cst,
                                                  memory_order_relaxed))
            return true;
    return false;
}

void server_slot_release(struct server *s)
{
    int32_t before = atomic_fetch_sub_explicit(&s->in_flight, 1, memory_order_seq_cst);
    ASSERT(before > 0);
}

struct fleet *fleet_new(uint32_t thread_count)
{
    ASSERT(thread_count > 0 && thread_count <= THREADS_MAX);
    struct fleet *f = NEW(struct fleet);
    f->thread_count = thread_count;
    f->servers = mem_alloc_aligned(64, sizeof(struct server) * FLEET_SERVERS_MAX);
    f->services = mem_alloc_aligned(64, sizeof(struct service) * FLEET_SERVICES_MAX);
    for (uint32_t i = 0; i < FLEET_SERVERS_MAX; i++)
        f->servers[i].slot = i;
    for (uint32_t i = 0; i < FLEET_SERVICES_MAX; i++)
        f->services[i].slot = i;
    for (uint32_t i = 0; i < THREADS_MAX; i++)
        atomic_store_explicit(&f->oldest_used[i], UINT64_MAX, memory_order_relaxed);
    return f;
}

void fleet_free(struct fleet *f)
{
    if (!f)
        return;
    struct snapshot *current = atomic_load_explicit(&f->current, memory_order_acquire);
    if (current)
        arena_free(current->arena);
    while (f->retired) {
        struct snapshot *s = f->retired;
        f->retired = s->next_retired;
        arena_free(s->arena);
    }
    for (uint32_t i = 0; i < FLEET_SERVERS_MAX; i++)
        for (uint32_t t = 0; t < f->thread_count; t++)
            free(f->servers[i].cells[t]);
    for (uint32_t i = 0; i < FLEET_SERVICES_MAX; i++)
        for (uint32_t t = 0; t < f->thread_count; t++)
            free(f->services[i].cells[t]);
    free(f->servers);
    free(f->services);
    free(f);
}

/* The slot's cells stay from an earlier user: nobody else can touch them now, so they are only cleared. */
static void *fresh_cells(void *cells, size_t bytes)
{
    return cells ? memset(cells, 0, bytes) : mem_alloc(bytes);
}

struct server *fleet_add_server(struct fleet *f, struct service *service, struct str name,
                                const struct addr *address)
{
    (void)fleet_collect(f);
    struct server *s = f->servers;
    while (s < f->servers + FLEET_SERVERS_MAX && s->id)
        s++;
    if (s == f->servers + FLEET_SERVERS_MAX)
        return NULL;
    for (uint32_t t = 0; t < f->thread_count; t++)
        s->cells[t] = fresh_cells(s->cells[t], sizeof(struct server_cells));
    str_copy(s->name, sizeof(s->name), name);
    s->service = service;
    s->address = *address;
    s->removed_epoch = 0;
    memset(&s->let_in, 0, sizeof(s->let_in));
    atomic_store_explicit(&s->state, SERVER_REQUESTED, memory_order_relaxed);
    atomic_store_explicit(&s->is_healthy, 0, memory_order_relaxed);
    atomic_store_explicit(&s->is_refusing, 0, memory_order_relaxed);
    atomic_store_explicit(&s->max_requests, 0, memory_order_relaxed);
    atomic_store_explicit(&s->slow_start, 0, memory_order_relaxed);
    atomic_store_explicit(&s->fill_to, 0, memory_order_relaxed);
    atomic_store_explicit(&s->first_answer_ns, 0, memory_order_relaxed);
    s->id = ++f->last_id;
    return s;
}

void fleet_remove_server(struct fleet *f, struct server *s)
{
    ASSERT(s->id && !s->removed_epoch);
    s->removed_epoch = MAX(f->last_epoch, 1); /* 0 means "in use" */
}

struct service *fleet_add_service(struct fleet *f, struct str name)
{
    struct service *s = f->services;
    while (s < f->services + FLEET_SERVICES_MAX && s->id)
        s++;
    if (s == f->services + FLEET_SERVICES_MAX)
        return NULL;
    for (uint32_t t = 0; t < f->thread_count; t++)
        s->cells[t] = fresh_cells(s->cells[t], sizeof(struct service_cells));
    str_copy(s->name, sizeof(s->name), name);
    s->id = ++f->last_id;
    return s;
}

struct service *fleet_find_service(struct fleet *f, struct str name)
{
    fleet_for_each_service (f, s)
        if (str_eq(str_of(s->name), name))
            return s;
    return NULL;
}

struct server *fleet_find_server(struct fleet *f, struct str name)
{
    fleet_for_each_server (f, s)
        if (str_eq(str_of(s->name), name))
            return s;
    return NULL;
}

void fleet_publish(struct fleet *f, struct snapshot *s)
{
    s->epoch = ++f->last_epoch;
    struct snapshot *before = atomic_exchange_explicit(&f->current, s, memory_order_acq_rel);
    if (before) {
        before->next_retired = f->retired;
        f->retired = before;
    }
    (void)fleet_collect(f);
}

uint64_t fleet_collect(struct fleet *f)
{
    uint64_t oldest = f->last_epoch;
    for (uint32_t t = 0; t < f->thread_count; t++)
        oldest = MIN(oldest, atomic_load_explicit(&f->oldest_used[t], memory_order_acquire));
    for (struct snapshot **at = &f->retired; *at;) {
        struct snapshot *s = *at;
        if (s->epoch >= oldest) {
            at = &s->next_retired;
            continue;
        }
        *at = s->next_retired;
        arena_free(s->arena);
    }
    for (struct server *s = f->servers; s < f->servers + FLEET_SERVERS_MAX; s++)
        if (s->id && s->removed_epoch && oldest >= s->removed_epoch &&
            atomic_load_explicit(&s->in_flight, memory_order_acquire) == 0)
            s->id = s->removed_epoch = 0;
    return oldest;
}
