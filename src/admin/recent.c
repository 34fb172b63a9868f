/*
 * Each object that exists has a ring of RECENT_SLICES notes, made on its first note (22 KB a server, 43 KB a
 * service). A slot of the fleet that was given to another object is recognised by the id, and its ring starts
 * anew.
 * The fleet clears the cells when a slot is reused, so what a fresh object has counted is its own.
 */
#include "admin/recent.h"

#include "base/macros.h"
#include "base/mem.h"

#include <stdlib.h>

struct note {
    int64_t at_ns;
    struct histogram_sum duration, queue_wait;
};

struct ring {
    uint64_t id;
    uint32_t count, next;
    struct note notes[RECENT_SLICES];
};

struct recent {
    const struct fleet *fleet;
    struct ring *services[FLEET_SERVICES_MAX]; /* owned; by slot; NULL until first noted */
    struct ring *servers[FLEET_SERVERS_MAX];
};

struct recent *recent_new(const struct fleet *fleet)
{
    struct recent *r = NEW(struct recent);
    r->fleet = fleet;
    return r;
}

void recent_free(struct recent *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < FLEET_SERVICES_MAX; i++)
        free(r->services[i]);
    for (size_t i = 0; i < FLEET_SERVERS_MAX; i++)
        free(r->servers[i]);
    free(r);
}

static void sum_service(const struct recent *r, const struct service *s, struct note *ret_note)
{
    memset(ret_note, 0, sizeof(*ret_note));
    for (uint32_t t = 0; t < r->fleet->thread_count; t++) {
        if (!s->cells[t])
            continue;
        histogram_sum_add(&ret_note->duration, &s->cells[t]->duration);
        histogram_sum_add(&ret_note->queue_wait, &s->cells[t]->queue_wait);
    }
}

static void sum_server(const struct recent *r, const struct server *s, struct note *ret_note)
{
    memset(ret_note, 0, sizeof(*ret_note));
    for (uint32_t t = 0; t < r->fleet->thread_count; t++)
        if (s->cells[t])
            histogram_sum_add(&ret_note->duration, &s->cells[t]->latency);
}

/* Where the next note of that object goes. */
static struct note *next_note(struct ring **ring, uint64_t id)
{
    if (!*ring)
        *ring = NEW(struct ring);
    struct ring *r = *ring;
    if (r->id != id)
        *r = (struct ring){.id = id};
    struct note *note = &r->notes[r->next];
    r->next = (r->next + 1) % RECENT_SLICES;
    r->count = MIN(r->count + 1, (uint32_t)RECENT_SLICES);
    return note;
}

static bool is_due(const struct ring *ring, uint64_t id, int64_t now_ns)
{
    if (!ring || ring->id != id)
        return true;
    int64_t newest_ns = ring->notes[(ring->next + RECENT_SLICES - 1) % RECENT_SLICES].at_ns;
    return now_ns - newest_ns >= RECENT_SLICE_NS - RECENT_TICK_NS / 2;
}

void recent_tick(struct recent *r, int64_t now_ns)
{
    fleet_for_each_service (r->fleet, s) {
        if (!is_due(r->services[s->slot], s->id, now_ns))
            continue;
        struct note *note = next_note(&r->services[s->slot], s->id);
        sum_service(r, s, note);
        note->at_ns = now_ns;
    }
    fleet_for_each_server (r->fleet, s) {
        if (!is_due(r->servers[s->slot], s->id, now_ns))
            continue;
        struct note *note = next_note(&r->servers[s->slot], s->id);
        sum_server(r, s, note);
        note->at_ns = now_ns;
    }
}

/* now - the oldest note of the ring. An object that was not noted yet is at most a tick old: all it has is
 * recent. */
static void view_since(const struct ring *ring, uint64_t id, const struct note *now, int64_t now_ns,
                       struct recent_view *ret_view)
{
    ret_view->duration = now->duration;
    ret_view->queue_wait = now->queue_wait;
    ret_view->window_s = RECENT_TICK_NS / 1e9;
    if (!ring || ring->id != id)
        return;
    const struct note *oldest = &ring->notes[ring->count < RECENT_SLICES ? 0 : ring->next];
    histogram_sum_subtract(&ret_view->duration, &oldest->duration);
    histogram_sum_subtract(&ret_view->queue_wait, &oldest->queue_wait);
    ret_view->window_s = (double)(now_ns - oldest->at_ns) / 1e9;
}

void recent_view_service(const struct recent *r, const struct service *s, int64_t now_ns,
                         struct recent_view *ret_view)
{
    struct note now;
    sum_service(r, s, &now);
    view_since(r->services[s->slot], s->id, &now, now_ns, ret_view);
}

void recent_view_server(const struct recent *r, const struct server *s, int64_t now_ns,
                        struct recent_view *ret_view)
{
    struct note now;
    sum_server(r, s, &now);
    view_since(r->servers[s->slot], s->id, &now, now_ns, ret_view);
}
