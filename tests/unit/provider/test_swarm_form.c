/* test_swarm_form.c: a service as the API takes it and tasks as it tells them; the answers are
 * Docker 20.10's, shortened. */
#include "base/clock.h"
#include "provider/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct str networks[] = {{"shop", 4}};
static struct str command[] = {{"/server", 7}, {"{port}", 6}};

static const struct config_container published = {.service = STR("web"), .port = 8000},
                                     direct = {.service = STR("web"),
                                               .port = 8000,
                                               .reach = CONTAINER_DIRECT,
                                               .networks = {1, networks}};

static void a_service_is_asked_for(void **state)
{
    struct config_container c = published;
    struct buf out = {0};
    c.image = STR("shop:1");
    c.command = (struct config_strings){2, command};
    c.memory_bytes = 4096;
    swarm_write_create(&c, "weir", "shop", 3, 5 * NS_PER_S, &out);
    assert_string_equal(
        out.ptr,
        "{\"Name\":\"web\",\"Labels\":{\"weir.owner\":\"weir\",\"weir.service\":\"shop\"},\"TaskTemplate\":{"
        "\"ContainerSpec\":{\"Image\":\"shop:1\",\"Args\":[\"/server\",\"8000\"],\"Env\":[\"PORT=8000\"],"
        "\"StopGracePeriod\":5000000000},\"Resources\":{\"Limits\":{\"MemoryBytes\":4096}}},"
        "\"Mode\":{\"Replicated\":{\"Replicas\":3}},\"UpdateConfig\":{\"Parallelism\":1,"
        "\"Order\":\"start-first\",\"FailureAction\":\"pause\"},\"EndpointSpec\":{\"Mode\":\"dnsrr\","
        "\"Ports\":["
        "{\"Protocol\":\"tcp\",\"TargetPort\":8000,\"PublishMode\":\"host\"}]}}");
    buf_fini(&out);
}

static bool check(const char *text, const struct config_container *c, struct driver_failure *f)
{
    struct json_value *v = json_value_parse(str_of(text), NULL);
    assert_non_null(v);
    bool ok = swarm_check_service(v, c, f);
    json_value_free(v);
    return ok;
}

#define SERVICE(mode, ports) "{\"Spec\":{\"Mode\":" mode ",\"EndpointSpec\":{\"Ports\":[" ports "]}}}"
#define REPLICATED           "{\"Replicated\":{\"Replicas\":1}}"

static void a_service_that_can_not_work_is_refused(void **state)
{
    struct driver_failure f;
    assert_true(check(SERVICE(REPLICATED, "{\"TargetPort\":8000,\"PublishMode\":\"host\"}"), &published, &f));
    assert_true(check(SERVICE(REPLICATED, ""), &direct, &f));
    assert_false(check(SERVICE("{\"Global\":{}}", ""), &direct, &f));
    assert_non_null(strstr(f.text, "not a replicated one"));
    assert_false(
        check(SERVICE(REPLICATED, "{\"TargetPort\":9000,\"PublishMode\":\"host\"}"), &published, &f));
    assert_non_null(strstr(f.text, "does not publish port 8000"));
    assert_false(
        check(SERVICE(REPLICATED, "{\"TargetPort\":8000,\"PublishMode\":\"ingress\"}"), &published, &f));
    assert_int_equal(f.fault, DRIVER_FAULT_CONFIGURATION);
    assert_non_null(strstr(f.text, "IPVS"));
    assert_non_null(strstr(f.text, "--publish-rm 8000 --publish-add mode=host,target=8000 web"));
}

static void an_update_that_goes_on_is_seen(void **state)
{
    static const struct {
        const char *text;
        bool is_updating;
    } cases[] = {{"{}", false},
                 {"{\"UpdateStatus\":{\"State\":\"updating\"}}", true},
                 {"{\"UpdateStatus\":{\"State\":\"rollback_started\"}}", true},
                 {"{\"UpdateStatus\":{\"State\":\"completed\"}}", false},
                 {"{\"UpdateStatus\":{\"State\":\"paused\"}}", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_value *v = json_value_parse(str_of(cases[i].text), NULL);
        assert_int_equal(swarm_is_updating(v), cases[i].is_updating);
        json_value_free(v);
    }
}

/* Reads a task with this status, desired state and networks, on node n1. */
static struct instance read_task(const char *status, const char *desired, const char *attachments,
                                 const struct config_container *c)
{
    char text[2048];
    struct instance instance;
    snprintf(
        text, sizeof(text),
        "{\"ID\":\"t1\",\"CreatedAt\":\"2026-11-26T13:56:10.697860455Z\",\"NodeID\":\"n1\",\"Status\":%s,"
        "\"DesiredState\":\"%s\",\"NetworksAttachments\":[%s]}",
        status, desired, attachments);
    struct json_value *task = json_value_parse(str_of(text), NULL);
    struct json_value *nodes = json_value_parse(STR("[{\"ID\":\"n0\",\"Status\":{\"Addr\":\"10.0.0.1\"}},{"
                                                    "\"ID\":\"n1\",\"Status\":{\"Addr\":\"0.0.0.0\"},"
                                                    "\"ManagerStatus\":{\"Addr\":\"10.0.0.2:2377\"}}]"),
                                                NULL);
    assert_non_null(task);
    assert_non_null(nodes);
    assert_true(swarm_read_task(task, nodes, c, &instance));
    json_value_free(task);
    json_value_free(nodes);
    return instance;
}

static const char *address_of(const struct instance *i)
{
    static char text[ADDR_TEXT_BYTES];
    return i->has_address ? addr_format(text, &i->address) : "";
}

static void a_task_is_where_its_node_or_its_network_is(void **state)
{
    struct instance i = read_task(
        "{\"State\":\"running\",\"Message\":\"started\",\"PortStatus\":{\"Ports\":[{\"TargetPort\":9000,"
        "\"PublishedPort\":1,\"PublishMode\":\"host\"},{\"TargetPort\":8000,\"PublishedPort\":32768,"
        "\"PublishMode\":\"host\"}]}}",
        "running", "", &published);
    assert_string_equal(i.id, "t1");
    assert_string_equal(i.key, "");
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_string_equal(address_of(&i), "10.0.0.2:32768");
    assert_true(i.started_ns == INT64_C(1795701370) * NS_PER_S);
    const char *attachments =
        "{\"Network\":{\"Spec\":{\"Name\":\"ingress\",\"Ingress\":true}},\"Addresses\":[\"10.0.0.9/24\"]},"
        "{\"Network\":{\"Spec\":{\"Name\":\"shop\"}},\"Addresses\":[\"10.0.1.5/24\"]}";
    i = read_task("{\"State\":\"running\"}", "running", attachments, &direct);
    assert_string_equal(address_of(&i), "10.0.1.5:8000");
    struct config_container any = direct;
    any.networks.count = 0;
    i = read_task("{\"State\":\"running\"}", "running", attachments, &any);
    assert_string_equal(address_of(&i), "10.0.1.5:8000");
}

static void states_are_told_apart(void **state)
{
    static const struct {
        const char *status, *desired;
        enum instance_state state;
        const char *detail;
    } cases[] = {
        {"{\"State\":\"pending\",\"Err\":\"no suitable node (1 node not available)\"}", "running",
         INSTANCE_PENDING, "no suitable node (1 node not available)"},
        {"{\"State\":\"ready\",\"Message\":\"\"}", "ready", INSTANCE_PENDING, ""},
        {"{\"State\":\"running\",\"Message\":\"started\"}", "shutdown", INSTANCE_STOPPING, "started"},
        {"{\"State\":\"starting\"}", "remove", INSTANCE_STOPPING, ""},
        {"{\"State\":\"failed\",\"Err\":\"task: non-zero exit (3)\",\"ContainerStatus\":{\"ExitCode\":3}}",
         "shutdown", INSTANCE_ENDED, "exit status 3: task: non-zero exit (3)"},
        {"{\"State\":\"rejected\",\"Err\":\"No such image: nope:1\"}", "shutdown", INSTANCE_ENDED,
         "No such image: nope:1"},
        {"{\"State\":\"shutdown\",\"Message\":\"shutdown\"}", "shutdown", INSTANCE_ENDED, "shutdown"},
    };
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        struct instance i = read_task(cases[k].status, cases[k].desired, "", &published);
        assert_int_equal(i.state, cases[k].state);
        assert_string_equal(i.detail, cases[k].detail);
        assert_string_equal(address_of(&i), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_is_asked_for),
        cmocka_unit_test(a_service_that_can_not_work_is_refused),
        cmocka_unit_test(an_update_that_goes_on_is_seen),
        cmocka_unit_test(a_task_is_where_its_node_or_its_network_is),
        cmocka_unit_test(states_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
