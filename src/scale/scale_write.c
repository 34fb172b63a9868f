/* The room's words for the API and for Prometheus: one table of families, each written whole over all
 * services. */
#include "scale/engine_write.h"
#include "scale/scale_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "stats/exposition.h"

#include <stdlib.h>

static double seconds(int64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

/* --- JSON ------------------------------------------------------------------------------------------- */

static void write_states(const struct reconciler_numbers *n, struct json *j)
{
    json_key(j, "states");
    json_begin_object(j);
    for (int state = 0; state < SERVER_STATE_COUNT; state++)
        json_put_int(j, server_state_name((enum server_state)state), n->by_state[state]);
    json_end_object(j);
    json_put_int(j, "available", n->available);
}

static void write_known(struct json *j, const char *key, double value)
{
    json_put_double_if(j, key, value > 0, value);
}

static void write_capacity(const struct capacity_estimate *c, struct json *j)
{
    json_key(j, "capacity");
    json_begin_object(j);
    json_put_double(j, "in_flight", c->in_flight);
    json_put_text(j, "source", capacity_source_name(c->source));
    json_put_double(j, "service_seconds", seconds(c->service_ns));
    json_put_bool(j, "saturation_seen", c->is_saturation_seen);
    write_known(j, "low", c->low);
    write_known(j, "high", c->high);
    json_put_int(j, "limit", c->limit);
    json_end_object(j);
}

static void write_decision(const char *key, const struct scale_decision *d, int64_t now_ns, struct json *j)
{
    json_key(j, key);
    if (!d) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    json_put_double(j, "ago_seconds", seconds(now_ns - d->at_ns));
    scale_decision_write(d, j);
    json_end_object(j);
}

static void write_start_class(const struct start_summary *s, enum start_class c, struct json *j)
{
    json_key(j, start_class_name(c));
    json_begin_object(j);
    write_known(j, "median", s->count ? seconds(s->median_ns) : 0);
    write_known(j, "p90", s->count ? seconds(s->p90_ns) : 0);
    json_put_int(j, "count", s->count);
    json_end_object(j);
}

/* Of the next start as it is reckoned with; then of each class what was seen. */
static void write_start_seconds(const struct reconciler_numbers *n, struct json *j)
{
    json_key(j, "start_seconds");
    json_begin_object(j);
    json_put_double(j, "median", seconds(n->starts[n->next_start].median_ns));
    json_put_double(j, "p90", seconds(n->starts[n->next_start].p90_ns));
    json_put_int(j, "count", n->starts[START_COLD].count + n->starts[START_WARM].count);
    json_put_text(j, "next", start_class_name(n->next_start));
    for (int c = 0; c < START_CLASS_COUNT; c++)
        write_start_class(&n->starts[c], (enum start_class)c, j);
    json_end_object(j);
}

/* known_minutes: from the oldest that is known to the newest. */
static void write_pattern(const struct pattern *p, struct json *j)
{
    json_key(j, "pattern");
    json_begin_object(j);
    json_put_int(j, "known_minutes", p->minute ? p->minute - p->first + 1 : 0);
    json_put_int_if(j, "period_seconds", p->period != 0, (int64_t)p->period * 60);
    json_put_double(j, "saving", p->saving);
    json_end_object(j);
}

static void write_scaling(const struct scale_view *v, int64_t now_ns, struct json *j)
{
    const struct reconciler_numbers *n = &v->numbers;
    json_put_int(j, "servers_min", v->config->scale.servers_min);
    json_put_int(j, "servers_max", v->config->scale.servers_max);
    json_put_int(j, "target", v->decision ? v->decision->target : 0);
    json_put_int(j, "needed", v->decision ? v->decision->needed : 0);
    json_key(j, "advised");
    if (v->decision && v->decision->is_advice)
        json_int(j, v->decision->advised);
    else
        json_null(j);
    json_put_int_if(j, "manual", v->has_manual, v->manual);
    json_put_double_if(j, "manual_seconds_left", v->has_manual && v->manual_until_ns != 0,
                       seconds(MAX(v->manual_until_ns - now_ns, 0)));
    write_pattern(v->pattern, j);
    write_start_seconds(n, j);
    json_put_int(j, "starts", (int64_t)n->starts_total);
    json_put_int(j, "start_failures", (int64_t)n->start_failures_total);
    json_put_int(j, "deaths", (int64_t)n->deaths_total);
    json_put_int(j, "failures_in_a_row", n->failures_in_a_row);
    json_put_double(j, "back_off_seconds", seconds(MAX(n->back_off_until_ns - now_ns, 0)));
    write_decision("now", v->decision, now_ns, j);
    write_decision("last_change", v->change, now_ns, j);
}

void scale_write_service(const struct scale *s, const struct service *service, int64_t now_ns, struct json *j)
{
    struct scale_view v;
    if (!scale_view_of(s, service, &v))
        return;
    json_put_text(j, "provider", v.provider ? v.provider->ops->name : NULL);
    scale_write_engine(v.provider, now_ns, j);
    write_states(&v.numbers, j);
    write_capacity(&v.capacity, j);
    if (v.provider)
        write_scaling(&v, now_ns, j);
}

/* --- Prometheus ------------------------------------------------------------------------------------- */

struct family {
    const char *name, *type, *help;
    bool is_scaled_only; /* says nothing about fixed servers */
    double (*value)(const struct scale_view *v);
};

static double target(const struct scale_view *v)
{
    return v->decision ? v->decision->target : 0;
}

static double needed(const struct scale_view *v)
{
    return v->decision ? v->decision->needed : 0;
}

static double advised(const struct scale_view *v)
{
    return v->decision ? v->decision->advised : 0;
}

static double servers_min(const struct scale_view *v)
{
    return v->config->scale.servers_min;
}

static double servers_max(const struct scale_view *v)
{
    return v->config->scale.servers_max;
}

static double is_manual(const struct scale_view *v)
{
    return v->has_manual;
}

static double capacity(const struct scale_view *v)
{
    return v->capacity.in_flight;
}

static double available(const struct scale_view *v)
{
    return v->numbers.available;
}

static double slow(const struct scale_view *v)
{
    return v->numbers.slow;
}

static double narrow(const struct scale_view *v)
{
    return v->numbers.narrow;
}

static double starts(const struct scale_view *v)
{
    return (double)v->numbers.starts_total;
}

static double start_failures(const struct scale_view *v)
{
    return (double)v->numbers.start_failures_total;
}

static double deaths(const struct scale_view *v)
{
    return (double)v->numbers.deaths_total;
}

static const struct family families[] = {
    {"weir_scale_target_servers", "gauge", "Servers wanted.", true, target},
    {"weir_scale_needed_servers", "gauge", "Servers that the present load needs, before any bound.", true,
     needed},
    {"weir_scale_advised_servers", "gauge",
     "Servers that the policy would want: the target, unless with `mode: advise`.", true, advised},
    {"weir_scale_min_servers", "gauge", "Least number of servers, from the configuration.", true,
     servers_min},
    {"weir_scale_max_servers", "gauge", "Largest number of servers, from the configuration.", true,
     servers_max},
    {"weir_scale_manual", "gauge", "1 while the number of servers is set by hand.", true, is_manual},
    {"weir_scale_capacity_requests", "gauge", "Requests in flight that one server carries well.", false,
     capacity},
    {"weir_servers_available", "gauge", "Servers that take requests now.", false, available},
    {"weir_servers_slow", "gauge", "Servers that take requests, and are clearly slower than the others.",
     false, slow},
    {"weir_servers_narrow", "gauge",
     "Servers that take requests, and work on clearly fewer at once than the others.", false, narrow},
    {"weir_scale_starts_total", "counter", "Servers asked for.", true, starts},
    {"weir_scale_start_failures_total", "counter", "Servers that did not start.", true, start_failures},
    {"weir_server_deaths_total", "counter", "Servers that ended unasked after they had taken requests.", true,
     deaths},
};

static void write_family(const struct family *f, const struct scale_view *views, uint32_t count,
                         struct buf *out)
{
    exposition_begin(out, f->name, f->type, f->help);
    for (uint32_t i = 0; i < count; i++)
        if (views[i].provider || !f->is_scaled_only)
            buf_printf(out, "%s{service=\"%s\"} %.10g\n", f->name, views[i].service->name,
                       f->value(&views[i]));
}

static void write_server_states(const struct scale_view *views, uint32_t count, struct buf *out)
{
    exposition_begin(out, "weir_servers", "gauge", "Servers, by state.");
    for (uint32_t i = 0; i < count; i++)
        for (int state = 0; state < SERVER_STATE_COUNT; state++)
            buf_printf(out, "weir_servers{service=\"%s\",state=\"%s\"} %u\n", views[i].service->name,
                       server_state_name((enum server_state)state), views[i].numbers.by_state[state]);
}

/* What was seen: a class that has not started yet has no row. */
static void write_start_times(const struct scale_view *views, uint32_t count, bool is_p90, struct buf *out)
{
    const char *name = is_p90 ? "weir_scale_start_p90_seconds" : "weir_scale_start_median_seconds";
    exposition_begin(
        out, name, "gauge",
        is_p90 ? "Time from asking for a server to its first good probe, 90th percentile, by start: "
                 "cold or warm."
               : "Time from asking for a server to its first good probe, median, by start: cold or "
                 "warm.");
    for (uint32_t i = 0; i < count; i++)
        for (int c = 0; c < START_CLASS_COUNT; c++) {
            const struct start_summary *s = &views[i].numbers.starts[c];
            if (s->count == 0)
                continue;
            buf_printf(out, "%s{service=\"%s\",start=\"%s\"} %.10g\n", name, views[i].service->name,
                       start_class_name((enum start_class)c), seconds(is_p90 ? s->p90_ns : s->median_ns));
        }
}

static void write_decisions(const struct scale_view *views, uint32_t count, struct buf *out)
{
    static const char name[] = "weir_scale_decisions_total";
    exposition_begin(out, name, "counter",
                     "Decisions that changed the number of servers wanted, by direction.");
    for (uint32_t i = 0; i < count; i++) {
        const struct scale_view *v = &views[i];
        if (!v->provider)
            continue;
        buf_printf(out, "%s{service=\"%s\",direction=\"up\"} %llu\n", name, v->service->name,
                   (unsigned long long)v->ups_total);
        buf_printf(out, "%s{service=\"%s\",direction=\"down\"} %llu\n", name, v->service->name,
                   (unsigned long long)v->downs_total);
    }
}

void scale_write_metrics(const struct scale *s, struct buf *out)
{
    const struct service *services[FLEET_SERVICES_MAX];
    uint32_t count = scale_services(s, services);
    struct scale_view *views = NEW_ARRAY(struct scale_view, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        bool is_known = scale_view_of(s, services[i], &views[i]);
        ASSERT(is_known);
    }
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        write_family(&families[i], views, count, out);
    write_server_states(views, count, out);
    write_start_times(views, count, false, out);
    write_start_times(views, count, true, out);
    write_decisions(views, count, out);
    scale_write_engine_metrics(views, count, out);
    free(views);
}
