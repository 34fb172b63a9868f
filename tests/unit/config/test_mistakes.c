/*
 * The golden cases of mistakes.txt, byte for byte, and the mistakes that a text file cannot hold.
 * WRITE_MISTAKES=1 writes the file anew with what is said now: then read the difference with care.
 */
#include "base/buf.h"
#include "base/macros.h"
#include "config/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char golden_path[] = SOURCE_ROOT "/tests/unit/config/mistakes.txt";

static struct buf read_file(const char *path)
{
    struct buf b = {0};
    char chunk[4096];
    size_t n;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_put(&b, str_n(chunk, n));
    fclose(file);
    return b;
}

/* What weir says about a text; every case is a mistake or at least a warning. */
static struct buf told_about(struct str text)
{
    struct buf told = {0};
    struct diagnostics d;
    struct config *c = config_read("weir.yaml", text, &d);
    assert_true((c == NULL) == (d.error_count > 0));
    diagnostics_print(&d, false, &told);
    config_free(c);
    diagnostics_fini(&d);
    return told;
}

/* The next piece up to the separator, which is skipped. */
static struct str take_until(struct str *rest, const char *separator)
{
    const char *at = memmem(rest->ptr, rest->len, separator, strlen(separator));
    if (!at)
        fail_msg("mistakes.txt: '%s' is missing", separator);
    struct str piece = str_n(rest->ptr, (size_t)(at - rest->ptr));
    *rest = str_n(at + strlen(separator), rest->len - piece.len - strlen(separator));
    return piece;
}

static void golden_cases(void **state)
{
    struct buf file = read_file(golden_path), written = {0};
    struct str rest = buf_str(&file);
    size_t count = 0, wrong_count = 0;
    buf_put(&written, take_until(&rest, "\n=== "));
    while (rest.len) {
        struct str title = take_until(&rest, "\n");
        struct str yaml = str_n(rest.ptr, 0);
        if (!str_starts_with(rest, STR("-----\n")))
            yaml = take_until(&rest, "\n-----\n"), yaml.len++;
        else
            (void)take_until(&rest, "-----\n");
        const char *next = memmem(rest.ptr, rest.len, "\n=== ", 5);
        struct str expected = next ? str_n(rest.ptr, (size_t)(next - rest.ptr)) : rest;
        rest = next ? str_n(next + 5, rest.len - expected.len - 5) : str_n(rest.ptr, 0);
        struct buf told = told_about(yaml);
        buf_printf(&written, "\n=== %.*s\n%.*s-----\n%s", STR_ARG(title), STR_ARG(yaml),
                   told.ptr ? told.ptr : "");
        if (!str_eq(buf_str(&told), expected)) {
            print_error("%.*s\nwas told as:\n%s\nand not as:\n%.*s\n", STR_ARG(title),
                        told.ptr ? told.ptr : "(nothing)\n", STR_ARG(expected));
            wrong_count++;
        }
        buf_fini(&told);
        count++;
    }
    if (getenv("WRITE_MISTAKES")) {
        FILE *out = fopen(golden_path, "w");
        assert_non_null(out);
        fwrite(written.ptr, 1, written.len, out);
        fclose(out);
        wrong_count = 0;
    }
    buf_fini(&file);
    buf_fini(&written);
    assert_true(count >= 140);
    assert_int_equal(wrong_count, 0);
}

static void expect(struct str text, const char *expected)
{
    struct buf told = told_about(text);
    assert_string_equal(told.ptr ? told.ptr : "", expected);
    buf_fini(&told);
}

static void bytes_that_are_no_text(void **state)
{
    expect(str_n("user: a\0b\n", 10), "weir.yaml:1:8: a control character\n"
                                      "    1 | user: a?b\n"
                                      "      |        ^ leave it out, or write it as \"\\x1b\"\n");
    expect(STR("user: a\xff\xfe\n"), "weir.yaml:1:8: this is no UTF-8 text: invalid leading UTF-8 octet\n"
                                     "    1 | user: a??\n"
                                     "      |        ^\n");
    expect(STR("user: \"a\\0b\"\nservices: {a: {servers: \"1.1.1.1:1\"}}\n"),
           "weir.yaml:1:7: 'user' takes a word\n"
           "    1 | user: \"a\\0b\"\n"
           "      |       ^^^^^^ a word without blanks\n");
}

static void utf16_is_refused(void **state)
{
    struct buf told = told_about(str_n("\xff\xfe"
                                       "u\0:\0",
                                       6));
    assert_non_null(strstr(told.ptr, "no UTF-8 text"));
    buf_fini(&told);
}

static void line_ends_of_windows_do_not_disturb(void **state)
{
    expect(STR("workers: 0\r\nservices:\r\n  a: {servers: \"1.1.1.1:1\"}\r\n"),
           "weir.yaml:1:10: 'workers' is out of range\n"
           "    1 | workers: 0\n"
           "      |          ^ from 1 to 64\n");
}

static void a_byte_order_mark_is_skipped(void **state)
{
    expect(STR("\xEF\xBB\xBFworkers: 0\nservices:\n  a: {servers: \"1.1.1.1:1\"}\n"),
           "weir.yaml:1:10: 'workers' is out of range\n"
           "    1 | workers: 0\n"
           "      |          ^ from 1 to 64\n");
}

static void too_deep(void **state)
{
    struct buf text = {0};
    for (int i = 0; i < 100000; i++)
        buf_put_char(&text, '[');
    struct buf told = told_about(buf_str(&text));
    assert_non_null(strstr(told.ptr, "weir.yaml:1:13: more than 12 levels inside each other\n"));
    buf_fini(&told);
    buf_fini(&text);
}

static void too_large(void **state)
{
    struct buf text = {0};
    for (int i = 0; i <= CONFIG_TEXT_BYTES_MAX; i++)
        buf_put_char(&text, '\n');
    expect(buf_str(&text), "weir.yaml: larger than 6144 KiB: this is no configuration\n");
    buf_fini(&text);
}

static void too_many_entries(void **state)
{
    struct buf text = {0};
    buf_put(&text, STR("services:\n  a:\n    servers: 10.0.0.1:80\n    paths:\n"));
    for (int i = 0; i < 3000; i++)
        buf_printf(&text, "      - /%d\n", i);
    expect(buf_str(&text), "weir.yaml:1029:9: more than 1024 entries in one list\n"
                           " 1029 |       - /1024\n"
                           "      |         ^^^^^\n");
    buf_fini(&text);
}

static void too_many_services(void **state)
{
    struct buf text = {0};
    buf_put(&text, STR("services:\n"));
    for (int i = 0; i < CONFIG_SERVICES_MAX + 1; i++)
        buf_printf(&text, "  s%d: {hosts: h%d, servers: 10.0.0.1:80}\n", i, i);
    expect(buf_str(&text), "weir.yaml:1:1: 'services' has 257 entries; at most 256 are allowed\n"
                           "    1 | services:\n"
                           "      | ^^^^^^^^\n");
    buf_fini(&text);
}

static void too_many_routes(void **state)
{
    struct buf text = {0};
    buf_put(&text, STR("services:\n  a:\n    servers: 10.0.0.1:80\n    hosts:\n"));
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "      - h%d\n", i);
    buf_put(&text, STR("    paths:\n"));
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "      - /%d\n", i);
    expect(buf_str(&text),
           "weir.yaml:1:1: more than 16384 routes\n"
           "    1 | services:\n"
           "      | ^^^^^^^^ each host of a service with each of its paths is one: 1000000 in all\n");
    buf_fini(&text);
}

static void more_messages_than_anybody_reads_are_counted(void **state)
{
    struct buf text = {0};
    for (int i = 0; i < 500; i++)
        buf_printf(&text, "zz%d: 1\n", i);
    struct buf told = told_about(buf_str(&text));
    assert_true(str_ends_with(buf_str(&told), STR("weir.yaml: and 301 more\n")));
    buf_fini(&told);
    buf_fini(&text);
}

static void a_long_line_is_cut_around_the_place(void **state)
{
    struct buf text = {0};
    buf_put(&text, STR("services: {a: {hosts: ["));
    for (int i = 0; i < 50; i++)
        buf_printf(&text, "host-number-%d, ", i);
    buf_put(&text, STR("\"b b\", last-host], servers: 10.0.0.1:80}} # and a comment that is much too long to "
                       "be shown as a "
                       "whole, because it goes on and on\n"));
    expect(buf_str(&text), "weir.yaml:1:814: 'hosts' takes a host name\n"
                           "    1 | ...-number-46, host-number-47, host-number-48, host-number-49, \"b b\", "
                           "last-host], servers: "
                           "10.0.0.1:80}} # and a comment that is much too lo...\n"
                           "      |                                                                ^^^^^ "
                           "such as shop.example.com; names "
                           "beyond ASCII in their xn-- form\n");
    buf_fini(&text);
}

static void colours_are_only_around_the_words(void **state)
{
    struct diagnostics d;
    struct buf told = {0};
    struct config *c =
        config_read("weir.yaml", STR("workers: 0\nservices: {a: {servers: \"1.1.1.1:1\"}}\n"), &d);
    diagnostics_print(&d, true, &told);
    assert_null(c);
    assert_string_equal(told.ptr, "\033[1mweir.yaml:1:10:\033[0m 'workers' is out of range\n"
                                  "    1 | workers: 0\n"
                                  "      |          \033[1;31m^\033[0m from 1 to 64\n");
    diagnostics_fini(&d);
    buf_fini(&told);
}

static void a_file_that_cannot_be_read(void **state)
{
    struct diagnostics d;
    struct buf told = {0};
    assert_null(config_load("/nonexistent/weir.yaml", &d));
    diagnostics_print(&d, false, &told);
    assert_string_equal(told.ptr, "/nonexistent/weir.yaml: cannot be read: No such file or directory\n");
    diagnostics_fini(&d);
    buf_clear(&told);
    assert_null(config_load("/", &d));
    diagnostics_print(&d, false, &told);
    assert_string_equal(told.ptr, "/: cannot be read: Is a directory\n");
    diagnostics_fini(&d);
    buf_clear(&told);
    assert_null(config_load("/dev/zero", &d));
    diagnostics_print(&d, false, &told);
    assert_string_equal(told.ptr, "/dev/zero: larger than 1024 KiB: this is no configuration\n");
    diagnostics_fini(&d);
    buf_fini(&told);
}

/* Files that hold secrets: what everybody may read is refused, but warned of where it was borne before. */
static void secrets_that_everybody_can_read(void **state)
{
    char path[] = "/tmp/weir-secret-XXXXXX", text[256];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const struct {
        const char *sink;
        mode_t mode;
        size_t errors, warnings;
    } rows[] = {
        {"webhook: {url_file: %s}", 0644, 1, 0},
        {"webhook: {url_file: %s}", 0640, 0, 0},
        {"webhook: {url_env: HOOK, bearer_token_file: %s}", 0604, 0, 1},
        {"alertmanager: {urls: \"http://a.test\", bearer_token_file: %s}", 0604, 1, 0},
        {"alertmanager: {urls: \"http://a.test\", bearer_token_file: %s}", 0400, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct diagnostics d;
        CLEANUP(buf_fini) struct buf sink = {0};
        const char *at = strchr(rows[i].sink, '%');
        buf_printf(&sink, "%.*s%s%s", (int)(at - rows[i].sink), rows[i].sink, path, at + 2);
        snprintf(text, sizeof(text), "notify:\n  - %s\nservices: {a: {servers: [127.0.0.1:1]}}\n", sink.ptr);
        assert_int_equal(fchmod(fd, rows[i].mode), 0);
        config_free(config_read("weir.yaml", str_of(text), &d));
        assert_int_equal(d.error_count, rows[i].errors);
        assert_int_equal(d.warning_count, rows[i].warnings);
        if (d.count)
            assert_non_null(strstr(d.items[0].text.ptr, "everybody on this host can read this secret"));
        diagnostics_fini(&d);
    }
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_cases),
        cmocka_unit_test(secrets_that_everybody_can_read),
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(utf16_is_refused),
        cmocka_unit_test(line_ends_of_windows_do_not_disturb),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(too_deep),
        cmocka_unit_test(too_large),
        cmocka_unit_test(too_many_entries),
        cmocka_unit_test(too_many_services),
        cmocka_unit_test(too_many_routes),
        cmocka_unit_test(more_messages_than_anybody_reads_are_counted),
        cmocka_unit_test(a_long_line_is_cut_around_the_place),
        cmocka_unit_test(colours_are_only_around_the_words),
        cmocka_unit_test(a_file_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
