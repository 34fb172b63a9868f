/*
 * own.c: see own.h.
 *
 * /proc/PID/stat is open to all unless /proc is mounted with hidepid. Open files are counted every
 * FILES_LOOKS looks: the folder's size since Linux 6.2, which everybody may know; before, by listing it,
 * which takes long when there are many and which the unprivileged worker may not do for the supervisor.
 */
#include "watch/own.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "watch/formula.h"
#include "watch/kept_file.h"
#include "watch/open_files.h"
#include "watch/procfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FILES_LOOKS = 5, STAT_BYTES = 1024 };

struct own_process {
    int pid; /* 0: there is none */
    char folder[64];
    struct kept_file stat;
    int64_t taken_ns; /* the look before; 0: none */
    uint64_t ticks;
    struct reading open_files; /* as counted last */
};

struct own {
    char *root; /* owned */
    int64_t tick_ns;
    uint64_t page_bytes, looks;
    int restarts;
    struct own_process worker, supervisor;
};

static void init_process(struct own_process *p, const char *root, int pid)
{
    char path[96];
    p->pid = pid;
    (void)snprintf(p->folder, sizeof(p->folder), "/proc/%d", pid);
    (void)snprintf(path, sizeof(path), "%s/stat", p->folder);
    kept_file_init(&p->stat, root, path);
}

struct own *own_new(const struct own_params *params)
{
    struct own *o = NEW(struct own);
    o->root = mem_strdup(params->root);
    o->tick_ns = NS_PER_S / sysconf(_SC_CLK_TCK);
    o->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    o->restarts = params->restarts;
    init_process(&o->worker, o->root, getpid());
    init_process(&o->supervisor, o->root, params->supervisor_pid);
    return o;
}

void own_free(struct own *o)
{
    if (o == NULL)
        return;
    kept_file_fini(&o->worker.stat);
    kept_file_fini(&o->supervisor.stat);
    free(o->root);
    free(o);
}

static void set_unknown(struct process_sample *s, const char *why)
{
    s->cpu_percent = s->cpu_seconds = s->memory_bytes = s->threads = s->open_files = reading_unknown(why);
}

static void count_open_files(const struct own *o, struct own_process *p)
{
    char path[4096];
    uint32_t count;
    const char *why;
    (void)snprintf(path, sizeof(path), "%s%s/fd", o->root, p->folder);
    p->open_files =
        open_files_count(AT_FDCWD, path, &count, &why) ? reading_known(count) : reading_unknown(why);
}

static void take_process(const struct own *o, struct own_process *p, int64_t now_ns, struct process_sample *s)
{
    char buffer[STAT_BYTES];
    struct str text;
    struct process_line line;
    const char *why = "/proc/PID/stat is not as expected";
    s->pid = p->pid;
    if (p->pid == 0) {
        set_unknown(s, "there is no supervisor");
        return;
    }
    if (!kept_file_read(&p->stat, buffer, sizeof(buffer), &text, &why) ||
        !procfs_parse_process(text, &line)) {
        p->taken_ns = 0;
        set_unknown(s, why);
        return;
    }
    if (o->looks % FILES_LOOKS == 0)
        count_open_files(o, p);
    s->cpu_percent = p->taken_ns ? formula_rate(p->ticks, line.own_ticks, now_ns - p->taken_ns)
                                 : reading_unknown(formula_first_sample);
    s->cpu_percent.value *= (double)o->tick_ns / (double)NS_PER_S * 100;
    s->cpu_seconds = reading_known((double)line.own_ticks * (double)o->tick_ns / (double)NS_PER_S);
    s->memory_bytes = reading_known((double)(line.resident_pages * o->page_bytes));
    s->threads = reading_known(line.threads);
    s->open_files = p->open_files;
    p->taken_ns = MAX(now_ns, 1);
    p->ticks = line.own_ticks;
}

static void take_limit(struct own_sample *s)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == 0 || limit.rlim_cur == RLIM_INFINITY) {
        s->files_limit = s->files_percent = reading_unknown("there is no limit");
        return;
    }
    s->files_limit = reading_known((double)limit.rlim_cur);
    s->files_percent = s->worker.open_files;
    if (s->files_percent.is_known)
        s->files_percent.value = formula_percent((uint64_t)s->files_percent.value, limit.rlim_cur);
}

void own_take(struct own *o, int64_t now_ns, struct own_sample *ret_sample)
{
    take_process(o, &o->worker, now_ns, &ret_sample->worker);
    take_process(o, &o->supervisor, now_ns, &ret_sample->supervisor);
    take_limit(ret_sample);
    ret_sample->restarts = o->restarts >= 0 ? reading_known(o->restarts)
                                            : reading_unknown("there is no supervisor that counts them");
    o->looks++;
}
