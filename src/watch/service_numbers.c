/*
 * service_numbers.c: see service_numbers.h.
 *
 * The window of the error rate is a ring of totals, RATE_SLOTS_PER_WINDOW to a window: the share over a
 * window is a difference of two totals, its edge is exact to a sixteenth, and the ring reaches eight windows
 * back.
 */
#include "watch/service_numbers.h"

#include "base/macros.h"
#include "watch/formula.h"

#include <stdlib.h>

/* ---- rate ---- */

/* The slot `back` places before the newest. */
static const struct rate_slot *slot_at(const struct rate_window *w, uint32_t back)
{
    return &w->slots[(w->next + 2 * RATE_SLOTS - 1 - back) % RATE_SLOTS];
}

/* The newest slot is always "now" and moves on until the one before it is a sixteenth of a window old. */
void rate_window_add(struct rate_window *w, int64_t window_ns, uint64_t requests, uint64_t errors,
                     int64_t now_ns)
{
    struct rate_slot now = {.ns = now_ns, .requests = requests, .errors = errors};
    bool has_restarted = w->count && (requests < slot_at(w, 0)->requests || errors < slot_at(w, 0)->errors);
    if (has_restarted)
        *w = (struct rate_window){0};
    bool is_fine = w->count >= 2 && now_ns - slot_at(w, 1)->ns < window_ns / RATE_SLOTS_PER_WINDOW;
    if (is_fine) {
        w->slots[(w->next + RATE_SLOTS - 1) % RATE_SLOTS] = now;
        return;
    }
    w->slots[w->next] = now;
    w->next = (w->next + 1) % RATE_SLOTS;
    w->count = MIN(w->count + 1, (uint32_t)RATE_SLOTS);
}

static struct rate rate_since(const struct rate_slot *then, const struct rate_slot *now)
{
    struct rate r = {
        .requests = now->requests - then->requests,
        .errors = now->errors - then->errors,
        .window_ns = now->ns - then->ns,
    };
    r.errors = MIN(r.errors, r.requests);
    return r;
}

struct rate rate_window_get(const struct rate_window *w, int64_t window_ns, uint64_t requests_min,
                            bool may_stretch)
{
    struct rate r = {.percent = reading_unknown("nothing was counted yet")};
    if (w->count < 2)
        return r;
    const struct rate_slot *now = slot_at(w, 0);
    uint32_t back = 1;
    while (back + 1 < w->count && now->ns - slot_at(w, back)->ns < window_ns)
        back++;
    r = rate_since(slot_at(w, back), now);
    while (may_stretch && r.requests < requests_min && back + 1 < w->count)
        r = rate_since(slot_at(w, ++back), now);
    r.percent = r.requests && r.requests >= requests_min
                    ? reading_known(formula_percent(r.errors, r.requests))
                    : reading_unknown("too few requests to tell");
    return r;
}

/* ---- presence ---- */

struct reading presence_step(struct presence *p, const struct watch_service_input *input, int64_t now_ns)
{
    if (input->servers_wanted == 0) {
        *p = (struct presence){0};
        return reading_known(0);
    }
    if (p->wanted_since_ns == 0)
        p->wanted_since_ns = MAX(now_ns, 1);
    if (input->servers_healthy > 0) {
        p->was_healthy = true;
        p->absent_since_ns = 0;
        return reading_known(0);
    }
    if (p->absent_since_ns == 0)
        p->absent_since_ns = MAX(now_ns, 1);
    int64_t grace_ns = input->start_grace_ns > 0 ? input->start_grace_ns : WATCH_START_GRACE_NS;
    bool is_starting = !p->was_healthy && now_ns - p->wanted_since_ns < grace_ns;
    bool is_replaced =
        input->is_scaled && p->was_healthy && now_ns - p->absent_since_ns < WATCH_RESTART_GRACE_NS;
    return reading_known(is_starting || is_replaced ? 0 : 1);
}

/* ---- deaths ---- */

void deaths_add(struct deaths *d, struct str server, struct str reason, int64_t now_ns)
{
    d->ns[d->count++ % DEATHS_KEPT] = MAX(now_ns, 1);
    str_copy(d->last_server, sizeof(d->last_server), server);
    str_copy(d->last_reason, sizeof(d->last_reason), reason);
}

void deaths_add_before(struct deaths *d, const struct deaths *before)
{
    struct deaths later = *d;
    if (before->count == 0)
        return;
    *d = *before;
    for (uint32_t i = later.count - MIN(later.count, (uint32_t)DEATHS_KEPT); i < later.count; i++)
        deaths_add(d, str_of(later.last_server), str_of(later.last_reason), later.ns[i % DEATHS_KEPT]);
}

uint32_t deaths_within(const struct deaths *d, int64_t window_ns, int64_t now_ns)
{
    uint32_t within = 0;
    for (uint32_t i = 0; i < MIN(d->count, (uint32_t)DEATHS_KEPT); i++)
        within += now_ns - d->ns[i] < window_ns;
    return within;
}

int64_t deaths_last_ns(const struct deaths *d)
{
    return d->count ? d->ns[(d->count - 1) % DEATHS_KEPT] : 0;
}

/* ---- latency ---- */

void latency_window_step(struct latency_window *w, const struct histogram_sum *total, int64_t now_ns,
                         struct histogram_sum *ret_latest)
{
    uint32_t newest = (w->next + LATENCY_SLOTS - 1) % LATENCY_SLOTS;
    bool has_restarted = w->count && total->count < w->sums[newest].count;
    if (has_restarted)
        w->count = 0;
    if (w->count == 0 || now_ns - w->ns[newest] >= LATENCY_SLOT_NS) {
        w->sums[w->next] = *total;
        w->ns[w->next] = now_ns;
        w->next = (w->next + 1) % LATENCY_SLOTS;
        w->count = MIN(w->count + 1, (uint32_t)LATENCY_SLOTS);
    }
    *ret_latest = *total;
    histogram_sum_subtract(ret_latest, &w->sums[(w->next + LATENCY_SLOTS - w->count) % LATENCY_SLOTS]);
}

/* ---- usual ---- */

bool usual_step(struct usual *u, const struct histogram_sum *total, int64_t now_ns)
{
    if (!u->has_begun || total->count < u->began.count) {
        u->has_begun = true;
        u->began_ns = now_ns;
        u->began = *total;
        return false;
    }
    if (now_ns - u->began_ns < USUAL_HOUR_NS || total->count - u->began.count < USUAL_ANSWERS_MIN)
        return false;
    struct histogram_sum hour = *total;
    histogram_sum_subtract(&hour, &u->began);
    usual_add(u, histogram_sum_quantile_ns(&hour, 0.50));
    u->began_ns = now_ns;
    u->began = *total;
    return true;
}

void usual_add(struct usual *u, int64_t median_ns)
{
    u->medians_ns[u->next] = median_ns;
    u->next = (u->next + 1) % USUAL_HOURS;
    u->count = MIN(u->count + 1, (uint32_t)USUAL_HOURS);
}

bool usual_is_known(const struct usual *u)
{
    return u->count >= USUAL_HOURS_MIN;
}

uint32_t usual_count(const struct usual *u)
{
    return u->count;
}

int64_t usual_hour_ns(const struct usual *u, uint32_t i)
{
    ASSERT(i < u->count);
    return u->medians_ns[(u->next + USUAL_HOURS - u->count + i) % USUAL_HOURS];
}

static int compare_ns(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The lower of two in the middle: what is new has to be there for longer than what was before. */
int64_t usual_get_ns(const struct usual *u)
{
    int64_t sorted[USUAL_HOURS];
    if (!usual_is_known(u))
        return USUAL_AT_FIRST_NS;
    for (uint32_t i = 0; i < u->count; i++)
        sorted[i] = usual_hour_ns(u, i);
    qsort(sorted, u->count, sizeof(sorted[0]), compare_ns);
    return sorted[(u->count - 1) / 2];
}
