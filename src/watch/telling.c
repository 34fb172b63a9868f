/*
 * telling.c: see telling.h. What was told is a sorted array of fingerprints: those of the alerts that fire
 * and that people know of. So it is as long as the list of firing alerts, and what needs no memory has none.
 */
#include "watch/telling.h"

#include "base/macros.h"
#include "base/mem.h"

#include <stdlib.h>

struct telling {
    struct telling_params params;
    const struct silences *silences; /* borrowed */
    size_t count, capacity;
    uint64_t *told; /* owned; ascending */
};

struct telling *telling_new(const struct telling_params *params, const struct silences *silences)
{
    struct telling *t = NEW(struct telling);
    t->params = *params;
    t->silences = silences;
    return t;
}

void telling_free(struct telling *t)
{
    if (t == NULL)
        return;
    free(t->told);
    free(t);
}

/* Where it is, or belongs. */
static size_t place_of(const struct telling *t, uint64_t fingerprint)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->told[middle] < fingerprint)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct telling *t, size_t place, uint64_t fingerprint)
{
    return place < t->count && t->told[place] == fingerprint;
}

void telling_restore(struct telling *t, uint64_t fingerprint)
{
    size_t place = place_of(t, fingerprint);
    if (is_at(t, place, fingerprint))
        return;
    if (t->count == t->capacity) {
        t->capacity = MAX(2 * t->capacity, (size_t)16);
        t->told = mem_realloc(t->told, t->capacity * sizeof(uint64_t));
    }
    memmove(&t->told[place + 1], &t->told[place], (t->count - place) * sizeof(uint64_t));
    t->told[place] = fingerprint;
    t->count++;
}

/* Whether it was there. */
static bool forget(struct telling *t, uint64_t fingerprint)
{
    size_t place = place_of(t, fingerprint);
    if (!is_at(t, place, fingerprint))
        return false;
    t->count--;
    memmove(&t->told[place], &t->told[place + 1], (t->count - place) * sizeof(uint64_t));
    return true;
}

bool telling_is_told(const struct telling *t, const struct alert *a)
{
    return is_at(t, place_of(t, a->fingerprint), a->fingerprint);
}

static void tell(struct telling *t, const struct alert *a, enum alert_change change)
{
    if (change == ALERT_FIRED)
        telling_restore(t, a->fingerprint);
    t->params.tell(t->params.context, a, change);
}

void telling_note(struct telling *t, const struct alert *a, enum alert_change change, int64_t wall_ns)
{
    ASSERT(change != ALERT_NO_CHANGE);
    struct silence_hit by = silences_find(t->silences, a, wall_ns);
    bool is_quiet = by.id || a->hidden[0];
    bool has_to_be_told = change == ALERT_ENDED ? forget(t, a->fingerprint) : !is_quiet;
    if (has_to_be_told)
        tell(t, a, change);
    else
        t->params.pass_over(t->params.context, a, change, by);
}

void telling_step(struct telling *t, const struct alert *a, int64_t wall_ns)
{
    /* One that recovers is about to end: it would be told with a number that is fine. */
    bool is_bad = a->life.state == ALERT_FIRING || (alert_life_is_active(&a->life) && a->rule.keep_ns > 0);
    if (!is_bad || telling_is_told(t, a))
        return;
    if (a->hidden[0] || silences_find(t->silences, a, wall_ns).id)
        return;
    tell(t, a, ALERT_FIRED);
}
