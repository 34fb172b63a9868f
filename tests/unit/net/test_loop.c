/* The loop: timers in order and on time, moved deadlines, messages from other threads, tasks, removal in
 * mid-turn. */
#include "base/clock.h"
#include "net/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

struct probe {
    struct timer timer;
    int64_t fired_ns;
    int order;
};

static int fired_count;
static int stop_after;

static void on_fire(struct loop *l, struct timer *t)
{
    struct probe *p = container_of(t, struct probe, timer);
    p->fired_ns = loop_now_ns(l);
    p->order = fired_count++;
    if (fired_count == stop_after)
        loop_stop(l);
}

static void timers_fire_in_order_of_their_deadlines(void **state)
{
    static const int after_ms[] = {70, 1, 130, 3, 64, 65, 63, 2, 0, 128};
    struct probe probes[ARRAY_LEN(after_ms)];
    struct loop *l = loop_new(NULL);
    int64_t start = loop_now_ns(l);
    fired_count = 0;
    stop_after = ARRAY_LEN(after_ms);
    for (size_t i = 0; i < ARRAY_LEN(after_ms); i++) {
        timer_init(&probes[i].timer, on_fire);
        timer_set(l, &probes[i].timer, start + after_ms[i] * NS_PER_MS);
    }
    loop_run(l);
    for (size_t i = 0; i < ARRAY_LEN(after_ms); i++) {
        assert_true(probes[i].fired_ns >= start + after_ms[i] * NS_PER_MS);
        for (size_t k = 0; k < ARRAY_LEN(after_ms); k++)
            if (after_ms[k] > after_ms[i] + 1)
                assert_true(probes[k].order > probes[i].order);
    }
    loop_free(l);
}

static void a_moved_deadline_counts_and_a_cancelled_one_does_not(void **state)
{
    struct probe later, earlier, cancelled, end;
    struct loop *l = loop_new(NULL);
    int64_t start = loop_now_ns(l);
    fired_count = 0;
    stop_after = 3;
    timer_init(&later.timer, on_fire);
    timer_init(&earlier.timer, on_fire);
    timer_init(&cancelled.timer, on_fire);
    timer_init(&end.timer, on_fire);
    timer_set(l, &later.timer, start + 2 * NS_PER_MS);
    timer_set(l, &later.timer, start + 80 * NS_PER_MS);
    timer_set(l, &earlier.timer, start + 5000 * NS_PER_MS);
    timer_set(l, &earlier.timer, start + 3 * NS_PER_MS);
    timer_set(l, &cancelled.timer, start + 4 * NS_PER_MS);
    timer_set(l, &end.timer, start + 100 * NS_PER_MS);
    timer_cancel(&cancelled.timer);
    assert_false(timer_is_set(&cancelled.timer));
    loop_run(l);
    assert_int_equal(earlier.order, 0);
    assert_int_equal(later.order, 1);
    assert_true(later.fired_ns >= start + 80 * NS_PER_MS);
    assert_true(earlier.fired_ns < start + 5000 * NS_PER_MS);
    loop_free(l);
}

enum { POSTS = 2000, POSTERS = 3 };

struct post {
    struct message message;
    int poster, number;
};

struct receiver {
    int last[POSTERS];
    int count;
};

static void on_post(struct loop *l, struct message *m)
{
    struct post *p = container_of(m, struct post, message);
    struct receiver *r = loop_user(l);
    assert_int_equal(p->number, r->last[p->poster] + 1); /* each poster's messages come in their order */
    r->last[p->poster] = p->number;
    free(p);
    if (++r->count == POSTS * POSTERS)
        loop_stop(l);
}

struct poster {
    struct loop *loop;
    int index;
};

static void *post_many(void *arg)
{
    struct poster *poster = arg;
    for (int i = 1; i <= POSTS; i++) {
        struct post *p = calloc(1, sizeof(*p));
        *p = (struct post){.message.on_receive = on_post, .poster = poster->index, .number = i};
        loop_post(poster->loop, &p->message);
    }
    return NULL;
}

static void messages_of_many_threads_all_arrive_in_order(void **state)
{
    struct receiver receiver = {0};
    struct loop *l = loop_new(&receiver);
    pthread_t threads[POSTERS];
    struct poster posters[POSTERS];
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){l, i};
        pthread_create(&threads[i], NULL, post_many, &posters[i]);
    }
    loop_run(l);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(receiver.count, POSTS * POSTERS);
    loop_free(l);
}

struct pair {
    struct handle a, b;
    int events;
};

static void remove_the_other(struct loop *l, struct handle *h, uint32_t events)
{
    struct pair *p = loop_user(l);
    p->events++;
    loop_remove(l, h == &p->a ? &p->b : &p->a);
    loop_stop(l);
}

static void a_handle_removed_in_mid_turn_gets_no_event(void **state)
{
    struct pair pair = {0};
    int pipe_a[2], pipe_b[2];
    struct loop *l = loop_new(&pair);
    assert_int_equal(pipe(pipe_a), 0);
    assert_int_equal(pipe(pipe_b), 0);
    pair.a = (struct handle){pipe_a[0], remove_the_other};
    pair.b = (struct handle){pipe_b[0], remove_the_other};
    assert_true(loop_add(l, &pair.a, EPOLLIN | EPOLLET));
    assert_true(loop_add(l, &pair.b, EPOLLIN | EPOLLET));
    assert_int_equal(write(pipe_a[1], "x", 1), 1);
    assert_int_equal(write(pipe_b[1], "x", 1), 1);
    loop_run(l);
    assert_int_equal(pair.events, 1);
    for (int i = 0; i < 2; i++) {
        close(pipe_a[i]);
        close(pipe_b[i]);
    }
    loop_free(l);
}

struct counting {
    struct task task;
    struct deferred deferred;
    int runs, deferred_after_runs;
};

static void on_deferred(struct loop *l, struct deferred *d)
{
    struct counting *c = container_of(d, struct counting, deferred);
    c->deferred_after_runs = c->runs;
    loop_stop(l);
}

static void on_task(struct loop *l, struct task *t)
{
    struct counting *c = container_of(t, struct counting, task);
    if (++c->runs < 3)
        loop_again(l, t);
    else
        loop_defer(l, &c->deferred);
}

static void tasks_run_once_a_turn_and_frees_come_last(void **state)
{
    struct counting c = {.task.run = on_task, .deferred.run = on_deferred};
    struct loop *l = loop_new(NULL);
    list_init(&c.task.link);
    loop_again(l, &c.task);
    loop_again(l, &c.task);
    loop_run(l);
    assert_int_equal(c.runs, 3);
    assert_int_equal(c.deferred_after_runs, 3);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_of_their_deadlines),
        cmocka_unit_test(a_moved_deadline_counts_and_a_cancelled_one_does_not),
        cmocka_unit_test(messages_of_many_threads_all_arrive_in_order),
        cmocka_unit_test(a_handle_removed_in_mid_turn_gets_no_event),
        cmocka_unit_test(tasks_run_once_a_turn_and_frees_come_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
