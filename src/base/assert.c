#include "base/macros.h"

#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *condition, const char *file, int line, const char *function)
{
    fprintf(stderr, "weir: bug: %s:%d: %s: assertion failed: %s\n", file, line, function, condition);
    abort();
}
