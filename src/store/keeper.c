/* keeper.c: see keeper.h. One mutex, held for a few instructions. */
#include "store/keeper.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct keeper {
    pthread_mutex_t mutex; /* guards refs and done */
    pthread_cond_t changed;
    uint32_t refs;
    uint64_t done;
    void *file;
    void (*free_file)(void *file);
};

struct keeper *keeper_new(void *file, void (*free_file)(void *file))
{
    struct keeper *k = NEW(struct keeper);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&k->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&k->mutex, NULL);
    k->refs = 1;
    k->file = file;
    k->free_file = free_file;
    return k;
}

struct keeper *keeper_ref(struct keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    k->refs++;
    pthread_mutex_unlock(&k->mutex);
    return k;
}

void keeper_unref(struct keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    bool is_last = --k->refs == 0;
    pthread_mutex_unlock(&k->mutex);
    if (!is_last)
        return;
    k->free_file(k->file);
    pthread_mutex_destroy(&k->mutex);
    pthread_cond_destroy(&k->changed);
    free(k);
}

void *keeper_file(struct keeper *k)
{
    return k->file;
}

void keeper_count_done(struct keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    k->done++;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->mutex);
}

uint64_t keeper_done(struct keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    uint64_t done = k->done;
    pthread_mutex_unlock(&k->mutex);
    return done;
}

bool keeper_wait(struct keeper *k, uint64_t number, int64_t wait_ns)
{
    int64_t until_ns = clock_now_ns() + wait_ns;
    struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};
    pthread_mutex_lock(&k->mutex);
    while (k->done < number && pthread_cond_timedwait(&k->changed, &k->mutex, &until) == 0)
        continue;
    bool is_done = k->done >= number;
    pthread_mutex_unlock(&k->mutex);
    return is_done;
}
