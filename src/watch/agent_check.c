/*
 * agent_check.c: see agent_check.h. The line is so short that the kernel always takes it whole; a client that
 * is gone already is no matter.
 *
 * The mean fades with a time constant of MEAN_NS: a check every second must not follow every spike. A use
 * that is unknown changes nothing.
 */
#include "watch/agent_check.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"
#include "net/socket.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEAN_NS (5.0 * NS_PER_S)

struct agent_check {
    struct loop *loop;
    const struct config_agent *config;
    struct handle listener;
    bool has_mean;
    double mean; /* of the CPU use, percent */
    int64_t noted_ns;
};

unsigned agent_weight(double cpu_percent, double full_below)
{
    double beyond = cpu_percent - full_below, room = 100 - full_below;
    if (beyond <= 0 || room <= 0)
        return 100;
    double share = fmin(beyond / room, 1);
    return (unsigned)lround(100 - share * (100 - AGENT_WEIGHT_LEAST));
}

void agent_check_note(struct agent_check *a, const struct board *b)
{
    static const struct subject machine;
    const struct series *cpu = board_find(b, METRIC_CPU, &machine);
    if (!a || !cpu || !cpu->reading.is_known)
        return;
    double keep = a->has_mean ? exp(-(double)(board_now_ns(b) - a->noted_ns) / MEAN_NS) : 0;
    a->mean = a->mean * keep + cpu->reading.value * (1 - keep);
    a->has_mean = true;
    a->noted_ns = board_now_ns(b);
}

static void answer(const struct agent_check *a, int fd)
{
    char line[16];
    unsigned weight = a->has_mean ? agent_weight(a->mean, a->config->full_below) : 100;
    int n = snprintf(line, sizeof(line), "%u%%\n", weight);
    (void)!send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
}

static void on_connections(struct loop *loop, struct handle *h, uint32_t events)
{
    struct agent_check *a = container_of(h, struct agent_check, listener);
    (void)loop, (void)events;
    for (int fd; (fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0; close(fd))
        answer(a, fd);
}

struct agent_check *agent_check_new(struct loop *loop, const struct config_agent *config, struct err *err)
{
    int fd = socket_listen(&config->check, false, err);
    if (fd < 0) {
        (void)err_wrap(err, "the address of agent checks");
        return NULL;
    }
    struct agent_check *a = NEW(struct agent_check);
    *a = (struct agent_check){
        .loop = loop, .config = config, .listener = {.fd = fd, .on_event = on_connections}};
    if (loop_add(loop, &a->listener, EPOLLIN | EPOLLET))
        return a;
    (void)err_set_errno(err, errno, "listening for agent checks");
    close(fd);
    free(a);
    return NULL;
}

void agent_check_free(struct agent_check *a)
{
    if (a == NULL)
        return;
    loop_remove(a->loop, &a->listener);
    close(a->listener.fd);
    free(a);
}
