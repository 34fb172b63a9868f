/* test_host_process.c: a number of a process is believed only when its control group names the container. */
#include "provider/host_process.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

#define ID "530f1e7d3372c36b53f0c7604e1f0d2b5a3c7b9c530f1e7d3372c36b53f0c760"

static void put_group(const char *root, int pid, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/proc", root);
    (void)mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/proc/%d", root, pid);
    (void)mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/proc/%d/cgroup", root, pid);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void only_the_containers_own_process_is_believed(void **state)
{
    char root[FOLDER_BYTES];
    folder_make(root);
    put_group(root, 11, "12:cpu,cpuacct:/docker/" ID "\n0::/\n");
    put_group(root, 12, "0::/system.slice/docker-" ID ".scope\n");
    put_group(root, 13, "0::/user.slice/session-1.scope\n");
    put_group(root, 14, "");
    assert_true(host_process_is_of(root, 11, ID));
    assert_true(host_process_is_of(root, 12, ID));
    assert_false(host_process_is_of(root, 13, ID)); /* of this host, and another's: the engine is elsewhere */
    assert_false(host_process_is_of(root, 14, ID));
    assert_false(host_process_is_of(root, 15, ID)); /* there is none */
    assert_false(host_process_is_of(root, 0, ID));
    assert_false(host_process_is_of(root, 11, "")); /* what is in every text proves nothing */
    assert_false(host_process_is_of(root, 11, "docker"));
    folder_remove(root);
}

static int asked;

static int ask(void *context, const char *id)
{
    asked++;
    return *(int *)context;
}

static void the_engine_is_asked_once_for_what_cannot_be_seen(void **state)
{
    struct host_processes h = {0};
    struct instance items[2] = {{.id = ID, .state = INSTANCE_RUNNING},
                                {.id = "x" ID, .state = INSTANCE_ENDED}};
    struct instance_list list = {2, items};
    int self = getpid(); /* a process, and nobody's container */
    host_processes_fill(&h, &list, 1 * NS_PER_S, ask, &self);
    host_processes_fill(&h, &list, 30 * NS_PER_S, ask, &self);
    assert_int_equal(asked, 1);
    assert_int_equal(items[0].pid, 0);
    assert_int_equal(h.count, 1); /* one that has ended is not asked for */
    host_processes_fill(&h, &list, 62 * NS_PER_S, ask, &self);
    assert_int_equal(asked, 2);
    list.count = 0;
    host_processes_fill(&h, &list, 63 * NS_PER_S, ask, &self);
    assert_int_equal(h.count, 0); /* it is gone, and forgotten */
    host_processes_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_containers_own_process_is_believed),
        cmocka_unit_test(the_engine_is_asked_once_for_what_cannot_be_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
