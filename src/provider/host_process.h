/*
 * host_process.h: which processes of this host are whose containers, so that what they use can be read from
 * /proc. An engine names a container's first process by a number of its own: of this host where it runs here,
 * of another host or another process namespace where not. So no number is believed before the process'
 * control group was seen to name the container. The thread of the calls.
 */
#pragma once
#include "provider/driver.h"

/* Whether that process is in the container's control group. root stands in front of /proc; "": the real one.
 */
bool host_process_is_of(const char *root, int pid, const char *container_id);

/* What is known of the containers of a service. All zero: nothing. */
struct host_processes {
    struct host_process {
        char id[INSTANCE_ID_BYTES];
        int pid;          /* 0: it is not on this host, or not in our sight */
        int64_t asked_ns; /* when the engine was asked last */
        bool is_listed;   /* in the present list */
    } * items;            /* owned */
    uint32_t count;
};

/* Sets the pid of each instance that runs. ask: the engine's number of a container's first process, or 0. */
void host_processes_fill(struct host_processes *h, struct instance_list *list, int64_t now_ns,
                         int (*ask)(void *context, const char *id), void *context);
void host_processes_fini(struct host_processes *h);
