/*
 * ledger.h: what happened and why, in order: the last LEDGER_EVENTS_MAX events, kept in memory.
 *
 * `weir events`, `weir explain` and the admin page tell their story from it. Each event is also one log line.
 * Control thread only. Text is copied (and cut when it does not fit).
 */
#pragma once
#include "base/json.h"
#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LEDGER_EVENTS_MAX = 4096, /* older ones are dropped and counted */
    EVENT_TEXT_BYTES_MAX = 512,
    EVENT_DETAILS_BYTES_MAX =
        4096, /* longer details are left out as a whole, for half of them would not be JSON */
};

/* What a caller tells. Borrowed for the time of the call; NULL and empty fields are left out. */
struct event_note {
    const char *kind; /* a word with underscores: "server_state", "scale_up", "alert" */
    enum log_level level;
    bool is_quiet; /* no log line: somebody else writes it, or it is too common */
    const char *service, *server;
    const char *text;   /* a sentence */
    struct str details; /* one JSON object with the numbers and what else is known */
};

/* What the ledger keeps. All text is in one block with the event. */
struct event {
    uint64_t sequence; /* 1, 2, 3, … without gaps */
    int64_t wall_ns, now_ns;
    enum log_level level;
    const char *kind, *service, *server, *text; /* "" for none */
    struct str details;                         /* "{}" for none */
};

struct ledger;
/* capacity: events kept, at least 1; LEDGER_EVENTS_MAX but in tests. */
struct ledger *ledger_new(uint32_t capacity);
void ledger_free(struct ledger *l); /* NULL is fine */

/* Returns the event's sequence number. wall_ns: CLOCK_REALTIME, for people; now_ns: monotonic. */
uint64_t ledger_add(struct ledger *l, const struct event_note *note, int64_t wall_ns, int64_t now_ns);
uint64_t ledger_last_sequence(const struct ledger *l); /* 0: nothing happened yet */
uint64_t ledger_dropped(const struct ledger *l);       /* events that no longer fit */
/* Borrowed until the next ledger_add; NULL when it was dropped or has not happened. */
const struct event *ledger_find(const struct ledger *l, uint64_t sequence);

/*
 * Writes {"events": [oldest first], "next_after": N, "dropped": N}: events after `after`, at most count_max
 * of them. after 0 gives the newest count_max events, and so does one beyond the last event: the asker knew
 * an earlier worker. Ask again with after = next_after for what came since.
 */
void ledger_write(const struct ledger *l, struct json *j, uint64_t after, uint32_t count_max);
