/*
 * servers_spawn.c: the command and environment of one application server, from its service's templates and
 * its address.
 */
#include "supervisor/servers_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "supervisor/template.h"

#include <stdlib.h>
#include <unistd.h>

/* Weir's own words come last and win: a server that listened elsewhere would never be found. */
static void build_environment(const struct server_process *p, const struct user *user, struct environment *e)
{
    char host[ADDR_TEXT_BYTES];
    environment_init(e, environ);
    environment_remove(e, "WEIR_TOKEN"); /* the commands' own word for the admin token */
    const char *const *secret = p->all->params.plan->secret_environment;
    for (; secret && *secret; secret++)
        environment_remove(e, *secret);
    if (user) {
        environment_printf(e, "HOME=%s", user->home);
        environment_printf(e, "USER=%s", user->name);
        environment_printf(e, "LOGNAME=%s", user->name);
    }
    bool is_socket = p->address.any.sa_family == AF_UNIX;
    if (!is_socket)
        environment_printf(e, "HOST=%s", addr_format_host(host, &p->address));
    for (const char *const *item = p->service->environment; item && *item; item++) {
        char *expanded = template_expand(*item, &p->address);
        environment_set(e, expanded);
        free(expanded);
    }
    if (!is_socket)
        environment_printf(e, "PORT=%u", addr_port(&p->address));
    environment_printf(e, "WEIR_SERVER=%s", p->name);
    environment_set(e, p->all->params.mark);
}

static char **build_argv(const struct server_process *p)
{
    size_t count = 0;
    while (p->service->argv[count])
        count++;
    char **argv = NEW_ARRAY(char *, count + 1);
    for (size_t i = 0; i < count; i++)
        argv[i] = template_expand(p->service->argv[i], &p->address);
    return argv;
}

static void free_argv(char **argv)
{
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
    free(argv);
}

const struct user *server_process_user(const struct server_process *p)
{
    const struct servers *s = p->all;
    size_t i = (size_t)(p->service - s->params.plan->services);
    return s->has_user[i] ? &s->users[i] : NULL;
}

/* A server without its limits is better than none. */
static void make_limits(struct server_process *p)
{
    struct err err;
    if (!cgroups_make(&p->all->cgroups, p->name, &p->service->limits, &p->cgroup, &err))
        log_warn("server %s runs without limits: %s", p->name, err.text);
}

bool server_process_spawn(struct server_process *p, int output_fd, struct err *err)
{
    const struct servers *s = p->all;
    struct environment environment;
    const struct user *user = server_process_user(p);
    build_environment(p, user, &environment);
    char **argv = build_argv(p);
    p->argv[0] = mem_strdup(argv[0]);
    make_limits(p);
    p->spawn = (struct spawn){.argv = argv,
                              .environment = environment.items,
                              .directory = p->service->directory,
                              .user = user,
                              .output_fd = output_fd,
                              .open_files = s->params.open_files,
                              .nice = p->service->nice,
                              .is_group_writing = p->address.any.sa_family == AF_UNIX,
                              .joins = p->cgroup.joins,
                              .join_count = p->cgroup.join_count};
    p->pid = spawn_start(&p->spawn, &p->outcome.fd, err);
    p->spawn.argv = p->argv;
    p->spawn.environment = NULL;
    free_argv(argv);
    environment_fini(&environment);
    return p->pid > 0;
}
