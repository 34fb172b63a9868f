/*
 * process.h: provider `process`: servers are local processes, children of the supervisor. The worker asks for
 * them over the channel it inherited; this file speaks that channel on control's loop, and so also hears the
 * supervisor's other words.
 *
 * on_started may be told again for a key that is known (after observe, or when a start met a server that is
 * already there). After the worker was restarted, servers that were being stopped are not told; the
 * supervisor ends them by itself.
 */
#pragma once
#include "net/loop.h"
#include "provider/provider.h"

/* What else the supervisor says. Control thread. Any may be NULL. */
struct process_events {
    void *context;
    void (*on_observed)(void *context); /* observe() is complete: every server that exists has been told */
    void (*on_drain)(void *context);    /* SIGTERM or Ctrl-C: drain, then exit 0 */
    void (*on_supervisor_gone)(void *context); /* no supervisor, no servers: exit */
};

/*
 * Takes supervisor_fd, and closes it in ops->free. sink and events are borrowed and must live as long. To be
 * made even when no service uses the provider, since drain comes this way. NULL with err when the loop
 * refuses the descriptor. start() fails only when the supervisor is gone; whether a server could be started
 * is told through the sink.
 */
struct provider *process_provider_new(struct loop *loop, int supervisor_fd, const struct provider_sink *sink,
                                      const struct process_events *events, struct err *err);

/* The worker answers requests: the supervisor tells the service manager (READY=1). Once per worker. */
void process_provider_report_ready(struct provider *p);
/* One line for `systemctl status`: "3 services, 7 servers". Call when it changes, not more than once a
 * second. */
void process_provider_report_status(struct provider *p, const char *text);
