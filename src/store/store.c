/*
 * store.c: see store.h.
 *
 * The database is a keeper's (keeper.h), whose thread does one piece of work after the other.
 *
 * One write of documents at a time: while a slow disk is at it, the next is refused, and comes again later
 * with newer knowledge. So memory is bounded whatever the disk does.
 */
#include "store/store.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "store/keeper.h"

#include <stdio.h>
#include <stdlib.h>

#define OPEN_WAIT_NS (1 * NS_PER_S) /* for a Weir that is just ending */

enum work_kind { WORK_LOAD, WORK_PUT, WORK_APPEND, WORK_RANGE };

struct work {
    struct keeper_work work;
    struct store *store; /* for the loop's thread alone */
    enum work_kind kind;
    struct arena *arena; /* what it works on, and what it read */
    struct database_document *documents;
    struct database_point *points;
    size_t count;
    int64_t wall_s;
    struct str service, name;
    int64_t first, last;
    struct buf values;
    void (*on_range)(void *context, const struct database_value *values, size_t count);
    void *context;
    struct sql_report report;
    bool is_told; /* store_load has waited for it */
};

struct store {
    struct keeper *keeper;
    struct store_events events;
    char *path;
    uint64_t put; /* the number of the last write of documents */
    bool is_loading, is_loaded, is_off, is_failing;
    struct store_numbers numbers;
};

const char *store_told_name(enum store_told t)
{
#define STORE_TOLD_NAME(upper, lower, help) #lower,
    static const char *const names[] = {STORE_TOLD(STORE_TOLD_NAME)};
    ASSERT((unsigned)t < ARRAY_LEN(names));
    return names[t];
}

/* ---- on the job thread ---- */

static void close_database(void *file)
{
    database_close(file);
}

static void free_database(void *file)
{
    database_free(file);
}

static void begin_documents(void *context)
{
    struct work *w = context;
    w->count = 0;
}

static void take_document(void *context, const struct database_document *d)
{
    struct work *w = context;
    if (w->count == DATABASE_DOCUMENTS_MAX)
        return;
    w->documents[w->count++] = (struct database_document){.service = arena_copy_str(w->arena, d->service),
                                                          .text = arena_copy_str(w->arena, d->text)};
}

static struct sql_report load(struct work *w, struct database *d)
{
    struct database_documents out = {.context = w, .begin = begin_documents, .take = take_document};
    w->documents = ARENA_ARRAY(w->arena, struct database_document, DATABASE_DOCUMENTS_MAX);
    struct sql_report opened = database_open(d, OPEN_WAIT_NS);
    if (opened.result != SQL_GOOD)
        return opened;
    struct sql_report read = database_read_documents(d, &out);
    return read.is_anew || read.result != SQL_GOOD || !opened.is_anew ? read : opened;
}

static void run(struct keeper_work *base, void *file)
{
    struct work *w = container_of(base, struct work, work);
    struct database *d = file;
    switch (w->kind) {
    case WORK_LOAD:
        w->report = load(w, d);
        break;
    case WORK_PUT:
        w->report = database_put_documents(d, w->documents, w->count, w->wall_s);
        break;
    case WORK_APPEND:
        w->report = database_append(d, w->points, w->count);
        break;
    case WORK_RANGE:
        w->report = database_read_range(d, w->service, w->name, w->first, w->last, &w->values);
        break;
    }
}

/* ---- on the loop's thread ---- */

static void tell(struct store *s, enum store_told told, const char *format, ...) PRINTF_LIKE(3, 4);

static void tell(struct store *s, enum store_told told, const char *format, ...)
{
    char text[sizeof(((struct sql_report *)0)->why) + 256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    s->events.on_told(s->events.context, told, text);
}

static void note_failure(struct store *s, const char *why)
{
    s->numbers.errors_total++;
    s->numbers.is_keeping = false;
    if (!s->is_failing)
        tell(s, STORE_TOLD_FAILED, "what is learned cannot be kept in %s, and is tried again: %s", s->path,
             why);
    s->is_failing = true;
}

static void note_report(struct store *s, const struct sql_report *r)
{
    if (r->is_anew)
        tell(s, STORE_TOLD_ANEW, "%s: %s; a new one was begun", s->path, r->why);
    if (r->result == SQL_HELD || r->result == SQL_NEWER) {
        s->is_off = true;
        s->numbers.errors_total++;
        s->numbers.is_keeping = false;
        tell(s, STORE_TOLD_OFF, "%s is left alone and nothing is kept: %s", s->path, r->why);
        return;
    }
    if (r->result == SQL_FAILED) {
        note_failure(s, r->why);
        return;
    }
    if (s->is_failing)
        tell(s, STORE_TOLD_RECOVERED, "what is learned is kept in %s again", s->path);
    s->is_failing = false;
    s->numbers.is_keeping = true;
    s->numbers.bytes = r->bytes;
}

static void tell_loaded(struct store *s, const struct work *w, bool is_late)
{
    char size[UNITS_TEXT_BYTES];
    s->is_loading = false;
    note_report(s, &w->report);
    if (w->report.result != SQL_GOOD)
        return;
    s->is_loaded = true;
    tell(s, STORE_TOLD_OPENED, "what is learned is kept in %s (%s)", s->path,
         units_format_size(size, w->report.bytes));
    s->events.on_loaded(s->events.context, w->documents, w->count, is_late);
}

static void tell_put(struct store *s, const struct work *w, bool is_kept)
{
    if (w->kind == WORK_PUT && s->events.on_put)
        s->events.on_put(s->events.context, is_kept);
}

static void on_done(struct keeper_work *base, enum job_outcome outcome)
{
    struct work *w = container_of(base, struct work, work);
    struct store *s = w->store;
    if (outcome != JOB_DONE) {
        if (outcome == JOB_LATE || w->kind == WORK_PUT)
            note_failure(s, "the disk does not answer");
        if (w->on_range && outcome == JOB_LATE)
            w->on_range(w->context, NULL, 0);
        if (outcome == JOB_LATE)
            tell_put(s, w, false);
        return;
    }
    if (w->kind == WORK_LOAD) {
        if (!w->is_told)
            tell_loaded(s, w, true);
        return;
    }
    note_report(s, &w->report);
    s->numbers.writes_total += w->report.result == SQL_GOOD && w->kind != WORK_RANGE;
    tell_put(s, w, w->report.result == SQL_GOOD);
    if (w->on_range)
        w->on_range(w->context, (const struct database_value *)(const void *)w->values.ptr,
                    w->values.len / sizeof(struct database_value));
}

/* Perhaps on the job thread: touches nothing of the store's. */
static void free_work(struct keeper_work *base)
{
    struct work *w = container_of(base, struct work, work);
    buf_fini(&w->values);
    arena_free(w->arena);
    free(w);
}

static struct work *work_new(struct store *s, enum work_kind kind)
{
    struct work *w = NEW(struct work);
    w->work = (struct keeper_work){
        .run = run, .on_done = on_done, .free = free_work, .may_hang = kind == WORK_LOAD};
    w->store = s;
    w->kind = kind;
    w->arena = arena_new();
    return w;
}

/* Takes the work, or frees it and counts that. */
static bool submit(struct store *s, struct work *w)
{
    bool is_taken = keeper_submit(s->keeper, &w->work);
    s->numbers.errors_total += !is_taken;
    return is_taken;
}

struct store *store_new(const struct store_params *params)
{
    struct keeper_file file = {database_new(&params->database), close_database, free_database};
    struct keeper *k = keeper_new(params->loop, "weir-store", &file);
    if (!k)
        return NULL;
    struct store *s = NEW(struct store);
    s->keeper = k;
    s->events = params->events;
    s->path = mem_strdup(params->database.path);
    return s;
}

/* NULL: nobody can take the work. */
static struct work *begin_load(struct store *s)
{
    struct work *w = work_new(s, WORK_LOAD);
    s->is_loading = submit(s, w);
    return s->is_loading ? w : NULL;
}

void store_load(struct store *s, int64_t wait_ns)
{
    ASSERT(keeper_submitted(s->keeper) == 0);
    struct work *w = begin_load(s);
    if (!w) {
        note_failure(s, "no thread can be started");
        return;
    }
    if (!keeper_wait(s->keeper, wait_ns)) {
        note_failure(s, "the disk takes its time");
        return;
    }
    w->is_told = true; /* the loop, which releases the work, does not turn meanwhile */
    tell_loaded(s, w, false);
}

/* Nothing is written before all was read, or ignorance would take the place of knowledge. */
static bool can_take(struct store *s)
{
    if (!s->is_loaded && !s->is_loading && !s->is_off)
        (void)begin_load(s);
    return s->is_loaded && !s->is_off;
}

bool store_put(struct store *s, const struct database_document *documents, size_t count, int64_t wall_s)
{
    if (!can_take(s) || !keeper_has_done(s->keeper, s->put))
        return false;
    struct work *w = work_new(s, WORK_PUT);
    w->documents = ARENA_ARRAY(w->arena, struct database_document, count + 1);
    w->count = count;
    w->wall_s = wall_s;
    for (size_t i = 0; i < count; i++)
        w->documents[i] =
            (struct database_document){.service = arena_copy_str(w->arena, documents[i].service),
                                       .text = arena_copy_str(w->arena, documents[i].text)};
    if (!submit(s, w))
        return false;
    s->put = keeper_submitted(s->keeper);
    return true;
}

bool store_append(struct store *s, const struct database_point *points, size_t count)
{
    if (!can_take(s))
        return false;
    struct work *w = work_new(s, WORK_APPEND);
    w->points = ARENA_ARRAY(w->arena, struct database_point, count + 1);
    w->count = count;
    for (size_t i = 0; i < count; i++) {
        w->points[i] = points[i];
        w->points[i].service = arena_copy_str(w->arena, points[i].service);
        w->points[i].name = arena_copy_str(w->arena, points[i].name);
    }
    return submit(s, w);
}

bool store_range(struct store *s, struct str service, struct str name, int64_t first, int64_t last,
                 void (*on_range)(void *context, const struct database_value *values, size_t count),
                 void *context)
{
    if (!can_take(s))
        return false;
    struct work *w = work_new(s, WORK_RANGE);
    w->service = arena_copy_str(w->arena, service);
    w->name = arena_copy_str(w->arena, name);
    w->first = first;
    w->last = last;
    w->on_range = on_range;
    w->context = context;
    return submit(s, w);
}

struct store_numbers store_numbers(const struct store *s)
{
    return s->numbers;
}

bool store_wait(struct store *s, int64_t wait_ns)
{
    return keeper_wait(s->keeper, wait_ns);
}

void store_free(struct store *s, int64_t grace_ns)
{
    if (!s)
        return;
    keeper_free(s->keeper, grace_ns);
    free(s->path);
    free(s);
}
