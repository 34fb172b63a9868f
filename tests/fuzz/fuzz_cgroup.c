/*
 * Any bytes as a list of control groups, a line's end of NUL, and any bytes as a table of mounts: finding our
 * group, and choosing the file systems to watch. What must hold: nothing crashes or reads beyond the end, and
 * what is chosen is a path that fits, each once.
 */
#include "base/macros.h"
#include "watch/cgroup.h"
#include "watch/disks.h"
#include "watch/procfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_disks(struct str mounts)
{
    static char paths[HOST_DISKS_MAX][HOST_PATH_BYTES];
    uint32_t count = disks_add_root(mounts, paths, disks_select(mounts, paths));
    ASSERT(count <= HOST_DISKS_MAX);
    for (uint32_t i = 0; i < count; i++)
        ASSERT(memchr(paths[i], 0, HOST_PATH_BYTES) != NULL);
}

static void check_groups(struct str groups, struct str mounts)
{
    struct cgroup_line line;
    struct mount_line mount;
    while (procfs_next_cgroup(&groups, &line)) {
        struct str rest = mounts;
        while (procfs_next_mount(&rest, &mount)) {
            struct str below = cgroup_path_below_mount(line.path, mount.root);
            ASSERT(below.len <= line.path.len);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_n((const char *)data, size), groups;
    if (size == 0 || size > 8192 || !str_split(&rest, 0, &groups))
        return 0;
    if (!rest.ptr)
        rest = STR("");
    check_disks(rest);
    check_groups(groups, rest);
    return 0;
}
