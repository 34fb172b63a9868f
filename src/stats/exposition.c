/* exposition.c: see exposition.h. */
#include "stats/exposition.h"

void exposition_begin(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void exposition_put_label(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_put_char(out, '\\');
        if (*text == '\n')
            buf_put(out, STR("\\n"));
        else
            buf_put_char(out, *text);
    }
}

void exposition_put_one(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    exposition_begin(out, name, type, help);
    buf_printf(out, "%s %.15g\n", name, value);
}
