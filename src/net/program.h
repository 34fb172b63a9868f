/*
 * program.h: a program of the user's on the other end of three pipes: its start, a line to it and one back,
 * its end. What the lines mean is the caller's business. Any one thread at a time, and not a loop's:
 * everything here waits.
 *
 * The program can do no harm but to itself: whatever it does (ends, hangs, floods, never reads), each call
 * returns by its deadline, and what it holds is bounded.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PROGRAM_ANSWER_BYTES_MAX = 1024 * 1024, /* of one answer */
    PROGRAM_WORDS_BYTES = 240,              /* of its last line on standard error */
};

/* What to run. Borrowed during program_start. */
struct program_command {
    const char *const *argv;        /* ends in NULL; found in PATH */
    const char *const *environment; /* "NAME=value", beside what Weir itself has; ends in NULL; may be NULL */
    const char *directory;          /* "": Weir's own */
    bool is_alone;                  /* what it started itself is to end with it when it is killed */
};

struct program_limits {
    int64_t deadline_ns; /* monotonic */
    const atomic_bool *is_cancelled;
};

/* All zero: not running. */
struct program {
    pid_t pid; /* 0: not running; the number of its process group, too */
    bool is_alone;
    int pid_fd; /* readable when it has ended */
    int to_fd, from_fd, words_fd;
    struct buf answer;               /* what it wrote and nobody has taken */
    struct buf error_line;           /* of standard error, not ended yet */
    char words[PROGRAM_WORDS_BYTES]; /* the last whole line of standard error; "" */
};

static inline bool program_is_running(const struct program *p)
{
    return p->pid != 0;
}

/* False with a reason when there is no such program, or no process to be had. */
bool program_start(struct program *p, const struct program_command *command, struct err *err) MUST_USE;
/*
 * Sends the line (without its end) and waits for one back; *ret_line is good until the next call. False with
 * a reason when none came: it ended, hung, or wrote too much. Then it is in no state to be asked again:
 * program_kill().
 */
bool program_ask(struct program *p, struct str line, const struct program_limits *limits,
                 struct str *ret_line, struct err *err) MUST_USE;
/*
 * Sends the line, ends its input, and waits for its end. *ret_output: all that it wrote, good until the next
 * program_start; *ret_status as of waitpid(2). What it left running may keep its output open: that is not
 * waited for. False, and the program killed, when it did not end in time or wrote too much.
 */
bool program_run(struct program *p, struct str line, const struct program_limits *limits,
                 struct str *ret_output, int *ret_status, struct err *err) MUST_USE;
/* Ends its input, which asks it to go, waits grace_ns for that, and kills it; what it started only when it
 * is_alone. */
void program_end(struct program *p, int64_t grace_ns);
static inline void program_kill(struct program *p)
{
    program_end(p, 0);
}
void program_fini(struct program *p); /* kills it, frees what it holds */
