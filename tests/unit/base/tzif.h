/* tzif.h: writes time zone files (RFC 8536) for tests, right and wrong ones. */
#pragma once
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct tzif_change {
    int64_t at_s;
    unsigned type; /* index of offsets_s */
};

struct tzif {
    const int32_t *offsets_s;
    size_t type_count;
    const struct tzif_change *changes;
    size_t change_count;
    uint32_t leap_count; /* stated only */
    const char *rule;
};

static void tzif_put(struct buf *out, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_put_char(out, (char)(value >> 8 * i));
}

static void tzif_put_header(struct buf *out, size_t leaps, size_t changes, size_t types)
{
    static const char unused[15] = {0};
    buf_put(out, STR("TZif2"));
    buf_put(out, str_n(unused, sizeof(unused)));
    tzif_put(out, 0, 4);
    tzif_put(out, 0, 4);
    tzif_put(out, leaps, 4);
    tzif_put(out, changes, 4);
    tzif_put(out, types, 4);
    tzif_put(out, 4, 4);
}

static void tzif_write(const struct tzif *z, struct buf *out)
{
    tzif_put_header(out, 0, 0, 1); /* for old readers: nothing but one type and its name */
    tzif_put(out, 0, 6);
    tzif_put(out, 0, 4);
    tzif_put_header(out, z->leap_count, z->change_count, z->type_count);
    for (size_t i = 0; i < z->change_count; i++)
        tzif_put(out, (uint64_t)z->changes[i].at_s, 8);
    for (size_t i = 0; i < z->change_count; i++)
        tzif_put(out, z->changes[i].type, 1);
    for (size_t i = 0; i < z->type_count; i++) {
        tzif_put(out, (uint32_t)z->offsets_s[i], 4);
        tzif_put(out, 0, 2);
    }
    buf_put(out, str_n("ABC\0", 4));
    buf_printf(out, "\n%s\n", z->rule);
}
