/*
 * keeper.h: what a loop's thread and the one job thread that works on a file share: the file, and how many
 * pieces of work are done, so that the loop's thread can wait for them where it may (start and end).
 *
 * It lives until the loop's side and every piece of work have let go: a disk that hangs outlives its user.
 * Any thread, but for the file, which is the job thread's alone.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct keeper;

/* file is freed with the last reference. */
struct keeper *keeper_new(void *file, void (*free_file)(void *file));
struct keeper *keeper_ref(struct keeper *k);
void keeper_unref(struct keeper *k);
void *keeper_file(struct keeper *k);

/* A piece of work is done, or given up before it was begun. */
void keeper_count_done(struct keeper *k);
uint64_t keeper_done(struct keeper *k);
/* True: so many pieces are done. */
bool keeper_wait(struct keeper *k, uint64_t number, int64_t wait_ns);
