/*
 * How the worker ends. SIGTERM or the supervisor's `drain`: nothing new is accepted, what runs may end within
 * timeouts.drain, then exit 0. A second SIGTERM, or a supervisor that is gone: at once. SIGINT belongs to the
 * supervisor, which hears the terminal's Ctrl-C too and says what it means; here it is ignored.
 *
 * Signals come as a descriptor on the loop, and are blocked before any thread exists, so that no data thread
 * ever takes one.
 */
#include "base/clock.h"
#include "base/units.h"
#include "config/engine.h"
#include "control/control_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DRAIN_LOOK_NS (20 * NS_PER_MS)

static void end_now(struct control *c, int exit_status)
{
    c->phase = PHASE_ENDING;
    c->exit_status = exit_status;
    loop_stop(c->loop);
}

static uint32_t requests_in_flight(const struct control *c)
{
    int32_t total = 0;
    fleet_for_each_service (c->fleet, s)
        total += atomic_load_explicit(&s->in_flight, memory_order_relaxed) +
                 atomic_load_explicit(&s->queued, memory_order_relaxed);
    return (uint32_t)MAX(total, 0);
}

static void tell_drained(struct control *c, uint32_t connections)
{
    char text[160] = "all connections have ended";
    if (connections)
        snprintf(text, sizeof(text), "timeouts.drain has passed: %u connections with %u requests are cut",
                 connections, requests_in_flight(c));
    control_note(c, &(struct event_note){.kind = "worker_drained",
                                         .level = connections ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
                                         .text = text});
}

static void on_drain_timer(struct loop *loop, struct timer *t)
{
    struct control *c = container_of(t, struct control, drain_timer);
    int64_t now_ns = loop_now_ns(loop);
    uint32_t connections = proxy_connections(c->proxy);
    bool is_waiting = c->is_ending_servers ? !providers_have_ended_all(c) : connections > 0;
    if (is_waiting && now_ns < c->drain_deadline_ns) {
        timer_set(loop, t, now_ns + DRAIN_LOOK_NS);
        return;
    }
    if (!c->is_ending_servers)
        tell_drained(c, connections);
    else if (is_waiting)
        control_note(
            c, &(struct event_note){.kind = "servers_left",
                                    .level = LOG_LEVEL_WARN,
                                    .text = "not all servers could be stopped in time (at_exit: stop)"});
    c->is_ending_servers = !c->is_ending_servers && providers_end_all(c);
    c->drain_deadline_ns = now_ns + config_engines_exit_ns(c->config);
    if (c->is_ending_servers)
        timer_set(loop, t, now_ns + DRAIN_LOOK_NS);
    else
        end_now(c, 0);
}

static void drain(struct control *c, const char *why)
{
    char text[160], limit[UNITS_TEXT_BYTES];
    if (c->phase != PHASE_RUNNING)
        return;
    c->phase = PHASE_DRAINING;
    snprintf(text, sizeof(text), "%s: nothing new is taken; %u requests on %u connections may end within %s",
             why, requests_in_flight(c), proxy_connections(c->proxy),
             units_format_duration(limit, c->config->timeouts.drain_ns));
    control_note(c, &(struct event_note){.kind = "worker_draining", .level = LOG_LEVEL_INFO, .text = text});
    scale_freeze(c->scale);
    proxy_drain(c->proxy);
    c->drain_deadline_ns = loop_now_ns(c->loop) + c->config->timeouts.drain_ns;
    timer_set(c->loop, &c->drain_timer, loop_now_ns(c->loop));
}

static void on_term(struct control *c)
{
    if (c->phase == PHASE_DRAINING)
        end_now(c, 0);
    else
        drain(c, "SIGTERM");
}

static void on_signals(struct loop *loop, struct handle *h, uint32_t events)
{
    (void)loop, (void)events;
    struct control *c = container_of(h, struct control, signals);
    struct signalfd_siginfo info;
    while (read(h->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo == SIGTERM)
            on_term(c);
}

/* The signal may have been caught between our start and READY: it is then read in the loop's first turn. */
bool lifecycle_start(struct control *c, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return err_set_errno(err, errno, "blocking signals");
    timer_init(&c->drain_timer, on_drain_timer);
    c->signals =
        (struct handle){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), .on_event = on_signals};
    if (c->signals.fd < 0 || !loop_add(c->loop, &c->signals, EPOLLIN))
        return err_set_errno(err, errno, "listening for signals");
    return true;
}

void lifecycle_stop(struct control *c)
{
    timer_cancel(&c->drain_timer);
    if (c->signals.fd < 0)
        return;
    loop_remove(c->loop, &c->signals);
    close(c->signals.fd);
    c->signals.fd = -1;
}

void lifecycle_tell_status(struct control *c)
{
    char text[sizeof(c->status_text)];
    uint32_t services = 0, servers = 0, taking = 0;
    if (!c->process)
        return;
    fleet_for_each_service (c->fleet, s)
        services++;
    fleet_for_each_server (c->fleet, s) {
        servers++;
        taking += server_can_take(s);
    }
    snprintf(text, sizeof(text), "%u service%s, %u of %u servers take requests, %zu alerts", services,
             services == 1 ? "" : "s", taking, servers, watch_alerts_firing(c->watch));
    if (strcmp(text, c->status_text) == 0)
        return;
    snprintf(c->status_text, sizeof(c->status_text), "%s", text);
    process_provider_report_status(c->process, text);
}

static void on_drain_word(void *context)
{
    drain(context, "the supervisor says drain");
}

static void on_observed(void *context)
{
    struct control *c = context;
    scale_on_observed(c->scale, c->process, loop_now_ns(c->loop));
}

static void on_supervisor_gone(void *context)
{
    struct control *c = context;
    if (c->phase == PHASE_ENDING)
        return;
    log_error("the supervisor is gone, and with it the servers: the worker ends");
    end_now(c, 1);
}

const struct process_events lifecycle_process_events = {
    .on_observed = on_observed, .on_drain = on_drain_word, .on_supervisor_gone = on_supervisor_gone};
