/*
 * The control thread: builds the worker from a configuration, then turns its loop until it has drained.
 *
 * Order of building: the fleet with all services, scaling with a first snapshot (without servers, but with
 * every route), what was learned before, the data plane, which wants a snapshot, then the admin listener.
 * From the moment the data threads run, a request is routed and may wait in its service's queue; that is what
 * `ready` means, and why it is told before any server has started. Everything is taken down in the reverse
 * order, after the data threads have ended.
 */
#include "control/control.h"

#include "admin/token.h"
#include "base/clock.h"
#include "base/mem.h"
#include "control/control_priv.h"
#include "proxy/queue.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

void control_note(struct control *c, const struct event_note *note)
{
    ledger_add(c->ledger, note, clock_wall_ns(), loop_now_ns(c->loop));
}

const struct config_service *control_config_of(const struct control *c, const struct service *s)
{
    return c->configs[s->slot];
}

/* Each connection costs a descriptor or two: take what the system grants. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool add_services(struct control *c, struct err *err)
{
    for (size_t i = 0; i < c->config->service_count; i++) {
        const struct config_service *config = &c->config->services[i];
        if (config->scale.provider == SCALE_PROVIDER_PROCESS && c->params->supervisor_fd < 0)
            return err_set(err, "service %.*s wants processes, but there is no supervisor",
                           STR_ARG(config->name));
        struct service *service = fleet_add_service(c->fleet, config->name);
        if (!service)
            return err_set(err, "more than %d services", FLEET_SERVICES_MAX);
        c->configs[service->slot] = config;
        proxy_queue_new(service);
    }
    return true;
}

static void free_services(struct control *c)
{
    fleet_for_each_service (c->fleet, s)
        proxy_queue_free(s);
    fleet_free(c->fleet);
}

static bool start_proxy(struct control *c, struct err *err)
{
    struct proxy_params params = {.fleet = c->fleet,
                                  .thread_count = c->config->workers,
                                  .listener_count = (uint32_t)c->config->listener_count,
                                  .listener_fds = c->params->listener_fds,
                                  .wake_control = scaling_wake,
                                  .context = c};
    c->proxy = proxy_new(&params, err);
    return c->proxy && proxy_start(c->proxy, err);
}

static bool start_admin(struct control *c, struct err *err)
{
    if (!c->config->admin.is_enabled || c->params->admin_fd < 0)
        return true;
    struct buf token CLEANUP(buf_fini) = {0};
    struct admin_ops ops = answering_ops(c);
    if (!token_load(&c->config->admin, &token, err))
        return false;
    c->admin = admin_new(c->loop, c->params->admin_fd, buf_str(&token), c->fleet, &ops, err);
    return c->admin != NULL;
}

static bool start(struct control *c, struct err *err)
{
    c->loop = loop_new(c);
    if (!c->loop)
        return err_set_errno(err, errno, "opening the control thread's event loop");
    c->ledger = ledger_new(LEDGER_EVENTS_MAX);
    c->fleet = fleet_new(c->config->workers);
    if (!lifecycle_start(c, err) || !add_services(c, err) || !providers_start(c, err))
        return false;
    if (!watching_start(c, err))
        return false;
    recording_start(c);
    if (!scaling_start(c, err) || !discovering_start(c, err))
        return false;
    metering_start(c);
    keeping_start(c);
    budgeting_start(c);
    return start_proxy(c, err) && start_admin(c, err);
}

static void stop(struct control *c)
{
    admin_free(c->admin);
    if (c->proxy) {
        proxy_stop(c->proxy);
        proxy_free(c->proxy);
    }
    if (c->loop) {
        budgeting_stop(c);
        watching_close(c);
        recording_stop(c);
        metering_stop(c);
        keeping_stop(c);
        watching_stop(c);
        discovering_stop(c);
        scaling_stop(c);
        providers_stop(c);
        lifecycle_stop(c);
    }
    if (c->fleet)
        free_services(c);
    ledger_free(c->ledger);
    if (c->loop)
        loop_free(c->loop);
}

static void announce(struct control *c)
{
    c->phase = PHASE_RUNNING;
    control_note(c, &(struct event_note){
                        .kind = "worker_ready", .level = LOG_LEVEL_INFO, .text = "requests are taken"});
    if (c->process)
        process_provider_report_ready(c->process);
    scaling_run(c);
    lifecycle_tell_status(c);
}

int control_run(const struct control_params *params)
{
    struct control c = {
        .params = params, .config = params->config, .signals = {.fd = -1}, .wake = {.fd = -1}};
    struct err err = {0};
    raise_descriptor_limit();
    if (start(&c, &err)) {
        announce(&c);
        loop_run(c.loop);
    } else {
        log_error("the worker cannot start: %s", err.text);
        c.exit_status = CONTROL_CANNOT_START;
    }
    stop(&c);
    return c.exit_status;
}
