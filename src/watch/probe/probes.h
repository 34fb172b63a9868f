/*
 * probes.h: looks at sites and services from outside, each at its own interval, and what they found last.
 * Loop's thread; what blocks runs on job threads. Results go to the board, to the API and to /metrics.
 */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "config/model.h"
#include "net/loop.h"
#include "watch/board.h"

struct probes;

struct probes_params {
    struct loop *loop;
    const struct config_probe *configs; /* borrowed for good: a look that hangs may outlive everything else */
    size_t count;
    uint64_t seed; /* of the spread of their times; not 0 */
};

/* NULL with errno: no thread can be had. The first looks are made at once. */
struct probes *probes_new(const struct probes_params *params);
void probes_free(struct probes *p); /* NULL is fine; waits for no look */

void probes_report(const struct probes *p, struct board *b);
/* One array: [{"name", "kind", "target", "is_good": true|false|null, "reason", "since", ...}]. */
void probes_write_json(const struct probes *p, struct json *j, int64_t now_ns, int64_t wall_ns);
void probes_write_metrics(const struct probes *p, struct buf *out); /* whole families */
