/* Probes against a tiny server in this program, on a real loop: what counts as good, what a hung server
 * costs, who is asked how often. */
#include "control/prober.h"

#include "base/clock.h"
#include "base/macros.h"
#include "net/socket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <cmocka.h>

struct tiny_server;
struct tiny_client {
    struct handle handle;
    struct tiny_server *tiny;
};

/* Answers the first bytes of every connection with fixed ones and closes, or says nothing at all. */
struct tiny_server {
    struct tiny_client clients[64];
    struct handle listener;
    struct loop *loop;
    const char *answer; /* NULL: hangs, with the connection open */
    bool stops_loop;    /* when a connection has come */
    int held[64];
    int accepted;
    char request[1024];
};

struct scene {
    struct loop *loop;
    struct fleet *fleet;
    struct server *server;
    struct config_health health;
    struct tiny_server tiny;
    struct prober *prober;
    struct timer end;
    bool is_late;
    int probes, probes_max, good;
    bool forgets; /* ends the probing inside the sink */
    char detail[200];
};

static void on_tiny_client(struct loop *loop, struct handle *h, uint32_t events)
{
    (void)events;
    struct tiny_client *c = container_of(h, struct tiny_client, handle);
    struct tiny_server *t = c->tiny;
    ssize_t n = recv(h->fd, t->request, sizeof(t->request) - 1, MSG_DONTWAIT);
    t->request[MAX(n, (ssize_t)0)] = '\0';
    (void)!write(h->fd, t->answer, strlen(t->answer));
    (void)shutdown(h->fd, SHUT_WR);
    loop_remove(loop, h);
}

static void on_tiny(struct loop *loop, struct handle *h, uint32_t events)
{
    (void)loop, (void)events;
    struct tiny_server *t = container_of(h, struct tiny_server, listener);
    int fd;
    while ((fd = accept(h->fd, NULL, NULL)) >= 0) {
        assert_true(t->accepted < (int)ARRAY_LEN(t->held));
        t->held[t->accepted++] = fd;
        if (t->stops_loop)
            loop_stop(t->loop);
        if (!t->answer)
            continue;
        struct tiny_client *c = &t->clients[t->accepted - 1];
        *c = (struct tiny_client){.handle = {.fd = fd, .on_event = on_tiny_client}, .tiny = t};
        assert_true(loop_add(t->loop, &c->handle, EPOLLIN));
    }
}

static void on_end(struct loop *loop, struct timer *t)
{
    struct scene *s = container_of(t, struct scene, end);
    s->is_late = true;
    loop_stop(loop);
}

static void on_probe(void *context, struct server *server, bool is_good, const char *detail)
{
    struct scene *s = context;
    assert_ptr_equal(server, s->server);
    s->probes++;
    s->good += is_good;
    snprintf(s->detail, sizeof(s->detail), "%s", detail);
    if (s->forgets)
        prober_set_pace(s->prober, server, &s->health, PROBE_NEVER);
    if (s->probes == s->probes_max)
        loop_stop(s->loop);
}

static int setup(void **state)
{
    static struct scene s;
    const char *problem;
    struct addr any;
    struct err err;
    s = (struct scene){.probes_max = 1,
                       .health = {.has_path = true,
                                  .path = STR("/healthz"),
                                  .interval_ns = 20 * NS_PER_MS,
                                  .timeout_ns = 5 * NS_PER_S,
                                  .start_interval_ns = 1 * NS_PER_MS,
                                  .status_min = 200,
                                  .status_max = 399}};
    if (!addr_parse(STR("127.0.0.1:0"), &any, &problem))
        return -1;
    s.loop = loop_new(NULL);
    s.tiny.loop = s.loop;
    s.tiny.listener = (struct handle){.fd = socket_listen(&any, false, &err), .on_event = on_tiny};
    if (s.tiny.listener.fd < 0 || !loop_add(s.loop, &s.tiny.listener, EPOLLIN))
        return -1;
    socket_local_addr(s.tiny.listener.fd, &any);
    s.fleet = fleet_new(1);
    s.server = fleet_add_server(s.fleet, fleet_add_service(s.fleet, STR("shop")), STR("shop-1"), &any);
    struct prober_sink sink = {.context = &s, .on_probe = on_probe};
    s.prober = prober_new(s.loop, &sink);
    timer_init(&s.end, on_end);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    prober_free(s->prober);
    timer_cancel(&s->end);
    loop_remove(s->loop, &s->tiny.listener);
    close(s->tiny.listener.fd);
    for (int i = 0; i < s->tiny.accepted; i++)
        close(s->tiny.held[i]);
    loop_free(s->loop);
    fleet_free(s->fleet);
    return 0;
}

/* Until probes_max probes have ended; the limit only keeps a broken program from hanging. */
static void run(struct scene *s)
{
    timer_set(s->loop, &s->end, clock_now_ns() + 20 * NS_PER_S);
    loop_run(s->loop);
    assert_false(s->is_late);
    assert_int_equal(prober_open_sockets(s->prober), 0);
}

static void the_status_decides(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *answer;
        bool is_good;
        const char *detail;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, "status 200"},
        {"HTTP/1.0 204 No Content\r\n\r\n", true, "status 204"},
        {"HTTP/1.1 399 Odd\r\nContent-Length: 0\r\n\r\n", true, "status 399"},
        {"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", false, "status 400"},
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", false, "status 503"},
        {"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", true, "status 200"},
        {"HTTP/1.1 200 OK\r\nConte", false, "closed without a whole answer"},
        {"", false, "closed without a whole answer"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        s->tiny.answer = cases[i].answer;
        s->probes = s->good = 0;
        prober_set_pace(s->prober, s->server, &s->health, PROBE_FAST);
        run(s);
        assert_string_equal(s->detail, cases[i].detail);
        assert_int_equal(s->good, cases[i].is_good);
        prober_set_pace(s->prober, s->server, &s->health, PROBE_NEVER);
    }
}

static void what_is_not_http_is_not_good(void **state)
{
    struct scene *s = *state;
    s->tiny.answer = "SSH-2.0-OpenSSH_9.2\r\n";
    prober_set_pace(s->prober, s->server, &s->health, PROBE_FAST);
    run(s);
    assert_int_equal(s->good, 0);
    assert_ptr_equal(strstr(s->detail, "not HTTP: "), s->detail);
}

static void a_probe_without_path_is_a_connect(void **state)
{
    struct scene *s = *state;
    s->health.has_path = false;
    prober_set_pace(s->prober, s->server, &s->health, PROBE_SLOW);
    run(s);
    assert_int_equal(s->good, 1);
    assert_string_equal(s->detail, "connected");
}

static void a_refused_connection_is_told(void **state)
{
    struct scene *s = *state;
    int other = dup(s->tiny.listener.fd); /* so that the handle can be removed as usual at the end */
    (void)shutdown(other, SHUT_RDWR);
    close(other);
    prober_set_pace(s->prober, s->server, &s->health, PROBE_FAST);
    run(s);
    assert_int_equal(s->good, 0);
    assert_string_equal(s->detail, "connection refused");
}

/* Fast while it may come up at any moment; who listens already and is not ready yet is left in peace. */
static void only_a_server_that_refuses_is_probed_quickly(void **state)
{
    struct scene *s = *state;
    s->health.start_interval_ns = 3600 * NS_PER_S;
    s->probes_max = 10;
    int other = dup(s->tiny.listener.fd);
    (void)shutdown(other, SHUT_RDWR);
    close(other);
    prober_set_pace(s->prober, s->server, &s->health, PROBE_FAST);
    run(s);
    assert_string_equal(s->detail, "connection refused");
}

static void a_server_that_is_not_ready_is_probed_at_start_interval(void **state)
{
    struct scene *s = *state;
    s->health.start_interval_ns = 200 * NS_PER_MS;
    s->probes_max = 3;
    s->tiny.answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    int64_t begin_ns = clock_now_ns();
    prober_set_pace(s->prober, s->server, &s->health, PROBE_FAST);
    run(s);
    assert_true(clock_now_ns() - begin_ns >= 2 * 200 * NS_PER_MS);
}

static void a_hung_server_costs_one_socket_for_the_timeout(void **state)
{
    struct scene *s = *state;
    s->health.timeout_ns = 20 * NS_PER_MS;
    s->probes_max = 10;
    s->tiny.answer = NULL;
    prober_set_pace(s->prober, s->server, &s->health, PROBE_FAST);
    run(s);
    assert_int_equal(s->good, 0);
    assert_string_equal(s->detail, "no answer within 20ms");
    for (int i = 0; i < s->tiny.accepted; i++) { /* every one was closed by the prober */
        char byte[512];
        ssize_t n;
        while ((n = recv(s->tiny.held[i], byte, sizeof(byte), MSG_DONTWAIT)) > 0)
            ;
        assert_int_equal(n, 0);
    }
}

static void a_forgotten_server_is_asked_no_more(void **state)
{
    struct scene *s = *state;
    s->tiny.answer = "HTTP/1.1 200 OK\r\n\r\n";
    s->forgets = true;
    prober_set_pace(s->prober, s->server, &s->health, PROBE_FAST);
    run(s);
    /* Forgotten in the middle of a probe, too. */
    s->forgets = false;
    s->tiny.answer = NULL;
    prober_set_pace(s->prober, s->server, &s->health, PROBE_FAST);
    s->probes_max = 99;
    s->tiny.stops_loop = true;
    loop_run(s->loop);
    assert_int_equal(prober_open_sockets(s->prober), 1);
    prober_set_pace(s->prober, s->server, &s->health, PROBE_NEVER);
    assert_int_equal(prober_open_sockets(s->prober), 0);
    assert_int_equal(s->probes, 1);
}

static void the_request_says_who_asks(void **state)
{
    struct scene *s = *state;
    s->health.host = STR("shop.example.com");
    s->tiny.answer = "HTTP/1.1 200 OK\r\n\r\n";
    prober_set_pace(s->prober, s->server, &s->health, PROBE_FAST);
    run(s);
    assert_ptr_equal(strstr(s->tiny.request, "GET /healthz HTTP/1.1\r\nHost: shop.example.com\r\n"),
                     s->tiny.request);
    assert_non_null(strstr(s->tiny.request, "\r\nUser-Agent: weir-health/"));
    assert_non_null(strstr(s->tiny.request, "\r\nConnection: close\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_status_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_http_is_not_good, setup, teardown),
        cmocka_unit_test_setup_teardown(a_probe_without_path_is_a_connect, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_connection_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(only_a_server_that_refuses_is_probed_quickly, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_is_not_ready_is_probed_at_start_interval, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_hung_server_costs_one_socket_for_the_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forgotten_server_is_asked_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(the_request_says_who_asks, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
