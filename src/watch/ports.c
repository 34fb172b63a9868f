/*
 * ports.c: see ports.h.
 *
 * Counted by local address, remote address and remote port: the kernel gives the same local port to several
 * of those at once. Connections that clients opened to a listening port inside the range take none of it, and
 * so many clients would fill the table; so sockets with a local port that is listened on are left out. The
 * kernel lists those that listen before the others.
 */
#include "watch/ports.h"

#include "base/addr.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "watch/formula.h"
#include "watch/kept_file.h"
#include "watch/procfs_net.h"
#include "watch/sock_diag.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 16384,            /* a power of two */
    DESTINATIONS_MAX = 12288, /* further ones are not counted: the busy ones come early */
    COST_SHARE = 500,
};
#define DEADLINE_NS (30 * NS_PER_S)

struct destination {
    uint8_t local[16], remote[16];
    uint16_t port;
    uint32_t count; /* 0: the slot is free */
};

struct port_counter {
    uint8_t is_listening[(UINT16_MAX + 1) / 8];
    uint32_t used;
    struct destination slots[SLOTS];
};

struct ports_job {
    struct job job;
    struct ports *ports; /* borrowed; NULL when that is gone */
    uint16_t first, last;
    struct port_counter *counter; /* owned */
    const char *why;
    int64_t cost_ns;
    struct ports_sample result;
};

struct ports {
    struct job_pool *jobs;
    struct kept_file range;
    int64_t asked_ns, next_ns; /* the last look, and the earliest for the one after it */
    struct ports_job *current; /* under way, a late one included */
    struct ports_sample sample;
};

/* ---- counting ---- */

struct port_counter *port_counter_new(void)
{
    return NEW(struct port_counter);
}

void port_counter_free(struct port_counter *c)
{
    free(c);
}

static uint32_t hash_of(const struct sock_diag_socket *s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ s->remote_port;
    for (size_t i = 0; i < sizeof(s->remote); i++)
        hash = (hash ^ s->remote[i] ^ (uint64_t)s->local[i] << 8) * UINT64_C(0x100000001b3);
    return (uint32_t)(hash >> 32);
}

static bool is_of(const struct destination *d, const struct sock_diag_socket *s)
{
    return d->port == s->remote_port && memcmp(d->remote, s->remote, sizeof(d->remote)) == 0 &&
           memcmp(d->local, s->local, sizeof(d->local)) == 0;
}

void port_counter_add(struct port_counter *c, const struct sock_diag_socket *s)
{
    uint8_t *byte = &c->is_listening[s->local_port / 8], bit = (uint8_t)(1 << s->local_port % 8);
    if (s->is_listening)
        *byte |= bit;
    if (*byte & bit)
        return;
    uint32_t at = hash_of(s) % SLOTS;
    while (c->slots[at].count && !is_of(&c->slots[at], s))
        at = (at + 1) % SLOTS;
    struct destination *d = &c->slots[at];
    if (d->count == 0) {
        if (c->used == DESTINATIONS_MAX)
            return;
        c->used++;
        memcpy(d->local, s->local, sizeof(d->local));
        memcpy(d->remote, s->remote, sizeof(d->remote));
        d->port = s->remote_port;
    }
    d->count++;
}

static void format_destination(const struct destination *d, char out[HOST_ADDRESS_BYTES])
{
    char text[ADDR_TEXT_BYTES];
    struct addr a = {.len = sizeof(a.in6), .in6 = {.sin6_family = AF_INET6, .sin6_port = htons(d->port)}};
    memcpy(&a.in6.sin6_addr, d->remote, sizeof(d->remote));
    addr_unmap(&a);
    str_copy(out, HOST_ADDRESS_BYTES, str_of(addr_format(text, &a)));
}

void port_counter_sum(const struct port_counter *c, uint16_t first, uint16_t last,
                      struct ports_sample *ret_sample)
{
    const struct destination *busiest = NULL;
    for (size_t i = 0; i < SLOTS; i++)
        if (c->slots[i].count && (busiest == NULL || c->slots[i].count > busiest->count))
            busiest = &c->slots[i];
    *ret_sample = (struct ports_sample){.range = (uint32_t)(last - first) + 1};
    if (busiest) {
        ret_sample->in_use = busiest->count;
        format_destination(busiest, ret_sample->destination);
    }
    ret_sample->percent = reading_known(formula_percent(ret_sample->in_use, ret_sample->range));
}

/* ---- on the job thread ---- */

static void on_socket(void *context, const struct sock_diag_socket *s)
{
    port_counter_add(context, s);
}

static void run_job(struct job *j)
{
    struct ports_job *job = container_of(j, struct ports_job, job);
    int64_t began_ns = clock_thread_cpu_ns();
    if (sock_diag_for_each(job->first, job->last, on_socket, job->counter, &job->why))
        port_counter_sum(job->counter, job->first, job->last, &job->result);
    else
        job->result = (struct ports_sample){.percent = reading_unknown(job->why)};
    job->cost_ns = clock_thread_cpu_ns() - began_ns;
}

/* ---- back on the loop ---- */

static void on_job(struct job *j, enum job_outcome outcome)
{
    struct ports_job *job = container_of(j, struct ports_job, job);
    struct ports *p = job->ports;
    if (p == NULL)
        return;
    if (outcome != JOB_DONE) {
        p->sample = (struct ports_sample){.percent = reading_unknown("the kernel does not answer in time")};
        return;
    }
    p->sample = job->result;
    p->next_ns = MAX(p->next_ns, p->asked_ns + COST_SHARE * job->cost_ns);
}

static void release_job(struct job *j)
{
    struct ports_job *job = container_of(j, struct ports_job, job);
    if (job->ports)
        job->ports->current = NULL;
    port_counter_free(job->counter);
    free(job);
}

void ports_refresh(struct ports *p, int64_t now_ns)
{
    char text[64];
    struct str s;
    uint16_t first, last;
    const char *why = "ip_local_port_range is not two numbers";
    if (p->jobs == NULL || p->current || now_ns < p->next_ns)
        return;
    p->asked_ns = now_ns;
    p->next_ns = now_ns + PORTS_EVERY_NS;
    if (!kept_file_read(&p->range, text, sizeof(text), &s, &why) ||
        !procfs_parse_port_range(s, &first, &last)) {
        p->sample = (struct ports_sample){.percent = reading_unknown(why)};
        return;
    }
    struct ports_job *job = NEW(struct ports_job);
    job->job = (struct job){.run = run_job, .on_done = on_job, .release = release_job};
    job->ports = p;
    job->first = first;
    job->last = last;
    job->counter = port_counter_new();
    p->current = job;
    if (!job_submit(p->jobs, &job->job, now_ns + DEADLINE_NS))
        release_job(&job->job);
}

struct ports_sample ports_get_sample(const struct ports *p)
{
    return p->sample;
}

struct ports *ports_new(const struct ports_params *params)
{
    struct ports *p = NEW(struct ports);
    p->jobs = params->jobs;
    kept_file_init(&p->range, params->root, "/proc/sys/net/ipv4/ip_local_port_range");
    p->sample.percent =
        reading_unknown(params->jobs ? "not counted yet" : "no thread can be started to count them");
    return p;
}

void ports_free(struct ports *p)
{
    if (p == NULL)
        return;
    if (p->current)
        p->current->ports = NULL;
    kept_file_fini(&p->range);
    free(p);
}
