/* The parsers of /proc and control group texts, with what odd kernels print. */
#include "watch/procfs.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_stat(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        uint64_t user, idle, guest_nice;
        uint32_t cpus;
    } rows[] = {
        {"cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 0 0 0 0 0 0 0 0 0 0\nintr 5\n", true, 1,
         4, 10, 2},
        {"cpu  1 2 3 4\n", true, 1, 4, 0, 0},            /* Linux 2.4 */
        {"cpu  1 2 3\ncpu0 1 2 3\n", false, 0, 0, 0, 1}, /* no idle time: not to be believed */
        {"cpu  18446744073709551615 2 3 4 5\n", true, UINT64_MAX, 4, 0, 0},
        {"cpu  18446744073709551616 2 3 4 5\n", false, 0, 0, 0, 0}, /* overflow */
        {"", false, 0, 0, 0, 0},
        {"intr 5\ncpu 1 2 3 4\n", false, 0, 0, 0, 0},
        {"cpu0 1 2 3 4\ncpu1 1 2 3 4\n", false, 0, 0, 0, 2},
        {"cpu  1 2 3 4 5 6 7 8 9 10 11 12", true, 1, 4, 10, 0}, /* columns of a later kernel, cut off */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cpu_ticks t = {0};
        uint32_t cpus = 99;
        assert_int_equal(procfs_parse_stat(str_of(rows[i].text), &t, &cpus), rows[i].is_good);
        assert_int_equal(cpus, rows[i].cpus);
        if (!rows[i].is_good)
            continue;
        assert_true(t.columns[CPU_USER] == rows[i].user);
        assert_int_equal(t.columns[CPU_IDLE], rows[i].idle);
        assert_int_equal(t.columns[CPU_GUEST_NICE], rows[i].guest_nice);
    }
}

static void test_cpus(void **state)
{
    struct str text =
        STR("cpu  9 9 9 9\ncpu0 1 2 3 4\ncpu3 5 6 7 8 9\ncpu5 1 2\ncpux 1 2 3 4\ncpu7 1 1 1 1\nintr 5\n"
            "cpu9 1 1 1 1\n");
    static const uint32_t expected[] = {0, 3, 7};
    struct cpu_ticks t;
    uint32_t index;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_true(procfs_next_cpu(&text, &index, &t));
        assert_int_equal(index, expected[i]);
    }
    assert_int_equal(t.columns[CPU_IDLE], 1);
    assert_false(procfs_next_cpu(&text, &index, &t));
}

static void test_pressure(void **state)
{
    static const struct {
        const char *text;
        bool is_good, has_full;
        uint64_t some_us, full_us;
    } rows[] = {
        {"some avg10=37.13 avg60=23.52 avg300=9.25 total=7549648607\nfull avg10=0.00 avg60=0.00 avg300=0.00 "
         "total=12\n",
         true, true, 7549648607, 12},
        {"some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n", true, false, 5, 0}, /* before Linux 5.13 */
        {"full avg10=0.00 total=5\n", false, false, 0, 0},
        {"some avg10=0.00 avg60=0.00 avg300=0.00\n", false, false, 0, 0},
        {"some avg10=0.00 avg60=0.00 avg300=0.00 total=-5\n", false, false, 0, 0},
        {"some total=5 later=7", true, false, 5, 0},
        {"", false, false, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pressure_text p = {0};
        assert_int_equal(procfs_parse_pressure(str_of(rows[i].text), &p), rows[i].is_good);
        assert_int_equal(p.has_full, rows[i].has_full);
        assert_int_equal(p.some_us, rows[i].some_us);
        assert_int_equal(p.full_us, rows[i].full_us);
    }
}

static void test_devices(void **state)
{
    struct str text = STR(
        " 254       0 vda 29365 5513 2415730 7013 793906 436957 44445160 857063 3 115320 953745 362212 106\n"
        "   8       1 sda1 1 2 3 4 5 6 7 8 9 10\n" /* one column too few */
        "   8       2 sda2 1 2 3 4 5 6 7 8 9 10 11\n"
        "odd line\n"
        "   8       x sda3 1 2 3 4 5 6 7 8 9 10 11\n");
    struct device_line d;
    uint32_t major, minor;
    assert_true(procfs_next_device(&text, &d));
    assert_int_equal(d.major, 254);
    assert_int_equal(d.minor, 0);
    assert_true(str_eq(d.name, STR("vda")));
    assert_int_equal(d.reads, 29365);
    assert_int_equal(d.read_sectors, 2415730);
    assert_int_equal(d.read_ms, 7013);
    assert_int_equal(d.writes, 793906);
    assert_int_equal(d.written_sectors, 44445160);
    assert_int_equal(d.write_ms, 857063);
    assert_int_equal(d.busy_ms, 115320);
    assert_int_equal(d.queue_ms, 953745);
    assert_true(procfs_next_device(&text, &d));
    assert_true(str_eq(d.name, STR("sda2")));
    assert_false(procfs_next_device(&text, &d));
    assert_true(procfs_parse_device_number(STR("254:16"), &major, &minor));
    assert_true(major == 254 && minor == 16);
    assert_false(procfs_parse_device_number(STR("254"), &major, &minor));
    assert_false(procfs_parse_device_number(STR("a:1"), &major, &minor));
}

static void test_process(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        struct process_line line;
    } rows[] = {
        {"42 (sh) S 1 42 42 34816 42 4194304 9 9 9 9 1 2 3 4 20 0 5 0 77 9 600 18446744073709551615 1 1\n",
         true,
         {1, 42, false, 3, 7, 77, 600, 5}},
        {"42 (a) S) 7 (\n) Z 1 42 42 0 -1 4194304 9 9 9 9 1 2 3 4 20 -19 1 0 77 0 0",
         true,
         {1, 42, true, 3, 7, 77, 0, 1}},
        {"42 (sh) S 1 42 42 34816 42 4194304 9 9 9 9 1 2 3 4 20 0 5 0 77 9", false, {0}}, /* cut off */
        {"42 (sh) S 1 42 42 34816 42 4194304 9 9 9 9 x 2 3 4 20 0 5 0 77 9 600", false, {0}},
        {"42 (sh) S 1 99999999999 42 34816 42 4194304 9 9 9 9 1 2 3 4 20 0 5 0 77 9 600", false, {0}},
        {"42 (sh)", false, {0}},
        {"42 sh S 1 42", false, {0}},
        {"", false, {0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct process_line line = {0};
        assert_int_equal(procfs_parse_process(str_of(rows[i].text), &line), rows[i].is_good);
        assert_int_equal(line.parent, rows[i].line.parent);
        assert_int_equal(line.group, rows[i].line.group);
        assert_int_equal(line.is_zombie, rows[i].line.is_zombie);
        assert_int_equal(line.own_ticks, rows[i].line.own_ticks);
        assert_int_equal(line.children_ticks, rows[i].line.children_ticks);
        assert_int_equal(line.started_ticks, rows[i].line.started_ticks);
        assert_int_equal(line.resident_pages, rows[i].line.resident_pages);
        assert_int_equal(line.threads, rows[i].line.threads);
    }
}

static void test_meminfo(void **state)
{
    struct meminfo m;
    assert_true(
        procfs_parse_meminfo(STR("MemTotal:       1000 kB\nMemFree:         300 kB\nMemAvailable:    700 kB\n"
                                 "Active(file):     11 kB\nHugePages_Total:       0\n"),
                             &m));
    assert_int_equal(m.total, 1000 * 1024);
    assert_int_equal(m.free, 300 * 1024);
    assert_true(m.has_available && m.available == 700 * 1024);
    assert_true(m.has_active_file && m.active_file == 11 * 1024);
    assert_false(m.has_inactive_file);
    assert_false(m.has_swap_total);
    /* No space after the colon, no unit, tabs. */
    assert_true(procfs_parse_meminfo(STR("MemTotal:1000kB\nMemTotal:1000 kB\nMemFree:\t5\n"), &m));
    assert_int_equal(m.total, 1000 * 1024);
    assert_int_equal(m.free, 5 * 1024);
    assert_false(procfs_parse_meminfo(STR("MemFree: 5 kB\n"), &m));
    assert_false(procfs_parse_meminfo(STR("MemTotal: 0 kB\nMemFree: 0 kB\n"), &m));
    assert_false(procfs_parse_meminfo(STR("MemTotal: 99999999999999999999 kB\nMemFree: 5 kB\n"), &m));
    assert_false(procfs_parse_meminfo(STR("\n:::\n"), &m));
}

static void test_small_texts(void **state)
{
    double averages[3];
    assert_true(procfs_parse_loadavg(STR("0.52 1.05 12.00 2/345 6789\n"), averages));
    assert_true(averages[0] > 0.519 && averages[0] < 0.521 && averages[1] > 1.049 && averages[1] < 1.051);
    assert_true(averages[2] == 12);
    assert_false(procfs_parse_loadavg(STR("0.52 1.05\n"), averages));
    assert_false(procfs_parse_loadavg(STR("a b c"), averages));
    assert_int_equal(
        procfs_parse_zoneinfo_low(STR("Node 0, zone DMA\n  pages free 3\n        min      5\n"
                                      "        low      12\n        high     20\nNode 0, zone Normal\n"
                                      "        low      30\n  lowmem 4\n")),
        42);
    uint64_t value = 7;
    assert_true(procfs_find_number(STR("nr_periods 10\nnr_throttled 3\n"), STR("nr_throttled"), &value));
    assert_int_equal(value, 3);
    assert_false(procfs_find_number(STR("nr_periods_x 10\n"), STR("nr_periods"), &value));
    assert_true(procfs_parse_number(STR("123\n"), &value) && value == 123);
    assert_false(procfs_parse_number(STR("max\n"), &value));
    assert_false(procfs_parse_number(STR("-1\n"), &value));
    assert_false(procfs_parse_number(STR(""), &value));
}

static void test_cpu_max(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        uint64_t quota, period;
    } rows[] = {{"max 100000\n", true, 0, 100000},
                {"50000 100000\n", true, 50000, 100000},
                {"max\n", false, 0, 0},
                {"0 100000\n", false, 0, 0},
                {"50000 0\n", false, 0, 0},
                {"", false, 0, 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t quota, period;
        assert_int_equal(procfs_parse_cpu_max(str_of(rows[i].text), &quota, &period), rows[i].is_good);
        if (rows[i].is_good)
            assert_true(quota == rows[i].quota && period == rows[i].period);
    }
}

static void test_cpu_lists(void **state)
{
    static const struct {
        const char *text;
        uint32_t count; /* 0: refused */
    } rows[] = {{"0-3,5\n", 5}, {"0", 1},   {"2-2", 1}, {"0-1,4-7,9\n", 7}, {"\n", 0},
                {"", 0},        {"3-1", 0}, {"a", 0},   {"1-", 0},          {"0-99999999999", 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t count = 0;
        assert_int_equal(procfs_count_cpus(str_of(rows[i].text), &count), rows[i].count > 0);
        assert_int_equal(count, rows[i].count);
    }
}

static void test_mounts(void **state)
{
    struct str text =
        STR("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
            "garbage\n"
            "36 27 0:31 /sub /mnt/my\\040disk rw,noatime shared:1 master:2 - xfs /dev/sdb1 ro,seclabel\n");
    struct mount_line m;
    char path[64];
    assert_true(procfs_next_mount(&text, &m));
    assert_true(str_eq(m.device, STR("254:0")) && str_eq(m.point, STR("/")) && str_eq(m.type, STR("ext4")));
    assert_true(procfs_has_option(m.super_options, STR("rw")));
    assert_true(procfs_next_mount(&text, &m));
    assert_true(str_eq(m.root, STR("/sub")) && str_eq(m.type, STR("xfs")) &&
                str_eq(m.source, STR("/dev/sdb1")));
    assert_true(procfs_has_option(m.super_options, STR("ro")));
    assert_true(procfs_has_option(m.options, STR("rw")));
    assert_false(procfs_has_option(m.super_options, STR("sec")));
    assert_true(procfs_unescape(m.point, path, sizeof(path)));
    assert_string_equal(path, "/mnt/my disk");
    assert_false(procfs_next_mount(&text, &m));
    assert_false(procfs_unescape(STR("abc"), path, 3));
    assert_true(procfs_unescape(STR("\\04"), path, sizeof(path)));
    assert_string_equal(path, "\\04");
}

static void test_cgroup_lines(void **state)
{
    struct str text = STR("12:cpu,cpuacct:/docker/ab:c\nodd line\n0::/user.slice\n");
    struct cgroup_line line;
    assert_true(procfs_next_cgroup(&text, &line));
    assert_true(str_eq(line.controllers, STR("cpu,cpuacct")) && str_eq(line.path, STR("/docker/ab:c")));
    assert_true(procfs_next_cgroup(&text, &line));
    assert_true(line.controllers.len == 0 && str_eq(line.path, STR("/user.slice")));
    assert_false(procfs_next_cgroup(&text, &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat),         cmocka_unit_test(test_cpus),
        cmocka_unit_test(test_pressure),     cmocka_unit_test(test_devices),
        cmocka_unit_test(test_process),      cmocka_unit_test(test_meminfo),
        cmocka_unit_test(test_small_texts),  cmocka_unit_test(test_cpu_max),
        cmocka_unit_test(test_cpu_lists),    cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_cgroup_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
