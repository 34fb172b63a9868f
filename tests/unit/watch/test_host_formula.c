/* The sums, worked out by hand from psutil 5.9; tests/flow/test_host_numbers.py asks psutil itself. */
#include "watch/formula.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_rounding(void **state)
{
    /* Python: round(0.25, 1) is 0.2, round(0.35, 1) is 0.3 (0.35 is a little less), round(90.05, 1) is 90.0.
     */
    assert_true(formula_round_tenth(0.25) == 0.2);
    assert_true(formula_round_tenth(0.35) == 0.3);
    assert_true(formula_round_tenth(90.05) == 90.0);
    assert_true(formula_round_tenth(90.06) == 90.1);
    assert_true(formula_percent(1, 3) == 33.3);
    assert_true(formula_percent(5, 0) == 0);
    assert_true(formula_percent(UINT64_MAX, UINT64_MAX) == 100);
}

static void test_cpu(void **state)
{
    static const struct {
        struct cpu_ticks before, now;
        double percent; /* -1: unknown */
        double iowait, steal;
    } rows[] = {
        {{{0}}, {{50, 0, 0, 50}}, 50, 0, 0},
        /* iowait is idle; steal, irq and softirq are busy */
        {{{0}}, {{10, 0, 10, 40, 20, 5, 5, 10}}, 40, 20, 10},
        /* guest is inside user already */
        {{{0}}, {{60, 20, 0, 40, 0, 0, 0, 0, 30, 10}}, 66.7, 0, 0},
        /* idle ran backwards: it counts as 0, the rest counts */
        {{{100, 0, 0, 1000}}, {{110, 0, 0, 990}}, 100, 0, 0},
        {{{100, 0, 0, 1000}}, {{100, 0, 0, 1100}}, 0, 0, 0},
        {{{100, 0, 0, 1000}}, {{100, 0, 0, 1000}}, -1, 0, 0},
        {{{2777, 0, 1859, 251694, 423, 0, 46, 10}}, {{2800, 0, 1867, 251855, 424, 0, 47, 10}}, 16.5, 0.5, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cpu_sample s = {.cpu_count = 7};
        formula_cpu(&rows[i].before, &rows[i].now, &s);
        assert_int_equal(s.percent.is_known, rows[i].percent >= 0);
        assert_int_equal(s.cpu_count, 7);
        if (!s.percent.is_known) {
            assert_non_null(s.percent.why_unknown);
            continue;
        }
        assert_true(s.percent.value == rows[i].percent);
        assert_true(s.iowait_percent.value == rows[i].iowait);
        assert_true(s.steal_percent.value == rows[i].steal);
    }
}

static struct meminfo info(uint64_t total, uint64_t free, uint64_t available)
{
    return (struct meminfo){.has_total = true,
                            .total = total,
                            .has_free = true,
                            .free = free,
                            .has_available = true,
                            .available = available};
}

static void test_memory(void **state)
{
    struct memory_sample s;
    struct meminfo m = info(1000, 100, 400);
    formula_memory(&m, 0, 4096, &s);
    assert_true(s.percent.value == 60 && s.source == MEMORY_SOURCE_KERNEL && s.available_bytes == 400);

    m = info(1000, 100, 4000); /* LXC: more is available than there is */
    formula_memory(&m, 0, 4096, &s);
    assert_true(s.percent.value == 90 && s.source == MEMORY_SOURCE_FREE);

    m = info(1000, 100, 0); /* 0 means that the kernel does not know */
    m.has_cached = true;
    m.cached = 300;
    assert_true(formula_needs_zoneinfo(&m));
    formula_memory(&m, 0, 4096, &s);
    assert_true(s.percent.value == 60 && s.source == MEMORY_SOURCE_FREE_AND_CACHED);

    m.has_active_file = m.has_inactive_file = m.has_slab_reclaimable = true;
    m.active_file = 200;
    m.inactive_file = 100;
    m.slab_reclaimable = 50;
    formula_memory(&m, UINT64_MAX, 10, &s); /* /proc/zoneinfo cannot be read */
    assert_int_equal(s.source, MEMORY_SOURCE_FREE_AND_CACHED);
    formula_memory(&m, 2, 10, &s); /* 100 - 20 + (300 - 20) + (50 - 20) */
    assert_int_equal(s.source, MEMORY_SOURCE_REBUILT);
    assert_int_equal(s.available_bytes, 390);
    formula_memory(&m, 100, 10, &s); /* 100 - 1000 + 150 + 25 is below 0 */
    assert_true(s.available_bytes == 0 && s.percent.value == 100);
}

static void test_swap(void **state)
{
    struct swap_sample s;
    struct meminfo m = {.has_swap_total = true, .has_swap_free = true, .swap_total = 800, .swap_free = 600};
    formula_swap(&m, &s);
    assert_true(s.percent.is_known && s.percent.value == 25);
    m.swap_total = m.swap_free = 0;
    formula_swap(&m, &s);
    assert_true(s.percent.is_known && s.percent.value == 0);
    m.has_swap_total = false;
    formula_swap(&m, &s);
    assert_false(s.percent.is_known);
}

static void test_disk(void **state)
{
    /* ext4, 100 GB, 5 % kept for root, 90 GB used: psutil says 94.7, used/size would be 90. */
    struct disk_counts c = {.fragment_bytes = 1000,
                            .blocks = 100000,
                            .blocks_free = 10000,
                            .blocks_available = 5000,
                            .inodes = 1000,
                            .inodes_free = 250};
    struct disk_sample s = {0};
    formula_disk(&c, &s);
    assert_true(s.percent.value == 94.7 && s.inodes_percent.value == 75);
    assert_int_equal(s.total_bytes, 100000000);
    assert_int_equal(s.used_bytes, 90000000);
    assert_int_equal(s.available_bytes, 5000000);
    c.inodes = 0; /* btrfs */
    formula_disk(&c, &s);
    assert_true(s.percent.is_known && !s.inodes_percent.is_known);
    c.blocks = 0;
    formula_disk(&c, &s);
    assert_false(s.percent.is_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding), cmocka_unit_test(test_cpu),  cmocka_unit_test(test_memory),
        cmocka_unit_test(test_swap),     cmocka_unit_test(test_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
