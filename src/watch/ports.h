/*
 * ports.h: ephemeral ports in use. Each connection that Weir opens takes a local port of the range
 * (ip_local_port_range), one at a time for each address and port it goes to, and keeps it for a minute after
 * its end (TIME_WAIT). So what runs out is the range towards the busiest destination.
 *
 * The sockets are counted on a job thread, at most every PORTS_EVERY_NS and less often when there are so many
 * that it would cost more than a five-hundredth of a core. All functions run on the loop's thread.
 */
#pragma once
#include "net/job.h"
#include "watch/host_sample.h"

#define PORTS_EVERY_NS INT64_C(5000000000)

struct ports;
struct sock_diag_socket;

struct ports_params {
    const char *root;      /* in front of /proc */
    struct job_pool *jobs; /* borrowed; NULL: all stays unknown. To be freed after the ports */
};

struct ports *ports_new(const struct ports_params *params); /* never NULL */
void ports_free(struct ports *p);                           /* NULL is fine */
void ports_refresh(struct ports *p, int64_t now_ns);        /* starts a look when it is time for one */
struct ports_sample ports_get_sample(const struct ports *p);

/* Pure, for tests: counts sockets by where they go. */
struct port_counter;
struct port_counter *port_counter_new(void);
void port_counter_free(struct port_counter *c);
void port_counter_add(struct port_counter *c, const struct sock_diag_socket *s);
/* The busiest destination's share of a range from first to last; "" and 0 without any. */
void port_counter_sum(const struct port_counter *c, uint16_t first, uint16_t last,
                      struct ports_sample *ret_sample);
