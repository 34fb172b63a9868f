#include "cli/terminal.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

bool terminal_has_colour(int fd)
{
    const char *force = getenv("CLICOLOR_FORCE"), *none = getenv("NO_COLOR"), *term = getenv("TERM");
    if (none && none[0])
        return false;
    if (force && force[0] && strcmp(force, "0") != 0)
        return true;
    return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

void terminal_put(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_put_char(out, is_control(*text) ? '?' : *text);
}

void table_init(struct table *t, const char *const *headings, size_t column_count)
{
    ASSERT(column_count > 0 && column_count <= TABLE_COLUMNS_MAX);
    *t = (struct table){.column_count = column_count};
    for (size_t i = 0; i < column_count; i++) {
        t->is_right[i] = headings[i][0] == '>';
        table_put(t, "%s", headings[i] + t->is_right[i]);
    }
}

void table_fini(struct table *t)
{
    for (size_t i = 0; i < t->cell_count; i++)
        free(t->cells[i]);
    free(t->cells);
    *t = (struct table){0};
}

void table_put(struct table *t, const char *format, ...)
{
    struct buf text = {0}, clean = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    buf_put(&clean, STR(""));
    terminal_put(&clean, text.ptr);
    buf_fini(&text);
    t->cells = mem_realloc(t->cells, (t->cell_count + 1) * sizeof(*t->cells));
    t->cells[t->cell_count++] = clean.ptr;
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static size_t column_width(const struct table *t, size_t column)
{
    size_t width = 0;
    for (size_t i = column; i < t->cell_count; i += t->column_count)
        width = MAX(width, width_of(t->cells[i]));
    return width;
}

static void put_cell(const struct table *t, size_t i, size_t width, struct buf *out)
{
    size_t column = i % t->column_count, padding = width - width_of(t->cells[i]);
    bool is_last = column + 1 == t->column_count;
    if (t->is_right[column])
        buf_printf(out, "%*s%s", (int)padding, "", t->cells[i]);
    else
        buf_printf(out, "%s%*s", t->cells[i], is_last ? 0 : (int)padding, "");
    buf_put(out, is_last ? STR("\n") : STR("  "));
}

void table_format(const struct table *t, bool has_colour, struct buf *out)
{
    size_t widths[TABLE_COLUMNS_MAX];
    ASSERT(t->cell_count % t->column_count == 0);
    for (size_t i = 0; i < t->column_count; i++)
        widths[i] = column_width(t, i);
    if (has_colour)
        buf_put(out, STR("\033[1m"));
    for (size_t i = 0; i < t->cell_count; i++) {
        put_cell(t, i, widths[i % t->column_count], out);
        if (has_colour && i + 1 == t->column_count)
            buf_put(out, STR("\033[0m"));
    }
}
