/*
 * keeper.h: keeps a file for a loop: one job thread does one piece of work on it after the other, so the file
 * needs no lock, and nobody waits for a disk but where he may (start and end).
 *
 * Each piece carries copies of what it works on. What thread and loop share, the file among it, lives until
 * the loop's side and every piece of work have let go: a disk that hangs outlives its user.
 *
 * Belongs to the loop's thread; what is called elsewhere says so.
 */
#pragma once
#include "net/job.h"

struct keeper;
struct keeper_shared;

struct keeper_file {
    void *file;                /* the job thread's alone */
    void (*close)(void *file); /* on the job thread, when all work is done */
    void (*free)(void *file);  /* with the last that has to do with it, on any thread */
};

/* Embedded in what its owner works on. */
struct keeper_work {
    struct job job;               /* the keeper's */
    struct keeper_shared *shared; /* the keeper's */
    bool is_counted;              /* the keeper's: among what is done */
    /* Set by the owner. run is on the job thread, and uses nothing but file and work; on_done is as a job's.
     */
    void (*run)(struct keeper_work *w, void *file);
    void (*on_done)(struct keeper_work *w, enum job_outcome outcome);
    void (*free)(struct keeper_work *w); /* last; perhaps on the job thread */
    bool may_hang;                       /* it is never late; otherwise it is after half a minute */
};

/* Takes the file. name: of the thread, at most 15 bytes. NULL with errno, and the file freed: no thread can
 * be had. */
struct keeper *keeper_new(struct loop *loop, const char *name, const struct keeper_file *file);
/* Lets what was handed over be done, and the file be closed, for at most grace_ns; then frees or leaves
 * behind. */
void keeper_free(struct keeper *k, int64_t grace_ns);

/* Takes the work. False, and the work freed: too much waits already. */
bool keeper_submit(struct keeper *k, struct keeper_work *w) MUST_USE;
/* How many pieces have been handed over: the number of the last one. */
uint64_t keeper_submitted(const struct keeper *k);
/* So many pieces are done, or were given up before they were begun. */
bool keeper_has_done(const struct keeper *k, uint64_t number);
/* Waits at most wait_ns until all that was handed over is done; the loop does not turn meanwhile. */
bool keeper_wait(const struct keeper *k, int64_t wait_ns);
