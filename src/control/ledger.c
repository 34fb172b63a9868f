/*
 * A ring of fixed records, allocated once: a storm of events costs the oldest events and nothing else.
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
    struct event *ring;
};

struct ledger *ledger_new(uint32_t capacity)
{
    ASSERT(capacity > 0);
    struct ledger *l = NEW(struct ledger);
    l->capacity = capacity;
    l->ring = NEW_ARRAY(struct event, capacity);
    return l;
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    free(l->ring);
    free(l);
}

static void copy_text(char *out, size_t out_bytes, const char *text)
{
    str_copy(out, out_bytes, str_of(text));
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
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
    struct event *e = &l->ring[l->last % l->capacity];
    *e = (struct event){.sequence = ++l->last,
                        .wall_ns = wall_ns,
                        .now_ns = now_ns,
                        .level = note->level,
                        .number_count = MIN(note->number_count, (uint32_t)EVENT_NUMBERS_MAX)};
    copy_text(e->kind, sizeof(e->kind), note->kind);
    copy_text(e->service, sizeof(e->service), note->service);
    copy_text(e->server, sizeof(e->server), note->server);
    copy_text(e->text, sizeof(e->text), note->text);
    for (uint32_t i = 0; i < e->number_count; i++) {
        copy_text(e->keys[i], sizeof(e->keys[i]), note->numbers[i].key);
        e->values[i] = note->numbers[i].value;
    }
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
    return &l->ring[(sequence - 1) % l->capacity];
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
    json_key(j, "numbers");
    json_begin_object(j);
    for (uint32_t i = 0; i < e->number_count; i++)
        json_put_double(j, e->keys[i], e->values[i]);
    json_end_object(j);
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
