/*
 * store.h: keeps what must outlive the worker, without ever making its caller wait: all disk work is done on
 * one job thread, answers come on the loop. Everything here belongs to the loop's thread.
 *
 * What goes wrong is told once when it begins and once when it is over, and counted; serving never depends on
 * it. What could not be written is not kept for later: the caller comes again with newer knowledge anyway.
 */
#pragma once
#include "net/loop.h"
#include "store/database.h"

struct store;

/* What the store has to say; text is a sentence, borrowed for the time of the call. */
#define STORE_TOLD(X)                                                                                        \
    X(OPENED, state_opened, "what is learned is kept in this file")                                          \
    X(ANEW, state_anew, "the file was damaged or removed: a new one was begun")                              \
    X(OFF, state_off, "nothing is kept: the file belongs to another Weir")                                   \
    X(FAILED, state_failed, "the file cannot be read or written; it is tried again")                         \
    X(RECOVERED, state_recovered, "it can again")
#define STORE_TOLD_ENUM(upper, lower, help) STORE_TOLD_##upper,
enum store_told { STORE_TOLD(STORE_TOLD_ENUM) STORE_TOLD_COUNT };
const char *store_told_name(enum store_told t);

/* None may call back into the store. */
struct store_events {
    void *context;
    /* Once: all documents, at most DATABASE_DOCUMENTS_MAX. is_late: it was not possible while store_load()
     * waited; not at all while the file cannot be read. Borrowed for the time of the call. */
    void (*on_loaded)(void *context, const struct database_document *documents, size_t count, bool is_late);
    /* Once for each store_put() that took something, unless the store is freed before; NULL: nobody asks. */
    void (*on_put)(void *context, bool is_kept);
    /* After ANEW what was written before is not there any more. */
    void (*on_told)(void *context, enum store_told told, const char *text);
};

struct store_params {
    struct loop *loop;
    struct database_params database;
    struct store_events events;
};

struct store *store_new(const struct store_params *params); /* NULL with errno: no thread can be had */
/*
 * Writes what was handed over, for at most grace_ns, and closes the file. A disk that hangs is left behind
 * with its thread. NULL is fine.
 */
void store_free(struct store *s, int64_t grace_ns);

/* Once, first of all: opens the file and reads the documents; waits for them at most wait_ns. Where that
 * fails it is tried again whenever something is to be written, and nothing is written before. */
void store_load(struct store *s, int64_t wait_ns);

/* Copies. False, and nothing taken: the write before is not done yet, the file could not be read yet, or it
 * is another Weir's. */
bool store_put(struct store *s, const struct database_document *documents, size_t count, int64_t wall_s);
/* Copies. The same, with a queue of its own. */
bool store_append(struct store *s, const struct database_point *points, size_t count);
/* on_range is called once, on the loop, unless the store is freed before: minutes first..last that are known,
 * in order; none when they cannot be read. False, and no call: too much is asked already. */
bool store_range(struct store *s, struct str service, struct str name, int64_t first, int64_t last,
                 void (*on_range)(void *context, const struct database_value *values, size_t count),
                 void *context);

/* Waits at most wait_ns until all that was handed over is done; its answers still come on the loop. */
bool store_wait(struct store *s, int64_t wait_ns);

struct store_numbers {
    bool is_keeping;       /* the last thing done with the file went well */
    uint64_t bytes;        /* of the file and its log */
    uint64_t errors_total; /* reads and writes that failed */
    uint64_t writes_total; /* that went well */
};
struct store_numbers store_numbers(const struct store *s);
