/* test_process.c: the provider over a real channel; the test is the supervisor at the other end. */
#include "net/channel.h"
#include "provider/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct loop *loop;
    struct channel supervisor;
    struct provider *provider;
    struct provider_sink sink;
    struct process_events events;
    char told[1024]; /* everything that was told, one after the other */
    struct timer stop;
};

static void tell(struct fixture *f, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(struct fixture *f, const char *format, ...)
{
    size_t len = strlen(f->told);
    va_list args;
    va_start(args, format);
    vsnprintf(f->told + len, sizeof(f->told) - len, format, args);
    va_end(args);
}

static void on_started(void *context, const char *key, const struct addr *address, int pid)
{
    char text[ADDR_TEXT_BYTES];
    tell(context, "started %s %s %d;", key, addr_format(text, address), pid);
}

static void on_start_failed(void *context, const char *key, const char *reason)
{
    tell(context, "failed %s %s;", key, reason);
}

static void on_exited(void *context, const char *key, const char *reason, const char *last_lines)
{
    tell(context, "exited %s %s [%s];", key, reason, last_lines);
}

static void on_observed(void *context)
{
    tell(context, "observed;");
}

static void on_drain(void *context)
{
    tell(context, "drain;");
}

static void on_supervisor_gone(void *context)
{
    tell(context, "gone;");
}

static void on_stop(struct loop *l, struct timer *t)
{
    loop_stop(l);
}

/* Turns the loop until nothing is left to be done now: the stop comes with the turn after the events. */
static void turn(struct fixture *f)
{
    for (int i = 0; i < 4; i++) {
        timer_set(f->loop, &f->stop, 1);
        loop_run(f->loop);
    }
}

static struct fixture *open_fixture(void)
{
    int fds[2];
    struct err err;
    struct fixture *f = calloc(1, sizeof(*f));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    f->loop = loop_new(NULL);
    timer_init(&f->stop, on_stop);
    channel_init(&f->supervisor, fds[0]);
    f->sink = (struct provider_sink){f, on_started, on_start_failed, on_exited};
    f->events = (struct process_events){f, on_observed, on_drain, on_supervisor_gone};
    f->provider = process_provider_new(f->loop, fds[1], &f->sink, &f->events, &err);
    assert_non_null(f->provider);
    return f;
}

static void close_fixture(struct fixture *f)
{
    f->provider->ops->free(f->provider);
    channel_fini(&f->supervisor);
    timer_cancel(&f->stop);
    loop_free(f->loop);
    free(f);
}

static void expect_message(struct fixture *f, enum channel_kind kind, const char *key, const char *text,
                           int64_t timeout_ns)
{
    char packet[CHANNEL_PACKET_BYTES_MAX];
    struct channel_message m;
    assert_int_equal(channel_receive(&f->supervisor, packet, &m, NULL), CHANNEL_MESSAGE);
    assert_string_equal(channel_kind_name(m.kind), channel_kind_name(kind));
    assert_true(str_eq(m.key, str_of(key)));
    assert_true(str_eq(m.text, str_of(text)));
    assert_true(m.timeout_ns == timeout_ns);
}

static void what_is_asked_goes_over_the_channel(void **state)
{
    struct fixture *f = open_fixture();
    struct config_service service = {.name = STR("shop")};
    assert_string_equal(f->provider->ops->name, "process");
    assert_true(f->provider->ops->start(f->provider, "shop/shop-1", &service, NULL));
    f->provider->ops->stop(f->provider, "shop/shop-1", 5000);
    f->provider->ops->stop(f->provider, "shop/shop-2", -1);
    f->provider->ops->observe(f->provider);
    process_provider_report_ready(f->provider);
    process_provider_report_status(f->provider, "3 services");
    expect_message(f, CHANNEL_START, "shop/shop-1", "", 0);
    expect_message(f, CHANNEL_STOP, "shop/shop-1", "", 5000);
    expect_message(f, CHANNEL_STOP, "shop/shop-2", "", 0);
    expect_message(f, CHANNEL_LIST, "", "", 0);
    expect_message(f, CHANNEL_READY, "", "", 0);
    expect_message(f, CHANNEL_STATUS, "", "3 services", 0);
    close_fixture(f);
}

static void what_is_answered_goes_to_the_sink_in_order(void **state)
{
    struct fixture *f = open_fixture();
    struct channel_message messages[] = {
        {.kind = CHANNEL_STARTED, .key = STR("shop/a"), .pid = 7},
        {.kind = CHANNEL_START_FAILED, .key = STR("shop/b"), .text = STR("x: not found in PATH")},
        {.kind = CHANNEL_LISTED},
        {.kind = CHANNEL_EXITED,
         .key = STR("shop/a"),
         .text = STR("exit status 1"),
         .last_lines = STR("one\n")},
        {.kind = CHANNEL_READY}, /* not the supervisor's word: ignored */
        {.kind = CHANNEL_DRAIN},
    };
    const char *problem;
    assert_true(addr_parse(STR("127.0.0.1:81"), &messages[0].address, &problem));
    for (size_t i = 0; i < ARRAY_LEN(messages); i++)
        assert_true(channel_send(&f->supervisor, &messages[i]));
    turn(f);
    assert_string_equal(f->told, "started shop/a 127.0.0.1:81 7;failed shop/b x: not found in PATH;observed;"
                                 "exited shop/a exit status 1 [one\n];drain;");
    close_fixture(f);
}

static void a_supervisor_that_is_gone_is_told_once(void **state)
{
    struct fixture *f = open_fixture();
    struct err err;
    close(f->supervisor.fd);
    f->supervisor.fd = -1;
    turn(f);
    assert_string_equal(f->told, "gone;");
    assert_false(f->provider->ops->start(f->provider, "shop/a", NULL, &err));
    assert_string_equal(err.text, "the supervisor is gone");
    turn(f);
    assert_string_equal(f->told, "gone;");
    close_fixture(f);
}

static void nonsense_counts_as_gone(void **state)
{
    struct fixture *f = open_fixture();
    assert_int_equal(send(f->supervisor.fd, "nonsense", 8, 0), 8);
    turn(f);
    assert_string_equal(f->told, "gone;");
    close_fixture(f);
}

static void many_requests_wait_for_a_slow_supervisor(void **state)
{
    enum { COUNT = 3000 };
    struct fixture *f = open_fixture();
    char key[32], packet[CHANNEL_PACKET_BYTES_MAX];
    struct channel_message m;
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof(key), "shop/%d", i);
        assert_true(f->provider->ops->start(f->provider, key, NULL, NULL));
    }
    for (int i = 0; i < COUNT;) {
        enum channel_result r = channel_receive(&f->supervisor, packet, &m, NULL);
        if (r == CHANNEL_EMPTY) {
            turn(f);
            continue;
        }
        assert_int_equal(r, CHANNEL_MESSAGE);
        snprintf(key, sizeof(key), "shop/%d", i++);
        assert_true(str_eq(m.key, str_of(key)));
    }
    close_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_goes_over_the_channel),
        cmocka_unit_test(what_is_answered_goes_to_the_sink_in_order),
        cmocka_unit_test(a_supervisor_that_is_gone_is_told_once),
        cmocka_unit_test(nonsense_counts_as_gone),
        cmocka_unit_test(many_requests_wait_for_a_slow_supervisor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
