/*
 * Facts in, steps out. Each public function notes a fact and moves the servers it concerns; reconciler_tick
 * looks at deadlines; balance() compares the number of servers that are up (requested, starting, warming,
 * serving) with the number wanted:
 *
 *   missing   a draining server comes back, if one can; else a new one is asked for, unless the back-off says
 * later. A failed server is missing; so one that is wanted is started once for each that is missing. too many
 * choose.c names the victim: not yet serving -> stop, serving -> drain
 *
 * Decisions that were not obvious:
 * - A server that failed is not started again: a new one takes its place, so that a name, an address and the
 * connections to it never change their meaning under a data thread. Names are used again when the provider
 * has said that the old one ended.
 * - Slow start only beside another server that can take requests (else the first one gets all), and not for
 * adopted ones.
 * - A draining server is stopped after it was seen without requests for QUIET_NS: a data thread that chose it
 * just before it left the snapshot has long taken its slot by then.
 * - A server that stays unhealthy for start_timeout is replaced, but one at a time: when all are unhealthy
 * the cause is elsewhere (a database), and starting everything anew would make it worse.
 * - What exists besides the servers that are up (draining, stopping, failed and not yet ended) is bounded: no
 * start beyond twice the maximum and eight.
 */
#include "scale/choose.h"
#include "scale/life.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WARM_NS         (2 * NS_PER_S) /* slow start */
#define QUIET_NS        (100 * NS_PER_MS)
#define REFUSED_FAST_NS (10 * NS_PER_S) /* a server that refuses is probed fast so long */
#define STOP_AGAIN_NS   (5 * NS_PER_S)  /* beyond stop_timeout: the provider is asked again */
enum { SPARE_EXISTING = 8 };

/* --- small questions -------------------------------------------------------------------------------- */

static struct life *find_life(const struct reconciler *r, const struct server *s)
{
    for_each_life(r, l) if (l->server == s) return l;
    return NULL;
}

static struct life *find_by_name(const struct reconciler *r, struct str name)
{
    for_each_life(r, l) if (str_eq(str_of(l->server->name), name)) return l;
    return NULL;
}

static uint32_t count_up(const struct reconciler *r)
{
    uint32_t count = 0;
    for_each_life(r, l) count += life_is_up(l);
    return count;
}

static uint32_t count_existing(const struct reconciler *r)
{
    uint32_t count = 0;
    for_each_life(r, l) count += l->may_exist;
    return count;
}

static bool is_healthy(const struct life *l)
{
    return atomic_load_explicit(&l->server->is_healthy, memory_order_relaxed);
}

static bool is_refusing(const struct life *l)
{
    return atomic_load_explicit(&l->server->is_refusing, memory_order_relaxed);
}

static bool has_other_taking(const struct reconciler *r, const struct life *except)
{
    for_each_life(r, l) if (l != except && server_can_take(l->server)) return true;
    return false;
}

static char *format_ns(char out[UNITS_TEXT_BYTES], int64_t ns) /* rounded to ms: for people */
{
    return units_format_duration(out, ns / NS_PER_MS * NS_PER_MS);
}

static void format_key(char *out, size_t bytes, const struct life *l)
{
    (void)snprintf(out, bytes, "%s/%s", l->server->service->name, l->server->name);
}

/* --- limits of requests in flight ------------------------------------------------------------------- */

static void set_limit(struct reconciler *r, struct life *l, uint32_t limit)
{
    int32_t before = atomic_load_explicit(&l->server->max_requests, memory_order_relaxed);
    if (before == (int32_t)limit)
        return;
    atomic_store_explicit(&l->server->max_requests, (int32_t)limit, memory_order_seq_cst);
    bool is_raised = limit == 0 || (before != 0 && (int32_t)limit > before);
    if (is_raised && server_can_take(l->server))
        r->effects->offer(r->effects->context, l->server);
}

/* What the slow start grows to: max_requests, or what one server is thought to carry. */
static uint32_t warm_limit_full(const struct reconciler *r)
{
    return r->config->max_requests ? r->config->max_requests : (uint32_t)ceil(fmin(r->capacity, 1e6));
}

static void serve_fully(struct reconciler *r, struct life *l, int64_t now_ns)
{
    life_go(r, l, SERVER_SERVING, now_ns, "it gets its full share");
    set_limit(r, l, r->config->max_requests);
}

static void warm(struct reconciler *r, struct life *l, int64_t now_ns)
{
    int64_t for_ns = now_ns - l->state_since_ns;
    uint32_t full = warm_limit_full(r);
    if (l->is_adopted || for_ns >= WARM_NS || full <= 1 || !has_other_taking(r, l)) {
        serve_fully(r, l, now_ns);
        return;
    }
    double share = 0.25 + 0.75 * (double)for_ns / (double)WARM_NS;
    set_limit(r, l, MAX((uint32_t)(full * share), 1));
}

/* --- stopping --------------------------------------------------------------------------------------- */

static void ask_to_stop(struct reconciler *r, struct life *l, int64_t now_ns)
{
    char key[2 * SERVER_NAME_BYTES + 2];
    format_key(key, sizeof(key), l);
    l->stop_asked_ns = now_ns;
    l->provider->ops->stop(l->provider, key, r->config->scale.stop_timeout_ns);
}

static void ask_to_stop_again(struct reconciler *r, struct life *l, int64_t now_ns)
{
    if (!r->is_frozen && now_ns - l->stop_asked_ns >= r->config->scale.stop_timeout_ns + STOP_AGAIN_NS)
        ask_to_stop(r, l, now_ns);
}

static void stop_or_drain(struct reconciler *r, struct life *l, const char *reason, int64_t now_ns)
{
    bool has_nothing = !server_state_takes_requests(life_state(l));
    if (has_nothing && l->provider) {
        life_go(r, l, SERVER_STOPPING, now_ns, "%s", reason);
        ask_to_stop(r, l, now_ns);
        return;
    }
    life_go(r, l, SERVER_DRAINING, now_ns, "%s", reason);
}

static void end_drain(struct reconciler *r, struct life *l, int64_t now_ns)
{
    char for_text[UNITS_TEXT_BYTES];
    int32_t in_flight = server_in_flight(l->server);
    enum server_state to = l->provider ? SERVER_STOPPING : SERVER_GONE;
    if (in_flight > 0)
        life_go(r, l, to, now_ns, "drain_timeout of %s is over with %d requests in flight",
                format_ns(for_text, r->config->scale.drain_timeout_ns), in_flight);
    else
        life_go(r, l, to, now_ns, "its requests have ended");
    if (l->provider)
        ask_to_stop(r, l, now_ns);
}

static void drain_step(struct reconciler *r, struct life *l, int64_t now_ns)
{
    if (server_in_flight(l->server) > 0 || r->needs_publish)
        l->quiet_since_ns = now_ns;
    if (r->is_frozen)
        return;
    bool is_over = now_ns - l->state_since_ns >= r->config->scale.drain_timeout_ns;
    bool is_quiet = now_ns - l->quiet_since_ns >= QUIET_NS;
    if (l->is_leaving ? is_quiet || is_over : l->is_held ? is_over && l->provider : is_quiet || is_over)
        end_drain(r, l, now_ns);
}

/* --- failing ---------------------------------------------------------------------------------------- */

static void tell_back_off(struct reconciler *r, int64_t now_ns)
{
    char text[96], for_text[UNITS_TEXT_BYTES];
    int64_t wait_ns = r->back_off.not_before_ns - now_ns;
    (void)snprintf(text, sizeof(text), "%u failures in a row: the next start is in %s at the earliest",
                   r->back_off.steps, format_ns(for_text, wait_ns));
    struct scale_event e = {.kind = SCALE_EVENT_BACK_OFF,
                            .is_warning = true,
                            .now_ns = now_ns,
                            .service = r->service,
                            .back_off_ns = wait_ns,
                            .reason = text,
                            .last_lines = ""};
    r->effects->on_event(r->effects->context, &e);
}

static void note_failure(struct reconciler *r, int64_t requested_ns, int64_t served_ns, int64_t now_ns)
{
    int64_t before_ns = r->back_off.not_before_ns;
    back_off_note_failure(&r->back_off, requested_ns, served_ns, now_ns, &r->random);
    if (r->back_off.not_before_ns > before_ns && !r->is_retired)
        tell_back_off(r, now_ns);
}

static void fail(struct reconciler *r, struct life *l, const char *reason, const char *last_lines,
                 int64_t now_ns)
{
    int64_t served_ns = l->has_taken ? now_ns - l->taken_since_ns : -1;
    if (l->has_taken)
        r->deaths_total++;
    else
        r->start_failures_total++;
    life_go_failed(r, l, reason, last_lines, now_ns);
    if (l->may_exist && !r->is_frozen)
        ask_to_stop(r, l, now_ns);
    note_failure(r, l->requested_ns, served_ns, now_ns);
}

static void failed_step(struct reconciler *r, struct life *l, int64_t now_ns)
{
    if (l->may_exist) {
        ask_to_stop_again(r, l, now_ns);
        return;
    }
    if (now_ns >= r->back_off.not_before_ns || r->is_retired)
        life_go(r, l, SERVER_GONE, now_ns, "it exists no longer");
}

/* --- steps that time brings ------------------------------------------------------------------------- */

static void start_step(struct reconciler *r, struct life *l, int64_t now_ns)
{
    int64_t timeout_ns = r->config->scale.start_timeout_ns;
    if (!l->provider) { /* a fixed server may come back at any time, so it is asked for ever, but slower */
        if (l->pace == PROBE_FAST && now_ns >= l->fast_until_ns)
            life_set_pace(r, l, PROBE_SLOW);
        return;
    }
    if (r->is_frozen || now_ns - l->requested_ns < timeout_ns)
        return;
    char reason[LIFE_REASON_BYTES], for_text[UNITS_TEXT_BYTES];
    (void)snprintf(reason, sizeof(reason), "no good probe within start_timeout of %s%s%s",
                   format_ns(for_text, timeout_ns), l->last_probe[0] ? "; the last said: " : "",
                   l->last_probe);
    fail(r, l, reason, "", now_ns);
}

static void watch_refusing(struct reconciler *r, struct life *l, int64_t now_ns)
{
    if (is_refusing(l) && !l->is_refusing_known) {
        l->is_refusing_known = true;
        l->fast_until_ns = now_ns + REFUSED_FAST_NS;
        life_tell(r, l, SCALE_EVENT_SERVER_REFUSING, true, "it refused a connection", now_ns);
        life_set_pace(r, l, PROBE_FAST);
    } else if (l->pace == PROBE_FAST && now_ns >= l->fast_until_ns) {
        life_set_pace(r, l, PROBE_SLOW);
    }
}

static bool give_up_unhealthy(struct reconciler *r, struct life *l, int64_t now_ns)
{
    int64_t patience_ns = r->config->scale.start_timeout_ns;
    bool is_overdue = l->unhealthy_since_ns && now_ns - l->unhealthy_since_ns >= patience_ns;
    bool is_my_turn = r->unhealthy_replaced_ns == 0 || now_ns - r->unhealthy_replaced_ns >= patience_ns;
    if (!l->provider || r->is_frozen || !is_overdue || !is_my_turn)
        return false;
    char reason[LIFE_REASON_BYTES], for_text[UNITS_TEXT_BYTES];
    (void)snprintf(reason, sizeof(reason), "unhealthy for %s: %s",
                   format_ns(for_text, now_ns - l->unhealthy_since_ns), l->last_probe);
    r->unhealthy_replaced_ns = now_ns;
    fail(r, l, reason, "", now_ns);
    return true;
}

static void take_step(struct reconciler *r, struct life *l, int64_t now_ns)
{
    watch_refusing(r, l, now_ns);
    if (give_up_unhealthy(r, l, now_ns))
        return;
    if (life_state(l) == SERVER_WARMING)
        warm(r, l, now_ns);
    if (is_healthy(l) && now_ns - l->taken_since_ns >= BACK_OFF_PROVEN_NS)
        back_off_note_proven(&r->back_off, l->requested_ns);
}

static void step(struct reconciler *r, struct life *l, int64_t now_ns)
{
    switch (life_state(l)) {
    case SERVER_REQUESTED:
    case SERVER_STARTING:
        start_step(r, l, now_ns);
        break;
    case SERVER_WARMING:
    case SERVER_SERVING:
        take_step(r, l, now_ns);
        break;
    case SERVER_DRAINING:
        drain_step(r, l, now_ns);
        break;
    case SERVER_STOPPING:
        ask_to_stop_again(r, l, now_ns);
        break;
    case SERVER_FAILED:
        failed_step(r, l, now_ns);
        break;
    default:
        break;
    }
}

/* --- the number of servers -------------------------------------------------------------------------- */

static uint32_t free_number(const struct reconciler *r) /* the smallest that no server of the service has */
{
    for (uint32_t number = 1;; number++) {
        bool is_used = false;
        for_each_life(r, l) is_used |= l->number == number;
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

static bool start_one(struct reconciler *r, int64_t now_ns)
{
    char name[SERVER_NAME_BYTES + 12], key[2 * SERVER_NAME_BYTES + 2];
    uint32_t number = free_number(r);
    (void)snprintf(name, sizeof(name), "%s-%u", r->service->name, number);
    struct life *l = life_new(r, str_of(name), &(struct addr){0}, r->provider, now_ns);
    if (!l) {
        note_failure(r, now_ns, -1, now_ns); /* the fleet's table is full: later */
        return false;
    }
    l->number = number;
    l->may_exist = true;
    r->starts_total++;
    set_limit(r, l, r->config->max_requests);
    life_tell(r, l, SCALE_EVENT_SERVER_STATE, false, "the provider is asked for it", now_ns);
    struct err err = {0};
    format_key(key, sizeof(key), l);
    if (r->provider->ops->start(r->provider, key, r->config, &err))
        return true;
    l->may_exist = false;
    fail(r, l, err.text, "", now_ns);
    return false;
}

static void revive(struct reconciler *r, struct life *l, const char *reason, int64_t now_ns)
{
    life_go(r, l, SERVER_SERVING, now_ns, "%s", reason);
    set_limit(r, l, r->config->max_requests);
}

/* One server more; false when none can be had now. */
static bool add_one(struct reconciler *r, int64_t now_ns)
{
    struct life *l = choose_revival(r);
    if (l) {
        revive(r, l, "it is needed again", now_ns);
        return true;
    }
    if (now_ns < r->back_off.not_before_ns ||
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
        stop_or_drain(r, choose_victim(r, now_ns), "fewer servers are wanted", now_ns);
}

/* --- fixed servers ---------------------------------------------------------------------------------- */

static bool has_fixed(const struct reconciler *r, const struct addr *address)
{
    for_each_life(r,
                  l) if (!l->provider && !l->is_leaving && addr_eq(&l->server->address, address)) return true;
    return false;
}

static void add_fixed(struct reconciler *r, int64_t now_ns)
{
    char name[ADDR_TEXT_BYTES];
    r->has_fixed_to_add = false;
    for (size_t i = 0; !r->provider && i < r->config->server_count; i++) {
        const struct addr *address = &r->config->servers[i];
        if (has_fixed(r, address))
            continue;
        struct life *l = life_new(r, str_of(addr_format(name, address)), address, NULL, now_ns);
        if (!l) {
            r->has_fixed_to_add = true; /* the fleet's table is full: at the next tick */
            return;
        }
        set_limit(r, l, r->config->max_requests);
        life_go(r, l, SERVER_STARTING, now_ns, "it is in the configuration");
    }
}

static bool is_configured(const struct reconciler *r, const struct life *l)
{
    if (l->provider || r->provider)
        return l->provider == r->provider;
    for (size_t i = 0; i < r->config->server_count; i++)
        if (addr_eq(&r->config->servers[i], &l->server->address))
            return true;
    return false;
}

static void leave(struct reconciler *r, struct life *l, int64_t now_ns)
{
    l->is_leaving = true;
    if (life_is_up(l))
        stop_or_drain(r, l, "it is no longer in the configuration", now_ns);
}

/* --- public ----------------------------------------------------------------------------------------- */

struct reconciler *reconciler_new(const struct reconciler_params *params, int64_t now_ns)
{
    ASSERT(params->seed != 0);
    struct reconciler *r = NEW(struct reconciler);
    r->fleet = params->fleet;
    r->service = params->service;
    r->config = params->config;
    r->provider = params->provider;
    r->effects = params->effects;
    r->random.state = params->seed;
    r->capacity = 1;
    r->has_fixed_to_add = true;
    list_init(&r->lives);
    return r;
}

void reconciler_free(struct reconciler *r)
{
    if (!r)
        return;
    for_each_life(r, l)
    {
        list_remove(&l->link);
        free(l);
    }
    free(r);
}

void reconciler_set_config(struct reconciler *r, const struct config_service *config,
                           struct provider *provider, int64_t now_ns)
{
    r->config = config;
    r->provider = provider;
    r->is_retired = false;
    back_off_clear(&r->back_off); /* perhaps this is the repair */
    for_each_life(r, l)
    {
        if (!is_configured(r, l))
            leave(r, l, now_ns);
        else if (life_state(l) != SERVER_WARMING)
            set_limit(r, l, config->max_requests);
    }
    add_fixed(r, now_ns);
    lives_flush(r);
}

void reconciler_want(struct reconciler *r, uint32_t count, double capacity, int64_t now_ns)
{
    ASSERT(capacity >= 1);
    r->want = count;
    r->capacity = capacity;
    r->has_want = true;
    balance(r, now_ns);
    lives_flush(r);
}

void reconciler_tick(struct reconciler *r, int64_t now_ns)
{
    if (r->has_fixed_to_add && !r->is_retired)
        add_fixed(r, now_ns);
    for_each_life(r, l) step(r, l, now_ns);
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

void reconciler_retire(struct reconciler *r, int64_t now_ns)
{
    r->is_retired = true;
    for_each_life(r, l) leave(r, l, now_ns);
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

static void adopt(struct reconciler *r, struct str name, const struct addr *address, int pid, int64_t now_ns)
{
    struct life *l = life_new(r, name, address, r->provider, now_ns);
    if (!l)
        return; /* the fleet's table is full; it is found again with the next observe */
    l->number = number_in(r, name);
    l->may_exist = l->is_adopted = true;
    l->pid = pid;
    set_limit(r, l, r->config->max_requests);
    life_go(r, l, SERVER_STARTING, now_ns, "it was there already");
    if (r->is_retired)
        leave(r, l, now_ns);
}

void reconciler_on_started(struct reconciler *r, struct str name, const struct addr *address, int pid,
                           int64_t now_ns)
{
    ASSERT(r->provider);
    struct life *l = find_by_name(r, name);
    if (!l) {
        adopt(r, name, address, pid, now_ns);
    } else {
        l->pid = pid;
        if (life_state(l) == SERVER_REQUESTED) {
            l->server->address = *address; /* in no snapshot yet */
            life_go(r, l, SERVER_STARTING, now_ns, "the provider started it");
        }
    }
    lives_flush(r);
}

void reconciler_on_start_failed(struct reconciler *r, struct str name, const char *reason, int64_t now_ns)
{
    struct life *l = find_by_name(r, name);
    if (!l || !l->provider)
        return;
    l->may_exist = false;
    if (life_state(l) == SERVER_REQUESTED)
        fail(r, l, reason, "", now_ns);
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
        fail(r, l, reason, last_lines, now_ns);
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
        failed_step(r, l, now_ns);
    balance(r, now_ns);
    lives_flush(r);
}

static void on_first_good_probe(struct reconciler *r, struct life *l, int64_t now_ns)
{
    char for_text[UNITS_TEXT_BYTES];
    int64_t start_ns = now_ns - l->requested_ns;
    if (l->provider && !l->is_adopted)
        start_times_note(&r->start_times, start_ns);
    l->unhealthy_since_ns = 0;
    atomic_store_explicit(&l->server->is_refusing, 0, memory_order_relaxed);
    atomic_store_explicit(&l->server->is_healthy, 1, memory_order_relaxed);
    life_go(r, l, SERVER_WARMING, now_ns, "first good probe, after %s", format_ns(for_text, start_ns));
    warm(r, l, now_ns);
}

static void on_good_probe(struct reconciler *r, struct life *l, int64_t now_ns)
{
    bool could_take = server_can_take(l->server);
    l->bad_run = 0;
    l->good_run++;
    if (is_refusing(l)) {
        atomic_store_explicit(&l->server->is_refusing, 0, memory_order_relaxed);
        l->is_refusing_known = false;
        if (l->pace == PROBE_FAST)
            life_set_pace(r, l, PROBE_SLOW);
    }
    if (!is_healthy(l) && l->good_run >= r->config->health.rise) {
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
    if (life_state(l) == SERVER_STARTING || !is_healthy(l) || l->bad_run < r->config->health.fall)
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
        revive(r, l, "made ready by hand", now_ns);
    else
        life_go(r, l, SERVER_STARTING, now_ns, "made ready by hand");
    balance(r, now_ns);
    lives_flush(r);
    return true;
}

struct reconciler_numbers reconciler_numbers(const struct reconciler *r)
{
    struct reconciler_numbers n = {
        .starts_total = r->starts_total,
        .start_failures_total = r->start_failures_total,
        .deaths_total = r->deaths_total,
        .failures_in_a_row = r->back_off.steps,
        .back_off_until_ns = r->back_off.not_before_ns,
        .start_times = r->start_times.count,
        .start_time_median_ns = start_times_quantile_ns(&r->start_times, 0.5),
        .start_time_p90_ns = start_times_quantile_ns(&r->start_times, 0.9),
    };
    for_each_life(r, l)
    {
        n.by_state[life_state(l)]++;
        n.available += server_can_take(l->server);
    }
    return n;
}

uint32_t reconciler_servers(const struct reconciler *r, struct server **ret_servers, uint32_t max)
{
    uint32_t count = 0;
    for_each_life(r, l) if (count < max) ret_servers[count++] = l->server;
    return count;
}

void reconciler_write_server(const struct reconciler *r, const struct server *s, int64_t now_ns,
                             struct json *j)
{
    const struct life *l = find_life(r, s);
    if (!l)
        return;
    if (l->pid > 0)
        json_put_int(j, "pid", l->pid);
    json_put_double(j, "since_seconds", (double)(now_ns - l->state_since_ns) / (double)NS_PER_S);
    json_put_text(j, "reason", l->reason);
    json_put_text(j, "provider", l->provider ? l->provider->ops->name : NULL);
    json_put_bool(j, "drained_by_hand", l->is_held);
    if (l->bad_run > 0)
        json_put_text(j, "last_bad_probe", l->last_probe);
}
