/* See cpu.h. What draining servers use is for requests that they still have, so it counts. */
#include "scale/cpu.h"

#include "base/macros.h"

#include <math.h>

void cpu_note(struct cpu_server *c, uint64_t id, const struct scale_usage *usage, bool is_settled)
{
    const struct scale_usage before = c->usage;
    bool is_next = c->id == id && before.is_known && usage->is_known && usage->at_ns > before.at_ns;
    if (c->id == id && before.is_known && usage->at_ns == before.at_ns)
        return; /* the same reading again */
    *c = (struct cpu_server){.id = id, .usage = *usage, .is_settled = is_settled, .has_cores = is_next};
    if (is_next)
        c->cores = (double)MAX(usage->cpu_ns - before.cpu_ns, 0) / (double)(usage->at_ns - before.at_ns);
}

static bool is_counted(const struct server *s)
{
    int state = atomic_load_explicit(&s->state, memory_order_relaxed);
    return server_state_takes_requests((enum server_state)state) || state == SERVER_DRAINING;
}

static const struct cpu_server *find_known(const struct cpu_server *by_slot, const struct server *s,
                                           int64_t now_ns)
{
    const struct cpu_server *c = &by_slot[s->slot];
    bool is_known = c->id == s->id && c->has_cores && now_ns - c->usage.at_ns < CPU_STALE_NS;
    return is_known ? c : NULL;
}

void cpu_add_up(const struct cpu_server *by_slot, struct server *const *servers, uint32_t count,
                int64_t now_ns, struct scale_signals *g)
{
    uint32_t settled = 0;
    double cores = 0;
    g->cpu_servers = 0;
    g->cpu_cores = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct cpu_server *c = is_counted(servers[i]) ? find_known(by_slot, servers[i], now_ns) : NULL;
        if (!c || !c->is_settled)
            continue;
        settled++;
        cores += c->cores;
    }
    if (settled == 0)
        return;
    double mean = cores / settled;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_counted(servers[i]))
            continue;
        const struct cpu_server *c = find_known(by_slot, servers[i], now_ns);
        g->cpu_servers++;
        if (!c || !c->is_settled)
            cores += c ? fmin(c->cores, mean) : mean;
    }
    g->cpu_cores = cores;
}
