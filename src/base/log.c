/*
 * log.c: a line must not hold its thread up for long: a terminal that was stopped with Ctrl-S or a log
 * collector that hangs would stop the whole program. So poll(2) is asked first (the descriptor is shared with
 * others and must stay blocking); when standard error stays full, lines are dropped and counted until it can
 * be written again.
 */
#include "base/log.h"

#include "base/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 2048, /* below PIPE_BUF: one write is whole */ PATIENCE_MS = 100 };

static _Atomic int least_level = LOG_LEVEL_INFO;
static _Atomic uint64_t dropped_lines; /* not 0: nobody reads; no further patience */

void log_set_level(enum log_level least)
{
    atomic_store_explicit(&least_level, least, memory_order_relaxed);
}

/* A descriptor that cannot be polled or that is broken counts as writable: the write tells, and does not
 * block. */
static bool is_writable(void)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    bool is_stalled = atomic_load_explicit(&dropped_lines, memory_order_relaxed) > 0;
    return poll(&p, 1, is_stalled ? 0 : PATIENCE_MS) != 0;
}

static void write_line(const char *line, size_t len)
{
    char note[96];
    if (!is_writable()) {
        atomic_fetch_add_explicit(&dropped_lines, 1, memory_order_relaxed);
        return;
    }
    uint64_t dropped = atomic_exchange_explicit(&dropped_lines, 0, memory_order_relaxed);
    if (dropped) {
        int n =
            snprintf(note, sizeof(note), "(%" PRIu64 " log lines were dropped: nobody read them)\n", dropped);
        (void)!write(STDERR_FILENO, note, (size_t)n);
    }
    (void)!write(STDERR_FILENO, line, len);
}

/* What others say is told here, too: it makes no lines of its own, and commands no terminal. */
static void make_one_line(char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 127)
            line[i] = ' ';
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"debug", "info ", "warn ", "error"};
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed))
        return;
    char line[LINE_BYTES_MAX], stamp[CLOCK_RFC3339_BYTES];
    int n =
        snprintf(line, sizeof(line), "%s %s ", clock_format_rfc3339(stamp, clock_wall_ns()), names[level]);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
    va_end(args);
    size_t len = MIN((size_t)(n + MAX(more, 0)), sizeof(line) - 1);
    make_one_line(line, len);
    line[len] = '\n';
    write_line(line, len + 1);
}
