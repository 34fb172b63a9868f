/*
 * readings.h: all readings of a machine as JSON, in both directions: how one Weir tells another what it
 * knows. Pure.
 */
#pragma once
#include "base/json.h"
#include "net/json_value.h"
#include "watch/board.h"

/* Of one host; "" is this one. One object: {"readings": [{"metric": "disk", "labels": {"path": "/"},
 * "value": 93.4, "note": "..."}, ...]}; of an unknown one "value" is null and "why_unknown" there. */
void readings_write(const struct board *b, struct str host, struct json *j);

enum { READINGS_MAX = 4096 };

/* Puts what such an object tells on the board, for the host that is set there. Metrics that this Weir does
 * not know, and readings that make no sense, are left out. Returns how many were put. */
size_t readings_put(const struct json_value *object, struct board *b);
