/* Ephemeral ports: the counting, and the kernel's list against real connections. */
#include "watch/ports.h"

#include "base/addr.h"
#include "base/macros.h"
#include "watch/sock_diag.h"

#include <stdio.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sock_diag_socket socket_to(uint8_t host, uint16_t port, uint16_t local_port)
{
    struct sock_diag_socket s = {.local_port = local_port, .remote_port = port};
    s.remote[10] = s.remote[11] = s.local[10] = s.local[11] = 0xff;
    s.remote[12] = 192;
    s.remote[15] = host;
    return s;
}

static void test_counting(void **state)
{
    struct ports_sample sample;
    struct port_counter *c = port_counter_new();
    port_counter_sum(c, 100, 199, &sample);
    assert_true(sample.percent.is_known && sample.percent.value == 0 && sample.range == 100);
    assert_string_equal(sample.destination, "");
    struct sock_diag_socket listening = {.is_listening = true, .local_port = 150};
    port_counter_add(c, &listening);
    for (uint16_t i = 0; i < 60; i++) {
        struct sock_diag_socket client = socket_to(9, 1, 150); /* to our own port: takes none of the range */
        port_counter_add(c, &client);
        struct sock_diag_socket s = socket_to((uint8_t)(1 + i % 3), 80, (uint16_t)(100 + i / 2));
        port_counter_add(c, &s);
    }
    struct sock_diag_socket more = socket_to(2, 80, 199), other = socket_to(2, 81, 199);
    port_counter_add(c, &more);
    port_counter_add(c, &other);
    more.local[15] = 7; /* from another address of ours: the same ports once more */
    port_counter_add(c, &more);
    port_counter_sum(c, 100, 199, &sample);
    assert_int_equal(sample.in_use, 21);
    assert_true(sample.percent.value == 21);
    assert_string_equal(sample.destination, "192.0.0.2:80");
    port_counter_free(c);
}

/* More destinations than there is room for: no harm, and the busy one is found. */
static void test_many_destinations(void **state)
{
    struct ports_sample sample;
    struct port_counter *c = port_counter_new();
    for (uint32_t i = 0; i < 70000; i++) {
        struct sock_diag_socket s = socket_to(1, 80, 1), other = socket_to(5, (uint16_t)i, 1);
        other.remote[13] = (uint8_t)(i >> 16);
        port_counter_add(c, i % 100 == 0 ? &s : &other);
    }
    port_counter_sum(c, 1, 10000, &sample);
    assert_int_equal(sample.in_use, 700);
    port_counter_free(c);
}

enum { CONNECTIONS = 20 };

static int listen_on(int family, struct addr *ret_address)
{
    const char *problem;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct addr a;
    assert_true(addr_parse(family == AF_INET6 ? STR("[::1]:0") : STR("127.0.0.1:0"), &a, &problem));
    if (fd < 0 || bind(fd, &a.any, a.len) != 0 || listen(fd, CONNECTIONS) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, &a.any, &a.len), 0);
    *ret_address = a;
    return fd;
}

static void on_socket(void *context, const struct sock_diag_socket *s)
{
    port_counter_add(context, s);
}

/* The busiest destination may be one of another test beside us, so only our own is looked for. */
struct wanted {
    uint16_t port;
    uint32_t listening, connected;
};

static void on_wanted(void *context, const struct sock_diag_socket *s)
{
    struct wanted *w = context;
    w->listening += s->is_listening && s->local_port == w->port;
    w->connected += !s->is_listening && s->remote_port == w->port;
}

static void check_family(int family)
{
    int fds[CONNECTIONS];
    const char *why = NULL;
    struct addr address;
    int listener = listen_on(family, &address);
    if (listener < 0)
        return; /* a machine without IPv6 */
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fds[i], &address.any, address.len), 0);
    }
    struct wanted all = {.port = addr_port(&address)}, none = all;
    if (!sock_diag_for_each(1, UINT16_MAX, on_wanted, &all, &why)) {
        print_message("sock_diag: %s\n", why);
        skip();
    }
    assert_int_equal(all.listening, 1);
    assert_int_equal(all.connected, CONNECTIONS);
    assert_true(sock_diag_for_each(1, 1, on_wanted, &none, &why)); /* the kernel leaves out the others */
    assert_int_equal(none.listening + none.connected, 0);
    struct wanted exactly = {.port = all.port}, above = exactly;
    assert_true(sock_diag_for_each(all.port, all.port, on_wanted, &exactly, &why));
    assert_int_equal(exactly.listening, 1);
    assert_true(sock_diag_for_each(all.port + 1, UINT16_MAX, on_wanted, &above, &why));
    assert_int_equal(above.listening, 0);
    struct port_counter *c = port_counter_new();
    struct ports_sample sample;
    assert_true(sock_diag_for_each(1, UINT16_MAX, on_socket, c, &why));
    port_counter_sum(c, 1, UINT16_MAX, &sample);
    assert_true(sample.in_use >= CONNECTIONS);
    port_counter_free(c);
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    close(listener);
}

static void test_real_connections(void **state)
{
    check_family(AF_INET);
    check_family(AF_INET6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_many_destinations),
        cmocka_unit_test(test_real_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
