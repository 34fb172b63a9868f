/*
 * Between scale, which learns, and the store, which keeps it beyond this worker.
 *
 * Every second a tenth of the services is asked what it has learned, and what has changed is handed over in
 * one write: so each is kept anew every ten seconds, a crash loses no more than that, and no tick of the
 * control thread has much to write out. What people set by hand is handed over at once. A service's digest is
 * noted when its text is handed over; whenever the store says that something went wrong with the file, or is
 * well again, all are forgotten and so written anew.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "control/control_priv.h"
#include "scale/pattern.h"
#include "stats/exposition.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>

enum { KEEP_TURNS = 10 };
enum { MINUTES_A_TURN = 60 };
static const struct str minutes_name = {"requests_per_second", sizeof("requests_per_second") - 1};
#define KEEP_LOOK_NS (1 * NS_PER_S)
#define LOAD_WAIT_NS (2 * NS_PER_S) /* requests wait for it; then Weir begins with nothing known */
#define STOP_WAIT_NS (1 * NS_PER_S) /* for a write that is under way */
#define FREE_WAIT_NS (2 * NS_PER_S) /* for the last one */

struct keeping {
    struct control *control;
    struct store *store;
    struct timer timer;
    uint64_t digests[FLEET_SERVICES_MAX]; /* of what was written last, by the service's slot; 0: nothing */
    bool is_soon[FLEET_SERVICES_MAX];     /* before its turn comes */
    uint32_t turn;
    int64_t appended[FLEET_SERVICES_MAX]; /* minutes up to here were handed over; the same index */
    bool is_putting_watch;                /* watch's documents are on their way to the disk */
    uint32_t asked;                       /* the slot of the service whose minutes are being read */
};

/* ---- minutes of load ---- */

static struct service *service_at(const struct keeping *k, uint32_t slot)
{
    fleet_for_each_service (k->control->fleet, s)
        if (s->slot == slot)
            return s;
    return NULL;
}

static void read_minutes(struct keeping *k);

static void on_minutes(void *context, const struct database_value *values, size_t count)
{
    struct keeping *k = context;
    const struct service *s = service_at(k, k->asked);
    for (size_t i = 0; s && i < count; i++) {
        scale_history_restore(k->control->scale, s, (struct scale_minute){values[i].minute, values[i].value});
        k->appended[s->slot] = MAX(k->appended[s->slot], values[i].minute);
    }
    k->asked++;
    read_minutes(k);
}

/* One service after the other, so that the store's queue stays free for what is to be written. */
static void read_minutes(struct keeping *k)
{
    int64_t now = clock_wall_ns() / (60 * NS_PER_S);
    for (; k->asked < FLEET_SERVICES_MAX; k->asked++) {
        const struct service *s = service_at(k, k->asked);
        if (s &&
            store_range(k->store, str_of(s->name), minutes_name, now - PATTERN_MINUTES, now, on_minutes, k))
            return;
    }
}

static void append_minutes(struct keeping *k, const struct service *s)
{
    struct scale_minute minutes[MINUTES_A_TURN];
    struct database_point points[MINUTES_A_TURN];
    uint32_t count = scale_history(k->control->scale, s, k->appended[s->slot], MINUTES_A_TURN, minutes);
    for (uint32_t i = 0; i < count; i++)
        points[i] = (struct database_point){.service = str_of(s->name),
                                            .name = minutes_name,
                                            .minute = minutes[i].minute,
                                            .value = minutes[i].rate};
    if (count && store_append(k->store, points, count))
        k->appended[s->slot] = minutes[count - 1].minute;
}

/* ---- what the store says ---- */

static void on_loaded(void *context, const struct database_document *documents, size_t count, bool is_late)
{
    struct control *c = ((struct keeping *)context)->control;
    (void)is_late; /* scale and watch take it all the same */
    for (size_t i = 0; i < count; i++) {
        struct service *service = fleet_find_service(c->fleet, documents[i].service);
        if (service)
            (void)scale_restore(c->scale, service, documents[i].text, clock_now_ns(), clock_wall_ns());
        else
            (void)watch_restore(c->watch, documents[i].service, documents[i].text);
    }
    read_minutes(context);
}

static void on_told(void *context, enum store_told told, const char *text)
{
    struct keeping *k = context;
    bool is_fine = told == STORE_TOLD_OPENED || told == STORE_TOLD_RECOVERED;
    if (told != STORE_TOLD_OPENED)
        memset(k->digests, 0, sizeof(k->digests));
    if (told == STORE_TOLD_ANEW)
        memset(k->appended, 0, sizeof(k->appended));
    control_note(k->control, &(struct event_note){.kind = store_told_name(told),
                                                  .level = is_fine ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
                                                  .text = text});
}

/* ---- what is handed to it ---- */

enum { WATCH_DOCUMENTS_MAX = 256, DOCUMENTS_MAX = FLEET_SERVICES_MAX + WATCH_DOCUMENTS_MAX };

/* The services' documents come first, then those of watch. */
struct batch {
    struct database_document documents[DOCUMENTS_MAX];
    uint64_t digests[FLEET_SERVICES_MAX];
    struct buf keys[DOCUMENTS_MAX], texts[DOCUMENTS_MAX];
    const struct service *services[FLEET_SERVICES_MAX];
    size_t service_count, count;
};

static void add(const struct keeping *k, struct batch *b, const struct service *s)
{
    struct buf *text = &b->texts[b->count];
    uint64_t digest;
    buf_clear(text);
    if (!scale_save(k->control->scale, s, clock_now_ns(), clock_wall_ns(), text, &digest) ||
        digest == k->digests[s->slot])
        return;
    b->documents[b->count] = (struct database_document){.service = str_of(s->name), .text = buf_str(text)};
    b->digests[b->count] = digest;
    b->services[b->count++] = s;
    b->service_count = b->count;
}

static void add_of_watch(void *context, const char *key, struct str text)
{
    struct batch *b = context;
    ASSERT(b->count < DOCUMENTS_MAX);
    struct buf *own_key = &b->keys[b->count], *own_text = &b->texts[b->count];
    buf_clear(own_key);
    buf_clear(own_text);
    buf_put(own_key, str_of(key));
    buf_put(own_text, text);
    b->documents[b->count++] =
        (struct database_document){.service = buf_str(own_key), .text = buf_str(own_text)};
}

/* All that has changed since the last time goes in one transaction: an alert that fired, and what is still to
 * be told of it. */
static bool add_watch(struct keeping *k, struct batch *b)
{
    if (k->is_putting_watch || !watch_has_changed(k->control->watch))
        return false;
    watch_save(k->control->watch, add_of_watch, b);
    return true;
}

static bool is_due(const struct keeping *k, const struct service *s, bool is_all)
{
    return is_all || k->is_soon[s->slot] || s->slot % KEEP_TURNS == k->turn;
}

static void keep(struct keeping *k, bool is_all)
{
    static struct batch b; /* of the one control thread: too large for a stack */
    b.count = b.service_count = 0;
    fleet_for_each_service (k->control->fleet, s)
        if (is_due(k, s, is_all)) {
            add(k, &b, s);
            append_minutes(k, s);
        }
    bool has_watch = add_watch(k, &b);
    bool is_taken = b.count && store_put(k->store, b.documents, b.count, clock_wall_ns() / NS_PER_S);
    for (size_t i = 0; i < b.service_count && is_taken; i++) {
        k->digests[b.services[i]->slot] = b.digests[i];
        k->is_soon[b.services[i]->slot] = false;
    }
    k->is_putting_watch |= has_watch && is_taken;
    if (has_watch && !is_taken)
        watch_kept(k->control->watch, false);
    for (size_t i = 0; i < DOCUMENTS_MAX; i++) {
        buf_fini(&b.keys[i]);
        buf_fini(&b.texts[i]);
    }
}

static void on_put(void *context, bool is_kept)
{
    struct keeping *k = context;
    if (k->is_putting_watch)
        watch_kept(k->control->watch, is_kept);
    k->is_putting_watch = false;
}

static void on_tick(struct loop *loop, struct timer *t)
{
    struct keeping *k = container_of(t, struct keeping, timer);
    keep(k, false);
    k->turn = (k->turn + 1) % KEEP_TURNS;
    timer_set(loop, t, loop_now_ns(loop) + KEEP_LOOK_NS);
}

/* A message that was delivered should not be known as undelivered for long. */
static void on_watch_change(void *context)
{
    struct keeping *k = context;
    timer_set(k->control->loop, &k->timer, loop_now_ns(k->control->loop));
}

void keeping_note_watch(struct control *c)
{
    if (c->keeping && watch_has_changed(c->watch))
        on_watch_change(c->keeping);
}

void keeping_start(struct control *c)
{
    if (!c->params->state_path)
        return;
    struct keeping *k = NEW(struct keeping);
    struct store_params params = {
        .loop = c->loop,
        .database = {.path = c->params->state_path},
        .events = {.context = k, .on_loaded = on_loaded, .on_put = on_put, .on_told = on_told}};
    k->control = c;
    k->store = store_new(&params);
    if (!k->store) {
        log_warn("what is learned is not kept: %s", strerror(errno));
        free(k);
        return;
    }
    c->keeping = k;
    timer_init(&k->timer, on_tick);
    watch_set_keeping(c->watch, on_watch_change, k);
    store_load(k->store, LOAD_WAIT_NS);
    timer_set(c->loop, &k->timer, clock_now_ns() + KEEP_LOOK_NS);
}

void keeping_report(const struct control *c, struct board *board)
{
    if (c->keeping)
        board_put(board, METRIC_STATE_FAILING, &(struct subject){0},
                  reading_known(!store_numbers(c->keeping->store).is_keeping));
}

struct store *keeping_store(const struct control *c)
{
    return c->keeping ? c->keeping->store : NULL;
}

void keeping_note_hand(struct control *c, const struct service *s)
{
    if (!c->keeping)
        return;
    c->keeping->is_soon[s->slot] = true;
    timer_set(c->loop, &c->keeping->timer, loop_now_ns(c->loop));
}

void keeping_stop(struct control *c)
{
    struct keeping *k = c->keeping;
    if (!k)
        return;
    timer_cancel(&k->timer);
    (void)store_wait(k->store, STOP_WAIT_NS);
    k->is_putting_watch = false; /* whatever became of it: the last word is the one that counts */
    keep(k, true);
    store_free(k->store, FREE_WAIT_NS);
    free(k);
    c->keeping = NULL;
}

void keeping_write_metrics(const struct control *c, struct buf *out)
{
    if (!c->keeping)
        return;
    struct store_numbers n = store_numbers(c->keeping->store);
    exposition_put_one(out, "weir_store_up", "gauge", "1 while what is learned can be kept.", n.is_keeping);
    exposition_put_one(out, "weir_store_bytes", "gauge", "Size of the file in which it is kept.",
                       (double)n.bytes);
    exposition_put_one(out, "weir_store_writes_total", "counter", "Writes that went well.",
                       (double)n.writes_total);
    exposition_put_one(out, "weir_store_errors_total", "counter", "Reads and writes that failed.",
                       (double)n.errors_total);
}
