/* test_socket_folder.c: folders for Unix sockets of servers: made, emptied and removed, also a dead Weir's.
 */
#include "supervisor/socket_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[32];

static int set_up(void **state)
{
    snprintf(directory, sizeof(directory), "/tmp/weir-run-XXXXXX");
    return mkdtemp(directory) && setenv("RUNTIME_DIRECTORY", directory, 1) == 0 ? 0 : -1;
}

/* Fails when anything was left. */
static int tear_down(void **state)
{
    return rmdir(directory);
}

static mode_t mode_of(const char *path)
{
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return s.st_mode & 07777;
}

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void each_server_has_its_own(void **state)
{
    struct socket_folder f = {0};
    struct addr one, two;
    struct err err;
    char folder[128], other[160];
    assert_true(socket_folder_make(&f, "shop-1", NULL, NULL, &one, &err));
    assert_true(
        socket_folder_make(&f, "shop-1", NULL, NULL, &two, &err)); /* one that stops may have the name */
    assert_int_equal(one.any.sa_family, AF_UNIX);
    assert_string_not_equal(one.un.sun_path, two.un.sun_path);
    assert_int_equal(mode_of(f.path), 0711);
    str_copy(folder, sizeof(folder), str_of(one.un.sun_path));
    assert_string_equal(strrchr(folder, '/'), "/shop-1.sock");
    *strrchr(folder, '/') = '\0';
    assert_int_equal(mode_of(folder), 02710);
    touch(one.un.sun_path);
    snprintf(other, sizeof(other), "%s/shop.pid", folder); /* what the server left beside its socket */
    touch(other);
    socket_folder_remove(&one);
    assert_int_equal(access(folder, F_OK), -1);
    socket_folder_remove(&two);
    socket_folder_fini(&f);
}

static void a_dead_weirs_folder_is_removed_and_a_living_ones_is_not(void **state)
{
    struct socket_folder f = {0};
    struct addr a;
    struct err err;
    char dead[96], living[96], inner[160];
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    assert_int_equal(waitpid(gone, NULL, 0), gone);
    snprintf(dead, sizeof(dead), "%s/weir-sockets.%d.abcdef", directory, (int)gone);
    snprintf(living, sizeof(living), "%s/weir-sockets.%d.abcdef", directory, (int)getppid());
    assert_int_equal(mkdir(dead, 0700) + mkdir(living, 0700), 0);
    snprintf(inner, sizeof(inner), "%s/7", dead);
    assert_int_equal(mkdir(inner, 0700), 0);
    snprintf(inner, sizeof(inner), "%s/7/shop-1.sock", dead);
    touch(inner);
    assert_true(socket_folder_make(&f, "a", NULL, NULL, &a, &err));
    assert_int_equal(access(dead, F_OK), -1);
    assert_int_equal(rmdir(living), 0);
    socket_folder_remove(&a);
    socket_folder_fini(&f);
}

static void a_path_that_is_too_long_is_told(void **state)
{
    struct socket_folder f = {0};
    struct addr a;
    struct err err;
    char name[100];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_false(socket_folder_make(&f, name, NULL, NULL, &a, &err));
    assert_non_null(strstr(err.text, "would be too long"));
    socket_folder_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_server_has_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_weirs_folder_is_removed_and_a_living_ones_is_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_path_that_is_too_long_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
