/*
 * cgroups_find.c
 *
 * /proc/self/cgroup says the group's path in each hierarchy, /proc/self/mountinfo where hierarchies are
 * mounted and from which group on: in a container the mount may begin below the root.
 */
#include "supervisor/cgroups_find.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is word one of the list, which has commas between? */
static bool is_listed(struct str list, struct str word)
{
    struct str item;
    while (str_split(&list, ',', &item))
        if (str_eq(item, word))
            return true;
    return false;
}

static FILE *open_proc(const char *root, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/proc/self/%s", root, name);
    return fopen(path, "re");
}

/* A line is NUMBER:CONTROLLERS:PATH; version 2 has no controllers. */
static bool find_group(const char *root, struct str controller, char ret_group[PATH_MAX])
{
    char line[PATH_MAX + 256];
    bool is_found = false;
    FILE *file = open_proc(root, "cgroup");
    while (file && !is_found && fgets(line, sizeof(line), file)) {
        struct str rest = str_n(line, strcspn(line, "\n")), number, controllers;
        if (!str_split(&rest, ':', &number) || !str_split(&rest, ':', &controllers))
            continue;
        is_found = controller.len ? is_listed(controllers, controller)
                                  : controllers.len == 0 && str_eq(number, STR("0"));
        if (is_found)
            str_copy(ret_group, PATH_MAX, rest);
    }
    if (file)
        fclose(file);
    return is_found;
}

struct mount {
    char root[PATH_MAX], point[PATH_MAX];
};

/* proc(5): "36 35 98:0 /root /point options [fields] - type source super-options" */
static bool read_mount(char *line, struct str controller, struct mount *ret_mount)
{
    char type[16], super[512];
    const char *tail = strstr(line, " - ");
    if (!tail || sscanf(tail, " - %15s %*s %511s", type, super) != 2 ||
        sscanf(line, "%*s %*s %*s %4095s %4095s", ret_mount->root, ret_mount->point) != 2)
        return false;
    return controller.len ? strcmp(type, "cgroup") == 0 && is_listed(str_of(super), controller)
                          : strcmp(type, "cgroup2") == 0;
}

static bool find_mount(const char *root, struct str controller, struct mount *ret_mount)
{
    char line[3 * PATH_MAX];
    bool is_found = false;
    FILE *file = open_proc(root, "mountinfo");
    while (file && !is_found && fgets(line, sizeof(line), file))
        is_found = read_mount(line, controller, ret_mount);
    if (file)
        fclose(file);
    return is_found;
}

bool cgroups_find(const char *root, const char *controller, char ret_folder[PATH_MAX])
{
    struct mount mount;
    char group[PATH_MAX];
    if (!find_group(root, str_of(controller), group) || !find_mount(root, str_of(controller), &mount))
        return false;
    struct str below = str_of(group), above = str_of(strcmp(mount.root, "/") ? mount.root : "");
    if (!str_starts_with(below, above) || strstr(group, "/.."))
        return false;
    below = str_n(below.ptr + above.len, below.len - above.len);
    if (str_eq(below, STR("/")))
        below = STR("");
    if (below.len && below.ptr[0] != '/')
        return false; /* another group, whose name begins alike */
    int n = snprintf(ret_folder, PATH_MAX, "%s%s%.*s", root, mount.point, STR_ARG(below));
    return n > 0 && n < PATH_MAX;
}
