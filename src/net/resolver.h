/*
 * resolver.h: questions to DNS servers, answered on a loop. c-ares lives behind this header: which servers,
 * in which order, UDP first and TCP for what is too long (RFC 7766), tries and timeouts. What an answer says
 * is for the caller to read: it gets the packet.
 *
 * A resolver is made for one round of questions and freed after it: so each round goes by the system's
 * configuration as it is then. Loop's thread only.
 */
#pragma once
#include "base/addr.h"
#include "base/err.h"
#include "net/loop.h"

#include <stdint.h>

struct resolver;

enum resolver_type { RESOLVER_A = 1, RESOLVER_AAAA = 28, RESOLVER_SRV = 33 }; /* RFC 1035, 3596, 2782 */

enum resolver_outcome {
    RESOLVER_ANSWER,  /* NOERROR with records */
    RESOLVER_NO_DATA, /* the name exists, but has none of that type */
    RESOLVER_NO_NAME, /* NXDOMAIN: the name does not exist */
    RESOLVER_FAILED,  /* SERVFAIL, REFUSED, no answer in time, …: nothing is known */
};

struct resolver_params {
    struct loop *loop;
    const struct addr *servers; /* borrowed for the call; with 0 of them: those of /etc/resolv.conf */
    size_t server_count;
};

/* One question, part of the asker's memory until it was answered or the resolver is freed. */
struct resolver_question {
    struct resolver *resolver; /* the resolver's */
    /* packet: of an ANSWER, borrowed for the call. why: a clause, "" for an ANSWER. Once; maybe already from
     * within resolver_ask(). Must not free the resolver. */
    void (*on_answer)(struct resolver_question *q, enum resolver_outcome outcome, struct str packet,
                      const char *why);
};

struct resolver *resolver_new(const struct resolver_params *params, struct err *err); /* NULL with err */
void resolver_free(struct resolver *r); /* open questions are not answered any more; NULL is fine */
/* name: ends in NUL. Where the system's servers are asked, its search list counts (resolv.conf(5)). */
void resolver_ask(struct resolver *r, const char *name, enum resolver_type type, struct resolver_question *q);
