/*
 * Cross checks of `scale:`; see checks.h. What was written wrongly already has its message, so a check that
 * needs a bad node keeps silent.
 */
#include "base/addr.h"
#include "config/checks.h"
#include "config/model.h"

#include <stdio.h>

#define LIMIT_MEMORY_BYTES_MIN (1u << 20)
#define LIMIT_CPUS_MIN         0.01 /* what the kernel takes */

/* Tells of `{adress}`; anything else in braces may be the command's own business. */
static void check_placeholders(struct decoding *d, const struct node *item, bool *has_any)
{
    static const char *const names[] = {"address", "host", "port", "socket"};
    struct str rest = item->text, word;
    size_t open, close;
    while (str_find(rest, '{', &open)) {
        rest = str_n(rest.ptr + open + 1, rest.len - open - 1);
        if (!str_find(rest, '}', &close))
            return;
        word = str_n(rest.ptr, close);
        const char *nearest = str_nearest(word, names, ARRAY_LEN(names));
        bool is_known = nearest && str_eq(word, str_of(nearest));
        *has_any |= is_known;
        if (nearest && !is_known) {
            char shown[SHOWN_BYTES];
            struct diagnostic *w =
                node_warning(d->d, item, "'{%s}' is left as it is", decode_shown(shown, word));
            diagnostics_hint(d->d, w, "did you mean '{%s}'?", nearest);
        }
    }
}

static bool is_in(struct str text, const char *word)
{
    return text.len && memmem(text.ptr, text.len, word, strlen(word));
}

/* A server that listens on a socket has no port. */
static void check_socket(struct decoding *d, const struct node *command)
{
    struct node *with_socket = NULL, *with_port = NULL;
    for (struct node *n = command->first; n; n = n->next) {
        if (is_in(n->text, "{socket}"))
            with_socket = n;
        if (is_in(n->text, "{port}") || is_in(n->text, "{host}"))
            with_port = n;
    }
    if (with_socket && with_port)
        diagnostics_hint(d->d, node_error(d->d, with_port, "a server with '{socket}' has no host and port"),
                         "it listens on the socket alone");
}

/* One that is no address could only be told when a server is to be started. */
static void check_machines(struct decoding *d, const struct node *scale, const struct config_scale *s)
{
    struct node *machines = node_find(scale, "machines"), *command = node_find(scale, "command");
    struct node *item = machines && machines->kind == NODE_LIST ? machines->first : machines;
    bool has_host = false;
    if (!node_is_good(machines))
        return;
    for (size_t i = 0; item && i < s->machines.count; item = item->next, i++) {
        struct addr a;
        const char *problem;
        char text[ADDR_TEXT_BYTES];
        struct str machine = s->machines.items[i];
        bool is_six = is_in(machine, ":");
        if (item->is_bad)
            continue;
        (void)snprintf(text, sizeof(text), is_six ? "[%.*s]:1" : "%.*s:1", STR_ARG(machine));
        if (machine.len + sizeof("[]:1") > sizeof(text) || !addr_parse(str_of(text), &a, &problem))
            diagnostics_hint(d->d, node_error(d->d, item, "a machine is given by its IP address"),
                             "such as 10.0.0.5; names are not looked up here");
    }
    for (const struct node *n = node_is_good(command) ? command->first : NULL; n; n = n->next)
        has_host |= n->is_bad || is_in(n->text, "{host}") || is_in(n->text, "{address}");
    if (node_is_good(command) && command->first && !has_host)
        diagnostics_hint(
            d->d, node_error(d->d, command, "the command is not told on which machine"),
            "with 'machines', use \"{host}\" or \"{address}\" in it, as in [ssh, -tt, \"{host}\", "
            "shop, --bind, \"{address}\"]");
}

static void check_command(struct decoding *d, struct node *command, const struct config_scale *s)
{
    bool has_placeholder = false;
    if (!node_is_good(command))
        return;
    if (s->command.count == 0) {
        struct diagnostic *item = node_key_error(d->d, command, "'command' is empty");
        diagnostics_hint(d->d, item, "such as [gunicorn, --bind, \"{address}\", \"shop:app\"]");
        return;
    }
    for (struct node *n = command->first; n; n = n->next) {
        if (n->is_bad)
            return;
        check_placeholders(d, n, &has_placeholder);
    }
    check_socket(d, command);
    if (command->first->text.len == 0) {
        diagnostics_hint(d->d, node_error(d->d, command->first, "the program's name is empty"),
                         "such as gunicorn");
        return;
    }
    if (has_placeholder)
        return;
    struct diagnostic *item = node_warning(d->d, command->key, "the command is not told where to listen");
    diagnostics_hint(
        d->d, item, "use \"{address}\", \"{port}\" or \"{socket}\" in it, unless it reads the variable PORT");
}

/* `max_per_hour` has to pay for the servers that are always there. */
static void check_cost(struct decoding *d, const struct node *scale, const struct config_scale *s)
{
    struct node *cost = node_find(scale, "cost"), *hour = node_find(cost, "server_hour"),
                *most = node_find(cost, "max_per_hour");
    if (!node_is_good(hour) || !node_is_good(most))
        return;
    if (s->cost.server_hour <= 0) {
        struct diagnostic *item = node_error(d->d, hour, "'server_hour' is 0");
        diagnostics_hint(d->d, item, "without a cost, leave 'cost' out");
        return;
    }
    uint32_t least = s->servers_min > 1 ? s->servers_min : 1;
    if (s->cost.max_per_hour + 1e-9 >= s->cost.server_hour * least)
        return;
    struct diagnostic *item =
        node_error(d->d, most, "'max_per_hour' does not pay for %u server%s", least, least == 1 ? "" : "s");
    diagnostics_hint(d->d, item, "at least %g, for so many are always there", s->cost.server_hour * least);
}

static void check_spares(struct decoding *d, const struct node *scale, const struct config_scale *s)
{
    struct node *spares = node_find(scale, "spares"), *servers = node_find(scale, "servers");
    if (!node_is_good(spares) || !node_is_good(servers) || s->spares < s->servers_max || s->spares == 0)
        return;
    struct diagnostic *item = node_error(d->d, spares, "'spares' leaves no server of MAX for the load");
    diagnostics_hint(d->d, item, "at most %u, with 'servers' up to %u", s->servers_max - 1, s->servers_max);
}

static void refuse_beyond_max(struct decoding *d, struct node *servers, bool is_stated, uint32_t min,
                              uint32_t max)
{
    struct diagnostic *item = node_error(d->d, servers, "'servers' asks for more than MAX%s",
                                         is_stated ? "" : ", which is missing in 'scale'");
    if (is_stated)
        diagnostics_hint(d->d, item, "at most %u, as 'servers' of 'scale' allows", max);
    else
        diagnostics_hint(d->d, item, "such as servers: %u..%u in 'scale'", max, min);
}

/* Schedules raise MIN and lower MAX; they go nowhere beyond them. */
static void check_schedule(struct decoding *d, const struct node *scale, const struct config_scale *s)
{
    struct node *list = node_find(scale, "schedule"), *stated = node_find(scale, "servers");
    if (!node_is_good(list) || list->kind != NODE_LIST || (stated && stated->is_bad))
        return;
    size_t i = 0;
    for (struct node *n = list->first; n && i < s->schedule_count; n = n->next, i++) {
        struct node *servers = node_find(n, "servers");
        const struct config_schedule *schedule = &s->schedules[i];
        if (!node_is_good(servers))
            continue;
        if (schedule->servers_min > s->servers_max) {
            refuse_beyond_max(d, servers, stated != NULL, schedule->servers_min, s->servers_max);
        } else if (schedule->servers_max && schedule->servers_max < s->servers_min) {
            struct diagnostic *item = node_error(d->d, servers, "'servers' allows fewer than MIN");
            diagnostics_hint(d->d, item, "at least %u, as 'servers' of 'scale' asks for", s->servers_min);
        }
    }
}

/* A target of 0 would ask for servers without end. */
static void check_not_zero(struct decoding *d, struct node *n, const char *name, double value,
                           const char *hint)
{
    if (!node_is_good(n) || value > 0)
        return;
    diagnostics_hint(d->d, node_error(d->d, n, "'%s' is 0", name), "%s", hint);
}

/* Providers that may tell the processes of their servers, so that what these use can be read on this host. */
static bool may_know_processes(const struct config_scale *s)
{
    switch (s->provider) {
    case SCALE_PROVIDER_PROCESS:
        return s->machines.count == 0;
    case SCALE_PROVIDER_EXEC:
        return true;
    case SCALE_PROVIDER_DOCKER:
        return str_starts_with(s->docker.api.endpoint, STR("unix:"));
    case SCALE_PROVIDER_SWARM:
        return str_starts_with(s->swarm.api.endpoint, STR("unix:"));
    default:
        return false;
    }
}

static void check_targets(struct decoding *d, const struct node *scale, const struct config_scale *s)
{
    struct node *cpu = node_find(scale, "cpu"), *percent = node_find(cpu, "percent");
    check_not_zero(d, node_find(scale, "requests_per_second"), "requests_per_second",
                   s->target_requests_per_second, "to scale by something else, leave it out");
    if (!node_is_good(cpu))
        return;
    check_not_zero(d,
                   percent                    ? percent
                   : cpu->kind == NODE_SCALAR ? cpu
                                              : NULL,
                   "cpu", s->cpu.percent, "to scale by something else, leave it out");
    check_not_zero(d, node_find(cpu, "cores"), "cores", s->cpu.cores,
                   "the cores that one server can use, such as 1");
    if (s->cpu.percent > 0 && !may_know_processes(s)) {
        struct diagnostic *item =
            node_warning(d->d, cpu, "the CPU of servers on other hosts is not known, so it asks for none");
        diagnostics_hint(d->d, item, "use 'requests_per_second' or 'in_flight'");
    }
}

/* With less no program starts. */
void check_server_limits(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_server_limits *l = target;
    struct node *memory = node_find(node, "memory"), *cpus = node_find(node, "cpus");
    if (node_is_good(memory) && l->memory_bytes > 0 && l->memory_bytes < LIMIT_MEMORY_BYTES_MIN)
        diagnostics_hint(d->d, node_error(d->d, memory, "'memory' is too little for any program"),
                         "1MiB at least");
    if (node_is_good(cpus) && l->cpus > 0 && l->cpus < LIMIT_CPUS_MIN)
        diagnostics_hint(d->d, node_error(d->d, cpus, "'cpus' is too little for any program"),
                         "0.01 at least");
}

void check_scale(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    struct config_scale *s = target;
    if (!node)
        return;
    check_provider(d, m, node, s);
    check_command(d, node_find(node, "command"), s);
    check_machines(d, node, s);
    check_cost(d, node, s);
    check_spares(d, node, s);
    check_schedule(d, node, s);
    check_targets(d, node, s);
}
