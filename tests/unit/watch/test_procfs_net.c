/* The parsers of /proc/net, with what odd kernels print. */
#include "watch/procfs_net.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_interfaces(void **state)
{
    struct str text = STR("Inter-|   Receive                    |  Transmit\n"
                          " face |bytes    packets errs drop fifo|bytes\n"
                          "    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                          "eth0:18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n" /* no space */
                          "eth1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"                      /* cut off */
                          "eth2: -1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                          ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                          "  a.b@c: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16");
    struct interface_line l;
    assert_true(procfs_next_interface(&text, &l));
    assert_true(str_eq(l.name, STR("lo")));
    assert_true(l.received_bytes == 1 && l.received_packets == 2 && l.received_errors == 3 &&
                l.received_drops == 4);
    assert_true(l.sent_bytes == 9 && l.sent_packets == 10 && l.sent_errors == 11 && l.sent_drops == 12);
    assert_true(procfs_next_interface(&text, &l));
    assert_true(str_eq(l.name, STR("eth0")) && l.received_bytes == UINT64_MAX);
    assert_true(procfs_next_interface(&text, &l));
    assert_true(str_eq(l.name, STR("a.b@c")));
    assert_false(procfs_next_interface(&text, &l));
}

static void test_columns(void **state)
{
    struct str text = STR("Ip: Forwarding DefaultTTL\nIp: 1 64\n"
                          "Tcp: RtoMin OutSegs RetransSegs MaxConn\nTcp: 200 1000 7 -1\n"
                          "TcpExt: ListenOverflows\nTcpExt:\n" /* names without numbers */
                          "Udp: InDatagrams\n");
    uint64_t value = 99;
    assert_true(procfs_find_column(text, STR("Tcp"), STR("RetransSegs"), &value));
    assert_int_equal(value, 7);
    assert_true(procfs_find_column(text, STR("Ip"), STR("DefaultTTL"), &value));
    assert_int_equal(value, 64);
    assert_false(procfs_find_column(text, STR("Tcp"), STR("MaxConn"), &value)); /* -1: no number for us */
    assert_false(procfs_find_column(text, STR("Tcp"), STR("Forwarding"), &value));
    assert_false(procfs_find_column(text, STR("TcpExt"), STR("ListenOverflows"), &value));
    assert_false(procfs_find_column(text, STR("Udp"), STR("InDatagrams"), &value)); /* cut off */
    assert_false(procfs_find_column(STR(""), STR("Tcp"), STR("OutSegs"), &value));
    assert_int_equal(value, 64);
}

static void test_pairs(void **state)
{
    struct str text = STR("sockets: used 13\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 36\nUDP: inuse\n");
    uint64_t value = 99;
    assert_true(procfs_find_pair(text, STR("sockets"), STR("used"), &value) && value == 13);
    assert_true(procfs_find_pair(text, STR("TCP"), STR("mem"), &value) && value == 36);
    assert_false(procfs_find_pair(text, STR("TCP"), STR("used"), &value));
    assert_false(procfs_find_pair(text, STR("TCP"), STR("3"), &value)); /* a value is no name */
    assert_false(procfs_find_pair(text, STR("UDP"), STR("inuse"), &value));
    assert_false(procfs_find_pair(text, STR("TCP6"), STR("inuse"), &value));
}

static void test_small_files(void **state)
{
    uint16_t first, last;
    uint64_t open, max;
    assert_true(procfs_parse_port_range(STR("32768\t60999\n"), &first, &last));
    assert_true(first == 32768 && last == 60999);
    assert_false(procfs_parse_port_range(STR("60999 32768\n"), &first, &last));
    assert_false(procfs_parse_port_range(STR("1 65536\n"), &first, &last));
    assert_false(procfs_parse_port_range(STR("1\n"), &first, &last));
    assert_true(procfs_parse_file_count(STR("414\t4\t2470938\n"), &open, &max));
    assert_true(open == 410 && max == 2470938);
    assert_true(procfs_parse_file_count(STR("4 5 9223372036854775807"), &open, &max) && open == 0);
    assert_false(procfs_parse_file_count(STR("4 5 0\n"), &open, &max));
    assert_false(procfs_parse_file_count(STR("4 5\n"), &open, &max));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_small_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
