/*
 * log_time.h: the time of one line of an access log. Pure.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/* `… [10/Oct/2000:13:55:36 -0700] …` (common and combined format); seconds since 1970. */
bool log_time_of_combined(struct str line, int64_t *ret_s, struct err *err) MUST_USE;
/* One JSON object; the time is in one of the fields that trace.h names, the first of them that is there. */
bool log_time_of_json(struct str line, int64_t *ret_s, struct err *err) MUST_USE;
