/* steps.h: what happens to one server as time passes and things go wrong. For the reconciler only. */
#pragma once
#include "base/units.h"
#include "scale/life.h"

/* Looks at the deadlines of the server's state. Every tick. */
void life_step(struct reconciler *r, struct life *l, int64_t now_ns);
/* A health request failed: perhaps since the server is full. */
void life_heed_silence(struct reconciler *r, struct life *l, int64_t now_ns);
/* Of state FAILED: forgets the server when it exists no longer and its back-off is over. */
void life_failed_step(struct reconciler *r, struct life *l, int64_t now_ns);

/* Requests in flight it may have; 0 = no limit. When that gives room, waiting requests are offered it. */
/* What max_requests says, else what was learned, of it alone if it is narrower; 0 = no limit. */
uint32_t life_full_limit(const struct reconciler *r, const struct life *l);
void life_set_limit(struct reconciler *r, struct life *l, uint32_t limit);
/* Of state WARMING: raises the limit with time, and ends with SERVING. */
void life_warm(struct reconciler *r, struct life *l, int64_t now_ns);
/* Ends a drain, or the slow start: it gets its full share. */
void life_serve(struct reconciler *r, struct life *l, const char *reason, int64_t now_ns);
/* It is not wanted any more: drained if it may have requests, else stopped. */
void life_stop_or_drain(struct reconciler *r, struct life *l, const char *reason, int64_t now_ns);
/* The same for good: it is not taken back, unless its address is listed again. */
void life_leave(struct reconciler *r, struct life *l, const char *reason, int64_t now_ns);
/* It failed: told, counted for the back-off, and stopped if it may still exist. */
void life_fail(struct reconciler *r, struct life *l, const char *reason, const char *last_lines,
               int64_t now_ns);
/* A failure for the back-off; served_ns as in back_off_note_failure(). */
void reconciler_note_failure(struct reconciler *r, int64_t requested_ns, int64_t served_ns, int64_t now_ns);

bool life_is_healthy(const struct life *l);
bool life_is_refusing(const struct life *l);
/* "SERVICE/SERVER", as the provider knows it. */
void life_format_key(char *out, size_t bytes, const struct life *l);
/* A time for people, to the millisecond. */
char *life_format_ns(char out[UNITS_TEXT_BYTES], int64_t ns);
