/* A peer's end is told for what it was: orderly, or a reset, whoever of the calls came to hear of it first.
 */
#include "base/macros.h"
#include "proxy/peer.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Two ends of a TCP connection over loopback. */
static void connect_pair(int *ret_ours, int *ret_theirs)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
    *ret_ours = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)connect(*ret_ours, (struct sockaddr *)&address, bytes);
    *ret_theirs = accept(listener, NULL, NULL);
    assert_true(*ret_theirs >= 0);
    close(listener);
}

static void wait_for(int fd, short events)
{
    struct pollfd waiting = {.fd = fd, .events = events};
    assert_int_equal(poll(&waiting, 1, 5000), 1);
}

static void a_reset_heard_of_by_a_send_is_no_orderly_end(void **state)
{
    struct buffer_pool *pool = buffer_pool_new(1024 * 1024);
    int ours, theirs;
    connect_pair(&ours, &theirs);
    assert_int_equal(send(theirs, "half", 4, 0), 4);
    wait_for(ours, POLLIN);
    assert_int_equal(
        setsockopt(theirs, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger)), 0);
    close(theirs);
    wait_for(ours, 0); /* POLLERR */
    struct peer p = {.handle.fd = ours};
    peer_note_events(&p, EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP);
    char more[] = "more";
    struct iovec part = {more, 4};
    assert_int_equal(peer_write(pool, &p, &part, 1, 0), IO_ERR);
    char bytes[16];
    size_t n;
    assert_int_equal(peer_read(&p, bytes, sizeof(bytes), &n), IO_OK);
    assert_int_equal(n, 4);
    assert_int_equal(peer_read(&p, bytes, sizeof(bytes), &n), IO_ERR);
    assert_int_equal(peer_nothing_to_read(&p), IO_ERR);
    close(ours);
    buffer_pool_free(pool);
}

static void an_orderly_end_stays_one_when_the_other_side_takes_no_more(void **state)
{
    struct buffer_pool *pool = buffer_pool_new(1024 * 1024);
    int ours, theirs;
    connect_pair(&ours, &theirs);
    assert_int_equal(send(theirs, "whole", 5, 0), 5);
    close(theirs); /* nothing unread there: data and FIN; what we send now is answered by a reset */
    wait_for(ours, POLLIN | POLLRDHUP);
    struct peer p = {.handle.fd = ours};
    peer_note_events(&p, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    char more[] = "more";
    struct iovec part = {more, 4};
    assert_int_equal(peer_write(pool, &p, &part, 1, 0), IO_OK);
    wait_for(ours, 0);
    assert_int_equal(peer_write(pool, &p, &part, 1, 0), IO_ERR);
    char bytes[16];
    size_t n;
    assert_int_equal(peer_read(&p, bytes, sizeof(bytes), &n), IO_OK);
    assert_int_equal(n, 5);
    assert_int_equal(peer_read(&p, bytes, sizeof(bytes), &n), IO_EOF);
    assert_int_equal(peer_nothing_to_read(&p), IO_EOF);
    close(ours);
    buffer_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_heard_of_by_a_send_is_no_orderly_end),
        cmocka_unit_test(an_orderly_end_stays_one_when_the_other_side_takes_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
