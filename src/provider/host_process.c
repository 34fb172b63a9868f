/*
 * A container is asked for once, and again when its process is another's (the engine started it anew) or, in
 * case it cannot be seen, after a minute: a list costs the engine one call more for each new container, and
 * no more.
 */
#include "provider/host_process.h"

#include "base/clock.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASK_AGAIN_NS (60 * NS_PER_S)

enum {
    CGROUP_BYTES = 8192, /* of /proc/PID/cgroup: a line for each hierarchy */
    ID_BYTES_MIN = 12,   /* less of an id might be in a path by chance */
};

bool host_process_is_of(const char *root, int pid, const char *container_id)
{
    char path[256], text[CGROUP_BYTES];
    if (pid <= 0 || strlen(container_id) < ID_BYTES_MIN)
        return false;
    (void)snprintf(path, sizeof(path), "%s/proc/%d/cgroup", root, pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (fd >= 0)
        close(fd);
    return n > 0 && memmem(text, (size_t)n, container_id, strlen(container_id)) != NULL;
}

static struct host_process *find(struct host_processes *h, const char *id)
{
    for (uint32_t i = 0; i < h->count; i++)
        if (strcmp(h->items[i].id, id) == 0)
            return &h->items[i];
    h->items = mem_realloc(h->items, (h->count + 1) * sizeof(*h->items));
    struct host_process *p = &h->items[h->count++];
    *p = (struct host_process){0};
    (void)str_copy(p->id, sizeof(p->id), str_of(id));
    return p;
}

static void drop_unlisted(struct host_processes *h)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < h->count; i++)
        if (h->items[i].is_listed)
            h->items[kept++] = h->items[i];
    h->count = kept;
    for (uint32_t i = 0; i < h->count; i++)
        h->items[i].is_listed = false;
}

void host_processes_fill(struct host_processes *h, struct instance_list *list, int64_t now_ns,
                         int (*ask)(void *context, const char *id), void *context)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct instance *instance = &list->items[i];
        if (instance->state != INSTANCE_RUNNING)
            continue;
        struct host_process *p = find(h, instance->id);
        p->is_listed = true;
        bool was_seen = p->pid > 0;
        if (was_seen && !host_process_is_of("", p->pid, p->id))
            p->pid = 0;
        if (p->pid == 0 && (was_seen || p->asked_ns == 0 || now_ns - p->asked_ns >= ASK_AGAIN_NS)) {
            p->asked_ns = now_ns;
            int pid = ask(context, p->id);
            p->pid = host_process_is_of("", pid, p->id) ? pid : 0;
        }
        instance->pid = p->pid;
    }
    drop_unlisted(h);
}

void host_processes_fini(struct host_processes *h)
{
    free(h->items);
    *h = (struct host_processes){0};
}
