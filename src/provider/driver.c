#include "provider/driver.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TIME_S_MAX 9e9 /* the year 2255: beyond it nanoseconds do not fit */

static void make_one_line(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = ' ';
}

bool driver_fail(struct driver_failure *f, enum driver_fault fault, const char *format, ...)
{
    va_list values;
    *f = (struct driver_failure){.fault = fault};
    va_start(values, format);
    (void)vsnprintf(f->text, sizeof(f->text), format, values);
    va_end(values);
    make_one_line(f->text);
    return false;
}

void instance_set_detail(struct instance *i, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(i->detail, sizeof(i->detail), format, values);
    va_end(values);
    make_one_line(i->detail);
}

bool instance_list_has(const struct instance_list *list, const char *id)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].id, id) == 0)
            return true;
    return false;
}

int64_t instance_time_ns(double seconds)
{
    return seconds > 0 && seconds < TIME_S_MAX ? (int64_t)(seconds * 1e9) : 0;
}
