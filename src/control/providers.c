/*
 * Where servers come from: the supervisor for all services whose provider is `process`, and for each other
 * service its own engine. All tell scale through one sink.
 */
#include "base/clock.h"
#include "config/engine.h"
#include "control/control_priv.h"
#include "provider/drivers.h"
#include "provider/managed.h"

static bool start_process(struct control *c, struct err *err)
{
    if (c->params->supervisor_fd < 0)
        return true;
    c->process_events = lifecycle_process_events;
    c->process_events.context = c;
    c->process = process_provider_new(c->loop, c->params->supervisor_fd, &c->sink, &c->process_events, err);
    return c->process != NULL;
}

static bool start_engine(struct control *c, const struct service *s, struct err *err)
{
    const struct config_service *config = control_config_of(c, s);
    const struct driver_ops *driver = driver_find(&config->scale);
    struct managed_params params = {.loop = c->loop,
                                    .driver = driver,
                                    .service = config,
                                    .sink = &c->sink,
                                    .seed = (uint64_t)clock_wall_ns() + s->id};
    if (!driver)
        return true;
    c->engines[s->slot] = managed_provider_new(&params, err);
    return c->engines[s->slot] || err_wrap(err, "service %s, provider %s", s->name, driver->name);
}

bool providers_start(struct control *c, struct err *err)
{
    c->sink = scaling_provider_sink;
    c->sink.context = c;
    if (!start_process(c, err))
        return false;
    fleet_for_each_service (c->fleet, s)
        if (!start_engine(c, s, err))
            return false;
    return true;
}

static bool has_to_end(const struct control *c, const struct service *s)
{
    return c->engines[s->slot] && config_stops_at_exit(control_config_of(c, s));
}

bool providers_end_all(struct control *c)
{
    bool is_any = false;
    fleet_for_each_service (c->fleet, s) {
        if (!has_to_end(c, s))
            continue;
        managed_provider_end_all(c->engines[s->slot]);
        is_any = true;
    }
    return is_any;
}

bool providers_have_ended_all(const struct control *c)
{
    fleet_for_each_service (c->fleet, s)
        if (has_to_end(c, s) && !managed_provider_has_ended_all(c->engines[s->slot]))
            return false;
    return true;
}

void providers_stop(struct control *c)
{
    for (size_t i = 0; i < ARRAY_LEN(c->engines); i++)
        if (c->engines[i])
            c->engines[i]->ops->free(c->engines[i]);
    if (c->process)
        c->process->ops->free(c->process);
}

struct provider *providers_of(const struct control *c, const struct service *s)
{
    if (control_config_of(c, s)->scale.provider == SCALE_PROVIDER_PROCESS)
        return c->process;
    return c->engines[s->slot];
}
