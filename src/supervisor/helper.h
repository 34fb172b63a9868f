/* helper.h: how a helper of the supervisor begins: a process that is forked and not executed, since the
 * program's file may be gone or replaced on the day it matters, and that ends by itself with its pipe. */
#pragma once

/*
 * For the child, right after the fork: a session of its own, deaf to signals (a service manager that stops
 * Weir signals all its processes, and the helper must stay until its pipe ends), in the root directory, with
 * no descriptor but standard error and the pipe. Returns the pipe's number now.
 */
int helper_begin(const char *name, int fd);
