/*
 * kept_file.h: a small file of /proc or /sys that is opened once and read again and again with pread.
 *
 * Reading through a kept descriptor saves the path walk of open, which is most of the cost of such a read.
 * A file that could not be opened or read is tried again at the next read. One thread.
 */
#pragma once
#include "base/str.h"

struct kept_file {
    int fd;     /* -1: not open */
    char *path; /* owned; NULL: there is no such file for us */
};

void kept_file_init(struct kept_file *f, const char *root, const char *path); /* root is put in front */
void kept_file_fini(struct kept_file *f);
/* The text from the start of the file, in `out`. false: ret_why is a constant text such as "Permission
   denied". What does not fit is left out. */
bool kept_file_read(struct kept_file *f, char *out, size_t out_bytes, struct str *ret_text,
                    const char **ret_why);
