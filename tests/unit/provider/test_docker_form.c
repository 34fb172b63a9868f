/* test_docker_form.c: a container as the API takes it and tells it; the answers are Docker 20.10's,
 * shortened. */
#include "base/clock.h"
#include "provider/docker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WALL_NS (INT64_C(1795702500) * NS_PER_S)

static struct str networks[] = {{"shop", 4}, {"databases", 9}};
static struct str mounts[] = {{"/a:/b:ro", 8}};

static void a_container_is_asked_for(void **state)
{
    const struct config_container c = {.image = STR("shop:1"),
                                       .port = 8000,
                                       .publish = STR("127.0.0.1"),
                                       .networks = {2, networks},
                                       .mounts = {1, mounts},
                                       .user = STR("1000"),
                                       .directory = STR("/srv"),
                                       .memory_bytes = 1 << 20,
                                       .cpus = 0.1,
                                       .restart = RESTART_ON_FAILURE};
    struct buf out = {0};
    docker_write_create(&c, "weir", "shop/shop-3", &out);
    assert_string_equal(
        out.ptr,
        "{\"Image\":\"shop:1\",\"Env\":[\"PORT=8000\"],\"WorkingDir\":\"/srv\",\"User\":\"1000\",\"Labels\":{"
        "\"weir.owner\":\"weir\",\"weir.service\":\"shop\",\"weir.server\":\"shop-3\"},\"ExposedPorts\":{"
        "\"8000/tcp\":{}},"
        "\"HostConfig\":{\"NetworkMode\":\"shop\",\"PortBindings\":{\"8000/"
        "tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}]},"
        "\"Memory\":1048576,\"NanoCpus\":100000000,\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/"
        "a\",\"Target\":\"/b\","
        "\"ReadOnly\":true}],\"RestartPolicy\":{\"Name\":\"on-failure\"}},"
        "\"NetworkingConfig\":{\"EndpointsConfig\":{\"shop\":{}}}}");
    buf_fini(&out);
}

static void a_name_holds_only_what_a_name_may(void **state)
{
    struct buf out = {0};
    docker_write_name("weir", "shop/shop-3", &out);
    assert_string_equal(out.ptr, "weir-shop-3");
    buf_clear(&out);
    docker_write_name("-eu", "a/\xc3\xa4 b", &out);
    assert_string_equal(out.ptr, "weu----b");
    buf_fini(&out);
}

/* Reads an item with these members, beside id and labels. */
static bool read_item(const char *members, enum container_reach reach, struct instance *ret_instance)
{
    const struct config_container c = {.port = 8000,
                                       .publish = STR("127.0.0.1"),
                                       .reach = reach,
                                       .networks = {reach == CONTAINER_DIRECT ? 1 : 0, networks}};
    char text[2048];
    snprintf(text, sizeof(text),
             "{\"Id\":\"abc\",\"Created\":1795702400,\"Labels\":{\"weir.owner\":\"weir\",\"weir.service\":"
             "\"shop\","
             "\"weir.server\":\"shop-3\"},%s}",
             members);
    struct json_value *v = json_value_parse(str_of(text), NULL);
    assert_non_null(v);
    bool ok = docker_read_item(v, &c, WALL_NS, ret_instance);
    json_value_free(v);
    return ok;
}

static const char *address_of(const struct instance *i)
{
    static char text[ADDR_TEXT_BYTES];
    return i->has_address ? addr_format(text, &i->address) : "";
}

static void a_container_is_read(void **state)
{
    struct instance i;
    assert_true(
        read_item("\"Names\":[\"/weir-shop-3\"],\"State\":\"running\",\"Status\":\"Up 3 seconds\",\"Ports\":["
                  "{\"IP\":\"127.0.0.1\",\"PrivatePort\":9000,\"PublicPort\":1,\"Type\":\"tcp\"},"
                  "{\"IP\":\"127.0.0.1\",\"PrivatePort\":8000,\"PublicPort\":32768,\"Type\":\"tcp\"}]",
                  CONTAINER_PUBLISHED, &i));
    assert_string_equal(i.id, "abc");
    assert_string_equal(i.key, "shop/shop-3");
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_string_equal(address_of(&i), "127.0.0.1:32768");
    assert_true(i.started_ns == INT64_C(1795702400) * NS_PER_S);
    assert_string_equal(i.detail, "");
}

static void addresses_are_found_where_they_are(void **state)
{
    struct instance i;
    assert_true(read_item(
        "\"State\":\"running\",\"Ports\":[{\"IP\":\"0.0.0.0\",\"PrivatePort\":8000,\"PublicPort\":7,"
        "\"Type\":\"tcp\"},{\"IP\":\"::\",\"PrivatePort\":8000,\"PublicPort\":7,\"Type\":\"tcp\"}]",
        CONTAINER_PUBLISHED, &i));
    assert_string_equal(address_of(&i), "127.0.0.1:7");
    assert_true(read_item("\"State\":\"running\",\"Ports\":[{\"PrivatePort\":8000,\"Type\":\"tcp\"}]",
                          CONTAINER_PUBLISHED, &i));
    assert_string_equal(address_of(&i), "");
    assert_string_equal(i.detail, "its port 8000 is not published on 127.0.0.1");
    assert_true(read_item(
        "\"State\":\"running\",\"NetworkSettings\":{\"Networks\":{\"shop\":{\"IPAddress\":\"172.18.0.2\"}}}",
        CONTAINER_DIRECT, &i));
    assert_string_equal(address_of(&i), "172.18.0.2:8000");
    assert_true(
        read_item("\"State\":\"running\",\"NetworkSettings\":{\"Networks\":{\"shop\":{\"IPAddress\":\"\","
                  "\"GlobalIPv6Address\":\"fd00::2\"}}}",
                  CONTAINER_DIRECT, &i));
    assert_string_equal(address_of(&i), "[fd00::2]:8000");
    assert_true(read_item("\"State\":\"running\",\"NetworkSettings\":{\"Networks\":{\"bridge\":{"
                          "\"IPAddress\":\"172.17.0.2\"}}}",
                          CONTAINER_DIRECT, &i));
    assert_string_equal(i.detail, "it has no address on the network 'shop'");
}

static void states_are_told_apart(void **state)
{
    static const struct {
        const char *members;
        enum instance_state state;
        const char *detail;
    } cases[] = {
        {"\"State\":\"exited\"", INSTANCE_ENDED, ""},
        {"\"State\":\"dead\"", INSTANCE_ENDED, ""},
        {"\"State\":\"removing\"", INSTANCE_STOPPING, ""},
        {"\"State\":\"restarting\"", INSTANCE_PENDING, ""},
        {"\"State\":\"created\"", INSTANCE_ENDED, "it was made, but never started"},
        {"\"State\":\"running\",\"Names\":[\"/weir-shop-3.stop-1795702500\"]", INSTANCE_STOPPING, ""},
        {"\"State\":\"exited\",\"Names\":[\"/weir-shop-3.stop-1795702500\"]", INSTANCE_ENDED, ""},
        {"\"State\":\"running\",\"Names\":[\"/weir-shop-3.stop-1795702489\"]", INSTANCE_ENDED,
         "it was asked to end, and did not"},
    };
    struct instance i;
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        assert_true(read_item(cases[k].members, CONTAINER_PUBLISHED, &i));
        assert_int_equal(i.state, cases[k].state);
        assert_string_equal(i.detail, cases[k].detail);
    }
    assert_true(
        read_item("\"State\":\"running\",\"Status\":\"Up 2 minutes (unhealthy)\"", CONTAINER_PUBLISHED, &i));
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_true(i.is_unwell);
    assert_string_equal(i.detail, "the engine's own health check says unhealthy");
    assert_true(read_item("\"State\":\"paused\"", CONTAINER_PUBLISHED, &i));
    assert_true(i.is_unwell && i.state == INSTANCE_RUNNING);
    assert_true(
        read_item("\"State\":\"running\",\"Status\":\"Up 2 minutes (healthy)\"", CONTAINER_PUBLISHED, &i));
    assert_false(i.is_unwell);
}

static void what_is_no_container_is_refused(void **state)
{
    struct instance i;
    struct json_value *v = json_value_parse(STR("{\"Id\":\"\"}"), NULL);
    assert_false(docker_read_item(v, &(struct config_container){0}, WALL_NS, &i));
    json_value_free(v);
}

static void an_end_is_told_in_the_engines_words(void **state)
{
    struct instance i = {.state = INSTANCE_ENDED};
    struct json_value *v =
        json_value_parse(STR("{\"State\":{\"ExitCode\":137,\"OOMKilled\":true,\"Error\":\"\"}}"), NULL);
    docker_read_end(v, STR("loading\nall of it\n"), &i);
    assert_string_equal(i.detail, "exit status 137, out of memory: all of it");
    json_value_free(v);
    i.detail[0] = '\0';
    v = json_value_parse(STR("{\"State\":{\"ExitCode\":127,\"Error\":\"no\\tsuch file\"}}"), NULL);
    docker_read_end(v, STR(""), &i);
    assert_string_equal(i.detail, "exit status 127: no such file");
    json_value_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_is_asked_for),
        cmocka_unit_test(a_name_holds_only_what_a_name_may),
        cmocka_unit_test(a_container_is_read),
        cmocka_unit_test(addresses_are_found_where_they_are),
        cmocka_unit_test(states_are_told_apart),
        cmocka_unit_test(what_is_no_container_is_refused),
        cmocka_unit_test(an_end_is_told_in_the_engines_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
