/*
 * socket_folder.h: where servers that listen on Unix sockets put them: a folder of this Weir, and in it one
 * for each server, which belongs to the server's user; beside it only the worker may reach what is in it.
 */
#pragma once
#include "base/addr.h"
#include "base/err.h"
#include "base/macros.h"
#include "supervisor/user.h"

#include <limits.h>

/* Zeroed: not made yet. One thread. */
struct socket_folder {
    char path[PATH_MAX]; /* "": not made yet */
    unsigned serial;     /* of the server's folder made last */
};

/*
 * Makes a new folder for a server and returns the address of a socket in it. owner: of the server, NULL:
 * Weir's own; worker: NULL: as Weir. The first call makes Weir's folder in $RUNTIME_DIRECTORY, /run for root,
 * $XDG_RUNTIME_DIR or /tmp, and removes there what a killed Weir has left.
 */
bool socket_folder_make(struct socket_folder *f, const char *server, const struct user *owner,
                        const struct user *worker, struct addr *ret_address, struct err *err) MUST_USE;
/* Removes a server's folder and what is in it. */
void socket_folder_remove(const struct addr *address);
void socket_folder_fini(struct socket_folder *f);
