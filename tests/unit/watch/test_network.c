/* Interfaces, TCP, sockets and the connection table of made-up machines. */
#include "watch/network.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "tree.h"
#include "watch/cgroup.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct tree_file files[] = {
    {"proc/net/dev", "header\n  lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n"
                     "ifb0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
                     "veth1: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0\n"
                     "eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n"},
    {"proc/net/snmp", "Tcp: OutSegs RetransSegs\nTcp: 1000 10\n"},
    {"proc/net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: 5 6\n"},
    {"proc/net/sockstat", "sockets: used 13\nTCP: inuse 4 orphan 1 tw 9 alloc 5 mem 2\n"},
    {"proc/net/sockstat6", "TCP6: inuse 3\n"},
    {"proc/sys/net/netfilter/nf_conntrack_count", "75\n"},
    {"proc/sys/net/netfilter/nf_conntrack_max", "100\n"},
    {"sys/class/net/eth0/speed", "8\n"},
    {"sys/class/net/lo/speed", "-1\n"},
};

struct machine {
    struct tree tree;
    struct loop *loop;
    struct job_pool *jobs;
    char *scratch;
    struct network *network;
};

static void open_machine(struct machine *m, const struct tree_file *f, size_t count)
{
    m->tree = tree_new(f, count);
    m->loop = loop_new(NULL);
    m->jobs = job_pool_new(
        &(struct job_pool_params){.loop = m->loop, .name = "test", .threads_max = 1, .queue_max = 1});
    m->scratch = mem_alloc(CGROUP_SCRATCH_BYTES);
    m->network =
        network_new(&(struct network_params){.root = m->tree.root, .scratch = m->scratch, .jobs = m->jobs});
}

static void close_machine(struct machine *m)
{
    network_free(m->network);
    job_pool_free(m->jobs, NS_PER_S);
    loop_free(m->loop);
    free(m->scratch);
    tree_free(&m->tree);
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

static bool is_value(struct reading r, double value)
{
    return r.is_known && fabs(r.value - value) < 1e-9;
}

static void test_numbers(void **state)
{
    static struct host_sample s;
    const char *why;
    struct machine m;
    int64_t start_ns = clock_now_ns(); /* the deadline of jobs is by the real clock */
    open_machine(&m, files, ARRAY_LEN(files));
    network_take(m.network, start_ns, &s, &why);
    assert_null(why);
    assert_int_equal(s.interface_count, 2);
    assert_string_equal(s.interfaces[1].name, "eth0");
    assert_false(s.interfaces[1].received_rate.is_known || s.tcp.retransmits_percent.is_known);
    assert_true(is_value(s.sockets.used, 13) && is_value(s.sockets.tcp_open, 7));
    assert_true(is_value(s.sockets.tcp_time_wait, 9) && is_value(s.sockets.tcp_orphans, 1));
    assert_true(is_value(s.conntrack.percent, 75) && is_value(s.conntrack.max, 100));
    tree_put(&m.tree, "proc/net/dev",
             "  lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n"
             "eth0: 1001000 10 3 2 0 0 0 0 2000 20 3 8 0 0 0 0\n");
    tree_put(&m.tree, "proc/net/snmp", "Tcp: OutSegs RetransSegs\nTcp: 1200 20\n");
    tree_put(&m.tree, "proc/net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: 9 3\n");
    for (int i = 0; i < 1000 && !s.interfaces[1].speed.is_known; i++) { /* the job thread asks the link */
        run_for(m.loop, 10 * NS_PER_MS);
        network_take(m.network, start_ns, &s, &why);
    }
    assert_true(is_value(s.interfaces[1].speed, 8e6));
    assert_false(s.interfaces[0].speed.is_known);
    tree_put(&m.tree, "proc/net/dev",
             "  lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n"
             "eth0: 2001000 10 5 2 0 0 0 0 2000 20 3 12 0 0 0 0\n");
    tree_put(&m.tree, "proc/net/snmp", "Tcp: OutSegs RetransSegs\nTcp: 1400 30\n");
    tree_put(&m.tree, "proc/net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: 13 1\n");
    network_take(m.network, start_ns + 2 * NS_PER_S, &s, &why);
    assert_true(is_value(s.interfaces[1].received_rate, 500000) && is_value(s.interfaces[1].sent_rate, 0));
    assert_true(is_value(s.interfaces[1].errors_rate, 1) && is_value(s.interfaces[1].drops_rate, 2));
    assert_true(is_value(s.interfaces[1].usage_percent, 50));
    assert_false(s.interfaces[0].usage_percent.is_known);
    assert_true(is_value(s.tcp.retransmits_percent, 5));
    assert_true(is_value(s.tcp.listen_overflows_rate, 2));
    assert_false(s.tcp.listen_drops_rate.is_known); /* ran backwards */
    close_machine(&m);
}

static void test_nothing_to_read(void **state)
{
    static struct host_sample s;
    static const struct tree_file no_files[] = {{"proc/empty", ""}};
    const char *why;
    struct machine m;
    open_machine(&m, no_files, 1);
    network_take(m.network, NS_PER_S, &s, &why);
    network_take(m.network, 2 * NS_PER_S, &s, &why);
    assert_int_equal(s.interface_count, 0);
    assert_string_equal(why, "No such file or directory");
    assert_false(s.tcp.retransmits_percent.is_known || s.tcp.listen_overflows_rate.is_known);
    assert_false(s.sockets.used.is_known || s.sockets.tcp_open.is_known);
    assert_string_equal(s.conntrack.percent.why_unknown, "the kernel follows no connections here");
    close_machine(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers),
                                       cmocka_unit_test(test_nothing_to_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
