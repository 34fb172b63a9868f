/* `weir run -- COMMAND` without a file: the text that it stands for, its defaults, its mistakes. */
#include "config/command.h"

#include "base/macros.h"
#include "config/cpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char *const gunicorn[] = {"gunicorn", "--bind", "{address}", "app:app"};

static struct config_command plain(void)
{
    return (struct config_command){.argument_count = ARRAY_LEN(gunicorn), .arguments = gunicorn};
}

static struct config *must_read(const struct config_command *c)
{
    struct diagnostics d;
    struct config *config = config_for_command(c, &d);
    assert_non_null(config);
    assert_int_equal(d.count, 0);
    diagnostics_fini(&d);
    return config;
}

static void without_options(void **state)
{
    struct config_command command = plain();
    struct config *c = must_read(&command);
    char text[ADDR_TEXT_BYTES];
    assert_int_equal(c->service_count, 1);
    assert_string_equal(c->services[0].name.ptr, "app");
    assert_int_equal(c->services[0].scale.provider, SCALE_PROVIDER_PROCESS);
    assert_int_equal(c->services[0].scale.command.count, 4);
    assert_int_equal(c->services[0].scale.servers_min, 1);
    assert_int_equal(c->services[0].scale.servers_max, 1);
    assert_int_equal(c->listener_count, 1);
    assert_string_equal(addr_format(text, &c->listeners[0].address), "0.0.0.0:8080");
    assert_string_equal(addr_format(text, &c->admin.address), "127.0.0.1:9900");
    config_free(c);
}

static void with_every_option(void **state)
{
    struct config_command command = plain();
    struct buf yaml = {0};
    command.listen = ":80";
    command.admin = "off";
    command.servers = "0..6";
    command.workers = "2";
    command.max_requests = "4";
    command.health_path = "/healthz";
    config_command_to_yaml(&command, &yaml);
    assert_string_equal(yaml.ptr, "workers: \"2\"\n"
                                  "listeners:\n"
                                  "  - http: \":80\"\n"
                                  "services:\n"
                                  "  app:\n"
                                  "    max_requests: \"4\"\n"
                                  "    health: \"/healthz\"\n"
                                  "    scale:\n"
                                  "      command: [\"gunicorn\", \"--bind\", \"{address}\", \"app:app\"]\n"
                                  "      servers: \"0..6\"\n"
                                  "admin: \"off\"\n");
    struct config *c = must_read(&command);
    assert_int_equal(c->workers, 2);
    assert_int_equal(c->services[0].max_requests, 4);
    assert_int_equal(c->services[0].scale.servers_max, 6);
    assert_string_equal(c->services[0].health.path.ptr, "/healthz");
    assert_false(c->admin.is_enabled);
    config_free(c);
    buf_fini(&yaml);
}

static void arguments_arrive_byte_for_byte(void **state)
{
    static const char *const arguments[] = {"sh", "-c",   "echo \"{port}\" 'a: b' \\ \t# no comment\n*&!%@`",
                                            "",   "가게", "- x"};
    struct config_command command = {.argument_count = ARRAY_LEN(arguments), .arguments = arguments};
    struct config *c = must_read(&command);
    assert_int_equal(c->services[0].scale.command.count, ARRAY_LEN(arguments));
    for (size_t i = 0; i < ARRAY_LEN(arguments); i++)
        assert_string_equal(c->services[0].scale.command.items[i].ptr, arguments[i]);
    config_free(c);
}

static void expect_told(const struct config_command *command, const char *expected)
{
    struct diagnostics d;
    struct buf told = {0};
    struct config *c = config_for_command(command, &d);
    diagnostics_print(&d, false, &told);
    assert_string_equal(told.ptr ? told.ptr : "", expected);
    config_free(c);
    diagnostics_fini(&d);
    buf_fini(&told);
}

static void mistakes_name_the_option(void **state)
{
    struct config_command command = plain();
    command.servers = "5..2";
    command.listen = "80";
    command.workers = "many\nadmin: off";
    expect_told(&command,
                "--workers many\nadmin: off: 'workers' takes a whole number; digits only, without a unit\n"
                "--listen 80: 'http' takes an address; a colon is missing: \":80\"?\n"
                "--servers 5..2: 'servers' is out of range; the smaller number comes first: 2..5\n");
}

static void a_command_that_is_not_told_where_to_listen_is_a_warning(void **state)
{
    static const char *const arguments[] = {"./server"};
    struct config_command command = {.argument_count = 1, .arguments = arguments};
    expect_told(
        &command,
        "COMMAND ./server: warning: the command is not told where to listen; use \"{address}\", \"{port}\" "
        "or \"{socket}\" in it, unless it reads the variable PORT\n");
}

static void cpu_limits_of_a_cgroup_are_rounded_up(void **state)
{
    assert_int_equal(cpus_of_limit("max 100000\n"), 0);
    assert_int_equal(cpus_of_limit("100000 100000\n"), 1);
    assert_int_equal(cpus_of_limit("150000 100000\n"), 2);
    assert_int_equal(cpus_of_limit("200000 100000"), 2);
    assert_int_equal(cpus_of_limit("1000 100000\n"), 1);
    assert_int_equal(cpus_of_limit("0 100000\n"), 0);
    assert_int_equal(cpus_of_limit("100000 0\n"), 0);
    assert_int_equal(cpus_of_limit(""), 0);
    assert_in_range(cpus_usable(), 1, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options),
        cmocka_unit_test(with_every_option),
        cmocka_unit_test(arguments_arrive_byte_for_byte),
        cmocka_unit_test(mistakes_name_the_option),
        cmocka_unit_test(a_command_that_is_not_told_where_to_listen_is_a_warning),
        cmocka_unit_test(cpu_limits_of_a_cgroup_are_rounded_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
