/* Which folder, by what the environment says; making it, and giving it to the worker's user. */
#include "supervisor/state_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

static char base[FOLDER_BYTES];

static int make_base(void **state)
{
    folder_make(base);
    return chmod(base, 0755);
}

static int remove_base(void **state)
{
    folder_remove(base);
    return 0;
}

static void put_environment(const char *name, const char *value)
{
    assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

/* As a user that is not root, in a child, since there is no way back. */
static void assert_chosen(bool is_root, const char *stated, const char *of_unit, const char *of_user,
                          const char *home, const char *expected)
{
    if (is_root && geteuid() != 0)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        char path[STATE_FOLDER_BYTES] = "";
        struct err err = {0};
        put_environment("STATE_DIRECTORY", of_unit);
        put_environment("XDG_STATE_HOME", of_user);
        put_environment("HOME", home);
        if (!is_root && geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        bool is_chosen = state_folder_choose(stated, STR("shop"), STR("/etc/weir/shop.yaml"), path, &err);
        bool is_right = expected ? is_chosen && strcmp(path, expected) == 0 : !is_chosen && err.text[0];
        if (!is_right)
            fprintf(stderr, "chosen: %s%s\n", path, err.text);
        _exit(is_right ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void the_environment_says_where(void **state)
{
#define NAME "/shop-44bf28ff"
    assert_chosen(false, "/srv/x", "/unit", "/user", "/me", "/srv/x" NAME);
    assert_chosen(false, "", "/unit", "/user", "/me", "/unit" NAME);
    assert_chosen(false, "", "/one:/two", NULL, NULL, "/one" NAME);
    assert_chosen(false, "", NULL, "/user", "/me", "/user/weir" NAME);
    assert_chosen(false, "", "relative", "relative", "/me", "/me/.local/state/weir" NAME);
    assert_chosen(false, "", NULL, NULL, NULL, NULL);
    assert_chosen(true, "", NULL, "/user", "/root", "/var/lib/weir" NAME);
    assert_chosen(true, "", "/unit", "/user", "/root", "/unit" NAME);
}

static void two_weirs_have_two_folders(void **state)
{
    char one[STATE_FOLDER_BYTES], two[STATE_FOLDER_BYTES], long_path[STATE_FOLDER_BYTES];
    struct err err;
    assert_true(state_folder_choose("/d", STR("weir"), STR("/a/weir.yaml"), one, &err));
    assert_true(state_folder_choose("/d", STR("weir"), STR("/b/weir.yaml"), two, &err));
    assert_string_not_equal(one, two);
    assert_true(state_folder_choose("/d", STR("weir"), STR("/a/weir.yaml"), two, &err));
    assert_string_equal(one, two);
    assert_true(state_folder_choose("/d", STR("../we ir;"), STR(""), two, &err));
    assert_int_equal(strncmp(two, "/d/___we_ir_-", 13), 0);
    memset(long_path, 'a', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_false(state_folder_choose(long_path, STR("weir"), STR(""), two, &err));
}

static struct stat look(const char *path)
{
    struct stat s;
    assert_int_equal(lstat(path, &s), 0);
    return s;
}

static void it_is_made_with_what_is_above_it(void **state)
{
    char path[128];
    struct err err;
    snprintf(path, sizeof(path), "%s/a/b/weir-1", base);
    assert_true(state_folder_make(path, NULL, &err));
    assert_int_equal(look(path).st_mode & 0777, 0700);
    assert_true(state_folder_make(path, NULL, &err)); /* it is there already */
    snprintf(path, sizeof(path), "%s/a", base);
    assert_int_equal(look(path).st_mode & 0777, 0755);
}

static void what_is_in_the_way_is_told(void **state)
{
    char path[128], file[96];
    struct err err;
    snprintf(file, sizeof(file), "%s/file", base);
    close(open(file, O_WRONLY | O_CREAT, 0600));
    snprintf(path, sizeof(path), "%s/weir-1", file);
    assert_false(state_folder_make(path, NULL, &err));
    assert_non_null(strstr(err.text, file));
    assert_false(state_folder_make(file, NULL, &err)); /* a file where the folder should be */
    snprintf(path, sizeof(path), "%s/link", base);
    assert_int_equal(symlink("/tmp", path), 0);
    assert_false(state_folder_make(path, NULL, &err)); /* a link is not followed */
}

static void another_user_gets_it_with_its_files(void **state)
{
    char path[128], file[160], second[160], third[160];
    struct err err;
    struct user nobody, other = {.uid = 12345, .gid = 12345, .name = "other"};
    if (geteuid() != 0)
        skip();
    assert_true(user_find("nobody", &nobody, &err));
    snprintf(path, sizeof(path), "%s/weir-1", base);
    assert_true(state_folder_make(path, &nobody, &err));
    assert_int_equal(look(path).st_uid, nobody.uid);
    snprintf(file, sizeof(file), "%s/weir.db", path);
    snprintf(second, sizeof(second), "%s/twice", path);
    snprintf(third, sizeof(third), "%s/once", path);
    close(open(file, O_WRONLY | O_CREAT, 0600));
    close(open(third, O_WRONLY | O_CREAT, 0600));
    assert_int_equal(link(third, second), 0); /* perhaps a name for somebody else's file */

    assert_int_equal(chmod(base, 0777), 0); /* anybody may have put the folder there */
    assert_false(state_folder_make(path, &other, &err));
    assert_non_null(strstr(err.text, "somebody else"));
    assert_int_equal(look(path).st_uid, nobody.uid);
    assert_int_equal(chmod(base, 0755), 0);
    assert_true(state_folder_make(path, &other, &err));
    assert_int_equal(look(path).st_uid, other.uid);
    assert_int_equal(look(path).st_mode & 0777, 0700);
    assert_int_equal(look(file).st_uid, other.uid);
    assert_int_equal(look(second).st_uid, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_base, remove_base)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_environment_says_where),          TEST(two_weirs_have_two_folders),
        TEST(it_is_made_with_what_is_above_it),    TEST(what_is_in_the_way_is_told),
        TEST(another_user_gets_it_with_its_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
