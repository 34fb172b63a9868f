/*
 * sock_diag.c: see sock_diag.h; sock_diag(7), net/ipv4/inet_diag.c of Linux.
 *
 * A dump for each address family. The range of ports is checked by a small program that the kernel runs on
 * each socket, so that the connections of clients to a server's own port are never copied.
 */
#include "watch/sock_diag.h"

#include "base/macros.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ANSWER_BYTES = 32 * 1024, /* the kernel's datagrams are at most that long */
    STATES = ((1 << (TCP_CLOSING + 1)) - 1) & ~(1 << TCP_CLOSE),
    TIMEOUT_S = 2, /* of one answer: there is always one unless the kernel is in trouble */
};

struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
    struct rtattr attribute;
    struct inet_diag_bc_op program[4];
};

/* "local port >= first, and <= last": a condition and its argument each. An offset beyond the end says no. */
static void write_program(struct request *r, uint16_t first, uint16_t last)
{
    enum { OP = sizeof(r->program[0]), ALL = sizeof(r->program), REFUSE = 4 };
    r->attribute = (struct rtattr){.rta_len = RTA_LENGTH(ALL), .rta_type = INET_DIAG_REQ_BYTECODE};
    r->program[0] = (struct inet_diag_bc_op){INET_DIAG_BC_S_GE, 2 * OP, ALL + REFUSE};
    r->program[1].no = first;
    r->program[2] = (struct inet_diag_bc_op){INET_DIAG_BC_S_LE, 2 * OP, 2 * OP + REFUSE};
    r->program[3].no = last;
}

static bool send_request(int fd, uint8_t family, uint16_t first, uint16_t last)
{
    struct request r = {
        .header = {.nlmsg_len = sizeof(r),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = STATES}};
    write_program(&r, first, last);
    return send(fd, &r, sizeof(r), 0) == (ssize_t)sizeof(r);
}

static void copy_address(uint8_t out[16], uint8_t family, const __be32 *address)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (family == AF_INET6) {
        memcpy(out, address, 16);
        return;
    }
    memcpy(out, mapped, sizeof(mapped));
    memcpy(out + sizeof(mapped), address, 4);
}

static struct sock_diag_socket read_socket(const struct inet_diag_msg *m)
{
    struct sock_diag_socket s = {.is_listening = m->idiag_state == TCP_LISTEN,
                                 .local_port = ntohs(m->id.idiag_sport),
                                 .remote_port = ntohs(m->id.idiag_dport)};
    copy_address(s.local, m->idiag_family, m->id.idiag_src);
    copy_address(s.remote, m->idiag_family, m->id.idiag_dst);
    return s;
}

/* One datagram. true: more will follow. *ret_error: 0, or what the kernel refuses with. */
static bool read_answer(const char *answer, size_t bytes,
                        void (*on_socket)(void *context, const struct sock_diag_socket *s), void *context,
                        int *ret_error)
{
    *ret_error = 0;
    for (size_t at = 0; at + sizeof(struct nlmsghdr) <= bytes;) {
        const struct nlmsghdr *h = (const struct nlmsghdr *)(answer + at);
        if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > bytes - at)
            break;
        at += NLMSG_ALIGN(h->nlmsg_len);
        if (h->nlmsg_type == NLMSG_DONE)
            return false;
        if (h->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *e = NLMSG_DATA(h);
            *ret_error = h->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) && e->error ? -e->error : EPROTO;
            return false;
        }
        if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
            continue;
        struct sock_diag_socket s = read_socket(NLMSG_DATA(h));
        on_socket(context, &s);
    }
    return true;
}

/* 0, or an error number. */
static int dump(int fd, uint8_t family, uint16_t first, uint16_t last,
                void (*on_socket)(void *context, const struct sock_diag_socket *s), void *context)
{
    _Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
    int error = 0;
    ssize_t n;
    if (!send_request(fd, family, first, last))
        return errno;
    do {
        n = recv(fd, answer, sizeof(answer), 0);
        if (n < 0 && errno != EINTR)
            return errno;
    } while (n < 0 || read_answer(answer, (size_t)n, on_socket, context, &error));
    return error;
}

bool sock_diag_for_each(uint16_t first, uint16_t last,
                        void (*on_socket)(void *context, const struct sock_diag_socket *s), void *context,
                        const char **ret_why)
{
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) {
        *ret_why = strerrordesc_np(errno);
        return false;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    int error = dump(fd, AF_INET, first, last, on_socket, context);
    if (error == 0)
        error = dump(fd, AF_INET6, first, last, on_socket, context);
    close(fd);
    if (error == ENOENT)
        *ret_why = "the kernel lists no TCP sockets (tcp_diag)";
    else if (error)
        *ret_why = strerrordesc_np(error);
    return error == 0;
}
