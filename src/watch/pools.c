/*
 * pools.c: see pools.h.
 *
 * A dataset tells the space of its own and what the pool has left, so the fuller the pool the fuller are all
 * of them. The sum of their sizes would be nearer to how full the pool is, and wrong where clones share
 * blocks or snapshots hold some: nobody but the engine knows. What is told is the number of the fullest,
 * which df shows as well; that is never too much.
 *
 * "About as much" is within a tenth, for they are not measured at the same moment. Who has the most in use is
 * the fullest among them, to a point or so; so no alert is lost that one of them alone would have raised.
 */
#include "watch/pools.h"

#include "base/macros.h"

#include <string.h>

#define ABOUT_AS_MUCH 0.9
#define CLEARLY_MORE  1.1

void pools_name(struct str type, struct str source, char ret_pool[HOST_POOL_BYTES])
{
    struct str pool = {0};
    if (str_eq(type, STR("zfs")))
        (void)str_split(&source, '/', &pool);
    str_copy(ret_pool, HOST_POOL_BYTES, pool.len < HOST_POOL_BYTES ? pool : STR(""));
}

static bool is_member(const struct disk_sample *s)
{
    return s->pool[0] && s->percent.is_known;
}

/* Whether b is of those that share what a has left. */
static bool share(const struct disk_sample *a, const struct disk_sample *b)
{
    double left_a = (double)a->available_bytes, left_b = (double)b->available_bytes;
    return strcmp(a->pool, b->pool) == 0 && MIN(left_a, left_b) >= MAX(left_a, left_b) * ABOUT_AS_MUCH;
}

/* The one with the most left that has no group yet. */
static struct disk_sample *find_widest(struct disk_sample *const samples[], const bool *is_settled,
                                       uint32_t count)
{
    struct disk_sample *widest = NULL;
    for (uint32_t i = 0; i < count; i++)
        if (!is_settled[i] && is_member(samples[i]) &&
            (!widest || samples[i]->available_bytes > widest->available_bytes))
            widest = samples[i];
    return widest;
}

/* Of equals the one with the shortest path. */
static bool is_before(const struct disk_sample *a, const struct disk_sample *b)
{
    double used_a = (double)a->used_bytes * (a->pool_mounts ? CLEARLY_MORE : 1);
    double used_b = (double)b->used_bytes * (b->pool_mounts ? CLEARLY_MORE : 1);
    if (used_a != used_b)
        return used_a > used_b;
    return strlen(a->path) < strlen(b->path);
}

void pools_settle(struct disk_sample *const samples[], uint32_t count)
{
    bool is_settled[HOST_DISKS_MAX] = {false};
    struct disk_sample *widest;
    ASSERT(count <= HOST_DISKS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        samples[i]->is_spoken_for = false;
        if (!is_member(samples[i]))
            samples[i]->pool_mounts = 0;
    }
    while ((widest = find_widest(samples, is_settled, count)) != NULL) {
        struct disk_sample *speaker = NULL;
        uint32_t mounts = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (is_settled[i] || !is_member(samples[i]) || !share(widest, samples[i]))
                continue;
            is_settled[i] = samples[i]->is_spoken_for = true;
            mounts++;
            if (!speaker || is_before(samples[i], speaker))
                speaker = samples[i];
        }
        ASSERT(speaker);
        speaker->is_spoken_for = false;
        speaker->pool_mounts = mounts;
    }
    for (uint32_t i = 0; i < count; i++)
        if (samples[i]->is_spoken_for || samples[i]->pool_mounts == 1)
            samples[i]->pool_mounts = 0;
}

double pools_fill_level(const struct disk_sample *s)
{
    bool is_shared = s->pool[0] && s->pool[0] != '/'; /* of a device alone the bytes in use say the same */
    return is_shared ? -(double)s->available_bytes : (double)s->used_bytes;
}
