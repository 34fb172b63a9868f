/* totals.h: one counter of a service or server, added up over the data threads. Any thread; a moment's value.
 */
#pragma once
#include "fleet/fleet.h"

static inline uint64_t service_total(const struct fleet *f, const struct service *s,
                                     size_t id /* enum service_counter */)
{
    uint64_t total = 0;
    for (uint32_t t = 0; t < f->thread_count; t++)
        total += s->cells[t] ? counter_get(&s->cells[t]->counters[id]) : 0;
    return total;
}

static inline uint64_t server_total(const struct fleet *f, const struct server *s,
                                    size_t id /* enum server_counter */)
{
    uint64_t total = 0;
    for (uint32_t t = 0; t < f->thread_count; t++)
        total += s->cells[t] ? counter_get(&s->cells[t]->counters[id]) : 0;
    return total;
}

/* Requests to the server that failed: 5xx, no connection, broken, timed out. */
static inline uint64_t server_errors(const struct fleet *f, const struct server *s)
{
    return server_total(f, s, SERVER_ERRORS_5XX) + server_total(f, s, SERVER_ERRORS_CONNECT) +
           server_total(f, s, SERVER_ERRORS_BROKE) + server_total(f, s, SERVER_ERRORS_TIMEOUT);
}
