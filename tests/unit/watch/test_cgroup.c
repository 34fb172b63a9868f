/* The control group of made-up machines: version 1, version 2 and both, limits here, on a parent, nowhere,
 * out of sight. */
#include "watch/cgroup.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define V2_MOUNT "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
#define MiB      UINT64_C(1048576)

static const struct cgroup_host host = {.cpu_count = 8, .memory_bytes = 16 * 1024 * MiB};

struct machine {
    struct tree tree;
    char *scratch;
    struct cgroup *cgroup;
};

static struct machine open_machine(const struct tree_file *files, size_t count)
{
    struct machine m = {.tree = tree_new(files, count), .scratch = mem_alloc(CGROUP_SCRATCH_BYTES)};
    m.cgroup = cgroup_new(m.tree.root, m.scratch);
    return m;
}

static void close_machine(struct machine *m)
{
    cgroup_free(m->cgroup);
    tree_free(&m->tree);
    free(m->scratch);
}

static void test_path_below_mount(void **state)
{
    static const struct {
        const char *group, *root, *below;
    } rows[] = {{"/", "/", ""},
                {"/a/b", "/", "/a/b"},
                {"/docker/abc", "/docker/abc", ""},
                {"/docker/abc/x", "/docker/abc", "/x"},
                {"/docker/abcd", "/docker/abc", ""},
                {"/other", "/docker/abc", ""},
                {"/../other", "/", ""}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str below = cgroup_path_below_mount(str_of(rows[i].group), str_of(rows[i].root));
        assert_true(str_eq(below, str_of(rows[i].below)));
    }
}

/* Kubernetes: the pod carries the limit, the container carries a wider one; siblings count against the pod.
 */
static void test_v2_limit_on_the_parent(void **state)
{
    static const struct tree_file files[] = {
        {"proc/self/cgroup", "0::/pod/main\n"},
        {"proc/self/mountinfo", V2_MOUNT},
        {"proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-7\n"},
        {"sys/fs/cgroup/cpu.stat", "usage_usec 9\n"},
        {"sys/fs/cgroup/pod/cpu.max", "150000 100000\n"},
        {"sys/fs/cgroup/pod/cpu.stat", "usage_usec 1000000\nnr_periods 100\nnr_throttled 10\n"},
        {"sys/fs/cgroup/pod/memory.max", "1073741824\n"},
        {"sys/fs/cgroup/pod/memory.current", "900000000\n"},
        {"sys/fs/cgroup/pod/memory.stat", "anon 1\ninactive_file 100000000\n"},
        {"sys/fs/cgroup/pod/main/cpu.max", "400000 100000\n"},
        {"sys/fs/cgroup/pod/main/cpu.stat", "usage_usec 500000\nnr_periods 100\nnr_throttled 0\n"},
        {"sys/fs/cgroup/pod/main/memory.max", "2147483648\n"},
        {"sys/fs/cgroup/pod/main/memory.current", "300000000\n"},
        {"sys/fs/cgroup/pod/main/memory.stat", "inactive_file 0\n"},
        {"sys/fs/cgroup/pod/main/memory.events", "oom 4\noom_kill 3\n"},
    };
    struct machine m = open_machine(files, ARRAY_LEN(files));
    struct cgroup_sample s;
    cgroup_take_sample(m.cgroup, &host, NS_PER_S, &s);
    assert_int_equal(s.version, 2);
    assert_true(s.has_cpu_limit && s.has_memory_limit);
    assert_false(s.cpu_percent.is_known);
    assert_true(s.effective_cpus.value == 1.5);
    assert_int_equal(s.memory_limit_bytes, 1073741824);
    assert_string_equal(s.memory_group, "/pod");
    assert_int_equal(s.memory_group_used_bytes, 800000000);
    assert_true(s.memory_percent.value == 74.5);
    assert_true(s.oom_kills.value == 3); /* of the nearest group with a limit */

    tree_put(&m.tree, "sys/fs/cgroup/pod/cpu.stat", "usage_usec 2200000\nnr_periods 110\nnr_throttled 15\n");
    tree_put(&m.tree, "sys/fs/cgroup/pod/main/cpu.stat",
             "usage_usec 700000\nnr_periods 110\nnr_throttled 0\n");
    cgroup_take_sample(m.cgroup, &host, 2 * NS_PER_S, &s);
    assert_true(s.cpu_percent.value == 80); /* 1.2 s of 1.5 */
    assert_string_equal(s.cpu_group, "/pod");
    assert_true(s.cpu_group_cpus == 1.5);
    assert_true(s.throttled_percent.value == 50);
    close_machine(&m);
}

/* Kills are those of the nearest group with a limit: systemd in a container has groups of its own below it.
 * Whoever sets another limit does not make old kills new ones. */
static void test_v2_kills_of_the_limited_group(void **state)
{
    static const struct tree_file files[] = {
        {"proc/self/cgroup", "0::/box/weir.service\n"},
        {"proc/self/mountinfo", V2_MOUNT},
        {"sys/fs/cgroup/box/memory.max", "1000000\n"},
        {"sys/fs/cgroup/box/memory.current", "900000\n"},
        {"sys/fs/cgroup/box/memory.events", "oom 9\noom_kill 7\noom_group_kill 0\n"},
        {"sys/fs/cgroup/box/weir.service/memory.max", "max\n"},
        {"sys/fs/cgroup/box/weir.service/memory.events", "oom 0\noom_kill 0\n"},
    };
    struct machine m = open_machine(files, ARRAY_LEN(files));
    struct cgroup_sample s;
    cgroup_take_sample(m.cgroup, &host, NS_PER_S, &s);
    assert_true(s.has_memory_limit && s.oom_kills.value == 7 && s.oom_kills_recent.value == 0);
    tree_put(&m.tree, "sys/fs/cgroup/box/memory.events", "oom 11\noom_kill 9\noom_group_kill 0\n");
    cgroup_take_sample(m.cgroup, &host, 2 * NS_PER_S, &s);
    assert_true(s.oom_kills.value == 9 && s.oom_kills_recent.value == 2);

    tree_put(&m.tree, "sys/fs/cgroup/box/weir.service/memory.max", "500000\n");
    cgroup_take_sample(m.cgroup, &host, 3 * NS_PER_S, &s);
    assert_true(s.oom_kills.value == 0 && s.oom_kills_recent.value == 0);
    tree_put(&m.tree, "sys/fs/cgroup/box/weir.service/memory.max", "max\n");
    cgroup_take_sample(m.cgroup, &host, 4 * NS_PER_S, &s);
    assert_true(s.oom_kills.value == 9 && s.oom_kills_recent.value == 0);
    close_machine(&m);
}

static void test_v2_without_limits(void **state)
{
    static const struct tree_file files[] = {
        {"proc/self/cgroup", "0::/user.slice\n"},
        {"proc/self/mountinfo", V2_MOUNT},
        {"proc/self/status", "Cpus_allowed_list:\t0-3\n"},
        {"sys/fs/cgroup/user.slice/cpu.max", "max 100000\n"},
        {"sys/fs/cgroup/user.slice/cpu.stat", "usage_usec 5\n"},
        {"sys/fs/cgroup/user.slice/memory.max", "max\n"},
        {"sys/fs/cgroup/user.slice/memory.current", "5\n"},
    };
    struct machine m = open_machine(files, ARRAY_LEN(files));
    struct cgroup_sample s;
    cgroup_take_sample(m.cgroup, &host, NS_PER_S, &s);
    cgroup_take_sample(m.cgroup, &host, 2 * NS_PER_S, &s);
    assert_false(s.has_cpu_limit || s.has_memory_limit);
    assert_false(s.cpu_percent.is_known || s.memory_percent.is_known || s.oom_kills.is_known);
    assert_true(s.effective_cpus.value == 4); /* the affinity; not a limit of the group */

    /* A limit that is set later is seen; one that is not below the host's memory is none. */
    tree_put(&m.tree, "sys/fs/cgroup/user.slice/memory.max", "10\n");
    cgroup_take_sample(m.cgroup, &host, 3 * NS_PER_S, &s);
    assert_true(s.has_memory_limit && s.memory_percent.value == 50);
    tree_put(&m.tree, "sys/fs/cgroup/user.slice/memory.max", "17179869184\n");
    cgroup_take_sample(m.cgroup, &host, 4 * NS_PER_S, &s);
    assert_false(s.has_memory_limit);
    close_machine(&m);
}

/* Docker without a namespace: the path is the host's, the mount shows only our part. */
static const struct tree_file docker_v1[] = {
    {"proc/self/cgroup",
     "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n3:cpuset:/docker/abc\n0::/docker/abc\n"},
    {"proc/self/mountinfo",
     "40 30 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
     "41 30 0:32 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
     "42 30 0:33 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n"},
    {"proc/self/status", "Cpus_allowed_list:\t2-3\n"},
    {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
    {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"},
    {"sys/fs/cgroup/cpu,cpuacct/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"},
    {"sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "1000000000\n"},
    {"sys/fs/cgroup/cpuset/cpuset.effective_cpus", "2-3\n"},
    {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
    {"sys/fs/cgroup/memory/memory.usage_in_bytes", "300\n"},
    {"sys/fs/cgroup/memory/memory.stat",
     "inactive_file 7\nhierarchical_memory_limit 400\ntotal_inactive_file 100\n"},
    {"sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 0\n"},
};

static void test_v1_docker(void **state)
{
    struct machine m = open_machine(docker_v1, ARRAY_LEN(docker_v1));
    struct cgroup_sample s;
    cgroup_take_sample(m.cgroup, &host, NS_PER_S, &s);
    assert_int_equal(s.version, 1);
    assert_true(s.has_cpu_limit && s.effective_cpus.value == 2); /* by the CPU set alone */
    assert_true(s.has_memory_limit);                             /* of an ancestor that cannot be seen */
    assert_int_equal(s.memory_limit_bytes, 400);
    assert_true(s.memory_percent.value == 50);
    assert_true(s.oom_kills.is_known && s.oom_kills.value == 0);
    tree_put(&m.tree, "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "2500000000\n");
    cgroup_take_sample(m.cgroup, &host, 2 * NS_PER_S, &s);
    assert_true(s.cpu_percent.value == 75); /* 1.5 s of 2 */
    close_machine(&m);
}

/* Version 1 on a host: a limit on the parent, each controller with a path of its own, an idle version 2 mount
 * beside. */
static void test_v1_nested_and_hybrid(void **state)
{
    static const struct tree_file files[] = {
        {"proc/self/cgroup",
         "9:name=systemd:/\n4:memory:/slice/app\n2:cpuacct:/slice\n1:cpu:/slice\n3:cpuset:/\n0::/\n"},
        {"proc/self/mountinfo", "40 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                "41 30 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                                "42 30 0:33 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n"
                                "43 30 0:34 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                                "44 30 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"},
        {"sys/fs/cgroup/cpu/slice/cpu.cfs_quota_us", "50000\n"},
        {"sys/fs/cgroup/cpu/slice/cpu.cfs_period_us", "100000\n"},
        {"sys/fs/cgroup/cpu/slice/cpu.stat", "nr_periods 1\nnr_throttled 0\n"},
        {"sys/fs/cgroup/cpuacct/slice/cpuacct.usage", "0\n"},
        {"sys/fs/cgroup/cpuset/cpuset.effective_cpus", "0-7\n"},
        {"sys/fs/cgroup/memory/slice/memory.limit_in_bytes", "1000\n"},
        {"sys/fs/cgroup/memory/slice/memory.usage_in_bytes", "990\n"},
        {"sys/fs/cgroup/memory/slice/memory.stat", "total_inactive_file 40\n"},
        {"sys/fs/cgroup/memory/slice/app/memory.limit_in_bytes", "500\n"},
        {"sys/fs/cgroup/memory/slice/app/memory.usage_in_bytes", "100\n"},
        {"sys/fs/cgroup/memory/slice/app/memory.stat",
         "hierarchical_memory_limit 500\ntotal_inactive_file 0\n"},
    };
    struct machine m = open_machine(files, ARRAY_LEN(files));
    struct cgroup_sample s;
    cgroup_take_sample(m.cgroup, &host, NS_PER_S, &s);
    assert_int_equal(s.version, 1);
    assert_int_equal(s.memory_limit_bytes, 500); /* the tightest is ours... */
    assert_true(s.memory_percent.value == 95);   /* ...the parent is nearer to its end */
    assert_string_equal(s.memory_group, "/slice");
    assert_true(s.effective_cpus.value == 0.5);
    tree_put(&m.tree, "sys/fs/cgroup/cpuacct/slice/cpuacct.usage", "400000000\n");
    cgroup_take_sample(m.cgroup, &host, 2 * NS_PER_S, &s);
    assert_true(s.cpu_percent.value == 80);
    close_machine(&m);
}

static void test_nothing_to_read(void **state)
{
    static const struct tree_file no_files[] = {{"proc/empty", ""}};
    static const struct tree_file no_use[] = {
        {"proc/self/cgroup", "0::/\n"},
        {"proc/self/mountinfo", V2_MOUNT},
        {"sys/fs/cgroup/memory.max", "1000\n"},
        {"sys/fs/cgroup/cpu.max", "100000 100000\n"},
    };
    struct cgroup_sample s;
    struct machine m = open_machine(no_files, ARRAY_LEN(no_files));
    cgroup_take_sample(m.cgroup, &host, NS_PER_S, &s);
    assert_int_equal(s.version, 0);
    assert_false(s.has_cpu_limit || s.has_memory_limit || s.cpu_percent.is_known ||
                 s.memory_percent.is_known);
    assert_true(s.effective_cpus.value == 8);
    struct cgroup_host no_host = {0};
    cgroup_take_sample(m.cgroup, &no_host, 2 * NS_PER_S, &s);
    assert_false(s.effective_cpus.is_known);
    close_machine(&m);

    m = open_machine(no_use, ARRAY_LEN(no_use)); /* limits without use: unknown, not 0 */
    cgroup_take_sample(m.cgroup, &host, NS_PER_S, &s);
    cgroup_take_sample(m.cgroup, &host, 2 * NS_PER_S, &s);
    assert_true(s.has_cpu_limit && s.has_memory_limit);
    assert_false(s.cpu_percent.is_known || s.memory_percent.is_known);
    close_machine(&m);
}

/* The limit of processes and pressure, of version 2; a kill for lack of memory is told for half an hour. */
static void test_v2_processes_and_pressure(void **state)
{
    static const struct tree_file files[] = {
        {"proc/self/cgroup", "0::/pod/main\n"},
        {"proc/self/mountinfo", V2_MOUNT},
        {"sys/fs/cgroup/pod/pids.max", "200\n"},
        {"sys/fs/cgroup/pod/pids.current", "150\n"},
        {"sys/fs/cgroup/pod/main/pids.max", "max\n"},
        {"sys/fs/cgroup/pod/main/pids.current", "30\n"},
        {"sys/fs/cgroup/pod/main/memory.events", "oom 4\noom_kill 3\n"},
        {"sys/fs/cgroup/pod/main/cpu.pressure", "some avg10=0 total=100\nfull avg10=0 total=50\n"},
    };
    struct machine m = open_machine(files, ARRAY_LEN(files));
    static struct cgroup_sample s;
    cgroup_take_sample(m.cgroup, &host, NS_PER_S, &s);
    assert_true(s.has_pids_limit && s.pids_percent.value == 75);
    assert_string_equal(s.pids_group, "/pod");
    assert_true(s.pids_group_used == 150 && s.pids_group_limit == 200);
    assert_true(s.oom_kills_recent.is_known && s.oom_kills_recent.value == 0);
    tree_put(&m.tree, "sys/fs/cgroup/pod/main/pids.max", "31\n"); /* now the nearer one */
    tree_put(&m.tree, "sys/fs/cgroup/pod/main/memory.events", "oom 4\noom_kill 4\n");
    tree_put(&m.tree, "sys/fs/cgroup/pod/main/cpu.pressure",
             "some avg10=0 total=500100\nfull avg10=0 total=250050\n");
    cgroup_take_sample(m.cgroup, &host, 2 * NS_PER_S, &s);
    assert_string_equal(s.pids_group, "/pod/main");
    assert_true(s.pids_percent.value == 96.8);
    assert_true(s.oom_kills_recent.value == 1);
    assert_true(s.pressure.cpu.some_percent.value == 50 && s.pressure.cpu.full_percent.value == 25);
    assert_false(s.pressure.memory.some_percent.is_known);
    close_machine(&m);
}

/* Version 1: the controller of processes has a path of its own; pressure is not told. */
static void test_v1_processes(void **state)
{
    static const struct tree_file files[] = {
        {"proc/self/cgroup", "4:memory:/a\n8:pids:/b/c\n"},
        {"proc/self/mountinfo", "40 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                "43 30 0:34 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"},
        {"sys/fs/cgroup/pids/b/pids.max", "10\n"},
        {"sys/fs/cgroup/pids/b/c/pids.max", "max\n"},
    };
    struct machine m = open_machine(files, ARRAY_LEN(files));
    static struct cgroup_sample s;
    cgroup_take_sample(m.cgroup, &host, NS_PER_S, &s);
    assert_true(s.has_pids_limit);
    assert_false(s.pids_percent.is_known); /* the use cannot be read: unknown, not 0 */
    assert_string_equal(s.pressure.cpu.some_percent.why_unknown, "only control groups of version 2 tell it");
    tree_put(&m.tree, "sys/fs/cgroup/pids/b/pids.current", "9\n");
    cgroup_take_sample(m.cgroup, &host, 2 * NS_PER_S, &s);
    assert_true(s.pids_percent.value == 90);
    close_machine(&m);
}

/* systemd may move us; the files of the old group must not be believed any longer. */
static void test_moved_to_another_group(void **state)
{
    static const struct tree_file files[] = {
        {"proc/self/cgroup", "0::/a\n"},          {"proc/self/mountinfo", V2_MOUNT},
        {"sys/fs/cgroup/a/memory.max", "1000\n"}, {"sys/fs/cgroup/a/memory.current", "100\n"},
        {"sys/fs/cgroup/b/memory.max", "1000\n"}, {"sys/fs/cgroup/b/memory.current", "700\n"},
    };
    struct machine m = open_machine(files, ARRAY_LEN(files));
    struct cgroup_sample s;
    cgroup_take_sample(m.cgroup, &host, NS_PER_S, &s);
    assert_true(s.memory_percent.value == 10);
    tree_put(&m.tree, "proc/self/cgroup", "0::/b\n");
    cgroup_take_sample(m.cgroup, &host, 20 * NS_PER_S, &s);
    assert_true(s.memory_percent.value == 70);
    close_machine(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_below_mount),       cmocka_unit_test(test_v2_limit_on_the_parent),
        cmocka_unit_test(test_v2_without_limits),      cmocka_unit_test(test_v1_docker),
        cmocka_unit_test(test_v1_nested_and_hybrid),   cmocka_unit_test(test_nothing_to_read),
        cmocka_unit_test(test_moved_to_another_group), cmocka_unit_test(test_v2_processes_and_pressure),
        cmocka_unit_test(test_v1_processes),           cmocka_unit_test(test_v2_kills_of_the_limited_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
