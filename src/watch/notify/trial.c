/* trial.c: see trial.h. */
#include "watch/notify/trial.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "config/sink.h"

#include <stdio.h>
#include <unistd.h>

static void tell(const struct trial *t, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(const struct trial *t, const char *format, ...)
{
    CLEANUP(buf_fini) struct buf line = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&line, format, args);
    va_end(args);
    t->on_line(t->context, line.ptr);
}

static void on_step(void *context, const char *text)
{
    tell(context, "  %s", text);
}

/* An alert that nobody can take for a real one. */
static struct notice test_notice(const struct trial *t, enum alert_change change, int64_t started_wall_ns)
{
    struct alert a;
    struct notice n;
    char host[ALERT_VALUE_BYTES] = "", line[ALERT_TEXT_BYTES + 128];
    if (gethostname(host, sizeof(host) - 1) != 0 || !host[0])
        str_copy(host, sizeof(host), STR("localhost"));
    alert_init(&a, "WeirTest", "A test of Weir's notifications", ALERT_NOTICE, str_of(host));
    a.started_wall_ns = started_wall_ns;
    a.ended_wall_ns = change == ALERT_ENDED ? clock_wall_ns() : 0;
    snprintf(a.evidence, sizeof(a.evidence), "weir notify test was called for the sink %s; nothing is wrong",
             t->config->name.ptr);
    snprintf(a.evidence_korean, sizeof(a.evidence_korean), "%s 수신처로 weir notify test를 실행했습니다.",
             t->config->name.ptr);
    alert_format_line(&a, change, line, sizeof(line));
    notice_init(&n, &a, change, (struct notice_words){.line = line});
    return n;
}

static bool send_one(const struct trial *t, enum alert_change change, int64_t started_wall_ns)
{
    struct notice notice = test_notice(t, change, started_wall_ns);
    struct alert_message message = {.receiver = t->config->name.ptr,
                                    .external_url = t->external_url,
                                    .is_test = true,
                                    .wall_ns = clock_wall_ns(),
                                    .count = 1,
                                    .notices = &notice};
    struct exchange_watcher watcher = {.on_step = on_step, .context = (void *)t};
    struct exchange x = {.config = t->config,
                         .message = &message,
                         .fetch = t->fetch,
                         .timeout_ns = t->config->pace.timeout_ns,
                         .watcher = &watcher};
    struct sink_answer answer;
    tell(t, "%s: %s", t->config->name.ptr,
         change == ALERT_FIRED ? "a test alert fires" : "the test alert is over");
    int64_t began_ns = clock_now_ns();
    exchange_run(&x, &answer);
    double seconds = (double)(clock_now_ns() - began_ns) / 1e9;
    notice_fini(&notice);
    if (answer.verdict == RETRY_DELIVERED) {
        tell(t, "  delivered after %.3f s", seconds);
        return true;
    }
    tell(t, "  NOT delivered after %.3f s: %s (%s)", seconds, answer.text,
         answer.verdict == RETRY_LATER ? "an alert would be tried again" : "an alert would be lost");
    if (answer.retry_after_s > 0)
        tell(t, "  the receiver asks for a pause of %lld s", (long long)answer.retry_after_s);
    return false;
}

bool trial_run(const struct trial *t)
{
    int64_t started_wall_ns = clock_wall_ns();
    return send_one(t, ALERT_FIRED, started_wall_ns) && send_one(t, ALERT_ENDED, started_wall_ns);
}

/* ---- for a command ---- */

static void print_line(void *context, const char *line)
{
    (void)context;
    puts(line);
    fflush(stdout);
}

bool notify_trial(const struct config_notify *sinks, size_t count, const char *name)
{
    bool is_good = true;
    size_t tried = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_meant = name ? str_eq(sinks[i].name, str_of(name)) : sinks[i].kind != NOTIFY_LOG;
        if (!is_meant || sinks[i].kind == NOTIFY_LOG)
            continue;
        struct trial t = {.config = &sinks[i], .external_url = "", .fetch = fetch, .on_line = print_line};
        is_good &= trial_run(&t);
        tried++;
    }
    if (tried)
        return is_good;
    if (name)
        fprintf(stderr, "weir notify: there is no sink '%s' in the configuration\n", name);
    else
        fputs("weir notify: the configuration has no sink but the log\n", stderr);
    for (size_t i = 0; name && i < count; i++)
        fprintf(stderr, "  %s (%s)\n", sinks[i].name.ptr, config_sink_kind_name(sinks[i].kind));
    return false;
}
