/* story_write.h: an episode as JSON, for explain. Pure. */
#pragma once
#include "base/json.h"
#include "scale/story.h"

/* Writes one object (docs/reference/api.md). wall_ns: the wall clock at now_ns. */
void story_write_episode(const struct story_episode *e, int64_t now_ns, int64_t wall_ns, struct json *j);
/* Adds to an open object: requests_per_second, in_flight, queued, queue_age_seconds, latency_seconds,
 * available. */
void story_write_seen(const struct story_seen *seen, struct json *j);
