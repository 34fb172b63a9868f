/* host_sample.c: names and choices of host_sample.h. */
#include "watch/host_sample.h"

#include "base/macros.h"

const char *sample_scope_name(enum sample_scope scope)
{
    return scope == SAMPLE_SCOPE_CGROUP ? "cgroup" : "host";
}

const char *memory_source_name(enum memory_source source)
{
    static const char *const names[] = {
        [MEMORY_SOURCE_KERNEL] = "MemAvailable",
        [MEMORY_SOURCE_REBUILT] = "MemFree + file cache + SReclaimable - low watermarks",
        [MEMORY_SOURCE_FREE_AND_CACHED] = "MemFree + Cached",
        [MEMORY_SOURCE_FREE] = "MemFree",
    };
    ASSERT((size_t)source < ARRAY_LEN(names));
    return names[source];
}

struct reading host_sample_cpu(const struct host_sample *s)
{
    return s->cpu_scope == SAMPLE_SCOPE_CGROUP ? s->cgroup.cpu_percent : s->cpu.percent;
}

struct reading host_sample_memory(const struct host_sample *s)
{
    return s->memory_scope == SAMPLE_SCOPE_CGROUP ? s->cgroup.memory_percent : s->memory.percent;
}
