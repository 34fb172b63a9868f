/*
 * mail.h: hands one message to a mail server before the call returns (SMTP, RFC 5321 and 6409). On a job
 * thread or in a command, never on a loop's thread: it blocks up to its timeout. libcurl lives behind this
 * header.
 *
 * What is sent is the caller's: mail.c knows nothing of fields and bodies.
 */
#pragma once
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdint.h>

enum mail_tls {
    MAIL_TLS_STARTTLS, /* begins in the clear and asks for TLS (RFC 3207); a server without it is refused */
    MAIL_TLS_IMPLICIT, /* TLS from the first byte (RFC 8314) */
    MAIL_TLS_NONE,
};

struct mail_request {
    const char *server; /* host or host:port; without a port the one that is usual for tls */
    enum mail_tls tls;
    const char *ca_file;   /* whom to trust instead of the system's store; NULL or "": that store */
    const char *user;      /* NULL or "": nobody logs in */
    const char *password;  /* of the user. Only ever sent, never part of an error text */
    const char *hello;     /* our name in EHLO */
    const char *from;      /* addresses without brackets */
    const char *const *to; /* at least one is to be taken by the server, or the call fails */
    size_t to_count;
    struct str message; /* whole, lines ending in CR LF */
    int64_t timeout_ns; /* for all of it; > 0 */
};

enum { MAIL_WORDS_BYTES = 200 };

struct mail_answer {
    int code;                       /* of the last reply, 200..599; 0: there was none */
    char refusal[MAIL_WORDS_BYTES]; /* the last reply that refused something, in the server's words; "" */
};

/*
 * Any thread; nothing is shared between calls. True when the server has taken the message for one recipient
 * at least; what it said about others is in ret_answer->refusal. On failure err->retryable when trying again
 * later makes sense: a reply of 4xx, or none. *ret_answer is always set.
 */
bool mail_send(const struct mail_request *request, struct mail_answer *ret_answer, struct err *err) MUST_USE;
