/*
 * test_cgroups.c: control groups of servers, in a tree of plain files that stands for what the kernel shows.
 * That the kernel obeys is tested by the flow tests.
 */
#include "base/buf.h"
#include "supervisor/cgroups.h"
#include "supervisor/cgroups_find.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

static char root[FOLDER_BYTES];

static void make(const char *path, const char *text)
{
    char full[PATH_MAX];
    snprintf(full, sizeof(full), "%s/%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(full, 0755);
        *slash = '/';
    }
    FILE *file = fopen(full, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect(const char *folder, const char *name, const char *want)
{
    char path[2 * PATH_MAX], text[256] = "";
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail_msg("there is no %s", path);
    assert_true(read(fd, text, sizeof(text) - 1) >= 0);
    close(fd);
    assert_string_equal(text, want);
}

static int set_up(void **state)
{
    folder_make(root);
    return 0;
}

static int tear_down(void **state)
{
    folder_remove(root);
    return 0;
}

static void groups_are_found(void **state)
{
    static const struct {
        const char *groups, *mounts, *controller, *want; /* NULL: none */
    } cases[] = {
        {"0::/system.slice/weir.service\n", "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n",
         "", "/sys/fs/cgroup/system.slice/weir.service"},
        {"0::/\n", "30 24 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n", "", "/sys/fs/cgroup"},
        {"4:memory:/a/b\n3:cpu,cpuacct:/c\n", "31 30 0:1 / /cg/mem rw - cgroup cgroup rw,memory\n", "memory",
         "/cg/mem/a/b"},
        {"4:memory:/a/b\n3:cpu,cpuacct:/c\n", "31 30 0:1 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
         "cpu", "/cg/cpu/c"},
        {"4:memory:/docker/1f\n", "31 30 0:1 /docker/1f /cg/mem ro - cgroup cgroup rw,memory\n", "memory",
         "/cg/mem"},
        {"4:memory:/docker/1f/x\n", "31 30 0:1 /docker/1f /cg/mem ro - cgroup cgroup rw,memory\n", "memory",
         "/cg/mem/x"},
        {"4:memory:/docker/1f0\n", "31 30 0:1 /docker/1f /cg/mem ro - cgroup cgroup rw,memory\n", "memory",
         NULL},
        {"4:memory:/../other\n", "31 30 0:1 / /cg/mem ro - cgroup cgroup rw,memory\n", "memory", NULL},
        {"4:memory:/a\n", "31 30 0:1 / /cg/mem ro - cgroup cgroup rw,memoryx\n", "memory", NULL},
        {"4:memory:/a\n", "31 30 0:1 / /cg/mem ro - cgroup cgroup rw,memory\n", "cpu", NULL},
        {"", "", "", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char found[PATH_MAX], want[PATH_MAX];
        make("proc/self/cgroup", cases[i].groups);
        make("proc/self/mountinfo", cases[i].mounts);
        bool is_found = cgroups_find(root, cases[i].controller, found);
        assert_true(is_found == (cases[i].want != NULL));
        snprintf(want, sizeof(want), "%s%s", root, cases[i].want ? cases[i].want : "");
        if (is_found)
            assert_string_equal(found, want);
    }
}

static void a_server_gets_a_group_of_version_2(void **state)
{
    static const struct supervisor_limits limits = {.memory_bytes = 64 << 20, .cpus = 1.5};
    struct cgroups c;
    struct server_cgroup g;
    struct err err;
    char folder[PATH_MAX], own[PATH_MAX - 64];
    make("proc/self/cgroup", "1:name=systemd:/x\n0::/weir.service\n");
    make("proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    make("sys/fs/cgroup/weir.service/cgroup.controllers", "cpuset cpu io memory\n");
    assert_true(cgroups_init(&c, root, &limits, &err));
    assert_true(c.is_v2);
    assert_true(cgroups_make(&c, "shop-1", &limits, &g, &err));
    snprintf(own, sizeof(own), "%s/sys/fs/cgroup/weir.service", root);
    snprintf(folder, sizeof(folder), "%s/weir.%d.1.shop-1", own, (int)getpid());
    expect(own, "cgroup.subtree_control", "+cpu");
    expect(folder, "memory.max", "67108864");
    expect(folder, "memory.swap.max", "0");
    expect(folder, "cpu.max", "150000 100000");
    assert_int_equal(g.join_count, 1);
    assert_memory_equal(g.joins[0], folder, strlen(folder));
    assert_false(cgroups_is_out_of_memory(&c, &g));
    cgroups_fini(&c);
}

static void a_kill_for_want_of_memory_is_seen(void **state)
{
    static const struct supervisor_limits limits = {.memory_bytes = 64 << 20};
    struct cgroups c;
    struct server_cgroup g;
    struct err err;
    char events[PATH_MAX];
    make("proc/self/cgroup", "0::/\n");
    make("proc/self/mountinfo", "30 24 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    make("cg/cgroup.controllers", "memory\n");
    assert_true(cgroups_init(&c, root, &limits, &err));
    assert_true(cgroups_make(&c, "a", &limits, &g, &err));
    snprintf(events, sizeof(events), "cg/weir.%d.1.a/memory.events", (int)getpid());
    make(events, "low 0\nhigh 0\nmax 5\noom 1\noom_kill 0\noom_group_kill 0\n");
    assert_false(cgroups_is_out_of_memory(&c, &g));
    make(events, "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\noom_group_kill 0\n");
    assert_true(cgroups_is_out_of_memory(&c, &g));
    cgroups_fini(&c);
}

static void what_is_not_there_is_told(void **state)
{
    static const struct supervisor_limits both = {.memory_bytes = 64 << 20, .cpus = 2}, none = {0};
    struct cgroups c;
    struct server_cgroup g;
    struct err err;
    assert_true(cgroups_init(&c, root, &none, &err));
    assert_false(cgroups_init(&c, root, &both, &err));
    assert_string_equal(err.text, "there is no control group for cpu here");
    assert_true(cgroups_make(&c, "a", &both, &g, &err)); /* without any limit */
    assert_int_equal(g.join_count, 0);
    cgroups_remove(&c, &g);
    cgroups_fini(&c);
}

/* Of memory, what there is of version 1 works; and groups of a Weir that is gone are removed. */
static void version_1_and_leftovers(void **state)
{
    static const struct supervisor_limits both = {.memory_bytes = 64 << 20, .cpus = 2};
    struct cgroups c;
    struct server_cgroup g;
    struct err err;
    char path[PATH_MAX];
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    assert_int_equal(waitpid(gone, NULL, 0), gone);
    make("proc/self/cgroup", "4:memory:/a\n");
    make("proc/self/mountinfo", "31 30 0:1 / /cg rw - cgroup cgroup rw,memory\n");
    make("cg/a/cgroup.procs", "");
    snprintf(path, sizeof(path), "%s/cg/a/weir.%d.7.shop-1", root, (int)gone);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_false(cgroups_init(&c, root, &both, &err));
    assert_int_equal(rmdir(path), -1);
    assert_true(cgroups_make(&c, "shop-1", &both, &g, &err));
    snprintf(path, sizeof(path), "%s/cg/a/weir.%d.1.shop-1", root, (int)getpid());
    expect(path, "memory.limit_in_bytes", "67108864");
    assert_int_equal(g.join_count, 1);
    cgroups_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(groups_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_gets_a_group_of_version_2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kill_for_want_of_memory_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(version_1_and_leftovers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
