/* kept_file.c: see kept_file.h. */
#include "watch/kept_file.h"

#include "base/macros.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void kept_file_init(struct kept_file *f, const char *root, const char *path)
{
    size_t bytes = strlen(root) + strlen(path) + 1;
    f->fd = -1;
    f->path = mem_alloc(bytes);
    snprintf(f->path, bytes, "%s%s", root, path);
}

static void close_file(struct kept_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

void kept_file_fini(struct kept_file *f)
{
    if (f->path == NULL)
        return;
    close_file(f);
    free(f->path);
    f->path = NULL;
}

static ssize_t read_all(int fd, char *out, size_t out_bytes)
{
    size_t have = 0;
    while (have < out_bytes) {
        ssize_t n = pread(fd, out + have, out_bytes - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

bool kept_file_read(struct kept_file *f, char *out, size_t out_bytes, struct str *ret_text,
                    const char **ret_why)
{
    if (f->path == NULL) {
        *ret_why = "there is no such file";
        return false;
    }
    if (f->fd < 0)
        f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    ssize_t n = f->fd < 0 ? -1 : read_all(f->fd, out, out_bytes);
    if (n < 0) {
        *ret_why = strerrordesc_np(errno);
        close_file(f);
        return false;
    }
    *ret_text = str_n(out, (size_t)n);
    return true;
}
