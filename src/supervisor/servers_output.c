/*
 * servers_output.c: from a server's pipe to Weir's standard error, or to its service's log, line by line.
 *
 * Each server gets one read a turn, so a flood of one holds up neither the others nor the supervisor. When
 * what a server writes to does not take more, the server's pipe is left alone until it does; it then waits as
 * it would for a terminal that stands still.
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

#define LOGS_END_NS (2 * NS_PER_S)

static struct log_writer *find_log(const struct server_process *p)
{
    struct log_writer *log = &p->all->logs[p->service - p->all->params.plan->services];
    return log->plan ? log : NULL;
}

static bool is_on_standard_error(const struct server_process *p)
{
    const struct log_writer *log = find_log(p);
    return !log || log->plan->is_copied;
}

static void on_line(void *context, struct str line)
{
    struct server_process *p = context;
    struct log_writer *log = find_log(p);
    if (log)
        output_put(&log->output, p->name, line);
    if (is_on_standard_error(p))
        output_put(&p->all->output, p->name, line);
}

static bool is_ready(struct server_process *p, int64_t now_ns)
{
    struct log_writer *log = find_log(p);
    return (!log || output_is_ready(&log->output, now_ns)) &&
           (!is_on_standard_error(p) || output_is_ready(&p->all->output, now_ns));
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

static void flush_output(struct server_process *p)
{
    struct servers *s = p->all;
    struct log_writer *log = find_log(p);
    int64_t now_ns = loop_now_ns(s->params.loop);
    output_flush(&s->output, now_ns);
    if (log) {
        log_writer_keep(log, now_ns);
        output_flush(&log->output, now_ns);
    }
    bool is_waiting = s->output.waiting.len || (log && log->output.waiting.len);
    if (is_waiting && !timer_is_set(&s->output_timer))
        timer_set(s->params.loop, &s->output_timer, now_ns + OUTPUT_RETRY_MS * NS_PER_MS);
}

/* A paused descriptor leaves the loop altogether: a hang-up is reported whatever events are asked for. */
static void pause_output(struct server_process *p)
{
    loop_remove(p->all->params.loop, &p->output);
    p->is_output_paused = true;
    flush_output(p);
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
    if (!is_ready(p, loop_now_ns(l))) {
        pause_output(p);
        return;
    }
    (void)read_output(p);
    flush_output(p);
}

void servers_on_output_timer(struct loop *l, struct timer *t)
{
    struct servers *s = container_of(t, struct servers, output_timer);
    int64_t now_ns = loop_now_ns(l);
    bool is_waiting = !output_is_ready(&s->output, now_ns);
    for (size_t i = 0; i < s->params.plan->service_count; i++) {
        log_writer_keep(&s->logs[i], now_ns);
        is_waiting |= !output_is_ready(&s->logs[i].output, now_ns);
    }
    for_each_process(s, p) if (is_ready(p, now_ns)) resume_output(p);
    if (is_waiting)
        timer_set(l, t, now_ns + OUTPUT_RETRY_MS * NS_PER_MS);
}

/* ---- the logs ---- */

void servers_init_logs(struct servers *s)
{
    const struct supervisor_plan *plan = s->params.plan;
    for (size_t i = 0; i < plan->service_count; i++) {
        const struct supervisor_log *log = &plan->services[i].log;
        log_writer_init(&s->logs[i], log->file && log->file[0] ? log : NULL);
    }
}

/* At once, so that a file that cannot be opened is told at once. */
void servers_start_logs(struct servers *s)
{
    for (size_t i = 0; i < s->params.plan->service_count; i++)
        log_writer_keep(&s->logs[i], clock_now_ns());
}

void servers_end_logs(struct servers *s)
{
    int64_t deadline_ns = clock_now_ns() + LOGS_END_NS; /* of all of them: they may share a stuck disk */
    for (size_t i = 0; i < s->params.plan->service_count; i++)
        log_writer_close(&s->logs[i], deadline_ns);
    for (size_t i = 0; i < s->params.plan->service_count; i++)
        log_writer_fini(&s->logs[i], deadline_ns);
}

bool servers_on_log_writer_ended(struct servers *s, pid_t pid)
{
    for (size_t i = 0; i < s->params.plan->service_count; i++)
        if (log_writer_on_child_ended(&s->logs[i], pid))
            return true;
    return false;
}

void server_process_read_rest(struct server_process *p)
{
    const struct lines_sink sink = {p, on_line};
    for (int i = 0; i < FINAL_READS_MAX && read_output(p); i++)
        ;
    lines_flush(&p->lines, &sink);
    server_process_close_output(p);
    flush_output(p);
}
