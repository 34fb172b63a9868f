/* The queue: first come first served, bounded, exact under many threads, and no waiter forgotten or granted
 * twice. */
#include "base/clock.h"
#include "base/random.h"
#include "fleet/fleet.h"
#include "proxy/queue.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define S NS_PER_S

static struct fleet *fleet;
static struct service *service;
static struct server *server;

static int set_up(void **state)
{
    struct addr address;
    const char *problem;
    fleet = fleet_new(1);
    service = fleet_add_service(fleet, STR("shop"));
    service->queue = queue_new();
    assert_true(addr_parse(STR("127.0.0.1:1"), &address, &problem));
    server = fleet_add_server(fleet, service, STR("shop-1"), &address);
    atomic_store(&server->state, SERVER_SERVING);
    atomic_store(&server->is_healthy, 1);
    atomic_store(&server->max_requests, 1);
    return 0;
}

static int tear_down(void **state)
{
    queue_free(service->queue);
    fleet_free(fleet);
    return 0;
}

static struct waiter waiter_at(struct queue_inbox *inbox, int64_t arrived_ns)
{
    return (struct waiter){.inbox = inbox, .arrived_ns = arrived_ns, .deadline_ns = arrived_ns + 10 * S};
}

static struct waiter *granted[128];
static int granted_count;

static void note_grant(struct waiter *w)
{
    granted[granted_count++] = w;
    loop_stop(w->inbox->loop);
}

static void waiters_are_served_in_their_order(void **state)
{
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    struct waiter w[3];
    queue_inbox_init(&inbox, loop, note_grant);
    granted_count = 0;
    assert_true(queue_take_slot(server));
    assert_false(queue_take_slot(server));
    for (int i = 0; i < 3; i++) {
        w[i] = waiter_at(&inbox, 100 + i);
        assert_int_equal(queue_enter(service, &w[i], 3, true, 100 + i), QUEUE_ENTERED);
    }
    assert_int_equal(atomic_load(&service->queued), 3);
    assert_int_equal(atomic_load(&service->queue_oldest_ns), 100);
    queue_leave(&w[1]); /* its client went away */
    for (int i = 0; i < 2; i++) {
        queue_release_slot(server); /* passes the slot on: it never becomes free */
        assert_int_equal(server_in_flight(server), 1);
        loop_run(loop);
    }
    assert_ptr_equal(granted[0], &w[0]);
    assert_ptr_equal(granted[1], &w[2]);
    assert_ptr_equal(granted[0]->server, server);
    queue_release_slot(server);
    assert_int_equal(server_in_flight(server), 0);
    assert_int_equal(atomic_load(&service->in_flight), 0);
    assert_int_equal(atomic_load(&service->queue_oldest_ns), 0);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

static void a_full_queue_refuses(void **state)
{
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    struct waiter a = waiter_at(&inbox, 1), b = waiter_at(&inbox, 2);
    queue_inbox_init(&inbox, loop, note_grant);
    assert_int_equal(queue_enter(service, &a, 1, true, 1), QUEUE_ENTERED);
    assert_int_equal(queue_enter(service, &b, 1, true, 2), QUEUE_IS_FULL);
    queue_leave(&a);
    assert_int_equal(queue_enter(service, &b, 1, true, 3), QUEUE_ENTERED);
    queue_leave(&b);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

static void a_grant_under_way_is_given_back_when_its_waiter_leaves(void **state)
{
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    struct waiter a = waiter_at(&inbox, 1), b = waiter_at(&inbox, 2);
    queue_inbox_init(&inbox, loop, note_grant);
    granted_count = 0;
    assert_true(queue_take_slot(server));
    assert_int_equal(queue_enter(service, &a, 9, true, 1), QUEUE_ENTERED);
    assert_int_equal(queue_enter(service, &b, 9, true, 2), QUEUE_ENTERED);
    queue_release_slot(server); /* to a, which leaves before it hears of it */
    queue_leave(&a);
    loop_run(loop);
    assert_int_equal(granted_count, 1);
    assert_ptr_equal(granted[0], &b);
    queue_release_slot(server);
    assert_int_equal(server_in_flight(server), 0);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

static void a_server_out_of_rotation_gets_nobody(void **state)
{
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    struct waiter a = waiter_at(&inbox, 1);
    queue_inbox_init(&inbox, loop, note_grant);
    atomic_store(&server->state, SERVER_DRAINING);
    assert_int_equal(queue_enter(service, &a, 9, true, 1), QUEUE_ENTERED);
    queue_offer(server);
    assert_int_equal(a.state, WAITER_WAITING);
    queue_leave(&a);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

/* The moment between a slot that comes free and its offer to those who wait. */
static void whom_a_server_failed_leaves_its_slots_to_others_for_a_moment(void **state)
{
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    int64_t now = clock_now_ns();
    struct waiter failed = waiter_at(&inbox, now), other = waiter_at(&inbox, now + 1);
    queue_inbox_init(&inbox, loop, note_grant);
    granted_count = 0;
    failed.avoid = server;
    failed.avoid_until_ns = now + 3600 * S;
    assert_int_equal(queue_enter(service, &failed, 8, true, now), QUEUE_ENTERED);
    queue_offer(server);
    assert_int_equal(server_in_flight(server), 0); /* the only one that waits does not want it */
    assert_int_equal(queue_enter(service, &other, 8, true, now), QUEUE_ENTERED);
    queue_offer(server);
    loop_run(loop);
    assert_ptr_equal(granted[0], &other);
    failed.avoid_until_ns = now; /* the moment is over */
    queue_release_slot(server);
    loop_run(loop);
    assert_ptr_equal(granted[1], &failed);
    queue_release_slot(server);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

static void who_comes_while_others_wait_takes_no_free_slot(void **state)
{
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    struct waiter a = waiter_at(&inbox, 1), b = waiter_at(&inbox, 2);
    queue_inbox_init(&inbox, loop, note_grant);
    granted_count = 0;
    atomic_store(&server->state, SERVER_STARTING);
    assert_int_equal(queue_enter(service, &a, 9, false, 1), QUEUE_ENTERED);
    atomic_store(&server->state, SERVER_SERVING); /* there is a free slot now, and nobody was told */
    assert_true(queue_has_waiters(service));
    assert_int_equal(queue_enter(service, &b, 9, true, 2), QUEUE_ENTERED);
    queue_offer(server);
    loop_run(loop);
    assert_int_equal(granted_count, 1);
    assert_ptr_equal(granted[0], &a);
    queue_release_slot(server);
    loop_run(loop);
    assert_ptr_equal(granted[1], &b);
    assert_false(queue_has_waiters(service));
    queue_release_slot(server);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

static void who_arrived_first_stands_first(void **state)
{
    /* By arrival, not by who reaches the lock first; equals in the order in which they enter. */
    static const int64_t arrived_ns[] = {50, 70, 60, 60, 80, 40, 75};
    static const int order[] = {5, 0, 2, 3, 1, 6, 4};
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    struct waiter w[ARRAY_LEN(arrived_ns)];
    queue_inbox_init(&inbox, loop, note_grant);
    granted_count = 0;
    assert_true(queue_take_slot(server));
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        w[i] = waiter_at(&inbox, arrived_ns[i]);
        assert_int_equal(queue_enter(service, &w[i], 100, true, 100), QUEUE_ENTERED);
    }
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        queue_release_slot(server);
        loop_run(loop);
        assert_ptr_equal(granted[i], &w[order[i]]);
    }
    queue_release_slot(server);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

static void who_cannot_be_served_in_time_is_refused_on_arrival(void **state)
{
    static const struct outlook two_seconds_away = {.is_known = true, .places_later = 1, .later_ns = 2 * S};
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    struct waiter a = waiter_at(&inbox, 0);
    queue_inbox_init(&inbox, loop, note_grant);
    queue_foresee(service, &two_seconds_away, 0);
    a.deadline_ns = 1 * S;
    assert_int_equal(queue_enter(service, &a, 9, false, 0), QUEUE_IS_HOPELESS);
    assert_int_equal(a.verdict, OUTLOOK_NO_SERVER);
    assert_int_equal(atomic_load(&service->queued), 0);
    queue_leave(&a);                                                       /* it never was in */
    assert_int_equal(queue_enter(service, &a, 9, true, 0), QUEUE_ENTERED); /* a server is there by now */
    queue_leave(&a);
    a.is_patient = true;
    assert_int_equal(queue_enter(service, &a, 9, false, 0), QUEUE_ENTERED);
    queue_leave(&a);
    a.is_patient = false;
    a.deadline_ns = 3 * S;
    assert_int_equal(queue_enter(service, &a, 9, false, 0), QUEUE_ENTERED);
    queue_leave(&a);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

/* Six wait, with deadlines at 1, 2, 3 … seconds; news come that spare some of them. */
static void who_waits_in_vain_is_refused_when_that_is_known(void **state)
{
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    struct waiter w[6];
    queue_inbox_init(&inbox, loop, note_grant);
    granted_count = 0;
    for (int i = 0; i < 6; i++) {
        w[i] = waiter_at(&inbox, i);
        w[i].deadline_ns = (i + 1) * S;
        assert_int_equal(queue_enter(service, &w[i], 9, false, i), QUEUE_ENTERED);
    }
    w[1].is_patient = true;
    struct outlook outlook = {.is_known = true, .places_later = 2, .later_ns = 4 * S, .place_ns = 4 * S};
    queue_foresee(service, &outlook, 10);
    assert_int_equal(atomic_load(&service->queued), 4); /* the patient one, and those of 4, 5 and 6 s */
    outlook.place_ns = 20 * S; /* two turns until the last deadline, and those of 2 and 4 s have them */
    queue_foresee(service, &outlook, 20);
    assert_int_equal(atomic_load(&service->queued), 2);
    assert_int_equal(w[1].state, WAITER_WAITING);
    assert_int_equal(w[3].state, WAITER_WAITING);
    queue_leave(&w[4]); /* its client leaves before it hears of it */
    assert_int_equal(w[4].state, WAITER_IDLE);
    loop_run(loop);
    assert_int_equal(granted_count, 3);
    for (int i = 0; i < 3; i++)
        assert_null(granted[i]->server);
    assert_ptr_equal(granted[0], &w[0]);
    assert_int_equal(w[0].verdict, OUTLOOK_NO_SERVER);
    assert_ptr_equal(granted[2], &w[5]);
    assert_int_equal(w[5].verdict, OUTLOOK_NO_TURN);
    assert_int_equal(server_in_flight(server), 0);
    queue_leave(&w[1]);
    queue_leave(&w[3]);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

/* Fills the queue with waiters, of whom `server` is given what it may have. */
static void put_in_queue(struct waiter *w, int count, struct queue_inbox *inbox)
{
    granted_count = 0;
    atomic_store(&server->max_requests, 0);
    memset(&server->let_in, 0, sizeof(server->let_in));
    for (int i = 0; i < count; i++) {
        w[i] = waiter_at(inbox, i);
        assert_int_equal(queue_enter(service, &w[i], (uint32_t)count, true, i), QUEUE_ENTERED);
    }
}

static void a_server_without_a_limit_gets_a_queue_bit_by_bit(void **state)
{
    enum { COUNT = 100 };
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    static struct waiter w[COUNT];
    queue_inbox_init(&inbox, loop, note_grant);
    put_in_queue(w, COUNT, &inbox);
    atomic_store(&server->state, SERVER_STARTING);
    for (int i = 0; i < 50; i++)
        queue_look_after(server, i * S); /* that it answers nothing says nothing yet */
    atomic_store(&server->state, SERVER_SERVING);
    queue_offer(server);
    queue_offer(server);
    assert_int_equal(server_in_flight(server), LET_IN_FIRST);
    for (int i = 0; i < 3; i++) {
        queue_note_answer(server, 1000 * S);
        queue_release_slot(server); /* its place is the next one's */
    }
    assert_int_equal(server_in_flight(server), LET_IN_FIRST);
    queue_look_after(server, 1001 * S); /* it has answered a moment ago */
    assert_int_equal(server_in_flight(server), LET_IN_FIRST);
    queue_look_after(server, 1003 * S);
    assert_int_equal(server_in_flight(server), 2 * LET_IN_FIRST);
    for (int64_t at = 1006; atomic_load(&service->queued) > 0; at += 3)
        queue_look_after(server, at * S);
    loop_run(loop);
    assert_int_equal(granted_count, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(granted[i], &w[i]);
    assert_true(queue_take_slot(server)); /* who does not wait is not counted */
    while (server_in_flight(server) > 0)
        queue_release_slot(server);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

/* While it starts slowly whoever comes has to wait, too; but not to be refused for it. */
static void a_slow_start_is_a_limit_that_a_full_queue_widens(void **state)
{
    enum { COUNT = 5 };
    struct loop *loop = loop_new(NULL);
    struct queue_inbox inbox;
    static struct waiter w[COUNT];
    queue_inbox_init(&inbox, loop, note_grant);
    put_in_queue(w, 0, &inbox);
    atomic_store(&server->slow_start, 12);
    for (int i = 0; i < 12; i++)
        assert_true(queue_take_slot(server));
    assert_false(queue_take_slot(server));
    put_in_queue(w, COUNT, &inbox);
    queue_offer(server);
    assert_int_equal(atomic_load(&service->queued), COUNT);
    queue_let_one_in(server);
    assert_int_equal(atomic_load(&service->queued), COUNT - 1);
    assert_int_equal(server_in_flight(server), 13);
    atomic_store(&server->max_requests, 14); /* what was stated, or learned, counts in its place */
    queue_offer(server);
    assert_int_equal(server_in_flight(server), 14);
    queue_let_one_in(server);
    assert_int_equal(server_in_flight(server), 14);
    atomic_store(&server->max_requests, 0);
    atomic_store(&server->slow_start, 17);
    queue_offer(server);
    assert_int_equal(atomic_load(&service->queued), 0);
    queue_let_one_in(server); /* nobody waits: who comes finds a place */
    assert_true(queue_take_slot(server));
    assert_false(queue_take_slot(server));
    loop_run(loop);
    atomic_store(&server->slow_start, 0);
    assert_true(queue_take_slot(server));
    while (server_in_flight(server) > 0)
        queue_release_slot(server);
    queue_inbox_fini(&inbox);
    loop_free(loop);
}

/* Many threads, each with one waiter at a time: take the slot or queue for it, hold it a moment, give it
 * back. */
enum { THREADS = 4, TURNS = 3000 };

struct contender {
    struct loop *loop;
    struct queue_inbox inbox;
    struct waiter waiter;
    struct task begin;
    struct random random;
    int turns_left;
    int64_t arrived, entered; /* by `moments`: before it looked; after it stood in the queue, 0: never */
};

static _Atomic int holders;
static _Atomic int64_t moments;

/* Who had the slot, in that order; written by who holds it. */
static struct holder {
    int64_t arrived, entered;
} held[THREADS * TURNS];
static int held_count;

/* Nobody who stood in the queue already when another arrived was served after that other. */
static void assert_nobody_overtook(void)
{
    int64_t last_arrived = 0;
    for (int i = 0; i < held_count; i++) {
        assert_true(held[i].entered == 0 || held[i].entered > last_arrived);
        last_arrived = MAX(last_arrived, held[i].arrived);
    }
}

static void begin_turn(struct loop *l, struct task *t);

static void hold_and_release(struct contender *c)
{
    assert_int_equal(atomic_fetch_add(&holders, 1), 0); /* max_requests is 1 */
    held[held_count++] = (struct holder){c->arrived, c->entered};
    atomic_fetch_sub(&holders, 1);
    queue_release_slot(server);
    if (--c->turns_left == 0)
        loop_stop(c->loop);
    else
        loop_again(c->loop, &c->begin);
}

static void on_contender_granted(struct waiter *w)
{
    hold_and_release(container_of(w, struct contender, waiter));
}

static void begin_turn(struct loop *l, struct task *t)
{
    struct contender *c = container_of(t, struct contender, begin);
    c->arrived = atomic_fetch_add(&moments, 1) + 1;
    c->entered = 0;
    if (!queue_has_waiters(service) && queue_take_slot(server)) {
        hold_and_release(c);
        return;
    }
    c->waiter.arrived_ns = c->arrived;
    assert_int_equal(queue_enter(service, &c->waiter, 100, true, loop_now_ns(l)), QUEUE_ENTERED);
    c->entered = atomic_fetch_add(&moments, 1) + 1;
    queue_offer(server);
    if (random_below(&c->random, 8) == 0) { /* now and then one gives up at once */
        queue_leave(&c->waiter);
        loop_again(l, &c->begin);
    }
}

static void *run_contender(void *arg)
{
    struct contender *c = arg;
    loop_again(c->loop, &c->begin);
    loop_run(c->loop);
    return NULL;
}

static void many_threads_share_one_slot_and_all_get_it_in_order(void **state)
{
    static struct contender contenders[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        struct contender *c = &contenders[i];
        *c = (struct contender){.loop = loop_new(NULL), .turns_left = TURNS, .begin.run = begin_turn};
        list_init(&c->begin.link);
        list_init(&c->waiter.link);
        c->waiter.inbox = &c->inbox;
        c->random.state = (uint64_t)i + 1;
        queue_inbox_init(&c->inbox, c->loop, on_contender_granted);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, run_contender, &contenders[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(server_in_flight(server), 0);
    assert_int_equal(atomic_load(&service->queued), 0);
    assert_int_equal(atomic_load(&service->in_flight), 0);
    assert_int_equal(held_count, THREADS * TURNS);
    assert_nobody_overtook();
    for (int i = 0; i < THREADS; i++) {
        queue_inbox_fini(&contenders[i].inbox);
        loop_free(contenders[i].loop);
    }
}

#define WITH_FLEET(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FLEET(waiters_are_served_in_their_order),
        WITH_FLEET(a_full_queue_refuses),
        WITH_FLEET(a_grant_under_way_is_given_back_when_its_waiter_leaves),
        WITH_FLEET(a_server_out_of_rotation_gets_nobody),
        WITH_FLEET(whom_a_server_failed_leaves_its_slots_to_others_for_a_moment),
        WITH_FLEET(who_comes_while_others_wait_takes_no_free_slot),
        WITH_FLEET(who_arrived_first_stands_first),
        WITH_FLEET(who_cannot_be_served_in_time_is_refused_on_arrival),
        WITH_FLEET(who_waits_in_vain_is_refused_when_that_is_known),
        WITH_FLEET(a_server_without_a_limit_gets_a_queue_bit_by_bit),
        WITH_FLEET(a_slow_start_is_a_limit_that_a_full_queue_widens),
        WITH_FLEET(many_threads_share_one_slot_and_all_get_it_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
