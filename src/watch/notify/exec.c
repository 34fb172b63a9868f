/*
 * exec.c: alerts to a program of the user's: on its standard input one line of JSON, the webhook's message
 * with `title` and `text` for people beside it; in its environment what short scripts need.
 *
 * No shell is between, so nothing in an alert can become a command. What the program starts itself ends with
 * it when it does not end in time. Status 0: delivered. 65 (EX_DATAERR): it will never take this one. All
 * else, a signal, or no end in time: tried again later.
 */
#include "watch/notify/kind.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "net/program.h"
#include "watch/notify/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>

enum { ALERTS_MAX = 20, VARIABLES_MAX = 8, VARIABLE_UNITS_MAX = 8000 };

/* The webhook's object, with two more members. */
static void write_line(const struct alert_message *m, const struct sink_setup *setup, struct str title,
                       struct str text, struct buf *line)
{
    struct outgoing out = {0};
    struct json j;
    sink_webhook.write(m, setup, &out);
    ASSERT(out.body.len > 2 && out.body.ptr[0] == '{');
    json_init(&j, line);
    json_begin_object(&j);
    json_put_str(&j, "title", title);
    json_put_str(&j, "text", text);
    buf_put_char(line, ',');
    buf_put(line, str_n(out.body.ptr + 1, out.body.len - 1));
    buf_fini(&out.url);
    buf_fini(&out.headers);
    buf_fini(&out.body);
}

struct variables {
    size_t count;
    struct buf texts[VARIABLES_MAX];
};

static void add_variable(struct variables *v, const char *name, struct str value)
{
    ASSERT(v->count < VARIABLES_MAX);
    struct buf *text = &v->texts[v->count++];
    buf_printf(text, "%s=", name);
    size_t start = text->len;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i])
            buf_put_char(text, value.ptr[i]);
    text_cut(text, start, VARIABLE_UNITS_MAX);
}

static void fill_variables(const struct alert_message *m, struct str title, struct str text,
                           struct variables *v)
{
    char count[24];
    snprintf(count, sizeof(count), "%zu", m->count);
    add_variable(v, "WEIR_STATUS", alert_message_is_over(m) ? STR("resolved") : STR("firing"));
    add_variable(v, "WEIR_SEVERITY", str_of(alert_severity_name(alert_message_severity(m))));
    add_variable(v, "WEIR_ALERT", str_of(m->notices[0].name));
    add_variable(v, "WEIR_ALERT_COUNT", str_of(count));
    add_variable(v, "WEIR_TITLE", title);
    add_variable(v, "WEIR_TEXT", text);
    add_variable(v, "WEIR_TEST", m->is_test ? STR("1") : STR(""));
}

static bool start(struct program *p, const struct config_sink_exec *config, const struct variables *v,
                  struct err *err)
{
    const char **argv = NEW_ARRAY(const char *, config->command.count + 1);
    const char **environment = NEW_ARRAY(const char *, config->environment.count + v->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < config->command.count; i++)
        argv[i] = config->command.items[i].ptr;
    for (size_t i = 0; i < config->environment.count; i++)
        environment[count++] = config->environment.items[i].ptr;
    for (size_t i = 0; i < v->count; i++)
        environment[count++] = v->texts[i].ptr;
    bool is_started = program_start(
        p,
        &(struct program_command){.argv = argv,
                                  .environment = environment,
                                  .directory = config->directory.ptr ? config->directory.ptr : "",
                                  .is_alone = true},
        err);
    free(argv);
    free(environment);
    return is_started;
}

static void say(struct sink_answer *a, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct sink_answer *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(a->text, sizeof(a->text), format, args);
    va_end(args);
}

static void judge_end(const struct program *p, int status, struct sink_answer *ret)
{
    const char *colon = p->words[0] ? ": " : "";
    if (WIFSIGNALED(status)) {
        say(ret, "the program was killed by signal %d%s%s", WTERMSIG(status), colon, p->words);
        return;
    }
    ret->status = WEXITSTATUS(status);
    if (ret->status == 0)
        ret->verdict = RETRY_DELIVERED;
    else if (ret->status == EX_DATAERR)
        ret->verdict = RETRY_NEVER;
    if (ret->status)
        say(ret, "the program ended with status %d%s%s", ret->status, colon, p->words);
}

static void exec_deliver(const struct alert_message *m, const struct sink_setup *setup, int64_t timeout_ns,
                         struct sink_answer *ret)
{
    struct program_limits limits = {.deadline_ns = clock_now_ns() + timeout_ns};
    struct text_voice voice = {.message = m, .words = &setup->config->words, .put = text_put_plain};
    struct program program = {0};
    struct variables variables = {0};
    struct err err = {0};
    CLEANUP(buf_fini) struct buf title = {0};
    CLEANUP(buf_fini) struct buf text = {0};
    CLEANUP(buf_fini) struct buf line = {0};
    struct str output;
    int status;
    *ret = (struct sink_answer){.verdict = RETRY_LATER, .retry_after_s = -1};
    text_write_headline(&voice, &title);
    text_write_body(&voice, &text);
    write_line(m, setup, buf_str(&title), buf_str(&text), &line);
    fill_variables(m, buf_str(&title), buf_str(&text), &variables);
    if (start(&program, &setup->config->exec, &variables, &err) &&
        program_run(&program, buf_str(&line), &limits, &output, &status, &err))
        judge_end(&program, status, ret);
    else
        say(ret, "the program: %s", err.text);
    program_fini(&program);
    for (size_t i = 0; i < variables.count; i++)
        buf_fini(&variables.texts[i]);
}

const struct sink_kind sink_exec = {.alerts_max = ALERTS_MAX, .has_digest = true, .deliver = exec_deliver};
