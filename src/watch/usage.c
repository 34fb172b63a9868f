/*
 * usage.c: see usage.h.
 *
 * A look reads the stat file of each process that is known to belong to a server, then lists /proc and reads
 * those that were not in the list before: a process belongs to a server when it is in the group that the
 * server's process leads, or the child of one that belongs to it (it may have left the group). What belongs
 * to nobody is remembered by its number and not read again, but for a full look now and then, since numbers
 * are used again. So a look costs two microseconds a process of ours and a fifth of one for each other
 * process of the machine.
 *
 * CPU time adds up what every process used since the look before. When a process ends its time does not
 * vanish, it goes to its parent's `children` once that has waited for it. So what `children` grew by counts
 * too, less what was already counted of those that are missing now. A parent may wait a little later than we
 * miss the child: what is owed then is kept for one more look. A parent that never waits (SIGCHLD ignored)
 * loses the last moments of its children and nothing else.
 *
 * Invariants:
 * 1. CPU time never goes back.
 * 2. What cannot be read is unknown, with the reason.
 *
 * Rejected: /proc/PID/task/TID/children, which costs a read for each thread and is not in every kernel;
 * the proportional set size, which walks the page tables of every process and is closed to other users.
 */
#include "watch/usage.h"

#include "base/clock.h"
#include "base/mem.h"
#include "watch/open_files.h"
#include "watch/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FULL_LOOKS = 64,   /* every so many looks nothing is taken for known */
    STAT_BYTES = 1024, /* of a line in /proc/PID/stat: 52 numbers and a short name */
};

struct process {
    int pid;
    bool is_there; /* in the present look */
    struct process_line line;
};

struct tracked {
    struct usage_server server;
    struct process *processes; /* owned; parents stand before their children, the leader first */
    uint32_t count, capacity;
    bool has_begun;   /* its leader was seen */
    bool is_overfull; /* it has more processes than are followed */
    uint64_t cpu_ticks;
    uint64_t
        owed_ticks; /* counted of processes that were missing in the last look and did not turn up since */
    struct moment {
        int64_t at_ns;
        uint64_t cpu_ticks;
    } moments[USAGE_SHARE_LOOKS]; /* ring: of the last looks */
    uint32_t moment_count;
    struct usage_sample sample;
};

struct usage {
    char *proc; /* owned: "/proc" behind the root */
    uint64_t tick_ns, page_bytes;
    uint64_t looks;
    int64_t cost_ns;
    struct tracked *servers; /* owned */
    size_t count;
    int *listed; /* owned; sorted: what /proc had in the last look */
    size_t listed_count;
};

struct usage *usage_new(const char *root)
{
    struct usage *u = NEW(struct usage);
    size_t bytes = strlen(root) + sizeof("/proc");
    u->proc = mem_alloc(bytes);
    (void)snprintf(u->proc, bytes, "%s/proc", root);
    u->tick_ns = (uint64_t)(NS_PER_S / sysconf(_SC_CLK_TCK));
    u->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    return u;
}

void usage_free(struct usage *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->count; i++)
        free(u->servers[i].processes);
    free(u->servers);
    free(u->listed);
    free(u->proc);
    free(u);
}

/* --- one process ------------------------------------------------------------------------------------ */

/* false: *ret_why is a constant text. */
static bool read_process(int proc_fd, int pid, struct process_line *ret_line, const char **ret_why)
{
    char path[32], text[STAT_BYTES];
    (void)snprintf(path, sizeof(path), "%d/stat", pid);
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (n < 0)
        *ret_why = errno == ENOENT || errno == ESRCH ? "there is no such process" : strerrordesc_np(errno);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    if (procfs_parse_process(str_n(text, (size_t)n), ret_line))
        return true;
    *ret_why = "/proc/PID/stat is not as expected";
    return false;
}

static bool count_files(int proc_fd, int pid, uint32_t *ret_count)
{
    char path[32];
    const char *why;
    (void)snprintf(path, sizeof(path), "%d/fd", pid);
    return open_files_count(proc_fd, path, ret_count, &why);
}

/* --- the processes of a server ---------------------------------------------------------------------- */

static bool has_process(const struct tracked *t, int pid)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->processes[i].is_there && t->processes[i].pid == pid)
            return true;
    return false;
}

static void add_process(struct tracked *t, int pid, const struct process_line *line)
{
    if (t->count == USAGE_PROCESSES_MAX) {
        t->is_overfull = true;
        return;
    }
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 8;
        t->processes = mem_realloc(t->processes, t->capacity * sizeof(*t->processes));
    }
    t->processes[t->count++] = (struct process){.pid = pid, .is_there = true, .line = *line};
    t->cpu_ticks += line->own_ticks + line->children_ticks;
}

/* Takes the missing out, keeping the order. */
static void drop_missing(struct tracked *t)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->processes[i].is_there)
            t->processes[kept++] = t->processes[i];
    t->count = kept;
}

/* Reads those that are known again, and adds up what they used since. */
static void follow_processes(struct tracked *t, int proc_fd)
{
    uint64_t missing_ticks = 0, inherited_ticks = 0;
    const char *why;
    for (uint32_t i = 0; i < t->count; i++) {
        struct process *p = &t->processes[i];
        struct process_line line;
        p->is_there =
            read_process(proc_fd, p->pid, &line, &why) && line.started_ticks == p->line.started_ticks;
        if (!p->is_there) {
            missing_ticks += p->line.own_ticks + p->line.children_ticks;
            continue;
        }
        t->cpu_ticks += line.own_ticks - MIN(p->line.own_ticks, line.own_ticks);
        inherited_ticks += line.children_ticks - MIN(p->line.children_ticks, line.children_ticks);
        p->line = line;
    }
    drop_missing(t);
    uint64_t counted = missing_ticks + t->owed_ticks;
    t->cpu_ticks += inherited_ticks - MIN(counted, inherited_ticks);
    t->owed_ticks = MIN(missing_ticks, counted - MIN(counted, inherited_ticks));
}

/* A leader that has ended is not looked for again: its number may be another's by now. */
static void follow_server(struct tracked *t, int proc_fd)
{
    struct process_line line;
    t->sample.why_unknown = NULL;
    follow_processes(t, proc_fd);
    if (t->has_begun) {
        if (t->count == 0 || t->processes[0].pid != t->server.pid)
            t->sample.why_unknown = "its process has ended";
        return;
    }
    t->has_begun = read_process(proc_fd, t->server.pid, &line, &t->sample.why_unknown);
    if (t->has_begun)
        add_process(t, t->server.pid, &line);
}

/* --- new processes ---------------------------------------------------------------------------------- */

static int compare_pids(const void *a, const void *b)
{
    int left = *(const int *)a, right = *(const int *)b;
    return (left > right) - (left < right);
}

/* All numbers in /proc, sorted; owned by the caller. NULL: it cannot be listed. */
static int *list_processes(int proc_fd, size_t *ret_count)
{
    int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    size_t count = 0, capacity = 256;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    int *pids = NEW_ARRAY(int, capacity);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        uint64_t pid;
        if (!str_parse_u64(str_of(e->d_name), &pid) || pid > INT32_MAX)
            continue;
        if (count == capacity) {
            capacity *= 2;
            pids = mem_realloc(pids, capacity * sizeof(*pids));
        }
        pids[count++] = (int)pid;
    }
    (void)closedir(d);
    qsort(pids, count, sizeof(*pids), compare_pids); /* the kernel lists them so, but does not promise it */
    *ret_count = count;
    return pids;
}

static bool was_listed(const struct usage *u, int pid)
{
    return u->listed && bsearch(&pid, u->listed, u->listed_count, sizeof(int), compare_pids) != NULL;
}

static bool is_followed(const struct usage *u, int pid)
{
    for (size_t i = 0; i < u->count; i++)
        if (has_process(&u->servers[i], pid))
            return true;
    return false;
}

static struct tracked *find_owner(const struct usage *u, const struct process_line *line)
{
    for (size_t i = 0; i < u->count; i++) {
        struct tracked *t = &u->servers[i];
        if (t->count && (line->group == t->server.pid || has_process(t, line->parent)))
            return t;
    }
    return NULL;
}

/*
 * A parent usually has the smaller number, so one pass in their order finds a whole tree; where numbers
 * began anew, the next passes find the rest.
 */
static void sort_in(struct usage *u, struct process *fresh, size_t count)
{
    for (bool has_found = true; has_found;) {
        has_found = false;
        for (size_t i = 0; i < count; i++) {
            struct tracked *owner = fresh[i].is_there ? find_owner(u, &fresh[i].line) : NULL;
            if (!owner)
                continue;
            add_process(owner, fresh[i].pid, &fresh[i].line);
            fresh[i].is_there = false;
            has_found = true;
        }
    }
}

static void find_processes(struct usage *u, int proc_fd)
{
    size_t count = 0, fresh_count = 0;
    const char *why;
    int *pids = list_processes(proc_fd, &count);
    struct process *fresh = NEW_ARRAY(struct process, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (was_listed(u, pids[i]) || is_followed(u, pids[i]))
            continue;
        struct process *p = &fresh[fresh_count];
        *p = (struct process){.pid = pids[i], .is_there = true};
        fresh_count += read_process(proc_fd, pids[i], &p->line, &why);
    }
    sort_in(u, fresh, fresh_count);
    free(fresh);
    free(u->listed);
    u->listed = pids;
    u->listed_count = count;
}

/* --- a look ----------------------------------------------------------------------------------------- */

static struct tracked *find_tracked(const struct usage *u, uint64_t id)
{
    for (size_t i = 0; i < u->count; i++)
        if (u->servers[i].server.id == id)
            return &u->servers[i];
    return NULL;
}

/* Lines what is remembered up with the servers of now. */
static void align(struct usage *u, const struct usage_server *servers, size_t count)
{
    bool is_aligned = u->count == count;
    for (size_t i = 0; is_aligned && i < count; i++)
        is_aligned = u->servers[i].server.id == servers[i].id && u->servers[i].server.pid == servers[i].pid;
    if (is_aligned)
        return;
    struct tracked *aligned = NEW_ARRAY(struct tracked, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct tracked *known = find_tracked(u, servers[i].id);
        if (known && known->server.pid == servers[i].pid) {
            aligned[i] = *known;
            known->processes = NULL;
        }
        aligned[i].server = servers[i];
    }
    for (size_t i = 0; i < u->count; i++)
        free(u->servers[i].processes);
    free(u->servers);
    u->servers = aligned;
    u->count = count;
    u->listed_count = 0; /* a new one may have children that seemed to be nobody's */
}

static void take_files(struct tracked *t, int proc_fd)
{
    uint32_t files = 0, of_one;
    bool is_known = true;
    for (uint32_t i = 0; is_known && i < t->count; i++) {
        if (t->processes[i].line.is_zombie)
            continue;
        is_known = count_files(proc_fd, t->processes[i].pid, &of_one);
        files += is_known ? of_one : 0;
    }
    t->sample.has_files = is_known;
    t->sample.files = files;
}

/* The mean since the oldest look that is remembered. */
static void take_cores(struct tracked *t, uint64_t tick_ns, int64_t now_ns)
{
    uint32_t at = t->moment_count % USAGE_SHARE_LOOKS;
    const struct moment *oldest = &t->moments[t->moment_count < USAGE_SHARE_LOOKS ? 0 : at];
    t->sample.has_cores = t->moment_count > 0 && now_ns > oldest->at_ns;
    if (t->sample.has_cores)
        t->sample.cores =
            (double)((t->cpu_ticks - oldest->cpu_ticks) * tick_ns) / (double)(now_ns - oldest->at_ns);
    t->moments[at] = (struct moment){.at_ns = now_ns, .cpu_ticks = t->cpu_ticks};
    t->moment_count++;
}

static void take_sample(const struct usage *u, struct tracked *t, int proc_fd, int64_t now_ns)
{
    struct usage_sample *s = &t->sample;
    s->taken_ns = now_ns;
    if (t->is_overfull)
        s->why_unknown = "it has too many processes";
    if (s->why_unknown) {
        *s = (struct usage_sample){.taken_ns = now_ns, .why_unknown = s->why_unknown};
        t->moment_count = 0;
        return;
    }
    s->memory_bytes = 0;
    s->processes = s->threads = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct process_line *line = &t->processes[i].line;
        if (line->is_zombie)
            continue;
        s->memory_bytes += line->resident_pages * u->page_bytes;
        s->processes++;
        s->threads += line->threads;
    }
    s->cpu_ns = (int64_t)(t->cpu_ticks * u->tick_ns);
    take_cores(t, u->tick_ns, now_ns);
    if (u->looks % USAGE_FILES_LOOKS == 0 || !s->has_files)
        take_files(t, proc_fd);
}

static void look_at(struct usage *u, int proc_fd, int64_t now_ns)
{
    if (u->looks % FULL_LOOKS == 0)
        u->listed_count = 0;
    for (size_t i = 0; i < u->count; i++) {
        u->servers[i].is_overfull = u->servers[i].is_overfull && u->listed_count > 0;
        follow_server(&u->servers[i], proc_fd);
    }
    find_processes(u, proc_fd);
    for (size_t i = 0; i < u->count; i++)
        take_sample(u, &u->servers[i], proc_fd, now_ns);
    u->looks++;
}

void usage_look(struct usage *u, int64_t now_ns, const struct usage_server *servers, size_t count)
{
    int64_t began_ns = clock_thread_cpu_ns();
    align(u, servers, count);
    int proc_fd = count ? open(u->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (proc_fd >= 0) {
        look_at(u, proc_fd, now_ns);
        close(proc_fd);
    } else {
        for (size_t i = 0; i < count; i++)
            u->servers[i].sample =
                (struct usage_sample){.taken_ns = now_ns, .why_unknown = "/proc cannot be read"};
    }
    u->cost_ns = clock_thread_cpu_ns() - began_ns;
}

const struct usage_sample *usage_find(const struct usage *u, uint64_t id)
{
    const struct tracked *t = find_tracked(u, id);
    return t && t->sample.taken_ns ? &t->sample : NULL;
}

int64_t usage_cost_ns(const struct usage *u)
{
    return u->cost_ns;
}
