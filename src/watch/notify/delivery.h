/*
 * delivery.h: from alerts to one receiver, whatever its kind (kind.h): the queue, the tries, their order and
 * their counts. Everything runs on the loop's thread and does not block, but for delivery_free().
 */
#pragma once
#include "net/loop.h"
#include "watch/notify/exchange.h"
#include "watch/notify/notify.h"

struct delivery;

struct delivery_params {
    struct loop *loop;
    const struct config_notify *config; /* copied; not of the log */
    const char *external_url;           /* copied; of the admin page, "" when there is none */
    sink_fetch *fetch;
};

struct delivery *delivery_new(const struct delivery_params *params); /* never NULL */
void delivery_send(struct delivery *d, const struct notice *n);      /* copies it */
struct notify_counts delivery_counts(const struct delivery *d);
/* Delivers what is queued, taking flush_ns at most, then frees it. */
void delivery_free(struct delivery *d, int64_t flush_ns);
