/*
 * test_supervisor.c: supervisor_run with real processes. This program is also the worker: started with the
 * argument "worker" it speaks the channel, tells the test on a pipe what it hears and does what the test
 * writes on another. The application servers are small shell scripts.
 */
#include "base/clock.h"
#include "net/channel.h"
#include "supervisor/supervisor.h"
#include "supervisor/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ORDERS_FD = 100, REPORTS_FD = 101, PATIENCE_MS = 20000 };

/* ---- the worker ---- */

static void do_order(struct channel *c, char *line)
{
    struct channel_message m = {0};
    char key[128] = "";
    long long ms = 0;
    int status = 0;
    if (sscanf(line, "exit %d", &status) == 1)
        exit(status);
    if (sscanf(line, "start %127s", key) == 1)
        m.kind = CHANNEL_START;
    else if (sscanf(line, "stop %127s %lld", key, &ms) == 2)
        m.kind = CHANNEL_STOP;
    else if (strcmp(line, "list") == 0)
        m.kind = CHANNEL_LIST;
    else if (strcmp(line, "ready") == 0)
        m.kind = CHANNEL_READY;
    else if (strcmp(line, "garbage") == 0)
        (void)!send(c->fd, "nonsense", 8, 0);
    if (strcmp(line, "garbage") == 0)
        return;
    m.key = str_of(key);
    m.timeout_ns = ms * NS_PER_MS;
    if (!channel_send(c, &m))
        exit(9);
}

static void report(const struct channel_message *m)
{
    char address[ADDR_TEXT_BYTES] = "", lines[1024] = "";
    if (m->address.len)
        addr_format(address, &m->address);
    str_copy(lines, sizeof(lines), m->last_lines);
    for (char *c = lines; *c; c++)
        if (*c == '\n')
            *c = '/';
    dprintf(REPORTS_FD, "%s %.*s %s %d [%.*s] %s\n", channel_kind_name(m->kind), STR_ARG(m->key), address,
            m->pid, STR_ARG(m->text), lines);
}

static void run_orders(struct channel *c)
{
    char orders[512];
    ssize_t n = read(ORDERS_FD, orders, sizeof(orders) - 1);
    if (n <= 0)
        exit(8);
    orders[n] = '\0';
    for (char *save = NULL, *line = strtok_r(orders, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        do_order(c, line);
}

static int worker_main(void)
{
    struct channel c;
    channel_init(&c, atoi(getenv("WEIR_CHANNEL")));
    dprintf(REPORTS_FD, "worker %d\n", getpid());
    for (;;) {
        struct pollfd p[] = {{.fd = ORDERS_FD, .events = POLLIN}, {.fd = c.fd, .events = POLLIN}};
        (void)poll(p, 2, -1);
        if (p[0].revents)
            run_orders(&c);
        char packet[CHANNEL_PACKET_BYTES_MAX];
        struct channel_message m;
        while (p[1].revents && channel_receive(&c, packet, &m, NULL) == CHANNEL_MESSAGE) {
            report(&m);
            if (m.kind == CHANNEL_DRAIN)
                exit(0);
        }
    }
}

/* ---- the test's side ---- */

struct weir {
    pid_t pid, worker_pid;
    int orders, reports, output, notify;
    char reports_text[16384], output_text[65536];
    char notify_path[64];
};

static const char *const plain_argv[] = {"/bin/sh", "-c",
                                         "echo up on {address} $PORT $WEIR_SERVER; exec sleep 1000", NULL};
static const char *const stubborn_argv[] = {"/bin/sh", "-c",
                                            "trap '' TERM; echo up; while :; do sleep 1000; done", NULL};
static const char *const crashing_argv[] = {"/bin/sh", "-c", "echo one; echo two >&2; exit 3", NULL};
static const char *const family_argv[] = {
    "/bin/sh", "-c", "sleep 1000 & sleep 1000 & setsid sleep 1000 & echo family up; wait", NULL};
static const char *const orphan_argv[] = {"/bin/sh", "-c", "(sleep 0.2; exit 0) & echo up; exec sleep 1000",
                                          NULL};
static const char *const missing_argv[] = {"weir-no-such-program", NULL};
static const char *const flood_argv[] = {"/bin/sh", "-c", "exec yes flooding", NULL};
static const char *const environment[] = {"GREETING=hello at {port}", "PORT=1", NULL};
static const char *const environment_argv[] = {
    "/bin/sh", "-c",
    "echo \"$GREETING $PORT $(pwd) $FOREIGN\"; ls /proc/self/fd | tr '\\n' ' '; echo; exec sleep 1000", NULL};
#define SERVICE(service_name, service_argv)                                                                  \
    .name = service_name, .argv = service_argv, .process_count_max = 3, .stop_timeout_ns = 300 * NS_PER_MS
static const struct supervisor_service services[] = {
    {SERVICE("plain", plain_argv)},
    {SERVICE("stubborn", stubborn_argv)},
    {SERVICE("crashing", crashing_argv)},
    {SERVICE("family", family_argv)},
    {SERVICE("orphan", orphan_argv)},
    {SERVICE("missing", missing_argv)},
    {SERVICE("flood", flood_argv)},
    {SERVICE("environment", environment_argv), .environment = environment, .directory = "/usr"},
    {SERVICE("lost", plain_argv), .directory = "/no/such/directory"},
};

static _Noreturn void run_weir(int output)
{
    static const char *const worker_argv[] = {"weir", "worker", NULL};
    static const int fds[] = {ORDERS_FD, REPORTS_FD};
    const struct supervisor_plan plan = {.worker_path = "/proc/self/exe",
                                         .worker_argv = worker_argv,
                                         .inherited_fds = fds,
                                         .inherited_fd_count = 2,
                                         .services = services,
                                         .service_count = ARRAY_LEN(services),
                                         .drain_timeout_ns = 5 * NS_PER_S};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDERR_FILENO);
    _exit(supervisor_run(&plan));
}

static int bind_notify(struct weir *w)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(w->notify_path, sizeof(w->notify_path), "/tmp/weir-supervisor-test-%d", getpid());
    str_copy(a.sun_path, sizeof(a.sun_path), str_of(w->notify_path));
    unlink(w->notify_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    setenv("NOTIFY_SOCKET", w->notify_path, 1);
    return fd;
}

static void read_more(int fd, char *text, size_t bytes)
{
    size_t len = strlen(text);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (len + 1 >= bytes) { /* keep the newer half */
        memmove(text, text + bytes / 2, len + 1 - bytes / 2);
        len = strlen(text);
    }
    if (poll(&p, 1, 10) == 1) {
        ssize_t n = read(fd, text + len, bytes - 1 - len);
        text[len + (size_t)MAX(n, (ssize_t)0)] = '\0';
    }
}

/* Waits until the pattern is in the text and returns where; everything before and including it is dropped
 * from the text. */
static void expect_text(struct weir *w, int fd, char *text, size_t bytes, const char *pattern, char *ret_rest)
{
    int64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    for (;;) {
        char *at = strstr(text, pattern);
        char *line_end = at ? strchr(at, '\n') : NULL;
        if (line_end) {
            if (ret_rest)
                snprintf(ret_rest, 1024, "%.*s", (int)(line_end - at) - (int)strlen(pattern),
                         at + strlen(pattern));
            memmove(text, line_end + 1, strlen(line_end + 1) + 1);
            return;
        }
        if (clock_now_ns() > deadline_ns)
            fail_msg("never came: '%s'; reports: %s; output: %s", pattern, w->reports_text, w->output_text);
        read_more(fd, text, bytes);
    }
}

static void expect_report(struct weir *w, const char *pattern, char *ret_rest)
{
    expect_text(w, w->reports, w->reports_text, sizeof(w->reports_text), pattern, ret_rest);
}

static void expect_output(struct weir *w, const char *pattern, char *ret_rest)
{
    expect_text(w, w->output, w->output_text, sizeof(w->output_text), pattern, ret_rest);
}

static void expect_notify(struct weir *w, const char *want)
{
    char got[256];
    int64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    while (clock_now_ns() < deadline_ns) {
        ssize_t n = recv(w->notify, got, sizeof(got) - 1, 0);
        if (n < 0) {
            (void)poll(NULL, 0, 5);
            continue;
        }
        got[n] = '\0';
        if (strcmp(got, want) == 0)
            return;
    }
    fail_msg("the service manager was not told: %s", want);
}

static void order(struct weir *w, const char *text)
{
    assert_int_equal(write(w->orders, text, strlen(text)), strlen(text));
}

static pid_t expect_worker(struct weir *w)
{
    char rest[1024];
    expect_report(w, "worker ", rest);
    return (pid_t)atoi(rest);
}

/* Starts a server and returns its process id. */
static pid_t start_server(struct weir *w, const char *key)
{
    char text[160], rest[1024];
    snprintf(text, sizeof(text), "start %s\n", key);
    order(w, text);
    snprintf(text, sizeof(text), "started %s ", key);
    expect_report(w, text, rest);
    return (pid_t)atoi(strchr(rest, ' ') + 1);
}

static void weir_start(struct weir *w)
{
    int orders[2], reports[2], output[2];
    *w = (struct weir){0};
    w->notify = bind_notify(w);
    assert_int_equal(pipe2(orders, O_CLOEXEC) | pipe2(reports, O_CLOEXEC) | pipe2(output, O_CLOEXEC), 0);
    w->pid = fork();
    if (w->pid == 0) {
        dup3(orders[0], ORDERS_FD, O_CLOEXEC);
        dup3(reports[1], REPORTS_FD, O_CLOEXEC);
        dup2(orders[0], 77); /* a stranger's descriptor without close-on-exec: no server may see it */
        run_weir(output[1]);
    }
    close(orders[0]);
    close(reports[1]);
    close(output[1]);
    w->orders = orders[1];
    w->reports = reports[0];
    w->output = output[0];
    w->worker_pid = expect_worker(w);
}

static int wait_end(pid_t pid)
{
    int status = 0;
    int64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    pid_t got;
    while ((got = waitpid(pid, &status, WNOHANG)) == 0 && clock_now_ns() < deadline_ns)
        (void)poll(NULL, 0, 2);
    assert_int_equal(got, pid);
    return status;
}

static void expect_dead(pid_t pid)
{
    int64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    char path[64], text[256] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    while (clock_now_ns() < deadline_ns) {
        FILE *f = fopen(path, "re");
        if (!f)
            return;
        size_t n = fread(text, 1, sizeof(text) - 1, f);
        text[n] = '\0';
        fclose(f);
        const char *end = strrchr(text, ')');
        if (end && end[1] == ' ' && end[2] == 'Z')
            return; /* ended; its new parent is slow to reap */
        (void)poll(NULL, 0, 5);
    }
    fail_msg("process %d lives on: %s", pid, text);
}

static bool is_alive(pid_t pid)
{
    return kill(pid, 0) == 0;
}

/* The mark that this Weir's servers carry, from the environment of one of them. */
static void read_mark(pid_t pid, char mark[SWEEP_MARK_BYTES])
{
    char path[64], bytes[65536];
    snprintf(path, sizeof(path), "/proc/%d/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, bytes, sizeof(bytes));
    close(fd);
    for (ssize_t i = 0; i < n; i += (ssize_t)strlen(bytes + i) + 1)
        if (strncmp(bytes + i, "WEIR_INSTANCE=", 14) == 0)
            str_copy(mark, SWEEP_MARK_BYTES, str_of(bytes + i));
    assert_true(mark[0]);
}

static void expect_nothing_left(const char *mark)
{
    int64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    while (sweep_signal(mark, 0) > 0 && clock_now_ns() < deadline_ns)
        (void)poll(NULL, 0, 10);
    assert_int_equal(sweep_signal(mark, 0), 0);
}

static void weir_close(struct weir *w)
{
    close(w->orders);
    close(w->reports);
    close(w->output);
    close(w->notify);
    unlink(w->notify_path);
}

static void weir_end(struct weir *w)
{
    kill(w->pid, SIGTERM);
    assert_int_equal(wait_end(w->pid), 0);
    weir_close(w);
}

/* ---- tests ---- */

static void a_server_starts_speaks_and_stops(void **state)
{
    struct weir w;
    char rest[1024], want[256];
    weir_start(&w);
    order(&w, "ready\n");
    expect_notify(&w, "READY=1");
    order(&w, "start plain/plain-1\n");
    expect_report(&w, "started plain/plain-1 127.0.0.1:", rest);
    int port = atoi(rest);
    pid_t pid = (pid_t)atoi(strchr(rest, ' ') + 1);
    snprintf(want, sizeof(want), "plain-1 | up on 127.0.0.1:%d %d plain-1", port, port);
    expect_output(&w, want, NULL);
    assert_int_equal(getpgid(pid), pid);
    order(&w, "stop plain/plain-1 5000\n");
    expect_report(&w, "exited plain/plain-1", rest);
    assert_non_null(strstr(rest, "[killed by SIGTERM] up on"));
    assert_false(is_alive(pid));
    weir_end(&w);
}

static void the_environment_is_what_was_asked(void **state)
{
    struct weir w;
    char rest[1024], want[128];
    weir_start(&w);
    order(&w, "start environment/e-1\n");
    expect_report(&w, "started environment/e-1 127.0.0.1:", rest);
    int port = atoi(rest);
    snprintf(want, sizeof(want), "e-1 | hello at %d %d /usr", port, port);
    expect_output(&w, want, NULL);
    expect_output(&w, "e-1 | 0 1 2 3 ", rest); /* 3: ls itself reads the folder */
    assert_string_equal(rest, "");
    weir_end(&w);
}

static void a_failed_start_says_why(void **state)
{
    struct weir w;
    char rest[1024];
    weir_start(&w);
    order(&w, "start missing/m-1\n");
    expect_report(&w, "start_failed missing/m-1", rest);
    assert_non_null(strstr(rest, "[weir-no-such-program: not found in PATH]"));
    order(&w, "start lost/l-1\n");
    expect_report(&w, "start_failed lost/l-1", rest);
    assert_non_null(strstr(rest, "[entering directory /no/such/directory: No such file or directory]"));
    order(&w, "start unknown/x\n");
    expect_report(&w, "start_failed unknown/x", rest);
    assert_non_null(strstr(rest, "there is no service 'unknown'"));
    order(&w, "start plain/../x\n");
    expect_report(&w, "start_failed plain/../x", rest);
    assert_non_null(strstr(rest, "letters, digits"));
    weir_end(&w);
}

static void a_death_comes_with_its_last_words(void **state)
{
    struct weir w;
    char rest[1024];
    weir_start(&w);
    order(&w, "start crashing/c-1\n");
    expect_report(&w, "exited crashing/c-1", rest);
    assert_non_null(strstr(rest, "[exit status 3] one/two/"));
    weir_end(&w);
}

static void more_processes_than_allowed_are_refused(void **state)
{
    struct weir w;
    char rest[1024];
    weir_start(&w);
    start_server(&w, "plain/a");
    start_server(&w, "plain/b");
    pid_t pid = start_server(&w, "plain/c");
    order(&w, "start plain/d\n");
    expect_report(&w, "start_failed plain/d", rest);
    assert_non_null(strstr(rest, "which is all it may have"));
    assert_int_equal(start_server(&w, "plain/c"), pid); /* what is there is told again, not started twice */
    weir_end(&w);
}

static void a_stubborn_server_is_killed(void **state)
{
    struct weir w;
    char rest[1024];
    weir_start(&w);
    start_server(&w, "stubborn/s-1");
    expect_output(&w, "s-1 | up", NULL);
    order(&w, "stop stubborn/s-1 50\n");
    expect_report(&w, "exited stubborn/s-1", rest);
    assert_non_null(strstr(rest, "[killed by SIGKILL]"));
    weir_end(&w);
}

static void a_name_can_be_used_again_while_its_holder_stops(void **state)
{
    struct weir w;
    weir_start(&w);
    pid_t old = start_server(&w, "stubborn/s-1");
    expect_output(&w, "s-1 | up", NULL);
    order(&w, "stop stubborn/s-1 60000\nstart stubborn/s-1\nlist\n");
    char rest[1024];
    expect_report(&w, "started stubborn/s-1 ", rest);
    assert_int_not_equal(atoi(strchr(rest, ' ') + 1), old);
    expect_report(&w, "listed", NULL);
    assert_null(strstr(w.reports_text, "exited"));
    weir_end(&w);
    expect_dead(old);
}

static void a_killed_worker_comes_back_and_servers_stay(void **state)
{
    struct weir w;
    char rest[1024];
    weir_start(&w);
    pid_t server = start_server(&w, "plain/plain-1");
    order(&w, "stop plain/none 100\n");
    int64_t before_ns = clock_now_ns();
    kill(w.worker_pid, SIGKILL);
    pid_t second = expect_worker(&w);
    assert_true(clock_now_ns() - before_ns < NS_PER_S);
    assert_int_not_equal(second, w.worker_pid);
    order(&w, "list\n");
    expect_report(&w, "started plain/plain-1 127.0.0.1:", rest);
    assert_int_equal(atoi(strchr(rest, ' ') + 1), server);
    expect_report(&w, "listed", NULL);
    assert_true(is_alive(server));
    order(&w, "exit 0\n"); /* an exit that nobody asked for is a death, too */
    (void)expect_worker(&w);
    order(&w, "garbage\n");
    (void)expect_worker(&w);
    assert_true(is_alive(server));
    weir_end(&w);
    expect_dead(server);
}

static void a_worker_that_cannot_start_ends_weir(void **state)
{
    struct weir w;
    weir_start(&w);
    order(&w, "exit 78\n");
    assert_int_equal(wait_end(w.pid), 1 << 8);
    weir_close(&w);
}

static void sigterm_drains_and_stops_all(void **state)
{
    struct weir w;
    weir_start(&w);
    pid_t a = start_server(&w, "plain/a"), b = start_server(&w, "stubborn/b");
    expect_output(&w, "b | up", NULL);
    kill(w.pid, SIGTERM);
    expect_notify(&w, "STOPPING=1\nSTATUS=draining");
    expect_report(&w, "drain", NULL);
    assert_int_equal(wait_end(w.pid), 0);
    assert_false(is_alive(a));
    assert_false(is_alive(b));
    weir_close(&w);
}

static void a_stuck_worker_does_not_stop_the_end(void **state)
{
    struct weir w;
    weir_start(&w);
    kill(w.worker_pid, SIGSTOP);
    kill(w.pid, SIGINT);
    expect_output(&w, "press Ctrl-C again", NULL);
    assert_true(is_alive(w.worker_pid));
    kill(w.pid, SIGINT);
    assert_int_equal(wait_end(w.pid), 130 << 8);
    assert_false(is_alive(w.worker_pid));
    weir_close(&w);
}

static void a_second_interrupt_kills_at_once(void **state)
{
    struct weir w;
    char mark[SWEEP_MARK_BYTES] = "";
    weir_start(&w);
    pid_t server = start_server(&w, "family/f");
    expect_output(&w, "f | family up", NULL);
    read_mark(server, mark);
    kill(w.worker_pid, SIGSTOP);
    kill(w.pid, SIGINT);
    expect_output(&w, "press Ctrl-C again", NULL);
    assert_true(is_alive(server));
    kill(w.pid, SIGINT);
    assert_int_equal(wait_end(w.pid), 130 << 8);
    assert_int_equal(sweep_signal(mark, 0), 0); /* the one that left the group included */
    weir_close(&w);
}

static void a_family_ends_with_its_leader(void **state)
{
    struct weir w;
    char mark[SWEEP_MARK_BYTES] = "";
    weir_start(&w);
    pid_t server = start_server(&w, "family/f");
    expect_output(&w, "f | family up", NULL);
    read_mark(server, mark);
    assert_true(sweep_signal(mark, 0) >= 3);
    kill(server, SIGKILL);
    expect_report(&w, "exited family/f", NULL);
    errno = 0;
    int64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    while (kill(-server, 0) == 0 && clock_now_ns() < deadline_ns)
        (void)poll(NULL, 0, 5);
    assert_int_equal(kill(-server, 0), -1);
    weir_end(&w);
    assert_int_equal(sweep_signal(mark, 0), 0);
}

static void nothing_survives_the_supervisors_sigkill(void **state)
{
    struct weir w;
    char mark[SWEEP_MARK_BYTES] = "";
    weir_start(&w);
    pid_t plain = start_server(&w, "plain/p"), stubborn = start_server(&w, "stubborn/s");
    start_server(&w, "family/f");
    expect_output(&w, "f | family up", NULL);
    read_mark(plain, mark);
    kill(w.pid, SIGKILL);
    (void)wait_end(w.pid);
    expect_nothing_left(mark);
    expect_dead(plain);
    expect_dead(stubborn);
    expect_dead(w.worker_pid);
    weir_close(&w);
}

/* The guard is the child of the supervisor that leads a session of its own. */
static pid_t find_guard(pid_t parent)
{
    char path[64], text[4096] = "";
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    for (char *save = NULL, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        if (getsid(atoi(word)) == atoi(word))
            return atoi(word);
    return 0;
}

static void a_killed_guard_is_replaced_and_knows_everything(void **state)
{
    struct weir w;
    char mark[SWEEP_MARK_BYTES] = "";
    weir_start(&w);
    pid_t server = start_server(&w, "family/f");
    expect_output(&w, "f | family up", NULL);
    read_mark(server, mark);
    pid_t guard = find_guard(w.pid);
    assert_true(guard > 0);
    kill(guard, SIGKILL);
    expect_output(&w, "the guard process was killed", NULL);
    order(&w, "list\n");
    expect_report(&w, "listed", NULL); /* a turn later the new guard is there */
    assert_int_not_equal(find_guard(w.pid), guard);
    kill(w.pid, SIGKILL);
    (void)wait_end(w.pid);
    expect_nothing_left(mark);
    weir_close(&w);
}

static void orphans_are_reaped(void **state)
{
    struct weir w;
    char path[64], text[4096];
    weir_start(&w);
    start_server(&w, "orphan/o");
    expect_output(&w, "o | up", NULL);
    (void)poll(NULL, 0, 400);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", w.pid, w.pid);
    int64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    int children = 99;
    while (children != 3 && clock_now_ns() < deadline_ns) { /* guard, worker, server */
        FILE *f = fopen(path, "re");
        size_t n = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
        children = 0;
        for (size_t i = 0; i < n; i++)
            children += text[i] == ' ';
        (void)poll(NULL, 0, 10);
    }
    assert_int_equal(children, 3);
    weir_end(&w);
}

static void a_flood_of_output_holds_nothing_up(void **state)
{
    struct weir w;
    weir_start(&w);
    start_server(&w, "flood/f-1"); /* and nobody reads Weir's output now */
    start_server(&w, "flood/f-2");
    pid_t plain = start_server(&w, "plain/p");
    order(&w, "stop plain/p 5000\n");
    expect_report(&w, "exited plain/p", NULL);
    assert_false(is_alive(plain));
    expect_output(&w, "f-1 | flooding", NULL);
    weir_end(&w);
}

static void sighup_is_told_and_ignored(void **state)
{
    struct weir w;
    weir_start(&w);
    kill(w.pid, SIGHUP);
    expect_output(&w, "SIGHUP: nothing happens", NULL);
    assert_true(is_alive(w.worker_pid));
    weir_end(&w);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return worker_main();
    setenv("FOREIGN", "kept", 1);
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_starts_speaks_and_stops),
        cmocka_unit_test(the_environment_is_what_was_asked),
        cmocka_unit_test(a_failed_start_says_why),
        cmocka_unit_test(a_death_comes_with_its_last_words),
        cmocka_unit_test(more_processes_than_allowed_are_refused),
        cmocka_unit_test(a_stubborn_server_is_killed),
        cmocka_unit_test(a_name_can_be_used_again_while_its_holder_stops),
        cmocka_unit_test(a_killed_worker_comes_back_and_servers_stay),
        cmocka_unit_test(a_worker_that_cannot_start_ends_weir),
        cmocka_unit_test(sigterm_drains_and_stops_all),
        cmocka_unit_test(a_stuck_worker_does_not_stop_the_end),
        cmocka_unit_test(a_second_interrupt_kills_at_once),
        cmocka_unit_test(a_family_ends_with_its_leader),
        cmocka_unit_test(nothing_survives_the_supervisors_sigkill),
        cmocka_unit_test(a_killed_guard_is_replaced_and_knows_everything),
        cmocka_unit_test(orphans_are_reaped),
        cmocka_unit_test(a_flood_of_output_holds_nothing_up),
        cmocka_unit_test(sighup_is_told_and_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
