#include "base/clock.h"

#include <stdio.h>

char *clock_format_rfc3339(char out[CLOCK_RFC3339_BYTES], int64_t wall_ns)
{
    time_t seconds = wall_ns / NS_PER_S;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(out, CLOCK_RFC3339_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, CLOCK_RFC3339_BYTES - n, ".%03uZ", (unsigned)(wall_ns % NS_PER_S / NS_PER_MS) % 1000);
    return out;
}
