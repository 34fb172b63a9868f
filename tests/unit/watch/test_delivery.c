/* What all sinks have in common, with the webhook: retried, in order, bounded, flushed; with a fake receiver,
 * and once with a real one over a socket. */
#include "watch/notify/notify.h"
#include "watch/notify/outbox.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* What the fake receiver answers, try after try; then 200. status 0: no answer. Guarded by the mutex. */
struct answer {
    int status;
    int64_t retry_after_s;
};

static struct fake {
    pthread_mutex_t mutex;
    struct answer answers[8];
    size_t tries;
    char bodies[600][40]; /* see describe() */
    sem_t hang;
    bool is_hanging;
} fake = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* "firing /a+2": the first alert and how many more there are. */
static void describe(const char *body, char out[40])
{
    int count = -1;
    const char *path = strstr(body, "\"path\":\"");
    for (const char *at = body; (at = strstr(at, "\"fingerprint\"")) != NULL; at++)
        count++;
    assert_true(path && count >= 0);
    int len = snprintf(out, 40, "%s %.2s", strstr(body, "\"firing\"") ? "firing" : "resolved", path + 8);
    if (count)
        snprintf(out + len, 40 - (size_t)len, "+%d", count);
}

static bool fake_fetch(const struct fetch_request *request, struct fetch_response *ret_response,
                       struct err *err)
{
    char body[32768];
    assert_true(request->timeout_ns > 0 && strcmp(request->method, "POST") == 0);
    str_copy(body, sizeof(body), request->body);
    pthread_mutex_lock(&fake.mutex);
    struct answer a =
        fake.tries < ARRAY_LEN(fake.answers) ? fake.answers[fake.tries] : (struct answer){200, -1};
    describe(body, fake.bodies[fake.tries++ % 600]);
    bool is_hanging = fake.is_hanging;
    pthread_mutex_unlock(&fake.mutex);
    if (is_hanging)
        sem_wait(&fake.hang);
    if (a.status == 0) {
        err_set(err, "connection refused");
        err->retryable = true;
        return false;
    }
    *ret_response =
        (struct fetch_response){.status = a.status, .retry_after_s = a.retry_after_s ? a.retry_after_s : -1};
    return true;
}

struct room {
    struct loop *loop;
    struct notifier *notifier;
    struct alert alerts[3];
};

/* Without a pause for grouping: what is told first leaves by itself. */
static struct config_notify sink(const char *name, const char *url)
{
    return (struct config_notify){
        .kind = NOTIFY_WEBHOOK,
        .name = str_of(name),
        .url.value = str_of(url),
        .pace = {
            .give_up_ns = 3600 * NS_PER_S, .timeout_ns = 10 * NS_PER_S, .per_minute = 6000, .queue = 256}};
}

static struct room open_room_with(const struct config_notify *sinks, size_t sink_count,
                                  const struct answer *answers, size_t count, bool is_real)
{
    static const char *const paths[] = {"/a", "/b", "/c"};
    struct room r = {.loop = loop_new(NULL)};
    pthread_mutex_lock(&fake.mutex);
    fake.tries = 0;
    fake.is_hanging = false;
    for (size_t i = 0; i < ARRAY_LEN(fake.answers); i++)
        fake.answers[i] = i < count ? answers[i] : (struct answer){200, -1};
    pthread_mutex_unlock(&fake.mutex);
    r.notifier = notifier_new(&(struct notify_params){
        .loop = r.loop, .external_url = "http://web-1:9900", .fetch = is_real ? fetch : fake_fetch});
    notifier_open(r.notifier, sinks, sink_count);
    for (size_t i = 0; i < ARRAY_LEN(r.alerts); i++) {
        alert_init(&r.alerts[i], "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
        alert_add_label(&r.alerts[i], "path", str_n(paths[i], 2));
    }
    return r;
}

static struct room open_room(const struct answer *answers, size_t count, const char *url, bool is_real)
{
    struct config_notify config = sink("hook", url);
    return open_room_with(&config, 1, answers, count, is_real);
}

static void send_change(struct room *r, size_t alert, enum alert_change change)
{
    notifier_send(r->notifier, &(struct notification){
                                   .change = change, .alert = &r->alerts[alert], .text = "ALERT: a test"});
}

static void on_stop(struct loop *l, struct timer *t)
{
    loop_stop(l);
}

static size_t tries(void)
{
    pthread_mutex_lock(&fake.mutex);
    size_t n = fake.tries;
    pthread_mutex_unlock(&fake.mutex);
    return n;
}

static void run_for(struct loop *l, int64_t ns)
{
    struct timer timer;
    timer_init(&timer, on_stop);
    timer_set(l, &timer, clock_now_ns() + ns);
    loop_run(l);
}

static uint64_t metric(struct room *r, const char *row)
{
    struct buf out CLEANUP(buf_fini) = {0};
    notifier_write_metrics(r->notifier, &out);
    const char *at = strstr(out.ptr, row);
    assert_non_null(at);
    return strtoull(at + strlen(row), NULL, 10);
}

#define ROW(outcome) "weir_notifications_total{sink=\"hook\",outcome=\"" outcome "\"} "

static void wait_for(struct room *r, const char *row, uint64_t count)
{
    for (int i = 0; i < 2000 && metric(r, row) < count; i++)
        run_for(r->loop, 5 * NS_PER_MS);
    assert_int_equal(metric(r, row), count);
}

static void close_room(struct room *r, int64_t flush_ns)
{
    notifier_close(r->notifier, flush_ns);
    notifier_free(r->notifier);
    loop_free(r->loop);
}

static void assert_tries(const char *const *expected, size_t count)
{
    assert_int_equal(tries(), count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(fake.bodies[i], expected[i]);
}

static void test_retried_in_order(void **state)
{
    static const struct answer answers[] = {{0, 0}, {500, 0}, {200, 0}};
    struct room r = open_room(answers, ARRAY_LEN(answers), "http://receiver.test/", false);
    int64_t began_ns = clock_now_ns();
    send_change(&r, 0, ALERT_FIRED);
    run_for(r.loop, 50 * NS_PER_MS);
    send_change(&r, 1, ALERT_FIRED);
    send_change(&r, 0, ALERT_LOST_SIGHT); /* has no form */
    send_change(&r, 2, ALERT_FIRED);
    wait_for(&r, ROW("delivered"), 3);
    static const char *const expected[] = {"firing /a", "firing /a+2", "firing /a+2"};
    assert_tries(expected, ARRAY_LEN(expected));                /* what came meanwhile went with it */
    assert_true(clock_now_ns() - began_ns >= 1500 * NS_PER_MS); /* at least 0.5 s and 1 s */
    assert_int_equal(metric(&r, ROW("retried")), 2);
    send_change(&r, 0, ALERT_ENDED);
    wait_for(&r, ROW("delivered"), 4);
    assert_string_equal(fake.bodies[3], "resolved /a");
    close_room(&r, 0);
}

/* What the log says on standard error from here on; end_log() gives it. */
static FILE *begin_log(int *ret_stderr)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    *ret_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    log_set_level(LOG_LEVEL_INFO);
    return file;
}

static void end_log(FILE *file, int saved, char *out, size_t out_bytes)
{
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    out[fread(out, 1, out_bytes - 1, file)] = '\0';
    fclose(file);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

static void test_the_log_says_once_why_nothing_arrives(void **state)
{
    static const struct answer answers[] = {{500, 0}, {500, 0}, {0, 0}};
    char log[4096];
    int saved;
    struct room r = open_room(answers, ARRAY_LEN(answers), "http://receiver.test/", false);
    FILE *file = begin_log(&saved);
    send_change(&r, 0, ALERT_FIRED);
    wait_for(&r, ROW("delivered"), 1);
    end_log(file, saved, log, sizeof(log));
    assert_int_equal(metric(&r, ROW("retried")), 3);
    assert_int_equal(count_of(log, "not delivered, next try in"), 2);
    assert_int_equal(count_of(log, "the receiver answered 500"), 1);
    assert_int_equal(count_of(log, "connection refused"), 1);
    assert_int_equal(count_of(log, "delivered again"), 1);
    close_room(&r, 0);
}

static void test_retry_after_is_honoured(void **state)
{
    static const struct answer answers[] = {{429, 2}};
    struct room r = open_room(answers, 1, "http://receiver.test/", false);
    int64_t began_ns = clock_now_ns();
    send_change(&r, 0, ALERT_FIRED);
    wait_for(&r, ROW("delivered"), 1);
    assert_true(clock_now_ns() - began_ns >= 2 * NS_PER_S);
    close_room(&r, 0);
}

/* Of two alerts one cannot be read by the receiver: the other arrives all the same. */
static void test_a_refused_group_is_parted(void **state)
{
    static const struct answer answers[] = {{400, 0}, {400, 0}, {200, 0}};
    struct room r = open_room(answers, ARRAY_LEN(answers), "http://receiver.test/", false);
    send_change(&r, 0, ALERT_FIRED);
    send_change(&r, 1, ALERT_FIRED);
    wait_for(&r, ROW("delivered"), 1);
    static const char *const expected[] = {"firing /a+1", "firing /a", "firing /b"};
    assert_tries(expected, ARRAY_LEN(expected));
    assert_int_equal(metric(&r, ROW("refused")), 1);
    close_room(&r, 0);
}

static void assert_standing(const struct room *r, bool is_silenced, enum sink_standing first,
                            enum sink_standing second)
{
    struct sink_report reports[CONFIG_SINKS_MAX];
    assert_int_equal(notifier_report(r->notifier, &r->alerts[0], is_silenced, reports), 2);
    assert_string_equal(sink_standing_name(reports[0].standing), sink_standing_name(first));
    assert_string_equal(sink_standing_name(reports[1].standing), sink_standing_name(second));
    assert_int_equal(reports[0].told_wall_ns > 0, first == SINK_TOLD);
    assert_int_equal(reports[1].why != NULL, second == SINK_BARRED);
}

static void test_who_is_told_of_an_alert(void **state)
{
    int critical = CONFIG_CRITICAL;
    struct config_notify sinks[] = {sink("hook", "http://hook.test/"), sink("boss", "http://boss.test/")};
    sinks[1].only.severity = (struct config_choices){.count = 1, .items = &critical};
    struct room r = open_room_with(sinks, 2, NULL, 0, false);
    assert_standing(&r, false, SINK_READY, SINK_BARRED);
    assert_standing(&r, true, SINK_SILENCED, SINK_BARRED);
    str_copy(r.alerts[0].hidden, sizeof(r.alerts[0].hidden), STR("ServiceDown"));
    assert_standing(&r, true, SINK_HIDDEN, SINK_BARRED);
    r.alerts[0].hidden[0] = '\0';
    r.alerts[0].life.state = ALERT_FIRING;
    assert_standing(&r, false, SINK_MISSED, SINK_BARRED); /* it fired before there was anybody to tell */
    send_change(&r, 0, ALERT_FIRED);
    assert_standing(&r, false, SINK_WAITING, SINK_BARRED);
    wait_for(&r, ROW("delivered"), 1);
    assert_standing(&r, false, SINK_TOLD, SINK_BARRED);
    assert_standing(&r, true, SINK_TOLD, SINK_BARRED); /* it knows, whatever came then */
    close_room(&r, 0);
}

static void hang(bool is_hanging)
{
    if (is_hanging)
        sem_init(&fake.hang, 0, 0);
    pthread_mutex_lock(&fake.mutex);
    fake.is_hanging = is_hanging;
    pthread_mutex_unlock(&fake.mutex);
}

static void wait_for_tries(struct room *r, size_t count)
{
    for (int i = 0; i < 1000 && tries() < count; i++)
        run_for(r->loop, 5 * NS_PER_MS);
    assert_int_equal(tries(), count);
}

static void test_flushed_at_the_end(void **state)
{
    struct room r = open_room(NULL, 0, "http://receiver.test/", false);
    send_change(&r, 0, ALERT_FIRED);
    send_change(&r, 1, ALERT_FIRED);
    send_change(&r, 2, ALERT_FIRED);
    close_room(&r, 5 * NS_PER_S); /* the loop does not run any more */
    static const char *const expected[] = {"firing /a+2"};
    assert_tries(expected, ARRAY_LEN(expected));
}

/* A receiver that hangs: the end comes all the same, and in time. */
static void test_flush_is_bounded(void **state)
{
    struct room r = open_room(NULL, 0, "http://receiver.test/", false);
    hang(true);
    send_change(&r, 0, ALERT_FIRED);
    wait_for_tries(&r, 1);
    send_change(&r, 1, ALERT_FIRED);
    int64_t began_ns = clock_now_ns();
    close_room(&r, 100 * NS_PER_MS);
    assert_true(clock_now_ns() - began_ns < 5 * NS_PER_S);
    assert_int_equal(tries(), 1);
    sem_post(&fake.hang);
}

/* ---- kept ---- */

struct kept {
    int count;
    char key[64];
    struct buf text;
};

static void free_kept(struct kept *k)
{
    buf_fini(&k->text);
}

static void take_document(void *context, const char *key, struct str text)
{
    struct kept *k = context;
    k->count++;
    snprintf(k->key, sizeof(k->key), "%s", key);
    buf_clear(&k->text);
    buf_put(&k->text, text);
}

static void test_nothing_leaves_before_it_is_kept(void **state)
{
    struct room r = open_room(NULL, 0, "http://receiver.test/", false);
    struct kept k CLEANUP(free_kept) = {0};
    notifier_set_keeping(r.notifier, true);
    send_change(&r, 0, ALERT_FIRED);
    run_for(r.loop, 100 * NS_PER_MS);
    assert_int_equal(tries(), 0);
    assert_true(notifier_has_changed(r.notifier));
    notifier_save(r.notifier, clock_now_ns(), clock_wall_ns(), take_document, &k);
    assert_int_equal(k.count, 1);
    assert_string_equal(k.key, "notify:hook");
    assert_false(notifier_has_changed(r.notifier));
    run_for(r.loop, 50 * NS_PER_MS);
    assert_int_equal(tries(), 0);
    notifier_kept(r.notifier, true);
    wait_for(&r, ROW("delivered"), 1);
    assert_true(notifier_has_changed(r.notifier));
    close_room(&r, 0);
}

/* A disk that is full does not keep an alert back. */
static void test_told_although_it_cannot_be_kept(void **state)
{
    struct room r = open_room(NULL, 0, "http://receiver.test/", false);
    struct kept k CLEANUP(free_kept) = {0};
    int64_t began_ns = clock_now_ns();
    notifier_set_keeping(r.notifier, true);
    send_change(&r, 0, ALERT_FIRED);
    notifier_save(r.notifier, clock_now_ns(), clock_wall_ns(), take_document, &k);
    notifier_kept(r.notifier, false);
    assert_true(notifier_has_changed(r.notifier));
    wait_for(&r, ROW("delivered"), 1);
    assert_true(clock_now_ns() - began_ns >= OUTBOX_HOLD_NS - NS_PER_MS);
    close_room(&r, 0);
}

static bool is_first(void *context, uint64_t fingerprint)
{
    return fingerprint == ((const struct alert *)context)->fingerprint;
}

static void take_gone(void *context, const char *key, struct str text)
{
    assert_string_equal(key, "notify:gone");
    assert_int_equal(text.len, 0);
}

/* The next worker tells what waited, tells nothing twice, and ends what nobody knows of any more. */
static void test_after_a_restart(void **state)
{
    static const struct answer answers[] = {{200, 0}, {503, 0}};
    struct room r = open_room(answers, 2, "http://receiver.test/", false);
    struct kept k CLEANUP(free_kept) = {0};
    send_change(&r, 0, ALERT_FIRED);
    wait_for(&r, ROW("delivered"), 1);
    send_change(&r, 1, ALERT_FIRED);
    wait_for_tries(&r, 2);
    run_for(r.loop, 20 * NS_PER_MS);
    notifier_save(r.notifier, clock_now_ns(), clock_wall_ns(), take_document, &k);
    struct alert known = r.alerts[0];
    close_room(&r, 0);

    r = open_room(NULL, 0, "http://receiver.test/", false);
    struct str text = buf_str(&k.text);
    assert_false(notifier_restore(r.notifier, STR("shop"), text, clock_now_ns(), clock_wall_ns()));
    assert_false(notifier_restore(r.notifier, STR("notify:gone"), text, clock_now_ns(), clock_wall_ns()));
    notifier_save(r.notifier, clock_now_ns(), clock_wall_ns(), take_gone, NULL); /* it is emptied */
    assert_false(
        notifier_restore(r.notifier, STR("notify:hook"), STR("{}"), clock_now_ns(), clock_wall_ns()));
    assert_true(notifier_restore(r.notifier, STR("notify:hook"), text, clock_now_ns(), clock_wall_ns()));
    assert_false(notifier_has_changed(r.notifier));
    send_change(&r, 0, ALERT_FIRED); /* it fires on */
    wait_for(&r, ROW("delivered"), 1);
    assert_string_equal(fake.bodies[0], "firing /b");
    notifier_settle(r.notifier, is_first, &known, clock_wall_ns());
    wait_for(&r, ROW("delivered"), 2);
    assert_string_equal(fake.bodies[1], "resolved /b");
    close_room(&r, 0);
}

/* ---- a real receiver ---- */

struct receiver {
    int fd;
    char url[64];
    char request[8192];
};

static void *receive(void *argument)
{
    struct receiver *r = argument;
    int fd = accept(r->fd, NULL, NULL);
    size_t have = 0;
    while (have < sizeof(r->request) - 1 && !strstr(r->request, "\"truncatedAlerts\":0}")) {
        ssize_t n = read(fd, r->request + have, sizeof(r->request) - 1 - have);
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    (void)!write(fd, answer, sizeof(answer) - 1);
    close(fd);
    return NULL;
}

static void test_over_a_socket(void **state)
{
    struct receiver receiver = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    pthread_t thread;
    assert_int_equal(bind(receiver.fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(receiver.fd, 1), 0);
    assert_int_equal(getsockname(receiver.fd, (struct sockaddr *)&address, &size), 0);
    snprintf(receiver.url, sizeof(receiver.url), "http://127.0.0.1:%d/hook?x=1", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&thread, NULL, receive, &receiver), 0);
    struct room r = open_room(NULL, 0, receiver.url, true);
    send_change(&r, 0, ALERT_FIRED);
    wait_for(&r, ROW("delivered"), 1);
    pthread_join(thread, NULL);
    assert_memory_equal(receiver.request, "POST /hook?x=1 HTTP/1.1\r\n", 25);
    assert_non_null(strstr(receiver.request, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(receiver.request, "\"version\":\"4\""));
    close_room(&r, 0);
    close(receiver.fd);
}

int main(void)
{
    unsetenv("http_proxy");
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1)); /* silence */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retried_in_order),
        cmocka_unit_test(test_the_log_says_once_why_nothing_arrives),
        cmocka_unit_test(test_retry_after_is_honoured),
        cmocka_unit_test(test_a_refused_group_is_parted),
        cmocka_unit_test(test_who_is_told_of_an_alert),
        cmocka_unit_test(test_flushed_at_the_end),
        cmocka_unit_test(test_flush_is_bounded),
        cmocka_unit_test(test_nothing_leaves_before_it_is_kept),
        cmocka_unit_test(test_told_although_it_cannot_be_kept),
        cmocka_unit_test(test_after_a_restart),
        cmocka_unit_test(test_over_a_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
