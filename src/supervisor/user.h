/* user.h: the numbers behind a user's name, looked up while Weir starts and not when a server has to start
 * fast. */
#pragma once
#include "base/err.h"
#include "base/macros.h"

#include <sys/types.h>

enum { USER_GROUPS_MAX = 128 };

struct user {
    uid_t uid;
    gid_t gid;
    int group_count;
    gid_t groups[USER_GROUPS_MAX];
    char name[64], home[256];
};

/*
 * A name of the system's database, or a number. `nobody` is known even where the database lacks it, as in
 * small containers. The database may ask the network (NSS) and so block.
 */
bool user_find(const char *name, struct user *ret_user, struct err *err) MUST_USE;
/* Another supplementary group. False when there are too many. Group 0 is never given. */
bool user_add_group(struct user *u, gid_t group) MUST_USE;
/*
 * The group that may use a Unix socket: its own where the group may write to it; while there is no socket,
 * the one called `docker`. False with err when no group (but root's) may, or there is none of that name.
 */
bool user_find_socket_group(const char *path, gid_t *ret_group, struct err *err) MUST_USE;
/* Makes the calling process that user, for good. For a child between fork and exec. False with errno. */
bool user_become(const struct user *u) MUST_USE;
