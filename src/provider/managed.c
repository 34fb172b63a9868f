/*
 * The shell around a roster: a timer that asks it for the next call, a job that makes the call, an answer
 * that goes back to it. wait() runs in a second job beside them.
 *
 * A call that outlives its deadline is answered as failed; the next one is made when the late one has
 * returned, as drivers are promised one call at a time. At the end what hangs is given a moment, and is then
 * left behind with its driver: the process is going to end anyway.
 */
#include "provider/managed.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/job.h"
#include "provider/roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LATE_GRACE_NS  (2 * NS_PER_S)  /* drivers keep their deadlines; who does not is late so much later */
#define WAIT_NS        (60 * NS_PER_S) /* one wait() */
#define WAIT_GAP_NS    (100 * NS_PER_MS) /* between two, whatever the engine has to say */
#define CLOSE_GRACE_NS (2 * NS_PER_S)

/* What the threads use. */
struct engine {
    const struct driver_ops *ops;
    struct driver *driver;
    atomic_bool is_cancelled;
};

struct managed {
    struct provider provider;
    struct provider_ops ops; /* provider.ops, with the driver's name */
    struct loop *loop;
    const struct config_service *service;
    struct engine *engine;
    struct roster *roster;
    struct job_pool *pool;
    struct timer turn, wait;
    uint32_t jobs; /* not released yet */
    bool is_calling, is_waiting, is_closing;
};

struct engine_job {
    struct job job;
    struct managed *self; /* NULL: nobody cares any more */
    struct engine *engine;
    struct roster_call call; /* kind WAIT: wait() */
    struct driver_call limits;
    struct roster_answer answer;
};

static struct managed *self_of(const struct provider *p)
{
    return container_of((struct provider *)p, struct managed, provider);
}

static struct engine_job *job_of(struct job *j)
{
    return container_of(j, struct engine_job, job);
}

/* --- on a job thread --------------------------------------------------------------------------------- */

static bool call_driver(const struct engine *e, const struct roster_call *call,
                        const struct driver_call *limits, struct roster_answer *a)
{
    switch (call->kind) {
    case DRIVER_CALL_LIST:
        return e->ops->list(e->driver, limits, &a->list, &a->failure);
    case DRIVER_CALL_START:
        return e->ops->start(e->driver, limits, call->key, &a->instance, &a->failure);
    case DRIVER_CALL_STOP:
        return e->ops->stop(e->driver, limits, &call->instance, call->stop_timeout_ns, &a->failure);
    case DRIVER_CALL_SET_COUNT:
        return e->ops->set_count(e->driver, limits, call->count, call->count_before, &a->failure);
    default:
        return e->ops->wait(e->driver, limits, &a->failure);
    }
}

static void run(struct job *j)
{
    struct engine_job *job = job_of(j);
    job->answer.is_good = call_driver(job->engine, &job->call, &job->limits, &job->answer);
}

/* --- on control's thread ----------------------------------------------------------------------------- */

static void take_turn(struct managed *self);
static void wait_for_change(struct managed *self);

static void on_done(struct job *j, enum job_outcome outcome)
{
    struct engine_job *job = job_of(j);
    struct managed *self = job->self;
    struct roster_answer late = {0};
    if (outcome == JOB_CANCELLED && j->stage == JOB_RUNNING)
        job->self = NULL; /* it hangs: its own thread releases it, later */
    if (outcome == JOB_CANCELLED || self->is_closing)
        return;
    if (outcome == JOB_LATE)
        (void)driver_fail(&late.failure, DRIVER_FAULT_RETRYABLE, "no answer in time");
    const struct roster_answer *answer = outcome == JOB_LATE ? &late : &job->answer;
    int64_t now_ns = loop_now_ns(self->loop);
    if (job->call.kind == DRIVER_CALL_WAIT)
        roster_wait_answer(self->roster, answer, now_ns);
    else
        roster_answer(self->roster, &job->call, answer, now_ns);
}

static void release(struct job *j)
{
    struct engine_job *job = job_of(j);
    struct managed *self = job->self;
    bool is_wait = job->call.kind == DRIVER_CALL_WAIT;
    free(job->answer.list.items);
    free(job);
    if (!self)
        return;
    self->jobs--;
    if (self->is_closing)
        return;
    if (is_wait) {
        self->is_waiting = false;
        wait_for_change(self);
    } else {
        self->is_calling = false;
    }
    take_turn(self);
}

static int64_t timeout_ns(const struct managed *self, const struct roster_call *call)
{
    int64_t usual_ns = self->service->scale.engine.timeout_ns;
    switch (call->kind) {
    case DRIVER_CALL_WAIT:
        return WAIT_NS;
    case DRIVER_CALL_START:
        return MAX(usual_ns, self->service->scale.start_timeout_ns);
    case DRIVER_CALL_STOP:
        return usual_ns + call->stop_timeout_ns;
    default:
        return usual_ns;
    }
}

static bool submit(struct managed *self, const struct roster_call *call)
{
    struct engine_job *job = NEW(struct engine_job);
    int64_t deadline_ns = clock_now_ns() + timeout_ns(self, call);
    job->job = (struct job){.run = run, .on_done = on_done, .release = release};
    job->self = self;
    job->engine = self->engine;
    job->call = *call;
    job->limits = (struct driver_call){deadline_ns, &self->engine->is_cancelled};
    if (job_submit(self->pool, &job->job, deadline_ns + LATE_GRACE_NS)) {
        self->jobs++;
        return true;
    }
    free(job);
    return false;
}

static void fail_at_once(struct managed *self, const struct roster_call *call)
{
    struct roster_answer answer = {0};
    (void)driver_fail(&answer.failure, DRIVER_FAULT_RETRYABLE, "no thread can be started for it");
    roster_answer(self->roster, call, &answer, loop_now_ns(self->loop));
}

static void take_turn(struct managed *self)
{
    struct roster_call call;
    int64_t again_ns = INT64_MAX;
    if (self->is_calling)
        return;
    while (roster_next(self->roster, loop_now_ns(self->loop), &call, &again_ns)) {
        self->is_calling = submit(self, &call);
        if (self->is_calling)
            return;
        fail_at_once(self, &call);
    }
    if (again_ns != INT64_MAX)
        timer_set(self->loop, &self->turn, again_ns);
}

static void on_turn(struct loop *loop, struct timer *t)
{
    take_turn(container_of(t, struct managed, turn));
}

/* Soon, not from inside the call that made it necessary. */
static void turn_soon(struct managed *self)
{
    timer_set(self->loop, &self->turn, loop_now_ns(self->loop));
}

static void on_wait(struct loop *loop, struct timer *t)
{
    struct managed *self = container_of(t, struct managed, wait);
    self->is_waiting = submit(self, &(struct roster_call){.kind = DRIVER_CALL_WAIT});
    if (!self->is_waiting)
        wait_for_change(self);
}

static void wait_for_change(struct managed *self)
{
    if (!(self->engine->ops->capabilities & DRIVER_TELLS_CHANGES) || self->is_waiting)
        return;
    int64_t now_ns = loop_now_ns(self->loop);
    timer_set(self->loop, &self->wait, MAX(roster_wait_ns(self->roster, now_ns), now_ns + WAIT_GAP_NS));
}

/* --- provider_ops ------------------------------------------------------------------------------------ */

static bool managed_start(struct provider *p, const char *key, const struct config_service *service,
                          struct err *err)
{
    struct managed *self = self_of(p);
    roster_start(self->roster, key);
    turn_soon(self);
    return true;
}

static void managed_stop(struct provider *p, const char *key, int64_t stop_timeout_ns)
{
    struct managed *self = self_of(p);
    roster_stop(self->roster, key, stop_timeout_ns, loop_now_ns(self->loop));
    turn_soon(self);
}

static void managed_observe(struct provider *p)
{
    struct managed *self = self_of(p);
    roster_observe(self->roster, loop_now_ns(self->loop));
    turn_soon(self);
}

static void managed_status(const struct provider *p, struct provider_status *ret_status)
{
    *ret_status = roster_status(self_of(p)->roster);
}

/* What hangs is left behind: its thread still uses the driver. */
static void managed_free(struct provider *p)
{
    struct managed *self = self_of(p);
    struct engine *engine = self->engine;
    self->is_closing = true;
    timer_cancel(&self->turn);
    timer_cancel(&self->wait);
    atomic_store_explicit(&engine->is_cancelled, true, memory_order_relaxed);
    job_pool_free(self->pool, CLOSE_GRACE_NS);
    if (self->jobs == 0) {
        engine->ops->close(engine->driver);
        free(engine);
    }
    roster_free(self->roster);
    free(self);
}

/* --- making ------------------------------------------------------------------------------------------ */

static struct engine *open_engine(const struct managed_params *params, struct err *err)
{
    struct engine *e = NEW(struct engine);
    const struct str owner = params->service->scale.engine.owner;
    e->ops = params->driver;
    atomic_init(&e->is_cancelled, false);
    e->driver = e->ops->open(params->service, owner.len ? owner.ptr : "weir", err);
    if (e->driver)
        return e;
    free(e);
    return NULL;
}

struct provider *managed_provider_new(const struct managed_params *params, struct err *err)
{
    const struct config_engine *config = &params->service->scale.engine;
    struct job_pool_params pool = {
        .loop = params->loop, .name = "weir-engine", .threads_max = 2, .queue_max = 2};
    struct engine *engine = open_engine(params, err);
    if (!engine)
        return NULL;
    struct managed *self = NEW(struct managed);
    self->ops = (struct provider_ops){.name = params->driver->name,
                                      .start = managed_start,
                                      .stop = managed_stop,
                                      .observe = managed_observe,
                                      .status = managed_status,
                                      .free = managed_free};
    self->provider = (struct provider){&self->ops, params->sink};
    self->loop = params->loop;
    self->service = params->service;
    self->engine = engine;
    self->pool = job_pool_new(&pool);
    if (!self->pool) {
        (void)err_set_errno(err, errno, "making threads for provider %s", params->driver->name);
        engine->ops->close(engine->driver);
        free(engine);
        free(self);
        return NULL;
    }
    struct roster_params roster = {.provider = &self->provider,
                                   .sink = params->sink,
                                   .service = params->service->name.ptr,
                                   .capabilities = params->driver->capabilities,
                                   .poll_ns = config->poll_ns,
                                   .calls_per_second = config->calls_per_second,
                                   .seed = params->seed};
    self->roster = roster_new(&roster, clock_now_ns());
    timer_init(&self->turn, on_turn);
    timer_init(&self->wait, on_wait);
    turn_soon(self);
    wait_for_change(self);
    return &self->provider;
}

void managed_provider_end_all(struct provider *p)
{
    struct managed *self = self_of(p);
    roster_end_all(self->roster, self->service->scale.stop_timeout_ns, loop_now_ns(self->loop));
    turn_soon(self);
}

bool managed_provider_has_ended_all(const struct provider *p)
{
    return roster_is_empty(self_of(p)->roster);
}
