/*
 * log_writer.h: a helper process that writes one service's lines to its log file, so that a slow or stuck
 * disk holds up neither the supervisor nor the servers: lines then wait, and after a while are dropped and
 * counted (output.h).
 */
#pragma once
#include "supervisor/output.h"
#include "supervisor/supervisor.h"

#include <sys/types.h>

struct log_writer {
    const struct supervisor_log *plan; /* borrowed; NULL: the service has no file */
    struct output output;              /* into the helper's pipe */
    pid_t pid;                         /* 0: none runs */
    int64_t started_ns;
};

void log_writer_init(struct log_writer *w, const struct supervisor_log *plan);
/* Gives the helper what there is, and tells it that nothing more comes. */
void log_writer_close(struct log_writer *w, int64_t deadline_ns);
/* After that: waits for its end. A stuck one is killed at the deadline, and left where not even that works.
 */
void log_writer_fini(struct log_writer *w, int64_t deadline_ns);
/* Starts the helper where none runs, once in LOG_WRITER_RESTART_NS. */
void log_writer_keep(struct log_writer *w, int64_t now_ns);
/* After a child was reaped. False: it is not this one. */
bool log_writer_on_child_ended(struct log_writer *w, pid_t pid);

#define LOG_WRITER_RESTART_NS (1 * INT64_C(1000000000))
