/*
 * What servers use of the machine: each second the collector is given the processes that scale knows of.
 * What it found goes to scale, and to those who ask: the API, the metrics, the page.
 */
#include "base/clock.h"
#include "control/control_priv.h"
#include "stats/exposition.h"

#define METERING_INTERVAL_NS (1 * NS_PER_S)

static void look(struct control *c, int64_t now_ns)
{
    static struct usage_server
        servers[FLEET_SERVERS_MAX]; /* of the one control thread: too large for a stack */
    size_t count = 0;
    fleet_for_each_server (c->fleet, s) {
        bool is_here = control_config_of(c, s->service)->scale.machines.count == 0;
        int pid = is_here ? scale_pid(c->scale, s) : 0; /* elsewhere it is only what reaches the server */
        if (pid > 0)
            servers[count++] = (struct usage_server){.id = s->id, .pid = pid};
    }
    usage_look(c->usage, now_ns, servers, count);
    fleet_for_each_server (c->fleet, s) {
        const struct usage_sample *u = usage_find(c->usage, s->id);
        if (u)
            scale_on_usage(c->scale, s,
                           &(struct scale_usage){
                               .at_ns = u->taken_ns, .is_known = !u->why_unknown, .cpu_ns = u->cpu_ns});
    }
}

static void on_tick(struct loop *loop, struct timer *t)
{
    struct control *c = container_of(t, struct control, usage_timer);
    look(c, loop_now_ns(loop));
    timer_set(loop, t, loop_now_ns(loop) + METERING_INTERVAL_NS);
}

void metering_start(struct control *c)
{
    c->usage = usage_new("");
    timer_init(&c->usage_timer, on_tick);
    timer_set(c->loop, &c->usage_timer, clock_now_ns());
}

void metering_stop(struct control *c)
{
    if (!c->usage)
        return;
    timer_cancel(&c->usage_timer);
    usage_free(c->usage);
}

/* --- API -------------------------------------------------------------------------------------------- */

void metering_write_server(const struct control *c, const struct server *s, struct json *j)
{
    const struct usage_sample *u = usage_find(c->usage, s->id);
    json_key(j, "usage");
    if (!u) {
        json_null(j);
        return;
    }
    bool is_known = !u->why_unknown;
    json_begin_object(j);
    json_put_double(j, "ago_seconds", (double)(loop_now_ns(c->loop) - u->taken_ns) / 1e9);
    json_put_double_if(j, "cpu_percent", is_known && u->has_cores, u->cores * 100);
    json_put_double_if(j, "cpu_seconds", is_known, (double)u->cpu_ns / 1e9);
    json_put_double_if(j, "memory_bytes", is_known, (double)u->memory_bytes);
    json_put_double_if(j, "processes", is_known, u->processes);
    json_put_double_if(j, "threads", is_known, u->threads);
    json_put_double_if(j, "open_files", is_known && u->has_files, u->files);
    if (u->why_unknown)
        json_put_text(j, "why_unknown", u->why_unknown);
    json_end_object(j);
}

void metering_write_service(const struct control *c, const struct service *service, struct json *j)
{
    uint32_t servers = 0;
    double cores = 0, memory_bytes = 0;
    fleet_for_each_server (c->fleet, s) {
        const struct usage_sample *u = s->service == service ? usage_find(c->usage, s->id) : NULL;
        if (!u || u->why_unknown || !u->has_cores)
            continue;
        servers++;
        cores += u->cores;
        memory_bytes += (double)u->memory_bytes;
    }
    json_key(j, "usage");
    if (servers == 0) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    json_put_int(j, "servers", servers);
    json_put_double(j, "cpu_percent", cores * 100);
    json_put_double(j, "memory_bytes", memory_bytes);
    json_end_object(j);
}

/* --- the board --------------------------------------------------------------------------------------- */

static struct reading reading_of(const struct usage_sample *u, bool is_known, double value, const char *why)
{
    if (u->why_unknown)
        return reading_unknown(u->why_unknown);
    return is_known ? reading_known(value) : reading_unknown(why);
}

void metering_report(const struct control *c, struct board *board)
{
    fleet_for_each_server (c->fleet, s) {
        const struct usage_sample *u = usage_find(c->usage, s->id);
        struct subject subject = {.names = {s->service->name, s->name}};
        if (!u)
            continue;
        board_put_note(board, METRIC_SERVER_CPU, &subject,
                       reading_of(u, u->has_cores, u->cores * 100, "this is the first look: two are needed"),
                       "of one CPU, by %u processes", u->processes);
        board_put(board, METRIC_SERVER_MEMORY, &subject, reading_of(u, true, (double)u->memory_bytes, NULL));
        board_put(board, METRIC_SERVER_PROCESSES, &subject, reading_of(u, true, u->processes, NULL));
        board_put(board, METRIC_SERVER_THREADS, &subject, reading_of(u, true, u->threads, NULL));
        board_put(board, METRIC_SERVER_FILES, &subject,
                  reading_of(u, u->has_files, u->files, "its files may not be counted"));
    }
}

/* --- Prometheus ------------------------------------------------------------------------------------- */

struct usage_family {
    const char *name, *type, *help;
    bool (*value)(const struct usage_sample *u, double *ret_value); /* false: not known */
};

static bool get_cpu(const struct usage_sample *u, double *ret_value)
{
    *ret_value = (double)u->cpu_ns / 1e9;
    return true;
}

static bool get_memory(const struct usage_sample *u, double *ret_value)
{
    *ret_value = (double)u->memory_bytes;
    return true;
}

static bool get_processes(const struct usage_sample *u, double *ret_value)
{
    *ret_value = u->processes;
    return true;
}

static bool get_threads(const struct usage_sample *u, double *ret_value)
{
    *ret_value = u->threads;
    return true;
}

static bool get_files(const struct usage_sample *u, double *ret_value)
{
    *ret_value = u->files;
    return u->has_files;
}

static const struct usage_family families[] = {
    {"weir_server_cpu_seconds_total", "counter",
     "CPU time that a server's processes have used, user and system, ended ones included.", get_cpu},
    {"weir_server_memory_bytes", "gauge",
     "Resident memory of a server's processes, added up; what they share counts for each.", get_memory},
    {"weir_server_processes", "gauge", "Processes of a server.", get_processes},
    {"weir_server_threads", "gauge", "Threads of a server's processes.", get_threads},
    {"weir_server_open_files", "gauge", "Open file descriptors of a server's processes.", get_files},
};

static void write_family(const struct control *c, const struct usage_family *f, struct buf *out)
{
    double value;
    exposition_begin(out, f->name, f->type, f->help);
    fleet_for_each_server (c->fleet, s) {
        const struct usage_sample *u = usage_find(c->usage, s->id);
        if (u && !u->why_unknown && f->value(u, &value))
            buf_printf(out, "%s{service=\"%s\",server=\"%s\"} %.15g\n", f->name, s->service->name, s->name,
                       value);
    }
}

void metering_write_metrics(const struct control *c, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        write_family(c, &families[i], out);
    exposition_put_one(out, "weir_server_sample_cpu_seconds", "gauge",
                       "CPU time that the latest look at what servers use cost.",
                       (double)usage_cost_ns(c->usage) / 1e9);
}
