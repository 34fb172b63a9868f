/* engine_write.h: what is known of the engine that a service's servers come from, as JSON and as metrics.
 * Only this room. */
#pragma once
#include "base/json.h"
#include "scale/scale_priv.h"

/* Adds `engine` to an open object: null for providers without one. */
void scale_write_engine(const struct provider *provider, int64_t now_ns, struct json *j);
/* Whole families, of the services whose provider has an engine. */
void scale_write_engine_metrics(const struct scale_view *views, uint32_t count, struct buf *out);
/* A sentence about what keeps starts away; nothing when nothing does. is_held: it has not told yet what
 * exists.
 */
void scale_put_engine_reason(const struct provider *provider, bool is_held, int64_t now_ns, struct buf *out);
