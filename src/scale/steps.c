/*
 * What time and trouble do to one server: deadlines, slow start, drains, failures.
 *
 * - Slow start only beside another server that can take requests (else the first one gets all), and not for
 *   adopted ones, which are warm.
 * - A draining server is stopped after it was seen without requests for QUIET_NS: a data thread that chose it
 *   just before it left the snapshot has long taken its slot by then.
 * - A server that stays unhealthy for start_timeout is replaced, but one at a time: when all are unhealthy
 * the cause is elsewhere (a database), and starting everything anew would make it worse.
 */
#include "scale/steps.h"

#include "base/clock.h"
#include "scale/knee.h"

#include <math.h>
#include <stdio.h>

#define WARM_NS         (2 * NS_PER_S) /* slow start */
#define QUIET_NS        (100 * NS_PER_MS)
#define KEEP_NS_MAX     (10 * NS_PER_S) /* long enough to see that the others cannot carry it */
#define ASKED_FAST_NS   (1 * NS_PER_S) /* one that should tell whether it is full, after it was last wanted */
#define SILENT_NS       (10 * NS_PER_S) /* one that did not answer then is not asked again so long */
#define REFUSED_FAST_NS (10 * NS_PER_S) /* a server that refuses is probed fast so long */
#define STOP_AGAIN_NS   (5 * NS_PER_S)  /* beyond stop_timeout: the provider is asked again */

/* --- small questions -------------------------------------------------------------------------------- */

bool life_is_healthy(const struct life *l)
{
    return atomic_load_explicit(&l->server->is_healthy, memory_order_relaxed);
}

bool life_is_refusing(const struct life *l)
{
    return atomic_load_explicit(&l->server->is_refusing, memory_order_relaxed);
}

static bool has_other_taking(const struct reconciler *r, const struct life *except)
{
    for_each_life (r, l)
        if (l != except && server_can_take(l->server))
            return true;
    return false;
}

char *life_format_ns(char out[UNITS_TEXT_BYTES], int64_t ns) /* rounded to ms: for people */
{
    return units_format_duration(out, ns / NS_PER_MS * NS_PER_MS);
}

void life_format_key(char *out, size_t bytes, const struct life *l)
{
    (void)snprintf(out, bytes, "%s/%s", l->server->service->name, l->server->name);
}

/* --- limits of requests in flight ------------------------------------------------------------------- */

void life_set_limit(struct reconciler *r, struct life *l, uint32_t limit)
{
    int32_t before = atomic_load_explicit(&l->server->max_requests, memory_order_relaxed);
    if (before == (int32_t)limit)
        return;
    atomic_store_explicit(&l->server->max_requests, (int32_t)limit, memory_order_seq_cst);
    bool is_raised = limit == 0 || (before != 0 && (int32_t)limit > before);
    if (is_raised && server_can_take(l->server))
        r->effects->offer(r->effects->context, l->server);
}

uint32_t life_full_limit(const struct reconciler *r, const struct life *l)
{
    if (r->config->max_requests)
        return r->config->max_requests;
    if (l->knee > 0)
        return r->learned_limit > 0 ? MIN(knee_limit(l->knee), r->learned_limit) : knee_limit(l->knee);
    return r->learned_limit > 0 ? MAX(l->try_limit, r->learned_limit) : 0;
}

/* What the slow start grows to: the limit, or what one server is thought to carry. */
static uint32_t warm_limit_full(const struct reconciler *r, const struct life *l)
{
    uint32_t limit = life_full_limit(r, l);
    return limit ? limit : (uint32_t)ceil(fmin(r->capacity, 1e6));
}

void life_serve(struct reconciler *r, struct life *l, const char *reason, int64_t now_ns)
{
    life_go(r, l, SERVER_SERVING, now_ns, "%s", reason);
    life_set_limit(r, l, life_full_limit(r, l));
}

void life_warm(struct reconciler *r, struct life *l, int64_t now_ns)
{
    int64_t for_ns = now_ns - l->state_since_ns;
    uint32_t full = warm_limit_full(r, l);
    if (l->is_adopted || for_ns >= WARM_NS || full <= 1 || !has_other_taking(r, l)) {
        life_serve(r, l, "it gets its full share", now_ns);
        return;
    }
    double share = 0.25 + 0.75 * (double)for_ns / (double)WARM_NS;
    life_set_limit(r, l, MAX((uint32_t)(full * share), 1));
}

/* --- stopping --------------------------------------------------------------------------------------- */

static void ask_to_stop(struct reconciler *r, struct life *l, int64_t now_ns)
{
    char key[2 * SERVER_NAME_BYTES + 2];
    life_format_key(key, sizeof(key), l);
    l->stop_asked_ns = now_ns;
    l->provider->ops->stop(l->provider, key, r->config->scale.stop_timeout_ns);
}

static void ask_to_stop_again(struct reconciler *r, struct life *l, int64_t now_ns)
{
    if (!r->is_frozen && now_ns - l->stop_asked_ns >= r->config->scale.stop_timeout_ns + STOP_AGAIN_NS)
        ask_to_stop(r, l, now_ns);
}

void life_stop_or_drain(struct reconciler *r, struct life *l, const char *reason, int64_t now_ns)
{
    bool has_nothing = !server_state_takes_requests(life_state(l));
    if (has_nothing && l->provider) {
        life_go(r, l, SERVER_STOPPING, now_ns, "%s", reason);
        ask_to_stop(r, l, now_ns);
        return;
    }
    life_go(r, l, SERVER_DRAINING, now_ns, "%s", reason);
}

void life_leave(struct reconciler *r, struct life *l, const char *reason, int64_t now_ns)
{
    l->is_leaving = true;
    if (life_is_up(l))
        life_stop_or_drain(r, l, reason, now_ns);
}

static void end_drain(struct reconciler *r, struct life *l, int64_t now_ns)
{
    char for_text[UNITS_TEXT_BYTES];
    int32_t in_flight = server_in_flight(l->server);
    enum server_state to = l->provider ? SERVER_STOPPING : SERVER_GONE;
    if (in_flight > 0)
        life_go(r, l, to, now_ns, "drain_timeout of %s is over with %d requests in flight",
                life_format_ns(for_text, r->config->scale.drain_timeout_ns), in_flight);
    else
        life_go(r, l, to, now_ns, "its requests have ended");
    if (l->provider)
        ask_to_stop(r, l, now_ns);
}

/* A scale-down can be a mistake: a drained server is kept for as long as a new one would take, within limits,
 * for it can come back at once. */
static int64_t keep_ns(const struct reconciler *r, const struct life *l)
{
    bool is_scale_down = l->provider && !l->is_leaving && !l->is_held;
    return is_scale_down ? MIN(start_times_summary(&r->start_times, r->next_start).median_ns, KEEP_NS_MAX)
                         : 0;
}

static void drain_step(struct reconciler *r, struct life *l, int64_t now_ns)
{
    if (server_in_flight(l->server) > 0 || r->needs_publish)
        l->quiet_since_ns = now_ns;
    if (r->is_frozen)
        return;
    bool is_over = now_ns - l->state_since_ns >= r->config->scale.drain_timeout_ns;
    bool is_quiet = now_ns - l->quiet_since_ns >= QUIET_NS && now_ns - l->state_since_ns >= keep_ns(r, l);
    if (l->is_leaving ? is_quiet || is_over : l->is_held ? is_over && l->provider : is_quiet || is_over)
        end_drain(r, l, now_ns);
}

/* --- failing ---------------------------------------------------------------------------------------- */

static void tell_back_off(struct reconciler *r, int64_t now_ns)
{
    char text[96], for_text[UNITS_TEXT_BYTES];
    int64_t wait_ns = r->back_off.not_before_ns - now_ns;
    (void)snprintf(text, sizeof(text), "failures in a row: %u; the next start is in %s at the earliest",
                   r->back_off.steps, life_format_ns(for_text, wait_ns));
    struct scale_event e = {.kind = SCALE_EVENT_BACK_OFF,
                            .is_warning = true,
                            .now_ns = now_ns,
                            .service = r->service,
                            .back_off_ns = wait_ns,
                            .reason = text,
                            .last_lines = ""};
    r->effects->on_event(r->effects->context, &e);
}

void reconciler_note_failure(struct reconciler *r, int64_t requested_ns, int64_t served_ns, int64_t now_ns)
{
    int64_t before_ns = r->back_off.not_before_ns;
    back_off_note_failure(&r->back_off, requested_ns, served_ns, now_ns, &r->random);
    if (r->back_off.not_before_ns > before_ns && !r->is_retired)
        tell_back_off(r, now_ns);
}

void life_fail(struct reconciler *r, struct life *l, const char *reason, const char *last_lines,
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
    reconciler_note_failure(r, l->requested_ns, served_ns, now_ns);
}

void life_failed_step(struct reconciler *r, struct life *l, int64_t now_ns)
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
    if (!l->provider) { /* a listed server may come back at any time, so it is asked for ever, but slower */
        if (l->pace == PROBE_FAST && now_ns >= l->fast_until_ns)
            life_set_pace(r, l, PROBE_SLOW);
        return;
    }
    bool is_waited_for = r->is_engine_away && life_state(l) == SERVER_REQUESTED;
    if (r->is_frozen || is_waited_for || now_ns - l->requested_ns < timeout_ns)
        return;
    char reason[LIFE_REASON_BYTES], for_text[UNITS_TEXT_BYTES];
    (void)snprintf(reason, sizeof(reason), "no good probe within start_timeout of %s%s%s",
                   life_format_ns(for_text, timeout_ns), l->last_probe[0] ? "; the last said: " : "",
                   l->last_probe);
    life_fail(r, l, reason, "", now_ns);
}

static void watch_pace(struct reconciler *r, struct life *l, int64_t now_ns)
{
    if (life_is_refusing(l) && !l->is_refusing_known) {
        l->is_refusing_known = true;
        l->fast_until_ns = now_ns + REFUSED_FAST_NS;
        life_tell(r, l, SCALE_EVENT_SERVER_REFUSING, true, "it refused a connection", now_ns);
        life_set_pace(r, l, PROBE_FAST);
    } else if (let_in_is_asking(&l->server->let_in) && now_ns >= l->ask_after_ns) {
        l->fast_until_ns = MAX(l->fast_until_ns, now_ns + ASKED_FAST_NS);
        life_set_pace(r, l, PROBE_FAST);
    } else if (l->pace == PROBE_FAST && now_ns >= l->fast_until_ns) {
        life_set_pace(r, l, PROBE_SLOW);
    }
}

/* It is full, which was to be found out (fleet/let_in.h). Asked on and on it would soon seem to be dead. */
void life_heed_silence(struct reconciler *r, struct life *l, int64_t now_ns)
{
    if (!server_state_takes_requests(life_state(l)) || life_is_refusing(l) ||
        !let_in_is_asking(&l->server->let_in))
        return;
    l->ask_after_ns = now_ns + SILENT_NS;
    life_set_pace(r, l, PROBE_SLOW);
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
                   life_format_ns(for_text, now_ns - l->unhealthy_since_ns), l->last_probe);
    r->unhealthy_replaced_ns = now_ns;
    life_fail(r, l, reason, "", now_ns);
    return true;
}

static void take_step(struct reconciler *r, struct life *l, int64_t now_ns)
{
    watch_pace(r, l, now_ns);
    if (give_up_unhealthy(r, l, now_ns))
        return;
    if (life_state(l) == SERVER_WARMING)
        life_warm(r, l, now_ns);
    if (life_is_healthy(l) && now_ns - l->taken_since_ns >= BACK_OFF_PROVEN_NS)
        back_off_note_proven(&r->back_off, l->requested_ns);
}

void life_step(struct reconciler *r, struct life *l, int64_t now_ns)
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
        life_failed_step(r, l, now_ns);
        break;
    default:
        break;
    }
}
