/*
 * retry.h: what becomes of a delivery, and when it is tried again. Pure; randomness is a parameter.
 *
 * What is wrong with a message stays wrong: it is final. What is wrong with the address, the permission or
 * the way can be mended, by a new secret or a restart, and is tried again until the message is too old.
 * (Alertmanager gives up at all answers but 5xx.) Receivers say 429 when they are busy, with Retry-After (RFC
 * 6585 §4, RFC 9110 §10.2.3), which we honour.
 */
#pragma once
#include "base/random.h"

#include <stdbool.h>
#include <stdint.h>

enum retry_verdict { RETRY_DELIVERED, RETRY_LATER, RETRY_NEVER };

struct retry_answer {
    bool has_status; /* false: no answer came */
    int status;
    int64_t retry_after_s; /* -1: not told */
};

#define RETRY_FIRST_NS     INT64_C(1000000000)    /* after the first failure, doubled each time... */
#define RETRY_LONGEST_NS   INT64_C(300000000000)  /* ...up to this */
#define RETRY_ASKED_MAX_NS INT64_C(3600000000000) /* a Retry-After beyond this is cut */

enum retry_verdict retry_judge(const struct retry_answer *a);
/* attempts: made so far, at least 1. Half of the back-off is chance, so that many senders do not come back
 * together. */
int64_t retry_delay_ns(uint32_t attempts, int64_t retry_after_s, struct random *random);
