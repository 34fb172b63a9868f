/* The admin listener: accepts, and keeps what all connections share. The work is in connection.c and
 * routes.c. */
#include "admin/admin.h"

#include "admin/admin_priv.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 16 };
#define ACCEPT_AGAIN_NS (100 * NS_PER_MS) /* when descriptors or memory were out */

static void pause_accepting(struct admin *a)
{
    loop_remove(a->loop, &a->listener);
    timer_set(a->loop, &a->accept_timer, loop_now_ns(a->loop) + ACCEPT_AGAIN_NS);
}

static void on_listener(struct loop *loop, struct handle *h, uint32_t events)
{
    (void)loop, (void)events;
    struct admin *a = container_of(h, struct admin, listener);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(h->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admin_connection_open(a, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(a);
        return;
    }
}

static void on_accept_again(struct loop *loop, struct timer *t)
{
    struct admin *a = container_of(t, struct admin, accept_timer);
    if (!loop_add(loop, &a->listener, EPOLLIN))
        timer_set(loop, t, loop_now_ns(loop) + ACCEPT_AGAIN_NS);
}

static void on_recent(struct loop *loop, struct timer *t)
{
    struct admin *a = container_of(t, struct admin, recent_timer);
    recent_tick(a->recent, loop_now_ns(loop));
    timer_set(loop, t, loop_now_ns(loop) + RECENT_TICK_NS);
}

struct admin *admin_new(struct loop *loop, int listener_fd, struct str token, struct fleet *fleet,
                        const struct admin_ops *ops, struct err *err)
{
    struct admin *a = NEW(struct admin);
    a->loop = loop;
    a->fleet = fleet;
    a->ops = *ops;
    buf_put(&a->token, token);
    list_init(&a->connections);
    timer_init(&a->recent_timer, on_recent);
    timer_init(&a->accept_timer, on_accept_again);
    a->recent = recent_new(fleet);
    a->listener = (struct handle){.fd = listener_fd, .on_event = on_listener};
    if (!loop_add(loop, &a->listener, EPOLLIN)) {
        err_set_errno(err, errno, "watching the admin listener");
        admin_free(a);
        return NULL;
    }
    recent_tick(a->recent, clock_now_ns());
    timer_set(loop, &a->recent_timer, loop_now_ns(loop) + RECENT_TICK_NS);
    return a;
}

void admin_answer_later(struct admin *a, uint64_t ticket, int status, struct str json)
{
    struct admin_response response = {.status = status, .content_type = "application/json"};
    buf_put(&response.body, json);
    buf_put_char(&response.body, '\n');
    admin_connection_answer(a, ticket, &response);
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    admin_connection_close_all(a);
    timer_cancel(&a->recent_timer);
    if (timer_is_set(&a->accept_timer))
        timer_cancel(&a->accept_timer);
    else
        loop_remove(a->loop, &a->listener);
    recent_free(a->recent);
    buf_fini(&a->token);
    free(a);
}
