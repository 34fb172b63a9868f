/* reading.h: a number or the reason why there is none. What could not be read is unknown, never 0. */
#pragma once
#include <stdbool.h>

struct reading {
    bool is_known;
    double value;
    const char *why_unknown; /* constant text, NULL when known */
};

static inline struct reading reading_known(double value)
{
    return (struct reading){.is_known = true, .value = value};
}

static inline struct reading reading_unknown(const char *why)
{
    return (struct reading){.why_unknown = why};
}
