/*
 * supervisor.h: the process at the top: small, single-threaded, keeps its privileges. It holds the listening
 * sockets, is the parent of the worker (restarted when it dies) and of the application servers, and ends them
 * all when it ends.
 *
 * It reads no configuration: main.c hands it a plain plan. What the worker may ask for is what the plan
 * names, nothing else.
 */
#pragma once
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A file for what servers print, rotated by size; written with the supervisor's rights. */
struct supervisor_log {
    const char *file;   /* from the root; "" or NULL: there is none */
    uint64_t bytes_max; /* then it becomes FILE.1, and FILE.1 becomes FILE.2 */
    uint32_t keep;      /* so many old ones; 0: none */
    bool is_copied;     /* to standard error as well */
};

/* Of one server. */
struct supervisor_limits {
    uint64_t memory_bytes; /* 0: no limit */
    double cpus;           /* 1.5: one and a half; 0: no limit */
};

/* How servers of one service are started. Everything is borrowed and must live as long as supervisor_run
 * runs. */
struct supervisor_service {
    const char *name;
    const char *const *argv; /* ends in NULL; {address}, {host}, {port} and {socket} are replaced in each */
    const char *const *environment; /* "NAME=value", ends in NULL, may be NULL; the same words are replaced */
    const char *const *machines;    /* IP addresses for {host}, ends in NULL; NULL or none: 127.0.0.1 */
    const char *directory;          /* "" or NULL: Weir's own */
    const char *user;               /* "" or NULL: Weir's own */
    int nice;                       /* added to Weir's own */
    struct supervisor_log log;
    struct supervisor_limits limits; /* where the host allows any */
    uint32_t process_count_max;      /* processes alive at once, stopping ones included; more are refused */
    int64_t stop_timeout_ns;         /* SIGTERM to SIGKILL when Weir itself ends */
};

enum { SUPERVISOR_SERVICES_MAX = 256 };

struct supervisor_plan {
    /* The worker. It gets `inherited_fds` under the same numbers, and WEIR_CHANNEL=NUMBER for its end of the
     * channel. */
    const char *worker_path;               /* "/proc/self/exe" */
    const char *const *worker_argv;        /* ends in NULL */
    const char *const *worker_environment; /* added to Weir's own; ends in NULL, may be NULL */
    const char *worker_user;               /* used when Weir runs as root; "" or NULL: stays as it is */
    const gid_t *worker_groups;            /* supplementary groups for that user, beside its own */
    size_t worker_group_count;
    const int *inherited_fds;
    size_t inherited_fd_count;

    const struct supervisor_service *services;
    size_t service_count;
    const char *const *secret_environment; /* variables that application servers must not see; ends in NULL,
                                              may be NULL */
    int64_t drain_timeout_ns;              /* the worker's; it is killed a second later */
};

/*
 * Exit status of a worker that will never run, such as one that cannot read a secret: before the first
 * `ready` this ends Weir with status 1; afterwards it is a death like any other.
 */
enum { SUPERVISOR_WORKER_CANNOT_START = 78 };

/*
 * Runs until told to end and returns Weir's exit status: 0 after SIGTERM or the first SIGINT, 130 after the
 * second SIGINT, 1 when it could not start. Nothing it started is left when it returns. Takes over SIGCHLD,
 * SIGTERM, SIGINT, SIGHUP, SIGPIPE.
 */
int supervisor_run(const struct supervisor_plan *plan);
