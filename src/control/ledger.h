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
    EVENT_NUMBERS_MAX = 12,
    EVENT_NAME_BYTES = 64,
    EVENT_KEY_BYTES = 32,
    EVENT_TEXT_BYTES = 384,
};

struct event_number {
    const char *key; /* snake_case with its unit last: "in_flight", "queue_age_s" */
    double value;
};

/* What a caller tells. Borrowed for the time of the call; empty or NULL fields are left out. */
struct event_note {
    const char *kind; /* a word with underscores: "server_state", "scale_decision", "alert" */
    enum log_level level;
    const char *service, *server;
    const char *text; /* a sentence */
    const struct event_number *numbers;
    uint32_t number_count; /* those beyond EVENT_NUMBERS_MAX are left out */
};

/* What the ledger keeps. */
struct event {
    uint64_t sequence; /* 1, 2, 3, … without gaps */
    int64_t wall_ns, now_ns;
    enum log_level level;
    uint32_t number_count;
    char kind[EVENT_KEY_BYTES];
    char service[EVENT_NAME_BYTES], server[EVENT_NAME_BYTES];
    char text[EVENT_TEXT_BYTES];
    char keys[EVENT_NUMBERS_MAX][EVENT_KEY_BYTES];
    double values[EVENT_NUMBERS_MAX];
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
