/*
 * Root works here in a place that less trusted users may have a hand in, so nothing is followed: the folder
 * is opened without following links, ownership is looked at through that descriptor, and only plain files
 * with one name are given away. A folder that is neither root's nor the worker's is taken over only where
 * root alone can have put it.
 */
#include "supervisor/state_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEM_BYTES_MAX = 48, DIRECTORY_MODE = 0755, FOLDER_MODE = 0700 };

/* ---- which one ---- */

static bool is_full(const char *path)
{
    return path && path[0] == '/';
}

/* Without the name of the folder in it. */
static bool choose_directory(const char *stated, char *out, size_t out_bytes, struct err *err)
{
    const char *of_unit = getenv("STATE_DIRECTORY"), *of_user = getenv("XDG_STATE_HOME"),
               *home = getenv("HOME");
    int length;
    if (stated[0])
        length = snprintf(out, out_bytes, "%s", stated);
    else if (is_full(of_unit)) /* several are separated by colons */
        length = snprintf(out, out_bytes, "%.*s", (int)strcspn(of_unit, ":"), of_unit);
    else if (geteuid() == 0)
        length = snprintf(out, out_bytes, "/var/lib/weir");
    else if (is_full(of_user))
        length = snprintf(out, out_bytes, "%s/weir", of_user);
    else if (is_full(home))
        length = snprintf(out, out_bytes, "%s/.local/state/weir", home);
    else
        return err_set(err, "there is no home directory; name a place with `state: DIRECTORY`");
    return (length > 0 && (size_t)length < out_bytes) ||
           err_set(err, "the name of the directory is too long");
}

static uint32_t hash(struct str text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(h ^ (h >> 32));
}

static bool is_plain(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '-' || c == '_';
}

bool state_folder_choose(const char *stated, struct str stem, struct str identity,
                         char ret_path[STATE_FOLDER_BYTES], struct err *err)
{
    char directory[STATE_FOLDER_BYTES], name[STEM_BYTES_MAX + 1];
    if (!choose_directory(stated, directory, sizeof(directory), err))
        return false;
    str_copy(name, sizeof(name), stem);
    for (char *c = name; *c; c++)
        *c = is_plain(*c) ? *c : '_';
    int length = snprintf(ret_path, STATE_FOLDER_BYTES, "%s/%s-%08x", directory, name, hash(identity));
    return length < STATE_FOLDER_BYTES || err_set(err, "the name of the directory is too long");
}

/* ---- making it ---- */

static bool make_directory(const char *path, mode_t mode, struct err *err)
{
    return mkdir(path, mode) == 0 || errno == EEXIST || err_set_errno(err, errno, "making %s", path);
}

static bool make_parents(const char *path, struct err *err)
{
    char part[STATE_FOLDER_BYTES];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        str_copy(part, sizeof(part), str_n(path, (size_t)(slash - path)));
        if (!make_directory(part, DIRECTORY_MODE, err))
            return false;
    }
    return true;
}

/* Nobody but root can have made what is in it. */
static bool is_roots_alone(const char *path)
{
    struct stat s;
    char parent[STATE_FOLDER_BYTES];
    const char *slash = strrchr(path, '/');
    str_copy(parent, sizeof(parent), str_n(path, slash ? (size_t)(slash - path) : 0));
    return stat(parent[0] ? parent : "/", &s) == 0 && s.st_uid == 0 && !(s.st_mode & (S_IWGRP | S_IWOTH));
}

static void give_file(int folder, const char *name, const struct user *owner)
{
    struct stat s;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_nlink == 1)
        (void)!fchown(fd, owner->uid, owner->gid); /* one that stays another's is told of when it is used */
    if (fd >= 0)
        close(fd);
}

static bool give(int folder, const struct user *owner)
{
    DIR *names = fdopendir(dup(folder));
    for (const struct dirent *entry; names && (entry = readdir(names)) != NULL;)
        give_file(folder, entry->d_name, owner);
    if (names)
        closedir(names);
    return fchown(folder, owner->uid, owner->gid) == 0 && fchmod(folder, FOLDER_MODE) == 0;
}

static bool own(int folder, const char *path, const struct user *owner, struct err *err)
{
    struct stat s;
    if (fstat(folder, &s) != 0)
        return err_set_errno(err, errno, "looking at %s", path);
    if (!owner || s.st_uid == owner->uid)
        return true;
    if (s.st_uid != geteuid() && !is_roots_alone(path))
        return err_set(err, "%s belongs to somebody else", path);
    return give(folder, owner) || err_set_errno(err, errno, "giving %s to %s", path, owner->name);
}

bool state_folder_make(const char *path, const struct user *owner, struct err *err)
{
    if (!make_parents(path, err) || !make_directory(path, FOLDER_MODE, err))
        return false;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return err_set_errno(err, errno, "opening %s", path);
    bool is_owned = own(folder, path, owner, err);
    close(folder);
    return is_owned;
}
