/* Jobs: done, late, cancelled, refused; and a pool that is freed under a job that hangs. */
#include "net/job.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct work {
    struct job job;
    sem_t *hang;       /* waited for in run; NULL: none */
    struct work *next; /* submitted when this one is done */
    pthread_t ran_on;
    _Atomic int starts, runs;
    int answers;
    enum job_outcome outcome;
};

static struct loop *loop;
static _Atomic int released;
static int answered;

static void run(struct job *j)
{
    struct work *w = container_of(j, struct work, job);
    w->ran_on = pthread_self();
    atomic_fetch_add(&w->starts, 1);
    if (w->hang)
        sem_wait(w->hang);
    atomic_fetch_add(&w->runs, 1);
}

static void on_done(struct job *j, enum job_outcome outcome)
{
    struct work *w = container_of(j, struct work, job);
    w->answers++;
    w->outcome = outcome;
    answered++;
    if (w->next)
        assert_true(job_submit(j->pool, &w->next->job, 0));
}

static void release(struct job *j)
{
    atomic_fetch_add(&released, 1);
}

static struct work work_of(sem_t *hang)
{
    return (struct work){.job = {.run = run, .on_done = on_done, .release = release}, .hang = hang};
}

static void on_stop(struct loop *l, struct timer *t)
{
    loop_stop(l);
}

static void run_for(int64_t ns)
{
    struct timer timer;
    timer_init(&timer, on_stop);
    timer_set(loop, &timer, clock_now_ns() + ns);
    loop_run(loop);
}

/* Ten seconds at most. */
static void wait_answered(int count)
{
    for (int i = 0; i < 2000 && answered < count; i++)
        run_for(5 * NS_PER_MS);
    assert_int_equal(answered, count);
}

static void wait_started(struct work *w)
{
    for (int i = 0; i < 2000 && atomic_load(&w->starts) == 0; i++)
        run_for(5 * NS_PER_MS);
    assert_int_equal(atomic_load(&w->starts), 1);
}

static void wait_released(int count)
{
    for (int i = 0; i < 2000 && atomic_load(&released) < count; i++)
        run_for(5 * NS_PER_MS);
    assert_int_equal(atomic_load(&released), count);
}

static struct job_pool *open_pool(uint32_t threads_max, uint32_t queue_max)
{
    loop = loop_new(NULL);
    answered = 0;
    atomic_store(&released, 0);
    return job_pool_new(&(struct job_pool_params){
        .loop = loop, .name = "test", .threads_max = threads_max, .queue_max = queue_max});
}

static void test_done(void **state)
{
    struct job_pool *p = open_pool(2, 100);
    struct work works[50];
    for (size_t i = 0; i < ARRAY_LEN(works); i++) {
        works[i] = work_of(NULL);
        assert_true(job_submit(p, &works[i].job, clock_now_ns() + 60 * NS_PER_S));
    }
    wait_answered(50);
    wait_released(50);
    for (size_t i = 0; i < ARRAY_LEN(works); i++) {
        assert_true(works[i].answers == 1 && works[i].outcome == JOB_DONE && works[i].runs == 1);
        assert_false(pthread_equal(works[i].ran_on, pthread_self()));
    }
    job_pool_free(p, 0);
    loop_free(loop);
}

static void test_submitted_from_an_answer(void **state)
{
    struct job_pool *p = open_pool(1, 1);
    struct work second = work_of(NULL), first = work_of(NULL);
    first.next = &second;
    assert_true(job_submit(p, &first.job, 0));
    wait_answered(2);
    wait_released(2);
    job_pool_free(p, 0);
    loop_free(loop);
}

/* A job that hangs is late and is not touched until it ends; another thread does the next one. */
static void test_late(void **state)
{
    sem_t hang;
    sem_init(&hang, 0, 0);
    struct job_pool *p = open_pool(2, 10);
    struct work stuck = work_of(&hang), next = work_of(NULL);
    assert_true(job_submit(p, &stuck.job, clock_now_ns() + 20 * NS_PER_MS));
    assert_true(job_submit(p, &next.job, clock_now_ns() + 60 * NS_PER_S));
    wait_answered(2);
    assert_int_equal(stuck.outcome, JOB_LATE);
    assert_int_equal(next.outcome, JOB_DONE);
    wait_released(1);
    sem_post(&hang);
    wait_released(2);
    assert_true(stuck.answers == 1 && stuck.runs == 1);
    job_pool_free(p, 0);
    loop_free(loop);
}

static void test_late_before_it_ran_and_refused(void **state)
{
    sem_t hang;
    sem_init(&hang, 0, 0);
    struct job_pool *p = open_pool(1, 1);
    struct work stuck = work_of(&hang), waiting = work_of(NULL), refused = work_of(NULL);
    assert_true(job_submit(p, &stuck.job, 0));
    wait_started(&stuck);
    assert_true(job_submit(p, &waiting.job, clock_now_ns() + 20 * NS_PER_MS));
    assert_false(job_submit(p, &refused.job, 0)); /* one may wait, and one does */
    wait_answered(1);
    assert_true(waiting.outcome == JOB_LATE && waiting.runs == 0);
    assert_int_equal(atomic_load(&released), 1);
    sem_post(&hang);
    wait_released(2);
    assert_int_equal(refused.answers, 0);
    job_pool_free(p, 0);
    loop_free(loop);
}

static void test_freed_with_jobs(void **state)
{
    sem_t hang;
    sem_init(&hang, 0, 0);
    struct job_pool *p = open_pool(1, 4);
    struct work *stuck = NEW(struct work), waiting = work_of(NULL);
    *stuck = work_of(&hang);
    assert_true(job_submit(p, &stuck->job, 0));
    wait_started(stuck);
    assert_true(job_submit(p, &waiting.job, 0));
    int64_t began_ns = clock_now_ns();
    job_pool_free(p, 30 * NS_PER_MS);
    assert_true(clock_now_ns() - began_ns < 5 * NS_PER_S);
    loop_free(loop);
    assert_true(stuck->answers == 1 && stuck->outcome == JOB_CANCELLED);
    assert_true(waiting.answers == 1 && waiting.outcome == JOB_CANCELLED && waiting.runs == 0);
    assert_int_equal(atomic_load(&released), 1);
    assert_int_equal(job_threads_left_behind(), 1);
    sem_post(&hang); /* the thread that was left behind ends by itself */
    for (int i = 0; i < 2000 && job_threads_left_behind() > 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(atomic_load(&released), 2);
    assert_int_equal(stuck->answers, 1);
    assert_int_equal(job_threads_left_behind(), 0);
    free(stuck);
}

/* What ends within the grace counts as done, although the loop does not run any more. */
static void test_freed_with_grace(void **state)
{
    sem_t hang;
    sem_init(&hang, 0, 0);
    struct job_pool *p = open_pool(1, 4);
    struct work work = work_of(&hang);
    assert_true(job_submit(p, &work.job, 0));
    wait_started(&work);
    sem_post(&hang);
    job_pool_free(p, 10 * NS_PER_S);
    assert_true(work.answers == 1 && work.outcome == JOB_DONE);
    assert_int_equal(atomic_load(&released), 1);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_done),
        cmocka_unit_test(test_submitted_from_an_answer),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_late_before_it_ran_and_refused),
        cmocka_unit_test(test_freed_with_jobs),
        cmocka_unit_test(test_freed_with_grace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
