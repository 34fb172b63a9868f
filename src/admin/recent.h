/*
 * recent.h: the last minute of each service and server, from histograms that only ever grow. Control thread.
 * Every RECENT_SLICE_NS the sums are noted, and when an object is first seen; what was noted a minute ago is
 * subtracted from what is there now.
 */
#pragma once
#include "fleet/fleet.h"

enum { RECENT_SLICES = 6 };
#define RECENT_SLICE_NS (INT64_C(10) * 1000000000)
#define RECENT_TICK_NS  (INT64_C(1) * 1000000000)

struct recent;
struct recent *recent_new(const struct fleet *fleet); /* fleet: borrowed */
void recent_free(struct recent *r);                   /* NULL is fine */
/* To be called every RECENT_TICK_NS. */
void recent_tick(struct recent *r, int64_t now_ns);

struct recent_view {
    double window_s;                 /* how far it looks back */
    struct histogram_sum duration;   /* service: the whole request; server: to the head of the response */
    struct histogram_sum queue_wait; /* services only */
};
/* *ret_view is large (7 KB). A service or server that is new is seen from its beginning. */
void recent_view_service(const struct recent *r, const struct service *s, int64_t now_ns,
                         struct recent_view *ret_view);
void recent_view_server(const struct recent *r, const struct server *s, int64_t now_ns,
                        struct recent_view *ret_view);
