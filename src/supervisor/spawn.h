/*
 * spawn.h: starts a program as a child of the supervisor, with nothing inherited but what is named. Whether
 * the program could be executed is told by a pipe that closes on exec, so "not found" is known as such and is
 * no mysterious exit status.
 */
#pragma once
#include "base/err.h"
#include "base/macros.h"
#include "supervisor/cgroups.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct user;

struct spawn {
    const char *path;  /* NULL: argv[0], searched in the PATH of `environment` when it has no slash */
    char *const *argv; /* ends in NULL */
    char *const *environment;
    const char *directory;   /* NULL or "": stays */
    const struct user *user; /* NULL: stays */
    int output_fd; /* becomes standard output and error, and standard input is empty; -1: all three stay */
    const int *kept_fds; /* stay open under the same number */
    size_t kept_fd_count;
    struct rlimit open_files;
    int nice;                          /* added to the parent's */
    char (*joins)[CGROUPS_JOIN_BYTES]; /* files of control groups, which it joins by writing 0 into them */
    size_t join_count;
    bool is_group_writing; /* umask 002: its group may write what it makes; see socket_folder.c */
    bool is_unprivileged;  /* can never gain privileges (PR_SET_NO_NEW_PRIVS); terminal signals are ignored */
};

/*
 * The child leads its own process group, is killed when its parent dies, and has default signal dispositions.
 * Returns its process id and a descriptor to read the outcome from (owned by the caller, non-blocking); -1
 * when there is no process.
 */
pid_t spawn_start(const struct spawn *s, int *ret_outcome_fd, struct err *err) MUST_USE;

enum spawn_outcome { SPAWN_PENDING, SPAWN_RUNNING, SPAWN_FAILED };
/* Reads the outcome once outcome_fd is readable; err says why for SPAWN_FAILED. The child then ends by
 * itself. */
enum spawn_outcome spawn_outcome(int outcome_fd, const struct spawn *s, struct err *err);
