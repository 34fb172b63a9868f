/* live_trial.c: see live_trial.h. */
#include "watch/notify/live_trial.h"

#include "base/arena.h"
#include "base/mem.h"
#include "config/sink.h"
#include "net/job.h"

#include <stdlib.h>

/* With copies of all it needs: it may outlive us. */
struct live_job {
    struct job job;
    struct live_trial *owner; /* borrowed; NULL when that is gone */
    struct arena *arena;      /* owned */
    struct trial trial;
    struct buf lines; /* owned; each ends in '\n' */
    bool is_delivered;
};

struct live_trial {
    struct loop *loop;
    sink_fetch *fetch;
    struct job_pool *pool; /* NULL until the first */
    struct live_job *current;
    char *sink;         /* owned; of the latest; NULL: none yet */
    int64_t timeout_ns; /* of one try of it */
    struct buf lines;
    bool is_delivered;
};

static void on_line(void *context, const char *line)
{
    struct live_job *j = context;
    buf_printf(&j->lines, "%s", line);
    for (char *c = j->lines.ptr + j->lines.len - strlen(line); *c; c++)
        *c = *c == '\n' ? ' ' : *c;
    buf_put_char(&j->lines, '\n');
}

static void run(struct job *job)
{
    struct live_job *j = container_of(job, struct live_job, job);
    j->is_delivered = trial_run(&j->trial);
}

static void on_done(struct job *job, enum job_outcome outcome)
{
    struct live_job *j = container_of(job, struct live_job, job);
    struct live_trial *t = j->owner;
    j->owner = NULL;
    t->current = NULL;
    if (outcome != JOB_DONE)
        return;
    buf_fini(&t->lines);
    t->lines = j->lines;
    j->lines = (struct buf){0};
    t->is_delivered = j->is_delivered;
}

static void release(struct job *job)
{
    struct live_job *j = container_of(job, struct live_job, job);
    buf_fini(&j->lines);
    arena_free(j->arena);
    free(j);
}

struct live_trial *live_trial_new(struct loop *loop, sink_fetch *send)
{
    struct live_trial *t = NEW(struct live_trial);
    t->loop = loop;
    t->fetch = send;
    return t;
}

void live_trial_free(struct live_trial *t)
{
    if (t == NULL)
        return;
    job_pool_free(t->pool, 0);
    buf_fini(&t->lines);
    free(t->sink);
    free(t);
}

static struct live_job *new_job(struct live_trial *t, const struct config_notify *config,
                                const char *external_url)
{
    struct live_job *j = NEW(struct live_job);
    j->job = (struct job){.run = run, .on_done = on_done, .release = release};
    j->owner = t;
    j->arena = arena_new();
    j->trial = (struct trial){.config = config_sink_copy(j->arena, config),
                              .external_url = arena_strdup(j->arena, str_of(external_url)),
                              .fetch = t->fetch,
                              .on_line = on_line,
                              .context = j};
    return j;
}

bool live_trial_start(struct live_trial *t, const struct config_notify *config, const char *external_url,
                      struct err *err)
{
    if (t->current)
        return err_set(err, "a test of the sink %s is under way", t->sink);
    if (!t->pool)
        t->pool = job_pool_new(&(struct job_pool_params){
            .loop = t->loop, .name = "notify-test", .threads_max = 1, .queue_max = 1});
    struct live_job *j = new_job(t, config, external_url);
    if (!t->pool || !job_submit(t->pool, &j->job, 0)) {
        release(&j->job);
        return err_set(err, "no thread can be had for a test now");
    }
    t->current = j;
    free(t->sink);
    t->sink = mem_strdup(config->name.ptr);
    t->timeout_ns = config->pace.timeout_ns;
    buf_clear(&t->lines);
    t->is_delivered = false;
    return true;
}

void live_trial_write(const struct live_trial *t, struct json *j)
{
    struct str rest = buf_str(&t->lines), line;
    if (!t->sink) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    json_put_text(j, "sink", t->sink);
    json_put_double(j, "timeout_seconds", (double)t->timeout_ns / 1e9);
    json_put_bool(j, "is_done", !t->current);
    json_put_bool(j, "is_delivered", t->is_delivered);
    json_key(j, "lines");
    json_begin_array(j);
    while (str_split(&rest, '\n', &line))
        if (line.len)
            json_str(j, line);
    json_end_array(j);
    json_end_object(j);
}
