/* terminal.h: what goes to people: colours where they are wanted, columns that line up. */
#pragma once
#include "base/buf.h"

#include <stdbool.h>

/* A terminal that wants colours: NO_COLOR is unset or empty, TERM is not "dumb"; CLICOLOR_FORCE overrides. */
bool terminal_has_colour(int fd);
/* Writes text with control characters replaced: names come from elsewhere. */
void terminal_put(struct buf *out, const char *text);

enum { TABLE_COLUMNS_MAX = 16 };

/* Rows of cells; the columns' widths come from the cells. The first row is the heading. */
struct table {
    size_t column_count;
    bool is_right[TABLE_COLUMNS_MAX]; /* numbers stand right */
    size_t cell_count;
    char **cells; /* owned */
};

void table_init(struct table *t, const char *const *headings, size_t column_count);
void table_fini(struct table *t);
/* Cells are added row by row, left to right; the text is copied, control characters replaced. */
void table_put(struct table *t, const char *format, ...) PRINTF_LIKE(2, 3);
void table_format(const struct table *t, bool has_colour, struct buf *out);
