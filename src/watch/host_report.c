/* host_report.c: see host_report.h. What alerts look at is chosen here: the control group's number when it
 * has a limit, else the host's, and the note says which. */
#include "watch/host_report.h"

#include "base/units.h"

static const struct subject machine;

static void put_cpu(const struct host_sample *s, struct board *b)
{
    if (s->cpu_scope == SAMPLE_SCOPE_CGROUP)
        board_put_note(b, METRIC_CPU, &machine, host_sample_cpu(s),
                       "of the %.2f CPUs that control group %s may use", s->cgroup.cpu_group_cpus,
                       s->cgroup.cpu_group);
    else
        board_put_note(b, METRIC_CPU, &machine, host_sample_cpu(s), "of %u CPUs", s->cpu.cpu_count);
    board_put(b, METRIC_CPU_IOWAIT, &machine, s->cpu.iowait_percent);
    board_put(b, METRIC_CPU_STEAL, &machine, s->cpu.steal_percent);
}

static void put_memory(const struct host_sample *s, struct board *b)
{
    char of[UNITS_TEXT_BYTES], left[UNITS_TEXT_BYTES];
    if (s->memory_scope == SAMPLE_SCOPE_CGROUP)
        board_put_note(b, METRIC_MEMORY, &machine, host_sample_memory(s),
                       "of the %s that control group %s may use",
                       units_format_size(of, s->cgroup.memory_group_limit_bytes), s->cgroup.memory_group);
    else
        board_put_note(b, METRIC_MEMORY, &machine, host_sample_memory(s), "of %s; %s available",
                       units_format_size(of, s->memory.total_bytes),
                       units_format_size(left, s->memory.available_bytes));
    board_put(b, METRIC_SWAP, &machine, s->swap.percent);
}

static void put_disk(const struct disk_sample *d, struct board *b)
{
    char of[UNITS_TEXT_BYTES], left[UNITS_TEXT_BYTES];
    struct subject subject = {.names = {d->path}};
    board_put_note(b, METRIC_DISK, &subject, d->percent, "%s of %s left",
                   units_format_size(left, d->available_bytes), units_format_size(of, d->total_bytes));
    board_put(b, METRIC_DISK_INODES, &subject, d->inodes_percent);
}

void host_report(const struct host_sample *s, struct board *b)
{
    put_cpu(s, b);
    put_memory(s, b);
    for (uint32_t i = 0; i < s->disk_count; i++)
        put_disk(&s->disks[i], b);
}
