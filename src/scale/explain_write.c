/*
 * What `weir explain` and `weir record` ask for, as JSON: the present state with the reason why nothing
 * changes, the episodes of the story, and the arrivals of each second.
 */
#include "scale/engine_write.h"
#include "scale/scale_priv.h"
#include "scale/story_write.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/units.h"

static double seconds(int64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

/* --- why nothing changes ------------------------------------------------------------------------------ */

static double need_of(const struct scale_decision *d)
{
    return d->base + d->forecast + d->burst + d->backlog;
}

static void put_bound(const struct scale_view *v, enum scale_bound bound, int64_t now_ns, struct buf *out)
{
    const struct scale_decision *d = v->decision;
    const struct config_scale *scale = &v->config->scale;
    char held[BOUND_TEXT_BYTES], duration[UNITS_TEXT_BYTES];
    switch (bound) {
    case SCALE_BOUND_NONE:
        if (d->needed == 0)
            buf_printf(out, "nothing is asked for, so no server is needed");
        else
            buf_printf(out, "a need of %.2f servers%s%s%s, rounded up to whole ones, is %u", need_of(d),
                       d->term == SCALE_TERM_WORK ? "" : " by `",
                       d->term == SCALE_TERM_WORK ? "" : scale_term_name(d->term),
                       d->term == SCALE_TERM_WORK ? "" : "`", d->needed);
        return;
    case SCALE_BOUND_MIN:
        buf_printf(out, "%u would do, but `servers` says that %u run at least", d->needed,
                   scale->servers_min);
        return;
    case SCALE_BOUND_MAX:
        buf_printf(out, "%u are needed, but `servers` allows no more than %u", d->needed, scale->servers_max);
        return;
    case SCALE_BOUND_STABLE_WINDOW:
        buf_printf(out,
                   "%u would do now, but more were needed a short while ago, and stopping a server only "
                   "to start it again does not pay (scale_down_after)",
                   d->needed);
        return;
    case SCALE_BOUND_IDLE:
        buf_printf(out,
                   "nothing is asked for, but going by how long it took until somebody asked again, the "
                   "last server is worth keeping for %s after the last request",
                   units_format_duration(duration, d->idle_hold_ns));
        return;
    case SCALE_BOUND_BOTTLENECK:
        buf_printf(out,
                   "%u seem to be needed, but the last servers that were added got no more done: they "
                   "share a bottleneck, perhaps a database",
                   d->needed);
        return;
    case SCALE_BOUND_IN_FLIGHT:
        buf_printf(out, "%u would do for new requests, but fewer could not carry the %u that are in flight",
                   d->needed, v->signals->in_flight);
        return;
    case SCALE_BOUND_MANUAL:
        buf_printf(out, "it was set to %u by hand", d->target);
        if (v->manual_until_ns)
            buf_printf(out, " for another %.0f s", seconds(MAX(v->manual_until_ns - now_ns, 0)));
        buf_printf(out, "; `weir scale %s auto` gives it back", v->service->name);
        return;
    case SCALE_BOUND_SPARES:
        buf_printf(out, "%u %s needed, and `spares` keeps %u ready beyond them", d->needed,
                   d->needed == 1 ? "is" : "are", scale->spares);
        return;
    default:
        buf_printf(out, "%u %s needed; it is held by %s", d->needed, d->needed == 1 ? "is" : "are",
                   bounds_format(held, &v->bounds, bound));
    }
}

static void put_bounds(const struct scale_view *v, int64_t now_ns, struct buf *out)
{
    const struct scale_decision *d = v->decision;
    if (!d->is_advice) {
        put_bound(v, d->bound, now_ns, out);
        return;
    }
    if (d->bound == SCALE_BOUND_MANUAL) {
        put_bound(v, d->bound, now_ns, out);
        buf_put(out, STR("; "));
    }
    buf_printf(out, "Weir only advises (`mode: advise`), and advises %u: ", d->advised);
    put_bound(v, d->advised_bound, now_ns, out);
}

static void put_ways(const struct scale_view *v, int64_t now_ns, struct buf *out)
{
    const struct reconciler_numbers *n = &v->numbers;
    uint32_t coming = scale_signals_coming(v->signals);
    if (n->back_off_until_ns > now_ns)
        buf_printf(out, "; the next start waits for another %.1f s (failures in a row: %u)",
                   seconds(n->back_off_until_ns - now_ns), n->failures_in_a_row);
    else if (coming)
        buf_printf(out, "; %u %s starting, the first of them for %.1f s", coming, coming == 1 ? "is" : "are",
                   seconds(v->signals->start_oldest_age_ns));
    if (n->slow)
        buf_printf(out, "; %u %s clearly slower than the others", n->slow, n->slow == 1 ? "is" : "are");
    if (n->narrow)
        buf_printf(out, "; %u %s on clearly fewer requests at once than the others", n->narrow,
                   n->narrow == 1 ? "works" : "work");
    if (v->numbers.by_state[SERVER_DRAINING])
        buf_printf(out, "; %u %s draining", v->numbers.by_state[SERVER_DRAINING],
                   v->numbers.by_state[SERVER_DRAINING] == 1 ? "is" : "are");
}

static void write_why(const struct scale_view *v, int64_t now_ns, struct json *j)
{
    struct buf text CLEANUP(buf_fini) = {0};
    if (!v->provider && v->config->discover.source != DISCOVER_NONE)
        buf_printf(&text, "its servers are discovered: their number is what its source says");
    else if (!v->provider)
        buf_printf(&text, "its servers are fixed: their number is in the configuration");
    else if (v->decision) {
        put_bounds(v, now_ns, &text);
        put_ways(v, now_ns, &text);
    }
    scale_put_engine_reason(v->provider, v->is_held, now_ns, &text);
    if (text.len == 0)
        buf_printf(&text, "nothing was decided yet: Weir has just started");
    json_put_str(j, "why", buf_str(&text));
}

/* --- the present ---------------------------------------------------------------------------------------- */

static double quantile_of(const struct config_scale *scale)
{
    return scale->objective_quantile > 0 && scale->objective_quantile < 1 ? scale->objective_quantile : 0.99;
}

static void write_objective(const struct config_scale *scale, struct json *j)
{
    json_key(j, "objective");
    if (scale->objective_ns <= 0) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    json_put_double(j, "quantile", quantile_of(scale));
    json_put_double(j, "seconds", seconds(scale->objective_ns));
    json_end_object(j);
}

static void write_seen(const struct scale_view *v, int64_t now_ns, struct json *j)
{
    const struct scale_signals *g = v->signals;
    struct story_seen seen = {.arrivals_per_s = per_second_recent(v->arrivals, now_ns),
                              .in_flight = g->in_flight,
                              .queued = g->queued,
                              .available = g->available,
                              .queue_oldest_age_ns = g->queue_oldest_age_ns,
                              .duration_quantile_ns = g->duration_quantile_ns};
    json_key(j, "seen");
    json_begin_object(j);
    story_write_seen(&seen, j);
    json_put_double(j, "latency_quantile", quantile_of(&v->config->scale));
    json_end_object(j);
}

static void write_restored(const struct scale_restored *r, int64_t now_ns, struct json *j)
{
    json_key(j, "restored");
    if (!r->is_restored) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    json_put_double(j, "ago_seconds", seconds(now_ns - r->at_ns));
    json_put_double(j, "age_seconds", seconds(r->age_ns));
    json_end_object(j);
}

static void write_episodes(const struct scale_view *v, uint32_t count_max, int64_t now_ns, int64_t wall_ns,
                           struct json *j)
{
    const struct story_episode *e;
    json_put_int(j, "episodes_total", (int64_t)v->story->count);
    json_key(j, "episodes");
    json_begin_array(j);
    for (uint32_t i = 0; i < count_max && (e = story_find(v->story, i)); i++)
        story_write_episode(e, now_ns, wall_ns, j);
    json_end_array(j);
}

void scale_write_explanation(const struct scale *s, const struct service *service, uint32_t count_max,
                             int64_t now_ns, int64_t wall_ns, struct json *j)
{
    struct scale_view v;
    if (!scale_view_of(s, service, &v))
        return;
    write_objective(&v.config->scale, j);
    write_seen(&v, now_ns, j);
    json_key(j, "unchanged_seconds");
    if (v.change)
        json_double(j, seconds(now_ns - v.change->at_ns));
    else
        json_null(j);
    write_restored(v.restored, now_ns, j);
    write_why(&v, now_ns, j);
    write_episodes(&v, count_max, now_ns, wall_ns, j);
}

/* --- arrivals ---------------------------------------------------------------------------------------------
 */

void scale_write_arrivals(const struct scale *s, const struct service *service, int64_t from, struct json *j)
{
    struct scale_view v;
    bool is_counting = scale_view_of(s, service, &v) && v.arrivals->is_started;
    int64_t at = is_counting ? MAX(from, per_second_oldest(v.arrivals)) : 0;
    json_key(j, "first_second");
    if (is_counting)
        json_int(j, v.arrivals->first);
    else
        json_null(j);
    json_put_int(j, "from_second", at);
    json_key(j, "requests");
    json_begin_array(j);
    for (; is_counting && at < v.arrivals->last; at++)
        json_int(j, per_second_get(v.arrivals, at));
    json_end_array(j);
}
