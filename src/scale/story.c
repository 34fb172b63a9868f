/*
 * A ring of episodes, of which only the newest can be open.
 *
 *   begun by a change of target -> followed each tick -> settled: what was wanted is there, and nothing waits
 *     -> ended, 2 s later (or at once, when the next change goes the other way)
 *
 * A change in the same direction joins an episode that is open, or was changed within the last 30 s. What a
 * person set by hand stands alone.
 *
 * Outcomes are differences of totals that only grow, so nothing is counted twice, and what was counted once a
 * second is late by that much; hence the two seconds after settling.
 */
#include "scale/story.h"

#include "base/macros.h"
#include "base/str.h"

#include <string.h>

const struct story_episode *story_find(const struct story *s, uint32_t back)
{
    if (back >= s->count || back >= STORY_EPISODES_MAX)
        return NULL;
    return &s->episodes[(s->count - 1 - back) % STORY_EPISODES_MAX];
}

static struct story_episode *newest(struct story *s)
{
    return s->count ? &s->episodes[(s->count - 1) % STORY_EPISODES_MAX] : NULL;
}

static struct story_episode *open_one(struct story *s)
{
    struct story_episode *e = newest(s);
    return e && !e->ended_ns ? e : NULL;
}

/* --- a decision ------------------------------------------------------------------------------------- */

static void end(struct story_episode *e, int64_t now_ns)
{
    e->ended_ns = MAX(now_ns, 1); /* 0 means open */
}

static struct story_episode *begin(struct story *s, const struct story_moment *m)
{
    const struct scale_decision *d = m->decision;
    struct story_episode *open = open_one(s);
    if (open) {
        open->is_overtaken = true;
        end(open, d->at_ns);
    }
    s->count++;
    s->outcomes_before = m->outcomes;
    struct story_episode *e = newest(s);
    *e = (struct story_episode){
        .number = s->count,
        .is_up = d->target > d->target_before,
        .is_by_hand = d->bound == SCALE_BOUND_MANUAL,
        .began_ns = d->at_ns,
        .target_before = d->target_before,
        .start_median_ns = m->signals->start_time_median_ns,
        .start_p90_ns = m->signals->start_time_p90_ns,
    };
    return e;
}

static bool joins(const struct story_episode *e, const struct scale_decision *d)
{
    if (!e || e->is_overtaken || e->is_by_hand || d->bound == SCALE_BOUND_MANUAL)
        return false;
    bool is_soon = !e->ended_ns || d->at_ns - e->changed_ns <= STORY_JOIN_NS;
    return is_soon && e->is_up == (d->target > d->target_before);
}

static struct story_seen seen_of(const struct story_moment *m)
{
    return (struct story_seen){.arrivals_per_s = m->arrivals_per_s,
                               .in_flight = m->signals->in_flight,
                               .queued = m->signals->queued,
                               .available = m->signals->available,
                               .queue_oldest_age_ns = m->signals->queue_oldest_age_ns,
                               .duration_quantile_ns = m->signals->duration_quantile_ns};
}

static void note_change(struct story *s, const struct story_moment *m)
{
    const struct scale_decision *d = m->decision;
    struct story_episode *e = newest(s);
    if (!joins(e, d))
        e = begin(s, m);
    e->changed_ns = d->at_ns;
    e->settled_ns = e->ended_ns = 0;
    e->target = d->target;
    e->changes++;
    uint32_t at = MIN(e->step_count, STORY_STEPS_MAX - 1);
    e->steps[at] = (struct story_step){.seen = seen_of(m), .decision = *d};
    e->step_count = at + 1;
}

/* --- each tick -------------------------------------------------------------------------------------- */

/* What was wanted is there. */
static bool is_done(const struct story_episode *e, const struct scale_signals *g)
{
    if (!e->is_up)
        return scale_signals_up(g) <= e->target && !g->servers[SERVER_DRAINING] &&
               !g->servers[SERVER_STOPPING];
    return scale_signals_coming(g) == 0 && g->available >= e->target && g->queued == 0;
}

static void follow_queue(struct story_episode *e, const struct scale_signals *g)
{
    e->queued_most = MAX(e->queued_most, g->queued);
    if (e->settled_ns) /* a request that waits for a moment later on is everyday life */
        return;
    if (g->queued > 0)
        e->queue_empty_ns = 0;
    else if (e->queued_most > 0 && e->queue_empty_ns == 0)
        e->queue_empty_ns = MAX(g->now_ns - e->began_ns, 1);
}

static void follow(struct story *s, struct story_episode *e, const struct story_moment *m)
{
    const struct scale_signals *g = m->signals;
    follow_queue(e, g);
    e->wait_longest_ns = MAX(e->wait_longest_ns, g->queue_oldest_age_ns);
    if (g->now_ns > e->began_ns)
        e->wait_longest_ns = MAX(e->wait_longest_ns, m->wait_longest_ns);
    const struct story_outcomes *before = &s->outcomes_before;
    e->outcomes = (struct story_outcomes){.answered = m->outcomes.answered - before->answered,
                                          .late = m->outcomes.late - before->late,
                                          .refused = m->outcomes.refused - before->refused,
                                          .aborted = m->outcomes.aborted - before->aborted};
    if (!e->settled_ns && g->now_ns > e->changed_ns && is_done(e, g))
        e->settled_ns = g->now_ns;
    if (e->settled_ns && g->now_ns - e->settled_ns >= STORY_SETTLE_NS)
        end(e, g->now_ns);
}

void story_note(struct story *s, const struct story_moment *m)
{
    if (m->decision->is_change)
        note_change(s, m);
    struct story_episode *e = open_one(s);
    if (e)
        follow(s, e, m);
}

/* --- servers ---------------------------------------------------------------------------------------- */

static void note_asked(struct story *s, const struct scale_event *e)
{
    s->starts[s->starts_next] = (struct story_start){.server_id = e->server->id, .asked_ns = e->now_ns};
    s->starts_next = (s->starts_next + 1) % STORY_STARTS_MAX;
}

/* When a server was asked for; 0: not known any more. */
static int64_t asked_ns(const struct story *s, uint64_t server_id)
{
    for (uint32_t i = 0; i < STORY_STARTS_MAX; i++)
        if (s->starts[i].server_id == server_id)
            return s->starts[i].asked_ns;
    return 0;
}

static void note_ready(const struct story *s, struct story_episode *e, const struct scale_event *v)
{
    int64_t since_ns = MAX(v->now_ns - e->began_ns, 1), asked = asked_ns(s, v->server->id);
    e->ready++;
    e->last_ready_ns = since_ns;
    if (e->first_ready_ns)
        return;
    e->first_ready_ns = since_ns;
    e->first_start_ns = asked ? v->now_ns - asked : 0;
}

static void note_step(const struct story *s, struct story_episode *e, const struct scale_event *v)
{
    if (v->from == SERVER_REQUESTED && v->to == SERVER_REQUESTED)
        e->asked++;
    else if (v->from == SERVER_STARTING && v->to == SERVER_WARMING)
        note_ready(s, e, v);
    else if (v->from == SERVER_DRAINING && v->to == SERVER_SERVING)
        e->taken_back++;
    else if (v->to == SERVER_DRAINING)
        e->drained++;
    else if (v->to == SERVER_STOPPING && (v->from == SERVER_REQUESTED || v->from == SERVER_STARTING))
        e->called_off++;
    if (v->to == SERVER_GONE && v->from != SERVER_FAILED) {
        e->gone++;
        e->last_gone_ns = MAX(v->now_ns - e->began_ns, 1);
    }
}

static void note_failure(struct story_episode *e, const struct scale_event *v)
{
    if (v->kind == SCALE_EVENT_SERVER_START_FAILED)
        e->start_failures++;
    else
        e->deaths++;
    (void)str_copy(e->failure, sizeof(e->failure), str_of(v->reason ? v->reason : ""));
}

void story_note_event(struct story *s, const struct scale_event *v)
{
    if (!v->server)
        return;
    if (v->kind == SCALE_EVENT_SERVER_STATE && v->from == SERVER_REQUESTED && v->to == SERVER_REQUESTED)
        note_asked(s, v);
    struct story_episode *e = open_one(s);
    if (!e)
        return;
    if (v->kind == SCALE_EVENT_SERVER_STATE)
        note_step(s, e, v);
    else if (v->kind == SCALE_EVENT_SERVER_START_FAILED || v->kind == SCALE_EVENT_SERVER_DIED)
        note_failure(e, v);
}
