/*
 * One step after the other, straight on: what the roster does for a running Weir, done by hand and told to
 * people. Each step is a call to the driver or a wait for a list to show something; the first that fails ends
 * the trial, after what was started has been stopped.
 *
 * An interruption (Ctrl-C) is a step that fails. What is undone then is asked for again and again for as long
 * as a stop may take, since the engine may be what failed. Who is killed can undo nothing: the key of a trial
 * is always the same, so the next one finds what was left, and begins with that.
 */
#include "provider/trial.h"

#include "base/clock.h"
#include "net/fetch.h"
#include "net/socket.h"
#include "provider/drivers.h"
#include "provider/interruption.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS (500 * NS_PER_MS) /* between two lists or probes */
#define LATE_NS (3 * NS_PER_S)    /* so long after it was cut off, a start may still show */
enum { OWNER_BYTES = 64, FACTS_BYTES = 128 };

struct trial {
    const struct config_service *service;
    const struct driver_ops *ops;
    struct driver *driver;
    char key[INSTANCE_KEY_BYTES];
    uint32_t count_before;
    struct instance_list before;    /* owned */
    bool is_asked;                  /* something may have been started */
    bool is_refused;                /* nothing was, says the engine, for a reason that lasts */
    struct instance instance;       /* the one that was started; id "" before it was seen */
    char seen[PROVIDER_TEXT_BYTES]; /* what the last look at it found; "": nothing to tell */
    int64_t undo_until_ns;          /* what fails meanwhile is tried again */
    int64_t step_ns;
};

static bool starts_one(const struct trial *t)
{
    return t->ops->capabilities & DRIVER_STARTS_ONE;
}

/* --- words ------------------------------------------------------------------------------------------- */

static void begin(struct trial *t, const char *what)
{
    t->step_ns = clock_now_ns();
    printf("%-34s ", what);
    (void)fflush(stdout);
}

static bool done(const struct trial *t, const char *what)
{
    printf("%6.2f s  %s\n", (double)(clock_now_ns() - t->step_ns) / 1e9, what);
    return true;
}

static bool failed(const struct trial *t, const char *why)
{
    double took_s = (double)(clock_now_ns() - t->step_ns) / 1e9;
    if (interruption_is_on())
        printf("%6.2f s  INTERRUPTED: %s\n", took_s, interruption_name());
    else
        printf("%6.2f s  FAILED: %s\n", took_s, why);
    return false;
}

static bool engine_failed(const struct trial *t, const struct driver_failure *f)
{
    char text[PROVIDER_TEXT_BYTES + 32];
    (void)snprintf(text, sizeof(text), "%s (%s)", f->text, driver_fault_name(f->fault));
    return failed(t, text);
}

static void tell_abilities(const char *word, uint32_t capabilities, const char *last)
{
    static const struct {
        uint32_t capability;
        const char *words;
    } all[] = {
#define CAPABILITY_ROW(upper, bit, words) {DRIVER_##upper, words},
        DRIVER_CAPABILITIES(CAPABILITY_ROW)
#undef CAPABILITY_ROW
    };
    const char *between = "";
    printf("%-8s", word);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (!(capabilities & all[i].capability))
            continue;
        printf("%s%s", between, all[i].words);
        between = ", ";
    }
    printf("%s%s\n", last[0] ? between : "", last);
}

/* No driver has a way to let a server sleep: who is not needed is ended. */
static void tell_driver(const struct trial *t)
{
    printf("service %s, provider %s\n", t->service->name.ptr, t->ops->name);
    tell_abilities("can", t->ops->capabilities, starts_one(t) ? "" : "set their number");
    tell_abilities("cannot", ~t->ops->capabilities, "suspend a server instead of ending it");
}

/* What the engine tells of it, beside its address. */
static const char *format_facts(const struct instance *i, char out[FACTS_BYTES])
{
    char time[CLOCK_RFC3339_BYTES];
    size_t len = 0;
    out[0] = '\0';
    if (i->started_ns)
        len += (size_t)snprintf(out + len, FACTS_BYTES - len, ", started %s",
                                clock_format_rfc3339(time, i->started_ns));
    if (i->pid)
        len += (size_t)snprintf(out + len, FACTS_BYTES - len, ", process %d", i->pid);
    if (i->price > 0)
        len += (size_t)snprintf(out + len, FACTS_BYTES - len, ", %.4g an hour", i->price);
    if (i->is_unwell)
        (void)snprintf(out + len, FACTS_BYTES - len, ", unwell");
    return out;
}

/* --- calls ------------------------------------------------------------------------------------------- */

static struct driver_call limits(const struct trial *t, int64_t more_ns)
{
    return (struct driver_call){clock_now_ns() + t->service->scale.engine.timeout_ns + more_ns,
                                interruption_flag()};
}

static bool list(struct trial *t, struct instance_list *ret_list, struct driver_failure *f)
{
    struct driver_call call = limits(t, 0);
    return t->ops->list(t->driver, &call, ret_list, f);
}

static bool is_alive(const struct instance *i)
{
    return i->state == INSTANCE_PENDING || i->state == INSTANCE_RUNNING;
}

static uint32_t count_alive(const struct instance_list *l)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->count; i++)
        count += is_alive(&l->items[i]);
    return count;
}

static const struct instance *find_id(const struct instance_list *l, const char *id)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i].id, id) == 0)
            return &l->items[i];
    return NULL;
}

static const struct instance *find_key(const struct instance_list *l, const char *key)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i].key, key) == 0)
            return &l->items[i];
    return NULL;
}

static bool set_count(struct trial *t, uint32_t count, uint32_t before, struct driver_failure *f)
{
    struct driver_call call = limits(t, 0);
    return t->ops->set_count(t->driver, &call, count, before, f);
}

/* Whether to look again, a moment later. */
static bool look_again(int64_t until_ns)
{
    if (clock_now_ns() >= until_ns || interruption_is_on())
        return false;
    (void)poll(NULL, 0, LOOK_NS / NS_PER_MS); /* a signal ends it early */
    return true;
}

/* --- steps ------------------------------------------------------------------------------------------- */

static bool list_before(struct trial *t)
{
    char text[64];
    struct driver_failure f = {0};
    begin(t, "list what there is");
    if (!list(t, &t->before, &f))
        return engine_failed(t, &f);
    t->count_before = count_alive(&t->before);
    (void)snprintf(text, sizeof(text), "%u server%s", t->count_before, t->count_before == 1 ? "" : "s");
    return done(t, text);
}

static bool start(struct trial *t)
{
    struct driver_failure f = {0};
    struct driver_call call = limits(t, t->service->scale.start_timeout_ns);
    begin(t, starts_one(t) ? "start one" : "ask for one more");
    t->is_asked = true;
    bool is_good = starts_one(t) ? t->ops->start(t->driver, &call, t->key, &t->instance, &f)
                                 : set_count(t, t->count_before + 1, t->count_before, &f);
    t->is_refused = !is_good && f.fault != DRIVER_FAULT_RETRYABLE && !interruption_is_on();
    return is_good ? done(t, "accepted") : engine_failed(t, &f);
}

/* With the engine's own words about the server, or what else was seen last. */
static bool too_late(struct trial *t, const char *what)
{
    char text[PROVIDER_TEXT_BYTES + 80];
    const char *words = t->seen[0] ? t->seen : t->instance.detail;
    (void)snprintf(text, sizeof(text), "%s%s%s", what, words[0] ? ": " : "", words);
    return failed(t, text);
}

/* The one that was started; where there are no keys, the one that was not there before. */
static const struct instance *find_new(const struct trial *t, const struct instance_list *l)
{
    if (starts_one(t))
        return find_key(l, t->key);
    for (uint32_t i = 0; i < l->count; i++)
        if (!find_id(&t->before, l->items[i].id))
            return &l->items[i];
    return NULL;
}

static bool await_address(struct trial *t)
{
    char text[ADDR_TEXT_BYTES + INSTANCE_ID_BYTES + FACTS_BYTES + 8], facts[FACTS_BYTES],
        address[ADDR_TEXT_BYTES];
    int64_t until_ns = clock_now_ns() + t->service->scale.start_timeout_ns;
    begin(t, "wait until it is listed to run");
    do {
        struct driver_failure f = {0};
        struct instance_list l = {0};
        if (!list(t, &l, &f))
            return engine_failed(t, &f);
        const struct instance *found = find_new(t, &l);
        if (found)
            t->instance = *found;
        free(l.items);
        if (found && !is_alive(&t->instance))
            return failed(t, t->instance.detail[0] ? t->instance.detail : "it has ended again");
        if (found && t->instance.state == INSTANCE_RUNNING && t->instance.has_address) {
            (void)snprintf(text, sizeof(text), "%s at %s%s", t->instance.id,
                           addr_format(address, &t->instance.address), format_facts(&t->instance, facts));
            return done(t, text);
        }
    } while (look_again(until_ns));
    return too_late(t, t->instance.id[0] ? "it has no address within start_timeout"
                                         : "it is not listed within start_timeout");
}

static bool connects(struct trial *t)
{
    int fd = socket_connect(&t->instance.address);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = fd < 0 ? errno : ETIMEDOUT;
    if (fd >= 0 && poll(&p, 1, (int)(t->service->health.timeout_ns / NS_PER_MS)) == 1)
        error = socket_error(fd);
    if (fd >= 0)
        close(fd);
    (void)snprintf(t->seen, sizeof(t->seen), "%s", error ? strerror(error) : "");
    return error == 0;
}

static bool answers(struct trial *t)
{
    const struct config_health *h = &t->service->health;
    char address[ADDR_TEXT_BYTES], url[ADDR_TEXT_BYTES + 1100], host[320];
    const char *const headers[] = {host};
    struct fetch_response response = {0};
    struct err err = {0};
    if (!h->has_path)
        return connects(t);
    (void)snprintf(url, sizeof(url), "http://%s%s", addr_format(address, &t->instance.address), h->path.ptr);
    (void)snprintf(host, sizeof(host), "Host: %s", h->host.len ? h->host.ptr : address);
    struct fetch_request q = {.method = "GET",
                              .url = url,
                              .headers = headers,
                              .header_count = 1,
                              .is_direct = true,
                              .timeout_ns = h->timeout_ns};
    if (!fetch(&q, &response, &err)) {
        (void)snprintf(t->seen, sizeof(t->seen), "%s", err.text);
        return false;
    }
    fetch_response_fini(&response);
    (void)snprintf(t->seen, sizeof(t->seen), "status %d", response.status);
    return response.status >= h->status_min && response.status <= h->status_max;
}

/* It need not be waited for any longer. What the engine does not tell now it tells later. */
static bool has_ended(struct trial *t)
{
    struct driver_failure f = {0};
    struct instance_list l = {0};
    if (!list(t, &l, &f))
        return false;
    const struct instance *i = find_id(&l, t->instance.id);
    bool is_over = !i || !is_alive(i);
    if (is_over)
        (void)snprintf(t->seen, sizeof(t->seen), "%s",
                       i && i->detail[0] ? i->detail : "it has ended, and the engine does not say why");
    free(l.items);
    return is_over;
}

static bool await_answer(struct trial *t)
{
    int64_t until_ns = clock_now_ns() + t->service->scale.start_timeout_ns, list_ns = clock_now_ns();
    begin(t,
          t->service->health.has_path ? "wait for its first good probe" : "wait until it takes connections");
    while (!answers(t)) {
        if (clock_now_ns() - list_ns >= NS_PER_S) {
            list_ns = clock_now_ns();
            if (has_ended(t))
                return failed(t, t->seen);
        }
        if (!look_again(until_ns))
            return too_late(t, "not within start_timeout");
    }
    return done(t, "it answers");
}

/* --- and back ---------------------------------------------------------------------------------------- */

/* What was started would run on if this failed, so it is tried again as long as waiting may help. */
static bool stop(struct trial *t, const char *what, int64_t stop_timeout_ns)
{
    struct driver_failure f;
    begin(t, what);
    do {
        struct driver_call call = limits(t, stop_timeout_ns);
        f = (struct driver_failure){0};
        bool is_good = starts_one(t) ? t->ops->stop(t->driver, &call, &t->instance, stop_timeout_ns, &f)
                                     : set_count(t, t->count_before, t->count_before + 1, &f);
        if (is_good)
            return done(t, "accepted");
    } while (f.fault == DRIVER_FAULT_RETRYABLE && look_again(t->undo_until_ns));
    return engine_failed(t, &f);
}

/* An engine that counts chooses whom it ends. */
static bool is_over(const struct trial *t, const struct instance_list *l)
{
    const struct instance *i = find_id(l, t->instance.id);
    return starts_one(t) ? !i || i->state == INSTANCE_ENDED : count_alive(l) <= t->count_before;
}

static bool await_end(struct trial *t)
{
    struct driver_failure f;
    begin(t, "wait until it is gone");
    do {
        struct instance_list l = {0};
        f = (struct driver_failure){.text = "it is still there"};
        if (!list(t, &l, &f))
            continue;
        bool is_gone = is_over(t, &l), is_left = is_gone && starts_one(t) && find_id(&l, t->instance.id);
        free(l.items);
        if (is_gone)
            return done(t, "gone") && (!is_left || stop(t, "remove what is left of it", 0));
    } while (look_again(t->undo_until_ns));
    return failed(t, f.text);
}

static bool end(struct trial *t, const char *what)
{
    const struct config_scale *scale = &t->service->scale;
    t->undo_until_ns = clock_now_ns() + scale->stop_timeout_ns + 2 * scale->engine.timeout_ns;
    return stop(t, what, scale->stop_timeout_ns) && await_end(t);
}

/* Of one that was killed before it had stopped its server. */
static bool end_earlier(struct trial *t)
{
    const struct instance *left = find_key(&t->before, t->key);
    if (!starts_one(t) || !left)
        return true;
    t->instance = *left;
    bool is_gone = end(t, "stop what an earlier trial left");
    t->instance = (struct instance){0};
    return is_gone;
}

static bool look_for_started(struct trial *t, struct driver_failure *f)
{
    struct instance_list l = {0};
    if (!list(t, &l, f))
        return false;
    const struct instance *found = find_new(t, &l);
    if (found)
        t->instance = *found;
    free(l.items);
    return true;
}

/* A start that failed, or that was not seen, may still have made one, or be about to: lists tell. */
static bool find_started(struct trial *t)
{
    int64_t now_ns = clock_now_ns(), late_ns = now_ns + (t->is_refused ? 0 : LATE_NS),
            until_ns = now_ns + 2 * t->service->scale.engine.timeout_ns;
    struct driver_failure f;
    bool is_listed;
    if (t->instance.id[0])
        return true;
    begin(t, "look for what was started");
    do {
        f = (struct driver_failure){0};
        is_listed = look_for_started(t, &f);
    } while (is_listed ? !t->instance.id[0] && look_again(late_ns)
                       : f.fault == DRIVER_FAULT_RETRYABLE && look_again(until_ns));
    return is_listed ? done(t, t->instance.id[0] ? t->instance.id : "nothing") : engine_failed(t, &f);
}

static bool clean_up(struct trial *t)
{
    if (!t->is_asked)
        return true;
    interruption_begin_undoing();
    if (interruption_name())
        printf("what was started is stopped; interrupt again to leave it running\n");
    bool is_known = find_started(t);
    if (is_known && starts_one(t) && t->instance.id[0] == '\0')
        return true;
    if ((is_known || !starts_one(t)) && end(t, starts_one(t) ? "stop it" : "ask for one less"))
        return true;
    printf("what was started may be LEFT RUNNING: %s\n", t->instance.id[0] ? t->instance.id : t->key);
    return false;
}

/* --- all of it --------------------------------------------------------------------------------------- */

static bool run(struct trial *t)
{
    bool is_good = list_before(t) && end_earlier(t) && start(t) && await_address(t) && await_answer(t);
    return clean_up(t) && is_good;
}

static struct driver *open_driver(const struct trial *t, struct err *err)
{
    char owner[OWNER_BYTES];
    const struct str configured = t->service->scale.engine.owner;
    (void)snprintf(owner, sizeof(owner), "%s%s", configured.len ? configured.ptr : "weir",
                   starts_one(t) ? "-test" : "");
    return t->ops->open(t->service, owner, err);
}

bool provider_trial(const struct config_service *service)
{
    struct err err = {0};
    struct trial t = {.service = service, .ops = driver_find(&service->scale)};
    ASSERT(t.ops);
    (void)snprintf(t.key, sizeof(t.key), "%s/%s-test", service->name.ptr, service->name.ptr);
    t.driver = open_driver(&t, &err);
    if (!t.driver) {
        printf("provider %s cannot be used: %s\n", t.ops->name, err.text);
        return false;
    }
    tell_driver(&t);
    interruption_watch();
    bool is_good = run(&t) && !interruption_name();
    printf("%s\n", is_good ? "all well" : interruption_name() ? "interrupted" : "not all well");
    (void)fflush(stdout);
    free(t.before.items);
    t.ops->close(t.driver);
    interruption_obey();
    return is_good;
}
