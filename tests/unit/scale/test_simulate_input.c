/* The simulator's input: traces and logs as read, told mistakes, and the rate made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/macros.h"
#include "scale/simulate/load.h"
#include "scale/simulate/log_time.h"

static bool read_text(const char *text, struct trace *ret_trace, struct err *err)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(in);
    bool ok = trace_read(in, "x.csv", ret_trace, err);
    fclose(in);
    return ok;
}

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.12g is not %.12g", a, b);
}

static void test_csv(void **state)
{
    static const struct {
        const char *text;
        double bin_s;
        size_t bins;
        double first, last, sum;
    } rows[] = {
        {"t_seconds,requests\n0,5\n1,6\n2,7\n", 1, 3, 5, 7, 18},
        {"0,5\n60,7\n", 60, 2, 5, 7, 12},                            /* no header */
        {"t,r\r\n1600000000,1\r\n1600000060,2\r\n", 60, 2, 1, 2, 3}, /* stamps since 1970, CR LF */
        {"t,r\n0,1\n1,2\n4,3\n", 1, 5, 1, 3, 6},                     /* bins without requests left out */
        {"t,r\n 0 , 1.5 \n\n0.5, 2\n", 0.5, 2, 1.5, 2, 3.5},         /* spaces, an empty line, fractions */
        {"t,r\n0,1\n3,2", 3, 2, 1, 2, 3},                            /* no newline at the end */
        {"\xef\xbb\xbft,r\n0,1\n1,2\n", 1, 2, 1, 2, 3},              /* the mark of UTF-8, and a header */
        {"\xef\xbb\xbf\x30,1\n1,2\n", 1, 2, 1, 2, 3},                /* and none */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct trace t = {0};
        struct err err;
        if (!read_text(rows[i].text, &t, &err))
            fail_msg("row %zu: %s", i, err.text);
        double sum = 0;
        for (size_t bin = 0; bin < t.bin_count; bin++)
            sum += t.requests[bin];
        assert_near(t.bin_s, rows[i].bin_s, 1e-12);
        assert_int_equal(t.bin_count, rows[i].bins);
        assert_near(t.requests[0], rows[i].first, 1e-12);
        assert_near(t.requests[t.bin_count - 1], rows[i].last, 1e-12);
        assert_near(sum, rows[i].sum, 1e-12);
        trace_fini(&t);
    }
}

static void test_mistakes(void **state)
{
    static const char *const rows[][2] = {
        {"\n \n", "x.csv: it is empty"},
        {"t_seconds,requests\n", "x.csv: 0 lines with numbers"},
        {"t_seconds,requests\n0,5\n", "x.csv: 1 lines with numbers"},
        {"t_seconds,requests\n0,5\n1;6\n", "x.csv:3: it is not `t_seconds,requests`"},
        {"t_seconds,requests\n0,5\n1,\n", "x.csv:3: it is not"},
        {"0,5\n1,six\n", "x.csv:2: it is not"},
        {"0,5\n1,6,7\n", "x.csv:2: it is not"},
        {"0,5\nheader,again\n", "x.csv:2: it is not"},
        {"0,5\n1,-6\n", "x.csv:2: -6 requests"},
        {"0,5\n1,nan\n", "x.csv:2: it is not"},
        {"0,5\n2,6\n1,7\n", "x.csv:3: the stamp 1 does not come after the one before, 2"},
        {"0,5\n0,6\n", "x.csv:2: the stamp 0 does not come after"},
        {"0,1\n2,1\n5,1\n", "x.csv:3: the stamp 5 is not a multiple of the bin width, 2s"},
        {"0,1\n1,1\n99999999999,1\n", "the limit is"},
        {"0,1\n1e18,1\n", "x.csv: it is 2.31e+13 days long; the limit is 463"},
        {"-1e308,1\n1e308,1\n", "x.csv:1: the stamp -1e+308 is no number of seconds; the limit is 1e+18"},
        {"0,1\n1,1e300\n", "x.csv:2: 1e+300 requests in one bin; the limit is 1e+12"},
        {"\x1f\x8b\x08 and so on", "x.csv:1: it is compressed: `zcat FILE | weir simulate --trace -`"},
        {"\xfd\x37zXZ and so on", "x.csv:1: it is compressed: `xzcat FILE"},
        {"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] \"GET\"\n1.2.3.4 - - - \"GET\"\n",
         "x.csv:2: there is no time in brackets"},
        {"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700\n", "x.csv:1: the bracket before the time is not closed"},
        {"1.2.3.4 - - [31/Feb/2000:13:55:36 -0700]\n", "x.csv:1: [31/Feb/2000:13:55:36 -0700] is not a time"},
        {"1.2.3.4 - - [10/Okt/2000:13:55:36 -0700]\n", "x.csv:1: [10/Okt/2000:13:55:36 -0700] is not a time"},
        {"{\"time\":1}\n{\"path\":\"/\"}\n", "x.csv:2: it has no field time"},
        {"{\"time\":1}\n{\"time\":\n", "x.csv:2: it is not a JSON object"},
        {"{\"time\":\"yesterday\"}\n", "x.csv:1: \"yesterday\" is not a time"},
        {"{\"time\":1}\n{\"time\":2000000000}\n", "x.csv:2: its time is more than"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct trace t = {0};
        struct err err;
        assert_false(read_text(rows[i][0], &t, &err));
        if (!strstr(err.text, rows[i][1]))
            fail_msg("row %zu: '%s' does not have '%s'", i, err.text, rows[i][1]);
    }
    struct trace t;
    struct err err;
    assert_false(trace_load("/nonexistent/trace.csv", &t, &err));
    assert_non_null(strstr(err.text, "/nonexistent/trace.csv: opening it: "));
}

static void test_log_times(void **state)
{
    static const struct {
        const char *line;
        int64_t seconds;
    } rows[] = {
        {"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 2326 \"-\" \"x [y]\"",
         971211336},
        {"::1 - - [29/Feb/2024:23:59:59 +0000] \"GET /\" 200 1", 1709251199},
        {"[::1]:80 - - [29/Feb/2024:23:59:59 +0000] \"GET /\" 200 1", 1709251199},
        {"Feb 29 23:59:59 web nginx[7]: h - - [29/Feb/2024:23:59:59 +0000] x", 1709251199},
        {"Feb 29 23:59:59 lb haproxy[7]: h:5 [29/Feb/2024:23:59:59.123] fe be/s 0/0/0", 1709251199},
        {"h - - [01/Mar/2024:01:00:00 +0100] x", 1709251200},
        {"{\"time\": \"2000-10-10T20:55:36Z\"}", 971211336},
        {"{\"a\":{\"time\":1,\"b\":[1,{\"c\":\"}\\\"]\"}]},\"ts\":971211336.75,\"z\":null}", 971211336},
        {"{\"ts\":1,\"timestamp\":\"2000-10-10 13:55:36.123456-07:00\"}",
         971211336}, /* the better name wins */
        {"{\"@timestamp\":\"2000-10-10T20:55:36.5+0000\"}", 971211336},
        {"{\"msec\":\"971211336.123\"}", 971211336},
        {"{\"ts\":971211336123}", 971211336},    /* milliseconds */
        {"{\"ts\":971211336123456}", 971211336}, /* microseconds */
        {"{\"time_local\":\"10/Oct/2000:13:55:36 -0700\"}", 971211336},
        {"{\"time_iso8601\":\"1970-01-01T00:00:00Z\"}", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t seconds = -1;
        struct err err;
        struct str line = str_of(rows[i].line);
        bool ok = line.ptr[0] == '{' ? log_time_of_json(line, &seconds, &err)
                                     : log_time_of_combined(line, &seconds, &err);
        if (!ok)
            fail_msg("row %zu: %s", i, err.text);
        assert_int_equal(seconds, rows[i].seconds);
    }
}

/* A device, or a file that is no text, may have no newline at all. */
static void test_endless_line(void **state)
{
    struct trace t;
    struct err err;
    assert_false(trace_load("/dev/zero", &t, &err));
    assert_string_equal(err.text, "/dev/zero:1: the line is longer than 1048576 bytes");
}

static void test_log_is_counted(void **state)
{
    /* In no order; seconds 10, 12, 9. */
    static const char text[] = "{\"ts\":10}\n{\"ts\":12}\n{\"ts\":12.9}\n{\"ts\":9}\n{\"ts\":10}\n";
    static const double expected[] = {1, 2, 0, 2};
    struct trace t;
    struct err err;
    assert_true(read_text(text, &t, &err));
    assert_int_equal(t.bin_count, 4);
    assert_near(t.bin_s, 1, 0);
    assert_near(t.start_s, 9, 0);
    for (size_t i = 0; i < 4; i++)
        assert_near(t.requests[i], expected[i], 0);
    trace_fini(&t);
}

static void test_rate_is_smoothed(void **state)
{
    struct trace t = {.bin_s = 1, .bin_count = 31, .requests = (double[31]){[15] = 20}};
    struct load l;
    struct err err;
    assert_true(load_build(&t, 0, &l, &err));
    assert_int_equal(l.seconds, 31);
    assert_near((double)l.rate[15], 2, 1e-6); /* 20 requests over 10 s */
    assert_near((double)l.rate[11], 2, 1e-6);
    assert_near((double)l.rate[10], 1, 1e-6); /* half of the bin is within 5 s */
    assert_near((double)l.rate[9], 0, 1e-6);
    assert_near((double)l.rate[20], 1, 1e-6);
    assert_near((double)l.rate[21], 0, 1e-6);
    assert_near(l.factor, 1, 0);
    load_fini(&l);
}

static void test_minutes_are_joined_by_lines(void **state)
{
    struct trace t = {.bin_s = 60, .bin_count = 2, .requests = (double[]){60, 120}};
    struct load l;
    struct err err;
    assert_true(load_build(&t, 0, &l, &err));
    assert_int_equal(l.seconds, 120);
    assert_near((double)l.rate[0], 1, 1e-6); /* before the first middle */
    assert_near((double)l.rate[59] + (double)l.rate[60], 3, 1e-5);
    assert_near((double)l.rate[44], 1 + 14.5 / 60, 1e-5);
    assert_near((double)l.rate[119], 2, 1e-6);
    load_fini(&l);
}

static void test_busiest_minute_is_scaled(void **state)
{
    double requests[300];
    for (int i = 0; i < 300; i++)
        requests[i] = i >= 100 && i < 200 ? 4 : 1;
    struct trace t = {.bin_s = 1, .bin_count = 300, .requests = requests};
    struct load l;
    struct err err;
    assert_true(load_build(&t, 800, &l, &err));
    assert_near(l.factor, 200, 1e-3);
    assert_near(l.peak, 800, 1e-3);
    assert_near((double)l.rate[150], 800, 1e-2);
    assert_near((double)l.rate[10], 200, 1e-2);
    assert_near(l.mean, 400, 1);
    assert_near(trace_mean_rate(&t), 2, 1e-9);
    load_fini(&l);
    t.requests = (double[300]){0};
    assert_false(load_build(&t, 800, &l, &err));
    assert_string_equal(err.text, "the trace has no requests");
}

static void test_absurd_load_is_refused(void **state)
{
    struct trace t = {.bin_s = 1, .bin_count = 2, .requests = (double[]){1, 1e12}};
    struct load l;
    struct err err;
    assert_false(load_build(&t, 0, &l, &err));
    assert_non_null(strstr(err.text, "requests in its busiest second; the limit is 1000000"));
    assert_true(load_build(&t, 800, &l, &err)); /* scaled it is as any other */
    assert_near(l.peak, 800, 1e-3);
    load_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_log_times),
        cmocka_unit_test(test_endless_line),
        cmocka_unit_test(test_log_is_counted),
        cmocka_unit_test(test_rate_is_smoothed),
        cmocka_unit_test(test_minutes_are_joined_by_lines),
        cmocka_unit_test(test_busiest_minute_is_scaled),
        cmocka_unit_test(test_absurd_load_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
