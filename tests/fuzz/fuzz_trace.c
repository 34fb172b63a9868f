/*
 * Any bytes as recorded load: CSV, or an access log. What must hold: nothing crashes or reads beyond a line;
 * a trace has bins of a width and in each a number; what is refused is told with its line.
 */
#include "scale/simulate/log_time.h"
#include "scale/simulate/trace.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SPAN_S_MAX = 100000 }; /* of a log: more only takes longer */

/* Each line as both formats of logs; tells whether the times are so near each other that all may be read. */
static bool try_lines(struct str text)
{
    int64_t s, least = INT64_MAX, most = INT64_MIN;
    struct err err = {0};
    struct str line;
    while (str_split(&text, '\n', &line)) {
        bool is_good = log_time_of_combined(line, &s, &err) || log_time_of_json(line, &s, &err);
        ASSERT(is_good || err.text[0]);
        least = is_good ? MIN(least, s) : least;
        most = is_good ? MAX(most, s) : most;
    }
    return least > most || most - least < SPAN_S_MAX;
}

static void check(const struct trace *t)
{
    ASSERT(isfinite(t->bin_s) && t->bin_s > 0 && t->bin_count >= 1 && t->bin_count <= TRACE_BINS_MAX);
    for (size_t i = 0; i < MIN(t->bin_count, (size_t)SPAN_S_MAX); i++)
        ASSERT(t->requests[i] >= 0 && t->requests[i] <= TRACE_REQUESTS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace t = {0};
    struct err err = {0};
    if (size == 0 || !try_lines(str_n((const char *)data, size)))
        return 0;
    FILE *in = fmemopen((void *)data, size, "r"); /* it is only read */
    ASSERT(in);
    if (trace_read(in, "trace", &t, &err)) {
        check(&t);
        trace_fini(&t);
    } else {
        ASSERT(str_starts_with(str_of(err.text), STR("trace:")));
    }
    fclose(in);
    return 0;
}
