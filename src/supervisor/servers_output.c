/*
 * servers_output.c: from a server's pipe to Weir's standard error, line by line.
 *
 * Each server gets one read a turn, so a flood of one holds up neither the others nor the supervisor. When
 * standard error does not take more, the servers' pipes are left alone until it does; they then wait as they
 * would for a terminal that stands still.
 */
#include "supervisor/servers_priv.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    READ_BYTES_MAX = 16 * 1024, /* a server's share of one turn */
    OUTPUT_RETRY_MS = 20,
    FINAL_READS_MAX = 16, /* what a server left in its pipe: 64 KiB by default */
};

static void on_line(void *context, struct str line)
{
    struct server_process *p = context;
    output_put(&p->all->output, p->name, line);
}

void server_process_close_output(struct server_process *p)
{
    if (p->output.fd < 0)
        return;
    if (!p->is_output_paused)
        loop_remove(p->all->params.loop, &p->output);
    close(p->output.fd);
    p->output.fd = -1;
}

/* One read. False when nothing more can come now. */
static bool read_output(struct server_process *p)
{
    static char bytes[READ_BYTES_MAX];
    const struct lines_sink sink = {p, on_line};
    if (p->output.fd < 0)
        return false;
    ssize_t n = read(p->output.fd, bytes, sizeof(bytes));
    if (n > 0) {
        lines_feed(&p->lines, str_n(bytes, (size_t)n), &sink);
        return true;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        lines_flush(&p->lines, &sink);
        server_process_close_output(p);
    }
    return false;
}

static void flush_output(struct servers *s)
{
    int64_t now_ns = loop_now_ns(s->params.loop);
    output_flush(&s->output, now_ns);
    if (s->output.waiting.len && !timer_is_set(&s->output_timer))
        timer_set(s->params.loop, &s->output_timer, now_ns + OUTPUT_RETRY_MS * NS_PER_MS);
}

/* A paused descriptor leaves the loop altogether: a hang-up is reported whatever events are asked for. */
static void pause_output(struct server_process *p)
{
    loop_remove(p->all->params.loop, &p->output);
    p->is_output_paused = true;
    flush_output(p->all);
}

static void resume_output(struct server_process *p)
{
    if (!p->is_output_paused || p->output.fd < 0)
        return;
    if (loop_add(p->all->params.loop, &p->output, EPOLLIN))
        p->is_output_paused = false;
}

void server_process_on_output(struct loop *l, struct handle *h, uint32_t events)
{
    struct server_process *p = container_of(h, struct server_process, output);
    if (!output_is_ready(&p->all->output, loop_now_ns(l))) {
        pause_output(p);
        return;
    }
    (void)read_output(p);
    flush_output(p->all);
}

void servers_on_output_timer(struct loop *l, struct timer *t)
{
    struct servers *s = container_of(t, struct servers, output_timer);
    if (!output_is_ready(&s->output, loop_now_ns(l))) {
        timer_set(l, t, loop_now_ns(l) + OUTPUT_RETRY_MS * NS_PER_MS);
        return;
    }
    for_each_process(s, p) resume_output(p);
}

void server_process_read_rest(struct server_process *p)
{
    const struct lines_sink sink = {p, on_line};
    for (int i = 0; i < FINAL_READS_MAX && read_output(p); i++)
        ;
    lines_flush(&p->lines, &sink);
    server_process_close_output(p);
    flush_output(p->all);
}
