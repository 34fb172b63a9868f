/* test_supervisor_parts.c: the supervisor's pure parts and sd_notify, each on its own. */
#include "base/clock.h"
#include "base/mem.h"
#include "supervisor/environment.h"
#include "supervisor/exit_reason.h"
#include "supervisor/lines.h"
#include "supervisor/notify.h"
#include "supervisor/output.h"
#include "supervisor/restart.h"
#include "supervisor/template.h"
#include "supervisor/user.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void templates_are_expanded(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"{address}", "127.0.0.1:8001"},
        {"--bind={host}:{port}", "--bind=127.0.0.1:8001"},
        {"{port}{port}", "80018001"},
        {"{ports} {Port} {} {", "{ports} {Port} {} {"},
        {"{{port}}", "{8001}"},
        {"{socket}", ""},
        {"a{address", "a{address"},
    };
    struct addr a;
    const char *problem;
    assert_true(addr_parse(STR("127.0.0.1:8001"), &a, &problem));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *got = template_expand(cases[i].text, &a);
        assert_string_equal(got, cases[i].want);
        free(got);
    }
    assert_true(addr_parse(STR("unix:/run/x/a.sock"), &a, &problem));
    char *got = template_expand("--uds={socket} --bind={address}", &a);
    assert_string_equal(got, "--uds=/run/x/a.sock --bind=unix:/run/x/a.sock");
    free(got);
}

static void exits_are_told_in_words(void **state)
{
    static const struct {
        int status;
        const char *want;
    } cases[] = {
        {0, "exit status 0"},
        {1 << 8, "exit status 1"},
        {127 << 8, "exit status 127"},
        {SIGKILL, "killed by SIGKILL"},
        {SIGSEGV | 0x80, "killed by SIGSEGV (core dumped)"},
        {40, "killed by signal 40"},
    };
    char out[EXIT_REASON_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(exit_reason_format(out, cases[i].status), cases[i].want);
}

/* Lines, joined with '|'. */
static void join_line(void *context, struct str line)
{
    struct buf *out = context;
    buf_put(out, line);
    buf_put_char(out, '|');
}

static void output_becomes_lines(void **state)
{
    static const struct {
        const char *pieces[4], *want, *want_flushed;
    } cases[] = {
        {{"one\ntwo\n"}, "one|two|", "one|two|"},
        {{"on", "e\nt", "wo"}, "one|", "one|two|"},
        {{"one\r\n", "two\r", "\n"}, "one|two|", "one|two|"},
        {{"\n\n"}, "||", "||"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lines *l = NEW(struct lines);
        struct buf got = {0};
        const struct lines_sink sink = {&got, join_line};
        for (size_t k = 0; k < 4 && cases[i].pieces[k]; k++)
            lines_feed(l, str_of(cases[i].pieces[k]), &sink);
        assert_string_equal(got.ptr, cases[i].want);
        lines_flush(l, &sink);
        assert_string_equal(got.ptr, cases[i].want_flushed);
        buf_fini(&got);
        free(l);
    }
}

static void a_line_without_end_is_cut(void **state)
{
    struct lines *l = NEW(struct lines);
    struct buf got = {0};
    const struct lines_sink sink = {&got, join_line};
    char many[1000];
    memset(many, 'x', sizeof(many));
    for (int i = 0; i < 10; i++)
        lines_feed(l, str_n(many, sizeof(many)), &sink);
    assert_int_equal(got.len, 2 * (LINES_BYTES_MAX + 1));
    assert_int_equal(got.ptr[LINES_BYTES_MAX], '|');
    lines_flush(l, &sink);
    assert_int_equal(got.len, 10 * sizeof(many) + 3);
    buf_fini(&got);
    free(l);
}

static void the_last_lines_are_kept(void **state)
{
    struct lines *l = NEW(struct lines);
    struct buf sunk = {0}, kept = {0};
    const struct lines_sink sink = {&sunk, join_line};
    lines_format_kept(l, &kept);
    assert_int_equal(kept.len, 0);
    for (int i = 1; i <= 13; i++) {
        char line[16];
        snprintf(line, sizeof(line), "line %d\n", i);
        lines_feed(l, str_of(line), &sink);
    }
    lines_feed(l, STR("a\0b\n"), &sink);
    lines_format_kept(l, &kept);
    assert_string_equal(kept.ptr,
                        "line 5\nline 6\nline 7\nline 8\nline 9\nline 10\nline 11\nline 12\nline 13\na?b\n");
    buf_fini(&sunk);
    buf_fini(&kept);
    free(l);
}

static void restarts_back_off_and_recover(void **state)
{
    struct restart r = {0};
    for (int i = 1; i < RESTART_QUICK_DEATHS_MAX; i++)
        assert_int_equal(restart_delay_ns(&r, 0), 0);
    assert_int_equal(restart_delay_ns(&r, 0), RESTART_DELAY_MIN_NS);
    assert_int_equal(restart_delay_ns(&r, RESTART_QUICK_NS - 1), 2 * RESTART_DELAY_MIN_NS);
    for (int i = 0; i < 200; i++)
        assert_in_range(restart_delay_ns(&r, 0), RESTART_DELAY_MIN_NS, RESTART_DELAY_MAX_NS);
    assert_int_equal(restart_delay_ns(&r, 0), RESTART_DELAY_MAX_NS);
    assert_int_equal(restart_delay_ns(&r, RESTART_QUICK_NS), 0);
}

static void an_environment_is_copied_and_changed(void **state)
{
    char *base[] = {(char *)"A=1", (char *)"NOTIFY_SOCKET=/run/x", (char *)"AB=2", (char *)"WATCHDOG_USEC=5",
                    NULL};
    struct environment e;
    environment_init(&e, base);
    assert_int_equal(e.count, 2);
    environment_set(&e, "A=3");
    environment_printf(&e, "PORT=%d", 80);
    assert_string_equal(environment_find(&e, "A"), "3");
    assert_string_equal(environment_find(&e, "AB"), "2");
    assert_string_equal(environment_find(&e, "PORT"), "80");
    assert_null(environment_find(&e, "NOTIFY_SOCKET"));
    environment_remove(&e, "A");
    environment_remove(&e, "");
    environment_remove(&e, "NONE");
    assert_null(environment_find(&e, "A"));
    assert_string_equal(environment_find(&e, "AB"), "2");
    assert_null(environment_find(&e, "P"));
    assert_null(e.items[e.count]);
    environment_fini(&e);
}

static void users_are_found(void **state)
{
    struct user u;
    struct err err;
    assert_true(user_find("root", &u, &err));
    assert_int_equal(u.uid, 0);
    assert_true(user_find("nobody", &u, &err));
    assert_true(user_find("54321", &u, &err));
    assert_int_equal(u.uid, 54321);
    assert_false(user_find("no-such-user", &u, &err));
    assert_string_equal(err.text, "there is no user 'no-such-user'");
}

static void the_group_of_a_socket_is_given_but_root_s_never(void **state)
{
    struct user u = {.group_count = 1, .groups = {65534}};
    struct err err;
    gid_t group = 0;
    char path[] = "/tmp/weir-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_false(user_find_socket_group(path, &group, &err));
    assert_non_null(strstr(err.text, "mode 600"));
    if (geteuid() == 0) {
        assert_int_equal(fchown(fd, 0, 4711), 0);
        assert_int_equal(fchmod(fd, 0660), 0);
        assert_true(user_find_socket_group(path, &group, &err));
        assert_int_equal(group, 4711);
        assert_int_equal(fchown(fd, 0, 0), 0);
        assert_false(user_find_socket_group(path, &group, &err));
    }
    close(fd);
    unlink(path);
    assert_true(user_add_group(&u, 4711));
    assert_true(user_add_group(&u, 4711));
    assert_int_equal(u.group_count, 2);
    assert_false(user_add_group(&u, 0));
    for (gid_t g = 10000; u.group_count < USER_GROUPS_MAX; g++)
        assert_true(user_add_group(&u, g));
    assert_false(user_add_group(&u, 1));
}

static int notify_socket(const char *name, socklen_t *ret_len)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, name, strlen(name));
    bool is_abstract = name[0] == '@';
    if (is_abstract)
        a.sun_path[0] = '\0';
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + !is_abstract);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    *ret_len = len;
    return fd;
}

static void the_service_manager_is_told(void **state)
{
    char path[64], abstract[64];
    snprintf(path, sizeof(path), "/tmp/weir-notify-%d", getpid());
    snprintf(abstract, sizeof(abstract), "@weir-notify-%d", getpid());
    const char *names[] = {path, abstract};
    for (size_t i = 0; i < 2; i++) {
        socklen_t len;
        int fd = notify_socket(names[i], &len);
        setenv("NOTIFY_SOCKET", names[i], 1);
        struct notify n;
        notify_init(&n);
        notify_send(&n, "READY=1\nSTATUS=%d servers", 3);
        char got[64] = "";
        assert_true(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT) > 0);
        assert_string_equal(got, "READY=1\nSTATUS=3 servers");
        close(fd);
        notify_send(&n, "nobody listens: lost, and no harm");
    }
    unlink(path);
    unsetenv("NOTIFY_SOCKET");
}

static void the_watchdog_is_meant_for_one_process(void **state)
{
    struct notify n;
    char pid[16];
    setenv("NOTIFY_SOCKET", "@x", 1);
    setenv("WATCHDOG_USEC", "4000000", 1);
    notify_init(&n);
    assert_int_equal(n.watchdog_interval_ns, 2 * NS_PER_S);
    setenv("WATCHDOG_PID", "1", 1);
    notify_init(&n);
    assert_int_equal(n.watchdog_interval_ns, 0);
    snprintf(pid, sizeof(pid), "%d", getpid());
    setenv("WATCHDOG_PID", pid, 1);
    notify_init(&n);
    assert_int_equal(n.watchdog_interval_ns, 2 * NS_PER_S);
    setenv("NOTIFY_SOCKET", "relative", 1);
    notify_init(&n);
    assert_int_equal(n.address_len, 0);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static size_t read_all(int fd, char *out, size_t bytes)
{
    size_t len = 0;
    for (ssize_t n; (n = read(fd, out + len, bytes - len)) > 0;)
        len += (size_t)n;
    return len;
}

static void a_blocked_standard_error_holds_nobody_up(void **state)
{
    enum { LINES = 3000, LINE_BYTES = 100 };
    static char line[LINE_BYTES], got[1 << 20];
    int fds[2];
    struct output o;
    memset(line, 'y', sizeof(line));
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    output_init(&o, fds[1]); /* blocking, as standard error is: a write too many would hang the test */
    for (int i = 0; i < LINES; i++)
        output_put(&o, "app-1", str_n(line, sizeof(line)));
    output_flush(&o, 1);
    assert_false(output_is_ready(&o, 2));
    size_t len = read_all(fds[0], got, sizeof(got));
    assert_true(output_is_ready(&o, 3) || o.waiting.len > 0);
    while (!output_is_ready(&o, 4))
        len += read_all(fds[0], got + len, sizeof(got) - len);
    len += read_all(fds[0], got + len, sizeof(got) - len);
    assert_int_equal(len, (size_t)LINES * (strlen("app-1 | ") + LINE_BYTES + 1));
    assert_memory_equal(got, "app-1 | yyy", 11);
    output_fini(&o, 0);
    close(fds[0]);
    close(fds[1]);
}

static void a_standstill_drops_and_counts(void **state)
{
    static char line[1000], got[1 << 20];
    int fds[2];
    struct output o;
    memset(line, 'z', sizeof(line));
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    output_init(&o, fds[1]);
    int64_t now_ns = NS_PER_S;
    for (int i = 0; i < 500; i++)
        output_put(&o, "a", str_n(line, sizeof(line)));
    output_flush(&o, now_ns);
    assert_false(output_is_ready(&o, now_ns + OUTPUT_STALL_NS));
    assert_true(output_is_ready(&o, now_ns + OUTPUT_STALL_NS + 1)); /* dropped */
    assert_true(o.dropped_lines > 300);
    read_all(fds[0], got, sizeof(got));
    output_put(&o, "a", STR("again"));
    output_flush(&o, now_ns + 2 * OUTPUT_STALL_NS);
    size_t len = read_all(fds[0], got, sizeof(got) - 1);
    got[len] = '\0';
    assert_non_null(strstr(got, "lines of the servers' output were dropped"));
    assert_non_null(strstr(got, "a | again\n"));
    assert_int_equal(o.dropped_lines, 0);
    output_fini(&o, 0);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_expanded),
        cmocka_unit_test(exits_are_told_in_words),
        cmocka_unit_test(output_becomes_lines),
        cmocka_unit_test(a_line_without_end_is_cut),
        cmocka_unit_test(the_last_lines_are_kept),
        cmocka_unit_test(restarts_back_off_and_recover),
        cmocka_unit_test(an_environment_is_copied_and_changed),
        cmocka_unit_test(users_are_found),
        cmocka_unit_test(the_group_of_a_socket_is_given_but_root_s_never),
        cmocka_unit_test(the_service_manager_is_told),
        cmocka_unit_test(the_watchdog_is_meant_for_one_process),
        cmocka_unit_test(a_blocked_standard_error_holds_nobody_up),
        cmocka_unit_test(a_standstill_drops_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
