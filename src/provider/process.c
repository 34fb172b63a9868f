/*
 * process.c
 *
 * A thin translation between provider_ops and the channel. It keeps no list of servers: the supervisor has
 * it, control's reconciler has it, and a third copy could only be wrong. What the supervisor says is passed
 * on in the order in which it was said.
 *
 * The descriptor is level-triggered: a turn reads a bounded number of messages and the loop comes back for
 * the rest.
 */
#include "provider/process.h"

#include "base/macros.h"
#include "base/mem.h"
#include "net/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum { MESSAGES_A_TURN_MAX = 64 };

struct process_provider {
    struct provider provider;
    struct loop *loop;
    const struct process_events *events; /* borrowed */
    struct channel channel;
    struct handle handle; /* fd -1: the supervisor is gone */
};

static struct process_provider *self_of(struct provider *p)
{
    return container_of(p, struct process_provider, provider);
}

static void lose_supervisor(struct process_provider *self)
{
    if (self->handle.fd < 0)
        return;
    loop_remove(self->loop, &self->handle);
    self->handle.fd = -1;
    if (self->events && self->events->on_supervisor_gone)
        self->events->on_supervisor_gone(self->events->context);
}

static void watch(struct process_provider *self)
{
    uint32_t events = EPOLLIN | (channel_is_waiting(&self->channel) ? (uint32_t)EPOLLOUT : 0);
    if (!loop_change(self->loop, &self->handle, events))
        lose_supervisor(self);
}

static bool say(struct process_provider *self, const struct channel_message *m)
{
    if (self->handle.fd < 0)
        return false;
    bool was_waiting = channel_is_waiting(&self->channel);
    if (!channel_send(&self->channel, m)) {
        lose_supervisor(self);
        return false;
    }
    if (channel_is_waiting(&self->channel) && !was_waiting)
        watch(self);
    return self->handle.fd >= 0;
}

/* Sinks take texts that end in NUL; the packet's do not. */
struct texts {
    char key[CHANNEL_KEY_BYTES_MAX + 1];
    char text[CHANNEL_TEXT_BYTES_MAX + 1];
    char last_lines[CHANNEL_LINES_BYTES_MAX + 1];
};

static void tell(struct process_provider *self, const struct channel_message *m)
{
    const struct provider_sink *sink = self->provider.sink;
    const struct process_events *events = self->events;
    struct texts t;
    str_copy(t.key, sizeof(t.key), m->key);
    str_copy(t.text, sizeof(t.text), m->text);
    str_copy(t.last_lines, sizeof(t.last_lines), m->last_lines);
    switch (m->kind) {
    case CHANNEL_STARTED:
        sink->on_started(sink->context, t.key, &m->address, m->pid);
        break;
    case CHANNEL_START_FAILED:
        sink->on_start_failed(sink->context, t.key, t.text);
        break;
    case CHANNEL_EXITED:
        sink->on_exited(sink->context, t.key, t.text, t.last_lines);
        break;
    case CHANNEL_LISTED:
        if (events && events->on_observed)
            events->on_observed(events->context);
        break;
    case CHANNEL_DRAIN:
        if (events && events->on_drain)
            events->on_drain(events->context);
        break;
    default:
        break; /* words of the worker: the supervisor does not say them */
    }
}

static void receive(struct process_provider *self)
{
    char packet[CHANNEL_PACKET_BYTES_MAX];
    struct channel_message m;
    for (int i = 0; i < MESSAGES_A_TURN_MAX && self->handle.fd >= 0; i++) {
        switch (channel_receive(&self->channel, packet, &m, NULL)) {
        case CHANNEL_EMPTY:
            return;
        case CHANNEL_CLOSED:
        case CHANNEL_BROKEN:
            lose_supervisor(self);
            return;
        case CHANNEL_MESSAGE:
            tell(self, &m);
        }
    }
}

static void on_event(struct loop *l, struct handle *h, uint32_t events)
{
    struct process_provider *self = container_of(h, struct process_provider, handle);
    if (events & EPOLLOUT) {
        if (!channel_flush(&self->channel)) {
            lose_supervisor(self);
            return;
        }
        watch(self);
    }
    if (events & ~(uint32_t)EPOLLOUT)
        receive(self);
}

static bool process_start(struct provider *p, const char *key, const struct config_service *service,
                          struct err *err)
{
    if (say(self_of(p), &(struct channel_message){.kind = CHANNEL_START, .key = str_of(key)}))
        return true;
    return err_set(err, "the supervisor is gone");
}

static void process_stop(struct provider *p, const char *key, int64_t stop_timeout_ns)
{
    struct channel_message m = {
        .kind = CHANNEL_STOP, .key = str_of(key), .timeout_ns = MAX(stop_timeout_ns, INT64_C(0))};
    (void)say(self_of(p), &m);
}

static void process_observe(struct provider *p)
{
    (void)say(self_of(p), &(struct channel_message){.kind = CHANNEL_LIST});
}

static void process_free(struct provider *p)
{
    struct process_provider *self = self_of(p);
    if (self->handle.fd >= 0)
        loop_remove(self->loop, &self->handle);
    channel_fini(&self->channel);
    free(self);
}

static const struct provider_ops process_ops = {
    .name = "process",
    .start = process_start,
    .stop = process_stop,
    .observe = process_observe,
    .free = process_free,
};

struct provider *process_provider_new(struct loop *loop, int supervisor_fd, const struct provider_sink *sink,
                                      const struct process_events *events, struct err *err)
{
    ASSERT(supervisor_fd >= 0);
    struct process_provider *self = NEW(struct process_provider);
    self->provider = (struct provider){&process_ops, sink};
    self->loop = loop;
    self->events = events;
    self->handle = (struct handle){.fd = supervisor_fd, .on_event = on_event};
    channel_init(&self->channel, supervisor_fd);
    if (loop_add(loop, &self->handle, EPOLLIN))
        return &self->provider;
    (void)err_set_errno(err, errno, "watching the supervisor's channel");
    self->handle.fd = -1;
    process_free(&self->provider);
    return NULL;
}

void process_provider_report_ready(struct provider *p)
{
    ASSERT(p->ops == &process_ops);
    (void)say(self_of(p), &(struct channel_message){.kind = CHANNEL_READY});
}

void process_provider_report_status(struct provider *p, const char *text)
{
    ASSERT(p->ops == &process_ops);
    (void)say(self_of(p), &(struct channel_message){.kind = CHANNEL_STATUS, .text = str_of(text)});
}
