/*
 * Servers that change hands under a request: it is refused by the one that its thread knows of, and within
 * the same turn control shows another. Nobody wakes the thread here, so only what looks once more before it
 * refuses finds that.
 */
#include "config/reader.h"
#include "control/snapshot_build.h"
#include "net/socket.h"
#include "proxy/proxy.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct given_up nobody;

struct site {
    struct fleet *fleet;
    struct config *config;
    struct service *service;
    struct addr next; /* of the server that comes when the first has refused */
    int times_woken;
};

static void add_server(struct site *site, const char *name, const struct addr *address)
{
    struct server *s = fleet_add_server(site->fleet, site->service, str_of(name), address);
    assert_non_null(s);
    atomic_store(&s->state, SERVER_SERVING);
    atomic_store(&s->is_healthy, 1);
    fleet_publish(site->fleet, snapshot_build(site->fleet, site->config, &nobody));
}

/* On the data thread, which knows of the refusal and has not decided yet. Control waits meanwhile. */
static void wake_control(void *context)
{
    struct site *site = context;
    if (site->times_woken++ == 0 && site->next.len)
        add_server(site, "shop-2", &site->next);
}

static int listen_anywhere(struct addr *ret_addr)
{
    struct addr any;
    const char *problem;
    assert_true(addr_parse(STR("127.0.0.1:0"), &any, &problem));
    int fd = socket_listen(&any, false, NULL);
    assert_true(fd >= 0 && socket_local_addr(fd, ret_addr));
    return fd;
}

static void wait_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 20000), 1);
}

/* Plays one server for one request. */
static void answer_one(int listener)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    char head[2048];
    wait_readable(listener);
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0 && recv(fd, head, sizeof(head), 0) > 0);
    assert_int_equal(send(fd, answer, strlen(answer), 0), (ssize_t)strlen(answer));
    close(fd);
}

static int ask(const struct addr *address)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, &address->any, address->len), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    return fd;
}

/* The status of the answer to one request, behind a server that refuses; server: the listener of the one that
 * comes then, or -1. */
static int status_behind_a_refusal(struct site *site, int server)
{
    struct diagnostics d;
    struct addr refusing, front;
    struct err err = {0};
    char answer[64] = "";
    close(listen_anywhere(&refusing)); /* nobody listens there now */
    int listener = listen_anywhere(&front);
    site->config = config_read("test",
                               STR("listeners: [{http: \"127.0.0.1:1\"}]\n"
                                   "services: {shop: {servers: [\"127.0.0.1:2\"]}}\n"),
                               &d);
    assert_non_null(site->config);
    diagnostics_fini(&d);
    site->fleet = fleet_new(1);
    site->service = fleet_add_service(site->fleet, STR("shop"));
    proxy_queue_new(site->service);
    add_server(site, "shop-1", &refusing);
    struct proxy_params params = {.fleet = site->fleet,
                                  .thread_count = 1,
                                  .listener_count = 1,
                                  .listener_fds = &listener,
                                  .wake_control = wake_control,
                                  .context = site};
    struct proxy *proxy = proxy_new(&params, &err);
    assert_true(proxy && proxy_start(proxy, &err));
    int client = ask(&front);
    if (server >= 0)
        answer_one(server);
    wait_readable(client);
    assert_true(recv(client, answer, sizeof(answer) - 1, 0) > 12);
    close(client);
    proxy_stop(proxy);
    proxy_free(proxy);
    proxy_queue_free(site->service);
    fleet_free(site->fleet);
    config_free(site->config);
    close(listener);
    return atoi(answer + strlen("HTTP/1.1 "));
}

static void a_server_that_came_within_the_turn_is_found(void **state)
{
    struct site site = {0};
    int server = listen_anywhere(&site.next);
    assert_int_equal(status_behind_a_refusal(&site, server), 200);
    assert_true(site.times_woken > 0);
    close(server);
}

static void without_another_the_refusal_is_told(void **state)
{
    struct site site = {0};
    assert_int_equal(status_behind_a_refusal(&site, -1), 502);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_came_within_the_turn_is_found),
        cmocka_unit_test(without_another_the_refusal_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
