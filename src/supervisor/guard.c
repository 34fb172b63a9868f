/*
 * guard.c
 *
 * The guard learns groups through a pipe of fixed words and sleeps in read(2). The end of the pipe is the end
 * of the supervisor: no polling, no signal, nothing that can be missed.
 *
 * Why not PR_SET_PDEATHSIG alone: it reaches the direct children only, and not those that changed their user.
 * Why not a cgroup: it needs rights that Weir seldom has.
 */
#include "supervisor/guard.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "supervisor/helper.h"
#include "supervisor/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_INTERVAL_MS = 20 };

enum verb { VERB_ADD = 1, VERB_ADD_WORKER, VERB_REMOVE };

struct word {
    int32_t verb;
    int32_t group;
};

/* What the guard knows. Static: it must not run out of memory. */
struct known {
    pid_t groups[GUARD_GROUPS_MAX];
    bool is_worker[GUARD_GROUPS_MAX];
    size_t count;
    char mark[SWEEP_MARK_BYTES];
};

static void forget(struct known *k, pid_t group)
{
    for (size_t i = 0; i < k->count; i++) {
        if (k->groups[i] != group)
            continue;
        k->count--;
        k->groups[i] = k->groups[k->count];
        k->is_worker[i] = k->is_worker[k->count];
        return;
    }
}

static void learn(struct known *k, const struct word *w)
{
    if (w->group <= 1)
        return;
    forget(k, w->group);
    if (w->verb == VERB_REMOVE || k->count == GUARD_GROUPS_MAX)
        return;
    k->groups[k->count] = w->group;
    k->is_worker[k->count] = w->verb == VERB_ADD_WORKER;
    k->count++;
}

static size_t signal_groups(const struct known *k, int signal_number)
{
    size_t alive = 0;
    for (size_t i = 0; i < k->count; i++)
        alive += kill(-k->groups[i], signal_number) == 0;
    return alive;
}

static void end_all(const struct known *k)
{
    int64_t deadline_ns = clock_now_ns() + GUARD_GRACE_NS;
    for (size_t i = 0; i < k->count; i++)
        (void)kill(-k->groups[i], k->is_worker[i] ? SIGKILL : SIGTERM);
    size_t strays = sweep_signal(k->mark, SIGTERM);
    if (signal_groups(k, 0) + strays == 0)
        return;
    log_warn("weir itself was killed: ending the processes it left behind");
    while (clock_now_ns() < deadline_ns && signal_groups(k, 0) + sweep_signal(k->mark, 0) > 0)
        (void)poll(NULL, 0, POLL_INTERVAL_MS);
    (void)signal_groups(k, SIGKILL);
    (void)sweep_signal(k->mark, SIGKILL);
}

/* Until the end of the pipe. */
static void read_words(struct known *k, int fd)
{
    for (;;) {
        struct word w;
        ssize_t n = read(fd, &w, sizeof(w));
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof(w))
            return;
        learn(k, &w);
    }
}

static _Noreturn void guard_main(int fd, const char *mark)
{
    static struct known known;
    fd = helper_begin("weir-guard", fd);
    str_copy(known.mark, sizeof(known.mark), str_of(mark));
    read_words(&known, fd);
    end_all(&known);
    _exit(0);
}

bool guard_start(struct guard *g, const char *mark, struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set_errno(err, errno, "making a pipe for the guard");
    pid_t pid = fork();
    if (pid < 0) {
        int error = errno;
        close(fds[0]);
        close(fds[1]);
        return err_set_errno(err, error, "forking the guard");
    }
    if (pid == 0)
        guard_main(fds[0], mark);
    close(fds[0]);
    (void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
    *g = (struct guard){.pid = pid, .fd = fds[1]};
    return true;
}

static bool tell(const struct guard *g, enum verb verb, pid_t group)
{
    struct word w = {.verb = (int32_t)verb, .group = group};
    return g->fd >= 0 && write(g->fd, &w, sizeof(w)) == (ssize_t)sizeof(w); /* SIGPIPE is ignored */
}

bool guard_add(struct guard *g, pid_t group, bool is_worker)
{
    return tell(g, is_worker ? VERB_ADD_WORKER : VERB_ADD, group);
}

bool guard_remove(struct guard *g, pid_t group)
{
    return tell(g, VERB_REMOVE, group);
}

void guard_abandon(struct guard *g)
{
    if (g->pid > 0)
        (void)kill(g->pid, SIGKILL); /* before its pipe ends, so that it does nothing any more */
    if (g->fd >= 0)
        close(g->fd);
    *g = (struct guard){.fd = -1};
}

void guard_dismiss(struct guard *g)
{
    pid_t pid = g->pid;
    guard_abandon(g);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
