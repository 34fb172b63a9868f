/* Pressure, swapping and the clock of made-up machines: what is absent has a name and is not 0. */
#include "watch/pressure.h"

#include "base/clock.h"
#include "base/macros.h"
#include "tree.h"
#include "watch/paging.h"
#include "watch/timekeeping.h"

#include <math.h>
#include <sys/timex.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PRESSURE(some, full)                                                                                 \
    "some avg10=0.00 avg60=0.00 avg300=0.00 total=" some                                                     \
    "\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=" full "\n"

static bool is_value(struct reading r, double value)
{
    return r.is_known && fabs(r.value - value) < 1e-9;
}

static bool is_unknown(struct reading r, const char *why)
{
    return !r.is_known && strcmp(r.why_unknown, why) == 0;
}

static void test_pressure_of_the_host(void **state)
{
    static const struct tree_file files[] = {
        {"proc/pressure/cpu", PRESSURE("1000000", "0")},
        {"proc/pressure/memory", PRESSURE("5", "2")},
        {"proc/pressure/io", "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"},
    };
    struct tree tree = tree_new(files, ARRAY_LEN(files));
    struct pressures p;
    struct pressures_sample s;
    pressures_init_host(&p, tree.root);
    pressures_take(&p, NS_PER_S, &s);
    assert_false(s.cpu.some_percent.is_known || s.memory.full_percent.is_known);
    assert_true(is_value(s.cpu.some_seconds, 1));
    tree_put(&tree, "proc/pressure/cpu", PRESSURE("1500000", "0"));
    tree_put(&tree, "proc/pressure/memory", PRESSURE("200005", "100002"));
    pressures_take(&p, 3 * NS_PER_S, &s);
    assert_true(is_value(s.cpu.some_percent, 25)); /* half a second of two */
    assert_true(is_unknown(s.cpu.full_percent, "it is not defined for the CPUs of a host"));
    assert_true(is_value(s.memory.some_percent, 10));
    assert_true(is_value(s.memory.full_percent, 5));
    assert_true(is_value(s.io.some_percent, 0));
    assert_true(is_unknown(s.io.full_percent, "this kernel does not tell it"));
    tree_put(&tree, "proc/pressure/memory", PRESSURE("1", "1")); /* ran backwards */
    tree_put(&tree, "proc/pressure/io", "nonsense\n");
    pressures_take(&p, 4 * NS_PER_S, &s);
    assert_false(s.memory.some_percent.is_known);
    assert_true(is_unknown(s.io.some_percent, "the pressure file is not as expected"));
    pressures_fini(&p);
    tree_free(&tree);
}

static void test_no_pressure_at_all(void **state)
{
    static const struct tree_file files[] = {{"proc/empty", ""}};
    struct tree tree = tree_new(files, ARRAY_LEN(files));
    struct pressures host, group;
    struct pressures_sample s;
    pressures_init_host(&host, tree.root);
    pressures_init_group(&group, tree.root, "/sys/fs/cgroup/a");
    pressures_take(&host, NS_PER_S, &s);
    assert_true(is_unknown(s.memory.some_percent, "the kernel does not measure pressure (PSI)"));
    pressures_take(&group, NS_PER_S, &s);
    assert_true(is_unknown(s.memory.some_percent, "the control group has no such file"));
    pressures_fini(&host);
    pressures_fini(&group);
    tree_free(&tree);
}

static void test_paging(void **state)
{
    static const struct tree_file files[] = {
        {"proc/vmstat", "pgmajfault 10\npswpin 100\npswpout 0\noom_kill 26\n"}};
    static char scratch[4096];
    struct tree tree = tree_new(files, ARRAY_LEN(files));
    struct paging p;
    struct paging_sample s;
    paging_init(&p, tree.root);
    p.page_bytes = 4096;
    paging_take(&p, scratch, sizeof(scratch), NS_PER_S, &s);
    assert_false(s.swapped_in_rate.is_known);
    assert_true(is_value(s.swapped_in_bytes, 409600));
    assert_true(is_value(s.oom_kills, 26) && is_value(s.oom_kills_recent, 0));
    tree_put(&tree, "proc/vmstat", "pgmajfault 30\npswpin 300\noom_kill 27\n");
    paging_take(&p, scratch, sizeof(scratch), 3 * NS_PER_S, &s);
    assert_true(is_value(s.swapped_in_rate, 409600));
    assert_true(is_unknown(s.swapped_out_rate, "the kernel does not count it"));
    assert_true(is_value(s.major_faults_rate, 10));
    assert_true(is_value(s.oom_kills_recent, 1));
    paging_fini(&p);
    tree_free(&tree);

    struct tree nothing = tree_new(&(struct tree_file){"proc/empty", ""}, 1);
    paging_init(&p, nothing.root);
    paging_take(&p, scratch, sizeof(scratch), NS_PER_S, &s);
    assert_false(s.swapped_in_rate.is_known || s.oom_kills.is_known || s.oom_kills_recent.is_known);
    paging_fini(&p);
    tree_free(&nothing);
}

static void test_clock(void **state)
{
    struct clock_sample s;
    struct timex t = {.offset = -2500, .maxerror = 16000000, .status = STA_PLL};
    timekeeping_read(&t, TIME_OK, &s);
    assert_true(is_value(s.offset_s, -0.0025) && is_value(s.error_bound_s, 16) &&
                is_value(s.is_synchronised, 1));
    t.status = STA_PLL | STA_NANO;
    timekeeping_read(&t, TIME_OK, &s);
    assert_true(is_value(s.offset_s, -0.0000025));
    t.status |= STA_UNSYNC;
    timekeeping_read(&t, TIME_OK, &s);
    assert_true(is_value(s.is_synchronised, 0));
    t.status = STA_PLL;
    timekeeping_read(&t, TIME_ERROR, &s);
    assert_true(is_value(s.is_synchronised, 0));
    /* As it starts: on a virtual machine that is ordinary. */
    t = (struct timex){.maxerror = 16000000, .esterror = 16000000, .status = STA_UNSYNC};
    timekeeping_read(&t, TIME_ERROR, &s);
    assert_false(s.is_synchronised.is_known);
    assert_string_equal(s.is_synchronised.why_unknown,
                        "nobody has told the kernel of the clock since it started");
    /* Whatever disciplined it is gone: what that set is still there. */
    t.freq = -123456;
    timekeeping_read(&t, TIME_ERROR, &s);
    assert_true(is_value(s.is_synchronised, 0));
    t.freq = 0;
    t.esterror = 900;
    timekeeping_read(&t, TIME_ERROR, &s);
    assert_true(is_value(s.is_synchronised, 0));
    timekeeping_take(&s);
    assert_true(s.is_synchronised.is_known || s.is_synchronised.why_unknown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pressure_of_the_host),
        cmocka_unit_test(test_no_pressure_at_all),
        cmocka_unit_test(test_paging),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
