#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 2048 };

static _Atomic int least_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level least)
{
    atomic_store_explicit(&least_level, least, memory_order_relaxed);
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"debug", "info ", "warn ", "error"};
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed))
        return;
    char line[LINE_BYTES_MAX], stamp[CLOCK_RFC3339_BYTES];
    int n = snprintf(line, sizeof(line), "%s %s ", clock_format_rfc3339(stamp, clock_wall_ns()), names[level]);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
    va_end(args);
    size_t len = MIN((size_t)(n + MAX(more, 0)), sizeof(line) - 1);
    line[len] = '\n';
    (void)!write(STDERR_FILENO, line, len + 1);
}
