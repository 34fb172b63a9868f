/*
 * What is told, and how often: a change of the servers always; a failure when it begins, and again when its
 * reason is neither of the last two that were told: so somebody who mends a file line by line hears of each
 * line, and a resolver that answers now with SERVFAIL and now not at all is told of twice, not for ever.
 *
 * Beyond `max` those stay that are there already, in the order of the source then: what a source lists first
 * may change with every answer (DNS turns its records around), and must not change the servers.
 */
#include "provider/held_list.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMED_MAX = 4 }; /* servers that an event names, of those that came and of those that went */

static const char *const event_names[HELD_EVENT_COUNT] = {
#define EVENT_NAME(upper, lower, help) #lower,
    HELD_EVENTS(EVENT_NAME)};

const char *held_event_name(enum held_event e)
{
    ASSERT((unsigned)e < HELD_EVENT_COUNT);
    return event_names[e];
}

static void tell(struct held_list *h, enum held_event event, bool is_warning, const struct buf *text)
{
    h->ops.on_event(h->ops.context, event, is_warning, text->ptr ? text->ptr : "");
}

static bool has(const struct addr *list, uint32_t count, const struct addr *a)
{
    for (uint32_t i = 0; i < count; i++)
        if (addr_eq(&list[i], a))
            return true;
    return false;
}

static void put_servers(struct buf *out, uint32_t count)
{
    buf_printf(out, "%u server%s", count, count == 1 ? "" : "s");
}

static void put_span(struct buf *out, int64_t ns)
{
    char text[UNITS_TEXT_BYTES];
    buf_put(out, str_of(units_format_duration(text, MAX(ns / NS_PER_S, 1) * NS_PER_S)));
}

/* "; 10.0.0.3:8000 came", "; 10.0.0.1:8000, 10.0.0.2:8000 and 7 more went": of `list` what `other` lacks. */
static void put_differences(struct buf *out, const struct addr *list, uint32_t count,
                            const struct addr *other, uint32_t other_count, const char *verb)
{
    uint32_t different = 0;
    for (uint32_t i = 0; i < count; i++) {
        char text[ADDR_TEXT_BYTES];
        if (has(other, other_count, &list[i]))
            continue;
        if (different++ < NAMED_MAX)
            buf_printf(out, "%s%s", different == 1 ? "; " : ", ", addr_format(text, &list[i]));
    }
    if (different > NAMED_MAX)
        buf_printf(out, " and %u more", different - NAMED_MAX);
    if (different)
        buf_printf(out, " %s", verb);
}

/* ---- a list that came ---- */

struct choice {
    struct addr *addresses; /* owned */
    uint32_t count, left_out;
};

/* Those that are there already come first; of the rest as many as max leaves room for. */
static struct choice choose(const struct held_list *h, const struct found_list *found)
{
    struct choice c = {.addresses = NEW_ARRAY(struct addr, MAX(found->count, 1u))};
    struct addr *once = NEW_ARRAY(struct addr, MAX(found->count, 1u));
    uint32_t once_count = 0;
    for (uint32_t i = 0; i < found->count; i++)
        if (!has(once, once_count, &found->addresses[i]))
            once[once_count++] = found->addresses[i];
    for (uint32_t i = 0; i < once_count && c.count < h->config->servers_max; i++)
        if (has(h->addresses, h->count, &once[i]))
            c.addresses[c.count++] = once[i];
    for (uint32_t i = 0; i < once_count && c.count < h->config->servers_max; i++)
        if (!has(h->addresses, h->count, &once[i]))
            c.addresses[c.count++] = once[i];
    c.left_out = once_count - c.count;
    free(once);
    return c;
}

static bool is_same(const struct held_list *h, const struct choice *c)
{
    if (c->count != h->count)
        return false;
    for (uint32_t i = 0; i < c->count; i++)
        if (!has(h->addresses, h->count, &c->addresses[i]))
            return false;
    return true;
}

static void tell_change(struct held_list *h, const struct choice *c)
{
    struct buf text CLEANUP(buf_fini) = {0};
    put_servers(&text, c->count);
    buf_printf(&text, " in %s", h->place);
    put_differences(&text, c->addresses, c->count, h->addresses, h->count, "came");
    put_differences(&text, h->addresses, h->count, c->addresses, c->count, "went");
    tell(h, HELD_CHANGED, c->count == 0, &text);
}

static void tell_limit(struct held_list *h, uint32_t left_out)
{
    struct buf text CLEANUP(buf_fini) = {0};
    if ((left_out > 0) == (h->left_out > 0))
        return;
    buf_printf(&text,
               left_out ? "%s has more servers than max (%u) allows: %u are left out"
                        : "%s has no more servers than max (%u) again",
               h->place, h->config->servers_max, left_out);
    tell(h, HELD_LIMITED, left_out > 0, &text);
}

static void tell_note(struct held_list *h, const char *note)
{
    struct buf text CLEANUP(buf_fini) = {0};
    if (strcmp(h->note, note) == 0)
        return;
    str_copy(h->note, sizeof(h->note), str_of(note));
    if (note[0] == '\0')
        return;
    buf_printf(&text, "%s: %s", h->place, h->note);
    tell(h, HELD_NOTE, false, &text);
}

static void recover(struct held_list *h, int64_t now_ns)
{
    struct buf text CLEANUP(buf_fini) = {0};
    if (!h->failing_since_ns)
        return;
    buf_printf(&text, "finding servers in %s works again after ", h->place);
    put_span(&text, now_ns - h->failing_since_ns);
    h->failing_since_ns = 0;
    h->is_given_up = false;
    h->told[0][0] = h->told[1][0] = '\0';
    tell(h, HELD_RECOVERED, false, &text);
}

void held_list_take(struct held_list *h, const struct found_list *found, int64_t now_ns)
{
    char reason[HELD_REASON_BYTES];
    if (found->count == 0 && !found->is_stated) {
        (void)snprintf(reason, sizeof(reason), "%s has no servers", h->place);
        held_list_fail(h, reason, now_ns);
        return;
    }
    h->lists_total++;
    h->confirmed_ns = now_ns;
    recover(h, now_ns);
    struct choice c = choose(h, found);
    bool is_news = !h->has_list || !is_same(h, &c);
    tell_limit(h, c.left_out);
    tell_note(h, found->note ? found->note : "");
    if (is_news)
        tell_change(h, &c);
    free(h->addresses);
    h->addresses = c.addresses;
    h->count = c.count;
    h->left_out = c.left_out;
    h->has_list = true;
    if (!is_news)
        return;
    h->changed_ns = now_ns;
    h->ops.on_servers(h->ops.context, h->addresses, h->count);
}

void held_list_confirm(struct held_list *h, int64_t now_ns)
{
    ASSERT(h->has_list && !h->failing_since_ns);
    h->confirmed_ns = now_ns;
}

/* ---- a source that fails ---- */

static bool was_told(const struct held_list *h, const char *reason)
{
    return strcmp(h->told[0], reason) == 0 || strcmp(h->told[1], reason) == 0;
}

static void tell_failure(struct held_list *h)
{
    struct buf text CLEANUP(buf_fini) = {0};
    if (was_told(h, h->reason))
        return;
    memcpy(h->told[1], h->told[0], sizeof(h->told[1]));
    memcpy(h->told[0], h->reason, sizeof(h->told[0]));
    buf_put(&text, str_of(h->reason));
    if (!h->has_list || h->is_given_up) {
        buf_put(&text, STR(": no servers are known"));
    } else if (h->count) {
        buf_put(&text, h->count == 1 ? STR(": the server that was found before is kept")
                                     : STR(": the servers that were found before are kept"));
    }
    tell(h, HELD_FAILED, true, &text);
}

void held_list_fail(struct held_list *h, const char *reason, int64_t now_ns)
{
    h->failures_total++;
    if (!h->failing_since_ns)
        h->failing_since_ns = MAX(now_ns, 1);
    str_copy(h->reason, sizeof(h->reason), str_of(reason));
    tell_failure(h);
    held_list_tick(h, now_ns);
}

void held_list_tick(struct held_list *h, int64_t now_ns)
{
    struct buf text CLEANUP(buf_fini) = {0};
    bool is_over =
        h->failing_since_ns && h->config->hold_ns > 0 && now_ns - h->failing_since_ns >= h->config->hold_ns;
    if (!is_over || h->is_given_up || h->count == 0)
        return;
    buf_printf(&text, "%s has failed for ", h->place);
    put_span(&text, now_ns - h->failing_since_ns);
    buf_put(&text, STR(" (hold): "));
    put_servers(&text, h->count);
    buf_put(&text, h->count == 1 ? STR(" that was found before is given up")
                                 : STR(" that were found before are given up"));
    h->is_given_up = true;
    h->count = h->left_out = 0;
    h->changed_ns = now_ns;
    tell(h, HELD_GIVEN_UP, true, &text);
    h->ops.on_servers(h->ops.context, h->addresses, 0);
}

void held_list_init(struct held_list *h, const struct config_discover *config, const char *place,
                    const struct held_list_ops *ops, int64_t now_ns)
{
    *h = (struct held_list){
        .ops = *ops, .config = config, .begun_ns = now_ns, .addresses = NEW_ARRAY(struct addr, 1)};
    str_copy(h->place, sizeof(h->place), str_of(place));
}

void held_list_fini(struct held_list *h)
{
    free(h->addresses);
    *h = (struct held_list){0};
}
