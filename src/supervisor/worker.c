/*
 * worker.c
 *
 * The worker is this very program, executed anew, so it has a fresh address space and none of the
 * supervisor's privileges. It gets the listening sockets under the numbers they have here; they are never
 * closed as long as it is kept, so connections that come while no worker runs wait in the kernel's queue for
 * the next one.
 *
 * Messages that were sent by a worker that has died are still read before its channel is closed: a server it
 * asked for is started, and the next worker finds it in the list.
 */
#include "supervisor/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "supervisor/environment.h"
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MESSAGES_A_TURN_MAX = 256,
    EXEC_WAIT_MS = 2000, /* for the outcome of exec; a worker that takes longer is waited for no further */
};

static void close_channel(struct worker *w)
{
    if (w->channel.fd < 0)
        return;
    loop_remove(w->loop, &w->handle);
    channel_fini(&w->channel);
    w->handle.fd = -1;
}

static void break_channel(struct worker *w, const char *why)
{
    log_error("the worker's channel: %s; killing the worker", why);
    close_channel(w);
    worker_kill(w);
}

static void receive(struct worker *w)
{
    char packet[CHANNEL_PACKET_BYTES_MAX];
    struct channel_message m;
    struct err err;
    for (int i = 0; i < MESSAGES_A_TURN_MAX && w->channel.fd >= 0; i++) {
        enum channel_result r = channel_receive(&w->channel, packet, &m, &err);
        if (r == CHANNEL_EMPTY)
            return;
        if (r == CHANNEL_CLOSED)
            close_channel(w); /* it is ending: SIGCHLD says how */
        else if (r == CHANNEL_BROKEN)
            break_channel(w, err.text);
        else
            w->events->on_message(w->events->context, &m);
    }
}

static void watch_channel(struct worker *w)
{
    uint32_t events = EPOLLIN | (channel_is_waiting(&w->channel) ? (uint32_t)EPOLLOUT : 0);
    if (!loop_change(w->loop, &w->handle, events))
        break_channel(w, "the kernel refuses to watch it");
}

static void on_channel(struct loop *l, struct handle *h, uint32_t events)
{
    struct worker *w = container_of(h, struct worker, handle);
    if (events & EPOLLOUT) {
        if (!channel_flush(&w->channel)) {
            break_channel(w, "it cannot be written");
            return;
        }
        watch_channel(w);
    }
    if (events & ~(uint32_t)EPOLLOUT)
        receive(w);
}

void worker_send(struct worker *w, const struct channel_message *m)
{
    if (w->channel.fd < 0)
        return;
    bool was_waiting = channel_is_waiting(&w->channel);
    if (!channel_send(&w->channel, m)) {
        break_channel(w, "it does not read its messages");
        return;
    }
    if (channel_is_waiting(&w->channel) && !was_waiting)
        watch_channel(w);
}

static bool open_channel(struct worker *w, int *ret_worker_end, struct err *err)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return err_set_errno(err, errno, "making the worker's channel");
    channel_init(&w->channel, fds[0]);
    w->handle = (struct handle){.fd = fds[0], .on_event = on_channel};
    if (!loop_add(w->loop, &w->handle, EPOLLIN)) {
        err_set_errno(err, errno, "watching the worker's channel");
        channel_fini(&w->channel);
        close(fds[1]);
        return false;
    }
    *ret_worker_end = fds[1];
    return true;
}

/* The program is our own and on local disk: waiting for its exec is a matter of a millisecond. */
static bool await_exec(const struct spawn *s, int outcome_fd, struct err *err)
{
    (void)poll(&(struct pollfd){.fd = outcome_fd, .events = POLLIN}, 1, EXEC_WAIT_MS);
    bool is_running = spawn_outcome(outcome_fd, s, err) != SPAWN_FAILED;
    close(outcome_fd);
    return is_running;
}

static bool spawn_worker(struct worker *w, int worker_end, struct err *err)
{
    size_t fd_count = w->plan->inherited_fd_count;
    int *fds = NEW_ARRAY(int, fd_count + 1);
    struct environment environment;
    environment_init(&environment, environ);
    for (const char *const *item = w->plan->worker_environment; item && *item; item++)
        environment_set(&environment, *item);
    environment_printf(&environment, "WEIR_CHANNEL=%d", worker_end);
    environment_printf(&environment, "WEIR_RESTARTS=%u", w->starts);
    if (fd_count)
        memcpy(fds, w->plan->inherited_fds, fd_count * sizeof(int));
    fds[fd_count] = worker_end;
    struct spawn s = {.path = w->plan->worker_path,
                      .argv = (char *const *)w->plan->worker_argv,
                      .environment = environment.items,
                      .user = w->has_user ? &w->user : NULL,
                      .output_fd = -1,
                      .kept_fds = fds,
                      .kept_fd_count = fd_count + 1,
                      .open_files = w->open_files,
                      .is_unprivileged = true};
    int outcome_fd = -1;
    w->pid = spawn_start(&s, &outcome_fd, err);
    bool is_running = w->pid > 0 && await_exec(&s, outcome_fd, err);
    w->starts += is_running;
    environment_fini(&environment);
    free(fds);
    if (w->pid > 0)
        w->events->on_group(w->events->context, w->pid, true);
    return is_running;
}

static bool start_once(struct worker *w, struct err *err)
{
    int worker_end = -1;
    w->pid = 0;
    w->started_ns = clock_now_ns();
    if (!open_channel(w, &worker_end, err))
        return false;
    bool is_running = spawn_worker(w, worker_end, err);
    close(worker_end);
    if (!is_running)
        close_channel(w);
    if (w->pid < 0)
        w->pid = 0;
    return is_running;
}

static void plan_restart(struct worker *w)
{
    int64_t now_ns = clock_now_ns();
    int64_t delay_ns = restart_delay_ns(&w->restart, now_ns - w->started_ns);
    struct err err;
    if (delay_ns > 0) {
        log_error("the worker died %u times in a row right after its start: the next start is in %d s",
                  w->restart.quick_deaths, (int)(delay_ns / NS_PER_S));
        timer_set(w->loop, &w->restart_timer, now_ns + delay_ns);
        return;
    }
    (void)worker_start(w, &err);
}

/* When there is a process, its end brings the next attempt; when there is none, the timer does. */
bool worker_start(struct worker *w, struct err *err)
{
    ASSERT(w->pid == 0 && w->channel.fd < 0);
    w->is_kept = true;
    if (start_once(w, err))
        return true;
    log_error("starting the worker: %s", err->text);
    if (w->pid == 0)
        timer_set(w->loop, &w->restart_timer, clock_now_ns() + RESTART_DELAY_MIN_NS);
    return false;
}

static void on_restart_timer(struct loop *l, struct timer *t)
{
    struct worker *w = container_of(t, struct worker, restart_timer);
    struct err err;
    (void)worker_start(w, &err);
}

void worker_on_ended(struct worker *w, const char *reason)
{
    receive(w);
    close_channel(w);
    w->events->on_group(w->events->context, w->pid, false);
    w->pid = 0;
    if (!w->is_kept)
        return;
    log_warn("the worker ended (%s): starting another; servers and listening sockets stay", reason);
    plan_restart(w);
}

void worker_release(struct worker *w)
{
    w->is_kept = false;
    timer_cancel(&w->restart_timer);
}

void worker_kill(struct worker *w)
{
    if (w->pid > 0)
        (void)kill(-w->pid, SIGKILL);
}

static bool choose_user(struct worker *w, struct err *err)
{
    const char *name = w->plan->worker_user;
    if (geteuid() != 0 || !name || !name[0])
        return true;
    w->has_user = true;
    if (!user_find(name, &w->user, err))
        return err_wrap(err, "the worker's user");
    for (size_t i = 0; i < w->plan->worker_group_count; i++)
        if (!user_add_group(&w->user, w->plan->worker_groups[i]))
            return err_set(err, "the worker's user can't be in group %u, too", w->plan->worker_groups[i]);
    return true;
}

bool worker_init(struct worker *w, struct loop *l, const struct supervisor_plan *plan,
                 const struct worker_events *events, struct err *err)
{
    *w = (struct worker){.loop = l, .plan = plan, .events = events, .channel.fd = -1, .handle.fd = -1};
    timer_init(&w->restart_timer, on_restart_timer);
    list_init(&w->channel.waiting);
    (void)getrlimit(RLIMIT_NOFILE, &w->open_files);
    w->open_files.rlim_cur = w->open_files.rlim_max;
    return choose_user(w, err);
}

void worker_fini(struct worker *w)
{
    ASSERT(w->pid == 0);
    timer_cancel(&w->restart_timer);
    close_channel(w);
}
