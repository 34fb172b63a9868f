/*
 * socket_folder.c
 *
 *   /run/weir-sockets.PID.XXXXXX/     0711, Weir's
 *       7/                            2710, the server's user; group: the worker's
 *           shop-3.sock               made by the server
 *
 * The socket takes its group from the folder, and the group may write to it because such servers start with
 * umask 002: so the worker can connect, whoever the server is, and nobody else can reach it. A bind by Weir
 * itself would need servers that take a socket over.
 *
 * A server's user may put anything into its folder: it is emptied without following links, and one level
 * deep.
 */
#include "supervisor/socket_folder.h"

#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0711, SERVER_FOLDER_MODE = 02710 };

static const char prefix[] = "weir-sockets.";

static const char *choose_directory(void)
{
    const char *of_unit = getenv("RUNTIME_DIRECTORY"), *of_user = getenv("XDG_RUNTIME_DIR");
    if (of_unit && of_unit[0] == '/' && !strchr(of_unit, ':'))
        return of_unit;
    if (geteuid() == 0)
        return "/run";
    return of_user && of_user[0] == '/' ? of_user : "/tmp";
}

/* ---- removing ---- */

static void empty(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
    for (const struct dirent *entry; names && (entry = readdir(names));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (depth > 1)
            empty(fd, entry->d_name, depth - 1);
        (void)unlinkat(fd, entry->d_name, depth > 1 ? AT_REMOVEDIR : 0);
    }
    if (names)
        closedir(names);
    else if (fd >= 0)
        close(fd);
}

/* Ours, and of a Weir that is gone. */
static bool is_leftover(int directory, const char *name)
{
    struct stat s;
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    long pid = strtol(name + strlen(prefix), NULL, 10);
    return pid > 1 && kill((pid_t)pid, 0) < 0 && errno == ESRCH &&
           fstatat(directory, name, &s, AT_SYMLINK_NOFOLLOW) == 0 && s.st_uid == geteuid();
}

static void remove_leftovers(const char *directory)
{
    DIR *names = opendir(directory);
    for (const struct dirent *entry; names && (entry = readdir(names));) {
        if (!is_leftover(dirfd(names), entry->d_name))
            continue;
        empty(dirfd(names), entry->d_name, 2);
        (void)unlinkat(dirfd(names), entry->d_name, AT_REMOVEDIR);
    }
    if (names)
        closedir(names);
}

void socket_folder_remove(const struct addr *address)
{
    char path[sizeof(address->un.sun_path)];
    str_copy(path, sizeof(path), str_of(address->un.sun_path));
    *strrchr(path, '/') = '\0';
    empty(AT_FDCWD, path, 1);
    (void)rmdir(path);
}

void socket_folder_fini(struct socket_folder *f)
{
    if (f->path[0])
        (void)rmdir(f->path);
    *f = (struct socket_folder){0};
}

/* ---- making ---- */

static bool make_folder(struct socket_folder *f, struct err *err)
{
    const char *directory = choose_directory();
    char path[PATH_MAX];
    remove_leftovers(directory);
    int n = snprintf(path, sizeof(path), "%s/%s%d.XXXXXX", directory, prefix, (int)getpid());
    if (n >= PATH_MAX || !mkdtemp(path) || chmod(path, FOLDER_MODE) < 0)
        return err_set_errno(err, n >= PATH_MAX ? ENAMETOOLONG : errno, "making a folder for sockets in %s",
                             directory);
    str_copy(f->path, sizeof(f->path), str_of(path));
    return true;
}

/* The mode last: a change of the owner would clear the group's bit. */
static bool give(const char *path, const struct user *owner, const struct user *worker)
{
    bool is_given = owner || worker;
    return (!is_given ||
            chown(path, owner ? owner->uid : geteuid(), worker ? worker->gid : getegid()) == 0) &&
           chmod(path, SERVER_FOLDER_MODE) == 0;
}

bool socket_folder_make(struct socket_folder *f, const char *server, const struct user *owner,
                        const struct user *worker, struct addr *ret_address, struct err *err)
{
    struct addr a = {.len = sizeof(a.un), .un.sun_family = AF_UNIX};
    char path[sizeof(a.un.sun_path)];
    if (!f->path[0] && !make_folder(f, err))
        return false;
    int n = snprintf(path, sizeof(path), "%.64s/%u", f->path, ++f->serial);
    int whole = snprintf(a.un.sun_path, sizeof(a.un.sun_path), "%.80s/%s.sock", path, server);
    if (strlen(f->path) > 64 || n > 80 || whole >= (int)sizeof(a.un.sun_path))
        return err_set(err, "the path of a socket for %s in %s would be too long", server, f->path);
    if (mkdir(path, 0700) < 0)
        return err_set_errno(err, errno, "making %s", path);
    if (!give(path, owner, worker)) {
        (void)err_set_errno(err, errno, "giving %s to its server", path);
        (void)rmdir(path);
        return false;
    }
    *ret_address = a;
    return true;
}
