/*
 * Between scale, which decides, and those who do: the provider starts and stops, the prober asks how servers
 * are, the proxy routes by what is published. scale's effects come in here, the others' facts go out to it,
 * each with the time of the turn.
 *
 * The routing snapshot also says whether a service's requests may wait for a server to come
 * (snapshot_can_wait). That changes without any server coming or going (a fixed server's first probes fail),
 * so the tick compares a digest of it with what was published.
 */
#include "base/clock.h"
#include "control/control_priv.h"
#include "control/snapshot_build.h"
#include "proxy/queue.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SCALE_TICK_NS        (SCALE_TICK_MS * NS_PER_MS)
#define FIXED_START_GRACE_NS (3 * NS_PER_S)

/* ---- scale's effects ---- */

static bool is_fixed(const struct control *c, const struct server *s)
{
    return control_config_of(c, s->service)->scale.provider == SCALE_PROVIDER_NONE;
}

/* One pass over the servers and one over the services: this runs ten times a second. */
static uint64_t digest_can_wait(const struct control *c)
{
    uint64_t digest = 0;
    fleet_for_each_service (c->fleet, s)
        if (snapshot_is_sought(s, control_config_of(c, s), &c->given_up))
            digest = (digest ^ s->id) * UINT64_C(0x100000001b3);
    fleet_for_each_server (c->fleet, s)
        if (is_fixed(c, s) && snapshot_is_awaited(s, &c->given_up))
            digest = (digest ^ s->service->id) * UINT64_C(0x100000001b3);
    return digest;
}

/*
 * A fixed server that has not answered for a while after it was first seen is not waited for any more: its
 * requests are better refused at once than after the whole queue timeout.
 */
static void note_first_probes(struct control *c, const struct server *s, bool is_good, int64_t now_ns)
{
    if (!is_fixed(c, s) || atomic_load_explicit(&s->state, memory_order_relaxed) != SERVER_STARTING)
        return;
    struct first_probes *first = &c->first_probes[s->slot];
    if (first->id != s->id)
        *first = (struct first_probes){.id = s->id, .since_ns = now_ns};
    if (!is_good && now_ns - first->since_ns >= FIXED_START_GRACE_NS)
        c->given_up.ids[s->slot] = s->id;
}

/* Who waits already is told what who comes now will be told: there is no server, and none is waited for.
 * Scale sees to the services that it scales. */
static void refuse_who_waits_in_vain(const struct control *c, const struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->service_count; i++) {
        const struct service_view *view = &snapshot->services[i];
        const struct outlook outlook = {.is_known = view->server_count == 0 && !view->can_wait};
        atomic_store_explicit(&view->service->is_awaited, view->can_wait, memory_order_release);
        if (view->config->scale.provider == SCALE_PROVIDER_NONE)
            queue_foresee(view->service, &outlook, loop_now_ns(c->loop));
    }
}

static bool publish(void *context)
{
    struct control *c = context;
    struct snapshot *snapshot = snapshot_build(c->fleet, c->config, &c->given_up);
    c->published_can_wait = digest_can_wait(c);
    fleet_publish(c->fleet, snapshot);
    refuse_who_waits_in_vain(c, snapshot);
    if (c->proxy)
        proxy_on_published(c->proxy);
    return true;
}

static void offer(void *context, struct server *s)
{
    (void)context;
    queue_offer(s);
}

static void foresee(void *context, struct service *s, const struct outlook *outlook)
{
    const struct control *c = context;
    queue_foresee(s, outlook, loop_now_ns(c->loop));
}

static void probe(void *context, struct server *s, enum probe_pace pace)
{
    struct control *c = context;
    prober_set_pace(c->prober, s, &control_config_of(c, s->service)->health, pace);
}

/* Steps on the usual way up are told once, at its end; of fixed servers nothing is decided by what was
 * learned.
 */
static bool is_quiet(const struct control *c, const struct scale_event *e)
{
    if (e->kind == SCALE_EVENT_LEARNED_RESTORED)
        return control_config_of(c, e->service)->scale.provider == SCALE_PROVIDER_NONE;
    return e->kind == SCALE_EVENT_SERVER_STATE && !e->is_warning &&
           (e->to == SERVER_STARTING || e->to == SERVER_REQUESTED || e->to == SERVER_GONE ||
            (e->from == SERVER_WARMING && e->to == SERVER_SERVING));
}

/* The last line that is not empty: what a program says last is usually why it ended. */
static struct str last_line(const char *lines)
{
    struct str rest = str_of(lines ? lines : ""), line, last = STR("");
    while (str_split(&rest, '\n', &line))
        if (str_trim(line).len)
            last = str_trim(line);
    return last;
}

static bool is_death(const struct scale_event *e)
{
    return e->kind == SCALE_EVENT_SERVER_DIED || e->kind == SCALE_EVENT_SERVER_START_FAILED;
}

/* "starting -> warming after 0.4 s: first good probe", "exit status 1: ImportError: no module named flask" */
static void write_text(const struct scale_event *e, char *out, size_t out_bytes)
{
    const char *reason = e->reason ? e->reason : "";
    /* Who was killed by a signal had no time for last words: its last line is about something else. */
    bool has_words = is_death(e) && str_starts_with(str_of(reason), STR("exit status"));
    struct str words = has_words ? last_line(e->last_lines) : STR("");
    if (e->kind == SCALE_EVENT_SERVER_STATE && e->from != e->to)
        snprintf(out, out_bytes, "%s -> %s after %.1f s: %s", server_state_name(e->from),
                 server_state_name(e->to), (double)e->in_state_ns / 1e9, reason);
    else
        snprintf(out, out_bytes, "%s%s%.*s", reason, words.len ? ": " : "", STR_ARG(words));
}

static void on_event(void *context, const struct scale_event *e)
{
    struct control *c = context;
    char text[EVENT_TEXT_BYTES_MAX];
    struct buf details CLEANUP(buf_fini) = {0};
    struct json j;
    json_init(&j, &details);
    json_begin_object(&j);
    scale_event_write_numbers(e, &j);
    json_end_object(&j);
    write_text(e, text, sizeof(text));
    control_note(c, &(struct event_note){.kind = scale_event_name(e->kind),
                                         .level = e->is_warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
                                         .is_quiet = is_quiet(c, e),
                                         .service = e->service->name,
                                         .server = e->server ? e->server->name : NULL,
                                         .text = text,
                                         .details = buf_str(&details)});
    if (is_death(e) && e->server)
        watch_note_server_death(c->watch, str_of(e->service->name), str_of(e->server->name), str_of(text),
                                e->now_ns);
}

/* ---- facts for scale ---- */

static void on_started(void *context, const char *key, const struct addr *address, int pid)
{
    struct control *c = context;
    scale_on_started(c->scale, key, address, pid, loop_now_ns(c->loop));
}

static void on_start_failed(void *context, const char *key, const char *reason)
{
    struct control *c = context;
    scale_on_start_failed(c->scale, key, reason, loop_now_ns(c->loop));
}

static void on_exited(void *context, const char *key, const char *reason, const char *last_lines)
{
    struct control *c = context;
    scale_on_exited(c->scale, key, reason, last_lines, loop_now_ns(c->loop));
}

static void on_coming(void *context, const char *key)
{
    struct control *c = context;
    scale_on_coming(c->scale, key, loop_now_ns(c->loop));
}

static void on_facts(void *context, const char *key, const struct provider_facts *facts)
{
    struct control *c = context;
    scale_on_facts(c->scale, key, facts, loop_now_ns(c->loop));
}

static void on_stopping(void *context, const char *key, const char *reason)
{
    struct control *c = context;
    scale_on_stopping(c->scale, key, reason, loop_now_ns(c->loop));
}

static bool on_spared(void *context, const char *key, const char *reason)
{
    struct control *c = context;
    return scale_on_spared(c->scale, key, reason, loop_now_ns(c->loop));
}

static void on_observed(void *context, struct provider *p)
{
    struct control *c = context;
    scale_on_observed(c->scale, p, loop_now_ns(c->loop));
}

static void on_trouble(void *context, struct provider *p, const struct provider_trouble *trouble)
{
    struct control *c = context;
    scale_on_trouble(c->scale, p, trouble, loop_now_ns(c->loop));
}

static void on_recovered(void *context, struct provider *p, int64_t for_ns)
{
    struct control *c = context;
    scale_on_recovered(c->scale, p, for_ns, loop_now_ns(c->loop));
}

const struct provider_sink scaling_provider_sink = {.on_started = on_started,
                                                    .on_start_failed = on_start_failed,
                                                    .on_exited = on_exited,
                                                    .on_coming = on_coming,
                                                    .on_stopping = on_stopping,
                                                    .on_spared = on_spared,
                                                    .on_observed = on_observed,
                                                    .on_trouble = on_trouble,
                                                    .on_recovered = on_recovered,
                                                    .on_facts = on_facts};

static void on_probe(void *context, struct server *s, bool is_good, const char *detail)
{
    struct control *c = context;
    note_first_probes(c, s, is_good, loop_now_ns(c->loop));
    scale_on_probe(c->scale, s, is_good, detail, loop_now_ns(c->loop));
}

/* ---- ticks ---- */

static void on_tick(struct loop *loop, struct timer *t)
{
    struct control *c = container_of(t, struct control, scale_timer);
    int64_t now_ns = loop_now_ns(loop);
    scale_set_wall_clock(c->scale, clock_wall_ns() - (clock_now_ns() - now_ns), now_ns);
    scale_tick(c->scale, now_ns);
    discovering_note_given_up(c);
    if (digest_can_wait(c) != c->published_can_wait)
        (void)publish(c);
    fleet_for_each_server (c->fleet, s)
        queue_look_after(s, now_ns);
    (void)fleet_collect(c->fleet);
    timer_set(loop, t, loop_now_ns(loop) + SCALE_TICK_NS);
}

static void on_wake(struct loop *loop, struct handle *h, uint32_t events)
{
    (void)events;
    struct control *c = container_of(h, struct control, wake);
    uint64_t count;
    (void)!read(h->fd, &count, sizeof(count)); /* before looking: who wakes us from now on is heard again */
    scale_wake(c->scale, loop_now_ns(loop));
}

/* An eventfd rather than a posted message: a data thread may wake us again while the first call is on its
 * way. */
void scaling_wake(void *context)
{
    const struct control *c = context;
    const uint64_t one = 1;
    (void)!write(c->wake.fd, &one, sizeof(one)); /* fails only when it is full, and then we are awake */
}

static bool start_wake(struct control *c, struct err *err)
{
    c->wake = (struct handle){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .on_event = on_wake};
    if (c->wake.fd >= 0 && loop_add(c->loop, &c->wake, EPOLLIN))
        return true;
    return err_set_errno(err, errno, "opening the control thread's bell");
}

static void stop_wake(struct control *c)
{
    if (c->wake.fd < 0)
        return;
    loop_remove(c->loop, &c->wake);
    close(c->wake.fd);
    c->wake.fd = -1;
}

bool scaling_start(struct control *c, struct err *err)
{
    struct prober_sink sink = {.context = c, .on_probe = on_probe};
    c->prober = prober_new(c->loop, &sink);
    struct scale_params params = {
        .fleet = c->fleet,
        .effects = {.context = c, .publish = publish, .offer = offer, .probe = probe, .on_event = on_event},
        .foresee = foresee,
        .seed = (uint64_t)clock_wall_ns()};
    c->scale = scale_new(&params);
    fleet_for_each_service (c->fleet, s) {
        const struct config_service *config = control_config_of(c, s);
        scale_add_service(c->scale, s, config, providers_of(c, s), clock_now_ns());
    }
    timer_init(&c->scale_timer, on_tick);
    return start_wake(c, err) && publish(c);
}

void scaling_run(struct control *c)
{
    scale_observe(c->scale, c->process, clock_now_ns());
    scale_set_wall_clock(c->scale, clock_wall_ns(), clock_now_ns());
    scale_tick(c->scale, clock_now_ns());
    timer_set(c->loop, &c->scale_timer, clock_now_ns() + SCALE_TICK_NS);
}

void scaling_stop(struct control *c)
{
    if (!c->scale)
        return;
    timer_cancel(&c->scale_timer);
    stop_wake(c);
    prober_free(c->prober);
    scale_free(c->scale);
}
