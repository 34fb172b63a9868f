/* open_files.c: see open_files.h. */
#include "watch/open_files.h"

#include "base/macros.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool count_entries(int at_fd, const char *path, uint32_t *ret_count)
{
    int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    uint32_t count = 0;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        count += e->d_name[0] != '.';
    (void)closedir(d);
    *ret_count = count;
    return true;
}

bool open_files_count(int at_fd, const char *path, uint32_t *ret_count, const char **ret_why)
{
    struct stat s;
    bool is_there = fstatat(at_fd, path, &s, 0) == 0;
    if (is_there && s.st_size > 0) {
        *ret_count = (uint32_t)MIN(s.st_size, (off_t)UINT32_MAX);
        return true;
    }
    if (is_there && count_entries(at_fd, path, ret_count))
        return true;
    *ret_why = strerrordesc_np(errno);
    return false;
}
