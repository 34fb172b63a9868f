/*
 * spawn.c
 *
 * Plain fork and exec. The supervisor has one thread, so the child may call anything before exec. posix_spawn
 * was considered: it knows neither users, nor limits, nor PR_SET_PDEATHSIG, nor a precise reason for a
 * failure.
 *
 * Order in the child, each step for a reason:
 *   1. own process group, default signals, empty mask;
 *   2. descriptors: every one is marked close-on-exec, then the kept ones are unmarked;
 *   3. control groups, limits and niceness, before the right to raise them is gone;
 *   4. the user, then the directory: the new user must be able to enter it;
 *   5. the parent-death signal, which a change of user would clear (prctl(2)), and then a look whether the
 * parent is still there.
 */
#include "supervisor/spawn.h"

#include "supervisor/user.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum stage { STAGE_SETUP, STAGE_GROUP, STAGE_NICE, STAGE_USER, STAGE_DIRECTORY, STAGE_EXEC };

enum { GROUP_WRITING_UMASK = 002 };

struct failure {
    int stage; /* enum stage */
    int error;
};

/* The supervisor decides what Ctrl-C and a lost terminal mean, and a write to the terminal must not stop its
 * children. */
static const int terminal_signals[] = {SIGINT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU};

static void reset_signals(bool are_terminal_signals_ignored)
{
    sigset_t none;
    for (int n = 1; n < NSIG; n++)
        (void)signal(n, SIG_DFL); /* fails for SIGKILL, SIGSTOP and libc's own, which is fine */
    for (size_t i = 0; are_terminal_signals_ignored && i < ARRAY_LEN(terminal_signals); i++)
        (void)signal(terminal_signals[i], SIG_IGN);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool arrange_descriptors(const struct spawn *s)
{
    if (s->output_fd >= 0) {
        int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(s->output_fd, STDOUT_FILENO) < 0 ||
            dup2(s->output_fd, STDERR_FILENO) < 0)
            return false;
    }
    /* What Weir itself inherited from whoever started it is no business of the child. Older kernels lack the
     * call; then only Weir's own descriptors, which are close-on-exec from birth, stay private. */
    (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    for (size_t i = 0; i < s->kept_fd_count; i++)
        if (fcntl(s->kept_fds[i], F_SETFD, 0) < 0)
            return false;
    return true;
}

static bool is_parent_alive(pid_t parent)
{
    return getppid() == parent;
}

static bool join_groups(const struct spawn *s)
{
    for (size_t i = 0; i < s->join_count; i++) {
        int fd = open(s->joins[i], O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, "0", 1) != 1)
            return false;
        close(fd);
    }
    return true;
}

/* The answer may be -1 rightly, so errno alone tells of a failure. */
static bool be_nice(int increment)
{
    errno = 0;
    return nice(increment) != -1 || errno == 0;
}

/* Returns only when something failed, with errno set. */
static enum stage run_child(const struct spawn *s, pid_t parent)
{
    (void)setpgid(0, 0);
    reset_signals(s->is_unprivileged);
    if (!arrange_descriptors(s) || setrlimit(RLIMIT_NOFILE, &s->open_files) < 0)
        return STAGE_SETUP;
    if (s->is_group_writing)
        (void)umask(GROUP_WRITING_UMASK);
    if (!join_groups(s))
        return STAGE_GROUP;
    if (s->nice && !be_nice(s->nice))
        return STAGE_NICE;
    if (s->user && !user_become(s->user))
        return STAGE_USER;
    if (s->directory && s->directory[0] && chdir(s->directory) < 0)
        return STAGE_DIRECTORY;
    if (s->is_unprivileged && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return STAGE_SETUP;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return STAGE_SETUP;
    if (!is_parent_alive(parent))
        _exit(127);
    environ = (char **)s->environment;
    if (s->path)
        execv(s->path, s->argv);
    else
        execvp(s->argv[0], s->argv);
    return STAGE_EXEC;
}

pid_t spawn_start(const struct spawn *s, int *ret_outcome_fd, struct err *err)
{
    int outcome[2];
    pid_t parent = getpid();
    if (pipe2(outcome, O_CLOEXEC) < 0) {
        err_set_errno(err, errno, "making a pipe");
        return -1;
    }
    pid_t pid = fork();
    if (pid < 0) {
        err_set_errno(err, errno, "fork");
        close(outcome[0]);
        close(outcome[1]);
        return -1;
    }
    if (pid == 0) {
        enum stage stage = run_child(s, parent);
        struct failure f = {.stage = (int)stage, .error = errno};
        (void)!write(outcome[1], &f, sizeof(f));
        _exit(127);
    }
    (void)setpgid(pid, pid); /* both sides do, so that the group exists for either, whoever is first */
    close(outcome[1]);
    (void)fcntl(outcome[0], F_SETFL, O_NONBLOCK);
    *ret_outcome_fd = outcome[0];
    return pid;
}

/* exec says ENOENT for a missing file and for a missing interpreter alike. A relative path counts from the
 * child's directory. */
static bool is_interpreter_missing(const struct spawn *s, const char *file)
{
    int base =
        s->directory && s->directory[0] ? open(s->directory, O_PATH | O_DIRECTORY | O_CLOEXEC) : AT_FDCWD;
    bool is_there = faccessat(base, file, F_OK, 0) == 0;
    if (base >= 0)
        close(base);
    return is_there;
}

static void tell_exec_failure(const struct spawn *s, int error, struct err *err)
{
    const char *file = s->path ? s->path : s->argv[0];
    if (error == ENOENT && !strchr(file, '/'))
        err_set(err, "%s: not found in PATH", file);
    else if (error == ENOENT && is_interpreter_missing(s, file))
        err_set(err, "%s: its interpreter (the #! line or the dynamic loader) does not exist", file);
    else if (error == ENOEXEC)
        err_set(err, "%s: not a program for this machine, and no #! line", file);
    else
        err_set_errno(err, error, "%s", file);
}

static void tell_failure(const struct spawn *s, const struct failure *f, struct err *err)
{
    if (f->stage == STAGE_EXEC)
        tell_exec_failure(s, f->error, err);
    else if (f->stage == STAGE_DIRECTORY)
        err_set_errno(err, f->error, "entering directory %s", s->directory);
    else if (f->stage == STAGE_GROUP)
        err_set_errno(err, f->error, "joining its control group");
    else if (f->stage == STAGE_NICE)
        err_set_errno(err, f->error, "making it nice by %d", s->nice);
    else if (f->stage == STAGE_USER)
        err_set_errno(err, f->error, "becoming user %s", s->user->name);
    else
        err_set_errno(err, f->error, "preparing the process");
}

enum spawn_outcome spawn_outcome(int outcome_fd, const struct spawn *s, struct err *err)
{
    struct failure f;
    ssize_t n = read(outcome_fd, &f, sizeof(f));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return SPAWN_PENDING;
    if (n != (ssize_t)sizeof(f))
        return SPAWN_RUNNING;
    tell_failure(s, &f, err);
    return SPAWN_FAILED;
}
