/*
 * Between the error budgets of watch and the store: what was counted by the minute is read back at the start,
 * series after series, so that the store's queue stays free for what is to be written, and handed over anew
 * every ten seconds: so a crash loses no more than that.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "control/control_priv.h"
#include "store/store.h"
#include "watch/burn.h"
#include "watch/objectives.h"

#include <stdlib.h>

enum { POINTS_MAX = 4096 }; /* in one write; further ones wait for the next */
#define SAVE_NS  (10 * NS_PER_S)
#define RETRY_NS (1 * NS_PER_S) /* the store is not open yet, or has much to do */

struct budgeting {
    struct control *control;
    struct timer timer;
    uint32_t slot;                        /* of the service that is being read; FLEET_SERVICES_MAX: all are */
    uint32_t series;                      /* the next of its series */
    char reading[OBJECTIVE_SERIES_BYTES]; /* "": none is under way */
    size_t count;
    struct database_point points[POINTS_MAX];
    char names[POINTS_MAX][OBJECTIVE_SERIES_BYTES];
};

static const struct service *service_at(const struct budgeting *b, uint32_t slot)
{
    fleet_for_each_service (b->control->fleet, s)
        if (s->slot == slot)
            return s;
    return NULL;
}

/* ---- reading ---- */

static void read_next(struct budgeting *b);

static void on_series(void *context, const struct database_value *values, size_t count)
{
    struct budgeting *b = context;
    const struct service *s = service_at(b, b->slot);
    for (size_t i = 0; s && i < count; i++)
        objectives_restore(watch_objectives(b->control->watch),
                           &(struct objective_point){.service = str_of(s->name),
                                                     .series = b->reading,
                                                     .minute = values[i].minute,
                                                     .value = values[i].value},
                           clock_now_ns(), clock_wall_ns());
    b->reading[0] = '\0';
    b->series++;
    read_next(b);
}

/* False: the store cannot take the question now. */
static bool read_series(struct budgeting *b, const struct service *s)
{
    char names[OBJECTIVE_SERIES_MAX][OBJECTIVE_SERIES_BYTES];
    int64_t minute = clock_wall_ns() / (60 * NS_PER_S);
    objectives_series(watch_objectives(b->control->watch), str_of(s->name), names);
    while (b->series < OBJECTIVE_SERIES_MAX && !names[b->series][0])
        b->series++;
    if (b->series == OBJECTIVE_SERIES_MAX)
        return true;
    str_copy(b->reading, sizeof(b->reading), str_of(names[b->series]));
    bool is_asked = store_range(keeping_store(b->control), str_of(s->name), str_of(b->reading),
                                minute - (int64_t)BURN_HOURS_MAX * 60, minute, on_series, b);
    if (!is_asked)
        b->reading[0] = '\0';
    return is_asked;
}

static void read_next(struct budgeting *b)
{
    for (; b->slot < FLEET_SERVICES_MAX; b->slot++, b->series = 0) {
        const struct service *s = service_at(b, b->slot);
        if (!s)
            continue;
        if (!read_series(b, s) || b->reading[0])
            return;
        objectives_note_restored(watch_objectives(b->control->watch), str_of(s->name));
    }
}

/* ---- writing ---- */

static void take_point(void *context, const struct objective_point *p)
{
    struct budgeting *b = context;
    if (b->count == POINTS_MAX)
        return;
    str_copy(b->names[b->count], OBJECTIVE_SERIES_BYTES, str_of(p->series));
    b->points[b->count] = (struct database_point){
        .service = p->service, .name = str_of(b->names[b->count]), .minute = p->minute, .value = p->value};
    b->count++;
}

static void save(struct budgeting *b)
{
    b->count = 0;
    objectives_save(watch_objectives(b->control->watch), clock_now_ns(), clock_wall_ns(), take_point, b);
    if (b->count)
        (void)store_append(keeping_store(b->control), b->points, b->count);
}

static void on_tick(struct loop *loop, struct timer *t)
{
    struct budgeting *b = container_of(t, struct budgeting, timer);
    if (b->slot < FLEET_SERVICES_MAX && !b->reading[0])
        read_next(b);
    save(b);
    timer_set(loop, t, loop_now_ns(loop) + (b->slot < FLEET_SERVICES_MAX ? RETRY_NS : SAVE_NS));
}

void budgeting_start(struct control *c)
{
    if (!keeping_store(c))
        return;
    c->budgeting = NEW(struct budgeting);
    c->budgeting->control = c;
    timer_init(&c->budgeting->timer, on_tick);
    timer_set(c->loop, &c->budgeting->timer,
              clock_now_ns() + RETRY_NS); /* the first tick knows the services */
}

void budgeting_stop(struct control *c)
{
    if (!c->budgeting)
        return;
    timer_cancel(&c->budgeting->timer);
    save(c->budgeting);
    free(c->budgeting);
    c->budgeting = NULL;
}
