/* folder.h: a folder of its own for a test, and its end with all that is in it. */
#pragma once
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FOLDER_BYTES = 32 };

static inline void folder_make(char ret_path[FOLDER_BYTES])
{
    snprintf(ret_path, FOLDER_BYTES, "/tmp/weir-test-XXXXXX");
    if (!mkdtemp(ret_path))
        abort();
}

static inline int folder_remove_one(const char *path, const struct stat *s, int type, struct FTW *walk)
{
    return remove(path);
}

/* A folder that is not there any more is fine. */
static inline void folder_remove(const char *path)
{
    (void)nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
