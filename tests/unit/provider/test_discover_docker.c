/* What an engine's list of containers says about servers. */
#include "provider/discover_docker.h"

#include "base/buf.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* JSON with ' for ". The addresses with a blank behind each, then what cannot be used. */
static void check(const char *text, const char *network, const char *expected)
{
    struct buf json = {0}, out = {0};
    struct discover_containers found;
    struct err err;
    for (; *text; text++)
        buf_put_char(&json, *text == '\'' ? '"' : *text);
    struct json_value *items = json_value_parse(buf_str(&json), &err);
    if (!items)
        fail_msg("%s", err.text);
    if (!discover_read_containers(items, network, &found)) {
        assert_null(expected);
    } else {
        char address[ADDR_TEXT_BYTES];
        for (uint32_t i = 0; i < found.count; i++)
            buf_printf(&out, "%s ", addr_format(address, &found.addresses[i]));
        if (found.unusable)
            buf_printf(&out, "(%u: %s)", found.unusable, found.why);
        assert_non_null(expected);
        assert_string_equal(out.ptr ? out.ptr : "", expected);
        free(found.addresses);
    }
    json_value_free(items);
    buf_fini(&json);
    buf_fini(&out);
}

#define NETWORKS(inner) "'NetworkSettings': {'Networks': {" inner "}}"
#define ITEM(labels, networks)                                                                               \
    "{'Id': '0123456789abcdef', 'State': 'running', 'Labels': {" labels "}, " NETWORKS(networks) "}"
#define PORT "'weir.port': '8000'"

static void lists(void **state)
{
    static const struct {
        const char *text, *network, *expected;
    } rows[] = {
        {"[]", "", ""},
        {"{}", "", NULL},
        {"[" ITEM(PORT, "'bridge': {'IPAddress': '172.17.0.2'}") "]", "", "172.17.0.2:8000 "},
        {"[" ITEM("'weir.owner': 'weir'", "'bridge': {'IPAddress': '172.17.0.3'}") ", " ITEM(
             PORT, "'bridge': {'IPAddress': '172.17.0.2'}") "]",
         "", "172.17.0.2:8000 "},
        {"[" ITEM(PORT, "'none': {'IPAddress': ''}, 'b': {'IPAddress': '10.0.0.2'}") "]", "",
         "10.0.0.2:8000 "},
        {"[" ITEM(PORT, "'six': {'IPAddress': '', 'GlobalIPv6Address': '2001:db8::2'}") "]", "",
         "[2001:db8::2]:8000 "},
        {"[" ITEM(PORT, "'a': {'IPAddress': '10.0.0.2'}, 'b': {'IPAddress': '10.1.0.2'}") "]", "b",
         "10.1.0.2:8000 "},
        {"[" ITEM(PORT ", 'weir.network': 'a'",
                  "'a': {'IPAddress': '10.0.0.2'}, 'b': {'IPAddress': '10.1.0.2'}") "]",
         "b", "10.0.0.2:8000 "},
        {"[" ITEM(PORT, "'host': {'IPAddress': ''}") "]", "", "127.0.0.1:8000 "},
        {"[" ITEM(PORT, "'a': {'IPAddress': '10.0.0.2'}") "]", "b",
         "(1: 0123456789ab: it has no address on its network)"},
        {"[" ITEM("", "'a': {'IPAddress': '10.0.0.2'}") "]", "",
         "(1: 0123456789ab: it has no label weir.port)"},
        {"[" ITEM("'weir.port': '0'", "'a': {'IPAddress': '10.0.0.2'}") ", 7]", "",
         "(1: 0123456789ab: its label weir.port is no port)"},
        {"[{'Id': 'x', 'State': 'exited', 'Labels': {" PORT "}}]", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i].text, rows[i].network, rows[i].expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
