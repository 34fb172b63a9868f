/*
 * calendar.h: what ends when: numbers in the order of their times, put in and taken out in constant time as
 * long as most times lie within CALENDAR_DAYS days. Taken times never go back. Inline: it is most of what a
 * simulation does.
 *
 * A ring of days; each holds the numbers whose time falls on it, in this year of CALENDAR_DAYS days or a
 * later one, sorted; a bit a day tells which have any. The links are the caller's: struct calendar_link by
 * number.
 */
#pragma once
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { CALENDAR_DAYS = 1024, CALENDAR_WORDS = CALENDAR_DAYS / 64 };

struct calendar_link {
    int64_t at_ns;
    uint32_t next; /* 0: the last of its day */
};

struct calendar {
    uint32_t day_shift; /* a day has 2^day_shift ns */
    int64_t day;        /* nothing is before it */
    uint32_t count;
    uint64_t bits[CALENDAR_WORDS];
    uint32_t first[CALENDAR_DAYS]; /* 0: none */
};

/* typical_ns: how far ahead most times lie; the year is some ten times as long. */
static inline void calendar_init(struct calendar *c, int64_t typical_ns)
{
    memset(c, 0, sizeof(*c));
    while (INT64_C(10) * typical_ns >> c->day_shift > CALENDAR_DAYS)
        c->day_shift++;
}

/* links[number].at_ns is set; it is not before any time taken out. number is not 0. */
static inline void calendar_put(struct calendar *c, struct calendar_link *links, uint32_t number)
{
    int64_t at_ns = links[number].at_ns, day = at_ns >> c->day_shift;
    uint32_t slot = (uint32_t)(day & (CALENDAR_DAYS - 1));
    uint32_t *at = &c->first[slot];
    while (*at && links[*at].at_ns <= at_ns)
        at = &links[*at].next;
    links[number].next = *at;
    *at = number;
    c->bits[slot / 64] |= UINT64_C(1) << (slot % 64);
    if (c->count++ == 0 || day < c->day)
        c->day = day;
}

/* Days from `slot` to the next one that has any; some have. */
static inline uint32_t calendar_distance(const struct calendar *c, uint32_t slot)
{
    uint32_t word = slot / 64;
    uint64_t bits = c->bits[word] >> (slot % 64);
    if (bits)
        return (uint32_t)__builtin_ctzll(bits);
    uint32_t distance = 64 - slot % 64;
    for (;; distance += 64) {
        word = (word + 1) % CALENDAR_WORDS;
        if (c->bits[word])
            return distance + (uint32_t)__builtin_ctzll(c->bits[word]);
    }
}

/* Takes the earliest number whose time is not after until_ns; 0: there is none. */
static inline uint32_t calendar_take(struct calendar *c, struct calendar_link *links, int64_t until_ns)
{
    int64_t last = until_ns >> c->day_shift;
    while (c->count && c->day <= last) {
        uint32_t slot = (uint32_t)(c->day & (CALENDAR_DAYS - 1));
        int64_t day = c->day + calendar_distance(c, slot);
        if (day > last) {
            c->day = last;
            return 0;
        }
        c->day = day;
        slot = (uint32_t)(day & (CALENDAR_DAYS - 1));
        uint32_t number = c->first[slot];
        if (links[number].at_ns >> c->day_shift != day) { /* a later year's */
            c->day++;
            continue;
        }
        if (links[number].at_ns > until_ns)
            return 0;
        c->first[slot] = links[number].next;
        if (!c->first[slot])
            c->bits[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
        c->count--;
        return number;
    }
    return 0;
}
