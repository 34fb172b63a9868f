/*
 * schema.h: the table of all keys. Decoding, defaults, error messages, suggestions, the written-out
 * configuration, the reference page and the man page all come from it. Only this room (and its tests)
 * includes it. Constant data; any thread.
 */
#pragma once
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decoding; /* decode.h */
struct node;     /* node.h */

/* What a scalar is and what it decodes into; value_*.c have a row for each. */
enum value_type {
    VALUE_COUNT,     /* uint32_t */
    VALUE_SIZE,      /* uint64_t */
    VALUE_DURATION,  /* int64_t, nanoseconds */
    VALUE_PERCENT,   /* double, 0..100 */
    VALUE_NICE,      /* int32_t, -20..19 */
    VALUE_DECIMAL,   /* double, without a unit and not negative */
    VALUE_TEXT,      /* struct str: anything, "" included */
    VALUE_WORD,      /* struct str without blanks */
    VALUE_NAME,      /* struct str: [a-z0-9-]{1,48} */
    VALUE_LABEL,     /* struct str: [A-Za-z0-9_-]{1,48} */
    VALUE_VARIABLE,  /* struct str: the name of an environment variable */
    VALUE_FILE,      /* struct str: a path of the file system */
    VALUE_FULL_FILE, /* struct str: the same, from the root */
    VALUE_PATH,      /* struct str: a path of a URL, without query */
    VALUE_TARGET,    /* struct str: a path of a URL and maybe a query */
    VALUE_HOST,      /* struct str: lower case; or *.example.com */
    VALUE_DNS,       /* struct str: a name in DNS, lower case */
    VALUE_AUTHORITY, /* struct str: a host and maybe a port, for a Host field */
    VALUE_MAIL,      /* struct str: an address of a mailbox */
    VALUE_URL,       /* struct str: http:// or https:// */
    VALUE_ADDRESS,   /* struct addr */
    VALUE_RANGE,     /* struct addr_range */
    VALUE_CHOICE,    /* an enum; see choices */
    VALUE_COUNTS,    /* two uint32_t: N or MIN..MAX */
    VALUE_STATUSES,  /* two uint16_t: N or MIN..MAX */
    VALUE_LEAST,     /* two uint32_t: N or MIN..MAX or MIN.., which has 0 as its maximum */
    VALUE_CRON,      /* struct config_cron: 0 8 * * 1-5 */
    VALUE_HOURS,     /* struct week_hours: 09:00-18:00 */
    VALUE_DAYS,      /* uint8_t, a bit a day: mon-fri */
    VALUE_ZONE,      /* struct config_zone: Europe/Berlin */
    VALUE_OBJECTIVE, /* int64_t nanoseconds, then double quantile: p99 < 300ms */
    VALUE_MAPPING,   /* a struct; see mapping */
    VALUE_TYPE_COUNT
};

enum schema_shape {
    SHAPE_ONE,         /* one value */
    SHAPE_LIST,        /* struct schema_items; one scalar stands for a list of one */
    SHAPE_STRICT_LIST, /* the same, but a bare scalar is an error */
    SHAPE_NAMED,       /* struct schema_items from a mapping; each item begins with struct str name */
    SHAPE_VARIABLES,   /* struct schema_items of struct str "NAME=value", from a mapping */
};

/* How the model holds lists: a count and right behind it the items. */
struct schema_items {
    size_t count;
    void *items;
};

struct schema_choice {
    const char *name;
    int value;
    const char *help;
};

struct schema_mapping;

struct schema_key {
    const char *name;
    const char *help;    /* one sentence */
    const char *example; /* a value, as written */
    enum schema_shape shape;
    enum value_type type;
    size_t offset;             /* in the struct of the mapping that the key belongs to */
    size_t item_bytes;         /* lists and named ones */
    size_t count_max;          /* lists and named ones; 0: CONFIG_ITEMS_MAX */
    enum value_type name_type; /* named ones: what their names are; 0: VALUE_NAME */
    const char *item_title;    /* lists of mappings and named ones, for messages: "service" */
    const char *default_text;  /* read like a value in the file; NULL: zero, or what default_shown says */
    const char *default_shown; /* for the pages, when it is not simply default_text */
    uint64_t min, max;         /* counts, sizes, durations; max 0: no range */
    bool is_required, is_secret;
    const struct schema_choice *choices; /* ends with a NULL name */
    const struct schema_mapping *mapping;
    bool (*is_shown)(const void *owner); /* whether config_format() writes it; NULL: when it has a value */
    const char *synonyms; /* words that people bring from elsewhere, " like this " with blanks around each */
};

struct schema_mapping {
    const char *help;
    const struct schema_key *keys;
    size_t key_count;
    const char *shorthand; /* the key that a bare value stands for, or NULL */
    bool can_be_off;       /* `off` sets is_enabled to false */
    size_t is_enabled_offset;
    bool is_one_of; /* exactly one key, and its index goes to kind_offset (an enum) */
    size_t kind_offset;
    /* Cross checks, after all keys were decoded. node is NULL when the mapping was not written. */
    void (*check)(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
};

extern const struct schema_mapping schema_root;

const struct schema_key *schema_find(const struct schema_mapping *m, struct str name); /* NULL */
/* What a wrong key was probably meant to be, among this mapping's keys; NULL when nothing is near. */
const char *schema_nearest(const struct schema_mapping *m, struct str name);
/* Writes where else that key exists: "in services.NAME.scale", "at the top level"; false when nowhere. */
bool schema_find_home(struct str name, char *out, size_t out_bytes);
