/* Which file systems speak for their pool. */
#include "watch/pools.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { MEMBERS_MAX = 8 };

struct row {
    const char *pool, *path;
    uint64_t used, left;
    bool is_unknown;
    uint32_t spoke_for; /* before */
    int speaks_for;     /* mounts; 0: itself; -1: another speaks */
};

struct story {
    const char *name;
    struct row rows[MEMBERS_MAX];
};

static struct disk_sample samples[MEMBERS_MAX];

static uint32_t make(const struct story *s)
{
    uint32_t count = 0;
    for (; count < MEMBERS_MAX && s->rows[count].path; count++) {
        const struct row *r = &s->rows[count];
        samples[count] = (struct disk_sample){
            .used_bytes = r->used, .available_bytes = r->left, .pool_mounts = r->spoke_for};
        samples[count].percent = r->is_unknown ? reading_unknown("it does not answer") : reading_known(1);
        str_copy(samples[count].path, HOST_PATH_BYTES, str_of(r->path));
        str_copy(samples[count].pool, HOST_POOL_BYTES, str_of(r->pool));
    }
    return count;
}

static void the_fullest_speaks_for_those_that_share(void **state)
{
    static const struct story stories[] = {
        {"alone, and without a pool",
         {{"tank", "/tank", 10, 90, .speaks_for = 0}, {"", "/", 95, 90, .speaks_for = 0}}},
        {"a pool",
         {{"tank", "/tank", 1, 100, .speaks_for = -1},
          {"tank", "/tank/data", 900, 100, .speaks_for = 3},
          {"tank", "/tank/home", 500, 98, .speaks_for = -1},
          {"", "/", 900, 100, .speaks_for = 0}}},
        {"two pools",
         {{"a", "/a", 5, 100, .speaks_for = -1},
          {"b", "/b", 7, 100, .speaks_for = 2},
          {"a", "/a/x", 6, 100, .speaks_for = 2},
          {"b", "/b/x", 6, 100, .speaks_for = -1}}},
        {"a quota and a reservation",
         {{"tank", "/tank/data", 900, 500, .speaks_for = 2},
          {"tank", "/tank/quota", 95, 5, .speaks_for = 0},
          {"tank", "/tank/reserved", 10, 900, .speaks_for = 0},
          {"tank", "/tank/home", 10, 500, .speaks_for = -1}}},
        {"nothing is left at all: quotas do not matter any more",
         {{"tank", "/tank/data", 900, 0, .speaks_for = 2}, {"tank", "/tank/quota", 50, 0, .speaks_for = -1}}},
        {"who spoke goes on, though another is a little fuller",
         {{"tank", "/a", 100, 10, .spoke_for = 2, .speaks_for = 2},
          {"tank", "/b", 105, 10, .speaks_for = -1}}},
        {"until that is clearly so",
         {{"tank", "/a", 100, 10, .spoke_for = 2, .speaks_for = -1},
          {"tank", "/b", 115, 10, .speaks_for = 2}}},
        {"who does not answer speaks for itself, and another for the rest",
         {{"tank", "/a", 100, 10, .is_unknown = true, .spoke_for = 3, .speaks_for = 0},
          {"tank", "/b", 10, 10, .speaks_for = 2},
          {"tank", "/c", 5, 10, .speaks_for = -1}}},
        {"one device in several places: the shortest path",
         {{"/dev/sda", "/srv/copy", 50, 10, .speaks_for = -1},
          {"/dev/sda", "/srv", 50, 10, .speaks_for = 2}}},
    };
    for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
        struct disk_sample *pointers[MEMBERS_MAX];
        uint32_t count = make(&stories[i]);
        for (uint32_t k = 0; k < count; k++)
            pointers[k] = &samples[k];
        for (int round = 0; round < 2; round++) /* the second changes nothing */
            pools_settle(pointers, count);
        for (uint32_t k = 0; k < count; k++) {
            int speaks_for = samples[k].is_spoken_for ? -1 : (int)samples[k].pool_mounts;
            if (speaks_for != stories[i].rows[k].speaks_for)
                fail_msg("%s: %s speaks for %d", stories[i].name, samples[k].path, speaks_for);
        }
    }
}

static void a_pool_has_its_name_from_what_is_mounted(void **state)
{
    static const struct {
        const char *type, *source, *pool;
    } rows[] = {
        {"zfs", "tank", "tank"},      {"zfs", "tank/home/anna", "tank"}, {"zfs", "", ""},
        {"ext4", "/dev/sda1", ""}, /* the mount table tells its number, which is the better name */
        {"nfs4", "server:/tank", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char pool[HOST_POOL_BYTES];
        pools_name(str_of(rows[i].type), str_of(rows[i].source), pool);
        assert_string_equal(pool, rows[i].pool);
    }
    char name[2 * HOST_POOL_BYTES], pool[HOST_POOL_BYTES];
    memset(name, 'x', sizeof(name));
    pools_name(STR("zfs"), str_n(name, sizeof(name)), pool);
    assert_string_equal(pool, ""); /* cut off it might be that of another */
}

static void in_a_pool_the_others_fill_it_too(void **state)
{
    struct disk_sample s = {.used_bytes = 70, .available_bytes = 30};
    assert_true(pools_fill_level(&s) == 70);
    str_copy(s.pool, sizeof(s.pool), STR("/dev/sda"));
    assert_true(pools_fill_level(&s) == 70);
    str_copy(s.pool, sizeof(s.pool), STR("tank"));
    assert_true(pools_fill_level(&s) == -30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fullest_speaks_for_those_that_share),
        cmocka_unit_test(a_pool_has_its_name_from_what_is_mounted),
        cmocka_unit_test(in_a_pool_the_others_fill_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
