/*
 * sink.h: one item of `notify:` by itself, for who keeps it longer than the configuration that it came from.
 * Pure. Works from the schema's tables, so that a new kind of sink needs no line here.
 */
#pragma once
#include "base/buf.h"
#include "config/model.h"

const char *config_sink_kind_name(enum notify_kind kind); /* its key: "webhook" */
/* All of it in the arena. Texts that the kind does not have are "". */
struct config_notify *config_sink_copy(struct arena *arena, const struct config_notify *sink);
/* As in a file, secrets included: equal sinks have equal texts. */
void config_sink_format(const struct config_notify *sink, struct buf *out);
