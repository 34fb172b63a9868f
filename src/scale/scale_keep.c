/*
 * What a service has learned, out of its parts and back into them (learned.h). A text is read into a copy of
 * the parts: what is not kept stays as it is, and what does not fit leaves no trace.
 */
#include "scale/scale.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "scale/learned.h"
#include "scale/scale_priv.h"

#include <stdlib.h>

/* After a longer pause as many servers as before it are no better than any other number. */
#define RESUME_NS (300 * NS_PER_S)

static struct learned *gather(const struct scale_kept *x)
{
    struct learned *l = NEW(struct learned);
    l->capacity = *x->capacity;
    l->start_times = *reconciler_start_times(x->reconciler);
    l->policy = *x->policy;
    l->target = x->policy->target;
    l->has_manual = *x->has_manual;
    l->manual = *x->manual;
    l->manual_until_ns = *x->manual_until_ns;
    return l;
}

bool scale_save(struct scale *s, const struct service *service, int64_t now_ns, int64_t wall_ns,
                struct buf *out, uint64_t *ret_digest)
{
    struct scale_kept x;
    if (!scale_kept_of(s, service, &x))
        return false;
    struct learned *l = gather(&x);
    learned_write(l, learned_fingerprint(&x.config->scale), now_ns, wall_ns, out, ret_digest);
    *ret_digest ^= x.manual_changes; /* it may be the same number until another time */
    free(l);
    return true;
}

static void restore_manual(const struct scale_kept *x, const struct learned *l, int64_t now_ns)
{
    bool is_over = l->manual_until_ns != 0 && l->manual_until_ns <= now_ns;
    if (!x->is_scaled || x->manual_changes || !l->has_manual || is_over ||
        l->manual > x->config->scale.servers_max)
        return;
    *x->has_manual = true;
    *x->manual = l->manual;
    *x->manual_until_ns = l->manual_until_ns;
}

/* Until the load of now is known, what was wanted then is the best guess; the stable window sees to the rest.
 * True: more are wanted for that. */
static bool restore_target(const struct scale_kept *x, const struct learned *l, int64_t age_ns,
                           int64_t now_ns)
{
    if (!x->is_scaled || age_ns > RESUME_NS || l->target <= x->policy->target)
        return false;
    policy_note_existing(x->policy, &x->policy_limits, l->target, now_ns);
    return true;
}

static void tell(const struct scale_kept *x, enum scale_event_kind kind, const char *reason, int64_t now_ns)
{
    struct scale_event e = {.kind = kind,
                            .is_warning = kind == SCALE_EVENT_LEARNED_REFUSED,
                            .now_ns = now_ns,
                            .service = x->service,
                            .age_ns = x->restored->age_ns,
                            .reason = reason,
                            .last_lines = ""};
    x->effects->on_event(x->effects->context, &e);
}

/* To the second, but for very short ones. */
static void put_about(struct buf *out, int64_t ns)
{
    char text[UNITS_TEXT_BYTES];
    int64_t unit_ns = ns < 10 * NS_PER_S ? 10 * NS_PER_MS : NS_PER_S;
    buf_put(out, str_of(units_format_duration(text, ns / unit_ns * unit_ns)));
}

static void put_restored(const struct scale_kept *x, bool is_other_program, bool is_resumed, int64_t now_ns,
                         struct buf *out)
{
    struct capacity_estimate c = capacity_get(x->capacity, &x->capacity_limits);
    struct reconciler_numbers n = reconciler_numbers(x->reconciler);
    buf_put(out, STR("what was learned "));
    put_about(out, x->restored->age_ns);
    buf_put(out, STR(" ago is known again: "));
    if (is_other_program)
        buf_put(out,
                STR("how the load behaves; the program is another one, so what a server carries and how long "
                    "it starts is learned anew"));
    else
        buf_printf(out, "a server carries %.1f (%s)", c.in_flight, capacity_source_name(c.source));
    if (n.starts[n.next_start].median_ns) {
        buf_put(out, STR(" and starts in "));
        put_about(out, n.starts[n.next_start].median_ns);
    }
    if (is_resumed)
        buf_printf(out, "; %u servers are wanted as then", x->policy->target);
    if (*x->has_manual)
        buf_printf(out, "; set to %u by hand", *x->manual);
    if (*x->has_manual && *x->manual_until_ns) {
        buf_put(out, STR(" for another "));
        put_about(out, *x->manual_until_ns - now_ns);
    }
}

static void take(struct scale_kept *x, const struct learned *l, const struct learned_source *source,
                 int64_t now_ns)
{
    struct buf told CLEANUP(buf_fini) = {0};
    bool is_other_program = source->fingerprint != learned_fingerprint(&x->config->scale);
    if (!is_other_program) {
        *x->capacity = l->capacity;
        *reconciler_start_times(x->reconciler) = l->start_times;
    }
    *x->policy = l->policy;
    *x->restored = (struct scale_restored){true, now_ns, source->age_ns};
    restore_manual(x, l, now_ns);
    bool is_resumed = restore_target(x, l, source->age_ns, now_ns);
    put_restored(x, is_other_program, is_resumed, now_ns, &told);
    tell(x, SCALE_EVENT_LEARNED_RESTORED, told.ptr, now_ns);
}

bool scale_restore(struct scale *s, struct service *service, struct str text, int64_t now_ns, int64_t wall_ns)
{
    struct scale_kept x;
    struct learned_source source;
    struct err err;
    if (!scale_kept_of(s, service, &x))
        return false;
    struct learned *l = gather(&x);
    bool is_fit = learned_read(l, text, now_ns, wall_ns, &source, &err);
    if (is_fit) {
        take(&x, l, &source, now_ns);
    } else {
        (void)err_wrap(&err, "what was learned before does not fit and is learned anew");
        tell(&x, SCALE_EVENT_LEARNED_REFUSED, err.text, now_ns);
    }
    free(l);
    return is_fit;
}
