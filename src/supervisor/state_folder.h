/*
 * state_folder.h: the folder in which a Weir keeps what it has learned: which one, and making it so that the
 * worker, which may be another user, can write there. Called before anything is started; touches only the
 * environment and the file system.
 *
 * Each Weir of a host has a folder of its own, DIRECTORY/STEM-HASH: the directory may belong to root (as
 * systemd makes it) and may be shared; the folder belongs to the worker's user and to nobody else.
 */
#pragma once
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"
#include "supervisor/user.h"

enum { STATE_FOLDER_BYTES = 4096 };

/*
 * stated: what the configuration says; "" means the first of $STATE_DIRECTORY, /var/lib/weir for root,
 * $XDG_STATE_HOME/weir, $HOME/.local/state/weir. stem: for people ("shop" of /etc/weir/shop.yaml); identity:
 * what makes this Weir another than the next one, hashed. False: there is no such directory to be named.
 */
bool state_folder_choose(const char *stated, struct str stem, struct str identity,
                         char ret_path[STATE_FOLDER_BYTES], struct err *err) MUST_USE;
/* Makes it and what is missing above it. owner: the worker's user when Weir is root; NULL: Weir's own. A
 * folder that was another user's before (`user:` has changed) is given to the owner with the files in it. */
bool state_folder_make(const char *path, const struct user *owner, struct err *err) MUST_USE;
