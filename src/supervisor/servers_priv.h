/*
 * servers_priv.h: what the files of servers.h share: servers.c keeps the table and the states,
 * servers_spawn.c starts the process, servers_output.c passes its output on.
 */
#pragma once
#include "net/channel.h"
#include "supervisor/cgroups.h"
#include "supervisor/lines.h"
#include "supervisor/log_writer.h"
#include "supervisor/output.h"
#include "supervisor/places.h"
#include "supervisor/servers.h"
#include "supervisor/socket_folder.h"
#include "supervisor/spawn.h"

struct server_process {
    struct list link;
    struct servers *all;
    const struct supervisor_service *service;
    char key[CHANNEL_KEY_BYTES_MAX + 1];
    const char *name; /* the part of key after the slash */
    enum server_process_state state;
    bool is_forgotten; /* its key is somebody else's now */
    bool is_killed;    /* SIGKILL was sent because it did not end in time */
    pid_t pid;         /* and process group */
    struct addr address;
    int64_t started_ns; /* when it was asked for */
    struct spawn spawn; /* for the outcome's text; argv and environment are gone by then, but for argv[0] */
    char *argv[2];      /* owned: argv[0] as it was executed, NULL */
    char failure[sizeof(((struct err *)0)->text)]; /* why it could not be executed; "": it could */
    struct handle outcome;                         /* fd -1: known */
    struct handle output;                          /* fd -1: ended */
    bool is_output_paused;
    struct timer kill_timer;
    struct lines lines;
    struct server_cgroup cgroup;
    struct deferred free_task;
};

struct servers {
    struct servers_params params;
    struct list list;
    size_t count;
    struct output output;
    struct log_writer logs[SUPERVISOR_SERVICES_MAX]; /* of the services that have a file */
    struct cgroups cgroups;
    struct timer output_timer; /* tries again to write what could not be written */
    struct socket_folder sockets;
    struct user worker_user; /* may connect to Unix sockets */
    bool has_worker_user;
    struct user users[SUPERVISOR_SERVICES_MAX];
    bool has_user[SUPERVISOR_SERVICES_MAX];
    struct places places[SUPERVISOR_SERVICES_MAX]; /* where servers of a service may be */
};

#define for_each_process(s, p)                                                                               \
    for (struct server_process *p = container_of((s)->list.next, struct server_process, link);               \
         &p->link != &(s)->list; p = container_of(p->link.next, struct server_process, link))

const struct user *server_process_user(const struct server_process *p); /* NULL: Weir's own */
/* Forks and executes: sets pid and outcome.fd. output_fd: the child's end of the pipe. */
bool server_process_spawn(struct server_process *p, int output_fd, struct err *err) MUST_USE;

void server_process_on_output(struct loop *l, struct handle *h, uint32_t events);
void server_process_close_output(struct server_process *p);
/* Reads what an ended process left in its pipe, and closes that. */
void server_process_read_rest(struct server_process *p);
void servers_init_logs(struct servers *s);
void servers_start_logs(struct servers *s);
void servers_end_logs(struct servers *s);
bool servers_on_log_writer_ended(struct servers *s, pid_t pid); /* false: it was none */
void servers_on_output_timer(struct loop *l, struct timer *t);
