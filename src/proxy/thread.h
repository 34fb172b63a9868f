/*
 * thread.h: everything that one data thread owns. Only that thread touches it, but for what says otherwise.
 * For the files of this room.
 */
#pragma once
#include "balance/balance.h"
#include "base/slab.h"
#include "config/model.h"
#include "fleet/fleet.h"
#include "http/date.h"
#include "http/message.h"
#include "net/loop.h"
#include "proxy/proxy.h"
#include "proxy/queue.h"
#include "proxy/buffers.h"

#include <pthread.h>

enum {
    SCRATCH_BYTES = 64 * 1024, /* the most that one read takes in */
    HEAD_BYTES = 80 * 1024, /* a rewritten head: the largest that may come in (64 KiB) and what Weir adds */
};

/* A snapshot that this thread still uses: the newest, and older ones that exchanges were routed by. */
struct snapshot_use {
    struct snapshot_use *older;
    struct snapshot *snapshot;
    uint32_t users;
};

struct listener {
    struct handle handle;
    struct data_thread *thread;
    struct timer resume; /* set while it accepts nothing for want of descriptors or memory */
};

struct data_thread {
    struct proxy *proxy;
    uint32_t index;
    pthread_t id;
    struct loop *loop;

    struct snapshot_use *newest;
    const struct config *config; /* of the newest snapshot */

    struct list sessions; /* all of them */
    struct slab session_slab, upstream_slab, use_slab;
    struct buffer_pool *buffers;
    struct list idle[FLEET_SERVERS_MAX]; /* kept connections by server slot, last used first */
    struct balance_load loads[FLEET_SERVERS_MAX];
    struct queue_inbox inbox;
    struct random random;
    bool is_draining;

    struct thread_cells cells; /* read by control */

    /* Filled and used within one call: never kept over a turn. */
    char scratch[SCRATCH_BYTES];
    char head[HEAD_BYTES];
    struct http_request request;
    struct http_response response;

    int64_t date_second;
    char date[HTTP_DATE_BYTES + 1];

    struct message adopt, drain, stop; /* posted by control */
    _Atomic int is_adopt_posted;
    uint32_t listener_count;
    struct listener *listeners;
};

struct proxy {
    struct proxy_params params;
    uint32_t thread_count;
    struct data_thread **threads;
    uint32_t started_count;
    _Atomic int32_t connections; /* client connections of all threads, for limits.connections */
    _Atomic int is_draining;
};

struct data_thread *data_thread_new(struct proxy *p, uint32_t index, struct err *err);
void data_thread_free(struct data_thread *t);
void *data_thread_main(void *thread);
void data_thread_wake(struct data_thread *t); /* so that it adopts the newest snapshot; any thread */

static inline void thread_count(struct data_thread *t, enum thread_counter id)
{
    counter_add(&t->cells.counters[id], 1);
}

static inline struct service_cells *thread_service_cells(const struct data_thread *t, const struct service *s)
{
    return s->cells[t->index];
}

static inline struct server_cells *thread_server_cells(const struct data_thread *t, const struct server *s)
{
    return s->cells[t->index];
}

/* Accepts nothing for a moment. */
void listener_pause(struct listener *l);
/* Takes up the newest snapshot if there is one: at the top of each turn, and where an older one has no
 * answer. */
void thread_adopt(struct data_thread *t);
struct snapshot_use *thread_pin(struct data_thread *t); /* the newest */
void thread_unpin(struct data_thread *t, struct snapshot_use *use);
struct str thread_date(struct data_thread *t);
