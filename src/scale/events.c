#include "scale/events.h"

#include "base/clock.h"

static const char *const names[SCALE_EVENT_COUNT] = {
#define EVENT_NAME(upper, lower, help) #lower,
    SCALE_EVENTS(EVENT_NAME)};

const char *scale_event_name(enum scale_event_kind k)
{
    ASSERT((unsigned)k < SCALE_EVENT_COUNT);
    return names[k];
}

static void write_target(const char *key, const struct target_need *n, struct json *j)
{
    json_key(j, key);
    if (n->per_server <= 0) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    json_put_double(j, "per_server", n->per_server);
    json_put_double_if(j, "seen", n->is_known, n->seen);
    json_put_double(j, "servers", n->servers);
    json_end_object(j);
}

static void write_targets(const struct targets_need *n, struct json *j)
{
    json_key(j, "targets");
    if (n->rate.per_server <= 0 && n->cpu.per_server <= 0) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    write_target(scale_term_name(SCALE_TERM_RATE), &n->rate, j);
    write_target(scale_term_name(SCALE_TERM_CPU), &n->cpu, j);
    json_end_object(j);
}

void scale_decision_write(const struct scale_decision *d, struct json *j)
{
    json_put_int(j, "target", d->target);
    json_put_int(j, "target_before", d->target_before);
    json_put_int(j, "needed", d->needed);
    json_put_double(j, "base", d->base);
    json_put_double(j, "burst", d->burst);
    json_put_double(j, "forecast", d->forecast);
    json_put_double(j, "backlog", d->backlog);
    json_put_text(j, "decided_by", scale_term_name(d->term));
    write_targets(&d->targets, j);
    json_put_int(j, "servers", d->up);
    json_put_int(j, "starting", d->coming);
    json_put_text(j, "bound", scale_bound_name(d->bound));
    json_put_int_if(j, "advised", d->is_advice, d->advised);
    json_put_text(j, "advised_bound", d->is_advice ? scale_bound_name(d->advised_bound) : NULL);
    json_put_double(j, "work", d->work);
    json_put_double(j, "waiting", d->waiting);
    json_put_double(j, "clear_seconds", (double)d->clear_ns / (double)NS_PER_S);
    json_put_double(j, "capacity", d->capacity.in_flight);
    json_put_text(j, "capacity_source", capacity_source_name(d->capacity.source));
    json_put_double(j, "service_seconds", (double)d->capacity.service_ns / (double)NS_PER_S);
    json_put_text(j, "reason", d->reason);
}

static bool has_states(enum scale_event_kind k)
{
    return k == SCALE_EVENT_SERVER_STATE || k == SCALE_EVENT_SERVER_DIED ||
           k == SCALE_EVENT_SERVER_START_FAILED;
}

void scale_event_write_numbers(const struct scale_event *e, struct json *j)
{
    if (has_states(e->kind)) {
        json_put_text(j, "from", server_state_name(e->from));
        json_put_text(j, "to", server_state_name(e->to));
        json_put_double(j, "in_state_seconds", (double)e->in_state_ns / (double)NS_PER_S);
    }
    if (e->server)
        json_put_int(j, "in_flight", server_in_flight(e->server));
    if (e->back_off_ns > 0)
        json_put_double(j, "back_off_seconds", (double)e->back_off_ns / (double)NS_PER_S);
    if (e->kind == SCALE_EVENT_LEARNED_RESTORED)
        json_put_double(j, "age_seconds", (double)e->age_ns / (double)NS_PER_S);
    if (e->last_lines && e->last_lines[0])
        json_put_text(j, "last_lines", e->last_lines);
    if (e->decision)
        scale_decision_write(e->decision, j);
}
