/* paging.c: see paging.h. Each line stands for itself: a kernel without swap prints no pswpin, one before
 * 4.13 no oom_kill, and the others are known all the same. */
#include "watch/paging.h"

#include "base/macros.h"
#include "watch/formula.h"
#include "watch/procfs.h"

#include <unistd.h>

void paging_init(struct paging *p, const char *root)
{
    *p = (struct paging){.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE)};
    kept_file_init(&p->file, root, "/proc/vmstat");
}

void paging_fini(struct paging *p)
{
    kept_file_fini(&p->file);
}

/* The rate of the line `key` times scale; *ret_total (may be NULL): since boot, the same. */
static struct reading take_line(const struct paging *p, struct str text, struct str key, uint64_t scale,
                                int64_t now_ns, uint64_t *pages, struct reading *ret_total)
{
    uint64_t now, before = *pages;
    struct reading rate = reading_unknown("the kernel does not count it");
    if (ret_total)
        *ret_total = rate;
    if (!procfs_find_number(text, key, &now))
        return rate;
    *pages = now;
    if (ret_total)
        *ret_total = reading_known((double)now * (double)scale);
    if (p->taken_ns == 0)
        return reading_unknown(formula_first_sample);
    rate = formula_rate(before, now, now_ns - p->taken_ns);
    rate.value *= (double)scale;
    return rate;
}

void paging_take(struct paging *p, char *scratch, size_t scratch_bytes, int64_t now_ns,
                 struct paging_sample *ret_sample)
{
    struct paging_sample *s = ret_sample;
    struct str text = STR("");
    uint64_t kills;
    const char *why = NULL;
    if (!kept_file_read(&p->file, scratch, scratch_bytes, &text, &why)) {
        p->taken_ns = 0;
        s->swapped_in_rate = s->swapped_out_rate = s->major_faults_rate = reading_unknown(why);
        s->swapped_in_bytes = s->swapped_out_bytes = s->oom_kills = reading_unknown(why);
        s->oom_kills_recent = recent_add(&p->oom_kills, s->oom_kills, now_ns);
        return;
    }
    s->swapped_in_rate =
        take_line(p, text, STR("pswpin"), p->page_bytes, now_ns, &p->swapped_in, &s->swapped_in_bytes);
    s->swapped_out_rate =
        take_line(p, text, STR("pswpout"), p->page_bytes, now_ns, &p->swapped_out, &s->swapped_out_bytes);
    s->major_faults_rate = take_line(p, text, STR("pgmajfault"), 1, now_ns, &p->major_faults, NULL);
    s->oom_kills = procfs_find_number(text, STR("oom_kill"), &kills)
                       ? reading_known((double)kills)
                       : reading_unknown("the kernel does not count them");
    s->oom_kills_recent = recent_add(&p->oom_kills, s->oom_kills, now_ns);
    p->taken_ns = MAX(now_ns, 1);
}
