/*
 * burn.c: see burn.h.
 *
 * Two rings, of minutes and of hours, indexed by the number of the minute or hour since the clock's
 * beginning. A slot is zeroed when its time comes round again, so time that passes without a call (a stop of
 * the worker, a suspended machine) is time without requests. For each window there is a running sum of its
 * whole minutes, so that a rate costs the same whatever the window is; it is exact, for all are whole
 * numbers.
 *
 * Invariant: sums[w] = the minutes (minute - w, minute) of the ring, both ends left out: the present minute
 * is not over, and the oldest counts by its share that is still within the window.
 */
#include "watch/burn.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <stdlib.h>

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS   (60 * MINUTE_NS)

enum { MINUTE_SLOTS = BURN_MINUTES + 1, HOUR_SLOTS = BURN_HOURS_MAX + 1 };

struct slot {
    uint32_t total, bad; /* saturate */
};

struct sums {
    uint64_t total, bad;
};

struct burn {
    int64_t minute, hour; /* the present ones */
    struct slot minutes[MINUTE_SLOTS];
    struct sums hours[HOUR_SLOTS];
    struct sums windows[BURN_WINDOW_COUNT];
};

#define BURN_WINDOW_MINUTES(id, minutes, pair) (minutes),
static const uint32_t window_minutes[] = {BURN_WINDOWS(BURN_WINDOW_MINUTES)};
#define BURN_WINDOW_PAIR(id, minutes, pair) (pair),
static const uint32_t pair_minutes[] = {BURN_WINDOWS(BURN_WINDOW_PAIR)};

struct burn *burn_new(int64_t now_ns)
{
    struct burn *b = NEW(struct burn);
    b->minute = now_ns / MINUTE_NS;
    b->hour = now_ns / HOUR_NS;
    return b;
}

void burn_free(struct burn *b)
{
    free(b);
}

/* Of times before the clock's beginning, too. */
static size_t slot_index(int64_t number, size_t slots)
{
    int64_t rest = number % (int64_t)slots;
    return (size_t)(rest < 0 ? rest + (int64_t)slots : rest);
}

static struct slot *minute_at(const struct burn *b, int64_t minute)
{
    return (struct slot *)&b->minutes[slot_index(minute, MINUTE_SLOTS)];
}

static void go_on_minute(struct burn *b)
{
    for (size_t w = 0; w < BURN_WINDOW_COUNT; w++) {
        const struct slot *closed = minute_at(b, b->minute),
                          *leaving = minute_at(b, b->minute + 1 - window_minutes[w]);
        b->windows[w].total += closed->total - (uint64_t)leaving->total;
        b->windows[w].bad += closed->bad - (uint64_t)leaving->bad;
    }
    b->minute++;
    *minute_at(b, b->minute) = (struct slot){0};
}

/* Nothing that is kept is younger than all there is. */
static void go_on(struct burn *b, int64_t now_ns)
{
    int64_t minute = now_ns / MINUTE_NS, hour = now_ns / HOUR_NS;
    if (minute - b->minute > MINUTE_SLOTS) {
        memset(b->minutes, 0, sizeof(b->minutes));
        memset(b->windows, 0, sizeof(b->windows));
        b->minute = minute;
    }
    while (b->minute < minute)
        go_on_minute(b);
    for (int64_t steps = 0; b->hour < hour; steps++) {
        b->hour = steps < HOUR_SLOTS ? b->hour + 1 : hour;
        b->hours[slot_index(b->hour, HOUR_SLOTS)] = (struct sums){0};
    }
}

static uint32_t add_saturating(uint32_t a, uint64_t b)
{
    return (uint32_t)MIN((uint64_t)a + MIN(b, (uint64_t)UINT32_MAX), (uint64_t)UINT32_MAX);
}

void burn_add(struct burn *b, uint64_t total, uint64_t bad, int64_t now_ns)
{
    burn_restore(b, 0, total, MIN(bad, total), now_ns);
}

static void add_to_windows(struct burn *b, uint32_t minutes_ago, struct slot before, struct slot after)
{
    for (size_t w = 0; w < BURN_WINDOW_COUNT; w++)
        if (minutes_ago > 0 && minutes_ago < window_minutes[w]) {
            b->windows[w].total += after.total - before.total;
            b->windows[w].bad += after.bad - before.bad;
        }
}

void burn_restore(struct burn *b, uint32_t minutes_ago, uint64_t total, uint64_t bad, int64_t now_ns)
{
    go_on(b, now_ns);
    int64_t minute = b->minute - minutes_ago, hours_ago = b->hour - minute * MINUTE_NS / HOUR_NS;
    if (minutes_ago <= BURN_MINUTES) {
        struct slot *slot = minute_at(b, minute), before = *slot;
        *slot = (struct slot){add_saturating(slot->total, total), add_saturating(slot->bad, bad)};
        add_to_windows(b, minutes_ago, before, *slot);
    }
    if (hours_ago <= BURN_HOURS_MAX) {
        struct sums *hour = &b->hours[slot_index(b->hour - hours_ago, HOUR_SLOTS)];
        hour->total += total;
        hour->bad += bad;
    }
}

/* What whole minutes and the parts of two make together; sums may be of an earlier minute than now. */
static struct burn_count count_of(const struct burn *b, struct sums whole, uint32_t minutes, int64_t now_ns)
{
    const struct slot *present = minute_at(b, b->minute), *oldest = minute_at(b, b->minute - minutes);
    double left = 1 - (double)(now_ns % MINUTE_NS) / (double)MINUTE_NS;
    return (struct burn_count){.total = (double)(whole.total + present->total) + left * oldest->total,
                               .bad = (double)(whole.bad + present->bad) + left * oldest->bad};
}

static struct burn_count count_window(const struct burn *b, enum burn_window window, int64_t now_ns)
{
    return count_of(b, b->windows[window], window_minutes[window], now_ns);
}

struct burn_count burn_count(const struct burn *b, uint32_t minutes, int64_t now_ns)
{
    struct sums whole = {0};
    ASSERT(minutes >= 1 && minutes <= BURN_MINUTES);
    for (uint32_t ago = 1; ago < minutes; ago++) {
        whole.total += minute_at(b, b->minute - ago)->total;
        whole.bad += minute_at(b, b->minute - ago)->bad;
    }
    return count_of(b, whole, minutes, now_ns);
}

struct burn_count burn_minute(const struct burn *b, uint32_t minutes_ago, int64_t now_ns)
{
    int64_t minute = now_ns / MINUTE_NS - minutes_ago;
    if (minute > b->minute || minute < b->minute - BURN_MINUTES)
        return (struct burn_count){0};
    return (struct burn_count){.total = minute_at(b, minute)->total, .bad = minute_at(b, minute)->bad};
}

double burn_factor(double budget_share, int64_t period_ns, int64_t window_ns)
{
    return budget_share * (double)period_ns / (double)window_ns;
}

static enum burn_window window_of(uint32_t minutes)
{
    size_t w = 0;
    while (window_minutes[w] != minutes)
        w++;
    return (enum burn_window)w;
}

struct reading burn_rate(const struct burn *b, enum burn_window window, const struct burn_objective *o,
                         int64_t now_ns)
{
    ASSERT(window < BURN_WINDOW_COUNT && o->budget > 0);
    struct burn_count count = count_window(b, window, now_ns);
    if (count.total <= 0)
        return reading_unknown("no requests");
    double rate = count.bad / count.total / o->budget;
    if (rate > 1 && count_window(b, window_of(pair_minutes[window]), now_ns).bad < o->bad_min)
        return reading_unknown("not enough traffic");
    return reading_known(rate * ((double)BURN_SCALE_NS / (double)o->period_ns));
}

struct reading burn_budget_left(const struct burn *b, const struct burn_objective *o, int64_t now_ns)
{
    struct burn_count count = {0};
    int64_t hours = MIN(o->period_ns / HOUR_NS, (int64_t)BURN_HOURS_MAX);
    for (int64_t ago = 0; ago < hours; ago++) {
        const struct sums *hour = &b->hours[slot_index(b->hour - ago, HOUR_SLOTS)];
        count.total += (double)hour->total;
        count.bad += (double)hour->bad;
    }
    if (count.total <= 0)
        return reading_unknown("no requests");
    double left = 100 * (1 - count.bad / (count.total * o->budget));
    return left < 0 && count.bad < o->bad_min ? reading_unknown("not enough traffic") : reading_known(left);
}
