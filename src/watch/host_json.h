/* host_json.h: a sample of the host as JSON, for the API. Pure. */
#pragma once
#include "base/json.h"
#include "watch/host_sample.h"

/* One object; taken_wall_ns: the wall clock at s->taken_ns. Before the first sample it is {}. */
void host_json_write(struct json *j, const struct host_sample *s, int64_t taken_wall_ns);
