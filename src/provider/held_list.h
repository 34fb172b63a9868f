/*
 * held_list.h: the list of servers that a service has by what its source said, good times and bad: pure, time
 * is a parameter.
 *
 * A list that comes replaces the one before. A source that fails, or finds none, changes nothing: what was
 * found last is held (for config_discover.hold_ns, else for ever), and that is told once, not with every
 * failure. Control thread.
 */
#pragma once
#include "base/addr.h"
#include "config/model.h"

#include <stdint.h>

enum { HELD_PLACE_BYTES = 320, HELD_REASON_BYTES = 512 };

/* What a source found. */
struct found_list {
    const struct addr *addresses;
    uint32_t count;
    bool is_stated;   /* an empty list is meant so; else it counts as a failure */
    const char *note; /* what of the answer is not used, told when it changes; NULL: nothing */
};

#define HELD_EVENTS(X)                                                                                       \
    X(CHANGED, discovery_changed, "servers came or went")                                                    \
    X(FAILED, discovery_failed, "the source of servers fails, or fails for another reason")                  \
    X(RECOVERED, discovery_recovered, "the source of servers works again")                                   \
    X(GIVEN_UP, discovery_given_up, "it has failed for longer than `hold`: the servers are given up")        \
    X(LIMITED, discovery_limited, "more servers were found than `max`, or no longer")                        \
    X(NOTE, discovery_note, "what of the source's answer is not used")
#define HELD_EVENT_ENUM(upper, lower, help) HELD_##upper,
enum held_event { HELD_EVENTS(HELD_EVENT_ENUM) HELD_EVENT_COUNT };
const char *held_event_name(enum held_event e);

/* What the list does to the world. None may call back into the list. */
struct held_list_ops {
    void *context;
    /* The servers are these from now on: the whole list, each address once. Called when it has changed. */
    void (*on_servers)(void *context, const struct addr *addresses, uint32_t count);
    void (*on_event)(void *context, enum held_event event, bool is_warning, const char *text);
};

struct held_list {
    struct held_list_ops ops;
    const struct config_discover *config; /* borrowed */
    char place[HELD_PLACE_BYTES];         /* "/etc/weir/shop.servers", "shop.internal" */
    bool has_list;                        /* there was one */
    uint32_t count;
    struct addr *addresses;               /* owned */
    uint32_t left_out;                    /* beyond max */
    int64_t begun_ns;                     /* when it was first looked for */
    int64_t confirmed_ns, changed_ns;     /* the last good list; the last one that was different */
    int64_t failing_since_ns;             /* 0: fine */
    bool is_given_up;                     /* hold is over */
    uint64_t lists_total, failures_total; /* answers of the source */
    char reason[HELD_REASON_BYTES];       /* of the last failure; "" when there was none */
    char told[2][HELD_REASON_BYTES];      /* the last two told while it fails */
    char note[HELD_REASON_BYTES];         /* of the last list */
};

void held_list_init(struct held_list *h, const struct config_discover *config, const char *place,
                    const struct held_list_ops *ops, int64_t now_ns);
void held_list_fini(struct held_list *h);
void held_list_take(struct held_list *h, const struct found_list *found, int64_t now_ns);
/* The list that came last is still the source's. */
void held_list_confirm(struct held_list *h, int64_t now_ns);
void held_list_fail(struct held_list *h, const char *reason, int64_t now_ns);
/* Whether hold is over. Call now and then: once a second will do. */
void held_list_tick(struct held_list *h, int64_t now_ns);
