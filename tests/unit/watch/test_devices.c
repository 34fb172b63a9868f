/* What block devices do, on made-up machines: which are told, and the sums. */
#include "watch/devices.h"

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

static bool is_value(struct reading r, double value)
{
    return r.is_known && fabs(r.value - value) < 1e-9;
}

static const struct tree_file files[] = {
    {"proc/diskstats", "   7 0 loop0 1 0 1 1 1 0 1 1 0 1 1\n"
                       "   8 0 sda 100 0 1000 50 10 0 80 20 0 500 900\n"
                       "   8 1 sda1 60 0 600 30 5 0 40 10 0 300 400\n"
                       "   8 2 sda2 40 0 400 20 5 0 40 10 0 200 500\n"
                       " 104 0 cciss/c0d0 0 0 0 0 0 0 0 0 0 0 0\n"
                       "   1 0 ram0 0 0 0 0 0 0 0 0 0 0 0\n"},
    {"sys/block/sda/size", "1\n"},
    {"sys/block/loop0/size", "1\n"},
    {"sys/block/ram0/size", "1\n"},
    {"sys/block/cciss!c0d0/size", "1\n"},
};

static void test_which_and_how_much(void **state)
{
    static struct device_sample s[HOST_DEVICES_MAX];
    static struct disk_sample disks[2] = {{.path = "/", .device_major = 8, .device_minor = 2},
                                          {.path = "/nfs", .device_major = 0, .device_minor = 50}};
    const char *why;
    struct tree tree = tree_new(files, ARRAY_LEN(files));
    char *scratch = mem_alloc(CGROUP_SCRATCH_BYTES);
    struct devices *d = devices_new(tree.root, scratch);
    assert_int_equal(devices_take(d, NS_PER_S, disks, 2, s, &why), 3);
    assert_null(why);
    assert_string_equal(s[0].name, "sda");
    assert_string_equal(s[1].name, "sda2"); /* a part, but watched */
    assert_string_equal(s[2].name, "cciss/c0d0");
    devices_name(d, disks, 2);
    assert_string_equal(disks[0].device, "sda2");
    assert_string_equal(disks[1].device, "");
    assert_int_equal(s[0].read_bytes, 512000);
    assert_false(s[0].busy_percent.is_known);
    tree_put(&tree, "proc/diskstats",
             "   8 0 sda 110 0 1200 150 10 0 80 20 0 1500 4900\n"
             "   8 2 sda2 30 0 400 20 5 0 40 10 0 200 500\n"
             "   8 16 sdb 30 0 400 20 5 0 40 10 0 200 500\n");
    assert_int_equal(devices_take(d, 3 * NS_PER_S, disks, 2, s, &why), 2); /* sdb is no disk in /sys/block */
    assert_true(is_value(s[0].read_rate, 51200));
    assert_true(is_value(s[0].reads_rate, 5));
    assert_true(is_value(s[0].write_rate, 0));
    assert_true(is_value(s[0].busy_percent, 50));
    assert_true(is_value(s[0].queue, 2));
    assert_true(is_value(s[0].read_latency_s, 0.01));
    assert_true(is_value(s[0].write_latency_s, 0)); /* there was none */
    assert_false(s[1].reads_rate.is_known);         /* ran backwards */
    tree_put(&tree, "proc/diskstats", "");
    assert_int_equal(devices_take(d, 4 * NS_PER_S, disks, 2, s, &why), 0);
    devices_free(d);
    free(scratch);
    tree_free(&tree);
}

static void test_unreadable(void **state)
{
    static struct device_sample s[HOST_DEVICES_MAX];
    const char *why = NULL;
    struct tree tree = tree_new(&(struct tree_file){"proc/empty", ""}, 1);
    char *scratch = mem_alloc(CGROUP_SCRATCH_BYTES);
    struct devices *d = devices_new(tree.root, scratch);
    assert_int_equal(devices_take(d, NS_PER_S, NULL, 0, s, &why), 0);
    assert_string_equal(why, "No such file or directory");
    devices_free(d);
    free(scratch);
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_which_and_how_much),
                                       cmocka_unit_test(test_unreadable)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
