/* Snapshots: the order of the routes, which servers are shown, and when requests may wait. */
#include "control/snapshot_build.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static const struct given_up nobody;

static struct str word(const char *text)
{
    return str_of(text);
}

static void routes_are_sorted_best_first(void **state)
{
    struct str shop_hosts[] = {word("shop.example.com"), word("*.example.com")};
    struct str shop_paths[] = {word("/"), word("/cart/")};
    struct str deep_hosts[] = {word("*.eu.example.com")};
    struct str old_paths[] = {word("/old/")};
    struct config_service services[] = {
        {.name = STR("rest")},
        {.name = STR("old"), .paths = {1, old_paths}},
        {.name = STR("shop"), .hosts = {2, shop_hosts}, .paths = {2, shop_paths}},
        {.name = STR("deep"), .hosts = {1, deep_hosts}},
    };
    struct config config = {.service_count = ARRAY_LEN(services), .services = services};
    struct fleet *f = fleet_new(1);
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        assert_non_null(fleet_add_service(f, services[i].name));
    struct snapshot *s = snapshot_build(f, &config, &nobody);
    static const struct {
        const char *host;
        bool is_wildcard;
        const char *path;
        const char *service;
    } expected[] = {
        {"shop.example.com", false, "/cart/", "shop"},
        {"shop.example.com", false, "/", "shop"},
        {".eu.example.com", true, "/", "deep"},
        {".example.com", true, "/cart/", "shop"},
        {".example.com", true, "/", "shop"},
        {"", false, "/old/", "old"},
        {"", false, "/", "rest"},
    };
    assert_int_equal(s->service_count, ARRAY_LEN(services));
    assert_int_equal(s->route_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        const struct route *r = &s->routes[i];
        assert_true(str_eq(r->host, str_of(expected[i].host)));
        assert_int_equal(r->is_wildcard, expected[i].is_wildcard);
        assert_true(str_eq(r->path_prefix, str_of(expected[i].path)));
        assert_string_equal(s->services[r->service].service->name, expected[i].service);
    }
    arena_free(s->arena);
    fleet_free(f);
}

struct scene {
    struct config_service services[2];
    struct config config;
    struct fleet *fleet;
    struct server *servers[SERVER_STATE_COUNT];
};

/* One fixed service with a server in each state, and one that is scaled and has none. */
static void make_scene(struct scene *c)
{
    *c = (struct scene){.services = {{.name = STR("fixed")},
                                     {.name = STR("scaled"),
                                      .scale = {.provider = SCALE_PROVIDER_PROCESS, .servers_max = 1}}}};
    c->config = (struct config){.service_count = 2, .services = c->services};
    c->fleet = fleet_new(1);
    struct service *fixed = fleet_add_service(c->fleet, STR("fixed"));
    fleet_add_service(c->fleet, STR("scaled"));
    for (int i = 0; i < SERVER_STATE_COUNT; i++) {
        struct addr none = {0};
        char name[16];
        snprintf(name, sizeof(name), "s%d", i);
        c->servers[i] = fleet_add_server(c->fleet, fixed, str_of(name), &none);
        atomic_store(&c->servers[i]->state, i);
    }
}

static void only_warming_and_serving_servers_are_shown(void **state)
{
    struct scene c;
    make_scene(&c);
    struct snapshot *s = snapshot_build(c.fleet, &c.config, &nobody);
    assert_int_equal(s->services[0].server_count, 2);
    assert_ptr_equal(s->services[0].servers[0], c.servers[SERVER_WARMING]);
    assert_ptr_equal(s->services[0].servers[1], c.servers[SERVER_SERVING]);
    assert_int_equal(s->services[1].server_count, 0);
    assert_ptr_equal(s->services[1].config, &c.services[1]);
    arena_free(s->arena);
    fleet_free(c.fleet);
}

static void requests_may_wait_where_servers_may_come(void **state)
{
    struct scene c;
    make_scene(&c);
    struct service *fixed = fleet_find_service(c.fleet, STR("fixed")),
                   *scaled = fleet_find_service(c.fleet, STR("scaled"));
    assert_true(snapshot_can_wait(c.fleet, scaled, &c.services[1], &nobody));
    assert_true(
        snapshot_can_wait(c.fleet, fixed, &c.services[0], &nobody)); /* s0 and s1 are not judged yet */
    atomic_store(&c.servers[SERVER_REQUESTED]->state, SERVER_SERVING);
    assert_true(snapshot_can_wait(c.fleet, fixed, &c.services[0], &nobody));
    atomic_store(&c.servers[SERVER_STARTING]->state, SERVER_SERVING);
    assert_false(snapshot_can_wait(c.fleet, fixed, &c.services[0], &nobody));
    struct snapshot *s = snapshot_build(c.fleet, &c.config, &nobody);
    assert_false(s->services[0].can_wait);
    assert_true(s->services[1].can_wait);
    struct config_service coming = {.name = STR("coming"),
                                    .server_count = 1}; /* its server is not in the fleet yet */
    const struct service *service = fleet_add_service(c.fleet, coming.name);
    assert_true(snapshot_can_wait(c.fleet, service, &coming, &nobody));
    coming.server_count = 0;
    assert_false(snapshot_can_wait(c.fleet, service, &coming, &nobody));
    c.services[1].scale.servers_max = 0;
    assert_false(snapshot_can_wait(c.fleet, scaled, &c.services[1], &nobody));
    arena_free(s->arena);
    fleet_free(c.fleet);
}

static void nobody_waits_for_a_server_that_is_given_up(void **state)
{
    struct scene c;
    make_scene(&c);
    const struct service *fixed = fleet_find_service(c.fleet, STR("fixed"));
    struct given_up given_up = {0};
    given_up.ids[c.servers[SERVER_REQUESTED]->slot] = c.servers[SERVER_REQUESTED]->id;
    assert_true(snapshot_can_wait(c.fleet, fixed, &c.services[0], &given_up)); /* the one that is starting */
    given_up.ids[c.servers[SERVER_STARTING]->slot] = c.servers[SERVER_STARTING]->id;
    assert_false(snapshot_can_wait(c.fleet, fixed, &c.services[0], &given_up));
    given_up.ids[c.servers[SERVER_STARTING]->slot] =
        c.servers[SERVER_STARTING]->id + 1; /* the slot's former user */
    assert_true(snapshot_can_wait(c.fleet, fixed, &c.services[0], &given_up));
    fleet_free(c.fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_sorted_best_first),
        cmocka_unit_test(only_warming_and_serving_servers_are_shown),
        cmocka_unit_test(requests_may_wait_where_servers_may_come),
        cmocka_unit_test(nobody_waits_for_a_server_that_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
