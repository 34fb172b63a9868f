/*
 * output.c
 *
 * Standard error belongs to others, too (the shell, the terminal), so it must not be made non-blocking: the
 * flag would be theirs as well. Instead poll(2) is asked before each write, and no write is longer than
 * PIPE_BUF: a pipe that polls as writable takes that much without blocking.
 */
#include "supervisor/output.h"

#include "base/clock.h"
#include "base/macros.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { POLL_INTERVAL_MS = 20 };

void output_init(struct output *o, int fd)
{
    *o = (struct output){.fd = fd};
}

void output_put(struct output *o, const char *name, struct str line)
{
    char time[CLOCK_RFC3339_BYTES];
    if (o->has_time)
        buf_printf(&o->waiting, "%s ", clock_format_rfc3339(time, clock_wall_ns()));
    buf_printf(&o->waiting, "%s | ", name);
    buf_put(&o->waiting, line);
    buf_put_char(&o->waiting, '\n');
}

/* As many whole lines as fit into one write. A longer line is cut: lines.h keeps them shorter. */
static size_t next_write_bytes(struct str waiting)
{
    if (waiting.len <= PIPE_BUF)
        return waiting.len;
    const char *end = memrchr(waiting.ptr, '\n', PIPE_BUF);
    return end ? (size_t)(end - waiting.ptr) + 1 : PIPE_BUF;
}

static bool is_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && p.revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL);
}

static uint64_t count_lines(struct str s)
{
    uint64_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += s.ptr[i] == '\n';
    return count;
}

static void drop(struct output *o)
{
    o->dropped_lines += count_lines(buf_str(&o->waiting));
    buf_clear(&o->waiting);
}

static void tell_dropped(struct output *o)
{
    char text[128];
    int n = snprintf(text, sizeof(text),
                     "weir: %" PRIu64 " lines of the servers' output were dropped: nobody read\n",
                     o->dropped_lines);
    o->dropped_lines = 0;
    (void)!write(o->fd, text, (size_t)n);
}

void output_flush(struct output *o, int64_t now_ns)
{
    size_t written = 0;
    while (written < o->waiting.len && is_writable(o->fd)) {
        if (o->dropped_lines) {
            tell_dropped(o);
            continue;
        }
        struct str rest = str_n(o->waiting.ptr + written, o->waiting.len - written);
        ssize_t n = write(o->fd, rest.ptr, next_write_bytes(rest));
        if (n <= 0) { /* standard error is gone, or the writer was killed: nobody will ever read this */
            o->dropped_lines += count_lines(rest);
            written = o->waiting.len;
        } else {
            written += (size_t)n;
        }
    }
    if (written)
        buf_consume(&o->waiting, written);
    if (o->waiting.len == 0)
        o->stalled_since_ns = 0;
    else if (o->stalled_since_ns == 0 || written)
        o->stalled_since_ns = now_ns;
}

bool output_is_ready(struct output *o, int64_t now_ns)
{
    if (o->waiting.len)
        output_flush(o, now_ns);
    if (o->waiting.len && now_ns - o->stalled_since_ns > OUTPUT_STALL_NS)
        drop(o);
    return o->waiting.len == 0;
}

void output_fini(struct output *o, int64_t patience_ns)
{
    int64_t deadline_ns = clock_now_ns() + patience_ns;
    output_flush(o, clock_now_ns());
    while (o->waiting.len && clock_now_ns() < deadline_ns) {
        (void)poll(&(struct pollfd){.fd = o->fd, .events = POLLOUT}, 1, POLL_INTERVAL_MS);
        output_flush(o, clock_now_ns());
    }
    buf_fini(&o->waiting);
}
