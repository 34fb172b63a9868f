/*
 * formula.c: see formula.h. The order of the operations is psutil's too, so that the last bit agrees before
 * rounding.
 */
#include "watch/formula.h"

#include "base/clock.h"
#include "base/macros.h"

#include <stdio.h>
#include <stdlib.h>

double formula_round_tenth(double value)
{
    /* printf rounds the exact binary value correctly, as Python does; value * 10 would round twice. */
    char text[64];
    snprintf(text, sizeof(text), "%.1f", value);
    return strtod(text, NULL);
}

double formula_percent(uint64_t used, uint64_t total)
{
    return total == 0 ? 0 : formula_round_tenth((double)used / (double)total * 100);
}

const char formula_first_sample[] = "this is the first sample: two are needed";

static struct reading ran_backwards(void)
{
    return reading_unknown("the counter ran backwards");
}

struct reading formula_rate(uint64_t before, uint64_t now, int64_t elapsed_ns)
{
    if (now < before)
        return ran_backwards();
    if (elapsed_ns <= 0)
        return reading_unknown("no time has passed since the sample before");
    return reading_known((double)(now - before) / ((double)elapsed_ns / (double)NS_PER_S));
}

struct reading formula_time_share(uint64_t before, uint64_t now, int64_t unit_ns, int64_t elapsed_ns)
{
    struct reading r = formula_rate(before, now, elapsed_ns);
    if (r.is_known) {
        double percent = r.value * (double)unit_ns / (double)NS_PER_S * 100;
        r.value = formula_round_tenth(MIN(percent, 100.0));
    }
    return r;
}

void formula_cpu(const struct cpu_ticks *before, const struct cpu_ticks *now, struct cpu_sample *ret_sample)
{
    uint64_t delta[CPU_COLUMN_COUNT], sum = 0;
    for (size_t i = 0; i < CPU_COLUMN_COUNT; i++) {
        delta[i] = now->columns[i] > before->columns[i] ? now->columns[i] - before->columns[i] : 0;
        sum += delta[i];
    }
    uint64_t total = sum - delta[CPU_GUEST] - delta[CPU_GUEST_NICE];
    uint64_t waiting = delta[CPU_IDLE] + delta[CPU_IOWAIT];
    uint64_t busy = total > waiting ? total - waiting : 0;
    ret_sample->total_ticks = total;
    ret_sample->busy_ticks = busy;
    if (total == 0) {
        struct reading still = reading_unknown("the kernel's CPU counters stand still");
        ret_sample->percent = ret_sample->iowait_percent = ret_sample->steal_percent = still;
        return;
    }
    ret_sample->percent = reading_known(formula_percent(busy, total));
    ret_sample->iowait_percent = reading_known(formula_percent(delta[CPU_IOWAIT], total));
    ret_sample->steal_percent = reading_known(formula_percent(delta[CPU_STEAL], total));
}

bool formula_needs_zoneinfo(const struct meminfo *m)
{
    return !m->has_available || m->available == 0;
}

/* What the kernel's si_mem_available() would say, from what older kernels print. */
static uint64_t rebuild_available(const struct meminfo *m, uint64_t low_pages, uint64_t page_bytes,
                                  enum memory_source *ret_source)
{
    if (!m->has_active_file || !m->has_inactive_file || !m->has_slab_reclaimable || low_pages == UINT64_MAX) {
        *ret_source = MEMORY_SOURCE_FREE_AND_CACHED;
        return m->free + m->cached;
    }
    *ret_source = MEMORY_SOURCE_REBUILT;
    double low = (double)low_pages * (double)page_bytes;
    double page_cache = (double)m->active_file + (double)m->inactive_file;
    double slab = (double)m->slab_reclaimable;
    double available = (double)m->free - low;
    available += page_cache - MIN(page_cache / 2, low);
    available += slab - MIN(slab / 2, low);
    return available > 0 ? (uint64_t)available : 0;
}

void formula_memory(const struct meminfo *m, uint64_t zoneinfo_low_pages, uint64_t page_bytes,
                    struct memory_sample *ret_sample)
{
    enum memory_source source = MEMORY_SOURCE_KERNEL;
    uint64_t available = m->available;
    if (formula_needs_zoneinfo(m))
        available = rebuild_available(m, zoneinfo_low_pages, page_bytes, &source);
    if (available > m->total) { /* seen inside LXC */
        source = MEMORY_SOURCE_FREE;
        available = MIN(m->free, m->total);
    }
    *ret_sample = (struct memory_sample){
        .percent = reading_known(formula_percent(m->total - available, m->total)),
        .total_bytes = m->total,
        .available_bytes = available,
        .source = source,
    };
}

void formula_swap(const struct meminfo *m, struct swap_sample *ret_sample)
{
    *ret_sample =
        (struct swap_sample){.total_bytes = m->swap_total, .free_bytes = MIN(m->swap_free, m->swap_total)};
    if (!m->has_swap_total || !m->has_swap_free) {
        ret_sample->percent = reading_unknown("/proc/meminfo does not tell of swap");
        return;
    }
    uint64_t used = ret_sample->total_bytes - ret_sample->free_bytes;
    ret_sample->percent = reading_known(formula_percent(used, ret_sample->total_bytes));
}

void formula_disk(const struct disk_counts *c, struct disk_sample *ret_sample)
{
    uint64_t free_blocks = MIN(c->blocks_free, c->blocks);
    uint64_t used = (c->blocks - free_blocks) * c->fragment_bytes;
    uint64_t available = c->blocks_available * c->fragment_bytes;
    ret_sample->total_bytes = c->blocks * c->fragment_bytes;
    ret_sample->used_bytes = used;
    ret_sample->available_bytes = available;
    /* Blocks kept back for root are in neither number: 100 % is when users can write no more. */
    ret_sample->percent = c->blocks ? reading_known(formula_percent(used, used + available))
                                    : reading_unknown("the file system has no size");
    ret_sample->inodes_percent =
        c->inodes ? reading_known(formula_percent(c->inodes - MIN(c->inodes_free, c->inodes), c->inodes))
                  : reading_unknown("the file system does not count inodes");
}
