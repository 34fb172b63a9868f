/*
 * interruption.h: SIGINT, SIGTERM and SIGHUP for a command of the terminal that has something to undo before
 * it may end. The first of them cuts short what is being done; while that is undone only another one does,
 * and not one that comes with the first (`timeout` sends its signal twice, a terminal that closes sends two).
 * SIGQUIT stays what it is: the way out at once.
 *
 * One for a process. What was ignored at the start (nohup, a shell's background) stays ignored.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

/* SIGPIPE is ignored from then on: a reader that is gone must not end it either. */
void interruption_watch(void);
/* Whether what is being done is to be cut short. */
bool interruption_is_on(void);
/* The same as driver_call.is_cancelled has it. */
const atomic_bool *interruption_flag(void);
/* The undoing begins: what came so far does not cut it short. */
void interruption_begin_undoing(void);
/* Whether one came at all, and its name; NULL: none. */
const char *interruption_name(void);
/* Ends the process by the signal that came, as its parent expects of it; returns if there was none. */
void interruption_obey(void);
