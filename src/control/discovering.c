/*
 * Between discovery, which finds servers that others start, and the rest: what was found goes to scale, what
 * happened to the ledger, how it stands to the API, the metrics and watch.
 *
 * The sources begin when scale can take addresses, and tell nothing before the loop runs. While a service's
 * first list is awaited its requests may wait (snapshot_can_wait); afterwards it is a service whose servers
 * are known, like one with fixed servers.
 */
#include "control/control_priv.h"

#include "base/clock.h"
#include "provider/discovery.h"
#include "stats/exposition.h"

#include <errno.h>

enum { JOB_THREADS_MAX = 4, JOB_QUEUE_MAX = 2 * FLEET_SERVICES_MAX };
#define JOB_GRACE_NS (200 * NS_PER_MS)

static const struct discovery *find(const struct control *c, const struct service *s)
{
    return c->discovering[s->slot].discovery;
}

void discovering_note_given_up(struct control *c)
{
    fleet_for_each_service (c->fleet, s) {
        const struct discovery *d = find(c, s);
        c->given_up.sources[s->slot] = d && !discovery_is_looking(d);
    }
}

static void on_servers(void *context, const struct addr *addresses, uint32_t count)
{
    struct discovering *x = context;
    discovering_note_given_up(x->control); /* what scale publishes now shows that the list has come */
    scale_set_addresses(x->control->scale, x->service, addresses, count, loop_now_ns(x->control->loop));
}

static void on_event(void *context, enum held_event event, bool is_warning, const char *text)
{
    struct discovering *x = context;
    control_note(x->control, &(struct event_note){.kind = held_event_name(event),
                                                  .level = is_warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
                                                  .service = x->service->name,
                                                  .text = text});
}

static bool open_source(struct control *c, struct service *s, struct err *err)
{
    struct discovering *x = &c->discovering[s->slot];
    struct discovery_params params = {.loop = c->loop,
                                      .jobs = c->discovery_jobs,
                                      .config = &control_config_of(c, s)->discover,
                                      .service = s->name,
                                      .seed = (uint64_t)clock_wall_ns() ^ (s->id << 32) ^ 1};
    struct held_list_ops ops = {.context = x, .on_servers = on_servers, .on_event = on_event};
    *x = (struct discovering){.control = c, .service = s};
    x->discovery = discovery_open(&params, &ops, err);
    return x->discovery != NULL;
}

bool discovering_start(struct control *c, struct err *err)
{
    struct job_pool_params params = {
        .loop = c->loop, .name = "discover", .threads_max = JOB_THREADS_MAX, .queue_max = JOB_QUEUE_MAX};
    fleet_for_each_service (c->fleet, s) {
        if (control_config_of(c, s)->discover.source == DISCOVER_NONE)
            continue;
        if (!c->discovery_jobs)
            c->discovery_jobs = job_pool_new(&params);
        if (!c->discovery_jobs)
            return err_set_errno(err, errno, "starting threads for discovery");
        if (!open_source(c, s, err))
            return false;
    }
    return true;
}

void discovering_stop(struct control *c)
{
    for (uint32_t i = 0; i < FLEET_SERVICES_MAX; i++) {
        discovery_close(c->discovering[i].discovery);
        c->discovering[i].discovery = NULL;
    }
    job_pool_free(c->discovery_jobs, JOB_GRACE_NS);
    c->discovery_jobs = NULL;
}

void discovering_fill(const struct control *c, const struct service *s, struct watch_service_input *input)
{
    const struct discovery *d = find(c, s);
    if (!d)
        return;
    input->has_source = true;
    const struct held_list *h = discovery_held(d);
    /* Before the first list nobody knows how many there should be, but surely not none. */
    input->servers_wanted = h->has_list && !h->is_given_up ? h->count : 1;
    input->source_error = h->reason;
    if (h->failing_since_ns)
        input->source_failing_ns = MAX(loop_now_ns(c->loop) - h->failing_since_ns, INT64_C(1));
}

void discovering_write(const struct control *c, const struct service *s, struct json *j)
{
    const struct discovery *d = find(c, s);
    if (!d) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    discovery_write(d, loop_now_ns(c->loop), j);
    json_end_object(j);
}

/* ---- metrics ---- */

static double servers(const struct held_list *h, int64_t now_ns)
{
    (void)now_ns;
    return h->count;
}

static double left_out(const struct held_list *h, int64_t now_ns)
{
    (void)now_ns;
    return h->left_out;
}

static double age(const struct held_list *h, int64_t now_ns)
{
    return (double)(now_ns - (h->has_list ? h->confirmed_ns : h->begun_ns)) / (double)NS_PER_S;
}

static double failing(const struct held_list *h, int64_t now_ns)
{
    return h->failing_since_ns ? (double)(now_ns - h->failing_since_ns) / (double)NS_PER_S : 0;
}

static double lists(const struct held_list *h, int64_t now_ns)
{
    (void)now_ns;
    return (double)h->lists_total;
}

static double failures(const struct held_list *h, int64_t now_ns)
{
    (void)now_ns;
    return (double)h->failures_total;
}

static const struct {
    const char *name, *type, *help;
    double (*value)(const struct held_list *h, int64_t now_ns);
} families[] = {
    {"weir_discovery_servers", "gauge", "Servers that a service's source (discover) has, at most max.",
     servers},
    {"weir_discovery_left_out_servers", "gauge", "Servers that its source has beyond max: not used.",
     left_out},
    {"weir_discovery_age_seconds", "gauge",
     "Time since its source last gave a good list, or since the first was asked for.", age},
    {"weir_discovery_failing_seconds", "gauge", "How long its source has failed; 0: it works.", failing},
    {"weir_discovery_lists_total", "counter", "Good lists that its source gave.", lists},
    {"weir_discovery_failures_total", "counter", "Times that its source failed or had no servers.", failures},
};

void discovering_write_metrics(const struct control *c, struct buf *out)
{
    int64_t now_ns = loop_now_ns(c->loop);
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        exposition_begin(out, families[i].name, families[i].type, families[i].help);
        fleet_for_each_service (c->fleet, s) {
            const struct discovery *d = find(c, s);
            if (d)
                buf_printf(out, "%s{service=\"%s\",source=\"%s\"} %.10g\n", families[i].name, s->name,
                           discovery_source_name(d), families[i].value(discovery_held(d), now_ns));
        }
    }
}
