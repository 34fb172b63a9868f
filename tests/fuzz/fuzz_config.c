/*
 * Any bytes as a configuration. What must hold: nothing crashes; every diagnostic lies inside the text, on
 * its line, in the order of the text; it can be drawn; without errors there is a configuration, with errors
 * there is none; and an accepted text, written out, is read as the same configuration again.
 *
 *   CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
 *   ninja -C build-fuzz && build-fuzz/tests/fuzz/fuzz_config tests/fuzz/config
 */
#include "base/buf.h"
#include "base/macros.h"
#include "config/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_diagnostics(const struct diagnostics *d)
{
    size_t before = 0;
    ASSERT(d->count + d->dropped_count == d->error_count + d->warning_count);
    for (size_t i = 0; i < d->count; i++) {
        const struct diagnostic *item = &d->items[i];
        ASSERT(item->text.len > 0);
        ASSERT(item->offset <= d->source.len && item->length <= d->source.len - item->offset);
        ASSERT(item->length == 0 || !memchr(d->source.ptr + item->offset, '\n', item->length));
        ASSERT(item->offset >= before);
        ASSERT(!item->has_place || (item->line >= 1 && item->column >= 1));
        before = item->offset;
    }
    struct buf picture = {0};
    diagnostics_print(d, false, &picture);
    buf_fini(&picture);
}

static struct config *read_and_check(struct str text)
{
    struct diagnostics d;
    struct config *c = config_read("fuzz", text, &d);
    check_diagnostics(&d);
    ASSERT((c == NULL) == (d.error_count > 0));
    diagnostics_fini(&d);
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = read_and_check(str_n((const char *)data, size));
    if (!c)
        return 0;
    struct buf first = {0}, second = {0};
    config_format(c, &first);
    config_free(c);
    c = read_and_check(buf_str(&first));
    ASSERT(c != NULL);
    config_format(c, &second);
    ASSERT(str_eq(buf_str(&first), buf_str(&second)));
    config_free(c);
    buf_fini(&first);
    buf_fini(&second);
    return 0;
}
