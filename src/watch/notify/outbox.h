/*
 * outbox.h: what a sink has still to be told, in which messages and when. Pure: times and chance come in,
 * text goes out to be kept and comes back in.
 *
 * now_ns is monotonic, wall_ns the same moment of the wall clock; only what is kept uses the latter.
 */
#pragma once
#include "base/buf.h"
#include "watch/notify/kind.h"

#define OUTBOX_LATELY_NS INT64_C(3600000000000)
#define OUTBOX_HOLD_NS   INT64_C(2000000000) /* not kept on disk after so long: told all the same */

enum {
    OUTBOX_TOLD_MAX = 1024,        /* alerts that fire and of which the sink knows */
    OUTBOX_TEXT_BYTES_MAX = 900000 /* of what is kept; the newest that do not fit are not in it */
};

struct outbox_params {
    const struct sink_kind *kind;
    int64_t group_wait_ns; /* the first of a message waits so long for others */
    int64_t give_up_ns;    /* older ones are not told any more */
    uint32_t length_max;   /* that wait */
    uint32_t per_minute;   /* messages */
    uint64_t seed;         /* of the chance in pauses; not 0 */
};

struct outbox_counts {
    uint64_t delivered, refused, expired, overflowed, joined; /* notices */
    uint64_t retried;                                         /* tries that failed and are made again */
    uint64_t queued;                                          /* now */
};

struct outbox;

struct outbox *outbox_new(const struct outbox_params *params);
void outbox_free(struct outbox *o); /* NULL is fine */

/* Whether the caller keeps what outbox_save() writes: then nothing leaves before outbox_kept(), for
 * OUTBOX_HOLD_NS at most. */
void outbox_set_keeping(struct outbox *o, bool is_keeping);

/*
 * Outside its hours a sink is closed: what begins to fire then waits until it opens, and is forgotten when it
 * is over before. It begins open. To be called after outbox_restore(), too.
 */
void outbox_set_open(struct outbox *o, bool is_open, int64_t now_ns);

/* Copies it. The end of an alert that the sink was never told of is not told. */
void outbox_add(struct outbox *o, const struct notice *n, int64_t now_ns);

/* When the next message may leave; INT64_MAX: nothing waits, or one is on its way. */
int64_t outbox_due_ns(const struct outbox *o);
/*
 * The next message, when it is due: at most kind->alerts_max notices, borrowed until outbox_done() and never
 * changed meanwhile; 0: none is due. *ret_left_out is for alert_message.left_out.
 */
size_t outbox_take(struct outbox *o, int64_t now_ns, const struct notice *ret_notices[],
                   uint32_t *ret_left_out);
/* What became of it. *ret_lost: notices that will never be told. */
struct outbox_result {
    uint32_t lost;      /* notices that will never be told */
    bool is_expired;    /* ...because they are too old; else because they were refused */
    int64_t retry_ns;   /* the pause before the next try; 0: none is needed */
    int64_t failing_ns; /* the sink fails for so long; 0: it does not */
};
struct outbox_result outbox_done(struct outbox *o, const struct sink_answer *answer, int64_t now_ns);
/* The end is near: what was not told yet is due at once. */
void outbox_hurry(struct outbox *o, int64_t now_ns);
/* The try was broken off: as if it had not been made. */
void outbox_undo(struct outbox *o);

/* Alerts that fire and of which the sink was told, by index; NULL after the last. */
const struct notice *outbox_told(const struct outbox *o, size_t index);

/* What a sink knows of one alert. */
enum outbox_knowledge {
    OUTBOX_KNOWS_NOTHING,
    OUTBOX_WAITS,    /* something about it has still to be told */
    OUTBOX_DEFERRED, /* the same, but not before the sink's hours */
    OUTBOX_KNOWS     /* that it fires; for receivers that are told anew: that it is as it is */
};
/* *ret_since_ns: since when, for OUTBOX_KNOWS. */
enum outbox_knowledge outbox_find(const struct outbox *o, uint64_t fingerprint, int64_t *ret_since_ns);

struct outbox_counts outbox_counts(const struct outbox *o);
int64_t outbox_failing_ns(const struct outbox *o, int64_t now_ns); /* since its first failure; 0: it works */
uint64_t outbox_lost(const struct outbox *o); /* notices that were never told, in all... */
uint64_t outbox_lost_lately(const struct outbox *o, int64_t now_ns); /* ...and until an hour after the last */

/* ---- kept over restarts ---- */

bool outbox_has_changed(const struct outbox *o); /* since the last outbox_save() */
/* One JSON object; returns the mark for outbox_kept(). */
uint64_t outbox_save(struct outbox *o, struct buf *out, int64_t now_ns, int64_t wall_ns);
void outbox_kept(struct outbox *o, uint64_t mark);
void outbox_not_kept(struct outbox *o); /* it has changed again */
/* Into a new one, or one of the first seconds. False, and nothing taken, for what is no text of ours. */
bool outbox_restore(struct outbox *o, struct str text, int64_t now_ns, int64_t wall_ns);
