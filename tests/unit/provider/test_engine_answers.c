/* What a plug-in and a scaling API answer: what is taken for a server, and what makes the whole a failure. */
#include "provider/docker.h"
#include "provider/exec_answer.h"
#include "provider/http_list.h"
#include "provider/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct str running[] = {{"running", 7}};

static const struct config_http api = {.endpoint = STR("http://api.internal/v1/"),
                                       .list = {.items = STR("/items"),
                                                .id = STR("/id"),
                                                .address = STR("/ip"),
                                                .port = STR("/port"),
                                                .state = STR("/state"),
                                                .next = STR("/next"),
                                                .running = {1, running}}};

/* Of a page: the address of its only server, "none", or why the page is a failure. */
static const char *address_on(const char *page)
{
    static char text[PROVIDER_TEXT_BYTES];
    struct instance_list list = {0};
    struct driver_failure f = {0};
    struct buf url = {0};
    bool is_last;
    bool ok = http_read_page(&api, str_of(page), &list, &url, &is_last, &f);
    (void)str_copy(text, sizeof(text), str_of(ok ? "none" : f.text));
    if (ok && list.count == 1 && list.items[0].has_address)
        (void)addr_format(text, &list.items[0].address);
    free(list.items);
    buf_fini(&url);
    return text;
}

static void an_api_tells_addresses_in_many_ways(void **state)
{
    static const struct {
        const char *page, *address;
    } cases[] = {
        {"{\"items\":[{\"id\":1,\"state\":\"running\",\"ip\":\"10.0.0.1\",\"port\":80}]}", "10.0.0.1:80"},
        {"{\"items\":[{\"id\":\"a\",\"state\":\"running\",\"ip\":\"fd00::1\",\"port\":\"80\"}]}",
         "[fd00::1]:80"},
        {"{\"items\":[{\"id\":\"a\",\"state\":\"running\",\"ip\":\"10.0.0.1:81\",\"port\":80}]}",
         "10.0.0.1:81"},
        {"{\"items\":[{\"id\":\"a\",\"state\":\"running\",\"ip\":null,\"port\":80}]}", "none"},
        {"{\"items\":[{\"id\":\"a\",\"state\":\"running\",\"ip\":\"10.0.0.1\",\"port\":0}]}",
         "list: the address '10.0.0.1' of server a: a port is a number from 1 to 65535"},
        {"{\"items\":[{\"id\":\"a\",\"state\":\"running\",\"ip\":\"10.0.0.1:0\"}]}",
         "list: the address '10.0.0.1:0' of server a: it has no port"},
        {"{\"items\":[{\"id\":\"a\",\"state\":\"running\",\"ip\":\"10.0.0.1\"}]}",
         "list: the address '10.0.0.1' of server a: an address needs a port, such as 127.0.0.1:8080 or "
         ":8080"},
        {"{\"items\":[{\"id\":\"a\",\"state\":\"odd\"}]}",
         "list: the state 'odd' of server a is in none of `pending`, `running`, `stopping` and `ended`"},
        {"{\"items\":[{\"state\":\"running\"}]}", "list: a server has no id at /id"},
        {"{\"servers\":[]}", "list: there is no array at /items"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(address_on(cases[i].page), cases[i].address);
}

static void the_next_page_is_below_the_endpoint(void **state)
{
    static const struct {
        const char *next, *url; /* NULL: refused; "": there is none */
    } cases[] = {
        {"", ""},
        {"/servers?page=2", "http://api.internal/v1/servers?page=2"},
        {"//else.example/", "http://api.internal/v1//else.example/"},
        {"http://api.internal/v1/servers?page=2", "http://api.internal/v1/servers?page=2"},
        {"http://api.internal/v1?page=2", "http://api.internal/v1?page=2"},
        {"http://api.internal/v1.else.example/", NULL},
        {"http://api.internal/", NULL},
        {"https://api.internal/v1/", NULL},
        {"@else.example", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char page[256];
        struct instance_list list = {0};
        struct driver_failure f = {0};
        struct buf url = {0};
        bool is_last;
        snprintf(page, sizeof(page), "{\"items\":[],\"next\":\"%s\"}", cases[i].next);
        bool ok = http_read_page(&api, str_of(page), &list, &url, &is_last, &f);
        assert_int_equal(ok, cases[i].url != NULL);
        if (ok && cases[i].url[0])
            assert_string_equal(buf_str(&url).ptr, cases[i].url);
        assert_true(!ok || is_last == (cases[i].url[0] == '\0'));
        buf_fini(&url);
    }
}

/* The words of the failure; "" when the answer is good. */
static const char *refusal_of(const char *text, struct instance_list *ret_list)
{
    static struct driver_failure f;
    struct json_value *answer;
    f = (struct driver_failure){0};
    if (!exec_answer_read(str_of(text), 7, &answer, &f))
        return f.text;
    (void)exec_answer_instances(json_value_get(answer, "instances"), ret_list, &f);
    json_value_free(answer);
    return f.text;
}

static void a_plugin_answers_what_was_asked(void **state)
{
    static const struct {
        const char *text, *refusal;
    } cases[] = {
        {"{\"ok\":true,\"instances\":[]}", ""},
        {"{\"ok\":true,\"id\":6,\"instances\":[]}",
         "the plug-in's answer is no object with `ok` and the `id` that was asked"},
        {"{\"id\":7,\"ok\":false,\"error\":\"no\\nroom\"}", "no room"},
        {"{\"ok\":true}", "the plug-in's list has no array `instances`"},
        {"{\"ok\":true,\"instances\":[{\"id\":\"a\"},{\"id\":\"a\"}]}", "the plug-in lists server a twice"},
        {"{\"ok\":true,\"instances\":[{\"id\":\"a\",\"state\":\"odd\"}]}",
         "server a: the state 'odd' is none of pending, running, stopping, ended"},
        {"{\"ok\":true,\"instances\":[{\"id\":\"a\",\"address\":\"10.0.0.1:0\"}]}",
         "server a: the address '10.0.0.1:0': it has no port"},
        {"{\"ok\":true,\"instances\":[{\"id\":\"a\",\"pid\":-1}]}", "server a: its `pid` is no process"},
        {"{\"ok\":true,\"instances\":[{\"id\":\"a\",\"price\":1e300}]}", "server a: its `price` is none"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct instance_list list = {0};
        assert_string_equal(refusal_of(cases[i].text, &list), cases[i].refusal);
        free(list.items);
    }
}

/* Whose server it is must not be a guess: it would be stopped some day. */
static void a_plugin_lists_servers_of_the_service_alone(void **state)
{
    static const struct {
        const char *key;
        bool is_good;
    } cases[] = {{"shop/shop-1", true}, {"shop/x", true},   {"", false},       {"shop", false},
                 {"shop/", false},      {"shop2/a", false}, {"blog/a", false}, {"xshop/a", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct instance items[2] = {{.id = "one", .key = "shop/shop-9"}, {.id = "two"}};
        struct driver_failure f = {0};
        (void)str_copy(items[1].key, sizeof(items[1].key), str_of(cases[i].key));
        assert_int_equal(exec_answer_has_keys(&(struct instance_list){2, items}, STR("shop"), &f),
                         cases[i].is_good);
        assert_true(cases[i].is_good || f.fault == DRIVER_FAULT_CONFIGURATION);
        assert_true(cases[i].is_good || strstr(f.text, "lists server two with the key '"));
    }
}

static void what_a_plugin_says_of_a_server_is_one_line(void **state)
{
    struct instance_list list = {0};
    assert_string_equal(
        refusal_of("{\"ok\":true,\"instances\":[{\"id\":\"a\",\"started\":1795702400.5,\"detail\":"
                   "\"two\\nlines\\u001b[2J\"}]}",
                   &list),
        "");
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].detail, "two lines [2J");
    assert_true(list.items[0].started_ns == INT64_C(1795702400500000000));
    free(list.items);
}

/* Nanoseconds of an int64_t end in the year 2262. */
static void a_time_that_no_clock_shows_is_not_told(void **state)
{
    const struct config_container c = {.port = 80, .reach = CONTAINER_DIRECT, .publish = STR("")};
    struct json_value *item = json_value_parse(STR("{\"Id\":\"a\",\"Created\":9223372036854775807}"), NULL);
    struct json_value *task =
        json_value_parse(STR("{\"ID\":\"a\",\"CreatedAt\":\"9999-12-31T23:59:59Z\"}"), NULL);
    struct instance i;
    assert_true(docker_read_item(item, &c, 0, &i));
    assert_true(i.started_ns == 0);
    assert_true(swarm_read_task(task, NULL, &c, &i));
    assert_true(i.started_ns == 0);
    json_value_free(item);
    json_value_free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_api_tells_addresses_in_many_ways),
        cmocka_unit_test(the_next_page_is_below_the_endpoint),
        cmocka_unit_test(a_plugin_answers_what_was_asked),
        cmocka_unit_test(a_plugin_lists_servers_of_the_service_alone),
        cmocka_unit_test(what_a_plugin_says_of_a_server_is_one_line),
        cmocka_unit_test(a_time_that_no_clock_shows_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
