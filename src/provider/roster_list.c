/*
 * What a whole list says, seat by seat. The order is the point: the sink may ask for new servers from inside
 * on_exited, and must by then know of everybody who is there.
 *
 *   match     each instance to its seat: by id, by key, else (no key) to the seat that waits longest
 *   spare     an engine that counts ended another one than was asked: the two change places
 *   tell      who is being ended, who is there now, who is gone
 *   match     again, for the seats that were asked for because of those who are gone
 *   settle    an engine that counts has its number, so that who waits gets the place of who should go
 *   adopt     who is left: it is ours, and nobody asked this process for it
 *   facts     what the engine says of those who are told, where that is new
 *
 * An instance that has ended is told as gone at once; what is left of it is removed afterwards, silently. Of
 * two with one key the older stays: the other was started twice, and is ended, silently as well.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "provider/roster_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct roster *roster;
    struct instance **items; /* oldest first */
    bool *is_taken;          /* it has a seat */
    uint32_t count;
    int64_t now_ns;
};

#define SINK(r, function, ...) ((r)->sink->function((r)->sink->context, __VA_ARGS__))

/* --- matching ---------------------------------------------------------------------------------------- */

static int compare_instances(const void *left, const void *right)
{
    const struct instance *a = *(struct instance *const *)left, *b = *(struct instance *const *)right;
    if (a->started_ns != b->started_ns) /* not told: it comes last, as if it had just begun */
        return !a->started_ns || (b->started_ns && a->started_ns > b->started_ns) ? 1 : -1;
    return strcmp(a->id, b->id);
}

static bool is_over(const struct instance *i)
{
    return i->state == INSTANCE_ENDED || i->state == INSTANCE_STOPPING;
}

/* The key that start() was given, if the engine keeps it: of this service, and of a length that we gave. */
static const char *key_of(const struct roster *r, const struct instance *i)
{
    size_t len = strlen(r->service);
    bool is_ours = strncmp(i->key, r->service, len) == 0 && i->key[len] == '/' && i->key[len + 1] != '\0';
    return is_ours ? i->key : NULL;
}

static void sit(struct reading *read, struct seat *s, uint32_t at)
{
    s->instance = *read->items[at];
    s->has_id = s->is_seen = s->was_seen = s->is_called = true;
    s->is_doubtful = false;
    read->is_taken[at] = true;
}

static void match_ids(struct reading *read)
{
    for_each_seat(read->roster, s)
    {
        s->is_seen = false;
        for (uint32_t i = 0; s->has_id && !s->is_seen && i < read->count; i++)
            if (!read->is_taken[i] && strcmp(s->instance.id, read->items[i]->id) == 0)
                sit(read, s, i);
    }
}

static bool fits_key(const struct seat *s, const struct instance *i, const char *key)
{
    if (s->has_id || s->is_silent || s->is_dropped || strcmp(s->key, key) != 0)
        return false;
    return s->is_called ||
           !is_over(i); /* one that is over is not what a start that was not called has made */
}

static void match_keys(struct reading *read)
{
    for (uint32_t i = 0; i < read->count; i++) {
        const char *key = key_of(read->roster, read->items[i]);
        if (read->is_taken[i] || !key)
            continue;
        for_each_seat(read->roster, s) if (!read->is_taken[i] && fits_key(s, read->items[i], key))
            sit(read, s, i);
    }
}

static struct seat *find_waiting(const struct roster *r)
{
    bool is_counted = !roster_can(r, DRIVER_STARTS_ONE);
    for_each_seat(r, s) if (!s->has_id && s->is_wanted && !s->is_silent &&
                            (is_counted || s->is_called)) return s;
    return NULL;
}

/* Engines that keep no key: who came gets the seat that waits longest. */
static void match_waiting(struct reading *read)
{
    for (uint32_t i = 0; i < read->count; i++) {
        if (read->is_taken[i] || is_over(read->items[i]) || key_of(read->roster, read->items[i]))
            continue;
        struct seat *s = find_waiting(read->roster);
        if (!s)
            return;
        sit(read, s, i);
    }
}

/* --- those who change places ------------------------------------------------------------------------- */

static bool has_gone(const struct seat *s)
{
    return s->has_id && (!s->is_seen || s->instance.state == INSTANCE_ENDED);
}

static bool is_going(const struct seat *s)
{
    return has_gone(s) || (s->is_seen && s->instance.state == INSTANCE_STOPPING);
}

static bool is_staying(const struct seat *s)
{
    return s->is_seen && !is_over(&s->instance);
}

/* Was asked to go, and the engine has heard of it, but has not chosen it. */
static struct seat *find_unchosen(const struct roster *r)
{
    for_each_seat(r, s) if (!s->is_wanted && !s->is_silent && !s->is_dropped && is_staying(s) &&
                            s->unwanted_wish && s->unwanted_wish <= r->said_wish) return s;
    return NULL;
}

/* Was not asked to go, and goes. */
static struct seat *find_chosen_instead(const struct roster *r)
{
    for_each_seat(r, s) if (s->is_wanted && !s->is_silent && is_going(s)) return s;
    return NULL;
}

/* U is taken back; or, where that cannot be, its server gets another key further down. */
static void spare(struct reading *read, struct seat *u, const char *instead)
{
    struct roster *r = read->roster;
    char reason[INSTANCE_KEY_BYTES + 48];
    (void)snprintf(reason, sizeof(reason), "the engine ended %s in its place", instead);
    u->is_wanted = true;
    u->stop_due_ns = INT64_MAX;
    u->is_stop_called = false;
    if (SINK(r, on_spared, u->key, reason))
        return;
    for (uint32_t i = 0; i < read->count; i++)
        if (strcmp(read->items[i]->id, u->instance.id) == 0)
            read->is_taken[i] = false;
    char key[INSTANCE_KEY_BYTES];
    memcpy(key, u->key, sizeof(key));
    seat_free(u);
    SINK(r, on_exited, key, "the engine keeps its server, and ended another one", "");
}

static void change_places(struct reading *read)
{
    struct roster *r = read->roster;
    if (roster_can(r, DRIVER_STOPS_CHOSEN) || r->is_ending)
        return;
    for (;;) {
        struct seat *v = find_chosen_instead(r), *u = find_unchosen(r);
        if (!v || !u)
            return;
        char reason[INSTANCE_KEY_BYTES + 48];
        (void)snprintf(reason, sizeof(reason), "the engine ends it in place of %s", u->key);
        v->is_wanted = false;
        spare(read, u, v->key);
        SINK(r, on_stopping, v->key, reason);
    }
}

/* An engine that counts has been told its number, and has had the time to act: whoever still waits will not
 * come, and whoever should go stays. The one gets the place of the other. */
static void settle(struct reading *read)
{
    struct roster *r = read->roster;
    if (roster_can(r, DRIVER_STARTS_ONE) || r->wish != r->said_wish || r->is_ending ||
        read->now_ns - r->said_ns < COUNT_SETTLE_NS)
        return;
    for (;;) {
        struct seat *waiting = find_waiting(r), *unchosen = find_unchosen(r);
        if (!waiting || !unchosen)
            return;
        waiting->instance = unchosen->instance;
        waiting->has_id = waiting->is_seen = waiting->was_seen = waiting->is_called = true;
        char key[INSTANCE_KEY_BYTES];
        memcpy(key, unchosen->key, sizeof(key));
        seat_free(unchosen);
        SINK(r, on_exited, key, "the engine keeps its server, which is tried again", "");
    }
}

/* --- telling ----------------------------------------------------------------------------------------- */

static const char *words_of(const struct seat *s, const char *otherwise)
{
    return s->instance.detail[0] ? s->instance.detail : otherwise;
}

static void tell_stopping(struct roster *r, struct seat *s)
{
    bool is_unasked = s->is_wanted && !s->is_silent && s->is_seen && s->instance.state == INSTANCE_STOPPING;
    if (!is_unasked)
        return;
    s->is_wanted = false;
    SINK(r, on_stopping, s->key, words_of(s, "the engine is ending it, and nobody asked for that here"));
}

/* Its address is what clients are sent to; another one is another server. */
static bool has_moved(const struct seat *s, const struct instance *now)
{
    return s->is_told_started && now->has_address && !addr_eq(&s->instance.address, &now->address);
}

static void tell_there(struct roster *r, struct seat *s)
{
    if (!s->is_wanted || s->is_silent || !is_staying(s) || s->is_told_started)
        return;
    if (s->instance.has_address) {
        s->is_told_started = s->is_told_coming = true;
        SINK(r, on_started, s->key, &s->instance.address, 0);
    } else if (!s->is_told_coming) {
        s->is_told_coming = true;
        SINK(r, on_coming, s->key);
    }
}

static struct provider_facts facts_of(const struct instance *i)
{
    struct provider_facts facts = {.pid = i->pid, .price = i->price, .is_unwell = i->is_unwell};
    if (i->is_unwell)
        (void)str_copy(facts.words, sizeof(facts.words), str_of(i->detail));
    return facts;
}

static bool are_equal(const struct provider_facts *a, const struct provider_facts *b)
{
    return a->pid == b->pid && a->price == b->price && a->is_unwell == b->is_unwell &&
           strcmp(a->words, b->words) == 0;
}

static void tell_facts(struct roster *r, struct seat *s)
{
    struct provider_facts facts = facts_of(&s->instance);
    if (!s->is_told_started || !s->is_wanted || s->is_silent || !is_staying(s) ||
        are_equal(&facts, &s->facts) || !r->sink->on_facts)
        return;
    s->facts = facts;
    SINK(r, on_facts, s->key, &facts);
}

static void leave_seat(struct reading *read, struct seat *s, const char *reason)
{
    struct roster *r = read->roster;
    char key[INSTANCE_KEY_BYTES], text[PROVIDER_TEXT_BYTES];
    memcpy(key, s->key, sizeof(key));
    (void)str_copy(text, sizeof(text), str_of(reason));
    bool is_left = s->is_seen && roster_can(r, DRIVER_STOPS_CHOSEN);
    s->is_wanted = false;
    s->is_silent = true;
    s->stop_due_ns = read->now_ns; /* what is left of it is removed */
    if (!is_left)
        seat_free(s);
    if (!r->is_ending)
        SINK(r, on_exited, key, text, "");
}

static void tell_failed(struct reading *read, struct seat *s, const struct driver_failure *f)
{
    struct roster *r = read->roster;
    char key[INSTANCE_KEY_BYTES], text[PROVIDER_TEXT_BYTES];
    memcpy(key, s->key, sizeof(key));
    memcpy(text, f->text, sizeof(text));
    seat_free(s);
    if (!r->is_ending)
        SINK(r, on_start_failed, key, text);
}

/* A start was called, and no list has shown yet what it made. */
static void look_at_unseen(struct reading *read, struct seat *s)
{
    bool is_late = read->now_ns - s->called_ns >= MISSING_GRACE_NS;
    bool is_for_people = s->is_doubtful && s->failure.fault != DRIVER_FAULT_RETRYABLE;
    if (s->is_wanted && is_for_people)
        tell_failed(read, s, &s->failure);
    else if (s->is_wanted && s->is_doubtful && (is_late || roster_can(read->roster, DRIVER_KEEPS_KEYS)))
        s->is_called = false; /* start() is idempotent: it is called again, when the pace allows */
    else if (is_late)
        leave_seat(read, s,
                   s->is_doubtful ? "it was not started"
                                  : "the engine said that it was started, but does not list it");
}

static void tell_ends(struct reading *read)
{
    struct roster *r = read->roster;
    for_each_seat(r, s)
    {
        if (s->is_dropped || (s->is_silent && s->is_seen))
            continue;
        if (s->is_silent)
            seat_free(s);
        else if (s->is_called && !s->was_seen && roster_can(r, DRIVER_STARTS_ONE))
            look_at_unseen(read, s);
        else if (has_gone(s))
            leave_seat(read, s, s->is_seen ? words_of(s, "it ended") : "the engine lists it no longer");
    }
}

/* The engine refused the number: who did not come will not. */
static void tell_refused(struct reading *read)
{
    struct roster *r = read->roster;
    bool is_more_wanted = false;
    if (!r->has_count_failed)
        return;
    r->has_count_failed = false;
    for_each_seat(r, s) is_more_wanted |= !s->is_wanted && !s->is_silent && !s->is_dropped;
    if (!is_more_wanted) /* else somebody is still to go, and the number is said again */
        r->said_wish = r->wish;
    for_each_seat(r, s) if (s->is_wanted && !s->has_id && !s->is_silent && !s->is_dropped)
        tell_failed(read, s, &r->count_failure);
}

/* --- those who were found ---------------------------------------------------------------------------- */

static bool has_key(const struct roster *r, const char *key)
{
    for_each_seat(r, s) if (!s->is_silent && strcmp(s->key, key) == 0) return true;
    return false;
}

static void format_free_key(const struct roster *r, char out[INSTANCE_KEY_BYTES])
{
    uint32_t number = 1;
    do
        (void)snprintf(out, INSTANCE_KEY_BYTES, "%s/%s-%u", r->service, r->service, number++);
    while (has_key(r, out));
}

/* Nobody is told of it; it is ended, or what is left of it is removed. */
static void clear_away(struct reading *read, uint32_t at)
{
    if (!roster_can(read->roster, DRIVER_STOPS_CHOSEN))
        return;
    struct seat *s = seat_new(read->roster, read->items[at]->key);
    sit(read, s, at);
    s->is_wanted = false;
    s->is_silent = true;
    s->stop_due_ns = read->now_ns;
}

static void adopt(struct reading *read, uint32_t at)
{
    struct roster *r = read->roster;
    const struct instance *i = read->items[at];
    const char *key = key_of(r, i);
    bool is_double = key && has_key(r, key);
    char name[INSTANCE_KEY_BYTES];
    if (i->state == INSTANCE_ENDED || is_double || r->is_ending) {
        clear_away(read, at);
        return;
    }
    if (i->state == INSTANCE_STOPPING)
        return; /* it goes, and has nothing of ours */
    if (key)
        (void)str_copy(name, sizeof(name), str_of(key));
    else
        format_free_key(r, name);
    struct seat *s = seat_new(r, name);
    sit(read, s, at);
    tell_there(r, s);
}

/* After observe(): everybody is told anew. */
static void tell_observed(struct roster *r)
{
    if (!r->is_observing || r->is_ending)
        return;
    r->is_observing = false;
    SINK(r, on_observed, r->provider);
}

/* --- all of it --------------------------------------------------------------------------------------- */

static uint32_t count_living(const struct instance_list *list)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++)
        count += !is_over(&list->items[i]);
    return count;
}

static void forget_told(struct roster *r)
{
    for_each_seat(r, s)
    {
        if (!r->is_observing)
            continue;
        s->is_told_started = s->is_told_coming = false;
        s->facts = (struct provider_facts){0};
    }
}

static void take_moves(struct reading *read)
{
    for_each_seat(read->roster, s)
    {
        const struct instance *now = NULL;
        for (uint32_t i = 0; s->has_id && i < read->count; i++)
            if (strcmp(read->items[i]->id, s->instance.id) == 0)
                now = read->items[i];
        if (!now || s->is_silent || !s->is_wanted || is_over(now) || !has_moved(s, now))
            continue;
        s->is_told_started = s->is_told_coming = false;
        s->facts = (struct provider_facts){0};
        SINK(read->roster, on_exited, s->key, "it was started anew at another address", "");
    }
}

static void read_all(struct reading *read)
{
    struct roster *r = read->roster;
    take_moves(read);
    match_ids(read);
    match_keys(read);
    match_waiting(read);
    change_places(read);
    for_each_seat(r, s) tell_stopping(r, s);
    for_each_seat(r, s) tell_there(r, s);
    tell_ends(read);
    tell_refused(read);
    match_waiting(read);
    settle(read);
    for_each_seat(r, s) tell_there(r, s);
    for (uint32_t i = 0; i < read->count; i++)
        if (!read->is_taken[i])
            adopt(read, i);
    for_each_seat(r, s) tell_facts(r, s);
}

void roster_take_list(struct roster *r, const struct instance_list *list, int64_t now_ns)
{
    struct reading read = {.roster = r, .count = list->count, .now_ns = now_ns};
    read.items = NEW_ARRAY(struct instance *, list->count + 1);
    read.is_taken = NEW_ARRAY(bool, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++)
        read.items[i] = &list->items[i];
    qsort(read.items, list->count, sizeof(*read.items), compare_instances);
    r->has_listed = true;
    r->listed_ns = now_ns;
    r->listed_count = count_living(list);
    forget_told(r);
    read_all(&read);
    tell_observed(r);
    free(read.items);
    free(read.is_taken);
}
