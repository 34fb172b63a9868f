#include "supervisor/user.h"

#include "base/str.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY_ID = 65534 };

static void fill_bare(struct user *u, uid_t uid, gid_t gid, const char *name)
{
    *u = (struct user){.uid = uid, .gid = gid, .group_count = 1, .groups = {gid}, .home = "/"};
    str_copy(u->name, sizeof(u->name), str_of(name));
}

static bool fill_from_database(struct user *u, const struct passwd *entry, struct err *err)
{
    fill_bare(u, entry->pw_uid, entry->pw_gid, entry->pw_name);
    str_copy(u->home, sizeof(u->home), str_of(entry->pw_dir));
    u->group_count = USER_GROUPS_MAX;
    if (getgrouplist(entry->pw_name, entry->pw_gid, u->groups, &u->group_count) < 0)
        return err_set(err, "user '%s' is in more than %d groups", entry->pw_name, USER_GROUPS_MAX);
    return true;
}

bool user_find(const char *name, struct user *ret_user, struct err *err)
{
    uint64_t number;
    bool is_number = str_parse_u64(str_of(name), &number) && number <= INT32_MAX;
    errno = 0;
    const struct passwd *entry = is_number ? getpwuid((uid_t)number) : getpwnam(name);
    if (entry)
        return fill_from_database(ret_user, entry, err);
    if (is_number || strcmp(name, "nobody") == 0) {
        uid_t id = is_number ? (uid_t)number : NOBODY_ID;
        fill_bare(ret_user, id, (gid_t)id, name);
        return true;
    }
    if (errno && errno != ENOENT && errno != ESRCH)
        return err_set_errno(err, errno, "looking up user '%s'", name);
    return err_set(err, "there is no user '%s'", name);
}

bool user_add_group(struct user *u, gid_t group)
{
    for (int i = 0; i < u->group_count; i++)
        if (u->groups[i] == group)
            return true;
    if (group == 0 || u->group_count == USER_GROUPS_MAX)
        return false;
    u->groups[u->group_count++] = group;
    return true;
}

bool user_find_socket_group(const char *path, gid_t *ret_group, struct err *err)
{
    struct stat s;
    if (stat(path, &s) != 0) {
        const struct group *entry = getgrnam("docker");
        if (!entry)
            return err_set(err, "%s is not there, nor a group 'docker'", path);
        *ret_group = entry->gr_gid;
        return true;
    }
    if ((s.st_mode & S_IWGRP) == 0 || s.st_gid == 0)
        return err_set(err, "%s belongs to user %u and group %u (mode %03o): no group but root's may use it",
                       path, s.st_uid, s.st_gid, s.st_mode & 0777);
    *ret_group = s.st_gid;
    return true;
}

/* The groups first: afterwards the right to change them is gone. */
bool user_become(const struct user *u)
{
    return setgroups((size_t)u->group_count, u->groups) == 0 && setresgid(u->gid, u->gid, u->gid) == 0 &&
           setresuid(u->uid, u->uid, u->uid) == 0;
}
