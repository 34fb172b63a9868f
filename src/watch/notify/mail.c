/* mail.c: alerts by mail: mail_text.h says what is sent, net/mail.h sends it. */
#include "net/mail.h"

#include "base/clock.h"
#include "base/mem.h"
#include "watch/notify/kind.h"
#include "watch/notify/mail_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ALERTS_MAX = 50, HELLO_BYTES = 256 };

static enum mail_tls tls_of(enum mail_security security)
{
    static const enum mail_tls of[] = {[MAIL_STARTTLS] = MAIL_TLS_STARTTLS,
                                       [MAIL_IMPLICIT_TLS] = MAIL_TLS_IMPLICIT,
                                       [MAIL_IN_THE_CLEAR] = MAIL_TLS_NONE};
    return of[security];
}

/* The machine's name, where it has only what a host's name may have. */
static const char *find_hello(char out[HELLO_BYTES])
{
    if (gethostname(out, HELLO_BYTES) != 0 || out[HELLO_BYTES - 1] != '\0' || out[0] == '\0')
        return "localhost";
    for (const char *c = out; *c; c++)
        if (!(ascii_lower(*c) >= 'a' && ascii_lower(*c) <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-' &&
            *c != '.')
            return "localhost";
    return out;
}

/* The message or all its recipients were refused. What has to do with passwords (53x, RFC 4954 section 6) and
 * certificates can be mended while the alert waits. */
static bool is_final(int code)
{
    return code >= 500 && code / 10 != 53;
}

static void mail_deliver(const struct alert_message *m, const struct sink_setup *setup, int64_t timeout_ns,
                         struct sink_answer *ret)
{
    const struct config_mail *config = &setup->config->mail;
    const char **to = NEW_ARRAY(const char *, config->to.count);
    char hello[HELLO_BYTES];
    struct mail_answer answer;
    struct err err = {0};
    CLEANUP(buf_fini) struct buf text = {0};
    for (size_t i = 0; i < config->to.count; i++)
        to[i] = config->to.items[i].ptr;
    mail_text_write(m, setup->config, &text);
    struct mail_request request = {.server = config->server.ptr,
                                   .tls = tls_of(config->tls),
                                   .ca_file = setup->config->ca_file.ptr,
                                   .user = config->user.ptr,
                                   .password = setup->token,
                                   .hello = find_hello(hello),
                                   .from = config->from.ptr,
                                   .to = to,
                                   .to_count = config->to.count,
                                   .message = buf_str(&text),
                                   .timeout_ns = timeout_ns};
    bool is_taken = mail_send(&request, &answer, &err);
    *ret = (struct sink_answer){.status = answer.code, .retry_after_s = -1};
    ret->verdict = is_taken ? RETRY_DELIVERED : is_final(answer.code) ? RETRY_NEVER : RETRY_LATER;
    if (!is_taken)
        str_copy(ret->text, sizeof(ret->text), str_of(err.text));
    else if (answer.refusal[0])
        snprintf(ret->text, sizeof(ret->text), "not for everybody: %s", answer.refusal);
    free(to);
}

const struct sink_kind sink_mail = {.alerts_max = ALERTS_MAX, .has_digest = true, .deliver = mail_deliver};
