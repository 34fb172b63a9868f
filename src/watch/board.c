/*
 * board.c: see board.h. An array of series in order of their coming, and an open-addressing table of indices
 * into it by metric and subject. Series come and go rarely, so the table is made anew whenever one goes.
 */
#include "watch/board.h"

#include "base/buf.h"
#include "base/macros.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct entry {
    struct series series;
    uint64_t hash;
    uint64_t tick;  /* when it was put last */
    size_t note_at; /* offset in the board's notes */
    char text[];    /* host and names, each with its NUL */
};

enum { TABLE_SIZE_FIRST = 256 }; /* a power of two */

struct board {
    int64_t now_ns, wall_ns;
    uint64_t tick, next_id, left_out;
    size_t count, capacity;
    struct entry **entries; /* owned */
    size_t table_size;      /* a power of two, at least twice the count */
    uint32_t *table;        /* index + 1; 0: free */
    const char *host;       /* of subjects that name none; "" unless it was set */
    struct buf notes;       /* of this tick; begins with a NUL: the empty note */
};

struct board *board_new(void)
{
    struct board *b = NEW(struct board);
    b->table_size = TABLE_SIZE_FIRST;
    b->table = NEW_ARRAY(uint32_t, b->table_size);
    return b;
}

void board_free(struct board *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->count; i++)
        free(b->entries[i]);
    free(b->entries);
    free(b->table);
    buf_fini(&b->notes);
    free(b);
}

/* ---- finding ---- */

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

/* FNV-1a, 64 bits; the NUL is part of it, so that "a","b" and "ab","" differ. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    } while (*text++);
    return hash;
}

static uint64_t hash_of(enum metric metric, const struct subject *s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) + (uint64_t)metric * UINT64_C(0x9e3779b97f4a7c15);
    hash = hash_text(hash, text_or_empty(s->host));
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
        hash = hash_text(hash, text_or_empty(s->names[i]));
    return hash;
}

static bool is_of(const struct entry *e, enum metric metric, const struct subject *s)
{
    if (e->series.metric != metric || strcmp(e->series.subject.host, text_or_empty(s->host)) != 0)
        return false;
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
        if (strcmp(e->series.subject.names[i], text_or_empty(s->names[i])) != 0)
            return false;
    return true;
}

/* The slot of the table that holds it, or the free one where it belongs. */
static uint32_t *slot_of(const struct board *b, uint64_t hash, enum metric metric, const struct subject *s)
{
    size_t at = hash & (b->table_size - 1);
    for (;; at = (at + 1) & (b->table_size - 1)) {
        uint32_t index = b->table[at];
        if (index == 0)
            return &b->table[at];
        const struct entry *e = b->entries[index - 1];
        if (e->hash == hash && is_of(e, metric, s))
            return &b->table[at];
    }
}

static void make_table(struct board *b, size_t size)
{
    free(b->table);
    b->table_size = size;
    b->table = NEW_ARRAY(uint32_t, size);
    for (size_t i = 0; i < b->count; i++) {
        const struct series *s = &b->entries[i]->series;
        *slot_of(b, b->entries[i]->hash, s->metric, &s->subject) = (uint32_t)i + 1;
    }
}

/* ---- putting ---- */

static char *copy_into(char **at, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = memcpy(*at, text, bytes);
    *at += bytes;
    return copy;
}

static struct entry *new_entry(struct board *b, uint64_t hash, enum metric metric, const struct subject *s)
{
    size_t bytes = strlen(text_or_empty(s->host)) + 1;
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
        bytes += strlen(text_or_empty(s->names[i])) + 1;
    struct entry *e = mem_alloc(sizeof(struct entry) + bytes);
    char *at = e->text;
    e->hash = hash;
    e->series.metric = metric;
    e->series.id = ++b->next_id;
    e->series.subject.host = copy_into(&at, text_or_empty(s->host));
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
        e->series.subject.names[i] = copy_into(&at, text_or_empty(s->names[i]));
    return e;
}

static struct entry *add_entry(struct board *b, uint64_t hash, enum metric metric, const struct subject *s)
{
    if (b->count == BOARD_SERIES_MAX) {
        b->left_out++;
        return NULL;
    }
    if (b->count == b->capacity) {
        b->capacity = MAX(2 * b->capacity, (size_t)64);
        b->entries = mem_realloc(b->entries, b->capacity * sizeof(struct entry *));
    }
    struct entry *e = b->entries[b->count++] = new_entry(b, hash, metric, s);
    if (2 * b->count > b->table_size)
        make_table(b, 2 * b->table_size);
    else
        *slot_of(b, hash, metric, s) = (uint32_t)b->count;
    return e;
}

/* NULL: the board is full. */
static struct entry *put(struct board *b, enum metric metric, const struct subject *subject,
                         struct reading reading)
{
    struct subject of_host = *subject;
    const struct subject *s = &of_host;
    if (text_or_empty(subject->host)[0] == '\0')
        of_host.host = b->host;
    uint64_t hash = hash_of(metric, s);
    uint32_t index = *slot_of(b, hash, metric, s);
    struct entry *e = index ? b->entries[index - 1] : add_entry(b, hash, metric, s);
    if (e == NULL)
        return NULL;
    e->tick = b->tick;
    e->note_at = 0;
    e->series.reading = reading;
    return e;
}

void board_begin(struct board *b, int64_t now_ns, int64_t wall_ns)
{
    b->now_ns = now_ns;
    b->wall_ns = wall_ns;
    b->tick++;
    b->host = "";
    b->notes.len = 0;
    buf_put(&b->notes, str_n("", 1));
}

void board_set_host(struct board *b, const char *host)
{
    b->host = host;
}

void board_put(struct board *b, enum metric metric, const struct subject *subject, struct reading reading)
{
    (void)put(b, metric, subject, reading);
}

void board_put_note(struct board *b, enum metric metric, const struct subject *subject,
                    struct reading reading, const char *format, ...)
{
    char note[BOARD_NOTE_BYTES];
    struct entry *e = put(b, metric, subject, reading);
    if (e == NULL)
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(note, sizeof(note), format, args);
    va_end(args);
    e->note_at = b->notes.len;
    buf_put(&b->notes, str_n(note, strlen(note) + 1));
}

void board_doubt(struct board *b, const char *host, const char *why_unknown)
{
    for (size_t i = 0; i < b->count; i++) {
        struct entry *e = b->entries[i];
        if (e->tick == b->tick && strcmp(e->series.subject.host, host) == 0)
            e->series.reading = reading_unknown(why_unknown);
    }
}

void board_end(struct board *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct entry *e = b->entries[i];
        if (e->tick != b->tick) {
            free(e);
            continue;
        }
        e->series.note = b->notes.ptr + e->note_at; /* the buffer stands still from here on */
        b->entries[kept++] = e;
    }
    bool is_less = kept < b->count;
    b->count = kept;
    if (is_less)
        make_table(b, b->table_size);
}

/* ---- reading ---- */

int64_t board_now_ns(const struct board *b)
{
    return b->now_ns;
}

int64_t board_wall_ns(const struct board *b)
{
    return b->wall_ns;
}

size_t board_count(const struct board *b)
{
    return b->count;
}

const struct series *board_at(const struct board *b, size_t index)
{
    ASSERT(index < b->count);
    return &b->entries[index]->series;
}

const struct series *board_find(const struct board *b, enum metric metric, const struct subject *subject)
{
    uint32_t index = *slot_of(b, hash_of(metric, subject), metric, subject);
    return index ? &b->entries[index - 1]->series : NULL;
}

uint64_t board_left_out(const struct board *b)
{
    return b->left_out;
}
