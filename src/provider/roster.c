/*
 * Wishes, and the calls that they lead to.
 *
 * Two kinds of engines. One starts a server under a key of ours and stops the one we name: each seat that is
 * wanted and was not called for is a START, each that is unwanted a STOP. The other only counts: whatever
 * start() and stop() changed is said as one absolute number, that of the seats that are wanted, and which
 * server belongs to which seat is found out from the lists (roster_list.c).
 *
 * 1. Nothing but list() is called before the first whole list, and no more servers are asked for while lists
 *    fail: who cannot see does not act.
 * 2. After each call the engine is listed: an answer is a hint, a list is the truth. A call whose answer was
 *    lost is not repeated before a list has shown what became of it.
 * 3. A count is said again only after start() or stop(): a server that dies at such an engine is replaced by
 *    the engine, and a number that followed the deaths would follow them down.
 * 4. The sink is called only from roster_next and roster_answer, never from inside start() or stop().
 */
#include "provider/roster.h"

#include "base/clock.h"
#include "base/mem.h"
#include "provider/roster_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TROUBLE_FAILURES = 3 }; /* in a row, of those that may pass by themselves */

/* --- seats ------------------------------------------------------------------------------------------- */

struct seat *seat_new(struct roster *r, const char *key)
{
    struct seat *s = NEW(struct seat);
    (void)str_copy(s->key, sizeof(s->key), str_of(key));
    s->is_wanted = true;
    s->stop_due_ns = INT64_MAX;
    list_push_back(&r->seats, &s->link);
    return s;
}

void seat_free(struct seat *s)
{
    list_remove(&s->link);
    free(s);
}

static struct seat *find_seat(const struct roster *r, const char *key)
{
    for_each_seat(r, s) if (!s->is_silent && !s->is_dropped && strcmp(s->key, key) == 0) return s;
    return NULL;
}

static uint32_t wanted_count(const struct roster *r)
{
    uint32_t count = 0;
    for_each_seat(r, s) count += s->is_wanted && !s->is_silent;
    return count;
}

static bool is_count_due(const struct roster *r)
{
    return !roster_can(r, DRIVER_STARTS_ONE) && r->wish != r->said_wish;
}

/* Whether something is on its way, so that the next list is wanted soon. */
static bool is_unsettled(const struct roster *r)
{
    for_each_seat(r, s) if (!s->is_silent && (!s->is_wanted || !s->is_told_started)) return true;
    return is_count_due(r);
}

/* --- making and freeing ------------------------------------------------------------------------------ */

struct roster *roster_new(const struct roster_params *params, int64_t now_ns)
{
    ASSERT(!(params->capabilities & DRIVER_STARTS_ONE) || (params->capabilities & DRIVER_STOPS_CHOSEN));
    struct roster *r = NEW(struct roster);
    r->provider = params->provider;
    r->sink = params->sink;
    (void)str_copy(r->service, sizeof(r->service), str_of(params->service));
    r->capabilities = params->capabilities;
    r->poll_ns = params->poll_ns;
    r->is_observing = true;
    r->next_list_ns = now_ns;
    list_init(&r->seats);
    pace_init(&r->pace, params->calls_per_second, params->seed, now_ns);
    return r;
}

void roster_free(struct roster *r)
{
    if (!r)
        return;
    for_each_seat(r, s) seat_free(s);
    free(r);
}

/* --- wishes ------------------------------------------------------------------------------------------ */

void roster_start(struct roster *r, const char *key)
{
    if (r->is_ending || find_seat(r, key))
        return;
    (void)seat_new(r, key);
    r->wish++;
}

static void unwant(struct roster *r, struct seat *s, int64_t stop_timeout_ns, int64_t now_ns)
{
    bool is_nowhere = roster_can(r, DRIVER_STARTS_ONE) ? !s->is_called : !s->has_id;
    s->is_wanted = false;
    s->is_dropped = is_nowhere;
    s->stop_timeout_ns = stop_timeout_ns;
    if (roster_can(r, DRIVER_STOPS_CHOSEN))
        s->stop_due_ns = MIN(s->stop_due_ns, now_ns);
    s->unwanted_wish = ++r->wish;
}

void roster_stop(struct roster *r, const char *key, int64_t stop_timeout_ns, int64_t now_ns)
{
    struct seat *s = find_seat(r, key);
    if (!s) { /* who asks for it waits to hear that it is gone */
        s = seat_new(r, key);
        s->is_wanted = false;
        s->is_dropped = true;
        return;
    }
    if (s->is_wanted || (s->stop_due_ns == INT64_MAX && !s->is_stop_called))
        unwant(r, s, stop_timeout_ns, now_ns);
}

void roster_observe(struct roster *r, int64_t now_ns)
{
    r->is_observing = true;
    r->next_list_ns = now_ns;
}

/* Something may have changed at the engine: it is listed soon. */
static void hint(struct roster *r, int64_t now_ns)
{
    r->next_list_ns = MIN(r->next_list_ns, now_ns);
}

void roster_end_all(struct roster *r, int64_t stop_timeout_ns, int64_t now_ns)
{
    r->is_ending = true;
    for_each_seat(r, s) if (s->is_wanted) unwant(r, s, stop_timeout_ns, now_ns);
}

bool roster_is_empty(const struct roster *r)
{
    for_each_seat(r, s) if (!s->is_dropped) return false;
    return r->has_listed && !is_count_due(r);
}

static void tell_dropped(struct roster *r)
{
    for_each_seat(r, s)
    {
        if (!s->is_dropped)
            continue;
        char key[INSTANCE_KEY_BYTES];
        memcpy(key, s->key, sizeof(key));
        seat_free(s);
        if (!r->is_ending)
            r->sink->on_exited(r->sink->context, key, "nothing was started for it", "");
    }
}

/* --- the next call ----------------------------------------------------------------------------------- */

static bool is_blind(const struct roster *r)
{
    return !r->has_listed || r->pace.kinds[DRIVER_CALL_LIST].failures_in_a_row > 0;
}

/* The seat whose stop is due first, and when. */
static struct seat *next_stop(const struct roster *r, int64_t *ret_due_ns)
{
    struct seat *first = NULL;
    for_each_seat(r, s) if (!s->is_wanted && s->has_id && s->stop_due_ns != INT64_MAX &&
                            (!first || s->stop_due_ns < first->stop_due_ns)) first = s;
    if (first)
        *ret_due_ns = first->stop_due_ns;
    return first;
}

static struct seat *next_start(const struct roster *r)
{
    if (!roster_can(r, DRIVER_STARTS_ONE))
        return NULL;
    for_each_seat(r, s) if (s->is_wanted && !s->is_called) return s;
    return NULL;
}

/* One is due, or was called and has not been seen. */
static bool has_start(const struct roster *r)
{
    for_each_seat(r, s) if (s->is_wanted && !s->is_silent && !s->was_seen) return true;
    return false;
}

static uint32_t count_before(const struct roster *r)
{
    return r->has_said ? r->said_count : r->listed_count;
}

static bool fill_call(struct roster *r, enum driver_call_kind kind, struct seat *s, struct roster_call *call)
{
    *call = (struct roster_call){.kind = kind, .wish = r->wish};
    if (kind == DRIVER_CALL_START) {
        memcpy(call->key, s->key, sizeof(call->key));
        s->is_called = s->is_doubtful = true; /* until it is answered */
    } else if (kind == DRIVER_CALL_STOP) {
        call->instance = s->instance;
        call->stop_timeout_ns = s->is_stop_called ? 0 : s->stop_timeout_ns;
    } else if (kind == DRIVER_CALL_SET_COUNT) {
        call->count = wanted_count(r);
        call->count_before = count_before(r);
    }
    return true;
}

/* Whether that call, due then, can be made now; else *again_ns comes no later than when it can. */
static bool may_call(struct roster *r, enum driver_call_kind kind, int64_t due_ns, int64_t now_ns,
                     int64_t *again_ns)
{
    int64_t at_ns = MAX(due_ns, pace_next_ns(&r->pace, kind, now_ns));
    if (at_ns <= now_ns)
        return true;
    *again_ns = MIN(*again_ns, at_ns);
    return false;
}

static bool choose(struct roster *r, int64_t now_ns, struct roster_call *call, int64_t *again_ns)
{
    int64_t stop_ns = INT64_MAX;
    if (may_call(r, DRIVER_CALL_LIST, r->next_list_ns, now_ns, again_ns))
        return fill_call(r, DRIVER_CALL_LIST, NULL, call);
    if (!r->has_listed)
        return false;
    struct seat *stop = next_stop(r, &stop_ns), *start = next_start(r);
    if (stop && may_call(r, DRIVER_CALL_STOP, stop_ns, now_ns, again_ns))
        return fill_call(r, DRIVER_CALL_STOP, stop, call);
    if (is_blind(r))
        return false;
    if (start && may_call(r, DRIVER_CALL_START, now_ns, now_ns, again_ns))
        return fill_call(r, DRIVER_CALL_START, start, call);
    return is_count_due(r) && may_call(r, DRIVER_CALL_SET_COUNT, now_ns, now_ns, again_ns) &&
           fill_call(r, DRIVER_CALL_SET_COUNT, NULL, call);
}

/* --- trouble ----------------------------------------------------------------------------------------- */

static bool is_trouble(const struct pace_kind *k)
{
    uint32_t least = k->failure.fault == DRIVER_FAULT_RETRYABLE ? TROUBLE_FAILURES : 1;
    return k->failures_in_a_row >= least;
}

/* Without events the engine is polled, so wait() alone is no trouble. */
static bool find_trouble(const struct roster *r, struct provider_trouble *ret_trouble)
{
    static const enum driver_call_kind kinds[] = {DRIVER_CALL_LIST, DRIVER_CALL_START, DRIVER_CALL_SET_COUNT,
                                                  DRIVER_CALL_STOP};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct pace_kind *k = &r->pace.kinds[kinds[i]];
        if (!is_trouble(k))
            continue;
        *ret_trouble =
            (struct provider_trouble){.call = kinds[i],
                                      .fault = k->failure.fault,
                                      .is_away = kinds[i] == DRIVER_CALL_LIST ||
                                                 (k->failure.fault == DRIVER_FAULT_RETRYABLE &&
                                                  kinds[i] != DRIVER_CALL_STOP && !k->failure.is_harmless),
                                      .is_harmless = k->failure.is_harmless,
                                      .failures_in_a_row = k->failures_in_a_row,
                                      .since_ns = k->first_ns,
                                      .last_ns = k->last_ns};
        memcpy(ret_trouble->text, k->failure.text, sizeof(ret_trouble->text));
        return true;
    }
    return false;
}

/*
 * Nobody wants a start any more, so none will come to show that they succeed again. What holds starts back
 * must not outlive them: nobody would ever ask for the one that ends it.
 */
static void forget_old_trouble(struct roster *r, int64_t now_ns)
{
    static const enum driver_call_kind kinds[] = {DRIVER_CALL_START, DRIVER_CALL_SET_COUNT};
    if (is_count_due(r) || has_start(r))
        return;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct pace_kind *k = &r->pace.kinds[kinds[i]];
        bool is_passing = k->failure.fault == DRIVER_FAULT_RETRYABLE;
        if (k->failures_in_a_row > 0 && (is_passing || now_ns - k->last_ns >= OLD_TROUBLE_NS))
            pace_note_success(&r->pace, kinds[i]);
    }
}

static void tell_trouble(struct roster *r, int64_t now_ns)
{
    struct provider_trouble now = {0}, before = r->trouble;
    bool had_trouble = r->has_trouble;
    forget_old_trouble(r, now_ns);
    r->has_trouble = find_trouble(r, &now);
    if (r->has_trouble && had_trouble)
        now.since_ns = MIN(now.since_ns, before.since_ns);
    r->trouble = now;
    if (r->is_ending)
        return;
    bool is_other = now.call != before.call || now.fault != before.fault || now.is_away != before.is_away ||
                    now.is_harmless != before.is_harmless;
    if (r->has_trouble && (!had_trouble || is_other))
        r->sink->on_trouble(r->sink->context, r->provider, &r->trouble);
    else if (!r->has_trouble && had_trouble)
        r->sink->on_recovered(r->sink->context, r->provider, now_ns - before.since_ns);
}

/* --- calls and answers ------------------------------------------------------------------------------- */

bool roster_next(struct roster *r, int64_t now_ns, struct roster_call *ret_call, int64_t *ret_again_ns)
{
    int64_t again_ns = INT64_MAX;
    tell_dropped(r);
    tell_trouble(r, now_ns);
    if (choose(r, now_ns, ret_call, &again_ns)) {
        pace_take(&r->pace, now_ns);
        return true;
    }
    *ret_again_ns = again_ns;
    return false;
}

static void note_outcome(struct roster *r, enum driver_call_kind kind, const struct roster_answer *a,
                         int64_t now_ns)
{
    r->calls_total[kind]++;
    if (a->is_good) {
        pace_note_success(&r->pace, kind);
        return;
    }
    pace_note_failure(&r->pace, kind, &a->failure, now_ns);
    r->failed_calls_total[kind]++;
    r->failures_total[a->failure.fault]++;
    r->has_failed = true;
    const struct pace_kind *k = &r->pace.kinds[kind];
    r->last_failure = (struct provider_trouble){.call = kind,
                                                .fault = a->failure.fault,
                                                .failures_in_a_row = k->failures_in_a_row,
                                                .since_ns = k->first_ns,
                                                .last_ns = now_ns};
    memcpy(r->last_failure.text, a->failure.text, sizeof(r->last_failure.text));
}

static void take_start(struct roster *r, const struct roster_call *call, const struct roster_answer *a,
                       int64_t now_ns)
{
    struct seat *s = find_seat(r, call->key);
    if (!s)
        return;
    s->called_ns = now_ns;
    s->is_doubtful = !a->is_good;
    if (!a->is_good) {
        s->failure = a->failure;
        return;
    }
    s->instance = a->instance;
    s->has_id = a->instance.id[0] != '\0';
}

static void take_stop(struct roster *r, const struct roster_call *call, const struct roster_answer *a,
                      int64_t now_ns)
{
    for_each_seat(r, s)
    {
        if (!a->is_good || !s->has_id || strcmp(s->instance.id, call->instance.id) != 0)
            continue;
        s->stop_due_ns = now_ns + call->stop_timeout_ns + STOP_AGAIN_NS;
        s->is_stop_called = true;
    }
}

static void take_count(struct roster *r, const struct roster_call *call, const struct roster_answer *a,
                       int64_t now_ns)
{
    if (a->is_good) {
        r->said_wish = call->wish;
        r->has_said = true;
        r->said_count = call->count;
        r->said_ns = now_ns;
    } else if (a->failure.fault != DRIVER_FAULT_RETRYABLE) {
        r->has_count_failed = true; /* the next list shows who did not come */
        r->count_failure = a->failure;
    }
}

void roster_answer(struct roster *r, const struct roster_call *call, const struct roster_answer *answer,
                   int64_t now_ns)
{
    note_outcome(r, call->kind, answer, now_ns);
    switch (call->kind) {
    case DRIVER_CALL_LIST:
        if (answer->is_good)
            roster_take_list(r, &answer->list, now_ns);
        r->next_list_ns = now_ns;
        if (answer->is_good)
            r->next_list_ns += is_unsettled(r) ? MIN(r->poll_ns, SETTLE_POLL_NS) : r->poll_ns;
        break;
    case DRIVER_CALL_START:
        take_start(r, call, answer, now_ns);
        break;
    case DRIVER_CALL_STOP:
        take_stop(r, call, answer, now_ns);
        break;
    default:
        take_count(r, call, answer, now_ns);
        break;
    }
    if (call->kind != DRIVER_CALL_LIST)
        r->next_list_ns = now_ns;
    tell_trouble(r, now_ns);
}

void roster_wait_answer(struct roster *r, const struct roster_answer *answer, int64_t now_ns)
{
    note_outcome(r, DRIVER_CALL_WAIT, answer, now_ns);
    if (answer->is_good)
        hint(r, now_ns);
}

int64_t roster_wait_ns(struct roster *r, int64_t now_ns)
{
    return MAX(r->pace.kinds[DRIVER_CALL_WAIT].not_before_ns, r->pace.not_before_ns);
}

struct provider_status roster_status(const struct roster *r)
{
    struct provider_status status = {
        .has_listed = r->has_listed,
        .listed_ns = r->listed_ns,
        .listed_count = r->listed_count,
        .has_trouble = r->has_trouble,
        .has_failed = r->has_failed,
        .trouble = r->trouble,
        .last_failure = r->last_failure,
        .next_call_ns = MAX(r->pace.not_before_ns, r->pace.kinds[DRIVER_CALL_LIST].not_before_ns)};
    for_each_seat(r, s) status.waiting_count += !s->is_silent && (!s->is_wanted || !s->is_told_started);
    memcpy(status.calls_total, r->calls_total, sizeof(status.calls_total));
    memcpy(status.failed_calls_total, r->failed_calls_total, sizeof(status.failed_calls_total));
    memcpy(status.failures_total, r->failures_total, sizeof(status.failures_total));
    return status;
}
