/*
 * A ring of pointers to events, each one block with its texts: a storm of events costs the oldest events and
 * nothing else.
 *
 * Event n sits in slot (n - 1) % capacity, so the ring holds exactly the sequence numbers first_kept()..last
 * and finding one is arithmetic. Control bytes in texts (a server's own words may be among them) become
 * spaces when they come in: one event stays one log line and nobody can forge a second one.
 */
#include "control/ledger.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

struct ledger {
    uint32_t capacity;
    uint64_t last;
    struct event **ring; /* owned, each event too; NULL before its first use */
};

struct ledger *ledger_new(uint32_t capacity)
{
    ASSERT(capacity > 0);
    struct ledger *l = NEW(struct ledger);
    l->capacity = capacity;
    l->ring = NEW_ARRAY(struct event *, capacity);
    return l;
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    for (uint32_t i = 0; i < l->capacity; i++)
        free(l->ring[i]);
    free(l->ring);
    free(l);
}

static size_t text_bytes(const char *text)
{
    return text ? MIN(strlen(text), (size_t)EVENT_TEXT_BYTES_MAX) + 1 : 1;
}

/* Copies into the block at *at, which moves on. */
static const char *take_text(char **at, const char *text)
{
    char *copy = *at;
    *at += text_bytes(text);
    str_copy(copy, (size_t)(*at - copy), str_of(text));
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    return copy;
}

static struct event *event_new(const struct event_note *note)
{
    struct str details = note->details;
    if (details.len == 0 || details.len > EVENT_DETAILS_BYTES_MAX)
        details = STR("{}");
    size_t bytes = text_bytes(note->kind) + text_bytes(note->service) + text_bytes(note->server) +
                   text_bytes(note->text) + details.len + 1;
    struct event *e = mem_alloc(sizeof(*e) + bytes);
    char *at = (char *)(e + 1);
    e->level = note->level;
    e->kind = take_text(&at, note->kind);
    e->service = take_text(&at, note->service);
    e->server = take_text(&at, note->server);
    e->text = take_text(&at, note->text);
    e->details = str_n(at, str_copy(at, details.len + 1, details));
    return e;
}

/* "shop/shop-3: ", "shop: " or "" in front of the sentence. */
static void log_event(const struct event *e)
{
    const char *slash = e->service[0] && e->server[0] ? "/" : "";
    const char *colon = e->service[0] || e->server[0] ? ": " : "";
    log_line(e->level, "%s %s%s%s%s%s", e->kind, e->service, slash, e->server, colon, e->text);
}

uint64_t ledger_add(struct ledger *l, const struct event_note *note, int64_t wall_ns, int64_t now_ns)
{
    ASSERT(note->kind && note->kind[0]);
    struct event **slot = &l->ring[l->last % l->capacity];
    struct event *e = event_new(note);
    e->sequence = ++l->last;
    e->wall_ns = wall_ns;
    e->now_ns = now_ns;
    free(*slot);
    *slot = e;
    if (!note->is_quiet)
        log_event(e);
    return e->sequence;
}

uint64_t ledger_last_sequence(const struct ledger *l)
{
    return l->last;
}

static uint64_t first_kept(const struct ledger *l)
{
    return l->last > l->capacity ? l->last - l->capacity + 1 : 1;
}

uint64_t ledger_dropped(const struct ledger *l)
{
    return first_kept(l) - 1;
}

const struct event *ledger_find(const struct ledger *l, uint64_t sequence)
{
    if (sequence < first_kept(l) || sequence > l->last)
        return NULL;
    return l->ring[(sequence - 1) % l->capacity];
}

static void write_event(struct json *j, const struct event *e)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    char time[CLOCK_RFC3339_BYTES];
    json_begin_object(j);
    json_put_int(j, "sequence", (int64_t)e->sequence);
    json_put_text(j, "time", clock_format_rfc3339(time, e->wall_ns));
    json_put_text(j, "kind", e->kind);
    json_put_text(j, "level", levels[e->level]);
    json_put_text(j, "service", e->service[0] ? e->service : NULL);
    json_put_text(j, "server", e->server[0] ? e->server : NULL);
    json_put_text(j, "text", e->text);
    json_key(j, "details");
    json_raw(j, e->details);
    json_end_object(j);
}

void ledger_write(const struct ledger *l, struct json *j, uint64_t after, uint32_t count_max)
{
    if (after > l->last)
        after = 0;
    uint64_t from = MAX(after + 1, first_kept(l));
    if (after == 0 && l->last > count_max)
        from = MAX(from, l->last - count_max + 1);
    uint64_t next_after = after ? after : from - 1;
    json_begin_object(j);
    json_key(j, "events");
    json_begin_array(j);
    for (uint32_t left = count_max; from <= l->last && left > 0; from++, left--) {
        write_event(j, ledger_find(l, from));
        next_after = from;
    }
    json_end_array(j);
    json_put_int(j, "next_after", (int64_t)next_after);
    json_put_int(j, "dropped", (int64_t)ledger_dropped(l));
    json_end_object(j);
}
