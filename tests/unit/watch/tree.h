/*
 * tree.h: small made-up /proc and /sys trees in a temporary directory, given as tables of path and text: one
 * table is one machine. tree_put changes a file in place, as the kernel does under a kept descriptor.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree_file {
    const char *path, *text;
};

struct tree {
    char root[64];
};

static inline void tree_make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            abort();
        *slash = '/';
    }
}

static inline void tree_put(const struct tree *t, const char *path, const char *text)
{
    char full[1024];
    snprintf(full, sizeof(full), "%s/%s", t->root, path);
    tree_make_folders(full);
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    close(fd);
}

static inline struct tree tree_new(const struct tree_file *files, size_t count)
{
    struct tree t;
    snprintf(t.root, sizeof(t.root), "/tmp/weir-tree-XXXXXX");
    if (!mkdtemp(t.root))
        abort();
    for (size_t i = 0; i < count; i++)
        tree_put(&t, files[i].path, files[i].text);
    return t;
}

static inline int tree_remove_one(const char *path, const struct stat *s, int type, struct FTW *walk)
{
    return remove(path);
}

static inline void tree_free(const struct tree *t)
{
    nftw(t->root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
