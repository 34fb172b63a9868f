/* links.c: see links.h. One job at a time over copies of the names; a late one is not waited for, and its
 * links stay as they were. */
#include "watch/links.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "watch/kept_file.h"
#include "watch/procfs.h"

#include <stdio.h>
#include <stdlib.h>

#define REFRESH_NS  (60 * NS_PER_S)
#define DEADLINE_NS (5 * NS_PER_S)

struct link {
    char name[HOST_NAME_BYTES];
    struct reading speed;
};

struct links_job {
    struct job job;
    struct links *links; /* borrowed; NULL when that is gone */
    char *root;          /* owned */
    uint32_t count;
    struct link items[HOST_INTERFACES_MAX];
};

struct links {
    char *root; /* owned */
    struct job_pool *jobs;
    int64_t asked_ns;          /* 0: never */
    struct links_job *current; /* under way, late ones included */
    uint32_t count;
    struct link items[HOST_INTERFACES_MAX];
};

struct links *links_new(const char *root, struct job_pool *jobs)
{
    struct links *l = NEW(struct links);
    l->root = mem_strdup(root);
    l->jobs = jobs;
    return l;
}

void links_free(struct links *l)
{
    if (l == NULL)
        return;
    if (l->current)
        l->current->links = NULL;
    free(l->root);
    free(l);
}

/* "1000" megabits; "-1" or an error where there is no such thing as a speed. */
static struct reading read_speed(const char *root, const char *name)
{
    char path[HOST_NAME_BYTES + 64], text[64];
    struct kept_file f;
    struct str s;
    uint64_t megabits;
    const char *why;
    (void)snprintf(path, sizeof(path), "/sys/class/net/%s/speed", name);
    kept_file_init(&f, root, path);
    bool is_known = kept_file_read(&f, text, sizeof(text), &s, &why) && procfs_parse_number(s, &megabits) &&
                    megabits > 0 && megabits < UINT32_MAX;
    kept_file_fini(&f);
    return is_known ? reading_known((double)megabits * 1e6)
                    : reading_unknown("the link does not tell its speed");
}

static void run_job(struct job *j)
{
    struct links_job *job = container_of(j, struct links_job, job);
    for (uint32_t i = 0; i < job->count; i++)
        job->items[i].speed = read_speed(job->root, job->items[i].name);
}

static void on_job(struct job *j, enum job_outcome outcome)
{
    struct links_job *job = container_of(j, struct links_job, job);
    struct links *l = job->links;
    if (outcome != JOB_DONE || l == NULL)
        return;
    memcpy(l->items, job->items, sizeof(l->items));
    l->count = job->count;
}

static void release_job(struct job *j)
{
    struct links_job *job = container_of(j, struct links_job, job);
    if (job->links)
        job->links->current = NULL;
    free(job->root);
    free(job);
}

static bool has_all(const struct links *l, const struct interface_sample *interfaces, uint32_t count)
{
    bool is_same = l->count == count;
    for (uint32_t i = 0; is_same && i < count; i++)
        is_same = strcmp(l->items[i].name, interfaces[i].name) == 0;
    return is_same;
}

void links_refresh(struct links *l, const struct interface_sample *interfaces, uint32_t count, int64_t now_ns)
{
    bool is_due = l->asked_ns == 0 || now_ns - l->asked_ns >= REFRESH_NS ||
                  (!has_all(l, interfaces, count) && now_ns - l->asked_ns >= DEADLINE_NS);
    if (l->jobs == NULL || l->current || !is_due)
        return;
    struct links_job *job = NEW(struct links_job);
    job->job = (struct job){.run = run_job, .on_done = on_job, .release = release_job};
    job->links = l;
    job->root = mem_strdup(l->root);
    job->count = count;
    for (uint32_t i = 0; i < count; i++)
        memcpy(job->items[i].name, interfaces[i].name, HOST_NAME_BYTES);
    l->asked_ns = MAX(now_ns, 1);
    l->current = job;
    if (!job_submit(l->jobs, &job->job, now_ns + DEADLINE_NS))
        release_job(&job->job);
}

struct reading links_speed(const struct links *l, const char *name)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i].name, name) == 0)
            return l->items[i].speed;
    return reading_unknown("not asked yet");
}
