/* The server table: exact slots over threads, reuse of a slot only when nobody can hold it, snapshots freed
 * in time. */
#include "fleet/fleet.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct snapshot *empty_snapshot(void)
{
    struct arena *arena = arena_new();
    struct snapshot *s = ARENA_NEW(arena, struct snapshot);
    s->arena = arena;
    return s;
}

static struct server *add_server(struct fleet *f, struct service *service, const char *name)
{
    struct addr address;
    const char *problem;
    assert_true(addr_parse(STR("127.0.0.1:8000"), &address, &problem));
    return fleet_add_server(f, service, str_of(name), &address);
}

enum { THREADS = 4, LIMIT = 3, ROUNDS = 20000 };

struct contest {
    struct server *server;
    _Atomic int inside, most;
};

static void *take_and_release(void *arg)
{
    struct contest *c = arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (!server_slot_take(c->server))
            continue;
        int now = atomic_fetch_add(&c->inside, 1) + 1;
        int most = atomic_load(&c->most);
        while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
            ;
        atomic_fetch_sub(&c->inside, 1);
        server_slot_release(c->server);
    }
    return NULL;
}

static void a_limit_is_never_exceeded_by_many_threads(void **state)
{
    struct fleet *f = fleet_new(1);
    struct contest c = {.server = add_server(f, fleet_add_service(f, STR("shop")), "shop-1")};
    pthread_t threads[THREADS];
    atomic_store(&c.server->max_requests, LIMIT);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, take_and_release, &c);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&c.most) <= LIMIT);
    assert_int_equal(server_in_flight(c.server), 0);
    fleet_free(f);
}

static void a_removed_slot_waits_for_every_thread_and_request(void **state)
{
    struct fleet *f = fleet_new(2);
    struct service *service = fleet_add_service(f, STR("shop"));
    struct server *s = add_server(f, service, "shop-1");
    fleet_publish(f, empty_snapshot()); /* epoch 1 could name it */
    atomic_store(&f->oldest_used[0], 1);
    atomic_store(&f->oldest_used[1], 1);
    assert_true(server_slot_take(s));
    fleet_publish(f, empty_snapshot()); /* epoch 2 does not */
    fleet_remove_server(f, s);
    assert_null(fleet_find_server(f, STR("shop-1")));

    struct server *other = add_server(f, service, "shop-2");
    assert_ptr_not_equal(other, s); /* threads still use epoch 1 */
    atomic_store(&f->oldest_used[0], 2);
    atomic_store(&f->oldest_used[1], 2);
    fleet_collect(f);
    assert_true(s->id != 0); /* a request is still in flight */
    server_slot_release(s);
    fleet_collect(f);
    assert_int_equal(s->id, 0);
    assert_ptr_equal(add_server(f, service, "shop-3"), s);
    fleet_free(f);
}

static void snapshots_live_until_the_slowest_thread_has_left(void **state)
{
    struct fleet *f = fleet_new(2);
    atomic_store(&f->oldest_used[0], 1);
    atomic_store(&f->oldest_used[1], 1);
    for (int i = 0; i < 3; i++)
        fleet_publish(f, empty_snapshot());
    atomic_store(&f->oldest_used[0], 3);
    atomic_store(&f->oldest_used[1], 2);
    assert_int_equal(fleet_collect(f), 2);
    assert_int_equal(f->retired->epoch, 2);
    assert_null(f->retired->next_retired);
    atomic_store(&f->oldest_used[1], 3);
    assert_int_equal(fleet_collect(f), 3);
    assert_null(f->retired);
    fleet_free(f);
}

static void a_full_table_says_so(void **state)
{
    struct fleet *f = fleet_new(1);
    struct service *service = fleet_add_service(f, STR("shop"));
    for (int i = 0; i < FLEET_SERVERS_MAX; i++)
        assert_non_null(add_server(f, service, "one"));
    assert_null(add_server(f, service, "too-many"));
    fleet_free(f);
}

static void names_are_found(void **state)
{
    struct fleet *f = fleet_new(1);
    struct service *service = fleet_add_service(f, STR("shop"));
    struct server *s = add_server(f, service, "shop-1");
    assert_ptr_equal(fleet_find_service(f, STR("shop")), service);
    assert_null(fleet_find_service(f, STR("sho")));
    assert_ptr_equal(fleet_find_server(f, STR("shop-1")), s);
    assert_string_equal(server_state_name(SERVER_REQUESTED), "requested");
    fleet_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_is_never_exceeded_by_many_threads),
        cmocka_unit_test(a_removed_slot_waits_for_every_thread_and_request),
        cmocka_unit_test(snapshots_live_until_the_slowest_thread_has_left),
        cmocka_unit_test(a_full_table_says_so),
        cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
