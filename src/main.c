/*
 * main.c: the one file above the rooms. It makes the supervisor's plan out of a configuration, and the
 * worker's parameters out of what the supervisor hands over.
 *
 * From supervisor to worker go descriptors and one variable, WEIR_WORKER: "config=5 admin=6 listeners=7,8,9".
 * The configuration goes as text in a sealed memory file: the worker need not be able to read the user's
 * file, and after a restart it reads the same text, however the file has changed since. Secrets that only
 * root can read go the same way, each in a memory file of the worker's user; the configuration then names
 * /proc/self/fd/N in their place. WEIR_STATE is the file in which what is learned is kept.
 */
#include "cli/cli.h"
#include "config/engine.h"
#include "config/reader.h"
#include "config/secrets.h"
#include "control/control.h"
#include "net/job.h"
#include "net/socket.h"
#include "provider/trial.h"
#include "scale/simulate/simulate.h"
#include "supervisor/state_folder.h"
#include "supervisor/supervisor.h"
#include "supervisor/user.h"
#include "watch/notify/trial.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static_assert((int)CONTROL_CANNOT_START == (int)SUPERVISOR_WORKER_CANNOT_START, "one number on both sides");

enum { SECRET_BYTES_MAX = 64 * 1024, HANDOVER_FDS_MAX = 65536 };

/* Every descriptor that the worker inherits, in the order in which it was opened. */
struct handover {
    int *fds;
    size_t count;
    struct buf listeners;    /* "7,8,9" */
    struct buf state;        /* "WEIR_STATE=/var/lib/weir/shop-1f0c23ab/weir.db"; no path: nothing is kept */
    int admin_fd, config_fd; /* -1: none */
};

static int keep(struct handover *h, int fd)
{
    h->fds = mem_realloc(h->fds, (h->count + 1) * sizeof(int));
    h->fds[h->count++] = fd;
    return fd;
}

/* ---- sockets ---- */

/*
 * SO_REUSEPORT, which the data threads need, would also let a second Weir share the address without a word; a
 * bind without it tells whether somebody listens already.
 */
static bool check_address_free(const struct addr *a, struct err *err)
{
    int on = 1;
    char text[ADDR_TEXT_BYTES];
    if (a->any.sa_family == AF_UNIX)
        return true;
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set_errno(err, errno, "opening a socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a->any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
    bool is_free = bind(fd, &a->any, a->len) == 0;
    int error = errno;
    close(fd);
    return is_free || err_set_errno(err, error, "listening on %s", addr_format(text, a));
}

/* One socket a data thread; for a unix socket, which the kernel does not spread, the same one for all. */
static int open_for_thread(struct addr *a, int first_fd, struct err *err)
{
    if (a->any.sa_family == AF_UNIX && first_fd >= 0)
        return fcntl(first_fd, F_DUPFD_CLOEXEC, 0);
    int fd = socket_listen(a, a->any.sa_family != AF_UNIX, err);
    if (fd >= 0 && first_fd < 0 && addr_port(a) == 0)
        (void)socket_local_addr(fd, a); /* port 0: the others take the one that was given */
    return fd;
}

static void say_address(const char *what, const struct addr *a)
{
    char text[ADDR_TEXT_BYTES];
    bool is_any = (a->any.sa_family == AF_INET && a->in4.sin_addr.s_addr == INADDR_ANY) ||
                  (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr));
    if (a->any.sa_family == AF_UNIX)
        fprintf(stderr, "%s %s\n", what, addr_format(text, a));
    else if (is_any)
        fprintf(stderr, "%s http://localhost:%u/ (on all addresses)\n", what, addr_port(a));
    else
        fprintf(stderr, "%s http://%s/\n", what, addr_format(text, a));
}

static bool open_listener(struct handover *h, struct addr a, uint32_t threads, struct err *err)
{
    int first_fd = -1;
    if (!check_address_free(&a, err))
        return false;
    for (uint32_t thread = 0; thread < threads; thread++) {
        int fd = open_for_thread(&a, first_fd, err);
        if (fd < 0)
            return false;
        first_fd = first_fd < 0 ? fd : first_fd;
        buf_printf(&h->listeners, h->listeners.len ? ",%d" : "%d", keep(h, fd));
    }
    say_address("site:      ", &a);
    return true;
}

static bool open_sockets(struct handover *h, const struct config *c, struct err *err)
{
    for (size_t i = 0; i < c->listener_count; i++)
        if (!open_listener(h, c->listeners[i].address, c->workers, err))
            return false;
    if (!c->admin.is_enabled)
        return true;
    struct addr admin = c->admin.address;
    h->admin_fd = socket_listen(&admin, false, err);
    if (h->admin_fd < 0)
        return err_wrap(err, "the admin address");
    (void)keep(h, h->admin_fd);
    (void)socket_local_addr(h->admin_fd, &admin);
    say_address("admin page:", &admin);
    return true;
}

/* Whom nobody will call at night should know it beforehand. */
static void say_who_is_told(const struct config *c)
{
    if (c->notify_count == 1) /* the log is always one */
        fprintf(stderr, "alerts:     here and on the admin page (notify: in the configuration sends them)\n");
}

/* ---- the configuration, handed over as text ---- */

static int memory_file(const char *name, struct str content, struct err *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || write(fd, content.ptr, content.len) != (ssize_t)content.len ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
        err_set_errno(err, errno, "making a file in memory");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* Asked of the kernel itself, by a child that becomes the user: modes, groups, folders and ACLs all count. */
static bool is_readable_by(const char *path, const struct user *user)
{
    int status = 1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(user_become(user) && open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) >= 0 ? 0 : 1);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && status == 0;
}

/* The file's content in memory, readable by the user alone. -1: cannot be read; the worker will say so in its
 * own words. */
static int copy_secret(const char *path, const struct user *user)
{
    char bytes[SECRET_BYTES_MAX];
    int source = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (source < 0)
        return -1;
    ssize_t n = read(source, bytes, sizeof(bytes));
    close(source);
    if (n < 0)
        return -1;
    int fd = memory_file("weir-secret", str_n(bytes, (size_t)n), NULL);
    explicit_bzero(bytes, sizeof(bytes));
    if (fd >= 0 && (fchmod(fd, 0400) < 0 || fchown(fd, user->uid, user->gid) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Who hands over what to whom. */
struct secrets {
    struct handover *handover;
    struct user user;
    struct arena *arena;
};

/* Makes *path one that the worker can read, where it is not. */
static void hand_over_secret(void *context, struct str *path)
{
    struct secrets *s = context;
    char name[64];
    if (path->len == 0 || is_readable_by(path->ptr, &s->user))
        return;
    int fd = copy_secret(path->ptr, &s->user);
    if (fd < 0)
        return;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", keep(s->handover, fd));
    *path = arena_copy_str(s->arena, str_of(name));
}

static bool hand_over_secrets(struct handover *h, struct config *c, struct arena *arena, struct err *err)
{
    struct secrets s = {.handover = h, .arena = arena};
    if (geteuid() != 0 || c->user.len == 0)
        return true;
    if (!user_find(c->user.ptr, &s.user, err))
        return err_wrap(err, "the worker's user");
    config_each_secret_file(c, hand_over_secret, &s);
    return true;
}

static void *copy_items(struct arena *arena, const void *items, size_t count, size_t item_bytes)
{
    void *copy = arena_alloc(arena, (count + 1) * item_bytes);
    return count ? memcpy(copy, items, count * item_bytes) : copy;
}

/* Of the same content, in which the paths of secrets can be changed (config/secrets.h). */
static struct config copy_config(const struct config *c, struct arena *arena)
{
    struct config copy = *c;
    copy.notify = copy_items(arena, c->notify, c->notify_count, sizeof(*c->notify));
    copy.services = copy_items(arena, c->services, c->service_count, sizeof(*c->services));
    copy.watch.hosts = copy_items(arena, c->watch.hosts, c->watch.host_count, sizeof(*c->watch.hosts));
    copy.watch.probes = copy_items(arena, c->watch.probes, c->watch.probe_count, sizeof(*c->watch.probes));
    return copy;
}

static bool hand_over_config(struct handover *h, const struct config *config, struct err *err)
{
    struct arena *arena = arena_new();
    struct config shown = copy_config(config, arena);
    struct buf text = {0};
    bool ok = hand_over_secrets(h, &shown, arena, err);
    if (ok) {
        config_format(&shown, &text);
        h->config_fd = memory_file("weir-config", buf_str(&text), err);
        ok = h->config_fd >= 0;
        if (ok)
            (void)keep(h, h->config_fd);
    }
    buf_fini(&text);
    arena_free(arena);
    return ok;
}

/* ---- where what is learned is kept ---- */

/* "shop" of "/etc/weir/shop.yaml" */
static struct str stem_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return str_n(name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

/* The file's full path; for a command where it was started, and its words. */
static bool put_identity(const struct cli_origin *origin, bool is_file, struct buf *out)
{
    char path[STATE_FOLDER_BYTES];
    if (!(is_file ? realpath(origin->config_path, path) : getcwd(path, sizeof(path))))
        return false;
    buf_put(out, str_of(path));
    for (size_t i = 0; i < origin->argument_count; i++) {
        buf_put_char(out, '\0');
        buf_put(out, str_of(origin->arguments[i]));
    }
    return true;
}

static bool make_state_folder(struct handover *h, const struct config *c, const struct cli_origin *origin,
                              struct err *err)
{
    char path[STATE_FOLDER_BYTES];
    struct buf identity CLEANUP(buf_fini) = {0};
    struct user user;
    bool is_given = geteuid() == 0 && c->user.len;
    bool is_file = origin->config_path && strcmp(origin->config_path, "-") != 0;
    struct str stem = is_file ? stem_of(origin->config_path) : STR("run");
    if (!put_identity(origin, is_file, &identity))
        return err_set_errno(err, errno, "finding out where Weir was started");
    if (is_given && !user_find(c->user.ptr, &user, err))
        return false;
    if (!state_folder_choose(c->state.directory.len ? c->state.directory.ptr : "", stem, buf_str(&identity),
                             path, err) ||
        !state_folder_make(path, is_given ? &user : NULL, err))
        return false;
    buf_printf(&h->state, "%s/weir.db", path);
    return true;
}

/* Weir serves and scales all the same where it may not keep anything. */
static void hand_over_state(struct handover *h, const struct config *c, const struct cli_origin *origin)
{
    struct err err;
    buf_put(&h->state, STR("WEIR_STATE="));
    if (c->state.is_enabled && !make_state_folder(h, c, origin, &err))
        log_warn("what is learned is not kept: %s (`state: off` keeps nothing on purpose)", err.text);
}

/* ---- the plan ---- */

static const char **string_array(struct arena *arena, const struct config_strings *strings)
{
    const char **array = ARENA_ARRAY(arena, const char *, strings->count + 1);
    for (size_t i = 0; i < strings->count; i++)
        array[i] = strings->items[i].ptr;
    return array;
}

/* While servers are replaced or drained, old and new ones exist at once; beyond that something is wrong. */
static uint32_t process_count_max(const struct config_scale *scale)
{
    return 2 * scale->servers_max + 4;
}

static void plan_services(struct supervisor_plan *plan, const struct config *c, struct arena *arena)
{
    struct supervisor_service *services = ARENA_ARRAY(arena, struct supervisor_service, c->service_count + 1);
    for (size_t i = 0; i < c->service_count; i++) {
        const struct config_scale *scale = &c->services[i].scale;
        if (scale->provider != SCALE_PROVIDER_PROCESS)
            continue;
        services[plan->service_count++] = (struct supervisor_service){
            .name = c->services[i].name.ptr,
            .argv = string_array(arena, &scale->command),
            .environment = string_array(arena, &scale->environment),
            .machines = string_array(arena, &scale->machines),
            .directory = scale->directory.ptr,
            .user = scale->user.ptr,
            .nice = scale->nice,
            .log = {.file = scale->log.file.ptr,
                    .bytes_max = scale->log.bytes_max,
                    .keep = scale->log.keep,
                    .is_copied = scale->log.copy == SERVER_LOG_COPY_STDERR},
            .limits = {.memory_bytes = scale->limits.memory_bytes, .cpus = scale->limits.cpus},
            .process_count_max = process_count_max(scale),
            .stop_timeout_ns = scale->stop_timeout_ns};
    }
    plan->services = services;
}

/* The path of the Engine API's socket that the service's provider, or its discovery, uses; NULL: none. */
static const char *engine_socket(const struct config_service *s)
{
    const struct config_docker_api *api = s->scale.provider == SCALE_PROVIDER_DOCKER  ? &s->scale.docker.api
                                          : s->scale.provider == SCALE_PROVIDER_SWARM ? &s->scale.swarm.api
                                          : s->discover.source == DISCOVER_DOCKER     ? &s->discover.docker
                                                                                      : NULL;
    static const struct str prefix = {"unix://", 7};
    bool is_socket = api && str_starts_with(api->endpoint, prefix);
    return is_socket ? api->endpoint.ptr + prefix.len : NULL;
}

/*
 * The worker is nobody, and an engine's socket is open to a group alone: it gets that group. Where that is
 * not possible it is told here, and again by the provider's own failure for as long as it lasts.
 */
static void plan_groups(struct supervisor_plan *plan, const struct config *c, struct arena *arena)
{
    gid_t *groups = ARENA_ARRAY(arena, gid_t, c->service_count + 1);
    struct err err;
    if (geteuid() != 0 || c->user.len == 0)
        return;
    for (size_t i = 0; i < c->service_count; i++) {
        const char *socket = engine_socket(&c->services[i]);
        if (socket && user_find_socket_group(socket, &groups[plan->worker_group_count], &err))
            plan->worker_group_count++;
        else if (socket)
            log_warn("service %s: the worker (user %s) will not reach its engine: %s",
                     c->services[i].name.ptr, c->user.ptr, err.text);
    }
    plan->worker_groups = groups;
}

static int supervise(const struct config *c, const struct handover *h)
{
    static const char *const argv[] = {"weir", "worker", NULL};
    struct arena *arena = arena_new();
    struct buf variable = {0};
    buf_printf(&variable, "WEIR_WORKER=config=%d admin=%d listeners=%s", h->config_fd, h->admin_fd,
               h->listeners.ptr ? h->listeners.ptr : "");
    const char *const environment[] = {variable.ptr, h->state.ptr, NULL};
    struct supervisor_plan plan = {.worker_path = "/proc/self/exe",
                                   .worker_argv = argv,
                                   .worker_environment = environment,
                                   .worker_user = c->user.ptr,
                                   .inherited_fds = h->fds,
                                   .inherited_fd_count = h->count,
                                   .secret_environment = config_secret_variables(c, arena),
                                   .drain_timeout_ns = c->timeouts.drain_ns + config_engines_exit_ns(c)};
    plan_services(&plan, c, arena);
    plan_groups(&plan, c, arena);
    int status = supervisor_run(&plan);
    buf_fini(&variable);
    arena_free(arena);
    return status;
}

static int run(const struct config *config, const struct cli_origin *origin)
{
    struct handover h = {.admin_fd = -1, .config_fd = -1};
    struct err err;
    int status = CLI_FAILED;
    if (open_sockets(&h, config, &err) && hand_over_config(&h, config, &err)) {
        say_who_is_told(config);
        hand_over_state(&h, config, origin);
        status = supervise(config, &h);
    } else {
        fprintf(stderr, "weir run: %s\n", err.text);
    }
    free(h.fds);
    buf_fini(&h.state);
    buf_fini(&h.listeners);
    return status;
}

/* ---- the worker ---- */

struct inheritance {
    int config_fd, admin_fd, channel_fd;
    int restarts;      /* of the worker, before this one; -1: not told */
    char *state_path;  /* owned; NULL: nothing is kept */
    int *listener_fds; /* owned */
    size_t listener_count;
};

static bool parse_fd(struct str text, int *ret_fd)
{
    uint64_t number;
    if (str_eq(text, STR("-1"))) {
        *ret_fd = -1;
        return true;
    }
    if (!str_parse_u64(text, &number) || number >= HANDOVER_FDS_MAX * 16 ||
        fcntl((int)number, F_SETFD, FD_CLOEXEC) < 0)
        return false;
    *ret_fd = (int)number;
    return true;
}

static bool parse_listeners(struct str text, struct inheritance *in)
{
    struct str part;
    while (text.len && str_split(&text, ',', &part)) {
        in->listener_fds = mem_realloc(in->listener_fds, (in->listener_count + 1) * sizeof(int));
        if (!parse_fd(part, &in->listener_fds[in->listener_count++]))
            return false;
    }
    return true;
}

static bool parse_word(struct str word, struct inheritance *in)
{
    size_t equals;
    if (!str_find(word, '=', &equals))
        return false;
    struct str name = str_n(word.ptr, equals), value = str_n(word.ptr + equals + 1, word.len - equals - 1);
    if (str_eq(name, STR("config")))
        return parse_fd(value, &in->config_fd);
    if (str_eq(name, STR("admin")))
        return parse_fd(value, &in->admin_fd);
    return str_eq(name, STR("listeners")) && parse_listeners(value, in);
}

static bool take_inheritance(struct inheritance *in)
{
    const char *words = getenv("WEIR_WORKER"), *channel = getenv("WEIR_CHANNEL"),
               *state = getenv("WEIR_STATE"), *restarts = getenv("WEIR_RESTARTS");
    uint64_t number;
    struct str rest = str_of(words), word;
    *in = (struct inheritance){.config_fd = -1, .admin_fd = -1, .channel_fd = -1, .restarts = -1};
    if (!words || !channel || !parse_fd(str_of(channel), &in->channel_fd))
        return false;
    while (str_split(&rest, ' ', &word))
        if (!parse_word(word, in))
            return false;
    if (state && state[0])
        in->state_path = mem_strdup(state);
    if (restarts && str_parse_u64(str_of(restarts), &number) && number <= INT_MAX)
        in->restarts = (int)number;
    (void)unsetenv("WEIR_WORKER");
    (void)unsetenv("WEIR_STATE");
    (void)unsetenv("WEIR_CHANNEL");
    (void)unsetenv("WEIR_RESTARTS");
    return in->config_fd >= 0;
}

/* Read at an offset of our own: the next worker, should this one die, shares the descriptor and begins at the
 * start, too. */
static struct config *read_config(int fd)
{
    struct buf text = {0};
    char bytes[4096];
    for (ssize_t n; (n = pread(fd, bytes, sizeof(bytes), (off_t)text.len)) > 0;)
        buf_put(&text, str_n(bytes, (size_t)n));
    struct diagnostics diagnostics;
    struct buf problems = {0};
    struct config *c = config_read("the configuration as handed over", buf_str(&text), &diagnostics);
    if (!c) {
        diagnostics_print(&diagnostics, false, &problems);
        log_error("%s", problems.ptr);
    }
    buf_fini(&problems);
    diagnostics_fini(&diagnostics);
    buf_fini(&text);
    return c;
}

/* A call that hangs, such as one to an engine, may still read it; the end of the process takes it then. */
static void free_unless_in_use(struct config *c)
{
    static struct config *left_to_threads; /* a root, so that it is no leak */
    left_to_threads = job_threads_left_behind() > 0 ? c : NULL;
    if (left_to_threads == NULL)
        config_free(c);
}

static int worker(void)
{
    struct inheritance in;
    int status = CONTROL_CANNOT_START;
    if (!take_inheritance(&in)) {
        fprintf(stderr, "weir worker: only `weir run` starts it\n");
        return CLI_USAGE;
    }
    (void)prctl(PR_SET_NAME, "weir-worker");
    struct config *c = read_config(in.config_fd);
    if (c && in.listener_count != c->listener_count * c->workers) {
        log_error("%zu listening sockets came for %zu listeners and %u data threads", in.listener_count,
                  c->listener_count, c->workers);
    } else if (c) {
        const struct control_params params = {.config = c,
                                              .listener_fds = in.listener_fds,
                                              .admin_fd = in.admin_fd,
                                              .state_path = in.state_path,
                                              .supervisor_fd = in.channel_fd,
                                              .restarts = in.restarts};
        status = control_run(&params);
    }
    free_unless_in_use(c);
    free(in.listener_fds);
    free(in.state_path);
    return status;
}

/* Whoever starts us with a standard descriptor closed must not find our log in a socket that got its number.
 */
static void open_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

int main(int argc, char **argv)
{
    static const struct cli_hooks hooks = {.run = run,
                                           .worker = worker,
                                           .simulate = simulate_main,
                                           .try_provider = provider_trial,
                                           .try_sinks = notify_trial};
    open_standard_descriptors();
    return cli_main(argc, argv, &hooks);
}
