/* What servers use, on made-up processes that fork, end and leave their group, and on real ones. */
#include "watch/usage.h"

#include "base/clock.h"
#include "tree.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

#define S NS_PER_S

struct made_up {
    int pid, parent, group;
    unsigned own, children, threads, pages, started; /* times in ticks */
    char state;
};

struct scene {
    struct tree tree;
    struct usage *usage;
    int64_t now_ns;
};

static void put(const struct scene *s, struct made_up p)
{
    char path[64], text[256];
    snprintf(path, sizeof(path), "proc/%d/stat", p.pid);
    snprintf(text, sizeof(text),
             "%d (a ) name (%d) %c %d %d 1 0 -1 4194560 1 2 3 4 %u %u %u %u 20 -5 %u 0 %u 1000 %u "
             "18446744073709551615 "
             "0 0",
             p.pid, p.pid, p.state ? p.state : 'S', p.parent, p.group, p.own / 2, p.own - p.own / 2,
             p.children, 0U, p.threads ? p.threads : 1, p.started ? p.started : 77, p.pages);
    tree_put(&s->tree, path, text);
}

static void end(const struct scene *s, int pid)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/proc/%d/stat", s->tree.root, pid);
    assert_int_equal(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    assert_int_equal(rmdir(path), 0);
}

static int setup(void **state)
{
    static struct scene s;
    static const struct tree_file files[] = {{"proc/stat", "cpu 1 2 3 4\n"},
                                             {"proc/1/stat", "1 (init) S 0 1 1"}};
    s = (struct scene){.tree = tree_new(files, 2), .now_ns = 1000 * S};
    s.usage = usage_new(s.tree.root);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    usage_free(s->usage);
    tree_free(&s->tree);
    return 0;
}

static const struct usage_server one = {.id = 5, .pid = 100};

/* A second later. */
static const struct usage_sample *look(struct scene *s)
{
    s->now_ns += S;
    usage_look(s->usage, s->now_ns, &one, 1);
    return usage_find(s->usage, one.id);
}

static unsigned ticks(const struct usage_sample *u)
{
    assert_null(u->why_unknown);
    return (unsigned)(u->cpu_ns * sysconf(_SC_CLK_TCK) / S);
}

static void the_whole_group_and_all_children_count(void **state)
{
    struct scene *s = *state;
    put(s, (struct made_up){
               .pid = 100, .parent = 1, .group = 100, .own = 10, .children = 3, .threads = 2, .pages = 50});
    put(s, (struct made_up){.pid = 101, .parent = 100, .group = 100, .own = 20, .threads = 4, .pages = 30});
    put(s, (struct made_up){
               .pid = 99, .parent = 1, .group = 100, .own = 5, .pages = 7}); /* left behind in the group */
    put(s, (struct made_up){
               .pid = 40, .parent = 101, .group = 40, .own = 2, .pages = 1}); /* a session of its own */
    put(s, (struct made_up){.pid = 30, .parent = 40, .group = 40, .own = 1, .pages = 1});
    put(s,
        (struct made_up){.pid = 200, .parent = 1, .group = 200, .own = 1000, .pages = 1000}); /* a stranger */
    const struct usage_sample *u = look(s);
    assert_int_equal(ticks(u), 10 + 3 + 20 + 5 + 2 + 1);
    assert_int_equal(u->processes, 5);
    assert_int_equal(u->threads, 2 + 4 + 3);
    assert_int_equal(u->memory_bytes, (50 + 30 + 7 + 2) * sysconf(_SC_PAGESIZE));
    assert_false(u->has_cores); /* that takes two looks */

    put(s, (struct made_up){.pid = 101, .parent = 100, .group = 100, .own = 70, .threads = 4, .pages = 30});
    put(s, (struct made_up){.pid = 102, .parent = 101, .group = 100, .own = 4, .pages = 1});
    u = look(s);
    assert_int_equal(ticks(u), 41 + 50 + 4);
    assert_true(u->has_cores);
    assert_float_equal(u->cores, 54.0 / (double)sysconf(_SC_CLK_TCK), 1e-9);
    assert_int_equal(u->processes, 6);
}

static void a_child_that_ended_takes_nothing_with_it(void **state)
{
    struct scene *s = *state;
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 10});
    put(s, (struct made_up){.pid = 101, .parent = 100, .group = 100, .own = 20});
    assert_int_equal(ticks(look(s)), 30);
    /* It used 5 more, ended, and was waited for. */
    end(s, 101);
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 11, .children = 25});
    assert_int_equal(ticks(look(s)), 36);
    /* One that came, used 7 and ended between two looks. */
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 11, .children = 32});
    assert_int_equal(ticks(look(s)), 43);
}

static void a_child_that_is_waited_for_late_counts_once(void **state)
{
    struct scene *s = *state;
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 10});
    put(s, (struct made_up){.pid = 101, .parent = 100, .group = 100, .own = 20});
    assert_int_equal(ticks(look(s)), 30);
    put(s, (struct made_up){.pid = 101, .parent = 100, .group = 100, .own = 21, .state = 'Z', .pages = 9});
    const struct usage_sample *u = look(s);
    assert_int_equal(ticks(u), 31);
    assert_int_equal(u->processes, 1);
    end(s, 101); /* the parent was read a moment before it waited */
    assert_int_equal(ticks(look(s)), 31);
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 10, .children = 24});
    assert_int_equal(ticks(look(s)), 34);
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 12, .children = 24});
    assert_int_equal(ticks(look(s)), 36);
}

static void a_child_nobody_waits_for_is_not_forgotten(void **state)
{
    struct scene *s = *state;
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 10});
    put(s, (struct made_up){.pid = 101, .parent = 100, .group = 100, .own = 20});
    assert_int_equal(ticks(look(s)), 30);
    end(s, 101); /* SIGCHLD is ignored: its time goes nowhere */
    assert_int_equal(ticks(look(s)), 30);
    assert_int_equal(ticks(look(s)), 30);
    /* Long after, that debt is not held against others. */
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 10, .children = 6});
    assert_int_equal(ticks(look(s)), 36);
}

static void numbers_that_are_used_again_are_other_processes(void **state)
{
    struct scene *s = *state;
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 10});
    put(s, (struct made_up){.pid = 101, .parent = 100, .group = 100, .own = 20});
    assert_int_equal(ticks(look(s)), 30);
    put(s, (struct made_up){.pid = 101, .parent = 1, .group = 7, .own = 5000, .started = 99, .pages = 500});
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 10, .children = 20});
    const struct usage_sample *u = look(s);
    assert_int_equal(ticks(u), 30);
    assert_int_equal(u->processes, 1);
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 1, .started = 100});
    assert_string_equal(look(s)->why_unknown, "its process has ended");
}

static void what_cannot_be_read_is_unknown(void **state)
{
    struct scene *s = *state;
    assert_string_equal(look(s)->why_unknown, "there is no such process");
    tree_put(&s->tree, "proc/100/stat", "100 (x) S 1");
    assert_string_equal(look(s)->why_unknown, "/proc/PID/stat is not as expected");
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 10});
    assert_int_equal(ticks(look(s)), 10); /* it comes back when it can be read */
    assert_null(usage_find(s->usage, 6));
    usage_look(s->usage, s->now_ns, NULL, 0);
    assert_null(usage_find(s->usage, one.id));

    struct usage *none = usage_new("/nowhere");
    usage_look(none, s->now_ns, &one, 1);
    assert_string_equal(usage_find(none, one.id)->why_unknown, "/proc cannot be read");
    usage_free(none);
}

static void too_many_processes_are_not_followed(void **state)
{
    struct scene *s = *state;
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 10});
    for (int i = 1; i < USAGE_PROCESSES_MAX; i++)
        put(s, (struct made_up){.pid = 1000 + i, .parent = 100, .group = 100, .own = 1});
    assert_int_equal(look(s)->processes, USAGE_PROCESSES_MAX);
    put(s, (struct made_up){.pid = 9000, .parent = 100, .group = 100, .own = 1});
    assert_string_equal(look(s)->why_unknown, "it has too many processes");
    assert_string_equal(look(s)->why_unknown, "it has too many processes");
}

static void several_servers_are_told_apart(void **state)
{
    struct scene *s = *state;
    struct usage_server servers[] = {{.id = 5, .pid = 100}, {.id = 6, .pid = 300}};
    put(s, (struct made_up){.pid = 100, .parent = 1, .group = 100, .own = 10});
    put(s, (struct made_up){.pid = 300, .parent = 1, .group = 300, .own = 20});
    put(s, (struct made_up){.pid = 301, .parent = 300, .group = 300, .own = 30});
    usage_look(s->usage, s->now_ns, servers, 1);
    usage_look(s->usage, s->now_ns + S, servers, 2); /* its child was a stranger's before */
    assert_int_equal(ticks(usage_find(s->usage, 5)), 10);
    assert_int_equal(ticks(usage_find(s->usage, 6)), 50);
    usage_look(s->usage, s->now_ns + 2 * S, &servers[1], 1);
    assert_null(usage_find(s->usage, 5));
    assert_int_equal(ticks(usage_find(s->usage, 6)), 50);
    assert_true(usage_find(s->usage, 6)->has_cores);
}

/* A real group of two processes; the child holds two more files open and has used CPU time. */
static void real_processes(void **state)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t leader = fork();
    if (leader == 0) {
        (void)setpgid(0, 0);
        if (fork() == 0) {
            (void)!dup(ready[1]);
            (void)!dup(ready[1]);
            struct timespec t = {0};
            while (t.tv_sec == 0 && t.tv_nsec < 60 * NS_PER_MS)
                clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
            (void)!write(ready[1], "x", 1);
        }
        pause();
        _exit(0);
    }
    char c;
    assert_int_equal(read(ready[0], &c, 1), 1);
    struct usage *u = usage_new("");
    struct usage_server server = {.id = 9, .pid = leader};
    usage_look(u, 1 * S, &server, 1);
    const struct usage_sample *found = usage_find(u, 9);
    struct usage_sample sample = found ? *found : (struct usage_sample){.why_unknown = "not found"};
    usage_look(u, 2 * S, NULL, 0);
    kill(-leader, SIGKILL); /* before anything is asserted: nothing may be left behind */
    assert_int_equal(waitpid(leader, NULL, 0), leader);
    assert_null(sample.why_unknown);
    assert_int_equal(sample.processes, 2);
    assert_true(sample.threads == 2 || sample.threads == 4); /* the thread sanitizer adds one to each */
    assert_true(sample.cpu_ns >= 40 * NS_PER_MS && sample.cpu_ns < 10 * S);
    assert_true(sample.memory_bytes > 100000);
    assert_true(sample.has_files);
    assert_true(usage_cost_ns(u) >= 0);
    usage_free(u);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORY(the_whole_group_and_all_children_count),
        STORY(a_child_that_ended_takes_nothing_with_it),
        STORY(a_child_that_is_waited_for_late_counts_once),
        STORY(a_child_nobody_waits_for_is_not_forgotten),
        STORY(numbers_that_are_used_again_are_other_processes),
        STORY(what_cannot_be_read_is_unknown),
        STORY(too_many_processes_are_not_followed),
        STORY(several_servers_are_told_apart),
        cmocka_unit_test(real_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
