/* open_files.h: how many files a process has open. */
#pragma once
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * path: /proc/PID/fd, from the folder at_fd. Since Linux 6.2 the size of the folder is their number, and
 * everybody may know it; before, only who may list them. false: *ret_why is a constant text.
 */
bool open_files_count(int at_fd, const char *path, uint32_t *ret_count, const char **ret_why);
