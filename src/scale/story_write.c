/* Times are told from the episode's beginning; what did not happen is null, so that a reader need not guess
 * whether 0 means "at once" or "never". */
#include "scale/story_write.h"

#include "base/clock.h"
#include "base/macros.h"

static double seconds(int64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

static void put_seconds_or_null(struct json *j, const char *key, int64_t ns)
{
    json_put_double_if(j, key, ns > 0, seconds(ns));
}

void story_write_seen(const struct story_seen *seen, struct json *j)
{
    json_put_double(j, "requests_per_second", seen->arrivals_per_s);
    json_put_int(j, "in_flight", seen->in_flight);
    json_put_int(j, "queued", seen->queued);
    json_put_double(j, "queue_age_seconds", seconds(seen->queue_oldest_age_ns));
    put_seconds_or_null(j, "latency_seconds", seen->duration_quantile_ns);
    json_put_int(j, "available", seen->available);
}

static void write_step(const struct story_episode *e, const struct story_step *step, struct json *j)
{
    json_begin_object(j);
    json_put_double(j, "after_seconds", seconds(step->decision.at_ns - e->began_ns));
    json_key(j, "seen");
    json_begin_object(j);
    story_write_seen(&step->seen, j);
    json_end_object(j);
    json_key(j, "decision");
    json_begin_object(j);
    scale_decision_write(&step->decision, j);
    json_end_object(j);
    const struct scale_decision *d = &step->decision;
    json_put_text(j, "held_by", d->reason_held_at ? d->reason + d->reason_held_at : NULL);
    json_end_object(j);
}

static void write_outcome(const struct story_episode *e, struct json *j)
{
    json_put_int(j, "asked_for", e->asked);
    json_put_int(j, "ready", e->ready);
    json_put_int(j, "taken_back", e->taken_back);
    json_put_int(j, "called_off", e->called_off);
    json_put_int(j, "start_failures", e->start_failures);
    json_put_int(j, "deaths", e->deaths);
    json_put_text(j, "failure", e->failure[0] ? e->failure : NULL);
    put_seconds_or_null(j, "first_ready_seconds", e->first_ready_ns);
    put_seconds_or_null(j, "first_start_seconds", e->first_start_ns);
    put_seconds_or_null(j, "last_ready_seconds", e->last_ready_ns);
    put_seconds_or_null(j, "start_median_seconds", e->start_median_ns);
    put_seconds_or_null(j, "start_p90_seconds", e->start_p90_ns);
    json_put_int(j, "drained", e->drained);
    json_put_int(j, "gone", e->gone);
    put_seconds_or_null(j, "last_gone_seconds", e->last_gone_ns);
    json_put_int(j, "queued_most", e->queued_most);
    json_put_double(j, "longest_wait_seconds", seconds(e->wait_longest_ns));
    put_seconds_or_null(j, "queue_empty_seconds", e->queue_empty_ns);
    json_put_int(j, "answered", (int64_t)e->outcomes.answered);
    json_put_int(j, "over_objective", (int64_t)e->outcomes.late);
    json_put_int(j, "refused", (int64_t)e->outcomes.refused);
    json_put_int(j, "aborted", (int64_t)e->outcomes.aborted);
}

void story_write_episode(const struct story_episode *e, int64_t now_ns, int64_t wall_ns, struct json *j)
{
    char time[CLOCK_RFC3339_BYTES];
    json_begin_object(j);
    json_put_int(j, "number", (int64_t)e->number);
    json_put_text(j, "time", clock_format_rfc3339(time, wall_ns - (now_ns - e->began_ns)));
    json_put_double(j, "ago_seconds", seconds(now_ns - e->began_ns));
    json_put_text(j, "direction", e->is_up ? "up" : "down");
    json_put_bool(j, "by_hand", e->is_by_hand);
    json_put_bool(j, "is_open", e->ended_ns == 0);
    json_put_bool(j, "overtaken", e->is_overtaken);
    json_put_double_if(j, "settled_seconds", e->settled_ns != 0, seconds(e->settled_ns - e->began_ns));
    json_put_int(j, "target_before", e->target_before);
    json_put_int(j, "target", e->target);
    json_put_int(j, "changes", e->changes);
    json_key(j, "steps");
    json_begin_array(j);
    for (uint32_t i = 0; i < e->step_count; i++)
        write_step(e, &e->steps[i], j);
    json_end_array(j);
    json_key(j, "outcome");
    json_begin_object(j);
    write_outcome(e, j);
    json_end_object(j);
    json_end_object(j);
}
