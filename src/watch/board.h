/*
 * board.h: the readings of one tick, from all collectors to all who use them. Pure; one thread.
 *
 * Between board_begin and board_end collectors put one reading a series; then rules, history and exposition
 * read. A series that nobody put is gone: its subject does not exist any more (a file system was unmounted, a
 * service removed). What exists but cannot be read is put as unknown.
 *
 * A series keeps its address and its id as long as it is there, so users may hang state of their own on the
 * id.
 */
#pragma once
#include "rule/metric.h"
#include "watch/reading.h"

#include <stddef.h>
#include <stdint.h>

enum {
    BOARD_SERIES_MAX = 16384, /* more are left out and counted */
    BOARD_NOTE_BYTES = 512,   /* longer notes are cut */
};

/* Whom a number is about. names by the kind's labels (metric.h); unused ones are NULL or "". */
struct subject {
    const char *host; /* the machine; NULL or "": this one */
    const char *names[SUBJECT_NAMES_MAX];
};

struct series {
    enum metric metric;
    struct subject subject; /* no NULL in it; owned by the board */
    uint64_t id;            /* unique, never used again */
    struct reading reading; /* of the latest tick */
    const char *note;       /* half a sentence for people, "" for none; until the next board_begin */
};

struct board;

struct board *board_new(void);
void board_free(struct board *b); /* NULL is fine */

/* now_ns is monotonic, wall_ns the same moment for people. */
void board_begin(struct board *b, int64_t now_ns, int64_t wall_ns);
/* From now on until the tick ends, a subject that names no host is about this one; "" is this machine.
 * Borrowed. */
void board_set_host(struct board *b, const char *host);
/* Copies everything. Put twice in a tick, the latter counts. */
void board_put(struct board *b, enum metric metric, const struct subject *subject, struct reading reading);
/* The same with a note: "of 4 CPUs; the hypervisor took 12 %". */
void board_put_note(struct board *b, enum metric metric, const struct subject *subject,
                    struct reading reading, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* All that was put of this host in this tick is unknown after all. */
void board_doubt(struct board *b, const char *host, const char *why_unknown);
void board_end(struct board *b); /* forgets what is gone */

int64_t board_now_ns(const struct board *b);
int64_t board_wall_ns(const struct board *b);
size_t board_count(const struct board *b);
/* In the order in which they first came; index below board_count. */
const struct series *board_at(const struct board *b, size_t index);
const struct series *board_find(const struct board *b, enum metric metric,
                                const struct subject *subject); /* NULL: there is none */
uint64_t board_left_out(const struct board *b);                 /* puts so far beyond BOARD_SERIES_MAX */
