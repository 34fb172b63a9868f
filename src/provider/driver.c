#include "provider/driver.h"

#include <stdarg.h>
#include <stdio.h>

bool driver_fail(struct driver_failure *f, enum driver_fault fault, const char *format, ...)
{
    va_list values;
    *f = (struct driver_failure){.fault = fault};
    va_start(values, format);
    (void)vsnprintf(f->text, sizeof(f->text), format, values);
    va_end(values);
    return false;
}
