/*
 * upstream.h: connections to servers: opened, kept while idle, taken again, closed. Owner thread only.
 */
#pragma once
#include "proxy/peer.h"
#include "proxy/thread.h"

struct session;

struct upstream {
    struct peer peer;
    struct data_thread *thread;
    struct server *server;
    uint64_t server_id;
    struct session *session; /* NULL while idle */
    bool is_connecting;
    bool was_used;    /* has carried a request before: the server may be closing it at this moment */
    struct list link; /* among the idle ones of its server */
    struct timer idle_timer;
    struct deferred free;
};

/* An idle connection to the server, or NULL. */
struct upstream *upstream_take(struct data_thread *t, struct server *s);
/* A new connection, perhaps still connecting; NULL with errno. */
struct upstream *upstream_connect(struct data_thread *t, struct server *s);
/* Keeps the connection for later, if the server is still in use. Nothing may be unread or unwritten on it. */
void upstream_keep(struct upstream *u);
void upstream_close(struct upstream *u);
/* True when the server has closed the idle connection although no event has told so yet. One system call. */
bool upstream_is_stale(const struct upstream *u);
/* Closes idle connections to servers that take no requests any more. */
void upstream_sweep(struct data_thread *t);
void upstream_close_idle(struct data_thread *t);

void session_on_upstream(struct session *s); /* session.c: its server connection has news */
