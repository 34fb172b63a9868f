/*
 * servers.h: the application servers: local processes that the supervisor starts, whose output it passes on,
 * and which it ends. What to start is in the plan; a key "SERVICE/SERVER" only names a service of the plan
 * and the new process.
 */
#pragma once
#include "base/err.h"
#include "net/loop.h"
#include "supervisor/environment.h"
#include "supervisor/supervisor.h"
#include "supervisor/user.h"

#include "base/addr.h"
#include "base/str.h"

#include <sys/resource.h>
#include <sys/types.h>

/* executing -> running -> stopping -> (gone); stopping also straight from executing. Only server_process_go()
 * moves. */
#define SERVER_PROCESS_STATES(X)                                                                             \
    X(EXECUTING, executing, "forked; whether the program could be executed is not known yet")                \
    X(RUNNING, running, "the program runs")                                                                  \
    X(STOPPING, stopping, "SIGTERM was sent; SIGKILL follows at the deadline")
#define SERVER_PROCESS_STATE_ENUM(upper, lower, help) SERVER_PROCESS_##upper,
enum server_process_state { SERVER_PROCESS_STATES(SERVER_PROCESS_STATE_ENUM) SERVER_PROCESS_STATE_COUNT };

/* What becomes of servers. Text is borrowed for the time of the call. */
struct servers_events {
    void *context;
    void (*on_started)(void *context, const char *key, const struct addr *address, pid_t pid);
    void (*on_start_failed)(void *context, const char *key, const char *reason);
    void (*on_exited)(void *context, const char *key, const char *reason, const char *last_lines);
    /* A process group begins or has ended: for the guard. */
    void (*on_group)(void *context, pid_t group, bool is_there);
};

struct servers;

struct servers_params {
    struct loop *loop;
    const struct supervisor_plan *plan;
    const struct servers_events *events; /* borrowed */
    const char *mark;                    /* sweep.h; borrowed */
    struct rlimit open_files;            /* what children get */
    int output_fd;
};

/* Looks up the users of all services. NULL with err. */
struct servers *servers_new(const struct servers_params *params, struct err *err);
void servers_free(struct servers *s); /* no process may be left */

/*
 * Starts one. False with a reason: no such service, too many processes, a malformed key, no fork. A key that
 * runs already is told through on_started again. What becomes of the start is told through the events.
 */
bool servers_start(struct servers *s, struct str key, struct err *err) MUST_USE;
/* SIGTERM to the group, SIGKILL after timeout_ns. An unknown key is fine: it has ended already. */
void servers_stop(struct servers *s, struct str key, int64_t timeout_ns);
void servers_stop_all(struct servers *s); /* each with its service's stop timeout */
void servers_kill_all(struct servers *s);
/* Tells every server that exists and is not being stopped through on_started. */
void servers_list(struct servers *s);
/* Calls on_group for every group: for a new guard. */
void servers_tell_groups(struct servers *s);
/* Has this child of ours, which has ended but is not reaped, been a server? Then its group's rest is killed.
 */
bool servers_on_child_ending(struct servers *s, pid_t pid);
/* After it was reaped. False: not one of ours. */
bool servers_on_child_ended(struct servers *s, pid_t pid, int wait_status);
size_t servers_count(const struct servers *s);
