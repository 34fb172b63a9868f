/*
 * hosts.h: other machines, read through an exporter or a Weir on them, each at its own interval, on job
 * threads. What they told last stands on the board under their names, until it is too old: then it is
 * unknown. Loop's thread.
 */
#pragma once
#include "base/addr.h"
#include "base/buf.h"
#include "base/json.h"
#include "config/model.h"
#include "net/loop.h"
#include "watch/board.h"

struct hosts;

struct hosts_params {
    struct loop *loop;
    const struct config_host *configs; /* borrowed for good: a question that hangs may outlive all else */
    size_t count;
};

struct hosts *hosts_new(const struct hosts_params *params); /* NULL with errno: no thread can be had */
void hosts_free(struct hosts *h);                           /* NULL is fine; waits for no answer */

/* The machine that has this address; "": none of them, as far as is known. */
const char *hosts_name_at(const struct hosts *h, const struct addr *a);
void hosts_report(const struct hosts *h, struct board *b);
/* One array: [{"name", "kind", "target", "is_good": true|false|null, "reason", "remark", ...}]. */
void hosts_write_json(const struct hosts *h, struct json *j);
void hosts_write_metrics(const struct hosts *h, struct buf *out); /* whole families */
