/*
 * probe.h: one look at something from outside, as a visitor would: what it found, and how each kind is done.
 * A kind either blocks on a job thread (probe_ask) or asks on the loop (probe_dns).
 */
#pragma once
#include "config/model.h"
#include "net/loop.h"

enum {
    PROBE_REASON_BYTES = 256,
    PROBE_BODY_BYTES_MAX = 1 << 20, /* of a page are read; `contains` is looked for in them */
};

struct probe_result {
    bool is_good;
    char reason[PROBE_REASON_BYTES]; /* why not, or what was seen: "status 200", "192.0.2.10" */
    int64_t time_ns;                 /* until all was there; 0: nothing came */
    int status;                      /* HTTP; 0: none */
    uint32_t redirects;              /* HTTP; followed */
    int64_t certificate_end_s;       /* seconds since 1970; 0: none was seen */
};

/* Whether the kind shows a certificate at all. */
bool probe_has_certificate(const struct config_probe *c);
/* What is looked at: "https://shop.example.com/", "db.internal:5432". Borrowed. */
struct str probe_target(const struct config_probe *c);
const char *probe_kind_name(enum probe_kind kind);

/* HTTP, TCP and TLS. Blocks up to c->timeout_ns, so only on a job thread. */
void probe_ask(const struct config_probe *c, struct probe_result *ret_result);

/* DNS, on the loop's thread. */
struct probe_dns;
/* on_result: once, from the loop, not from within; not at all after probe_dns_free. It may free it. */
struct probe_dns *probe_dns_begin(struct loop *loop, const struct config_probe *c,
                                  void (*on_result)(void *context, const struct probe_result *result),
                                  void *context);
void probe_dns_free(struct probe_dns *p); /* NULL is fine */
