/* node_exporter's words as a host sample: sums, rates from the second answer on, what is not told, what is
 * none. */
#include "watch/remote/node_exporter.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static struct host_sample sample;
static char why[256];

static const char first[] =
    "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 100\n"
    "node_cpu_seconds_total{cpu=\"0\",mode=\"iowait\"} 10\n"
    "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 50\n"
    "node_cpu_seconds_total{cpu=\"1\",mode=\"idle\"} 100\n"
    "node_cpu_seconds_total{cpu=\"1\",mode=\"steal\"} 0\n"
    "node_cpu_seconds_total{cpu=\"1\",mode=\"user\"} 50\n"
    "node_memory_MemTotal_bytes 8e9\n"
    "node_memory_MemAvailable_bytes 2e9\n"
    "node_memory_SwapTotal_bytes 0\n"
    "node_memory_SwapFree_bytes 0\n"
    "node_vmstat_oom_kill 3\n"
    "node_filesystem_size_bytes{device=\"/dev/vda\",fstype=\"ext4\",mountpoint=\"/\"} 1000\n"
    "node_filesystem_free_bytes{device=\"/dev/vda\",fstype=\"ext4\",mountpoint=\"/\"} 150\n"
    "node_filesystem_avail_bytes{device=\"/dev/vda\",fstype=\"ext4\",mountpoint=\"/\"} 100\n"
    "node_filesystem_size_bytes{device=\"App\",fstype=\"fuse.App.AppImage\",mountpoint=\"/tmp/.mount_App\"} "
    "9\n"
    "node_filesystem_free_bytes{device=\"App\",fstype=\"fuse.App.AppImage\",mountpoint=\"/tmp/.mount_App\"} "
    "0\n"
    "node_filesystem_avail_bytes{device=\"App\",fstype=\"fuse.App.AppImage\",mountpoint=\"/tmp/.mount_App\"} "
    "0\n"
    "node_filesystem_readonly{device=\"App\",fstype=\"fuse.App.AppImage\",mountpoint=\"/tmp/.mount_App\"} 1\n"
    "node_filesystem_size_bytes{device=\"tmpfs\",fstype=\"tmpfs\",mountpoint=\"/run\"} 10\n"
    "node_disk_reads_completed_total{device=\"vda\"} 100\n"
    "node_disk_read_time_seconds_total{device=\"vda\"} 1\n"
    "node_disk_io_time_seconds_total{device=\"vda\"} 5\n"
    "node_network_receive_bytes_total{device=\"eth0\"} 1000\n"
    "node_network_receive_bytes_total{device=\"lo\"} 1000\n"
    "other_exporter_row{x=\"y\"} 1\n";
static const char second[] = "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 105\n"
                             "node_cpu_seconds_total{cpu=\"0\",mode=\"iowait\"} 11\n"
                             "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 54\n"
                             "node_cpu_seconds_total{cpu=\"1\",mode=\"idle\"} 104\n"
                             "node_cpu_seconds_total{cpu=\"1\",mode=\"steal\"} 2\n"
                             "node_cpu_seconds_total{cpu=\"1\",mode=\"user\"} 54\n"
                             "node_memory_MemTotal_bytes 8e9\n"
                             "node_memory_MemAvailable_bytes 2e9\n"
                             "node_vmstat_oom_kill 5\n"
                             "node_disk_reads_completed_total{device=\"vda\"} 120\n"
                             "node_disk_read_time_seconds_total{device=\"vda\"} 1.4\n"
                             "node_disk_io_time_seconds_total{device=\"vda\"} 10\n"
                             "node_network_receive_bytes_total{device=\"eth0\"} 500\n";

static void assert_reading(struct reading r, double value)
{
    assert_true(r.is_known);
    if (r.value < value - 1e-9 || r.value > value + 1e-9)
        fail_msg("%g is not %g", r.value, value);
}

static void counters_become_rates_with_the_second_answer(void **state)
{
    (void)state;
    struct node_exporter *n = node_exporter_new();
    assert_true(node_exporter_read(n, str_of(first), 0, &sample, why, sizeof(why)));
    assert_false(sample.cpu.percent.is_known);
    assert_int_equal(sample.cpu.cpu_count, 2);
    assert_reading(sample.memory.percent, 75);
    assert_reading(sample.swap.percent, 0);
    assert_false(sample.load.one.is_known);
    assert_non_null(sample.load.one.why_unknown);
    assert_int_equal(sample.disk_count, 1); /* nothing of tmpfs, nor of an image */
    assert_string_equal(sample.disks[0].path, "/");
    assert_reading(sample.disks[0].percent, 89.5); /* 850 of 950: as psutil */
    assert_int_equal(sample.interface_count, 1);
    assert_true(node_exporter_read(n, str_of(second), 10 * S, &sample, why, sizeof(why)));
    assert_reading(sample.cpu.percent, 50); /* of 20 s: 9 idle, 1 waiting for disks */
    assert_reading(sample.cpu.iowait_percent, 5);
    assert_reading(sample.cpu.steal_percent, 10);
    assert_reading(sample.paging.oom_kills_recent, 2);
    assert_reading(sample.devices[0].reads_rate, 2);
    assert_reading(sample.devices[0].read_latency_s, 0.02);
    assert_reading(sample.devices[0].busy_percent, 50);
    assert_false(sample.interfaces[0].received_rate.is_known); /* it ran backwards: a restart */
    assert_int_equal(sample.disk_count, 0);
    node_exporter_free(n);
}

static void what_is_no_exporter_is_refused(void **state)
{
    (void)state;
    struct node_exporter *n = node_exporter_new();
    assert_true(node_exporter_read(n, str_of(first), 0, &sample, why, sizeof(why)));
    assert_false(node_exporter_read(n, STR("# HELP up\n"), S, &sample, why, sizeof(why)));
    assert_string_equal(why, "it tells nothing at all: no exporter");
    assert_false(node_exporter_read(n, STR("node_load1 1\n<html>\n"), 2 * S, &sample, why, sizeof(why)));
    assert_string_equal(why, "line 2: a row begins with the name of a metric");
    /* A bad answer between two good ones costs nothing. */
    assert_true(node_exporter_read(n, str_of(second), 10 * S, &sample, why, sizeof(why)));
    assert_reading(sample.cpu.percent, 50);
    node_exporter_free(n);
}

static void other_exporters_tell_nothing_of_the_machine(void **state)
{
    (void)state;
    struct node_exporter *n = node_exporter_new();
    assert_true(node_exporter_read(n, STR("app_queue_depth 1\n"), S, &sample, why, sizeof(why)));
    assert_false(node_exporter_is_machine(n));
    assert_true(node_exporter_read(n, str_of(first), 2 * S, &sample, why, sizeof(why)));
    assert_true(node_exporter_is_machine(n));
    /* One that tells less than it did is still one, and what it does not tell is unknown. */
    assert_true(node_exporter_read(n, STR("app_queue_depth 1\n"), 3 * S, &sample, why, sizeof(why)));
    assert_true(node_exporter_is_machine(n));
    assert_false(sample.memory.percent.is_known);
    node_exporter_free(n);
}

static void a_clock_that_nobody_keeps_is_told_when_somebody_did(void **state)
{
    (void)state;
    struct node_exporter *n = node_exporter_new();
    assert_true(node_exporter_read(n,
                                   STR("node_memory_MemTotal_bytes 8e9\n"
                                       "node_timex_estimated_error_seconds 16\n"
                                       "node_timex_maxerror_seconds 16\n"
                                       "node_timex_frequency_adjustment_ratio 1\n"
                                       "node_timex_sync_status 0\n"),
                                   S, &sample, why, sizeof(why)));
    assert_false(sample.clock.is_synchronised.is_known);
    assert_true(node_exporter_read(n,
                                   STR("node_timex_estimated_error_seconds 0.0001\n"
                                       "node_timex_maxerror_seconds 16\n"
                                       "node_timex_frequency_adjustment_ratio 0.9999\n"
                                       "node_timex_sync_status 0\n"),
                                   2 * S, &sample, why, sizeof(why)));
    assert_reading(sample.clock.is_synchronised, 0);
    assert_true(node_exporter_read(n, STR("node_timex_sync_status 1\n"), 3 * S, &sample, why, sizeof(why)));
    assert_reading(sample.clock.is_synchronised, 1);
    assert_true(node_exporter_read(n, STR("node_load1 1\n"), 4 * S, &sample, why, sizeof(why)));
    assert_false(sample.clock.is_synchronised.is_known);
    node_exporter_free(n);
}

static void nonsense_is_unknown(void **state)
{
    (void)state;
    struct node_exporter *n = node_exporter_new();
    static const char text[] = "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} +Inf\n"
                               "node_memory_MemTotal_bytes 8e9\n"
                               "node_memory_MemAvailable_bytes 9e9\n"
                               "node_load1 +Inf\n"
                               "node_filesystem_size_bytes{fstype=\"ext4\",mountpoint=\"/\"} 1e9\n"
                               "node_filesystem_free_bytes{fstype=\"ext4\",mountpoint=\"/\"} 1e8\n"
                               "node_filesystem_avail_bytes{fstype=\"ext4\",mountpoint=\"/\"} -1e11\n";
    for (int i = 1; i <= 2; i++)
        assert_true(node_exporter_read(n, str_of(text), i * S, &sample, why, sizeof(why)));
    assert_false(sample.cpu.percent.is_known);
    assert_false(sample.load.one.is_known);
    assert_false(sample.memory.percent.is_known);
    assert_int_equal(sample.disks[0].available_bytes, 0);
    node_exporter_free(n);
}

/* node_exporter tells of each mount: of binds, of subvolumes (btrfs) and of datasets (ZFS). */
static void a_device_or_pool_is_told_once(void **state)
{
    (void)state;
    struct node_exporter *n = node_exporter_new();
    static char text[8192];
    static const struct {
        const char *device, *type, *path;
        int size, left;
    } rows[] = {
        {"/dev/sda2", "btrfs", "/home", 100, 3},  {"/dev/sda2", "btrfs", "/", 100, 3},
        {"/dev/sda2", "btrfs", "/var", 100, 3},   {"/dev/sdb", "ext4", "/srv", 100, 3},
        {"tank/small", "zfs", "/tank/s", 40, 30}, {"tank/large", "zfs", "/tank/l", 900, 30},
        {"nas:/a", "nfs4", "/nas/a", 100, 3},     {"nas:/b", "nfs4", "/nas/b", 100, 3},
    };
    static const char *const expected[] = {"/", "/srv", "/tank/l", "/nas/a", "/nas/b"};
    static const uint32_t mounts[] = {3, 0, 2, 0, 0};
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static const char *const metrics[] = {"size", "free", "avail"};
        for (size_t k = 0; k < ARRAY_LEN(metrics); k++)
            len += (size_t)snprintf(
                text + len, sizeof(text) - len,
                "node_filesystem_%s_bytes{device=\"%s\",fstype=\"%s\",mountpoint=\"%s\"} %d\n", metrics[k],
                rows[i].device, rows[i].type, rows[i].path, k ? rows[i].left : rows[i].size);
    }
    for (int i = 1; i <= 2; i++)
        assert_true(node_exporter_read(n, str_of(text), i * S, &sample, why, sizeof(why)));
    assert_int_equal(sample.disk_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_string_equal(sample.disks[i].path, expected[i]);
        assert_int_equal(sample.disks[i].pool_mounts, mounts[i]);
    }
    assert_string_equal(sample.disks[0].pool, "/dev/sda2");
    assert_string_equal(sample.disks[2].pool, "tank");
    node_exporter_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_become_rates_with_the_second_answer),
        cmocka_unit_test(what_is_no_exporter_is_refused),
        cmocka_unit_test(other_exporters_tell_nothing_of_the_machine),
        cmocka_unit_test(a_clock_that_nobody_keeps_is_told_when_somebody_did),
        cmocka_unit_test(nonsense_is_unknown),
        cmocka_unit_test(a_device_or_pool_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
