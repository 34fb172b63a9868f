/*
 * delivery.h: from alerts to one receiver, whatever its kind (kind.h): the outbox, the tries on a job thread,
 * and what the log says of them. Everything runs on the loop's thread and does not block, but for
 * delivery_close().
 */
#pragma once
#include "net/loop.h"
#include "watch/notify/exchange.h"
#include "watch/notify/outbox.h"

struct delivery;

struct delivery_params {
    struct loop *loop;
    const struct config_notify *config; /* copied; not of the log */
    const char *external_url;           /* copied; of the admin page, "" when there is none */
    sink_fetch *fetch;
    bool is_keeping; /* see outbox_set_keeping() */
    /* The outbox has changed by a delivery, so that it can be kept at once; NULL: none. */
    void (*on_delivered)(void *context);
    void *context;
};

struct delivery *delivery_new(const struct delivery_params *params); /* never NULL */
void delivery_send(struct delivery *d, const struct notice *n);      /* copies it */
/* For keeping and counting; call delivery_wake() after a change. */
struct outbox *delivery_outbox(struct delivery *d);
void delivery_wake(struct delivery *d);
/* Stops the thread and delivers what is queued, taking flush_ns at most. Only the outbox lives on. */
void delivery_close(struct delivery *d, int64_t flush_ns);
void delivery_free(struct delivery *d); /* a closed one; NULL is fine */
