#include "supervisor/lines.h"

#include "base/macros.h"

static void finish_line(struct lines *l, const struct lines_sink *sink)
{
    if (l->len && l->partial[l->len - 1] == '\r')
        l->len--;
    struct str line = str_n(l->partial, l->len);
    str_copy(l->kept[l->kept_count % LINES_KEPT_MAX], sizeof(l->kept[0]), line);
    l->kept_count++;
    sink->on_line(sink->context, line);
    l->len = 0;
}

static void append(struct lines *l, struct str bytes)
{
    ASSERT(bytes.len <= LINES_BYTES_MAX - l->len);
    for (size_t i = 0; i < bytes.len; i++)
        l->partial[l->len++] = bytes.ptr[i] ? bytes.ptr[i] : '?';
}

void lines_feed(struct lines *l, struct str bytes, const struct lines_sink *sink)
{
    while (bytes.len) {
        size_t line_end, room = LINES_BYTES_MAX - l->len;
        bool has_end = str_find(bytes, '\n', &line_end);
        size_t take = MIN(has_end ? line_end : bytes.len, room);
        append(l, str_n(bytes.ptr, take));
        has_end = has_end && take == line_end;
        bytes = str_n(bytes.ptr + take + has_end, bytes.len - take - has_end);
        if (has_end || l->len == LINES_BYTES_MAX)
            finish_line(l, sink);
    }
}

void lines_flush(struct lines *l, const struct lines_sink *sink)
{
    if (l->len)
        finish_line(l, sink);
}

void lines_format_kept(const struct lines *l, struct buf *out)
{
    unsigned first = l->kept_count > LINES_KEPT_MAX ? l->kept_count - LINES_KEPT_MAX : 0;
    for (unsigned i = first; i < l->kept_count; i++)
        buf_printf(out, "%s\n", l->kept[i % LINES_KEPT_MAX]);
}
