/*
 * A line of cron, a line's end, and any bytes as a time zone file (or, if they are none, as its rule). What
 * must hold: nothing crashes, reads beyond the end or hangs; what is taken gives sane offsets, local times
 * come in order, and what fired last lies where it was looked for.
 */
#include "base/cron.h"
#include "base/macros.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DAY_S = 86400 };

static const int64_t moments_s[] = {INT64_MIN / 512, -4000000000, -1, 0, 1774746000, 1793000000, 32503680000};

static void check_zone(const struct zone *z, int64_t at_s)
{
    int32_t offset_s = zone_offset_s(z, at_s);
    ASSERT(offset_s > -2 * DAY_S && offset_s < 2 * DAY_S);
    int64_t before_s = zone_to_utc_s(z, at_s + offset_s - DAY_S);
    for (int64_t local_s = at_s + offset_s - DAY_S; local_s <= at_s + offset_s + DAY_S; local_s += 1800) {
        int64_t utc_s = zone_to_utc_s(z, local_s);
        ASSERT(utc_s >= before_s);
        before_s = utc_s;
    }
}

static void check_cron(const struct cron *c, const struct zone *z, int64_t at_s)
{
    int64_t after_s = at_s - 35 * DAY_S, last_s;
    if (cron_last(c, z, after_s, at_s, &last_s))
        ASSERT(last_s > after_s && last_s <= at_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_n((const char *)data, size), line;
    struct zone z = {0};
    struct cron c;
    struct err err;
    struct arena *arena = arena_new();
    (void)str_split(&rest, '\n', &line);
    if (!rest.ptr)
        rest = STR("");
    if (!zone_parse(arena, rest, &z, &err))
        (void)zone_parse_rule(rest, &z.rule);
    bool has_cron = cron_parse(line, &c, &err);
    for (size_t i = 0; i < ARRAY_LEN(moments_s); i++) {
        check_zone(&z, moments_s[i]);
        if (has_cron)
            check_cron(&c, &z, moments_s[i]);
    }
    arena_free(arena);
    return 0;
}
