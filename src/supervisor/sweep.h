/*
 * sweep.h: finds processes by a mark in their environment. Process groups catch a server and its children; a
 * process that left its group (a daemon) keeps the environment that it was started with, and with it the
 * mark.
 */
#pragma once
#include <stddef.h>

enum { SWEEP_MARK_BYTES = 48 };

/* A mark no other Weir has: "WEIR_INSTANCE=9f86d081884c7d65". Returns out. */
char *sweep_mark_new(char out[SWEEP_MARK_BYTES]);
/* Sends the signal to every process with the mark but the caller; 0 only counts. Returns how many there were.
 */
size_t sweep_signal(const char *mark, int signal_number);
