/*
 * servers.c
 *
 * Invariants:
 *   1. a server_process is in the list from fork until its leader is reaped; its process group is known to
 * the guard all that time;
 *   2. an address belongs to one process in the list at most;
 *   3. a key names one process that is not `is_forgotten`. A process that is being stopped gives its name
 * away when the worker asks for the same key again, as a restarted worker may do which never knew of it; its
 * end is then nobody's news;
 *   4. when the leader ends, the rest of its group is killed while the leader is still a zombie: until it is
 * reaped, the kernel cannot give the group's number to anybody else.
 *
 * Where a server shall listen is places.h's. Handing over the listening socket itself would need servers that
 * know how to take one.
 */
#include "supervisor/servers.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "supervisor/exit_reason.h"
#include "supervisor/servers_priv.h"
#include "supervisor/template.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { END_REASON_BYTES = EXIT_REASON_BYTES + 64 };

/* ---- state ---- */

static const char *state_name(enum server_process_state state)
{
#define SERVER_PROCESS_STATE_NAME(upper, lower, help) #lower,
    static const char *const names[] = {SERVER_PROCESS_STATES(SERVER_PROCESS_STATE_NAME)};
    static_assert(ARRAY_LEN(names) == SERVER_PROCESS_STATE_COUNT, "every state has a name");
    return names[state];
}

static void server_process_go(struct server_process *p, enum server_process_state next)
{
    ASSERT(p->state <= next);
    log_debug("server %s (%d) %s -> %s", p->key, p->pid, state_name(p->state), state_name(next));
    p->state = next;
}

static struct server_process *find_key(struct servers *s, struct str key)
{
    for_each_process(s, p) if (!p->is_forgotten && str_eq(str_of(p->key), key)) return p;
    return NULL;
}

static struct server_process *find_pid(struct servers *s, pid_t pid)
{
    for_each_process(s, p) if (p->pid == pid) return p;
    return NULL;
}

/* ---- start ---- */

static struct places *places_of(struct servers *s, const struct supervisor_service *service)
{
    return &s->places[service - s->params.plan->services];
}

static bool is_address_used(void *context, const struct addr *address)
{
    struct server_process *asking = context;
    for_each_process(asking->all, p) if (addr_eq(&p->address, address)) return true;
    return false;
}

static uint32_t count_at(void *context, const struct addr *machine)
{
    struct server_process *asking = context;
    uint32_t count = 0;
    for_each_process(asking->all, p)
    {
        struct addr its = places_machine(&p->address);
        count += p->service == asking->service && addr_eq(&its, machine);
    }
    return count;
}

static bool wants_socket(const struct supervisor_service *service)
{
    for (const char *const *word = service->argv; *word; word++)
        if (template_has_socket(*word))
            return true;
    for (const char *const *word = service->environment; word && *word; word++)
        if (template_has_socket(*word))
            return true;
    return false;
}

static bool choose_address(struct server_process *p, struct err *err)
{
    struct servers *s = p->all;
    const struct places_facts facts = {p, count_at, is_address_used};
    if (!wants_socket(p->service))
        return places_choose(places_of(s, p->service), &facts, p->started_ns, &p->address, err);
    return socket_folder_make(&s->sockets, p->name, server_process_user(p),
                              s->has_worker_user ? &s->worker_user : NULL, &p->address, err);
}

static void leave_address(struct server_process *p)
{
    if (p->address.len && p->address.any.sa_family == AF_UNIX)
        socket_folder_remove(&p->address);
    p->address = (struct addr){0};
}

static bool is_name_char(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '-' || c == '_' || c == '.';
}

static const struct supervisor_service *find_service(const struct servers *s, struct str name)
{
    for (size_t i = 0; i < s->params.plan->service_count; i++)
        if (str_eq(str_of(s->params.plan->services[i].name), name))
            return &s->params.plan->services[i];
    return NULL;
}

static bool split_key(const struct servers *s, struct str key, const struct supervisor_service **ret_service,
                      struct err *err)
{
    size_t slash = 0;
    if (!str_find(key, '/', &slash) || slash + 1 == key.len || key.len > CHANNEL_KEY_BYTES_MAX)
        return err_set(err, "a server is named SERVICE/SERVER");
    for (size_t i = slash + 1; i < key.len; i++)
        if (!is_name_char(key.ptr[i]))
            return err_set(err, "a server's name has letters, digits, '-', '_' and '.' only");
    const struct supervisor_service *service = find_service(s, str_n(key.ptr, slash));
    if (!service)
        return err_set(err, "there is no service '%.*s' with a command", (int)slash, key.ptr);
    *ret_service = service;
    return true;
}

static uint32_t count_processes(struct servers *s, const struct supervisor_service *service)
{
    uint32_t count = 0;
    for_each_process(s, p) count += p->service == service;
    return count;
}

static void on_outcome(struct loop *l, struct handle *h, uint32_t events);
static void on_kill_timer(struct loop *l, struct timer *t);

static struct server_process *process_new(struct servers *s, struct str key,
                                          const struct supervisor_service *service)
{
    struct server_process *p = NEW(struct server_process);
    p->all = s;
    p->service = service;
    str_copy(p->key, sizeof(p->key), key);
    p->name = strchr(p->key, '/') + 1;
    p->started_ns = loop_now_ns(s->params.loop);
    p->outcome = (struct handle){.fd = -1, .on_event = on_outcome};
    p->output = (struct handle){.fd = -1, .on_event = server_process_on_output};
    timer_init(&p->kill_timer, on_kill_timer);
    list_init(&p->link);
    return p;
}

static void process_free(struct server_process *p)
{
    ASSERT(!list_is_linked(&p->link));
    timer_cancel(&p->kill_timer);
    server_process_close_output(p);
    if (p->outcome.fd >= 0)
        close(p->outcome.fd);
    cgroups_remove(&p->all->cgroups, &p->cgroup);
    leave_address(p);
    free(p->argv[0]);
    free(p);
}

static bool watch_process(struct server_process *p, struct err *err)
{
    struct loop *l = p->all->params.loop;
    if (loop_add(l, &p->outcome, EPOLLIN) && loop_add(l, &p->output, EPOLLIN))
        return true;
    (void)err_set_errno(err, errno, "watching the new process");
    loop_remove(l, &p->outcome);
    (void)kill(-p->pid, SIGKILL); /* reaped as a stranger */
    return false;
}

static bool start_process(struct server_process *p, struct err *err)
{
    int pipe_fds[2];
    if (!choose_address(p, err))
        return false;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_set_errno(err, errno, "making a pipe for the output");
    p->output.fd = pipe_fds[0];
    p->is_output_paused = true; /* not in the loop yet */
    (void)fcntl(p->output.fd, F_SETFL, O_NONBLOCK);
    bool is_forked = server_process_spawn(p, pipe_fds[1], err);
    close(pipe_fds[1]);
    if (!is_forked || !watch_process(p, err))
        return false;
    p->is_output_paused = false;
    return true;
}

/* True when the key may be used for a new process; tells what there is when it runs already. */
static bool is_key_free(struct servers *s, struct str key)
{
    struct server_process *p = find_key(s, key);
    if (!p)
        return true;
    if (p->state == SERVER_PROCESS_STOPPING) {
        p->is_forgotten = true;
        return true;
    }
    s->params.events->on_started(s->params.events->context, p->key, &p->address, p->pid);
    return false;
}

bool servers_start(struct servers *s, struct str key, struct err *err)
{
    const struct supervisor_service *service = NULL;
    if (!split_key(s, key, &service, err))
        return false;
    if (!is_key_free(s, key))
        return true;
    if (count_processes(s, service) >= service->process_count_max)
        return err_set(err, "service '%s' has %u processes, which is all it may have", service->name,
                       service->process_count_max);
    struct server_process *p = process_new(s, key, service);
    if (!start_process(p, err)) {
        process_free(p);
        return false;
    }
    list_push_back(&s->list, &p->link);
    s->count++;
    s->params.events->on_group(s->params.events->context, p->pid, true);
    return true;
}

/* Reads whether the program could be executed; idempotent. */
static void learn_outcome(struct server_process *p)
{
    struct err err;
    if (p->outcome.fd < 0)
        return;
    enum spawn_outcome outcome = spawn_outcome(p->outcome.fd, &p->spawn, &err);
    if (outcome == SPAWN_PENDING)
        return;
    loop_remove(p->all->params.loop, &p->outcome);
    close(p->outcome.fd);
    p->outcome.fd = -1;
    if (outcome == SPAWN_FAILED) {
        str_copy(p->failure, sizeof(p->failure), str_of(err.text)); /* told when the child has ended */
        return;
    }
    if (p->state != SERVER_PROCESS_EXECUTING)
        return;
    server_process_go(p, SERVER_PROCESS_RUNNING);
    p->all->params.events->on_started(p->all->params.events->context, p->key, &p->address, p->pid);
}

static void on_outcome(struct loop *l, struct handle *h, uint32_t events)
{
    learn_outcome(container_of(h, struct server_process, outcome));
}

/* ---- stop ---- */

static void kill_group(struct server_process *p)
{
    p->is_killed = true;
    (void)kill(-p->pid, SIGKILL);
}

static void on_kill_timer(struct loop *l, struct timer *t)
{
    struct server_process *p = container_of(t, struct server_process, kill_timer);
    log_warn("server %s did not end in time after SIGTERM: SIGKILL", p->name);
    kill_group(p);
}

/* SIGCONT, so that a stopped process can act on SIGTERM. A second stop may only bring the deadline nearer. */
static void stop_process(struct server_process *p, int64_t timeout_ns)
{
    struct loop *l = p->all->params.loop;
    int64_t deadline_ns = loop_now_ns(l) + timeout_ns;
    if (p->state == SERVER_PROCESS_STOPPING) {
        if (!p->is_killed && deadline_ns < p->kill_timer.deadline_ns)
            timer_set(l, &p->kill_timer, deadline_ns);
        return;
    }
    server_process_go(p, SERVER_PROCESS_STOPPING);
    if (timeout_ns <= 0) {
        kill_group(p);
        return;
    }
    (void)kill(-p->pid, SIGTERM);
    (void)kill(-p->pid, SIGCONT);
    timer_set(l, &p->kill_timer, deadline_ns);
}

void servers_stop(struct servers *s, struct str key, int64_t timeout_ns)
{
    struct server_process *p = find_key(s, key);
    if (p)
        stop_process(p, timeout_ns);
}

void servers_stop_all(struct servers *s)
{
    for_each_process(s, p) stop_process(p, p->service->stop_timeout_ns);
}

void servers_kill_all(struct servers *s)
{
    for_each_process(s, p)
    {
        if (p->state != SERVER_PROCESS_STOPPING)
            server_process_go(p, SERVER_PROCESS_STOPPING);
        timer_cancel(&p->kill_timer);
        kill_group(p);
    }
}

/* ---- end ---- */

bool servers_on_child_ending(struct servers *s, pid_t pid)
{
    struct server_process *p = find_pid(s, pid);
    if (!p)
        return false;
    (void)kill(-pid, SIGKILL);
    return true;
}

/* Whom the kernel kills for want of memory, it kills with SIGKILL. */
static const char *format_end(const struct server_process *p, int wait_status, char out[END_REASON_BYTES])
{
    char size[UNITS_TEXT_BYTES];
    (void)exit_reason_format(out, wait_status);
    bool is_sigkill = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
    if (!is_sigkill || p->is_killed || !cgroups_is_out_of_memory(&p->all->cgroups, &p->cgroup))
        return out;
    size_t len = strlen(out);
    snprintf(out + len, END_REASON_BYTES - len, ": out of memory, limit %s",
             units_format_size(size, p->cgroup.memory_bytes));
    return out;
}

static void tell_end(struct server_process *p, int wait_status)
{
    const struct servers_events *events = p->all->params.events;
    char reason[END_REASON_BYTES];
    struct buf last_lines = {0};
    if (p->failure[0]) {
        events->on_start_failed(events->context, p->key, p->failure);
        return;
    }
    lines_format_kept(&p->lines, &last_lines);
    events->on_exited(events->context, p->key, format_end(p, wait_status, reason),
                      last_lines.ptr ? last_lines.ptr : "");
    buf_fini(&last_lines);
}

static void run_free(struct loop *l, struct deferred *d)
{
    process_free(container_of(d, struct server_process, free_task));
}

bool servers_on_child_ended(struct servers *s, pid_t pid, int wait_status)
{
    struct server_process *p = find_pid(s, pid);
    if (!p)
        return servers_on_log_writer_ended(s, pid);
    learn_outcome(p);
    server_process_read_rest(p);
    timer_cancel(&p->kill_timer);
    loop_remove(s->params.loop, &p->outcome);
    list_remove(&p->link);
    s->count--;
    s->params.events->on_group(s->params.events->context, pid, false);
    int64_t now_ns = loop_now_ns(s->params.loop);
    places_note_end(places_of(s, p->service), &p->address, now_ns - p->started_ns, now_ns);
    if (!p->is_forgotten)
        tell_end(p, wait_status);
    cgroups_remove(&s->cgroups, &p->cgroup);
    leave_address(p);
    p->free_task.run = run_free;
    loop_defer(s->params.loop, &p->free_task);
    return true;
}

/* ---- all of them ---- */

void servers_list(struct servers *s)
{
    const struct servers_events *events = s->params.events;
    for_each_process(s, p) if (p->state != SERVER_PROCESS_STOPPING && !p->failure[0])
        events->on_started(events->context, p->key, &p->address, p->pid);
}

void servers_tell_groups(struct servers *s)
{
    for_each_process(s, p) s->params.events->on_group(s->params.events->context, p->pid, true);
}

size_t servers_count(const struct servers *s)
{
    return s->count;
}

static bool find_places(struct servers *s, struct err *err)
{
    const struct supervisor_plan *plan = s->params.plan;
    for (size_t i = 0; i < plan->service_count; i++)
        if (!places_init(&s->places[i], plan->services[i].machines, err))
            return err_wrap(err, "service '%s'", plan->services[i].name);
    return true;
}

static bool find_users(struct servers *s, struct err *err)
{
    const struct supervisor_plan *plan = s->params.plan;
    for (size_t i = 0; i < plan->service_count; i++) {
        const char *name = plan->services[i].user;
        if (!name || !name[0])
            continue;
        if (!user_find(name, &s->users[i], err))
            return err_wrap(err, "service '%s'", plan->services[i].name);
        if (geteuid() != 0 && s->users[i].uid != geteuid())
            return err_set(err, "service '%s': only root can start servers as user '%s'",
                           plan->services[i].name, name);
        s->has_user[i] = geteuid() == 0;
    }
    s->has_worker_user = geteuid() == 0 && plan->worker_user && plan->worker_user[0];
    if (s->has_worker_user && !user_find(plan->worker_user, &s->worker_user, err))
        return err_wrap(err, "the worker's user");
    return true;
}

/* Root, or a limit on niceness below the usual (getrlimit(2)), lets one go before others. */
static bool may_be_nice_by(int increment)
{
    struct rlimit limit;
    if (increment >= 0 || geteuid() == 0)
        return true;
    int wanted = getpriority(PRIO_PROCESS, 0) + increment;
    return getrlimit(RLIMIT_NICE, &limit) == 0 && (int)MIN(limit.rlim_cur, 40u) >= 20 - wanted;
}

static bool check_nice(const struct supervisor_plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->service_count; i++)
        if (!may_be_nice_by(plan->services[i].nice))
            return err_set(err, "service '%s': only root can start servers with nice %d",
                           plan->services[i].name, plan->services[i].nice);
    return true;
}

static void init_limits(struct servers *s)
{
    struct supervisor_limits wanted = {0};
    struct err err;
    for (size_t i = 0; i < s->params.plan->service_count; i++) {
        const struct supervisor_limits *limits = &s->params.plan->services[i].limits;
        wanted.memory_bytes = MAX(wanted.memory_bytes, limits->memory_bytes);
        wanted.cpus = MAX(wanted.cpus, limits->cpus);
    }
    if (!cgroups_init(&s->cgroups, "", &wanted, &err))
        log_warn("servers run without some of their limits: %s", err.text);
}

struct servers *servers_new(const struct servers_params *params, struct err *err)
{
    ASSERT(params->plan->service_count <= SUPERVISOR_SERVICES_MAX);
    struct servers *s = NEW(struct servers);
    s->params = *params;
    list_init(&s->list);
    output_init(&s->output, params->output_fd);
    timer_init(&s->output_timer, servers_on_output_timer);
    servers_init_logs(s);
    if (find_users(s, err) && find_places(s, err) && check_nice(params->plan, err)) {
        init_limits(s);
        servers_start_logs(s);
        return s;
    }
    servers_free(s);
    return NULL;
}

void servers_free(struct servers *s)
{
    if (!s)
        return;
    ASSERT(list_is_empty(&s->list));
    timer_cancel(&s->output_timer);
    cgroups_fini(&s->cgroups);
    socket_folder_fini(&s->sockets);
    servers_end_logs(s);
    output_fini(&s->output, NS_PER_S);
    free(s);
}
