/* Texts that list servers: what is taken, and what is said about what is not. */
#include "provider/address_list.h"

#include "base/buf.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* The addresses with a blank behind each. */
static void check_list(const char *text, const char *expected)
{
    struct address_list list;
    struct err err = {0};
    struct buf out = {0};
    uint32_t line;
    if (!address_list_parse(str_of(text), &list, &line, &err))
        fail_msg("%s: line %u: %s", text, line, err.text);
    for (uint32_t i = 0; i < list.count; i++) {
        char address[ADDR_TEXT_BYTES];
        buf_printf(&out, "%s ", addr_format(address, &list.addresses[i]));
    }
    assert_string_equal(out.ptr ? out.ptr : "", expected);
    buf_fini(&out);
    address_list_fini(&list);
}

static void lines_and_json(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"10.0.0.1:8000\n10.0.0.2:8000\n", "10.0.0.1:8000 10.0.0.2:8000 "},
        {"10.0.0.1:8000", "10.0.0.1:8000 "},
        {"# shop\n\n  10.0.0.1:8000  # the old one\n#10.0.0.2:8000\n\t\n", "10.0.0.1:8000 "},
        {"10.0.0.1:8000\r\n10.0.0.2:8000\r\n", "10.0.0.1:8000 10.0.0.2:8000 "},
        {"\xEF\xBB\xBF"
         "10.0.0.1:8000\n",
         "10.0.0.1:8000 "},
        {"[::1]:8000\n[2001:db8::1]:80\n", "[::1]:8000 [2001:db8::1]:80 "},
        {"localhost:8000\nunix:/run/shop.sock\n", "127.0.0.1:8000 unix:/run/shop.sock "},
        {"10.0.0.1:80\n10.0.0.1:80\n", "10.0.0.1:80 10.0.0.1:80 "}, /* once is for others to say */
        {"", ""},
        {"# none\n", ""},
        {"[]", ""},
        {" [ \n ] \n", ""},
        {"[\"10.0.0.1:8000\", \"[::1]:80\"]", "10.0.0.1:8000 [::1]:80 "},
        {"\n[\n  \"10.0.0.1:8000\"\n]\n", "10.0.0.1:8000 "},
        {"[{\"targets\": [\"10.0.0.1:8000\", \"10.0.0.2:8000\"], \"labels\": {\"job\": \"shop\"}}, "
         "{\"targets\": []}]",
         "10.0.0.1:8000 10.0.0.2:8000 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_list(rows[i].text, rows[i].expected);
}

static void mistakes_have_their_line(void **state)
{
    static const struct {
        const char *text;
        uint32_t line;
        const char *problem;
    } rows[] = {
        {"10.0.0.1\n", 1, "'10.0.0.1': an address needs a port, such as 127.0.0.1:8080 or :8080"},
        {"# a\n10.0.0.1:80\n10.0.0.2:80 10.0.0.3:80\n", 3, "'10.0.0.2:80 10.0.0.3:80': one address a line"},
        {"10.0.0.1:80,10.0.0.2:80\n", 1, "'10.0.0.1:80,10.0.0.2:80': one address a line"},
        {"shop.internal:80\n", 1,
         "'shop.internal:80': an address is a number and a port, such as 10.0.0.1:8000; names are looked up "
         "with "
         "'discover: {dns: NAME}'"},
        {"\n:80\n", 2, "':80': a server's address needs a host, such as 10.0.0.1:8000"},
        {"[::]:80\n", 1, "'[::]:80': a server's address needs a host, such as 10.0.0.1:8000"},
        {"10.0.0.1:0\n", 1, "'10.0.0.1:0': a port is a number from 1 to 65535"},
        {"10.0.0.1:\n", 1, "'10.0.0.1:': a port is a number from 1 to 65535"},
        {"10.0.0.1:80\n\x1b[31mred\n", 2, "'?[31mred': a control character or '#' is in it"},
        {"[\"unix:/run/a#b\"]", 1, "'unix:/run/a#b': a control character or '#' is in it"},
        {"unix:run/shop\n", 1,
         "'unix:run/shop': the path of a unix socket begins with /, such as unix:/run/app.sock"},
        {"[\"10.0.0.1:80\",\n\"10.0.0.2\"]", 2,
         "'10.0.0.2': an address needs a port, such as 127.0.0.1:8080 or :8080"},
        {"[\"10.0.0.1:80\", 7]", 0, "item 2 is no text: addresses are written \"10.0.0.1:8000\""},
        {"[{\"labels\": {}}]", 0, "item 1 is neither an address nor {\"targets\": [\"10.0.0.1:8000\"]}"},
        {"[{\"targets\": [\"10.0.0.1:80\"]}, \"10.0.0.2:80\"]", 0,
         "item 2 is neither an address nor {\"targets\": [\"10.0.0.1:8000\"]}"},
        {"[\n\"10.0.0.1:80\"\n", 3, "']' expected near end of file"},
        {"{\"targets\": []}", 1, "'{\"targets\": []}': one address a line"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address_list list;
        struct err err = {0};
        uint32_t line;
        if (address_list_parse(str_of(rows[i].text), &list, &line, &err))
            fail_msg("taken: %s", rows[i].text);
        assert_string_equal(err.text, rows[i].problem);
        assert_int_equal(line, rows[i].line);
    }
}

static void whether_it_is_whole_and_meant(void **state)
{
    static const struct {
        const char *text;
        bool is_stated, is_cut;
    } rows[] = {
        {"10.0.0.1:80\n", false, false},
        {"10.0.0.1:8", false, true},
        {"", false, false},
        {"[]", true, false},
        {"[\"10.0.0.1:80\"]", true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address_list list;
        uint32_t line;
        assert_true(address_list_parse(str_of(rows[i].text), &list, &line, NULL));
        assert_int_equal(list.is_stated, rows[i].is_stated);
        assert_int_equal(list.is_cut, rows[i].is_cut);
        address_list_fini(&list);
    }
}

static void limits(void **state)
{
    struct buf text = {0};
    struct address_list list;
    struct err err;
    uint32_t line;
    for (int i = 0; i < ADDRESS_LIST_MAX; i++)
        buf_printf(&text, "10.%d.%d.1:80\n", i / 256, i % 256);
    assert_true(address_list_parse(buf_str(&text), &list, &line, &err));
    assert_int_equal(list.count, ADDRESS_LIST_MAX);
    address_list_fini(&list);
    buf_put(&text, STR("11.0.0.1:80\n"));
    assert_false(address_list_parse(buf_str(&text), &list, &line, &err));
    assert_string_equal(err.text, "more than 16384 addresses");
    while (text.len <= ADDRESS_LIST_BYTES_MAX)
        buf_put(&text,
                STR("# a comment that is rather long, so that the text is soon too long ............\n"));
    assert_false(address_list_parse(buf_str(&text), &list, &line, &err));
    assert_string_equal(err.text, "longer than 1024 KiB: this is no list of addresses");
    assert_int_equal(line, 0);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_json),
        cmocka_unit_test(mistakes_have_their_line),
        cmocka_unit_test(whether_it_is_whole_and_meant),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
