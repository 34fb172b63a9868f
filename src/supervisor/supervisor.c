/*
 * supervisor.c
 *
 *        start            SIGTERM, first SIGINT          worker gone              servers gone
 *   (nothing) -> RUNNING ----------------------> DRAINING ------------> STOPPING -------------> ENDED
 *                   |            second SIGINT       |   second SIGINT     ^
 *                   +--------------------------------+---------------------+  (then with SIGKILL)
 *
 * One loop, one thread. Signals come through a signalfd, so they are events like any other, also for process
 * 1 of a container, which has no default actions. Handlers note a fact; go() alone changes the state.
 *
 * What ends how, when Weir ends:
 *   properly      go(STOPPING) ends each server; afterwards whatever carries our mark in its environment is
 * killed; by SIGKILL    the kernel kills worker and servers (PR_SET_PDEATHSIG), the guard their groups and
 * strays; as process 1  the kernel ends the whole container.
 *
 * Rejected: letting the worker start servers itself. They would die or be orphaned with it, and it would need
 * their rights.
 */
#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/channel.h"
#include "net/loop.h"
#include "supervisor/exit_reason.h"
#include "supervisor/guard.h"
#include "supervisor/notify.h"
#include "supervisor/servers.h"
#include "supervisor/sweep.h"
#include "supervisor/worker.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_TIMEOUT_MAX_NS (3600 * NS_PER_S) /* of a single stop, whatever the worker asks for */
#define WORKER_GRACE_NS     (1 * NS_PER_S)    /* beyond its own drain timeout */

enum { STRAY_KILL_ROUNDS = 50, STRAY_KILL_INTERVAL_MS = 20 };

#define SUPERVISOR_STATES(X)                                                                                 \
    X(RUNNING, running, "the worker is kept alive")                                                          \
    X(DRAINING, draining, "the worker ends its requests; servers still run")                                 \
    X(STOPPING, stopping, "the worker is gone or killed; servers end")                                       \
    X(ENDED, ended, "nothing is left")
#define SUPERVISOR_STATE_ENUM(upper, lower, help) SUPERVISOR_##upper,
enum supervisor_state { SUPERVISOR_STATES(SUPERVISOR_STATE_ENUM) SUPERVISOR_STATE_COUNT };

struct supervisor {
    const struct supervisor_plan *plan;
    enum supervisor_state state;
    int exit_status;
    bool was_ready; /* some worker has said `ready` */
    unsigned interrupt_count;
    struct loop *loop;
    struct handle signals;
    struct timer drain_timer, watchdog_timer;
    struct notify notify;
    struct guard guard;
    char mark[SWEEP_MARK_BYTES];
    struct rlimit open_files; /* as we were started */
    struct worker worker;
    struct worker_events worker_events;
    struct servers *servers;
    struct servers_events servers_events;
};

static const char *state_name(enum supervisor_state state)
{
#define SUPERVISOR_STATE_NAME(upper, lower, help) #lower,
    static const char *const names[] = {SUPERVISOR_STATES(SUPERVISOR_STATE_NAME)};
    static_assert(ARRAY_LEN(names) == SUPERVISOR_STATE_COUNT, "every state has a name");
    return names[state];
}

/* ---- state ---- */

/* Without a worker nobody accepts: clients are better refused than left waiting in a queue that nobody reads.
 */
static void close_inherited(struct supervisor *s)
{
    for (size_t i = 0; i < s->plan->inherited_fd_count; i++)
        close(s->plan->inherited_fds[i]);
}

static void begin_draining(struct supervisor *s)
{
    notify_send(&s->notify, "STOPPING=1\nSTATUS=draining");
    worker_release(&s->worker);
    close_inherited(s);
    worker_send(&s->worker, &(struct channel_message){.kind = CHANNEL_DRAIN});
    timer_set(s->loop, &s->drain_timer, loop_now_ns(s->loop) + s->plan->drain_timeout_ns + WORKER_GRACE_NS);
}

static void begin_stopping(struct supervisor *s)
{
    notify_send(&s->notify, "STOPPING=1\nSTATUS=stopping the servers");
    timer_cancel(&s->drain_timer);
    worker_kill(&s->worker);
    if (s->interrupt_count > 1)
        servers_kill_all(s->servers);
    else
        servers_stop_all(s->servers);
}

static void go(struct supervisor *s, enum supervisor_state next)
{
    ASSERT(next > s->state);
    log_debug("supervisor %s -> %s", state_name(s->state), state_name(next));
    if (s->state == SUPERVISOR_RUNNING && next == SUPERVISOR_STOPPING) {
        worker_release(&s->worker);
        close_inherited(s);
    }
    s->state = next;
    if (next == SUPERVISOR_DRAINING)
        begin_draining(s);
    else if (next == SUPERVISOR_STOPPING)
        begin_stopping(s);
    else
        loop_stop(s->loop);
}

/* Moves on when what the state waits for has come. Called after every event that could be it. */
static void drive(struct supervisor *s)
{
    if (s->state == SUPERVISOR_DRAINING && s->worker.pid == 0)
        go(s, SUPERVISOR_STOPPING);
    if (s->state == SUPERVISOR_STOPPING && s->worker.pid == 0 && servers_count(s->servers) == 0)
        go(s, SUPERVISOR_ENDED);
}

static void on_drain_timer(struct loop *l, struct timer *t)
{
    struct supervisor *s = container_of(t, struct supervisor, drain_timer);
    log_warn("the worker has not ended in time: killing it");
    worker_kill(&s->worker);
}

/* ---- signals ---- */

static void on_terminate(struct supervisor *s)
{
    if (s->state != SUPERVISOR_RUNNING)
        return;
    log_info("SIGTERM: draining");
    go(s, SUPERVISOR_DRAINING);
}

static void on_interrupt(struct supervisor *s)
{
    s->interrupt_count++;
    if (s->interrupt_count > 1) {
        log_info("interrupted again: killing everything");
        s->exit_status = 130;
        if (s->state < SUPERVISOR_STOPPING)
            go(s, SUPERVISOR_STOPPING);
        else if (s->state == SUPERVISOR_STOPPING)
            servers_kill_all(s->servers);
        return;
    }
    log_info("draining; press Ctrl-C again to stop at once");
    if (s->state == SUPERVISOR_RUNNING)
        go(s, SUPERVISOR_DRAINING);
}

static void tell_guard(struct supervisor *s, pid_t group, bool is_there, bool is_worker)
{
    bool is_told = is_there ? guard_add(&s->guard, group, is_worker) : guard_remove(&s->guard, group);
    if (!is_told && s->guard.pid > 0)
        (void)kill(s->guard.pid,
                   SIGKILL); /* dead or stuck: its end brings a new one, which is told everything */
}

static void start_guard(struct supervisor *s)
{
    struct err err;
    if (!guard_start(&s->guard, s->mark, &err)) {
        log_error("%s: a SIGKILL of weir could leave processes behind", err.text);
        return;
    }
    servers_tell_groups(s->servers);
    if (s->worker.pid > 0)
        tell_guard(s, s->worker.pid, true, true);
}

static void on_worker_ended(struct supervisor *s, int wait_status)
{
    char reason[EXIT_REASON_BYTES];
    bool cannot_start = s->state == SUPERVISOR_RUNNING && !s->was_ready && WIFEXITED(wait_status) &&
                        WEXITSTATUS(wait_status) == SUPERVISOR_WORKER_CANNOT_START;
    if (cannot_start) {
        s->exit_status = 1;
        worker_release(&s->worker);
    }
    if (s->state == SUPERVISOR_DRAINING && wait_status != 0)
        log_warn("the worker ended while draining: %s", exit_reason_format(reason, wait_status));
    worker_on_ended(&s->worker, exit_reason_format(reason, wait_status));
    if (cannot_start)
        go(s, SUPERVISOR_STOPPING);
}

/* Looks at each child that has ended before it is reaped: see servers_on_child_ending. */
static void reap_children(struct supervisor *s)
{
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0) {
        pid_t pid = info.si_pid;
        int wait_status = 0;
        (void)servers_on_child_ending(s->servers, pid);
        (void)waitpid(pid, &wait_status, 0);
        if (pid == s->worker.pid)
            on_worker_ended(s, wait_status);
        else if (pid == s->guard.pid) {
            log_warn("the guard process was killed: starting another");
            guard_abandon(&s->guard);
            start_guard(s);
        } else if (!servers_on_child_ended(s->servers, pid, wait_status))
            log_debug("reaped the orphan %d", pid);
        info.si_pid = 0;
    }
}

static void on_signal(struct supervisor *s, int number)
{
    switch (number) {
    case SIGCHLD:
        reap_children(s);
        break;
    case SIGTERM:
        on_terminate(s);
        break;
    case SIGINT:
        on_interrupt(s);
        break;
    case SIGHUP:
        log_info("SIGHUP: nothing happens; to apply a changed configuration, start weir again");
        break;
    default:
        break;
    }
}

static void on_signals(struct loop *l, struct handle *h, uint32_t events)
{
    struct supervisor *s = container_of(h, struct supervisor, signals);
    struct signalfd_siginfo info;
    while (read(h->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        on_signal(s, (int)info.ssi_signo);
    drive(s);
}

/* ---- what the worker says ---- */

static void on_start_message(struct supervisor *s, struct str key)
{
    struct err err;
    bool is_taken = s->state < SUPERVISOR_STOPPING ? servers_start(s->servers, key, &err)
                                                   : err_set(&err, "weir is stopping");
    if (is_taken)
        return;
    worker_send(&s->worker, &(struct channel_message){
                                .kind = CHANNEL_START_FAILED, .key = key, .text = str_of(err.text)});
}

static void on_ready_message(struct supervisor *s)
{
    s->was_ready = true;
    notify_send(&s->notify, "READY=1");
}

/* One line, so that a worker cannot speak other words of the protocol. */
static void on_status_message(struct supervisor *s, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ')
            return;
    notify_send(&s->notify, "STATUS=%.*s", STR_ARG(text));
}

static void on_message(void *context, const struct channel_message *m)
{
    struct supervisor *s = context;
    switch (m->kind) {
    case CHANNEL_START:
        on_start_message(s, m->key);
        break;
    case CHANNEL_STOP:
        servers_stop(s->servers, m->key, MIN(m->timeout_ns, STOP_TIMEOUT_MAX_NS));
        break;
    case CHANNEL_LIST:
        servers_list(s->servers);
        worker_send(&s->worker, &(struct channel_message){.kind = CHANNEL_LISTED});
        break;
    case CHANNEL_READY:
        on_ready_message(s);
        break;
    case CHANNEL_STATUS:
        on_status_message(s, m->text);
        break;
    default:
        log_warn("the worker sent `%s`, which only the supervisor says", channel_kind_name(m->kind));
    }
}

/* ---- what becomes of servers ---- */

/* One event, one line: while a worker runs, its ledger tells the same with more; without one nobody else
 * would. */
static enum log_level level_of_news(const struct supervisor *s)
{
    return s->state == SUPERVISOR_RUNNING && s->worker.pid ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

static void on_started(void *context, const char *key, const struct addr *address, pid_t pid)
{
    struct supervisor *s = context;
    struct channel_message m = {.kind = CHANNEL_STARTED, .key = str_of(key), .address = *address, .pid = pid};
    worker_send(&s->worker, &m);
}

static void on_start_failed(void *context, const char *key, const char *reason)
{
    struct supervisor *s = context;
    log_line(level_of_news(s), "server %s could not be started: %s", strchr(key, '/') + 1, reason);
    worker_send(&s->worker, &(struct channel_message){
                                .kind = CHANNEL_START_FAILED, .key = str_of(key), .text = str_of(reason)});
}

static void on_exited(void *context, const char *key, const char *reason, const char *last_lines)
{
    struct supervisor *s = context;
    log_line(level_of_news(s), "server %s ended: %s", strchr(key, '/') + 1, reason);
    worker_send(&s->worker, &(struct channel_message){.kind = CHANNEL_EXITED,
                                                      .key = str_of(key),
                                                      .text = str_of(reason),
                                                      .last_lines = str_of(last_lines)});
}

static void on_server_group(void *context, pid_t group, bool is_there)
{
    tell_guard(context, group, is_there, false);
}

static void on_worker_group(void *context, pid_t group, bool is_there)
{
    tell_guard(context, group, is_there, true);
}

/* ---- begin and end ---- */

static void on_watchdog_timer(struct loop *l, struct timer *t)
{
    struct supervisor *s = container_of(t, struct supervisor, watchdog_timer);
    notify_send(&s->notify, "WATCHDOG=1");
    timer_set(l, t, loop_now_ns(l) + s->notify.watchdog_interval_ns);
}

static bool open_signals(struct supervisor *s, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL); /* had it been inherited as ignored, children would vanish unreaped */
    s->signals =
        (struct handle){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .on_event = on_signals};
    if (s->signals.fd < 0 || !loop_add(s->loop, &s->signals, EPOLLIN))
        return err_set_errno(err, errno, "taking over the signals");
    return true;
}

/* One pipe a server: the usual soft limit of 1024 is soon reached. Children get the limit that we were given.
 */
static void raise_open_files(struct supervisor *s)
{
    (void)getrlimit(RLIMIT_NOFILE, &s->open_files);
    struct rlimit raised = {s->open_files.rlim_max, s->open_files.rlim_max};
    (void)setrlimit(RLIMIT_NOFILE, &raised);
}

static bool begin(struct supervisor *s, struct err *err)
{
    s->loop = loop_new(s);
    if (!s->loop)
        return err_set_errno(err, errno, "making the event loop");
    timer_init(&s->drain_timer, on_drain_timer);
    timer_init(&s->watchdog_timer, on_watchdog_timer);
    raise_open_files(s);
    sweep_mark_new(s->mark);
    notify_init(&s->notify);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of our servers come to us, not to process 1 */
    s->servers_events = (struct servers_events){s, on_started, on_start_failed, on_exited, on_server_group};
    s->worker_events = (struct worker_events){s, on_message, on_worker_group};
    if (!open_signals(s, err) || !worker_init(&s->worker, s->loop, s->plan, &s->worker_events, err))
        return false;
    s->servers = servers_new(&(struct servers_params){.loop = s->loop,
                                                      .plan = s->plan,
                                                      .events = &s->servers_events,
                                                      .mark = s->mark,
                                                      .open_files = s->open_files,
                                                      .output_fd = STDERR_FILENO},
                             err);
    return s->servers != NULL;
}

/* Servers are gone; what they left behind outside their process groups is killed and reaped. */
static void kill_strays(const struct supervisor *s)
{
    for (int i = 0; i < STRAY_KILL_ROUNDS && sweep_signal(s->mark, SIGKILL) > 0; i++) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        (void)poll(NULL, 0, STRAY_KILL_INTERVAL_MS);
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static void end(struct supervisor *s)
{
    guard_dismiss(&s->guard);
    if (s->servers)
        kill_strays(s);
    servers_free(s->servers);
    if (s->signals.fd >= 0) {
        loop_remove(s->loop, &s->signals);
        close(s->signals.fd); /* the signals stay blocked: a late Ctrl-C must not change the exit status */
    }
    loop_free(s->loop);
}

static void run(struct supervisor *s)
{
    struct err err;
    start_guard(s);
    if (s->notify.watchdog_interval_ns)
        timer_set(s->loop, &s->watchdog_timer, clock_now_ns());
    (void)worker_start(&s->worker, &err);
    loop_run(s->loop);
    worker_fini(&s->worker);
}

int supervisor_run(const struct supervisor_plan *plan)
{
    struct supervisor s = {.plan = plan, .guard.fd = -1, .signals.fd = -1};
    struct err err;
    if (begin(&s, &err)) {
        run(&s);
    } else {
        log_error("weir cannot start: %s", err.text);
        s.exit_status = 1;
    }
    end(&s);
    return s.exit_status;
}
