/*
 * Facts in, steps out. Each public function notes a fact and moves the servers it concerns; reconciler_tick
 * looks at deadlines (steps.c); balance() compares the number of servers that are up (requested, starting,
 * warming, serving) with the number wanted:
 *
 *   missing: a draining server comes back, if one can; else a new one is asked for, unless the back-off says
 *   later. A failed server is missing; so one that is wanted is started once for each that is missing.
 *
 *   too many: choose.c names the victim; one that does not serve yet is stopped, a serving one drained.
 *
 * A server that failed is not started again: a new one takes its place, so that a name, an address and the
 * connections to it never change their meaning under a data thread. A name is used again when the provider
 * has said that its old owner ended.
 *
 * What exists besides the servers that are up (draining, stopping, failed and not yet ended) is bounded: no
 * start beyond twice the maximum and eight.
 */
#include "scale/reconciler.h"

#include "scale/choose.h"
#include "scale/learned.h"
#include "scale/listed.h"
#include "scale/server_knee.h"
#include "scale/server_pace.h"
#include "scale/steps.h"

#include "base/clock.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SPARE_EXISTING = 8 };
#define SETTLE_NS_MIN (10 * NS_PER_S)
#define SETTLE_NS_MAX (60 * NS_PER_S)

/* --- small questions -------------------------------------------------------------------------------- */

static struct life *find_life(const struct reconciler *r, const struct server *s)
{
    for_each_life (r, l)
        if (l->server == s)
            return l;
    return NULL;
}

static struct life *find_by_name(const struct reconciler *r, struct str name)
{
    for_each_life (r, l)
        if (life_state(l) != SERVER_GONE && str_eq(str_of(l->server->name), name))
            return l;
    return NULL;
}

static uint32_t count_up(const struct reconciler *r)
{
    uint32_t count = 0;
    for_each_life (r, l)
        count += life_is_up(l);
    return count;
}

static uint32_t count_existing(const struct reconciler *r)
{
    uint32_t count = 0;
    for_each_life (r, l)
        count += l->may_exist;
    return count;
}

/* --- the number of servers -------------------------------------------------------------------------- */

static uint32_t free_number(const struct reconciler *r) /* the smallest that no server of the service has */
{
    for (uint32_t number = 1;; number++) {
        bool is_used = false;
        for_each_life (r, l)
            is_used |= l->number == number;
        if (!is_used)
            return number;
    }
}

static uint32_t number_in(const struct reconciler *r,
                          struct str name) /* of "SERVICE-N"; 0: another kind of name */
{
    struct str service = str_of(r->service->name);
    uint64_t number = 0;
    if (!str_starts_with(name, service) || name.len < service.len + 2 || name.ptr[service.len] != '-' ||
        !str_parse_u64(str_n(name.ptr + service.len + 1, name.len - service.len - 1), &number) ||
        number > UINT32_MAX)
        return 0;
    return (uint32_t)number;
}

/* Servers that have served, as long as they exist, and for a while after. */
static void note_warmth(struct reconciler *r, int64_t now_ns)
{
    for_each_life (r, l)
        if (l->has_taken && l->may_exist && l->program == r->program)
            r->warm_until_ns = now_ns + START_WARM_NS;
    r->next_start = now_ns < r->warm_until_ns ? START_WARM : START_COLD;
}

static bool start_one(struct reconciler *r, int64_t now_ns)
{
    char name[SERVER_NAME_BYTES + 12], key[2 * SERVER_NAME_BYTES + 2];
    uint32_t number = free_number(r);
    (void)snprintf(name, sizeof(name), "%s-%u", r->service->name, number);
    struct life *l = life_new(r, str_of(name), &(struct addr){0}, r->provider, now_ns);
    if (!l) {
        reconciler_note_failure(r, now_ns, -1, now_ns); /* the fleet's table is full: later */
        return false;
    }
    l->number = number;
    l->may_exist = true;
    l->start = r->next_start;
    r->starts_total++;
    life_set_limit(r, l, life_full_limit(r, l));
    life_tell(r, l, SCALE_EVENT_SERVER_STATE, false, "the provider is asked for it", now_ns);
    struct err err = {0};
    life_format_key(key, sizeof(key), l);
    if (r->provider->ops->start(r->provider, key, r->config, &err))
        return true;
    l->may_exist = false;
    life_fail(r, l, err.text, "", now_ns);
    return false;
}

/* One server more; false when none can be had now. */
static bool add_one(struct reconciler *r, int64_t now_ns)
{
    struct life *l = choose_revival(r);
    if (l) {
        life_serve(r, l, "it is needed again", now_ns);
        return true;
    }
    if (r->is_engine_away || now_ns < r->back_off.not_before_ns ||
        count_existing(r) >= 2 * r->config->scale.servers_max + SPARE_EXISTING)
        return false;
    return start_one(r, now_ns);
}

static void balance(struct reconciler *r, int64_t now_ns)
{
    if (!r->has_want || !r->provider || r->is_frozen || r->is_held || r->is_retired)
        return;
    uint32_t up = count_up(r);
    while (up < r->want && add_one(r, now_ns))
        up++;
    for (; up > r->want; up--)
        life_stop_or_drain(r, choose_victim(r, now_ns), "fewer servers are wanted", now_ns);
}

/* --- the configuration ------------------------------------------------------------------------------ */

/* What discovery found stays until it says something else. */
static void list_configured(struct reconciler *r, int64_t now_ns)
{
    if (r->config->discover.source == DISCOVER_NONE)
        listed_set(r, r->config->servers, (uint32_t)r->config->server_count, now_ns);
}

static bool is_configured(const struct reconciler *r, const struct life *l)
{
    return l->provider ? l->provider == r->provider : listed_has(r, &l->server->address);
}

/* --- public ----------------------------------------------------------------------------------------- */

struct reconciler *reconciler_new(const struct reconciler_params *params, int64_t now_ns)
{
    ASSERT(params->seed != 0);
    struct reconciler *r = NEW(struct reconciler);
    r->fleet = params->fleet;
    r->service = params->service;
    r->config = params->config;
    r->program = learned_fingerprint(&r->config->scale);
    r->provider = params->provider;
    r->effects = params->effects;
    r->random.state = params->seed;
    r->capacity = 1;
    r->needs_list = true;
    list_init(&r->lives);
    return r;
}

void reconciler_free(struct reconciler *r)
{
    if (!r)
        return;
    for_each_life (r, l) {
        list_remove(&l->link);
        free(l);
    }
    listed_fini(r);
    free(r);
}

void reconciler_set_config(struct reconciler *r, const struct config_service *config,
                           struct provider *provider, int64_t now_ns)
{
    uint64_t program_before = r->program;
    r->config = config;
    r->program = learned_fingerprint(&config->scale);
    r->provider = provider;
    r->is_retired = false;
    if (r->program != program_before)
        r->warm_until_ns = 0;
    note_warmth(r, now_ns);
    back_off_clear(&r->back_off); /* perhaps this is the repair */
    list_configured(r, now_ns);
    for_each_life (r, l) {
        if (!is_configured(r, l))
            life_leave(r, l, "it is no longer in the configuration", now_ns);
        else if (life_state(l) != SERVER_WARMING)
            life_set_limit(r, l, life_full_limit(r, l));
    }
    lives_flush(r);
}

void reconciler_set_addresses(struct reconciler *r, const struct addr *addresses, uint32_t count,
                              int64_t now_ns)
{
    ASSERT(r->config->discover.source != DISCOVER_NONE);
    if (r->is_frozen || r->is_retired)
        return;
    listed_set(r, addresses, count, now_ns);
    lives_flush(r);
}

static void set_learned_limit(struct reconciler *r, uint32_t limit)
{
    if (limit == r->learned_limit)
        return;
    r->learned_limit = limit;
    for_each_life (r, l)
        if (life_state(l) != SERVER_WARMING)
            life_set_limit(r, l, life_full_limit(r, l));
}

static void set_slow_start(struct reconciler *r, uint32_t least)
{
    if (least == r->slow_start)
        return;
    r->slow_start = least;
    for_each_life (r, l) {
        atomic_store_explicit(&l->server->slow_start, (int32_t)least, memory_order_seq_cst);
        if (server_can_take(l->server))
            r->effects->offer(r->effects->context, l->server);
    }
}

/* It has its full share, and is like the others. One that is clearly slow is spared: what it is given takes
 * long enough. */
static bool can_be_filled(const struct life *l)
{
    return !l->is_slow && l->knee == 0 && life_state(l) == SERVER_SERVING && server_can_take(l->server);
}

/* What is learned of one server has to show on a second one, if there is any. */
static struct life *find_untried(struct reconciler *r)
{
    struct life *found = NULL;
    uint32_t tried = 0, others = 0;
    for_each_life (r, l) {
        if (!can_be_filled(l))
            continue;
        tried += l->is_tried;
        others += !l->is_tried;
        if (!l->is_tried && !found)
            found = l;
    }
    return tried < 2 && tried + others >= 2 ? found : NULL;
}

/* Of all that can be filled the oldest is: it is the last to go. */
static struct life *find_oldest(struct reconciler *r)
{
    for_each_life (r, l)
        if (can_be_filled(l))
            return l;
    return NULL;
}

static void fill_one(struct reconciler *r, uint32_t fill_to, uint32_t try_to)
{
    struct life *untried = try_to > 0 ? find_untried(r) : NULL;
    struct life *filled = untried ? untried : fill_to > 0 ? find_oldest(r) : NULL;
    for_each_life (r, l) {
        uint32_t limit = l == untried ? try_to : 0;
        bool is_other = limit != l->try_limit;
        l->try_limit = limit;
        if (is_other && life_state(l) == SERVER_SERVING)
            life_set_limit(r, l, life_full_limit(r, l));
    }
    if (filled)
        atomic_store_explicit(&filled->server->fill_to, (int32_t)(untried ? try_to : fill_to),
                              memory_order_relaxed);
    atomic_store_explicit(&r->service->filled, filled ? filled->server : NULL, memory_order_release);
}

void reconciler_want(struct reconciler *r, const struct reconciler_want *want, int64_t now_ns)
{
    ASSERT(want->capacity >= 1);
    r->want = want->count;
    r->capacity = want->capacity;
    r->has_want = true;
    if (want->limit == 0) /* it must not be without either meanwhile */
        set_slow_start(r, want->slow_start);
    set_learned_limit(r, want->limit);
    set_slow_start(r, want->slow_start);
    balance(r, now_ns);
    fill_one(r, want->fill_to, want->try_to);
    lives_flush(r);
}

void reconciler_tick(struct reconciler *r, int64_t now_ns)
{
    if (r->needs_list)
        list_configured(r, now_ns);
    r->needs_list = false;
    if (r->has_listed_to_add && !r->is_retired)
        listed_add_missing(r, now_ns);
    for_each_life (r, l)
        life_step(r, l, now_ns);
    note_warmth(r, now_ns);
    balance(r, now_ns);
    lives_flush(r);
}

void reconciler_freeze(struct reconciler *r)
{
    r->is_frozen = true;
}

void reconciler_hold(struct reconciler *r, bool is_held)
{
    r->is_held = is_held;
}

void reconciler_note_engine(struct reconciler *r, bool is_away, int64_t now_ns)
{
    if (r->is_engine_away && !is_away)
        for_each_life (r, l) {
            if (life_state(l) == SERVER_REQUESTED)
                l->requested_ns = now_ns; /* its time begins now */
        }
    r->is_engine_away = is_away;
}

void reconciler_retire(struct reconciler *r, int64_t now_ns)
{
    r->is_retired = true;
    for_each_life (r, l)
        life_leave(r, l, "it is no longer in the configuration", now_ns);
    lives_flush(r);
}

void reconciler_end_back_off(struct reconciler *r)
{
    back_off_clear(&r->back_off);
}

bool reconciler_is_empty(const struct reconciler *r)
{
    return list_is_empty(&r->lives);
}

/* In state REQUESTED; NULL when the fleet's table is full: it is found again with the next observe. */
static struct life *adopt(struct reconciler *r, struct str name, const struct addr *address, int64_t now_ns)
{
    struct life *l = life_new(r, name, address, r->provider, now_ns);
    if (!l)
        return NULL;
    l->number = number_in(r, name);
    l->may_exist = l->is_adopted = true;
    life_set_limit(r, l, life_full_limit(r, l));
    return l;
}

static void adopt_started(struct reconciler *r, struct str name, const struct addr *address, int pid,
                          int64_t now_ns)
{
    struct life *l = adopt(r, name, address, now_ns);
    if (!l)
        return;
    l->facts.pid = pid;
    life_go(r, l, SERVER_STARTING, now_ns, "it was there already");
    if (r->is_retired)
        life_leave(r, l, "it is no longer in the configuration", now_ns);
}

/* One that failed and ended only keeps its name until its back-off is over. */
static struct life *find_existing(struct reconciler *r, struct str name, int64_t now_ns)
{
    struct life *l = find_by_name(r, name);
    if (!l || life_state(l) != SERVER_FAILED || l->may_exist)
        return l;
    life_go(r, l, SERVER_GONE, now_ns, "another server has come under its name");
    return NULL;
}

void reconciler_on_coming(struct reconciler *r, struct str name, int64_t now_ns)
{
    ASSERT(r->provider);
    struct life *l = find_existing(r, name, now_ns) ? NULL : adopt(r, name, &(struct addr){0}, now_ns);
    if (l)
        life_tell(r, l, SCALE_EVENT_SERVER_STATE, false, "it was on its way already", now_ns);
    if (l && r->is_retired)
        life_leave(r, l, "it is no longer in the configuration", now_ns);
    lives_flush(r);
}

void reconciler_on_started(struct reconciler *r, struct str name, const struct addr *address, int pid,
                           int64_t now_ns)
{
    ASSERT(r->provider);
    struct life *l = find_existing(r, name, now_ns);
    if (!l) {
        adopt_started(r, name, address, pid, now_ns);
    } else {
        l->facts.pid = pid;
        if (life_state(l) == SERVER_REQUESTED) {
            l->server->address = *address; /* in no snapshot yet */
            life_go(r, l, SERVER_STARTING, now_ns,
                    l->is_adopted ? "it was there already" : "the provider started it");
        }
    }
    lives_flush(r);
}

void reconciler_on_facts(struct reconciler *r, struct str name, const struct provider_facts *facts,
                         int64_t now_ns)
{
    struct life *l = find_by_name(r, name);
    if (!l || !l->provider)
        return;
    bool was_unwell = l->facts.is_unwell;
    if (facts->price > 0 && facts->price != l->facts.price) {
        r->price_told = facts->price;
        r->price_told_ns = now_ns;
    }
    l->facts = *facts;
    if (facts->is_unwell && !was_unwell)
        life_tell(r, l, SCALE_EVENT_SERVER_UNWELL, true, l->facts.words, now_ns);
    else if (was_unwell && !facts->is_unwell)
        life_tell(r, l, SCALE_EVENT_SERVER_WELL, false, "the engine says no more that it is not well",
                  now_ns);
}

void reconciler_on_stopping(struct reconciler *r, struct str name, const char *reason, int64_t now_ns)
{
    struct life *l = find_by_name(r, name);
    if (!l || !l->provider)
        return;
    l->is_leaving = true;
    if (life_is_up(l))
        life_stop_or_drain(r, l, reason, now_ns);
    balance(r, now_ns);
    lives_flush(r);
}

bool reconciler_on_spared(struct reconciler *r, struct str name, const char *reason, int64_t now_ns)
{
    struct life *l = find_by_name(r, name);
    if (!l || !l->provider || l->is_leaving || life_state(l) != SERVER_STOPPING)
        return false;
    if (l->server->address.len == 0) /* it was still on its way: where it is comes with its next name */
        return false;
    l->is_adopted = true; /* it is warm */
    life_go(r, l, SERVER_STARTING, now_ns, "%s", reason);
    lives_flush(r);
    return true;
}

void reconciler_on_start_failed(struct reconciler *r, struct str name, const char *reason, int64_t now_ns)
{
    struct life *l = find_by_name(r, name);
    if (!l || !l->provider)
        return;
    l->may_exist = false;
    if (life_state(l) == SERVER_REQUESTED)
        life_fail(r, l, reason, "", now_ns);
    else if (life_state(l) == SERVER_STOPPING)
        life_go(r, l, SERVER_GONE, now_ns, "it was never started: %s", reason);
    balance(r, now_ns);
    lives_flush(r);
}

static void on_end(struct reconciler *r, struct life *l, const char *reason, const char *last_lines,
                   int64_t now_ns)
{
    enum server_state state = life_state(l);
    if (state == SERVER_STOPPING)
        life_go(r, l, SERVER_GONE, now_ns, "it ended: %s", reason);
    else if (state == SERVER_DRAINING)
        life_go(r, l, SERVER_GONE, now_ns, "it ended by itself while draining: %s", reason);
    else if (state != SERVER_FAILED)
        life_fail(r, l, reason, last_lines, now_ns);
}

void reconciler_on_exited(struct reconciler *r, struct str name, const char *reason, const char *last_lines,
                          int64_t now_ns)
{
    struct life *l = find_by_name(r, name);
    if (!l || !l->provider)
        return;
    l->may_exist = false;
    on_end(r, l, reason, last_lines, now_ns);
    if (life_state(l) == SERVER_FAILED && !r->is_frozen)
        life_failed_step(r, l, now_ns);
    balance(r, now_ns);
    lives_flush(r);
}

static void on_first_good_probe(struct reconciler *r, struct life *l, int64_t now_ns)
{
    char for_text[UNITS_TEXT_BYTES];
    int64_t start_ns = now_ns - l->requested_ns;
    if (l->provider && !l->is_adopted)
        start_times_note(&r->start_times, l->start, start_ns);
    l->unhealthy_since_ns = 0;
    atomic_store_explicit(&l->server->is_refusing, 0, memory_order_relaxed);
    atomic_store_explicit(&l->server->is_healthy, 1, memory_order_relaxed);
    life_go(r, l, SERVER_WARMING, now_ns, "first good probe, after %s", life_format_ns(for_text, start_ns));
    life_warm(r, l, now_ns);
    note_warmth(r, now_ns);
}

static void on_good_probe(struct reconciler *r, struct life *l, int64_t now_ns)
{
    bool could_take = server_can_take(l->server);
    l->bad_run = 0;
    l->good_run++;
    if (r->config->health.has_path)
        let_in_note_healthy(&l->server->let_in);
    if (life_is_refusing(l)) {
        atomic_store_explicit(&l->server->is_refusing, 0, memory_order_relaxed);
        l->is_refusing_known = false;
        if (l->pace == PROBE_FAST)
            life_set_pace(r, l, PROBE_SLOW);
    }
    if (!life_is_healthy(l) && l->good_run >= r->config->health.rise) {
        l->unhealthy_since_ns = 0;
        atomic_store_explicit(&l->server->is_healthy, 1, memory_order_seq_cst);
        life_tell(r, l, SCALE_EVENT_SERVER_HEALTHY, false, "probes succeed again", now_ns);
    }
    if (!could_take && server_can_take(l->server))
        r->effects->offer(r->effects->context, l->server);
}

static void on_bad_probe(struct reconciler *r, struct life *l, const char *detail, int64_t now_ns)
{
    (void)str_copy(l->last_probe, sizeof(l->last_probe), str_of(detail));
    l->good_run = 0;
    l->bad_run++;
    life_heed_silence(r, l, now_ns);
    if (life_state(l) == SERVER_STARTING || !life_is_healthy(l) || l->bad_run < r->config->health.fall)
        return;
    l->unhealthy_since_ns = now_ns;
    atomic_store_explicit(&l->server->is_healthy, 0, memory_order_relaxed);
    char reason[LIFE_REASON_BYTES];
    (void)snprintf(reason, sizeof(reason), "%u probes in a row failed: %s", l->bad_run, detail);
    life_tell(r, l, SCALE_EVENT_SERVER_UNHEALTHY, true, reason, now_ns);
}

void reconciler_on_probe(struct reconciler *r, struct server *s, bool is_good, const char *detail,
                         int64_t now_ns)
{
    struct life *l = find_life(r, s);
    if (!l || l->pace == PROBE_NEVER)
        return;
    if (!is_good)
        on_bad_probe(r, l, detail, now_ns);
    else if (life_state(l) == SERVER_STARTING)
        on_first_good_probe(r, l, now_ns);
    else
        on_good_probe(r, l, now_ns);
    lives_flush(r);
}

void reconciler_note_pace(struct reconciler *r, const struct server *s, const struct server_pace *pace,
                          int64_t now_ns)
{
    struct life *l = find_life(r, s);
    if (!l)
        return;
    char reason[LIFE_REASON_BYTES];
    l->pace_factor = server_pace_factor(pace);
    if (l->is_slow == pace->is_slow)
        return;
    l->is_slow = pace->is_slow;
    (void)snprintf(
        reason, sizeof(reason),
        "with as many requests in flight, it answers %.2f times as fast as the others (of late: %.0f "
        "requests)",
        l->pace_factor, pace->sums.requests);
    life_tell(r, l, l->is_slow ? SCALE_EVENT_SERVER_SLOW : SCALE_EVENT_SERVER_IN_PACE, l->is_slow, reason,
              now_ns);
}

bool reconciler_note_knee(struct reconciler *r, const struct server *s, const struct server_knee *knee,
                          double knee_of_all, int64_t now_ns)
{
    struct life *l = find_life(r, s);
    bool was_narrow = l && l->knee > 0, is_narrow = knee->knee > 0;
    if (!l)
        return false;
    l->knee = knee->knee;
    l->is_tried = server_knee_is_tried(knee, knee_of_all);
    if (life_state(l) == SERVER_SERVING)
        life_set_limit(r, l, life_full_limit(r, l));
    if (is_narrow == was_narrow)
        return false;
    char reason[LIFE_REASON_BYTES];
    if (is_narrow)
        (void)snprintf(reason, sizeof(reason),
                       "it works on %.3g requests at once, the others on clearly more", knee->knee);
    else
        (void)snprintf(reason, sizeof(reason), "it works on as many requests at once as the others");
    life_tell(r, l, is_narrow ? SCALE_EVENT_SERVER_NARROW : SCALE_EVENT_SERVER_WIDE, is_narrow, reason,
              now_ns);
    return true;
}

double reconciler_mean_capacity(const struct reconciler *r, double of_one)
{
    double sum = 0, servers = 0;
    for_each_life (r, l) {
        if (!life_is_up(l))
            continue;
        sum += l->knee > 0 ? fmin(l->knee, of_one) : of_one;
        servers++;
    }
    return servers > 0 ? fmax(sum / servers, 1) : of_one;
}

bool reconciler_drain(struct reconciler *r, struct server *s, int64_t now_ns, struct err *err)
{
    struct life *l = find_life(r, s);
    enum server_state state = l ? life_state(l) : SERVER_GONE;
    if (state == SERVER_DRAINING)
        return true;
    if (!server_state_takes_requests(state) && !(state == SERVER_STARTING && l && !l->provider))
        return err_set(err, "%s is %s: only a server that takes requests can be drained", s->name,
                       server_state_name(state));
    l->is_held = true;
    life_go(r, l, SERVER_DRAINING, now_ns, "drained by hand");
    balance(r, now_ns);
    lives_flush(r);
    return true;
}

bool reconciler_ready(struct reconciler *r, struct server *s, int64_t now_ns, struct err *err)
{
    struct life *l = find_life(r, s);
    enum server_state state = l ? life_state(l) : SERVER_GONE;
    if (server_state_takes_requests(state))
        return true;
    if (state != SERVER_DRAINING || l->is_leaving)
        return err_set(err, "%s is %s%s: only a draining server can be made ready again", s->name,
                       server_state_name(state), l && l->is_leaving ? " and no longer configured" : "");
    l->is_held = false;
    l->kept_until_ns = now_ns + r->config->scale.scale_down_after_ns;
    if (l->has_taken)
        life_serve(r, l, "made ready by hand", now_ns);
    else
        life_go(r, l, SERVER_STARTING, now_ns, "made ready by hand");
    balance(r, now_ns);
    lives_flush(r);
    return true;
}

struct start_times *reconciler_start_times(struct reconciler *r)
{
    return &r->start_times;
}

struct reconciler_numbers reconciler_numbers(const struct reconciler *r)
{
    struct reconciler_numbers n = {
        .starts_total = r->starts_total,
        .start_failures_total = r->start_failures_total,
        .deaths_total = r->deaths_total,
        .failures_in_a_row = r->back_off.steps,
        .back_off_until_ns = r->back_off.not_before_ns,
        .next_start = r->next_start,
        .place_limit = r->config->max_requests ? r->config->max_requests : r->learned_limit,
    };
    for (int c = 0; c < START_CLASS_COUNT; c++)
        n.starts[c] = start_times_summary(&r->start_times, (enum start_class)c);
    for_each_life (r, l) {
        n.by_state[life_state(l)]++;
        n.available += server_can_take(l->server);
        n.slow += l->is_slow && server_can_take(l->server);
        n.narrow += l->knee > 0 && server_can_take(l->server);
        n.there += server_state_takes_requests(life_state(l)) || choose_may_return(l);
        bool is_coming = life_state(l) == SERVER_REQUESTED || life_state(l) == SERVER_STARTING;
        if (is_coming && l->provider &&
            (!n.start_oldest_asked_ns || l->requested_ns < n.start_oldest_asked_ns))
            n.start_oldest_asked_ns = l->requested_ns;
        n.has_adopted_coming |= is_coming && l->is_adopted;
    }
    return n;
}

uint32_t reconciler_servers(const struct reconciler *r, struct server **ret_servers, uint32_t max)
{
    uint32_t count = 0;
    for_each_life (r, l)
        if (count < max)
            ret_servers[count++] = l->server;
    return count;
}

int reconciler_pid(const struct reconciler *r, const struct server *s)
{
    const struct life *l = find_life(r, s);
    return l && l->may_exist ? l->facts.pid : 0;
}

const char *reconciler_bad_probe(const struct reconciler *r, const struct server *s)
{
    const struct life *l = find_life(r, s);
    return l && l->bad_run > 0 ? l->last_probe : "";
}

bool reconciler_is_settled(const struct reconciler *r, const struct server *s, int64_t now_ns)
{
    const struct life *l = find_life(r, s);
    if (!l || !l->has_taken)
        return false;
    int64_t start_ns = MAX(l->taken_since_ns - l->requested_ns, SETTLE_NS_MIN);
    return now_ns - l->taken_since_ns >= MIN(start_ns, SETTLE_NS_MAX);
}

void reconciler_write_server(const struct reconciler *r, const struct server *s, int64_t now_ns,
                             struct json *j)
{
    const struct life *l = find_life(r, s);
    if (!l)
        return;
    if (l->facts.pid > 0)
        json_put_int(j, "pid", l->facts.pid);
    json_put_double(j, "since_seconds", (double)(now_ns - l->state_since_ns) / (double)NS_PER_S);
    json_put_text(j, "reason", l->reason);
    json_put_text(j, "provider", l->provider ? l->provider->ops->name : NULL);
    json_put_bool(j, "drained_by_hand", l->is_held);
    json_put_double_if(j, "pace", l->pace_factor > 0, l->pace_factor);
    json_put_bool(j, "slow", l->is_slow);
    json_put_double_if(j, "works_on", l->knee > 0, l->knee);
    json_put_double_if(j, "price_per_hour", l->facts.price > 0, l->facts.price);
    if (l->facts.is_unwell)
        json_put_text(j, "unwell", l->facts.words);
    if (l->bad_run > 0)
        json_put_text(j, "last_bad_probe", l->last_probe);
}
