/*
 * history.c: see history.h.
 *
 * The file is a keeper's (keeper.h), another than the store's: a long answer, or a disk that is slow with the
 * history, shall not hold up what was learned.
 *
 * Batches wait in a queue and are handed over one at a time, the oldest first: while a write fails, the same
 * one is tried again with every batch that comes, and at WAITING_MAX the oldest is lost and counted. So
 * memory is bounded whatever the disk does.
 *
 * A question is preceded by what the block under way has so far; the block is written again when it is full,
 * over itself.
 */
#include "store/history.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "store/keeper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WAITING_MAX = 30, /* batches: five minutes */
    FRESH_S = 2,      /* a question does not write what is younger */
};
#define WAITING_BYTES_MAX ((size_t)16 << 20)
#define TELL_NS           (24 * 3600 * NS_PER_S) /* that the file is full is told so often */

enum work_kind { WORK_PUT, WORK_PEEK, WORK_ASK };

struct work {
    struct keeper_work work;
    struct history *history; /* for the loop's thread alone */
    enum work_kind kind;
    struct arena *arena; /* what it works on */
    struct history_batch batch;
    int64_t now_ns;
    struct history_question question;
    void (*on_answer)(void *context, uint64_t ticket, const struct history_answer *answer);
    void *context;
    uint64_t ticket;
    struct buf json;
    struct history_put put;
    struct sql_report report;
};

/* That is still to be written. Work on it has a copy: a disk that hangs may keep that for long. */
struct waiting {
    struct list link;
    struct arena *arena;
    struct history_batch batch;
    uint64_t values;
    size_t bytes;
};

struct history {
    struct keeper *keeper;
    char *path;
    struct history_block *block;
    void *context;
    void (*on_told)(void *context, enum history_told told, const char *text);
    int64_t wall_s;      /* of the moment under way */
    int64_t peeked_s;    /* up to when the block under way has been written */
    struct list waiting; /* the oldest first */
    uint32_t waiting_count;
    size_t waiting_bytes;
    bool is_writing; /* the first of them */
    bool is_behind, is_ending;
    int64_t told_shortened_ns; /* 0: never */
    struct history_numbers numbers;
};

const char *history_told_name(enum history_told t)
{
#define HISTORY_TOLD_NAME(upper, lower, help) #lower,
    static const char *const names[] = {HISTORY_TOLD(HISTORY_TOLD_NAME)};
    ASSERT((unsigned)t < ARRAY_LEN(names));
    return names[t];
}

/* ---- on the job thread ---- */

static void close_file(void *file)
{
    history_file_close(file);
}

static void free_file(void *file)
{
    history_file_free(file);
}

static void run(struct keeper_work *base, void *file)
{
    struct work *w = container_of(base, struct work, work);
    struct history_file *f = file;
    switch (w->kind) {
    case WORK_PUT:
    case WORK_PEEK:
        w->report = history_file_put(f, &w->batch, w->now_ns, &w->put);
        break;
    case WORK_ASK:
        w->report = history_file_ask(f, &w->question, &w->json);
        break;
    }
}

/* ---- what is told, on the loop's thread ---- */

static void tell(struct history *h, enum history_told told, const char *format, ...) PRINTF_LIKE(3, 4);

static void tell(struct history *h, enum history_told told, const char *format, ...)
{
    char text[sizeof(((struct sql_report *)0)->why) + 256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    h->on_told(h->context, told, text);
}

static void note_failure(struct history *h, const char *why)
{
    h->numbers.errors_total++;
    if (!h->numbers.is_failing)
        tell(h, HISTORY_TOLD_FAILED, "the history cannot be kept in %s, and is tried again: %s", h->path,
             why);
    h->numbers.is_failing = true;
}

static bool note_report(struct history *h, const struct sql_report *r)
{
    if (r->is_anew)
        tell(h, HISTORY_TOLD_ANEW, "%s: %s; a new one was begun", h->path, r->why);
    if (r->result != SQL_GOOD) {
        note_failure(h, r->why);
        return false;
    }
    if (h->numbers.is_failing)
        tell(h, HISTORY_TOLD_RECOVERED, "the history is kept in %s again", h->path);
    h->numbers.is_failing = false;
    h->numbers.bytes = r->bytes;
    return true;
}

static void note_clock(struct history *h, const struct history_put *put)
{
    char text[UNITS_TEXT_BYTES];
    const char *behind = units_format_duration(text, put->behind_s * NS_PER_S);
    if (put->is_cut)
        tell(h, HISTORY_TOLD_CLOCK,
             "the clock has been %s behind what is recorded for an hour, and is believed: what was recorded "
             "of the future is dropped",
             behind);
    else if (put->is_behind && !h->is_behind)
        tell(h, HISTORY_TOLD_CLOCK,
             "the clock is %s behind what is recorded: nothing is recorded until it has caught up, for an "
             "hour at most",
             behind);
    h->is_behind = put->is_behind;
}

static void note_size(struct history *h, const struct history_put *put)
{
    int64_t now_ns = clock_now_ns();
    if (!put->is_shortened)
        return;
    h->numbers.shortened_total++;
    if (h->told_shortened_ns && now_ns - h->told_shortened_ns < TELL_NS)
        return;
    h->told_shortened_ns = now_ns;
    tell(
        h, HISTORY_TOLD_SHORTENED,
        "the history is as large as it may be (history: max_size): the oldest points of level %s are dropped "
        "before their time",
        put->shortened);
}

/* ---- work ---- */

static void on_done(struct keeper_work *base, enum job_outcome outcome);

/* Perhaps on the job thread: touches nothing of the history's. */
static void free_work(struct keeper_work *base)
{
    struct work *w = container_of(base, struct work, work);
    buf_fini(&w->json);
    arena_free(w->arena);
    free(w);
}

static struct work *work_new(struct history *h, enum work_kind kind)
{
    struct work *w = NEW(struct work);
    w->work = (struct keeper_work){.run = run, .on_done = on_done, .free = free_work};
    w->history = h;
    w->kind = kind;
    w->arena = arena_new();
    w->now_ns = clock_now_ns();
    return w;
}

/* Takes the work, or frees it and counts that. */
static bool submit(struct history *h, struct work *w)
{
    bool is_taken = keeper_submit(h->keeper, &w->work);
    h->numbers.errors_total += !is_taken;
    return is_taken;
}

/* ---- what waits to be written ---- */

static struct waiting *first_waiting(struct history *h)
{
    return list_is_empty(&h->waiting) ? NULL : container_of(h->waiting.next, struct waiting, link);
}

static void drop_first(struct history *h, bool is_lost)
{
    struct waiting *first = first_waiting(h);
    list_remove(&first->link);
    h->waiting_count--;
    h->waiting_bytes -= first->bytes;
    h->numbers.lost_total += is_lost ? first->values : 0;
    arena_free(first->arena);
    free(first);
}

static uint64_t values_of(const struct history_batch *b)
{
    uint64_t values = 0;
    for (size_t i = 0; i < b->count; i++)
        for (size_t k = 0; k < HISTORY_BLOCK_S; k++)
            values += b->rows[i].points[k].count;
    return values;
}

static void enqueue_block(struct history *h)
{
    struct waiting *w = NEW(struct waiting);
    w->arena = arena_new();
    w->batch = history_block_copy(h->block, w->arena);
    w->values = values_of(&w->batch);
    w->bytes = arena_bytes(w->arena);
    list_push_back(&h->waiting, &w->link);
    h->waiting_count++;
    h->waiting_bytes += w->bytes;
    while (h->waiting_count > 1 && (h->waiting_count > WAITING_MAX || h->waiting_bytes > WAITING_BYTES_MAX))
        drop_first(h, true);
}

static struct history_batch copy_batch(const struct history_batch *b, struct arena *arena)
{
    struct history_row *rows = ARENA_ARRAY(arena, struct history_row, b->count + 1);
    for (size_t i = 0; i < b->count; i++) {
        rows[i] = b->rows[i];
        rows[i].metric = arena_copy_str(arena, b->rows[i].metric);
        rows[i].unit = arena_copy_str(arena, b->rows[i].unit);
        rows[i].labels = arena_copy_str(arena, b->rows[i].labels);
    }
    return (struct history_batch){.start_s = b->start_s, .count = b->count, .rows = rows};
}

static bool submit_waiting(struct history *h, const struct waiting *waiting)
{
    struct work *w = work_new(h, WORK_PUT);
    w->batch = copy_batch(&waiting->batch, w->arena);
    return submit(h, w);
}

static void write_next(struct history *h)
{
    struct waiting *first = first_waiting(h);
    if (first && !h->is_writing)
        h->is_writing = submit_waiting(h, first);
}

/* ---- what comes of it ---- */

/* Which of the batches it was is told by its start: the first may have been dropped meanwhile. */
static void on_put(struct history *h, const struct work *w)
{
    struct waiting *first = first_waiting(h);
    h->is_writing = false;
    if (!note_report(h, &w->report))
        return;
    note_clock(h, &w->put);
    note_size(h, &w->put);
    h->numbers.writes_total += !w->put.is_behind;
    h->numbers.left_out_total += w->put.left_out;
    if (first && first->batch.start_s == w->batch.start_s)
        drop_first(h, w->put.is_behind);
    write_next(h);
}

static void on_asked(struct history *h, const struct work *w, bool is_late)
{
    struct history_answer answer = {.why = is_late ? "the disk does not answer" : w->report.why};
    answer.is_good = !is_late && note_report(h, &w->report);
    if (answer.is_good)
        answer.json = buf_str(&w->json);
    w->on_answer(w->context, w->ticket, &answer);
}

static void on_done(struct keeper_work *base, enum job_outcome outcome)
{
    struct work *w = container_of(base, struct work, work);
    struct history *h = w->history;
    if (h->is_ending || outcome == JOB_CANCELLED)
        return;
    if (outcome == JOB_LATE)
        note_failure(h, "the disk does not answer");
    if (w->kind == WORK_ASK)
        on_asked(h, w, outcome == JOB_LATE);
    else if (outcome == JOB_LATE)
        h->is_writing &= w->kind != WORK_PUT;
    else if (w->kind == WORK_PUT)
        on_put(h, w);
    else
        (void)note_report(h, &w->report);
}

/* ---- the face ---- */

struct history *history_new(const struct history_params *params)
{
    struct keeper_file file = {history_file_new(&params->file), close_file, free_file};
    struct keeper *k = keeper_new(params->loop, "weir-history", &file);
    if (!k)
        return NULL;
    struct history *h = NEW(struct history);
    h->keeper = k;
    h->path = mem_strdup(params->file.path);
    h->block = history_block_new();
    h->context = params->context;
    h->on_told = params->on_told;
    list_init(&h->waiting);
    return h;
}

void history_begin(struct history *h, int64_t wall_s)
{
    int64_t start_s = wall_s - wall_s % HISTORY_BLOCK_S;
    h->wall_s = wall_s;
    h->peeked_s = MIN(h->peeked_s, wall_s);
    if (start_s == history_block_start(h->block))
        return;
    if (history_block_start(h->block) != INT64_MIN)
        enqueue_block(h);
    history_block_begin(h->block, start_s);
    write_next(h);
}

bool history_put(struct history *h, uint64_t key, double value)
{
    return history_block_put(h->block, key, h->wall_s, value);
}

void history_name(struct history *h, uint64_t key, const struct history_name *name)
{
    history_block_name(h->block, key, name);
}

/* What waits is older and must be written first: to the file it would be of the past. */
static void peek(struct history *h)
{
    bool is_old_written = h->waiting_count == 0 || (h->waiting_count == 1 && h->is_writing);
    if (!is_old_written || history_block_start(h->block) == INT64_MIN || h->wall_s - h->peeked_s < FRESH_S)
        return;
    struct work *w = work_new(h, WORK_PEEK);
    w->batch = history_block_copy(h->block, w->arena);
    if (submit(h, w))
        h->peeked_s = h->wall_s;
}

bool history_ask(struct history *h, const struct history_question *q,
                 void (*on_answer)(void *context, uint64_t ticket, const struct history_answer *answer),
                 void *context, uint64_t ticket)
{
    peek(h);
    struct work *w = work_new(h, WORK_ASK);
    w->question = *q;
    w->question.metric = arena_copy_str(w->arena, q->metric);
    for (size_t i = 0; i < q->filter_count; i++)
        w->question.filters[i] = arena_copy_str(w->arena, q->filters[i]);
    w->on_answer = on_answer;
    w->context = context;
    w->ticket = ticket;
    return submit(h, w);
}

struct history_numbers history_numbers(const struct history *h)
{
    struct history_numbers n = h->numbers;
    n.series = history_block_series(h->block);
    n.left_out_total += history_block_left_out(h->block);
    return n;
}

void history_free(struct history *h, int64_t grace_ns)
{
    if (!h)
        return;
    h->is_ending = true;
    if (history_block_start(h->block) != INT64_MIN)
        enqueue_block(h);
    list_for_each (link, &h->waiting)
        (void)submit_waiting(h, container_of(link, struct waiting, link));
    keeper_free(h->keeper, grace_ns);
    while (first_waiting(h))
        drop_first(h, false);
    history_block_free(h->block);
    free(h->path);
    free(h);
}
