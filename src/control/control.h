/*
 * control.h: the worker's control thread: ties proxy, scale, provider, watch and admin together.
 * Numbers up, decisions down; it never blocks (what must block goes to a job thread).
 */
#pragma once
#include "config/model.h"

struct control_params {
    const struct config *config;
    const int *
        listener_fds; /* [listener * workers + thread], inherited from the supervisor; closed when draining */
    int admin_fd;     /* -1: admin is off */
    const char *state_path; /* the file in which what is learned is kept; its folder exists; NULL: none */
    int supervisor_fd;      /* SOCK_SEQPACKET to the supervisor; -1 in tests: no provider `process` */
    int restarts;           /* how often the worker was started anew; -1: not told */
};

/* Exit status of a worker that will never run with this configuration: a secret that cannot be read, no
 * supervisor. */
enum { CONTROL_CANNOT_START = 78 };

/* Runs the worker until it has drained (SIGTERM or the supervisor's word) and returns the exit status. */
int control_run(const struct control_params *params);
