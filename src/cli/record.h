/*
 * record.h: `weir record SERVICE`: the arrivals of a running Weir as a trace for `weir simulate`.
 *
 * A bin that is not known whole (Weir was started anew, or asked too late) is left out and told, never made
 * up.
 */
#pragma once
#include "base/buf.h"
#include "cli/command.h"
#include "net/json_value.h"

#include <stdbool.h>
#include <stdint.h>

int record_show(const struct command_line *line); /* returns an exit code */

/* The pure part: answers of the API in, lines of the trace out. Seconds are those of the API. */
struct record {
    int64_t bin_s, length_s; /* set by the caller; length_s 0: without end */
    bool is_started;
    int64_t start, next;   /* the first second of the recording; the first that is not known yet */
    int64_t first_second;  /* of the worker that answered last */
    int64_t epoch_s;       /* seconds since 1970 at the API's second 0, as far as is known here */
    uint64_t bin_requests; /* of the bin that is open */
    bool is_bin_broken;    /* one of its seconds is not known */
    uint64_t requests, bins, bins_missing;
};

enum record_state { RECORD_ON, RECORD_DONE, RECORD_CLOCK_RESTARTED };

/* Appends the lines of the bins that are whole to out, and what is missing, as sentences, to notes. wall_s:
 * seconds since 1970, now. */
enum record_state record_take(struct record *r, const struct json_value *answer, int64_t wall_s,
                              struct buf *out, struct buf *notes) MUST_USE;
