/*
 * alertmanager.h: the body of a webhook, in the shape of Prometheus Alertmanager's webhook version 4, so that
 * every receiver made for that one understands us. Pure.
 *
 * Source: prometheus/alertmanager notify/webhook (Message), template (Data, Alert): names, order and types of
 * the fields.
 */
#pragma once
#include "base/buf.h"
#include "watch/notify/notify.h"

/* True for the changes that have a form: firing and resolved. */
bool alertmanager_can_tell(enum alert_change change);
void alertmanager_write(struct buf *out, const struct notification *n, const char *receiver);
