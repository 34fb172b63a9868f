/* The whole sample of made-up machines: all of it, none of it, and each file missing in turn. */
#include "watch/host.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "tree.h"
#include "watch/host_json.h"
#include "watch/host_metrics.h"
#include "watch/host_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PRESSURE "some avg10=0 avg60=0 avg300=0 total=5\nfull avg10=0 avg60=0 avg300=0 total=2\n"

/* What the board no longer knows, or no longer has, without the file; names of metrics. */
struct machine_file {
    const char *path, *text, *lost;
};

static const struct machine_file machine[] = {
    {"proc/stat", "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n",
     "cpu_iowait cpu_steal load_per_cpu cpu_core"},
    {"proc/meminfo",
     "MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 500 kB\nSwapTotal: 10 kB\nSwapFree: 5 kB\n", "swap"},
    {"proc/loadavg", "1.00 2.00 3.00 1/99 1\n", "load1 load5 load15 load_per_cpu"},
    {"proc/vmstat", "pgmajfault 1\npswpin 2\npswpout 3\noom_kill 4\n", "swap_in swap_out major_faults"},
    {"proc/pressure/cpu", PRESSURE, "cpu_pressure"},
    {"proc/pressure/memory", PRESSURE, "memory_pressure memory_stalled"},
    {"proc/pressure/io", PRESSURE, "io_pressure io_stalled"},
    {"proc/diskstats", "8 0 sda 1 0 1 1 1 0 1 1 0 1 1\n",
     "disk_read disk_written disk_reads disk_writes disk_busy disk_queue disk_read_latency "
     "disk_write_latency"},
    {"sys/block/sda/size", "1\n", ""}, /* mounted, so it is told all the same */
    {"proc/net/dev", "  eth0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n",
     "net_received net_sent net_errors net_drops"},
    {"proc/net/snmp", "Tcp: OutSegs RetransSegs\nTcp: 1 1\n", "tcp_retransmits"},
    {"proc/net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: 1 1\n",
     "listen_overflows listen_drops"},
    {"proc/net/sockstat", "sockets: used 1\nTCP: inuse 1 orphan 0 tw 1 alloc 1 mem 1\n",
     "sockets tcp_connections tcp_time_wait"},
    {"proc/net/sockstat6", "TCP6: inuse 1\n", ""}, /* a machine without IPv6 */
    {"proc/sys/net/netfilter/nf_conntrack_count", "1\n", "conntrack"},
    {"proc/sys/net/netfilter/nf_conntrack_max", "10\n", "conntrack"},
    {"proc/sys/fs/file-nr", "1 0 10\n", "open_files"},
    {"proc/self/mountinfo",
     "27 1 8:0 / / rw - ext4 /dev/sda rw\n30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
     "cgroup_cpu cgroup_throttled cgroup_memory cgroup_pids cgroup_oom_kills cgroup_cpu_pressure "
     "cgroup_cpu_stalled cgroup_memory_pressure cgroup_memory_stalled cgroup_io_pressure cgroup_io_stalled "
     "disk_inodes disk_free disk_full_in disk_read_only disk"},
    {"proc/self/cgroup", "0::/a\n",
     "cgroup_cpu cgroup_throttled cgroup_memory cgroup_pids cgroup_oom_kills cgroup_cpu_pressure "
     "cgroup_cpu_stalled cgroup_memory_pressure cgroup_memory_stalled cgroup_io_pressure cgroup_io_stalled"},
    {"sys/fs/cgroup/a/cpu.max", "50000 100000\n", "cgroup_cpu cgroup_throttled"},
    {"sys/fs/cgroup/a/cpu.stat", "usage_usec 1\nnr_periods 1\nnr_throttled 0\n",
     "cpu cgroup_cpu cgroup_throttled"},
    {"sys/fs/cgroup/a/memory.max", "1000\n", "cgroup_memory"},
    {"sys/fs/cgroup/a/memory.current", "500\n", "memory cgroup_memory"},
    {"sys/fs/cgroup/a/memory.stat", "inactive_file 0\n", ""},
    {"sys/fs/cgroup/a/memory.events", "oom_kill 0\n", "cgroup_oom_kills oom_kills"},
    {"sys/fs/cgroup/a/pids.max", "10\n", "cgroup_pids"},
    {"sys/fs/cgroup/a/pids.current", "5\n", "cgroup_pids"},
    {"sys/fs/cgroup/a/cpu.pressure", PRESSURE, "cgroup_cpu_pressure cgroup_cpu_stalled"},
    {"sys/fs/cgroup/a/memory.pressure", PRESSURE, "cgroup_memory_pressure cgroup_memory_stalled"},
    {"sys/fs/cgroup/a/io.pressure", PRESSURE, "cgroup_io_pressure cgroup_io_stalled"},
};

static bool measure(const char *path, struct disk_counts *ret_counts)
{
    *ret_counts = (struct disk_counts){.fragment_bytes = 1,
                                       .blocks = 100,
                                       .blocks_free = 50,
                                       .blocks_available = 50,
                                       .inodes = 10,
                                       .inodes_free = 5};
    return true;
}

static void on_stop(struct loop *l, struct timer *t)
{
    loop_stop(l);
}

static void run_for(struct loop *l, int64_t ns)
{
    struct timer t;
    timer_init(&t, on_stop);
    timer_set(l, &t, clock_now_ns() + ns);
    loop_run(l);
}

/* Two samples of the machine without one file (SIZE_MAX: with all), the second with the disks measured. */
static void look(size_t without, struct board *board, struct host_sample *s)
{
    struct tree tree = tree_new(&(struct tree_file){"proc/empty", ""}, 1);
    for (size_t i = 0; i < ARRAY_LEN(machine); i++)
        if (i != without)
            tree_put(&tree, machine[i].path, machine[i].text);
    struct loop *l = loop_new(NULL);
    struct host *h = host_new(
        &(struct host_params){.loop = l, .root = tree.root, .measure_disk = measure, .restarts = -1});
    int64_t now_ns = clock_now_ns();
    host_configure(h, &(struct config_strings){0});
    host_take_sample(h, now_ns, s);
    for (int i = 0; i < 1000 && s->disk_count && !s->disks[0].percent.is_known; i++) {
        run_for(l, 5 * NS_PER_MS);
        s->disk_count = host_get_disks(h, s->disks);
    }
    if (without != 0) /* the counters must move, or CPU use is unknown */
        tree_put(&tree, "proc/stat", "cpu  9 2 3 9 5 6 7 8 9 10\ncpu0 9 2 3 9 5 6 7 8 9 10\n");
    host_take_sample(h, now_ns + NS_PER_S, s);
    board_begin(board, 1, 1);
    host_report(s, board);
    board_end(board);
    host_free(h);
    loop_free(l);
    tree_free(&tree);
}

static bool is_in_list(const char *list, const char *name)
{
    struct str rest = str_of(list), word;
    while (rest.len && str_split(&rest, ' ', &word))
        if (str_eq(word, str_of(name)))
            return true;
    return false;
}

static bool knows(const struct board *b, enum metric m)
{
    for (size_t i = 0; i < board_count(b); i++)
        if (board_at(b, i)->metric == m && board_at(b, i)->reading.is_known)
            return true;
    return false;
}

static void test_each_file_missing(void **state)
{
    static struct host_sample s;
    struct board *whole = board_new();
    look(SIZE_MAX, whole, &s);
    assert_true(knows(whole, METRIC_CPU) && knows(whole, METRIC_DISK) && knows(whole, METRIC_DISK_BUSY) &&
                knows(whole, METRIC_NET_SENT) && knows(whole, METRIC_CGROUP_THROTTLED));
    for (size_t i = 0; i < ARRAY_LEN(machine); i++) {
        struct board *b = board_new();
        look(i, b, &s);
        for (int m = 0; m < METRIC_COUNT; m++) {
            const char *name = metric_infos[m].name;
            bool is_expected = knows(whole, (enum metric)m) && !is_in_list(machine[i].lost, name);
            /* Without a mount table the root is still measured, without its group the host is judged. */
            if (knows(b, (enum metric)m) != is_expected)
                fail_msg("without %s: %s is %s", machine[i].path, name, is_expected ? "lost" : "still known");
        }
        board_free(b);
    }
    board_free(whole);
}

static void test_nothing_at_all(void **state)
{
    static struct host_sample s;
    struct tree tree = tree_new(&(struct tree_file){"proc/empty", ""}, 1);
    struct loop *l = loop_new(NULL);
    struct host *h = host_new(&(struct host_params){.loop = l, .root = tree.root, .restarts = -1});
    struct board *b = board_new();
    struct buf json_text CLEANUP(buf_fini) = {0}, metrics CLEANUP(buf_fini) = {0};
    struct json j;
    host_configure(h, &(struct config_strings){0});
    for (int i = 0; i < 3; i++)
        host_take_sample(h, clock_now_ns(), &s);
    board_begin(b, 1, 1);
    host_report(&s, b);
    board_end(b);
    for (size_t i = 0; i < board_count(b); i++) {
        const struct series *series = board_at(b, i);
        bool is_of_the_system = series->metric == METRIC_CLOCK_OFFSET ||
                                series->metric == METRIC_CLOCK_ERROR ||
                                series->metric == METRIC_CLOCK_SYNCHRONISED; /* not from a file */
        if (is_of_the_system)
            continue;
        if (series->reading.is_known)
            fail_msg("%s is known", metric_infos[series->metric].name);
        assert_non_null(series->reading.why_unknown);
        assert_true(series->reading.why_unknown[0] != '\0');
    }
    assert_true(board_count(b) > 20);
    json_init(&j, &json_text);
    host_json_write(&j, &s, 1);
    assert_non_null(strstr(json_text.ptr, "\"why_no_devices\":\"No such file or directory\""));
    assert_non_null(strstr(json_text.ptr, "\"why_unknown\":\"the kernel does not measure pressure (PSI)\""));
    host_metrics_write(&metrics, &s);
    assert_null(strstr(metrics.ptr, "\nweir_host_pressure_seconds_total{"));
    assert_null(strstr(metrics.ptr, "\nweir_host_open_files "));
    assert_non_null(strstr(metrics.ptr, "# TYPE weir_host_open_files gauge\n"));
    board_free(b);
    host_free(h);
    loop_free(l);
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_file_missing),
                                       cmocka_unit_test(test_nothing_at_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
