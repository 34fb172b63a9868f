/*
 * job.h: threads for what blocks by nature (statvfs on a dead mount, a webhook), with answers on a loop.
 *
 * A job is handed over, run on one of the pool's threads, and answered exactly once on the loop's thread:
 * done, late or cancelled. A thread that hangs is never waited for: its job is late at the deadline and
 * another thread takes the next. job_pool_* and the callbacks run on the loop's thread, job->run on a job
 * thread.
 */
#pragma once
#include "net/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct job_pool;

enum job_outcome {
    JOB_DONE, /* run has returned in time */
    JOB_LATE, /* the deadline passed first; run may go on, its results must not be touched before release */
    JOB_CANCELLED, /* the pool was freed first */
};

struct job {
    struct list link;
    struct job_pool *pool;
    int64_t deadline_ns;                                            /* monotonic; 0: none */
    enum { JOB_IDLE, JOB_QUEUED, JOB_RUNNING, JOB_FINISHED } stage; /* the pool's */
    bool is_answered;                                               /* the pool's */
    /* Set by the owner before job_submit. run must use nothing but what hangs off the job itself. */
    void (*run)(struct job *j);
    void (*on_done)(struct job *j, enum job_outcome outcome); /* once; may be NULL */
    /* Once, last: no thread uses the job any more; frees it. On the loop's thread, except for a job that
       still hung when its pool was freed: that one is released by its own thread. */
    void (*release)(struct job *j);
};

struct job_pool_params {
    struct loop *loop;
    const char *name;     /* of the threads, at most 15 bytes */
    uint32_t threads_max; /* started when needed */
    uint32_t queue_max;   /* jobs waiting for a thread */
};

struct job_pool *job_pool_new(
    const struct job_pool_params *params); /* NULL with errno when the kernel refuses */
/* Cancels what waits, lets what runs go on for grace_ns at most, and leaves behind threads that still hang.
   NULL is fine. Jobs that end within the grace are answered JOB_DONE; on_done must not submit new ones here.
 */
void job_pool_free(struct job_pool *p, int64_t grace_ns);
/* Takes the job until release. false: the queue is full (or no thread can be started) and the job stays the
 * caller's. */
bool job_submit(struct job_pool *p, struct job *j, int64_t deadline_ns) __attribute__((warn_unused_result));

/* Threads of all pools that hung when their pool was freed and have not ended since. They may still read what
 * their jobs were given, so what is shared with jobs, such as the configuration, must not be freed while
 * there are any. Any thread. */
uint32_t job_threads_left_behind(void);
