/*
 * output.h: where the servers' lines go: Weir's standard error, or the pipe to the writer of a log file, each
 * with the server's name in front. It never blocks: what cannot be written now waits, the servers are then
 * read no further, and after OUTPUT_STALL_NS of standstill lines are dropped and counted.
 */
#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define OUTPUT_STALL_NS (1 * INT64_C(1000000000))

struct output {
    int fd;                   /* borrowed; -1: nobody reads for now */
    bool has_time;            /* in front of each line */
    struct buf waiting;       /* whole lines */
    int64_t stalled_since_ns; /* 0: it flows */
    uint64_t dropped_lines;   /* since the standstill began */
};

void output_init(struct output *o, int fd);
void output_fini(struct output *o, int64_t patience_ns); /* writes what waits, for that long at most */
void output_put(struct output *o, const char *name, struct str line);
/* Writes what can be written without blocking. */
void output_flush(struct output *o, int64_t now_ns);
/* May servers be read? False while lines wait; true again after the standstill has lasted too long. */
bool output_is_ready(struct output *o, int64_t now_ns);
