/* sparkline.c: see sparkline.h. The newest value is a running mean until its time is over. */
#include "watch/sparkline.h"

#include "base/macros.h"

#include <math.h>

static uint32_t newest(const struct sparkline *s)
{
    return (s->next + SPARKLINE_VALUES - 1) % SPARKLINE_VALUES;
}

void sparkline_add(struct sparkline *s, struct reading r, int64_t now_ns)
{
    if (s->count == 0 || now_ns - s->begin_ns >= s->step_ns) {
        s->values[s->next] = NAN;
        s->next = (s->next + 1) % SPARKLINE_VALUES;
        s->count = MIN(s->count + 1, (uint32_t)SPARKLINE_VALUES);
        s->begin_ns = now_ns;
        s->readings = 0;
    }
    if (!r.is_known)
        return;
    float *value = &s->values[newest(s)];
    float before = s->readings ? *value : 0;
    s->readings++;
    *value = before + ((float)r.value - before) / (float)s->readings;
}

float sparkline_at(const struct sparkline *s, size_t i)
{
    ASSERT(i < s->count);
    return s->values[(s->next + SPARKLINE_VALUES - s->count + i) % SPARKLINE_VALUES];
}
