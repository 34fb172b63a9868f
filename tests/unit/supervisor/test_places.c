/* test_places.c: which machine is next, and which port there. */
#include "supervisor/places.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define S NS_PER_S

enum { USED_MAX = 64 };

struct world {
    struct places places;
    struct addr used[USED_MAX];
    uint32_t used_count;
};

static bool is_used(void *context, const struct addr *address)
{
    const struct world *w = context;
    for (uint32_t i = 0; i < w->used_count; i++)
        if (addr_eq(&w->used[i], address))
            return true;
    return false;
}

static uint32_t count_at(void *context, const struct addr *machine)
{
    const struct world *w = context;
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->used_count; i++) {
        struct addr its = places_machine(&w->used[i]);
        count += addr_eq(&its, machine);
    }
    return count;
}

/* Starts one, and tells on which machine. */
static const char *start(struct world *w, int64_t now_ns)
{
    static char host[ADDR_TEXT_BYTES];
    const struct places_facts facts = {w, count_at, is_used};
    struct err err = {0};
    assert_true(places_choose(&w->places, &facts, now_ns, &w->used[w->used_count], &err));
    assert_int_not_equal(addr_port(&w->used[w->used_count]), 0);
    return addr_format_host(host, &w->used[w->used_count++]);
}

static void end_last(struct world *w, int64_t lived_ns, int64_t now_ns)
{
    places_note_end(&w->places, &w->used[--w->used_count], lived_ns, now_ns);
}

static void without_machines_it_is_this_one(void **state)
{
    struct world w = {0};
    struct err err;
    const char *const none[] = {NULL};
    assert_true(places_init(&w.places, none, &err) && places_init(&w.places, NULL, &err));
    assert_string_equal(start(&w, S), "127.0.0.1");
    assert_string_equal(start(&w, S), "127.0.0.1");
    assert_false(addr_eq(&w.used[0], &w.used[1]));
}

static void servers_are_spread(void **state)
{
    struct world w = {0};
    struct err err;
    const char *const machines[] = {"127.0.0.2", "127.0.0.3", "127.0.0.4", NULL};
    assert_true(places_init(&w.places, machines, &err));
    assert_string_equal(start(&w, S), "127.0.0.2");
    assert_string_equal(start(&w, S), "127.0.0.3");
    assert_string_equal(start(&w, S), "127.0.0.4");
    assert_string_equal(start(&w, S), "127.0.0.2");
    w.used[1] = w.used[--w.used_count]; /* one of .3 is gone, and there is the second of .2 in its place */
    end_last(&w, 3600 * S, 4000 * S);   /* and one of .4, after a long life */
    assert_string_equal(start(&w, 4000 * S), "127.0.0.3");
    assert_string_equal(start(&w, 4000 * S), "127.0.0.4");
}

static void a_machine_where_servers_fail_comes_last_for_a_while(void **state)
{
    struct world w = {0};
    struct err err;
    const char *const machines[] = {"127.0.0.2", "127.0.0.3", NULL};
    assert_true(places_init(&w.places, machines, &err));
    assert_string_equal(start(&w, 10 * S), "127.0.0.2");
    end_last(&w, 1 * S, 11 * S);
    for (int i = 0; i < 3; i++) /* though it has the fewest */
        assert_string_equal(start(&w, 12 * S), "127.0.0.3");
    assert_string_equal(start(&w, 72 * S), "127.0.0.2");
    end_last(&w, 60 * S, 132 * S);
    end_last(&w, 60 * S, 132 * S); /* of .3: where all fail the fewest count again */
    assert_string_equal(start(&w, 133 * S), "127.0.0.2");
}

static void ports_elsewhere_are_drawn_and_never_twice(void **state)
{
    struct world w = {0};
    struct err err;
    const char *const machines[] = {"192.0.2.1", "2001:db8::1",
                                    NULL}; /* for documentation: nobody has them */
    assert_true(places_init(&w.places, machines, &err));
    for (int i = 0; i < 20; i++) {
        assert_string_equal(start(&w, S), i % 2 ? "2001:db8::1" : "192.0.2.1");
        uint32_t port = addr_port(&w.used[w.used_count - 1]);
        assert_in_range(port, PLACES_PORT_FIRST, PLACES_PORT_FIRST + PLACES_PORT_COUNT - 1);
        for (uint32_t k = 0; k + 1 < w.used_count; k++)
            assert_false(addr_eq(&w.used[k], &w.used[w.used_count - 1]));
    }
}

static void what_is_no_machine_is_refused(void **state)
{
    struct places p;
    struct err err;
    assert_false(places_init(&p, (const char *const[]){"web-1", NULL}, &err));
    assert_non_null(strstr(err.text, "machine 'web-1'"));
    assert_false(places_init(&p, (const char *const[]){"", NULL}, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_machines_it_is_this_one),
        cmocka_unit_test(servers_are_spread),
        cmocka_unit_test(a_machine_where_servers_fail_comes_last_for_a_while),
        cmocka_unit_test(ports_elsewhere_are_drawn_and_never_twice),
        cmocka_unit_test(what_is_no_machine_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
