/*
 * With -c the file's sinks are told by this process: what is done is above this room. Without, the running
 * Weir tells them, with the user, the environment and the configuration that real alerts are told with, and
 * is asked for the result until it is there.
 */
#include "cli/notify.h"

#include "base/clock.h"
#include "base/percent.h"
#include "cli/client.h"
#include "config/reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS              (200 * NS_PER_MS)
#define SPARE_NS             (25 * NS_PER_S) /* beside two tries that time out */
#define TRY_S_MAX            600
#define TRY_S_OF_AN_OLD_WEIR 10 /* which does not tell it */

static int test_by_file(const struct command_line *line, const char *path, const char *name)
{
    struct diagnostics d;
    CLEANUP(buf_fini) struct buf messages = {0};
    struct config *c = config_load(path, &d);
    diagnostics_print(&d, isatty(STDERR_FILENO) && !getenv("NO_COLOR"), &messages);
    fwrite(messages.ptr ? messages.ptr : "", 1, messages.len, stderr);
    bool is_good = c && line->hooks->try_sinks(c->notify, c->notify_count, name);
    config_free(c);
    diagnostics_fini(&d);
    return is_good ? CLI_OK : CLI_FAILED;
}

static void sleep_ns(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    nanosleep(&t, NULL);
}

static int print_test(const struct json_value *test)
{
    const struct json_value *lines = json_value_get(test, "lines");
    for (size_t i = 0; i < json_value_count(lines); i++)
        printf("%s\n", json_value_text_at(lines, i).ptr);
    return json_value_bool(test, "is_delivered", false) ? CLI_OK : CLI_FAILED;
}

static int64_t wait_of(const struct json_value *test)
{
    double try_s = json_value_double(test, "timeout_seconds", TRY_S_OF_AN_OLD_WEIR);
    return SPARE_NS + (int64_t)(2 * fmin(fmax(try_s, 0), TRY_S_MAX) * 1e9);
}

static int test_running(const struct command_line *line, const char *name)
{
    CLEANUP(buf_fini) struct buf path = {0};
    struct json_value *answer;
    int64_t began_ns = clock_now_ns();
    buf_put(&path, STR("/api/v1/sinks/"));
    percent_put(&path, str_of(name));
    buf_put(&path, STR("/test"));
    int status = client_call(line, "POST", path.ptr, STR(""), &answer, NULL);
    while (status == CLI_OK) {
        const struct json_value *test = json_value_get(answer, "test");
        bool is_done = json_value_bool(test, "is_done", true);
        int64_t wait_ns = wait_of(test);
        if (is_done)
            status = print_test(test);
        json_value_free(answer);
        if (is_done)
            return status;
        if (clock_now_ns() - began_ns > wait_ns) {
            fputs("weir notify: the test takes too long; `weir notify test -c FILE` shows more\n", stderr);
            return CLI_FAILED;
        }
        sleep_ns(LOOK_NS);
        status = client_call(line, "GET", "/api/v1/sinks", STR(""), &answer, NULL);
    }
    return status;
}

static int test_all_running(const struct command_line *line)
{
    struct json_value *answer;
    int status = client_call(line, "GET", "/api/v1/sinks", STR(""), &answer, NULL);
    if (status != CLI_OK)
        return status;
    const struct json_value *sinks = json_value_get(answer, "sinks");
    if (json_value_count(sinks) == 0) {
        fputs("weir notify: the running Weir has no sink but the log\n", stderr);
        status = CLI_FAILED;
    }
    for (size_t i = 0; i < json_value_count(sinks); i++) {
        int one = test_running(line, json_value_text(json_value_at(sinks, i), "name", ""));
        status = one == CLI_OK ? status : one;
    }
    json_value_free(answer);
    return status;
}

int notify_command(const struct command_line *line)
{
    const char *path = command_line_value(line, "--config");
    const char *name = line->operand_count > 1 ? line->operands[1] : NULL;
    if (strcmp(line->operands[0], "test") != 0) {
        fputs("usage: weir notify test [SINK] [-c FILE]\n", stderr);
        return CLI_USAGE;
    }
    if (path)
        return test_by_file(line, path, name);
    return name ? test_running(line, name) : test_all_running(line);
}
