/* past.c: see past.h. */
#include "control/past.h"

#include "base/macros.h"
#include "base/utf8.h"
#include "watch/event_korean.h"

#include <stdio.h>
#include <string.h>

static bool is_of_past(const struct event *e, const char *service)
{
    bool is_near = !service || e->service[0] == '\0' || strcmp(e->service, service) == 0;
    return is_near && strcmp(e->kind, "alert") != 0;
}

/* "shop/shop-3: what happened" */
static void write_past(const struct event *e, struct str what, char out[ALERT_PAST_TEXT_BYTES])
{
    const char *slash = e->service[0] && e->server[0] ? "/" : "";
    const char *colon = e->service[0] || e->server[0] ? ": " : "";
    CLEANUP(buf_fini) struct buf text = {0};
    buf_printf(&text, "%s%s%s%s%.*s", e->service, slash, e->server, colon, STR_ARG(what));
    str_copy(out, ALERT_PAST_TEXT_BYTES, utf8_cut(buf_str(&text), ALERT_PAST_TEXT_BYTES - 1));
}

static void put_past(struct alert_past_event *out, const struct event *e)
{
    CLEANUP(buf_fini) struct buf korean = {0};
    event_korean_put(e->kind, str_of(e->text), &korean);
    out->wall_ns = e->wall_ns;
    write_past(e, str_of(e->text), out->text);
    write_past(e, buf_str(&korean), out->text_korean);
}

void past_find(const struct ledger *l, const char *service, int64_t began_ns, struct alert_past *ret_past)
{
    const struct event *found[ALERT_PAST_EVENTS_MAX], *e;
    size_t count = 0;
    for (uint64_t i = ledger_last_sequence(l); (e = ledger_find(l, i)) != NULL; i--) {
        if (e->now_ns < began_ns - PAST_NS || count == ARRAY_LEN(found))
            break;
        if (e->now_ns <= began_ns && is_of_past(e, service))
            found[count++] = e;
    }
    ret_past->count = count;
    for (size_t i = 0; i < count; i++)
        put_past(&ret_past->events[i], found[count - 1 - i]);
}
