/* probe_dns.c: see probe.h. One question, with a resolver of its own; a timer ends it when nobody answers. */
#include "watch/probe/probe.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "net/dns_answer.h"
#include "net/resolver.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct probe_dns {
    struct loop *loop;
    const struct config_probe *config;
    void (*on_result)(void *context, const struct probe_result *result);
    void *context;
    int64_t began_ns;
    struct resolver *resolver;
    struct resolver_question question;
    struct timer timer; /* the timeout */
    struct task task;   /* tells the result: a resolver must not be freed from within its own callback */
    bool is_over;
    uint32_t wanted_found; /* of config->addresses, a bit each: CONFIG_PROBE_ADDRESSES_MAX of them at most */
    struct probe_result result;
};

static void tell(struct loop *loop, struct task *t)
{
    (void)loop;
    struct probe_dns *p = container_of(t, struct probe_dns, task);
    struct probe_result result = p->result;
    p->on_result(p->context, &result);
}

static void end(struct probe_dns *p)
{
    if (p->is_over)
        return;
    p->is_over = true;
    timer_cancel(&p->timer);
    loop_again(p->loop, &p->task);
}

static void on_timeout(struct loop *loop, struct timer *t)
{
    (void)loop;
    struct probe_dns *p = container_of(t, struct probe_dns, timer);
    (void)snprintf(p->result.reason, sizeof(p->result.reason), "no answer within %g s",
                   (double)p->config->timeout_ns / NS_PER_S);
    end(p);
}

static bool is_written_as(const struct addr *a, struct str text)
{
    char wanted[INET6_ADDRSTRLEN];
    struct in6_addr bytes;
    bool is_six = a->any.sa_family == AF_INET6;
    const void *its = is_six ? (const void *)&a->in6.sin6_addr : (const void *)&a->in4.sin_addr;
    str_copy(wanted, sizeof(wanted), text);
    return inet_pton(a->any.sa_family, wanted, &bytes) == 1 &&
           memcmp(&bytes, its, is_six ? sizeof(struct in6_addr) : sizeof(struct in_addr)) == 0;
}

/* Keeps the first as what was seen, and ticks off those that must be there. */
static void add_address(void *context, const struct addr *address)
{
    struct probe_dns *p = context;
    char text[ADDR_TEXT_BYTES];
    if (p->result.reason[0] == '\0')
        str_copy(p->result.reason, sizeof(p->result.reason), str_of(addr_format_host(text, address)));
    for (size_t i = 0; i < p->config->addresses.count; i++)
        if (is_written_as(address, p->config->addresses.items[i]))
            p->wanted_found |= UINT32_C(1) << i;
}

static void judge(struct probe_dns *p, struct str packet)
{
    uint32_t ttl_s;
    uint16_t type = p->config->record == PROBE_RECORD_A ? DNS_TYPE_A : DNS_TYPE_AAAA;
    if (!dns_answer_addresses(packet, type, 0, add_address, p, &ttl_s)) {
        (void)snprintf(p->result.reason, sizeof(p->result.reason), "the answer makes no sense");
        return;
    }
    if (p->result.reason[0] == '\0') {
        (void)snprintf(p->result.reason, sizeof(p->result.reason), "the answer has no address");
        return;
    }
    for (size_t i = 0; i < p->config->addresses.count; i++) {
        if (p->wanted_found & UINT32_C(1) << i)
            continue;
        (void)snprintf(p->result.reason, sizeof(p->result.reason), "%.*s is not among the addresses",
                       STR_ARG(p->config->addresses.items[i]));
        return;
    }
    p->result.is_good = true;
}

static void on_answer(struct resolver_question *q, enum resolver_outcome outcome, struct str packet,
                      const char *why)
{
    struct probe_dns *p = container_of(q, struct probe_dns, question);
    if (p->is_over)
        return;
    if (outcome != RESOLVER_FAILED)
        p->result.time_ns = MAX(clock_now_ns() - p->began_ns, INT64_C(1));
    if (outcome == RESOLVER_ANSWER)
        judge(p, packet);
    else
        str_copy(p->result.reason, sizeof(p->result.reason), str_of(why));
    end(p);
}

struct probe_dns *probe_dns_begin(struct loop *loop, const struct config_probe *c,
                                  void (*on_result)(void *context, const struct probe_result *result),
                                  void *context)
{
    struct probe_dns *p = NEW(struct probe_dns);
    struct err err;
    struct resolver_params params = {
        .loop = loop, .servers = c->resolvers, .server_count = c->resolver_count};
    *p = (struct probe_dns){
        .loop = loop, .config = c, .on_result = on_result, .context = context, .began_ns = clock_now_ns()};
    p->task.run = tell;
    list_init(&p->task.link);
    timer_init(&p->timer, on_timeout);
    timer_set(loop, &p->timer, p->began_ns + c->timeout_ns);
    p->resolver = resolver_new(&params, &err);
    if (!p->resolver) {
        str_copy(p->result.reason, sizeof(p->result.reason), str_of(err.text));
        end(p);
        return p;
    }
    p->question.on_answer = on_answer;
    resolver_ask(p->resolver, c->dns.ptr, c->record == PROBE_RECORD_A ? RESOLVER_A : RESOLVER_AAAA,
                 &p->question);
    return p;
}

void probe_dns_free(struct probe_dns *p)
{
    if (p == NULL)
        return;
    timer_cancel(&p->timer);
    list_remove(&p->task.link);
    resolver_free(p->resolver);
    free(p);
}
