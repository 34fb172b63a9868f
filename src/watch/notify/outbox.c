/*
 * outbox.c: see outbox.h.
 *
 * There are two ways to tell. Most kinds are told of what happens: a notice waits in the queue until it is
 * delivered, and then only the list of what was told remembers its alert, so that its end is told and nothing
 * twice. A kind that is told of a state (kind->resend_ns) keeps an entry an alert as long as it fires, and
 * tells it again and again.
 *
 * What keeps a sink that was away from being flooded when it is back:
 * 1. An alert that ended before its firing was told is one notice (is_whole_episode), and an alert that fires
 *    again before that was told makes it a number in its own (episodes_before). So at most two notices an
 * alert wait.
 * 2. All that waits leaves in as few messages as the kind allows; for people in one, with the rest counted.
 * 3. There is a rate cap.
 *
 * A message that is refused may be refused for one of its notices: they are told one by one then. What is on
 * its way (is_out) is never changed.
 */
#include "watch/notify/outbox.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/macros.h"
#include "base/mem.h"

#include <stdlib.h>

#define STATE_TOGETHER_NS  (10 * NS_PER_S) /* what is due so soon is told with what is due now */
#define LOCAL_RETRY_MAX_NS (10 * NS_PER_S)

struct entry {
    struct list link;
    struct notice notice;
    int64_t queued_ns;
    int64_t ready_ns; /* leaves from then on; others that wait may go with it earlier */
    uint64_t version; /* of the outbox when it came: kept when that is */
    bool is_out;
    bool is_changed;  /* while it was out: a newer notice took its place in `next` */
    bool is_alone;    /* a message with it was refused */
    bool is_deferred; /* came while the sink was closed */
    bool is_told;     /* of a state: delivered at least once since it last changed */
    struct notice next;
};

struct told {
    struct notice notice;
    bool is_delivered; /* else it waits, or was lost */
    int64_t delivered_ns;
};

struct outbox {
    struct outbox_params params;
    struct list queue; /* in the order of queued_ns */
    struct told *told; /* owned; those that fire */
    size_t told_count, told_capacity;
    bool is_keeping, is_closed;
    uint64_t version, saved_version, kept_version; /* counts changes */
    uint32_t out_count;
    uint32_t failures;        /* in a row */
    int64_t failing_since_ns; /* 0: it works */
    int64_t not_before_ns;    /* after a failure */
    int64_t paced_ns;         /* the rate cap: when the next message would leave at an even pace */
    uint64_t lost, lost_lately;
    int64_t lost_ns; /* the latest of them */
    struct random random;
    struct outbox_counts counts;
};

static bool is_state(const struct outbox *o)
{
    return o->params.kind->resend_ns > 0;
}

static struct entry *entry_of(struct list *node)
{
    return container_of(node, struct entry, link);
}

/* ---- the queue ---- */

static void remove_entry(struct outbox *o, struct entry *e)
{
    list_remove(&e->link);
    notice_fini(&e->notice);
    notice_fini(&e->next);
    free(e);
    o->counts.queued--;
    o->version++;
}

static struct entry *push(struct outbox *o, const struct notice *n, int64_t now_ns)
{
    struct entry *e = NEW(struct entry);
    notice_copy(&e->notice, n);
    e->queued_ns = now_ns;
    e->ready_ns = now_ns + o->params.group_wait_ns;
    e->is_deferred = o->is_closed && !notice_is_over(n);
    e->version = ++o->version;
    list_push_back(&o->queue, &e->link);
    o->counts.queued++;
    return e;
}

/* The newest of this alert that is not on its way. */
static struct entry *find_waiting(const struct outbox *o, uint64_t fingerprint)
{
    for (struct list *node = o->queue.prev; node != &o->queue; node = node->prev)
        if (entry_of(node)->notice.fingerprint == fingerprint && !entry_of(node)->is_out)
            return entry_of(node);
    return NULL;
}

static void note_lost(struct outbox *o, uint32_t count, int64_t now_ns)
{
    if (count == 0)
        return;
    o->lost_lately = outbox_lost_lately(o, now_ns) + count;
    o->lost_ns = now_ns;
    o->lost += count;
}

/* The newest is nearest to the truth: the oldest goes. */
static void make_room(struct outbox *o, int64_t now_ns)
{
    if (o->counts.queued < o->params.length_max)
        return;
    list_for_each (node, &o->queue) {
        if (entry_of(node)->is_out)
            continue;
        remove_entry(o, entry_of(node));
        o->counts.overflowed++;
        note_lost(o, 1, now_ns);
        return;
    }
}

/* ---- what the sink knows of ---- */

static struct told *find_told(const struct outbox *o, uint64_t fingerprint)
{
    for (size_t i = 0; i < o->told_count; i++)
        if (o->told[i].notice.fingerprint == fingerprint)
            return &o->told[i];
    return NULL;
}

static void forget_told(struct outbox *o, struct told *t)
{
    size_t index = (size_t)(t - o->told);
    notice_fini(&t->notice);
    o->told_count--;
    memmove(t, t + 1, (o->told_count - index) * sizeof(*t));
    o->version++;
}

/* Of the oldest the end will not be told. */
static struct told *remember_told(struct outbox *o, const struct notice *n, int64_t now_ns)
{
    if (o->told_count == OUTBOX_TOLD_MAX) {
        forget_told(o, &o->told[0]);
        o->counts.overflowed++;
        note_lost(o, 1, now_ns);
    }
    if (o->told_count == o->told_capacity) {
        o->told_capacity = MAX(o->told_capacity * 2, (size_t)16);
        o->told = mem_realloc(o->told, o->told_capacity * sizeof(*o->told));
    }
    struct told *new = &o->told[o->told_count++];
    *new = (struct told){0};
    notice_copy(&new->notice, n);
    return new;
}

static void note_delivered(const struct outbox *o, const struct notice *n, int64_t now_ns)
{
    struct told *told = notice_is_over(n) ? NULL : find_told(o, n->fingerprint);
    if (!told)
        return;
    told->is_delivered = true;
    told->delivered_ns = now_ns;
}

const struct notice *outbox_told(const struct outbox *o, size_t index)
{
    if (!is_state(o))
        return index < o->told_count ? &o->told[index].notice : NULL;
    list_for_each (node, &o->queue) {
        const struct entry *e = entry_of(node);
        const struct notice *latest = e->is_changed ? &e->next : &e->notice;
        if (!notice_is_over(latest) && index-- == 0)
            return latest;
    }
    return NULL;
}

/* ---- what happens ---- */

static void add_fired(struct outbox *o, const struct notice *n, int64_t now_ns)
{
    struct entry *before = find_waiting(o, n->fingerprint);
    uint32_t episodes_before = 0;
    if (find_told(o, n->fingerprint))
        return; /* it fires on, whatever a new worker thinks: told already */
    if (before && before->notice.is_whole_episode) {
        episodes_before = before->notice.episodes_before + 1;
        remove_entry(o, before);
        o->counts.joined++;
    }
    make_room(o, now_ns);
    (void)remember_told(o, n, now_ns);
    push(o, n, now_ns)->notice.episodes_before = episodes_before;
}

static void add_ended(struct outbox *o, const struct notice *n, int64_t now_ns)
{
    struct told *told = find_told(o, n->fingerprint);
    struct entry *firing = find_waiting(o, n->fingerprint);
    if (!told)
        return;
    struct notice end;
    notice_copy(&end, n);
    end.started_wall_ns = told->notice.started_wall_ns;
    forget_told(o, told);
    if (firing && firing->is_deferred) { /* nobody is to be told of what was over before he came */
        remove_entry(o, firing);
        notice_fini(&end);
        return;
    }
    if (firing && !notice_is_over(&firing->notice)) {
        end.is_whole_episode = true;
        end.episodes_before = firing->notice.episodes_before;
        notice_fini(&firing->notice);
        firing->notice = end;
        firing->version = ++o->version;
        o->counts.joined++;
        return;
    }
    make_room(o, now_ns);
    (void)push(o, &end, now_ns);
    notice_fini(&end);
}

/* ---- what is so ---- */

/* One entry an alert; what is on its way is replaced when it comes back. */
static void add_state(struct outbox *o, const struct notice *n, int64_t now_ns)
{
    struct entry *e = NULL;
    list_for_each (node, &o->queue)
        if (entry_of(node)->notice.fingerprint == n->fingerprint)
            e = entry_of(node);
    if (!e) {
        if (notice_is_over(n))
            return;
        make_room(o, now_ns);
        (void)push(o, n, now_ns);
        return;
    }
    if (e->is_deferred && notice_is_over(n)) {
        remove_entry(o, e);
        return;
    }
    struct notice *place = e->is_out ? &e->next : &e->notice;
    notice_fini(place);
    notice_copy(place, n);
    e->is_changed = e->is_out;
    e->is_told = false;
    e->queued_ns = now_ns;
    e->ready_ns = now_ns + o->params.group_wait_ns;
    e->version = ++o->version;
}

void outbox_add(struct outbox *o, const struct notice *n, int64_t now_ns)
{
    if (is_state(o))
        add_state(o, n, now_ns);
    else if (notice_is_over(n))
        add_ended(o, n, now_ns);
    else
        add_fired(o, n, now_ns);
}

void outbox_set_open(struct outbox *o, bool is_open, int64_t now_ns)
{
    bool is_opening = is_open && o->is_closed;
    o->is_closed = !is_open;
    if (!is_opening)
        return;
    list_for_each (node, &o->queue) {
        struct entry *e = entry_of(node);
        if (!e->is_deferred)
            continue;
        e->is_deferred = false;
        e->queued_ns = e->ready_ns = now_ns;
        o->version++;
    }
}

/* ---- when ---- */

static int64_t ready_ns(const struct outbox *o, const struct entry *e)
{
    bool is_held = o->is_keeping && e->version > o->kept_version;
    if (e->is_deferred)
        return INT64_MAX;
    return is_held ? MAX(e->ready_ns, e->queued_ns + OUTBOX_HOLD_NS) : e->ready_ns;
}

/* Up to a minute's worth may leave at once. */
static int64_t pace_ready_ns(const struct outbox *o)
{
    int64_t step_ns = 60 * NS_PER_S / o->params.per_minute;
    return o->params.kind->is_local ? 0 : o->paced_ns - (o->params.per_minute - 1) * step_ns;
}

int64_t outbox_due_ns(const struct outbox *o)
{
    int64_t due_ns = INT64_MAX;
    if (o->out_count)
        return due_ns;
    list_for_each (node, &o->queue)
        due_ns = MIN(due_ns, ready_ns(o, entry_of(node)));
    if (due_ns == INT64_MAX)
        return due_ns;
    return MAX(due_ns, MAX(o->not_before_ns, pace_ready_ns(o)));
}

/* ---- which ---- */

/* What people must not overlook comes first: 0 before 1. */
static int rank_of(const struct entry *e)
{
    return notice_is_over(&e->notice) ? ALERT_NOTICE + 1 : (int)e->notice.severity;
}

static bool may_leave(const struct outbox *o, const struct entry *e, int64_t now_ns)
{
    bool is_held = o->is_keeping && e->version > o->kept_version && now_ns < e->queued_ns + OUTBOX_HOLD_NS;
    bool is_early = is_state(o) && e->is_told && e->ready_ns > now_ns + STATE_TOGETHER_NS;
    return !is_held && !is_early && !e->is_deferred;
}

/* Who goes by himself goes first and alone. */
static struct entry *find_alone(struct outbox *o, int64_t now_ns)
{
    list_for_each (node, &o->queue)
        if (entry_of(node)->is_alone && may_leave(o, entry_of(node), now_ns))
            return entry_of(node);
    return NULL;
}

static void set_out(struct outbox *o, struct entry *e)
{
    e->is_out = true;
    o->out_count++;
}

/* Marks by rank, so that a digest lists the worst. */
static void choose(struct outbox *o, int64_t now_ns)
{
    struct entry *alone = find_alone(o, now_ns);
    if (alone) {
        set_out(o, alone);
        return;
    }
    int ranks = o->params.kind->has_digest ? ALERT_NOTICE + 2 : 1;
    for (int rank = 0; rank < ranks; rank++)
        list_for_each (node, &o->queue) {
            struct entry *e = entry_of(node);
            if (o->out_count == o->params.kind->alerts_max)
                return;
            if (!e->is_out && may_leave(o, e, now_ns) && (ranks == 1 || rank_of(e) == rank))
                set_out(o, e);
        }
}

size_t outbox_take(struct outbox *o, int64_t now_ns, const struct notice *ret_notices[],
                   uint32_t *ret_left_out)
{
    size_t count = 0;
    *ret_left_out = 0;
    if (outbox_due_ns(o) > now_ns)
        return 0;
    choose(o, now_ns);
    list_for_each (node, &o->queue) {
        struct entry *e = entry_of(node);
        if (e->is_out)
            ret_notices[count++] = &e->notice;
    }
    /* The rest of a digest is on its way with it. */
    bool is_digest = o->params.kind->has_digest && count == o->params.kind->alerts_max;
    list_for_each (node, &o->queue) {
        struct entry *e = entry_of(node);
        if (!is_digest || e->is_out || !may_leave(o, e, now_ns))
            continue;
        set_out(o, e);
        (*ret_left_out)++;
    }
    int64_t step_ns = 60 * NS_PER_S / o->params.per_minute;
    if (count)
        o->paced_ns = MAX(o->paced_ns, now_ns) + step_ns;
    return count;
}

/* ---- what became of it ---- */

static void take_next(struct entry *e)
{
    notice_fini(&e->notice);
    e->notice = e->next;
    e->next = (struct notice){0};
    e->is_changed = false;
}

/* An alert that is over is told so for a while, in case the receiver forgets. */
static void settle_state(struct outbox *o, struct entry *e, int64_t now_ns)
{
    const struct sink_kind *kind = o->params.kind;
    o->counts.delivered += !e->is_told;
    o->version += !e->is_told;
    if (!e->is_told)
        e->queued_ns = now_ns;
    e->is_told = true;
    e->is_alone = false;
    e->ready_ns = now_ns + kind->resend_ns;
    if (notice_is_over(&e->notice) && now_ns - e->queued_ns >= kind->resend_ended_ns)
        remove_entry(o, e);
}

static void on_delivered(struct outbox *o, int64_t now_ns)
{
    o->failures = 0;
    o->failing_since_ns = 0;
    o->not_before_ns = 0;
    list_for_each_safe (node, &o->queue) {
        struct entry *e = entry_of(node);
        if (!e->is_out)
            continue;
        e->is_out = false;
        if (!is_state(o)) {
            o->counts.delivered++;
            note_delivered(o, &e->notice, now_ns);
            remove_entry(o, e);
        } else if (e->is_changed) {
            take_next(e);
            o->counts.delivered++;
        } else {
            settle_state(o, e, now_ns);
        }
    }
}

/* Out of all that did not get through. Those of a state that fire are told as long as they do. */
static uint32_t expire(struct outbox *o, int64_t at_ns)
{
    uint32_t lost = 0;
    list_for_each_safe (node, &o->queue) {
        struct entry *e = entry_of(node);
        bool is_lasting = e->is_deferred || (is_state(o) && !notice_is_over(&e->notice));
        if (e->is_out || is_lasting || at_ns - e->queued_ns <= o->params.give_up_ns)
            continue;
        remove_entry(o, e);
        lost++;
    }
    o->counts.expired += lost;
    return lost;
}

static void release_out(struct outbox *o)
{
    list_for_each (node, &o->queue) {
        struct entry *e = entry_of(node);
        if (e->is_out && e->is_changed)
            take_next(e);
        e->is_out = false;
    }
    o->out_count = 0;
}

static struct outbox_result on_failed(struct outbox *o, const struct sink_answer *a, int64_t now_ns)
{
    o->failures++;
    int64_t delay_ns = retry_delay_ns(o->failures, a->retry_after_s, &o->random);
    if (o->params.kind->is_local)
        delay_ns = MIN(delay_ns, LOCAL_RETRY_MAX_NS);
    release_out(o);
    o->not_before_ns = now_ns + delay_ns;
    o->version++; /* the pause is kept, too */
    uint32_t lost = expire(o, o->not_before_ns);
    o->counts.retried += o->counts.queued > 0;
    return (struct outbox_result){.lost = lost, .is_expired = lost > 0, .retry_ns = delay_ns};
}

/* As if it had been told: it comes again in its time. */
static uint32_t postpone(struct outbox *o, struct entry *e, int64_t now_ns)
{
    e->ready_ns = now_ns + o->params.kind->resend_ns;
    e->is_told = true;
    return 1;
}

static uint32_t drop(struct outbox *o, struct entry *e)
{
    remove_entry(o, e);
    return 1;
}

/* One of them may be the reason: then each is told by itself. */
static struct outbox_result on_refused(struct outbox *o, int64_t now_ns)
{
    bool is_parted = o->out_count > 1;
    uint32_t lost = 0;
    list_for_each_safe (node, &o->queue) {
        struct entry *e = entry_of(node);
        if (!e->is_out)
            continue;
        e->is_out = false;
        e->is_alone = is_parted;
        if (e->is_changed)
            take_next(e);
        else if (!is_parted && is_state(o)) /* as if told: it comes again in its time */
            lost += postpone(o, e, now_ns);
        else if (!is_parted)
            lost += drop(o, e);
    }
    o->counts.refused += lost;
    return (struct outbox_result){.lost = lost};
}

struct outbox_result outbox_done(struct outbox *o, const struct sink_answer *answer, int64_t now_ns)
{
    struct outbox_result result = {0};
    ASSERT(o->out_count > 0);
    if (answer->verdict == RETRY_DELIVERED) {
        on_delivered(o, now_ns);
    } else {
        if (!o->failing_since_ns)
            o->failing_since_ns = MAX(now_ns, 1);
        result = answer->verdict == RETRY_LATER ? on_failed(o, answer, now_ns) : on_refused(o, now_ns);
    }
    o->out_count = 0;
    note_lost(o, result.lost, now_ns);
    result.failing_ns = outbox_failing_ns(o, now_ns);
    return result;
}

void outbox_undo(struct outbox *o)
{
    release_out(o);
}

void outbox_hurry(struct outbox *o, int64_t now_ns)
{
    o->not_before_ns = 0;
    o->paced_ns = 0;
    o->kept_version = o->version;
    list_for_each (node, &o->queue)
        if (!entry_of(node)->is_told)
            entry_of(node)->ready_ns = MIN(entry_of(node)->ready_ns, now_ns);
}

static const struct entry *find_any(const struct outbox *o, uint64_t fingerprint)
{
    for (struct list *node = o->queue.prev; node != &o->queue; node = node->prev)
        if (entry_of(node)->notice.fingerprint == fingerprint)
            return entry_of(node);
    return NULL;
}

enum outbox_knowledge outbox_find(const struct outbox *o, uint64_t fingerprint, int64_t *ret_since_ns)
{
    const struct entry *e = find_any(o, fingerprint);
    const struct told *told = find_told(o, fingerprint);
    bool is_settled = e && e->is_told && !e->is_changed;
    if (e && !is_settled)
        return e->is_deferred ? OUTBOX_DEFERRED : OUTBOX_WAITS;
    if (!is_settled && !(told && told->is_delivered))
        return OUTBOX_KNOWS_NOTHING;
    *ret_since_ns = is_settled ? e->queued_ns : told->delivered_ns;
    return OUTBOX_KNOWS;
}

struct outbox_counts outbox_counts(const struct outbox *o)
{
    return o->counts;
}

int64_t outbox_failing_ns(const struct outbox *o, int64_t now_ns)
{
    return o->failing_since_ns ? MAX(now_ns - o->failing_since_ns, INT64_C(1)) : 0;
}

uint64_t outbox_lost(const struct outbox *o)
{
    return o->lost;
}

uint64_t outbox_lost_lately(const struct outbox *o, int64_t now_ns)
{
    return now_ns - o->lost_ns < OUTBOX_LATELY_NS ? o->lost_lately : 0;
}

/* ---- life ---- */

struct outbox *outbox_new(const struct outbox_params *params)
{
    ASSERT(params->kind->alerts_max > 0 && params->per_minute > 0 && params->length_max > 0 &&
           params->seed != 0);
    struct outbox *o = NEW(struct outbox);
    o->params = *params;
    o->random = (struct random){.state = params->seed};
    list_init(&o->queue);
    return o;
}

void outbox_free(struct outbox *o)
{
    if (o == NULL)
        return;
    list_for_each_safe (node, &o->queue)
        remove_entry(o, entry_of(node));
    while (o->told_count)
        forget_told(o, &o->told[o->told_count - 1]);
    free(o->told);
    free(o);
}

/* ---- kept over restarts ---- */

void outbox_set_keeping(struct outbox *o, bool is_keeping)
{
    o->is_keeping = is_keeping;
}

bool outbox_has_changed(const struct outbox *o)
{
    return o->version != o->saved_version;
}

/* When it was told is for people: the time of the clock. */
static void save_told(const struct told *t, struct json *j, int64_t now_ns, int64_t wall_ns)
{
    json_begin_object(j);
    if (t->is_delivered)
        json_put_int(j, "delivered", wall_ns - (now_ns - t->delivered_ns));
    json_key(j, "notice");
    notice_save(&t->notice, j);
    json_end_object(j);
}

uint64_t outbox_save(struct outbox *o, struct buf *out, int64_t now_ns, int64_t wall_ns)
{
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_put_int(&j, "version", 1);
    json_put_int(&j, "not_before", o->not_before_ns > now_ns ? o->not_before_ns - now_ns + wall_ns : 0);
    json_put_int(&j, "failing", outbox_failing_ns(o, now_ns));
    json_key(&j, "waiting");
    json_begin_array(&j);
    list_for_each (node, &o->queue) {
        const struct entry *e = entry_of(node);
        if (out->len > OUTBOX_TEXT_BYTES_MAX)
            break;
        json_begin_object(&j);
        json_put_int(&j, "age", now_ns - e->queued_ns);
        json_put_bool(&j, "is_told", e->is_told && !e->is_changed);
        json_put_bool(&j, "is_deferred", e->is_deferred);
        json_key(&j, "notice");
        notice_save(e->is_changed ? &e->next : &e->notice, &j);
        json_end_object(&j);
    }
    json_end_array(&j);
    json_key(&j, "told");
    json_begin_array(&j);
    for (size_t i = 0; i < o->told_count && out->len <= OUTBOX_TEXT_BYTES_MAX; i++)
        save_told(&o->told[i], &j, now_ns, wall_ns);
    json_end_array(&j);
    json_end_object(&j);
    o->saved_version = o->version;
    return o->version;
}

void outbox_kept(struct outbox *o, uint64_t mark)
{
    o->kept_version = MAX(o->kept_version, mark);
}

void outbox_not_kept(struct outbox *o)
{
    o->version++;
}

/*
 * Ages are kept, not times: nobody tried while Weir was away, and a clock that was set must not make a
 * message so old that it is given up.
 */
static void restore_entry(struct outbox *o, const struct json_value *v, int64_t now_ns)
{
    struct notice n;
    if (o->counts.queued >= o->params.length_max || !notice_restore(json_value_get(v, "notice"), &n))
        return;
    struct entry *e = push(o, &n, now_ns);
    e->queued_ns = now_ns - MIN(MAX(json_value_int(v, "age", 0), 0), o->params.give_up_ns);
    e->ready_ns = e->queued_ns + o->params.group_wait_ns;
    e->is_deferred = json_value_bool(v, "is_deferred", false);
    e->is_told = is_state(o) && json_value_bool(v, "is_told", false);
    notice_fini(&n);
}

/* Read late, an alert that fires on may wait here already, as if it were new. */
static void restore_told(struct outbox *o, const struct json_value *v, int64_t now_ns, int64_t wall_ns)
{
    struct notice n;
    if (!notice_restore(json_value_get(v, "notice"), &n))
        return;
    struct told *again = find_told(o, n.fingerprint);
    struct entry *waiting = find_waiting(o, n.fingerprint);
    if (again)
        forget_told(o, again);
    if (again && waiting && !notice_is_over(&waiting->notice))
        remove_entry(o, waiting);
    struct told *told = remember_told(o, &n, now_ns);
    told->is_delivered = json_value_has(v, "delivered");
    told->delivered_ns = now_ns - MAX(wall_ns - json_value_int(v, "delivered", 0), 0);
    notice_fini(&n);
}

bool outbox_restore(struct outbox *o, struct str text, int64_t now_ns, int64_t wall_ns)
{
    struct err err;
    struct json_value *root = json_value_parse(text, &err);
    if (!root || json_value_int(root, "version", 0) != 1) {
        json_value_free(root);
        return false;
    }
    o->is_closed = true; /* until outbox_set_open() says otherwise: what was deferred stays so */
    const struct json_value *waiting = json_value_get(root, "waiting"), *told = json_value_get(root, "told");
    for (size_t i = 0; i < json_value_count(told) && !is_state(o); i++)
        restore_told(o, json_value_at(told, i), now_ns, wall_ns);
    for (size_t i = 0; i < json_value_count(waiting); i++)
        restore_entry(o, json_value_at(waiting, i), now_ns);
    int64_t not_before = json_value_int(root, "not_before", 0);
    int64_t failing_ns = json_value_int(root, "failing", 0);
    if (not_before)
        o->not_before_ns = now_ns + MIN(MAX(not_before - wall_ns, 0), RETRY_ASKED_MAX_NS);
    if (failing_ns > 0)
        o->failing_since_ns = MAX(now_ns - MIN(failing_ns, o->params.give_up_ns), 1);
    o->saved_version = o->kept_version = o->version; /* all of it is on the disk */
    json_value_free(root);
    return true;
}
