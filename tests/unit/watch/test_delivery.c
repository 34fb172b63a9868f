/* What all sinks have in common, with the webhook: retried, in order, bounded, flushed; with a fake receiver,
 * and once with a real one over a socket. */
#include "watch/notify/notify.h"

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
    char bodies[600][40]; /* the "status":"..." of each try and the path */
    sem_t hang;
    bool is_hanging;
} fake = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool fake_fetch(const struct fetch_request *request, struct fetch_response *ret_response,
                       struct err *err)
{
    char body[4096];
    assert_true(request->timeout_ns > 0 && strcmp(request->method, "POST") == 0);
    str_copy(body, sizeof(body), request->body);
    pthread_mutex_lock(&fake.mutex);
    struct answer a =
        fake.tries < ARRAY_LEN(fake.answers) ? fake.answers[fake.tries] : (struct answer){200, -1};
    const char *path = strstr(body, "\"path\":\"");
    snprintf(fake.bodies[fake.tries++ % 600], sizeof(fake.bodies[0]), "%s %.20s",
             strstr(body, "\"resolved\"") ? "resolved" : "firing", path ? path + 8 : "");
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

static struct room open_room(const struct answer *answers, size_t count, const char *url, bool is_real)
{
    static const char *const paths[] = {"/a\"", "/b\"", "/c\""};
    struct room r = {.loop = loop_new(NULL)};
    pthread_mutex_lock(&fake.mutex);
    fake.tries = 0;
    fake.is_hanging = false;
    for (size_t i = 0; i < ARRAY_LEN(fake.answers); i++)
        fake.answers[i] = i < count ? answers[i] : (struct answer){200, -1};
    pthread_mutex_unlock(&fake.mutex);
    r.notifier = notifier_new(&(struct notify_params){
        .loop = r.loop, .external_url = "http://web-1:9900", .fetch = is_real ? fetch : fake_fetch});
    struct config_notify config = {.kind = NOTIFY_WEBHOOK, .name = STR("hook"), .url.value = str_of(url)};
    notifier_configure(r.notifier, &config, 1);
    for (size_t i = 0; i < ARRAY_LEN(r.alerts); i++) {
        alert_init(&r.alerts[i], "HostDiskHigh", "Disk usage is high", ALERT_WARNING, STR("web-1"));
        alert_add_label(&r.alerts[i], "path", str_n(paths[i], 2));
    }
    return r;
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
    notifier_free(r->notifier, flush_ns);
    loop_free(r->loop);
}

static void test_retried_in_order(void **state)
{
    static const struct answer answers[] = {{0, 0}, {500, 0}, {200, 0}, {200, 0}, {404, 0}};
    struct room r = open_room(answers, ARRAY_LEN(answers), "http://receiver.test/", false);
    int64_t began_ns = clock_now_ns();
    send_change(&r, 0, ALERT_FIRED);
    send_change(&r, 1, ALERT_FIRED);
    send_change(&r, 0, ALERT_LOST_SIGHT); /* has no form */
    send_change(&r, 2, ALERT_FIRED);
    send_change(&r, 0, ALERT_ENDED);
    wait_for(&r, ROW("delivered"), 3);
    static const char *const expected[] = {"firing /a", "firing /a", "firing /a",
                                           "firing /b", "firing /c", "resolved /a"};
    assert_int_equal(tries(), ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_memory_equal(fake.bodies[i], expected[i], strlen(expected[i]));
    assert_true(clock_now_ns() - began_ns >= 1500 * NS_PER_MS); /* at least 0.5 s and 1 s */
    assert_int_equal(metric(&r, ROW("retried")), 2);
    assert_int_equal(metric(&r, ROW("refused")), 1);
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

static void test_queue_is_bounded(void **state)
{
    struct room r = open_room(NULL, 0, "http://receiver.test/", false);
    sem_init(&fake.hang, 0, 0);
    pthread_mutex_lock(&fake.mutex);
    fake.is_hanging = true;
    pthread_mutex_unlock(&fake.mutex);
    send_change(&r, 0, ALERT_FIRED);
    for (int i = 0; i < 1000 && tries() == 0; i++)
        run_for(r.loop, 5 * NS_PER_MS);
    for (int i = 0; i < 300; i++)
        send_change(&r, 1, ALERT_FIRED);
    send_change(&r, 0, ALERT_ENDED);
    assert_int_equal(metric(&r, "weir_notifications_queued{sink=\"hook\"} "), 256);
    assert_int_equal(metric(&r, ROW("overflowed")), 302 - 256);
    pthread_mutex_lock(&fake.mutex);
    fake.is_hanging = false;
    pthread_mutex_unlock(&fake.mutex);
    sem_post(&fake.hang);
    wait_for(&r, ROW("delivered"), 256);
    assert_memory_equal(fake.bodies[255], "resolved /a", 11); /* the newest was kept */
    close_room(&r, 0);
}

static void test_flushed_at_the_end(void **state)
{
    struct room r = open_room(NULL, 0, "http://receiver.test/", false);
    send_change(&r, 0, ALERT_FIRED);
    send_change(&r, 1, ALERT_FIRED);
    send_change(&r, 2, ALERT_FIRED);
    close_room(&r, 5 * NS_PER_S);   /* the loop does not run any more */
    assert_in_range(tries(), 3, 4); /* the first may have been cancelled and sent again */
}

/* A receiver that hangs: the end comes all the same, and in time. */
static void test_flush_is_bounded(void **state)
{
    struct room r = open_room(NULL, 0, "http://receiver.test/", false);
    sem_init(&fake.hang, 0, 0);
    pthread_mutex_lock(&fake.mutex);
    fake.is_hanging = true;
    pthread_mutex_unlock(&fake.mutex);
    send_change(&r, 0, ALERT_FIRED);
    send_change(&r, 1, ALERT_FIRED);
    for (int i = 0; i < 1000 && tries() == 0; i++)
        run_for(r.loop, 5 * NS_PER_MS);
    int64_t began_ns = clock_now_ns();
    close_room(&r, 100 * NS_PER_MS);
    assert_true(clock_now_ns() - began_ns < 5 * NS_PER_S);
    assert_int_equal(tries(), 1);
    sem_post(&fake.hang);
}

static void test_reload_keeps_the_queue(void **state)
{
    static const struct answer answers[] = {{503, 0}};
    struct room r = open_room(answers, 1, "http://receiver.test/", false);
    send_change(&r, 0, ALERT_FIRED);
    struct config_notify same = {
        .kind = NOTIFY_WEBHOOK, .name = STR("hook"), .url.value = STR("http://receiver.test/")};
    struct config_notify both[] = {
        {.kind = NOTIFY_WEBHOOK, .name = STR("new"), .url.value = STR("http://other.test/")}, same};
    notifier_configure(r.notifier, both, 2);
    wait_for(&r, ROW("delivered"), 1);
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
        cmocka_unit_test(test_retried_in_order), cmocka_unit_test(test_retry_after_is_honoured),
        cmocka_unit_test(test_queue_is_bounded), cmocka_unit_test(test_flushed_at_the_end),
        cmocka_unit_test(test_flush_is_bounded), cmocka_unit_test(test_reload_keeps_the_queue),
        cmocka_unit_test(test_over_a_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
