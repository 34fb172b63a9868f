/*
 * One turn is one poll(2) over all that can happen: it takes our line, it writes, it says something on
 * standard error, it ends. Standard error is read in every turn, so that a program that talks much there
 * never stands still for it; what is kept is its last line.
 *
 * fork and exec, since posix_spawn has no parent-death signal: a program that hangs must not outlive the
 * worker. Between the two only calls that are safe in the child of a program with threads. The mark by which
 * the supervisor finds what belongs to it at its end is taken out of the environment: servers that a plug-in
 * starts are to live on.
 *
 * Usually the program itself is killed and not its process group: servers may be among its children. One that
 * is_alone takes its group with it: a shell that waits for a command that hangs is of no use without it.
 */
#include "net/program.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How soon a call hears that Weir is going down. */
#define LOOK_NS        (100 * NS_PER_MS)
#define MARK_PREFIX    "WEIR_INSTANCE="
#define END_AWAITED_NS (200 * NS_PER_MS)

enum { READ_BYTES = 16 * 1024, ERROR_LINE_BYTES_MAX = 4096 };

/* --- start ------------------------------------------------------------------------------------------- */

struct ends {
    int child, ours;
};

static void close_ends(struct ends *e)
{
    if (e->child >= 0)
        close(e->child);
    if (e->ours >= 0)
        close(e->ours);
}

static bool make_pipe(struct ends *e, bool is_to_child)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return false;
    *e = is_to_child ? (struct ends){.child = fds[0], .ours = fds[1]}
                     : (struct ends){.child = fds[1], .ours = fds[0]};
    return fcntl(e->ours, F_SETFL, O_NONBLOCK) == 0;
}

static const char **join_environment(const char *const *more)
{
    size_t count = 0, more_count = 0;
    while (environ[count])
        count++;
    while (more && more[more_count])
        more_count++;
    const char **all = NEW_ARRAY(const char *, count + more_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        size_t name_len = strcspn(environ[i], "=") + 1;
        bool is_replaced = strncmp(environ[i], MARK_PREFIX, sizeof(MARK_PREFIX) - 1) == 0;
        for (size_t k = 0; k < more_count; k++)
            is_replaced |= strncmp(environ[i], more[k], name_len) == 0;
        if (!is_replaced)
            all[n++] = environ[i];
    }
    for (size_t k = 0; k < more_count; k++)
        all[n++] = more[k];
    return all;
}

/* In the child; never returns. What fails is told as its errno through fd. */
static void run_child(const struct program_command *command, const char **environment, const int fds[3],
                      int fd, pid_t parent)
{
    sigset_t none;
    (void)setpgid(0, 0);
    for (int n = 1; n < NSIG; n++)
        (void)signal(n, SIG_DFL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    bool is_ready = dup2(fds[0], STDIN_FILENO) >= 0 && dup2(fds[1], STDOUT_FILENO) >= 0 &&
                    dup2(fds[2], STDERR_FILENO) >= 0;
    (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    if (is_ready && (!command->directory[0] || chdir(command->directory) == 0) &&
        prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
        (void)execvpe(command->argv[0], (char **)command->argv, (char **)environment);
    int error = errno;
    (void)!write(fd, &error, sizeof(error));
    _exit(127);
}

static bool launch(struct program *p, const struct program_command *command, const int fds[3],
                   struct err *err)
{
    int outcome[2], error = 0;
    if (pipe2(outcome, O_CLOEXEC) < 0)
        return err_set_errno(err, errno, "making a pipe");
    const char **environment = join_environment(command->environment);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        run_child(command, environment, fds, outcome[1], parent);
    error = pid < 0 ? errno : 0;
    free(environment);
    close(outcome[1]);
    bool has_failed = pid < 0 || read(outcome[0], &error, sizeof(error)) == (ssize_t)sizeof(error);
    close(outcome[0]);
    if (pid > 0 && has_failed)
        (void)waitpid(pid, NULL, 0);
    if (has_failed)
        return err_set_errno(err, error, "starting %s", command->argv[0]);
    p->pid = pid;
    p->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return true;
}

bool program_start(struct program *p, const struct program_command *command, struct err *err)
{
    ASSERT(!program_is_running(p));
    struct ends to = {-1, -1}, from = {-1, -1}, words = {-1, -1};
    buf_clear(&p->answer);
    buf_clear(&p->error_line);
    p->words[0] = '\0';
    bool is_started = (make_pipe(&to, true) && make_pipe(&from, false) && make_pipe(&words, false)) ||
                      err_set_errno(err, errno, "making a pipe");
    if (is_started) {
        const int fds[3] = {to.child, from.child, words.child};
        is_started = launch(p, command, fds, err);
    }
    if (!is_started) {
        close_ends(&to);
        close_ends(&from);
        close_ends(&words);
        return false;
    }
    close(to.child);
    close(from.child);
    close(words.child);
    p->is_alone = command->is_alone;
    p->to_fd = to.ours;
    p->from_fd = from.ours;
    p->words_fd = words.ours;
    if (p->pid_fd >= 0)
        return true;
    (void)err_set_errno(err, errno, "watching the process"); /* a kernel before 5.3 */
    program_kill(p);
    return false;
}

/* --- one turn ---------------------------------------------------------------------------------------- */

static void drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void take_words(struct program *p, struct str bytes)
{
    struct buf *line = &p->error_line;
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] != '\n') {
            if (line->len < ERROR_LINE_BYTES_MAX)
                buf_put_char(line, (unsigned char)bytes.ptr[i] < 0x20 ? ' ' : bytes.ptr[i]);
            continue;
        }
        if (str_trim(buf_str(line)).len)
            (void)str_copy(p->words, sizeof(p->words), str_trim(buf_str(line)));
        buf_clear(line);
    }
}

static void read_words(struct program *p)
{
    char bytes[READ_BYTES];
    ssize_t n = read(p->words_fd, bytes, sizeof(bytes));
    if (n > 0)
        take_words(p, str_n(bytes, (size_t)n));
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        drop(&p->words_fd);
}

/* False when it has closed its output. */
static bool read_answer(struct program *p)
{
    char bytes[READ_BYTES];
    ssize_t n = read(p->from_fd, bytes, sizeof(bytes));
    if (n > 0)
        buf_put(&p->answer, str_n(bytes, (size_t)n));
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        drop(&p->from_fd);
    return n > 0;
}

/* False when it does not take any more. */
static bool write_rest(struct program *p, struct str *rest)
{
    ssize_t n = write(p->to_fd, rest->ptr, rest->len); /* SIGPIPE is ignored in a worker */
    if (n > 0)
        *rest = str_n(rest->ptr + n, rest->len - (size_t)n);
    return n > 0 || errno == EAGAIN || errno == EINTR;
}

struct turn {
    bool has_ended; /* the program has */
    bool is_deaf;   /* it closed its input before it had read all */
};

static bool wait_turn(struct program *p, struct str *rest, const struct program_limits *limits,
                      struct turn *ret_turn, struct err *err)
{
    int64_t left_ns = limits->deadline_ns - clock_now_ns();
    if (limits->is_cancelled && atomic_load_explicit(limits->is_cancelled, memory_order_relaxed))
        return err_set(err, "Weir is going down");
    if (left_ns <= 0)
        return err_set(err, "no answer in time");
    struct pollfd fds[] = {{.fd = p->pid_fd, .events = POLLIN},
                           {.fd = p->from_fd, .events = POLLIN},
                           {.fd = p->words_fd, .events = POLLIN},
                           {.fd = rest->len ? p->to_fd : -1, .events = POLLOUT}};
    (void)poll(fds, ARRAY_LEN(fds), (int)(MIN(left_ns, LOOK_NS) / NS_PER_MS) + 1);
    *ret_turn = (struct turn){.has_ended = fds[0].revents != 0};
    if (fds[1].revents)
        (void)read_answer(p);
    if (fds[2].revents)
        read_words(p);
    if (fds[3].revents)
        ret_turn->is_deaf = !write_rest(p, rest);
    if (p->answer.len > PROGRAM_ANSWER_BYTES_MAX)
        return err_set(err, "its answer is longer than %d bytes", PROGRAM_ANSWER_BYTES_MAX);
    return true;
}

/* What it has written already is in the pipes. */
static void read_left(struct program *p)
{
    while (p->from_fd >= 0 && p->answer.len <= PROGRAM_ANSWER_BYTES_MAX && read_answer(p))
        ;
    for (int i = 0; p->words_fd >= 0 && i < PROGRAM_ANSWER_BYTES_MAX / READ_BYTES; i++) {
        size_t before = p->error_line.len;
        read_words(p);
        if (p->error_line.len == before)
            break;
    }
    take_words(p, STR("\n"));
}

/* --- the end ----------------------------------------------------------------------------------------- */

static int reap(struct program *p)
{
    int status = 0;
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    p->pid = 0;
    drop(&p->pid_fd);
    drop(&p->to_fd);
    drop(&p->from_fd);
    drop(&p->words_fd);
    return status;
}

void program_end(struct program *p, int64_t grace_ns)
{
    if (!program_is_running(p))
        return;
    drop(&p->to_fd);
    struct pollfd end = {.fd = p->pid_fd, .events = POLLIN};
    if (grace_ns <= 0 || poll(&end, 1, (int)(grace_ns / NS_PER_MS)) != 1)
        (void)kill(p->is_alone ? -p->pid : p->pid, SIGKILL);
    (void)reap(p);
}

void program_fini(struct program *p)
{
    program_kill(p);
    buf_fini(&p->answer);
    buf_fini(&p->error_line);
}

/* Who closes its output is usually about to end; its status and last words say more. */
static bool ends_soon(struct program *p)
{
    struct pollfd end = {.fd = p->pid_fd, .events = POLLIN};
    return poll(&end, 1, (int)(END_AWAITED_NS / NS_PER_MS)) == 1;
}

static bool tell_end(struct program *p, struct err *err)
{
    read_left(p);
    int status = reap(p);
    const char *colon = p->words[0] ? ": " : "";
    if (WIFSIGNALED(status))
        return err_set(err, "it was killed by signal %d%s%s", WTERMSIG(status), colon, p->words);
    return err_set(err, "it ended with status %d%s%s", WEXITSTATUS(status), colon, p->words);
}

/* --- asking ------------------------------------------------------------------------------------------ */

static bool take_line(struct program *p, size_t *ret_len)
{
    return str_find(buf_str(&p->answer), '\n', ret_len);
}

bool program_ask(struct program *p, struct str line, const struct program_limits *limits,
                 struct str *ret_line, struct err *err)
{
    ASSERT(program_is_running(p));
    CLEANUP(buf_fini) struct buf out = {0};
    struct turn turn = {0};
    size_t len;
    buf_put(&out, line);
    buf_put_char(&out, '\n');
    struct str rest = buf_str(&out);
    read_left(p);
    buf_clear(&p->answer); /* words that nobody asked for */
    for (;;) {
        if (!wait_turn(p, &rest, limits, &turn, err))
            return false;
        if (turn.has_ended)
            read_left(p);
        if (rest.len == 0 && take_line(p, &len))
            break;
        bool is_closed = turn.is_deaf || p->from_fd < 0;
        if (turn.has_ended || (is_closed && ends_soon(p)))
            return tell_end(p, err);
        if (is_closed)
            return err_set(err, "it closed its %s", turn.is_deaf ? "input" : "output");
    }
    *ret_line = str_n(p->answer.ptr, len);
    return true;
}

bool program_run(struct program *p, struct str line, const struct program_limits *limits,
                 struct str *ret_output, int *ret_status, struct err *err)
{
    ASSERT(program_is_running(p));
    CLEANUP(buf_fini) struct buf out = {0};
    struct turn turn = {0};
    buf_put(&out, line);
    buf_put_char(&out, '\n');
    struct str rest = buf_str(&out);
    while (!turn.has_ended) {
        if (!wait_turn(p, &rest, limits, &turn, err)) {
            program_kill(p);
            return false;
        }
        if (turn.is_deaf)
            rest.len = 0; /* it need not read what its arguments tell as well */
        if (rest.len == 0)
            drop(&p->to_fd);
    }
    read_left(p);
    *ret_status = reap(p);
    if (p->answer.len > PROGRAM_ANSWER_BYTES_MAX)
        return err_set(err, "its answer is longer than %d bytes", PROGRAM_ANSWER_BYTES_MAX);
    *ret_output = buf_str(&p->answer);
    return true;
}
