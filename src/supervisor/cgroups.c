/*
 * cgroups.c
 *
 * A server's group is called weir.PID.SERIAL.SERVER, with Weir's own process id: what another Weir that lives
 * no more left behind is known by it, and nothing else is touched. A group can only be removed when all its
 * processes are gone, which may be a moment after its leader was reaped, or much later where something left
 * the process group: such names wait in a list.
 *
 * Swap counts as memory: a server that swaps is as good as dead, but takes longer.
 */
#include "supervisor/cgroups.h"

#include "base/mem.h"
#include "base/str.h"
#include "supervisor/cgroups_find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PERIOD_US = 100000, QUOTA_US_MIN = 1000, END_ROUNDS = 20, END_INTERVAL_MS = 10 };

static const char prefix[] = "weir.";

/* ---- files ---- */

static int open_file(const char *folder, const char *name, int flags)
{
    int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -1;
    int fd = openat(at, name, flags | O_CLOEXEC, 0644);
    int error = errno;
    close(at);
    errno = error;
    return fd;
}

/* O_CREAT is for trees that tests make: the kernel's files are there. */
static bool write_file(const char *folder, const char *name, const char *text)
{
    int fd = open_file(folder, name, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0)
        return false;
    bool is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int error = errno;
    close(fd);
    errno = error;
    return is_written;
}

static bool write_number(const char *folder, const char *name, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    return write_file(folder, name, text);
}

static size_t read_file(const char *folder, const char *name, char *out, size_t out_bytes)
{
    int fd = open_file(folder, name, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, out, out_bytes - 1) : 0;
    if (fd >= 0)
        close(fd);
    out[MAX(n, 0)] = '\0';
    return (size_t)MAX(n, 0);
}

static bool has_word(const char *text, const char *word)
{
    struct str rest = str_n(text, strcspn(text, "\n")), item;
    while (str_split(&rest, ' ', &item))
        if (str_eq(item, str_of(word)))
            return true;
    return false;
}

/* ---- removing ---- */

/* True: it is gone from both. */
static bool remove_name(const struct cgroups *l, const char *name)
{
    char path[CGROUPS_PATH_BYTES];
    bool is_gone = true;
    for (int i = 0; i < 2; i++) {
        const char *folder = i ? l->cpu : l->memory;
        snprintf(path, sizeof(path), "%s/%s", folder, name);
        if (folder[0] && rmdir(path) < 0 && errno != ENOENT)
            is_gone = false;
    }
    return is_gone;
}

static void remove_ended(struct cgroups *l)
{
    for (size_t i = l->ended_count; i-- > 0;)
        if (remove_name(l, l->ended[i]))
            memcpy(l->ended[i], l->ended[--l->ended_count], CGROUPS_NAME_BYTES);
}

/* Of a Weir that is gone, or had this one's number. */
static bool is_leftover(const char *name)
{
    char *end;
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    long pid = strtol(name + strlen(prefix), &end, 10);
    return *end == '.' && pid > 1 && (pid == getpid() || (kill((pid_t)pid, 0) < 0 && errno == ESRCH));
}

static void remove_leftovers(const char *folder)
{
    DIR *names = folder[0] ? opendir(folder) : NULL;
    for (const struct dirent *entry; names && (entry = readdir(names));)
        if (is_leftover(entry->d_name))
            (void)unlinkat(dirfd(names), entry->d_name, AT_REMOVEDIR);
    if (names)
        closedir(names);
}

/* ---- what the host allows ---- */

static void format_leaf(const struct cgroups *l, char out[CGROUPS_PATH_BYTES])
{
    snprintf(out, CGROUPS_PATH_BYTES, "%s/%s%d.leaf", l->memory, prefix, (int)getpid());
}

static bool enable(const struct cgroups *l, const struct supervisor_limits *wanted)
{
    return (wanted->memory_bytes == 0 || write_file(l->memory, "cgroup.subtree_control", "+memory")) &&
           (wanted->cpus <= 0 || write_file(l->memory, "cgroup.subtree_control", "+cpu"));
}

/* A group with processes must not have groups with controllers, but for the root. */
static bool enable_from_leaf(struct cgroups *l, const struct supervisor_limits *wanted)
{
    char leaf[CGROUPS_PATH_BYTES];
    format_leaf(l, leaf);
    if (mkdir(leaf, 0755) < 0 && errno != EEXIST)
        return false;
    if (write_file(leaf, "cgroup.procs", "0") && enable(l, wanted)) {
        l->has_leaf = true;
        return true;
    }
    int error = errno;
    (void)write_file(l->memory, "cgroup.procs", "0");
    (void)rmdir(leaf);
    errno = error;
    return false;
}

/* Has version 2 all that is wanted? */
static bool find_v2(struct cgroups *l, const char *root, const struct supervisor_limits *wanted)
{
    char controllers[512];
    if (!cgroups_find(root, "", l->memory))
        return false;
    read_file(l->memory, "cgroup.controllers", controllers, sizeof(controllers));
    return (wanted->memory_bytes == 0 || has_word(controllers, "memory")) &&
           (wanted->cpus <= 0 || has_word(controllers, "cpu"));
}

static bool init_v2(struct cgroups *l, const struct supervisor_limits *wanted, struct err *err)
{
    l->is_v2 = true;
    str_copy(l->cpu, sizeof(l->cpu), str_of(l->memory));
    remove_leftovers(l->memory);
    if (enable(l, wanted) || (errno == EBUSY && enable_from_leaf(l, wanted)))
        return true;
    (void)err_set_errno(err, errno,
                        "Weir may not make control groups in %s; it needs that one for itself (systemd: "
                        "Delegate=yes)",
                        l->memory);
    l->memory[0] = l->cpu[0] = '\0';
    return false;
}

/* Whether groups can be made there is best known by making one. */
static bool init_v1(const char *root, const char *controller, char folder[PATH_MAX], struct err *err)
{
    char path[CGROUPS_PATH_BYTES];
    if (!cgroups_find(root, controller, folder)) {
        folder[0] = '\0';
        return err_set(err, "there is no control group for %s here", controller);
    }
    remove_leftovers(folder);
    snprintf(path, sizeof(path), "%s/%s%d.probe", folder, prefix, (int)getpid());
    bool is_made = mkdir(path, 0755) == 0 || errno == EEXIST;
    if (!is_made)
        (void)err_set_errno(err, errno, "Weir may not make control groups in %s", folder);
    (void)rmdir(path);
    folder[0] = is_made ? folder[0] : '\0';
    return is_made;
}

bool cgroups_init(struct cgroups *l, const char *root, const struct supervisor_limits *wanted,
                  struct err *err)
{
    *l = (struct cgroups){0};
    if (wanted->memory_bytes == 0 && wanted->cpus <= 0)
        return true;
    if (find_v2(l, root, wanted))
        return init_v2(l, wanted, err);
    l->memory[0] = '\0';
    bool has_memory = wanted->memory_bytes == 0 || init_v1(root, "memory", l->memory, err);
    bool has_cpu = wanted->cpus <= 0 || init_v1(root, "cpu", l->cpu, err);
    return has_memory && has_cpu;
}

static void leave_leaf(const struct cgroups *l)
{
    char leaf[CGROUPS_PATH_BYTES];
    format_leaf(l, leaf);
    (void)write_file(l->memory, "cgroup.subtree_control", "-memory");
    (void)write_file(l->memory, "cgroup.subtree_control", "-cpu");
    (void)write_file(l->memory, "cgroup.procs", "0");
    (void)rmdir(leaf);
}

void cgroups_fini(struct cgroups *l)
{
    for (int i = 0; i < END_ROUNDS && l->ended_count; i++) {
        remove_ended(l);
        if (l->ended_count)
            (void)poll(NULL, 0, END_INTERVAL_MS);
    }
    if (l->has_leaf)
        leave_leaf(l);
    free(l->ended);
    *l = (struct cgroups){0};
}

/* ---- one server's group ---- */

/* Makes the folder and notes how to join; ret_path is the folder. */
static bool make_in(const char *folder, struct server_cgroup *g, char ret_path[CGROUPS_PATH_BYTES])
{
    snprintf(ret_path, CGROUPS_PATH_BYTES, "%s/%s", folder, g->name);
    bool is_made = mkdir(ret_path, 0755) == 0;
    if (!is_made && errno == EEXIST && g->join_count)
        return true; /* memory and CPU in one hierarchy */
    if (!is_made)
        return false;
    snprintf(g->joins[g->join_count++], CGROUPS_JOIN_BYTES, "%s/cgroup.procs", ret_path);
    return true;
}

static bool limit_memory(const struct cgroups *l, struct server_cgroup *g, uint64_t bytes)
{
    char path[CGROUPS_PATH_BYTES];
    if (!make_in(l->memory, g, path) ||
        !write_number(path, l->is_v2 ? "memory.max" : "memory.limit_in_bytes", bytes))
        return false;
    g->memory_bytes = bytes;
    /* Where swap is not counted there is no such file. */
    if (l->is_v2)
        (void)write_number(path, "memory.swap.max", 0);
    else
        (void)write_number(path, "memory.memsw.limit_in_bytes", bytes);
    return true;
}

static bool limit_cpu(const struct cgroups *l, struct server_cgroup *g, double cpus)
{
    char path[CGROUPS_PATH_BYTES], text[64];
    uint64_t quota_us = (uint64_t)MAX(cpus * PERIOD_US, (double)QUOTA_US_MIN);
    if (!make_in(l->cpu, g, path))
        return false;
    snprintf(text, sizeof(text), "%" PRIu64 " %d", quota_us, PERIOD_US);
    if (l->is_v2)
        return write_file(path, "cpu.max", text);
    return write_number(path, "cpu.cfs_period_us", PERIOD_US) &&
           write_number(path, "cpu.cfs_quota_us", quota_us);
}

bool cgroups_make(struct cgroups *l, const char *server, const struct supervisor_limits *limits,
                  struct server_cgroup *ret_group, struct err *err)
{
    struct server_cgroup g = {0};
    remove_ended(l);
    snprintf(g.name, sizeof(g.name), "%s%d.%u.%s", prefix, (int)getpid(), ++l->serial, server);
    bool is_made =
        (limits->memory_bytes == 0 || !l->memory[0] || limit_memory(l, &g, limits->memory_bytes)) &&
        (limits->cpus <= 0 || !l->cpu[0] || limit_cpu(l, &g, limits->cpus));
    if (!is_made) {
        (void)err_set_errno(err, errno, "making the control group %s", g.name);
        (void)remove_name(l, g.name);
        return false;
    }
    *ret_group = g;
    return true;
}

bool cgroups_is_out_of_memory(const struct cgroups *l, const struct server_cgroup *g)
{
    char path[CGROUPS_PATH_BYTES], text[1024];
    uint64_t kills = 0;
    if (g->memory_bytes == 0)
        return false;
    snprintf(path, sizeof(path), "%s/%s", l->memory, g->name);
    read_file(path, l->is_v2 ? "memory.events" : "memory.oom_control", text, sizeof(text));
    struct str rest = str_of(text), line, name = STR("oom_kill ");
    while (str_split(&rest, '\n', &line))
        if (str_starts_with(line, name))
            (void)str_parse_u64(str_n(line.ptr + name.len, line.len - name.len), &kills);
    return kills > 0;
}

void cgroups_remove(struct cgroups *l, struct server_cgroup *g)
{
    remove_ended(l);
    if (g->join_count && !remove_name(l, g->name)) {
        l->ended = mem_realloc(l->ended, (l->ended_count + 1) * sizeof(*l->ended));
        str_copy(l->ended[l->ended_count++], CGROUPS_NAME_BYTES, str_of(g->name));
    }
    *g = (struct server_cgroup){0};
}
