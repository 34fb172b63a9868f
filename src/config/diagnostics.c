/*
 * A diagnostic keeps a byte range of the source; line and column are counted when it is added, the picture of
 * the line is drawn when it is printed. Drawing goes character by character: each has a width on the terminal
 * (0 for combining marks, 2 for wide East Asian ones), so the caret stands under the right one; tabs count as
 * one blank; bytes that are no UTF-8 and control characters show as '?', so that a hostile file cannot steer
 * the terminal; secrets show as '*'.
 */
#include "config/diagnostics.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { PICTURE_COLUMNS = 140, CARET_CONTEXT_COLUMNS = 60, FAR_BYTES = 4096, TEXT_BYTES_MAX = 1024 };

void diagnostics_init(struct diagnostics *d, const char *file_name, struct str source)
{
    struct arena *arena = arena_new();
    *d = (struct diagnostics){
        .arena = arena,
        .file_name = arena_copy_str(arena, str_of(file_name)),
        .source = arena_copy_str(arena, source),
        .items = ARENA_ARRAY(arena, struct diagnostic, DIAGNOSTICS_MAX),
    };
}

void diagnostics_fini(struct diagnostics *d)
{
    arena_free(d->arena);
    free(d->secrets);
    *d = (struct diagnostics){0};
}

static struct str format_text(struct diagnostics *d, const char *format, va_list args) PRINTF_LIKE(2, 0);
static struct str format_text(struct diagnostics *d, const char *format, va_list args)
{
    char text[TEXT_BYTES_MAX];
    vsnprintf(text, sizeof(text), format, args);
    return arena_copy_str(d->arena, str_of(text));
}

static struct diagnostic *take_item(struct diagnostics *d, enum diagnostic_severity severity)
{
    if (severity == DIAGNOSTIC_ERROR)
        d->error_count++;
    else
        d->warning_count++;
    if (d->count == DIAGNOSTICS_MAX) {
        d->dropped_count++;
        return NULL;
    }
    struct diagnostic *item = &d->items[d->count++];
    item->severity = severity;
    item->hint = item->option = STR("");
    return item;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static size_t line_start(struct str source, size_t offset)
{
    while (offset && source.ptr[offset - 1] != '\n')
        offset--;
    return offset;
}

static size_t line_end(struct str source, size_t offset)
{
    while (offset < source.len && source.ptr[offset] != '\n')
        offset++;
    return offset > 0 && offset < source.len && source.ptr[offset - 1] == '\r' ? offset - 1 : offset;
}

static void set_place(struct diagnostic *item, struct str source, size_t offset, size_t length)
{
    offset = MIN(offset, source.len);
    size_t end = line_end(source, offset);
    item->has_place = true;
    item->offset = offset;
    item->length = end > offset ? MIN(length, end - offset) : 0;
    item->line = item->column = 1;
    for (size_t i = 0; i < offset; i++)
        item->line += source.ptr[i] == '\n';
    for (size_t i = line_start(source, offset); i < offset; i++)
        item->column += !is_continuation(source.ptr[i]);
}

struct diagnostic *diagnostics_add(struct diagnostics *d, enum diagnostic_severity severity, size_t offset,
                                   size_t length, const char *format, ...)
{
    struct diagnostic *item = take_item(d, severity);
    if (!item)
        return NULL;
    va_list args;
    va_start(args, format);
    item->text = format_text(d, format, args);
    va_end(args);
    set_place(item, d->source, offset, length);
    return item;
}

void diagnostics_add_general(struct diagnostics *d, const char *format, ...)
{
    struct diagnostic *item = take_item(d, DIAGNOSTIC_ERROR);
    if (!item)
        return;
    va_list args;
    va_start(args, format);
    item->text = format_text(d, format, args);
    va_end(args);
}

void diagnostics_hint(struct diagnostics *d, struct diagnostic *item, const char *format, ...)
{
    if (!item)
        return;
    va_list args;
    va_start(args, format);
    item->hint = format_text(d, format, args);
    va_end(args);
}

void diagnostics_hide(struct diagnostics *d, size_t offset, size_t length)
{
    if (d->secret_count == d->secret_capacity) {
        d->secret_capacity = MAX(d->secret_capacity * 2, (size_t)8);
        d->secrets = mem_realloc(d->secrets, d->secret_capacity * sizeof(*d->secrets));
    }
    offset = MIN(offset, d->source.len);
    length = MIN(length, d->source.len - offset);
    d->secrets[d->secret_count++] = str_n(d->source.ptr + offset, length);
}

static int compare_starts(const void *left, const void *right)
{
    const struct str *a = left, *b = right;
    return a->ptr != b->ptr ? (a->ptr > b->ptr) - (a->ptr < b->ptr) : (a->len > b->len) - (a->len < b->len);
}

/* In their order and without overlaps, for is_secret(). */
static void sort_secrets(struct diagnostics *d)
{
    size_t kept = 0;
    if (d->secret_count == 0)
        return;
    qsort(d->secrets, d->secret_count, sizeof(*d->secrets), compare_starts);
    for (size_t i = 1; i < d->secret_count; i++) {
        struct str *last = &d->secrets[kept], next = d->secrets[i];
        if (next.ptr > last->ptr + last->len)
            d->secrets[++kept] = next;
        else
            last->len = MAX(last->len, (size_t)(next.ptr - last->ptr) + next.len);
    }
    d->secret_count = kept + 1;
}

/* Insertion sort: stable, and there are at most DIAGNOSTICS_MAX. */
void diagnostics_sort(struct diagnostics *d)
{
    sort_secrets(d);
    for (size_t i = 1; i < d->count; i++) {
        struct diagnostic moved = d->items[i];
        size_t at = i;
        for (; at > 0 && d->items[at - 1].offset > moved.offset; at--)
            d->items[at] = d->items[at - 1];
        d->items[at] = moved;
    }
}

/* ---- drawing ---- */

struct glyph {
    size_t bytes; /* of the source */
    int width;    /* columns on the terminal */
    struct str shown;
};

static uint32_t decode_utf8(const unsigned char *p, size_t n)
{
    uint32_t value = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++)
        value = value << 6 | (p[i] & 0x3Fu);
    return value;
}

static size_t utf8_length(struct str s)
{
    unsigned char c = (unsigned char)s.ptr[0];
    size_t n = c < 0x80                ? 1
               : c >= 0xC2 && c < 0xE0 ? 2
               : (c & 0xF0) == 0xE0    ? 3
               : c >= 0xF0 && c < 0xF5 ? 4
                                       : 0;
    if (n == 0 || n > s.len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (!is_continuation(s.ptr[i]))
            return 0;
    return n;
}

/* Columns of a character: Unicode's East Asian Width W and F, and the marks that stand on their neighbour,
 * roughly. */
static int glyph_width(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        int width;
    } ranges[] = {
        {0x0300, 0x036F, 0},   {0x200B, 0x200F, 0},   {0xFE00, 0xFE0F, 0}, {0x1100, 0x115F, 2},
        {0x2E80, 0x303E, 2},   {0x3041, 0xA4CF, 2},   {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2},
        {0xFE30, 0xFE6F, 2},   {0xFF00, 0xFF60, 2},   {0xFFE0, 0xFFE6, 2}, {0x1F300, 0x1F64F, 2},
        {0x1F900, 0x1F9FF, 2}, {0x20000, 0x3FFFD, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return ranges[i].width;
    return 1;
}

/* Binary search: see sort_secrets(). */
static bool is_secret(const struct diagnostics *d, const char *at)
{
    size_t low = 0, high = d->secret_count; /* the last one that begins at or before `at` is in [low, high) */
    if (high == 0 || at < d->secrets[0].ptr)
        return false;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (d->secrets[middle].ptr <= at)
            low = middle;
        else
            high = middle;
    }
    return at < d->secrets[low].ptr + d->secrets[low].len;
}

static struct glyph next_glyph(const struct diagnostics *d, struct str rest)
{
    size_t n = utf8_length(rest);
    uint32_t c = n ? decode_utf8((const unsigned char *)rest.ptr, n) : 0;
    if (is_secret(d, rest.ptr))
        return (struct glyph){MAX(n, (size_t)1), 1, STR("*")};
    if (c == '\t')
        return (struct glyph){1, 1, STR(" ")};
    if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || (c >= 0x202A && c <= 0x202E) ||
        (c >= 0x2066 && c <= 0x2069))
        return (struct glyph){MAX(n, (size_t)1), 1, STR("?")};
    return (struct glyph){n, glyph_width(c), str_n(rest.ptr, n)};
}

static int columns_between(const struct diagnostics *d, size_t from, size_t to)
{
    int columns = 0;
    while (from < to) {
        struct glyph g = next_glyph(d, str_n(d->source.ptr + from, to - from));
        columns += g.width;
        from += g.bytes;
    }
    return columns;
}

/* Moves `from` forward over at least that many columns. */
static size_t skip_columns(const struct diagnostics *d, size_t from, size_t to, int columns)
{
    while (from < to && columns > 0) {
        struct glyph g = next_glyph(d, str_n(d->source.ptr + from, to - from));
        columns -= g.width;
        from += g.bytes;
    }
    return from;
}

/* Writes the glyphs until the columns are used up; false when the line was cut. */
static bool draw_source(const struct diagnostics *d, size_t from, size_t to, int columns, struct buf *out)
{
    while (from < to) {
        struct glyph g = next_glyph(d, str_n(d->source.ptr + from, to - from));
        if (g.width > columns)
            return false;
        buf_put(out, g.shown);
        columns -= g.width;
        from += g.bytes;
    }
    return true;
}

static void draw_picture(const struct diagnostics *d, const struct diagnostic *item, bool has_colour,
                         struct buf *out)
{
    size_t start = line_start(d->source, item->offset), end = line_end(d->source, item->offset);
    bool is_far = item->offset - start > FAR_BYTES;
    if (is_far)
        start = item->offset - FAR_BYTES;
    while (is_far && is_continuation(d->source.ptr[start]))
        start++;
    int caret_column = columns_between(d, start, MIN(item->offset, end));
    bool is_cut_left = caret_column > PICTURE_COLUMNS - CARET_CONTEXT_COLUMNS;
    if (is_cut_left) {
        start = skip_columns(d, start, item->offset, caret_column - CARET_CONTEXT_COLUMNS);
        caret_column = columns_between(d, start, item->offset) + 3;
    }
    buf_printf(out, "%5u | %s", item->line, is_cut_left ? "..." : "");
    bool is_whole = draw_source(d, start, end, PICTURE_COLUMNS - 3 * is_cut_left, out);
    buf_printf(out, "%s\n      | %*s%s", is_whole ? "" : "...", caret_column, "",
               has_colour ? "\033[1;31m" : "");
    int caret_count = columns_between(d, item->offset, item->offset + item->length);
    caret_count = MIN(MAX(caret_count, 1), MAX(PICTURE_COLUMNS - caret_column, 1));
    for (int i = 0; i < caret_count; i++)
        buf_put_char(out, '^');
    if (has_colour)
        buf_put(out, STR("\033[0m"));
    if (item->hint.len)
        buf_printf(out, " %.*s", STR_ARG(item->hint));
    buf_put_char(out, '\n');
}

static void print_item(const struct diagnostics *d, const struct diagnostic *item, bool has_colour,
                       struct buf *out)
{
    const char *bold = has_colour ? "\033[1m" : "", *plain = has_colour ? "\033[0m" : "";
    const char *prefix = item->severity == DIAGNOSTIC_WARNING ? "warning: " : "";
    if (item->option.len)
        buf_printf(out, "%s%.*s:%s %s%.*s", bold, STR_ARG(item->option), plain, prefix, STR_ARG(item->text));
    else if (!item->has_place)
        buf_printf(out, "%s%.*s:%s %s%.*s", bold, STR_ARG(d->file_name), plain, prefix, STR_ARG(item->text));
    else
        buf_printf(out, "%s%.*s:%u:%u:%s %s%.*s", bold, STR_ARG(d->file_name), item->line, item->column,
                   plain, prefix, STR_ARG(item->text));
    bool has_picture = item->has_place && !item->option.len;
    if (!has_picture && item->hint.len)
        buf_printf(out, "; %.*s", STR_ARG(item->hint));
    buf_put_char(out, '\n');
    if (has_picture)
        draw_picture(d, item, has_colour, out);
}

void diagnostics_print(const struct diagnostics *d, bool has_colour, struct buf *out)
{
    for (size_t i = 0; i < d->count; i++)
        print_item(d, &d->items[i], has_colour, out);
    if (d->dropped_count)
        buf_printf(out, "%.*s: and %zu more\n", STR_ARG(d->file_name), d->dropped_count);
}
