/*
 * What is learned within two minutes of servers that nothing is known of, of every kind: how many requests
 * they work on at once, whether the others wait in line or all share, how long requests take; and however
 * the load begins. Arrivals are at random, so a few may be off by more than a tenth.
 */
#include "world.h"

struct kind {
    uint32_t places;
    bool is_sharing;
    enum world_law law;
    bool is_full; /* two servers' worth of load from the first second, onto one that starts; else it grows */
};

/* In tenths of a server, each for ten seconds. */
static const double growing[] = {2, 4, 6, 8, 10, 13, 16, 19, 22, 24, 22, 20};

static double learn(const struct kind *k)
{
    struct world *w = world_new();
    w->config.scale.servers_max = 12;
    w->config.queue_timeout_ns = 120 * S;
    w->start_delay_ns = 5 * S;
    w->parallel = k->places;
    w->is_sharing = k->is_sharing;
    w->is_poisson = true;
    w->law = k->law;
    world_begin(w);
    double of_one = k->places * (double)S / (double)w->work_ns;
    for (size_t i = 0; i < ARRAY_LEN(growing); i++) {
        w->rate = of_one * (k->is_full ? 20 : growing[i]) / 10;
        world_run(w, 10 * S);
    }
    assert_int_equal(w->refused + w->cut, 0);
    double learned = world_decision(w).capacity.in_flight;
    world_free(w);
    return learned;
}

/* Returns how many of `ret_kinds` kinds were learned as they are. */
static uint32_t learn_all(bool is_full, uint32_t *ret_kinds)
{
    static const uint32_t places[] = {1, 4, 16};
    uint32_t good = 0, kinds = 0;
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        for (int law = WORLD_CONSTANT; law <= WORLD_EXPONENTIAL; law++)
            for (int sharing = 0; sharing < 2; sharing++) {
                struct kind k = {.places = places[i],
                                 .is_sharing = sharing,
                                 .law = (enum world_law)law,
                                 .is_full = is_full};
                double learned = learn(&k);
                bool is_good = fabs(learned - places[i]) <= 0.1 * places[i];
                if (!is_good)
                    print_message("%u %s, law %d: learned as %.2f\n", places[i],
                                  sharing ? "shared" : "in line", law, learned);
                good += is_good;
                kinds++;
            }
    *ret_kinds = kinds;
    return good;
}

static void load_that_grows_teaches_what_servers_carry(void **state)
{
    uint32_t kinds, good = learn_all(false, &kinds);
    assert_true(good + 2 >= kinds);
}

static void full_load_onto_a_cold_server_teaches_it_as_well(void **state)
{
    uint32_t kinds, good = learn_all(true, &kinds);
    assert_true(good + 2 >= kinds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_that_grows_teaches_what_servers_carry),
        cmocka_unit_test(full_load_onto_a_cold_server_teaches_it_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
