/* Where the admin token comes from, and what is refused. */
#include "admin/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char path[64];

static struct config_admin admin_on(const char *address)
{
    struct config_admin a = {.is_enabled = true, .token_file = STR(""), .token_env = STR("")};
    const char *problem;
    assert_true(addr_parse(str_of(address), &a.address, &problem));
    return a;
}

static void write_file(const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void expect_refused(const struct config_admin *a, const char *part)
{
    struct buf token = {0};
    struct err err = {0};
    assert_false(token_load(a, &token, &err));
    assert_int_equal(token.len, 0);
    if (!strstr(err.text, part))
        fail_msg("`%s` does not say `%s`", err.text, part);
    buf_fini(&token);
}

static void expect_token(const struct config_admin *a, const char *expected)
{
    struct buf token = {0};
    struct err err = {0};
    assert_true(token_load(a, &token, &err));
    assert_true(str_eq(buf_str(&token), str_of(expected)));
    buf_fini(&token);
}

static void loopback_needs_none(void **state)
{
    struct config_admin a = admin_on("127.0.0.1:9900");
    expect_token(&a, "");
    a = admin_on("[::1]:9900");
    expect_token(&a, "");
    a = admin_on("0.0.0.0:9900");
    expect_refused(&a, "token_file or admin.token_env is required");
}

static void a_file_is_read_and_judged(void **state)
{
    struct config_admin a = admin_on("0.0.0.0:9900");
    a.token_file = str_of(path);
    write_file(" \n0123456789abcdef-_~!\r\n\n", 0600);
    expect_token(&a, "0123456789abcdef-_~!");
    write_file("0123456789abcdef", 0640); /* a group may share it */
    expect_token(&a, "0123456789abcdef");
    write_file("0123456789abcdef", 0644);
    expect_refused(&a, "everybody on this host may read or change it (mode 0644)");
    write_file("0123456789abcdef", 0602);
    expect_refused(&a, "(mode 0602)");
    write_file("0123456789abcde", 0600);
    expect_refused(&a, "15 characters; at least 16");
    write_file("", 0600);
    expect_refused(&a, "0 characters");
    write_file("0123456789 abcdef", 0600);
    expect_refused(&a, "contains a space");
    char longer[TOKEN_BYTES_MAX + 2];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    write_file(longer, 0600);
    expect_refused(&a, "longer than 1024");
    a.token_file = STR("/nonexistent/token");
    expect_refused(&a, "reading admin.token_file /nonexistent/token");
    a.token_file = STR("/tmp");
    expect_refused(&a, "it is not a file");
}

static void an_environment_variable_is_read(void **state)
{
    struct config_admin a = admin_on("0.0.0.0:9900");
    a.token_env = STR("WEIR_TEST_TOKEN");
    unsetenv("WEIR_TEST_TOKEN");
    expect_refused(&a, "WEIR_TEST_TOKEN is not set");
    setenv("WEIR_TEST_TOKEN", "0123456789abcdef\n", 1);
    expect_token(&a, "0123456789abcdef");
    setenv("WEIR_TEST_TOKEN", "short", 1);
    expect_refused(&a, "admin.token_env WEIR_TEST_TOKEN");
}

int main(void)
{
    snprintf(path, sizeof(path), "/tmp/weir-test-token-%d", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_needs_none),
        cmocka_unit_test(a_file_is_read_and_judged),
        cmocka_unit_test(an_environment_variable_is_read),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
