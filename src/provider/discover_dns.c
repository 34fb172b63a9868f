/*
 * discover: {dns: …} and {srv: …}: rounds of questions (dns_round.h), each with a resolver of its own
 * (net/resolver.h), one after the other; after each a timer until the next.
 *
 * A round ends in a task of the loop, not in the callback that brings its last answer: a resolver must not be
 * freed from within its own.
 */
#include "provider/discovery.h"
#include "provider/dns_round.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/random.h"
#include "net/resolver.h"

#include <stdio.h>
#include <stdlib.h>

struct dns_source;

struct asked {
    struct resolver_question question;
    struct dns_source *source;
    uint32_t number;
    bool is_open;
};

struct dns_source {
    struct loop *loop;
    const struct config_discover *config;
    const struct discovery_sink *sink;
    struct random random;
    struct timer timer; /* the next round */
    struct task task;   /* the end of this one */
    bool is_ending;     /* the task is queued */
    struct dns_round *round;
    struct resolver *resolver;
    uint32_t failures; /* rounds in a row */
    struct asked asked[DNS_ROUND_OPEN_MAX];
};

static void wait_for_next(struct dns_source *s, uint32_t ttl_s)
{
    int64_t wait_ns = dns_round_wait_ns(s->config, ttl_s, s->failures, random_next(&s->random));
    timer_set(s->loop, &s->timer, loop_now_ns(s->loop) + wait_ns);
}

static void tell_failure(struct dns_source *s, const char *reason)
{
    s->failures++;
    s->sink->on_failed(s->sink->context, reason);
}

static void end_round(struct loop *loop, struct task *t)
{
    (void)loop;
    struct dns_source *s = container_of(t, struct dns_source, task);
    struct dns_round_result *result = NEW(struct dns_round_result);
    s->is_ending = false;
    dns_round_result(s->round, result);
    if (result->has_failed) {
        tell_failure(s, result->reason);
    } else {
        s->failures = 0;
        s->sink->on_list(s->sink->context, &(struct found_list){.addresses = result->addresses,
                                                                .count = result->count,
                                                                .note = result->note});
    }
    wait_for_next(s, result->ttl_s);
    resolver_free(s->resolver);
    dns_round_free(s->round);
    s->resolver = NULL;
    s->round = NULL;
    free(result);
}

static void ask_more(struct dns_source *s);

static void on_answer(struct resolver_question *q, enum resolver_outcome outcome, struct str packet,
                      const char *why)
{
    struct asked *a = container_of(q, struct asked, question);
    struct dns_source *s = a->source;
    a->is_open = false;
    dns_round_take(s->round, a->number, outcome, packet, why);
    ask_more(s);
}

static struct asked *free_place(struct dns_source *s)
{
    for (size_t i = 0; i < ARRAY_LEN(s->asked); i++)
        if (!s->asked[i].is_open)
            return &s->asked[i];
    return NULL;
}

/* An answer may come from within resolver_ask(), and then asks more itself: hence the loop looks anew. */
static void ask_more(struct dns_source *s)
{
    struct dns_round_question q;
    struct asked *a;
    while (!s->is_ending && (a = free_place(s)) && dns_round_next(s->round, &q)) {
        *a = (struct asked){
            .question = {.on_answer = on_answer}, .source = s, .number = q.number, .is_open = true};
        resolver_ask(s->resolver, q.name, q.type, &a->question);
    }
    if (s->is_ending || !dns_round_is_done(s->round))
        return;
    s->is_ending = true;
    loop_again(s->loop, &s->task);
}

static void begin_round(struct loop *loop, struct timer *t)
{
    struct dns_source *s = container_of(t, struct dns_source, timer);
    struct resolver_params params = {
        .loop = loop, .servers = s->config->resolvers, .server_count = s->config->resolver_count};
    struct err err;
    s->resolver = resolver_new(&params, &err);
    if (!s->resolver) {
        tell_failure(s, err.text);
        wait_for_next(s, 0);
        return;
    }
    s->round = dns_round_new(s->config);
    for (size_t i = 0; i < ARRAY_LEN(s->asked); i++)
        s->asked[i].is_open = false;
    ask_more(s);
}

static struct discovery_source *open_dns(const struct discovery_params *params,
                                         const struct discovery_sink *sink, struct err *err)
{
    (void)err; /* it always begins */
    struct dns_source *s = NEW(struct dns_source);
    s->loop = params->loop;
    s->config = params->config;
    s->sink = sink;
    s->random.state = params->seed;
    s->task.run = end_round;
    list_init(&s->task.link);
    timer_init(&s->timer, begin_round);
    timer_set(s->loop, &s->timer, loop_now_ns(s->loop));
    return (struct discovery_source *)s;
}

static void close_dns(struct discovery_source *source)
{
    struct dns_source *s = (struct dns_source *)source;
    timer_cancel(&s->timer);
    if (s->is_ending)
        list_remove(&s->task.link);
    resolver_free(s->resolver);
    dns_round_free(s->round);
    free(s);
}

const struct discovery_ops discover_dns_ops = {.name = "dns", .open = open_dns, .close = close_dns};
const struct discovery_ops discover_srv_ops = {.name = "srv", .open = open_dns, .close = close_dns};
