/*
 * node_exporter.h: turns what Prometheus' node_exporter tells of a machine into a host sample, by the same
 * formulas as this machine's own numbers. Pure but for the memory it keeps of the answer before: counters
 * become rates from the second answer on. What the exporter does not tell is unknown.
 *
 * Source: prometheus/node_exporter 1.5 (Debian 12), collector/: names, units and labels of its metrics.
 */
#pragma once
#include "base/str.h"
#include "watch/host_sample.h"

struct node_exporter;

struct node_exporter *node_exporter_new(void);
void node_exporter_free(struct node_exporter *n); /* NULL is fine */

/* False when the text makes no sense or tells nothing; *ret_why is then a phrase, with the line, of at most
 * why_bytes. now_ns: when it was asked for, monotonic. */
bool node_exporter_read(struct node_exporter *n, struct str text, int64_t now_ns,
                        struct host_sample *ret_sample, char *ret_why, size_t why_bytes);
/* Whether an answer so far told of a machine's CPU or memory. False: it is of some other exporter, and all of
 * the sample is unknown. */
bool node_exporter_is_machine(const struct node_exporter *n);
