/*
 * learned.h: all that a service has learned, gathered from its modules, as one text and back. The text is a
 * line a field (keep.h), begins with its version and says when it was written and by what program. Pure.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "config/model.h"
#include "scale/policy.h"
#include "scale/start_times.h"

/* Large: not for the stack. */
struct learned {
    struct capacity_model capacity;
    struct start_times start_times;
    struct policy_state policy;
    uint32_t target; /* servers wanted */
    bool has_manual; /* a number set by hand... */
    uint32_t manual;
    int64_t manual_until_ns; /* ...until then; 0: until told otherwise */
};

/* Stands for what the servers are (provider, program, machine): what they carry and how long they start is
 * its business. A provider's keys belong in here where they say that. */
uint64_t learned_fingerprint(const struct config_scale *config);

/*
 * Adds the text to out. wall_ns: the wall clock at now_ns. *ret_digest is another one when anything but the
 * passing of time has changed.
 */
void learned_write(struct learned *l, uint64_t fingerprint, int64_t now_ns, int64_t wall_ns, struct buf *out,
                   uint64_t *ret_digest);

struct learned_source {
    int64_t age_ns; /* how long ago it was written, by the wall clock; 0 where that was set back since */
    uint64_t fingerprint; /* of the program then */
};
/*
 * Reads what learned_write() wrote into *l, which holds the present state: what is not kept stays. False with
 * the reason when it does not fit, whatever it is; *l is then of no more use.
 */
bool learned_read(struct learned *l, struct str text, int64_t now_ns, int64_t wall_ns,
                  struct learned_source *ret_source, struct err *err);
