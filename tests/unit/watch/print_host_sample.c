/*
 * print_host_sample.c: prints one sample of the host as JSON for each line on standard input, so that a test
 * can take its own numbers at the same moments. The first argument is put in front of /proc and /sys. With
 * `--cost COUNT` it takes that many samples and prints what one cost in CPU time, job threads included.
 */
#include "base/clock.h"
#include "base/macros.h"
#include "watch/host.h"
#include "watch/host_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct stopper {
    struct timer timer;
};

static void on_stop(struct loop *l, struct timer *t)
{
    loop_stop(l);
}

/* Lets the job thread answer. */
static void run_for(struct loop *l, int64_t ns)
{
    struct stopper s;
    timer_init(&s.timer, on_stop);
    timer_set(l, &s.timer, clock_now_ns() + ns);
    loop_run(l);
}

static int64_t used_ns(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NS_PER_S +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * NS_PER_US;
}

static void print_cost(struct loop *l, struct host *h, long count)
{
    static struct host_sample s;
    int64_t began_ns = used_ns(), control_ns = 0;
    for (long i = 0; i < count; i++) {
        host_take_sample(h, clock_now_ns(), &s);
        control_ns += s.cost_ns;
        run_for(l, 2 * NS_PER_MS);
    }
    printf("{\"samples\": %ld, \"control_us\": %.1f, \"process_us\": %.1f}\n", count,
           (double)control_ns / 1e3 / (double)count, (double)(used_ns() - began_ns) / 1e3 / (double)count);
}

static void print_samples(struct loop *l, struct host *h)
{
    static struct host_sample s;
    char line[64];
    while (fgets(line, sizeof(line), stdin)) {
        struct buf out CLEANUP(buf_fini) = {0};
        struct json j;
        host_take_sample(h, clock_now_ns(), &s);
        run_for(l, 20 * NS_PER_MS);
        s.disk_count = host_get_disks(h, s.disks);
        json_init(&j, &out);
        host_json_write(&j, &s, clock_wall_ns());
        printf("%s\n", out.ptr);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    bool is_cost = argc > 2 && strcmp(argv[1], "--cost") == 0;
    struct loop *l = loop_new(NULL);
    struct host *h = host_new(&(struct host_params){.loop = l, .root = argc > 1 && !is_cost ? argv[1] : ""});
    host_configure(h, &(struct config_strings){0});
    if (is_cost)
        print_cost(l, h, strtol(argv[2], NULL, 10));
    else
        print_samples(l, h);
    host_free(h);
    loop_free(l);
    return 0;
}
