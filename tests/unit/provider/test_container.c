/* test_container.c: what provider docker and swarm have in common: the configuration as JSON, credentials,
 * last words. */
#include "provider/container.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct str command[] = {{"/server", 7}, {"--bind={address}", 16}, {"{port}{host}{", 13}};
static struct str environment[] = {{"A=1=2", 5}, {"B=", 2}};
static struct str own_port[] = {{"PORT=80", 7}};
static struct str labels[] = {{"com.example.team=web=x", 22}};
static struct str mounts[] = {{"/srv/up:/data", 13}, {"assets:/assets:ro", 17}};

static const struct config_container config = {.port = 8000,
                                               .command = {3, command},
                                               .environment = {2, environment},
                                               .labels = {1, labels},
                                               .mounts = {2, mounts}};

static void assert_writes(void (*write)(struct json *, const struct config_container *),
                          const struct config_container *c, const char *expected)
{
    struct buf out = {0};
    struct json j;
    json_init(&j, &out);
    write(&j, c);
    assert_string_equal(out.ptr, expected);
    buf_fini(&out);
}

static void the_configuration_becomes_json(void **state)
{
    struct config_container c = config;
    assert_writes(container_write_command, &c, "[\"/server\",\"--bind=0.0.0.0:8000\",\"80000.0.0.0{\"]");
    assert_writes(container_write_environment, &c, "[\"A=1=2\",\"B=\",\"PORT=8000\"]");
    assert_writes(container_write_mounts, &c,
                  "[{\"Type\":\"bind\",\"Source\":\"/srv/up\",\"Target\":\"/data\",\"ReadOnly\":false},"
                  "{\"Type\":\"volume\",\"Source\":\"assets\",\"Target\":\"/assets\",\"ReadOnly\":true}]");
    c.environment = (struct config_strings){1, own_port};
    assert_writes(container_write_environment, &c, "[\"PORT=80\"]");
}

static void an_image_has_a_tag(void **state)
{
    static const char *const cases[][2] = {
        {"shop", "latest"},
        {"shop:1.4", "1.4"},
        {"registry.example.com:5000/team/shop", "latest"},
        {"registry.example.com:5000/team/shop:1", "1"},
        {"shop@sha256:0123", ""},
        {"shop:1@sha256:0123", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(str_eq(container_image_tag(str_of(cases[i][0])), str_of(cases[i][1])));
}

static void assert_auth(const struct config_container *c, const char *expected)
{
    struct buf auth = {0};
    struct driver_failure f;
    assert_true(container_registry_auth(c, &auth, &f));
    assert_string_equal(auth.ptr ? auth.ptr : "", expected);
    buf_fini(&auth);
}

static void credentials_come_from_a_variable_or_a_file(void **state)
{
    struct config_container c = {.image = STR("r.example.com/shop:1"),
                                 .registry = {.user = STR("u"), .password_env = STR("TEST_PASSWORD")}};
    struct buf auth = {0};
    struct driver_failure f;
    char path[] = "/tmp/weir-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(write(fd, "p?>~\n", 5) == 5);
    close(fd);
    unsetenv("TEST_PASSWORD");
    assert_false(container_registry_auth(&c, &auth, &f));
    assert_int_equal(f.fault, DRIVER_FAULT_CREDENTIALS);
    setenv("TEST_PASSWORD", "p?>~", 1);
    /* {"username":"u","password":"p?>~","serveraddress":"r.example.com"} by coreutils' basenc --base64url */
    const char *expected =
        "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InA_Pn4iLCJzZXJ2ZXJhZGRyZXNzIjoici5leGFtcGxlLmNvbSJ9";
    assert_auth(&c, expected);
    c.registry.password_env = STR("");
    c.registry.password_file = str_of(path);
    assert_auth(&c, expected);
    unlink(path);
    assert_false(container_registry_auth(&c, &auth, &f));
    assert_null(strstr(f.text, "p?>~"));
    assert_auth(&(struct config_container){.image = STR("shop")}, "");
}

static void the_last_words_are_found_in_frames_and_in_plain_text(void **state)
{
    static const char frames[] = "\1\0\0\0\0\0\0\6hello\n\2\0\0\0\0\0\0\14no database\n\1\0\0\0\0\0\0\1\n";
    assert_true(str_eq(container_last_line(str_n(frames, sizeof(frames) - 1)), STR("no database")));
    assert_true(str_eq(container_last_line(STR("one\r\ntwo \r\n\r\n")), STR("two")));
    assert_true(str_eq(container_last_line(STR("")), STR("")));
    assert_true(str_eq(container_last_line(str_n("\1\0\0\0\0\0\377\377cut", 11)), STR("cut")));
    assert_true(str_eq(container_last_line(str_n("\1\0\0", 3)), STR("")));
}

static void a_fault_is_told_by_status_and_words(void **state)
{
    static const struct {
        int status;
        const char *words;
        enum driver_fault fault;
    } cases[] = {
        {404, "No such image: shop:1", DRIVER_FAULT_CONFIGURATION},
        {500,
         "driver failed programming external connectivity: Bind for 127.0.0.1:80 failed: port is already "
         "allocated",
         DRIVER_FAULT_CONFIGURATION},
        {500, "Get \"https://r/v2/\": unauthorized: authentication required", DRIVER_FAULT_CREDENTIALS},
        {0, "toomanyrequests: You have reached your pull rate limit", DRIVER_FAULT_QUOTA},
        {0, "write /var/lib/docker: no space left on device", DRIVER_FAULT_QUOTA},
        {503, "This node is not a swarm manager.", DRIVER_FAULT_CONFIGURATION},
        {500, "rpc error: code = Unknown desc = update out of sequence", DRIVER_FAULT_RETRYABLE},
        {503, "", DRIVER_FAULT_RETRYABLE},
        {403, "", DRIVER_FAULT_CREDENTIALS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(docker_fault_of(cases[i].status, cases[i].words), cases[i].fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_configuration_becomes_json),
        cmocka_unit_test(an_image_has_a_tag),
        cmocka_unit_test(credentials_come_from_a_variable_or_a_file),
        cmocka_unit_test(the_last_words_are_found_in_frames_and_in_plain_text),
        cmocka_unit_test(a_fault_is_told_by_status_and_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
