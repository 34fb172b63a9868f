/*
 * log_writer.c
 *
 * The end of the pipe is the end of the helper, so it outlives a killed supervisor by the lines that are
 * still in the pipe. A thread was rejected: the supervisor forks, and may do so freely because it has one
 * thread.
 */
#include "supervisor/log_writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/helper.h"
#include "supervisor/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIECE_BYTES_MAX = 64 * 1024, END_POLL_MS = 10, KILL_POLLS = 20 };

/* ---- the helper ---- */

static void put_lines(struct log_file *f, struct str lines)
{
    if (lines.len && !log_file_put(f, lines, clock_now_ns()))
        (void)!write(STDERR_FILENO, lines.ptr, lines.len);
}

/* Only whole lines go on, so that files are rotated between two. A line is shorter than a piece. */
static void copy_lines(int fd, struct log_file *f)
{
    static char bytes[PIECE_BYTES_MAX];
    size_t len = 0;
    for (;;) {
        ssize_t n = read(fd, bytes + len, sizeof(bytes) - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
        const char *end = memrchr(bytes, '\n', len);
        size_t whole = end ? (size_t)(end - bytes) + 1 : len == sizeof(bytes) ? len : 0;
        put_lines(f, str_n(bytes, whole));
        memmove(bytes, bytes + whole, len - whole);
        len -= whole;
    }
    put_lines(f, str_n(bytes, len));
}

static _Noreturn void helper_main(int fd, const struct supervisor_log *plan)
{
    struct log_file f;
    fd = helper_begin("weir-log", fd);
    log_file_init(&f, plan);
    (void)!log_file_put(&f, STR(""), clock_now_ns()); /* makes it, or tells why not */
    copy_lines(fd, &f);
    log_file_fini(&f);
    _exit(0);
}

/* ---- the supervisor's side ---- */

static bool start(struct log_writer *w, struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set_errno(err, errno, "making a pipe");
    pid_t pid = fork();
    if (pid < 0) {
        int error = errno;
        close(fds[0]);
        close(fds[1]);
        return err_set_errno(err, error, "fork");
    }
    if (pid == 0)
        helper_main(fds[0], w->plan);
    close(fds[0]);
    (void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
    w->output.fd = fds[1];
    w->pid = pid;
    return true;
}

void log_writer_keep(struct log_writer *w, int64_t now_ns)
{
    struct err err;
    if (!w->plan || w->pid > 0 || (w->started_ns && now_ns - w->started_ns < LOG_WRITER_RESTART_NS))
        return;
    w->started_ns = now_ns;
    if (!start(w, &err))
        log_warn("starting the writer of %s: %s", w->plan->file, err.text);
}

static void close_pipe(struct log_writer *w)
{
    if (w->output.fd >= 0)
        close(w->output.fd);
    w->output.fd = -1;
}

bool log_writer_on_child_ended(struct log_writer *w, pid_t pid)
{
    if (!w->plan || w->pid != pid)
        return false;
    log_warn("the writer of %s was killed: starting another", w->plan->file);
    w->pid = 0;
    close_pipe(w);
    return true;
}

void log_writer_init(struct log_writer *w, const struct supervisor_log *plan)
{
    *w = (struct log_writer){.plan = plan};
    output_init(&w->output, -1);
    w->output.has_time = true;
}

void log_writer_close(struct log_writer *w, int64_t deadline_ns)
{
    output_fini(&w->output, w->pid > 0 ? deadline_ns - clock_now_ns() : 0);
    close_pipe(w);
}

static bool has_ended(const struct log_writer *w)
{
    return w->pid <= 0 || waitpid(w->pid, NULL, WNOHANG) != 0;
}

void log_writer_fini(struct log_writer *w, int64_t deadline_ns)
{
    bool has_it = has_ended(w);
    for (; !has_it && clock_now_ns() < deadline_ns; has_it = has_ended(w))
        (void)poll(NULL, 0, END_POLL_MS);
    if (!has_it)
        (void)kill(w->pid, SIGKILL);
    for (int i = 0; !has_it && i < KILL_POLLS; i++, has_it = has_ended(w))
        (void)poll(NULL, 0, END_POLL_MS); /* a process that waits for a dead disk does not die */
    w->pid = 0;
}
