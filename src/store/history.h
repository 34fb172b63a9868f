/*
 * history.h: the history of all series, without ever making its caller wait: values are gathered for ten
 * seconds and then written by one job thread, which answers questions as well. Everything here belongs to the
 * loop's thread.
 *
 * What goes wrong is told once when it begins and once when it is over, and counted; nothing else depends on
 * it. What could not be written is kept for five minutes, so that a disk that was full for a while leaves no
 * gap.
 */
#pragma once
#include "net/loop.h"
#include "store/history_block.h"
#include "store/history_file.h"

struct history;

/* What the history has to say; text is a sentence, borrowed for the time of the call. */
#define HISTORY_TOLD(X)                                                                                      \
    X(FAILED, history_failed, "the file cannot be read or written; it is tried again")                       \
    X(RECOVERED, history_recovered, "it can again")                                                          \
    X(ANEW, history_anew, "the file was damaged or removed: a new one was begun")                            \
    X(SHORTENED, history_shortened, "the file is as large as it may be: the oldest points went")             \
    X(CLOCK, history_clock, "the clock is behind what is recorded")
#define HISTORY_TOLD_ENUM(upper, lower, help) HISTORY_TOLD_##upper,
enum history_told { HISTORY_TOLD(HISTORY_TOLD_ENUM) HISTORY_TOLD_COUNT };
const char *history_told_name(enum history_told t);

struct history_params {
    struct loop *loop;
    struct history_file_params file;
    void *context;
    /* May not call back into the history. */
    void (*on_told)(void *context, enum history_told told, const char *text);
};

struct history *history_new(const struct history_params *params); /* NULL with errno: no thread can be had */
/*
 * Writes what there is, for at most grace_ns, and closes the file. A disk that hangs is left behind with its
 * thread. NULL is fine.
 */
void history_free(struct history *h, int64_t grace_ns);

/* A moment at which values are put. What was gathered is handed over when its ten seconds are over. */
void history_begin(struct history *h, int64_t wall_s);
/* As in history_block.h. An unknown value is not put. */
bool history_put(struct history *h, uint64_t key, double value);
void history_name(struct history *h, uint64_t key, const struct history_name *name);

/* json: "" when it could not be read, and why says why not; both borrowed. */
struct history_answer {
    bool is_good;
    const char *why;
    struct str json;
};
/* Copies the question. on_answer is called once, with the ticket, on the loop, unless the history is freed
 * before. False, and no call: too much is asked already. What was put until now is part of the answer, but
 * for two seconds at most. */
bool history_ask(struct history *h, const struct history_question *q,
                 void (*on_answer)(void *context, uint64_t ticket, const struct history_answer *answer),
                 void *context, uint64_t ticket);

struct history_numbers {
    bool is_failing;          /* the last thing done with the file went wrong */
    uint64_t bytes;           /* of the file and its log */
    uint64_t series;          /* of which values come now */
    uint64_t writes_total;    /* batches that were written */
    uint64_t errors_total;    /* reads and writes that failed */
    uint64_t lost_total;      /* values that were never written */
    uint64_t shortened_total; /* times that the oldest points went because the file was full */
    uint64_t left_out_total;  /* series for which there was no place, each time */
};
struct history_numbers history_numbers(const struct history *h);
