/*
 * mail.c: the one file that knows libcurl's SMTP.
 *
 * A connection a message, as with fetch.c. TLS is asked for and then required (CURLUSESSL_ALL), since a
 * server that "happens" not to offer it may be somebody in between. One recipient that is refused does not
 * hold back the others. The user's password is set through CURLOPT_PASSWORD, so it is in no string that an
 * error could show.
 */
#include "net/mail.h"

#include "base/buf.h"
#include "base/clock.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

#define SUBMISSION_PORT 587L

struct exchange {
    struct str rest; /* of the message */
    struct mail_answer *answer;
};

static pthread_once_t init_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static size_t on_read(char *out, size_t unit, size_t count, void *context)
{
    struct exchange *x = context;
    size_t len = MIN(unit * count, x->rest.len);
    memcpy(out, x->rest.ptr, len);
    x->rest = str_n(x->rest.ptr + len, x->rest.len - len);
    return len;
}

/* Each line that the server says. */
static size_t on_reply(char *bytes, size_t unit, size_t count, void *context)
{
    struct exchange *x = context;
    struct str line = str_n(bytes, unit * count);
    while (line.len && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
        line.len--;
    if (line.len >= 3 && (line.ptr[0] == '4' || line.ptr[0] == '5'))
        (void)str_copy(x->answer->refusal, sizeof(x->answer->refusal), line);
    return unit * count;
}

static bool has_port(const char *server)
{
    const char *bracket = strrchr(server, ']'); /* of an IPv6 address */
    return strchr(bracket ? bracket : server, ':') != NULL;
}

static void set_server(CURL *curl, const struct mail_request *r)
{
    char url[1024];
    snprintf(url, sizeof(url), "%s://%s/%s", r->tls == MAIL_TLS_IMPLICIT ? "smtps" : "smtp", r->server,
             r->hello);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (r->tls == MAIL_TLS_STARTTLS)
        curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    if (r->tls == MAIL_TLS_STARTTLS && !has_port(r->server)) /* libcurl knows 25 and 465 */
        curl_easy_setopt(curl, CURLOPT_PORT, SUBMISSION_PORT);
    if (r->ca_file && r->ca_file[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, r->ca_file);
    if (r->user && r->user[0]) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, r->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, r->password ? r->password : "");
    }
}

static void set_message(CURL *curl, const struct mail_request *r, struct exchange *x)
{
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, x);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->message.len);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_reply);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
}

static struct curl_slist *set_envelope(CURL *curl, const struct mail_request *r)
{
    struct curl_slist *to = NULL;
    char address[512];
    snprintf(address, sizeof(address), "<%s>", r->from);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, address);
    for (size_t i = 0; i < r->to_count; i++) {
        snprintf(address, sizeof(address), "<%s>", r->to[i]);
        to = curl_slist_append(to, address);
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    return to;
}

/* Without a reply that says no: a wrong certificate or a server without TLS will be the same in a minute. */
static bool is_worth_retrying(CURLcode code, const struct mail_answer *answer)
{
    if (answer->code >= 400)
        return answer->code < 500;
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_USE_SSL_FAILED:
    case CURLE_LOGIN_DENIED:
        return false;
    default:
        return true;
    }
}

static bool fail(CURLcode code, const char *text, const struct mail_answer *answer, struct err *err)
{
    const char *why = text[0] ? text : curl_easy_strerror(code);
    if (answer->code >= 400 && answer->refusal[0])
        (void)err_set(err, "the server said: %s", answer->refusal);
    else
        (void)err_set(err, "%s", why);
    if (err)
        err->retryable = is_worth_retrying(code, answer);
    return false;
}

bool mail_send(const struct mail_request *request, struct mail_answer *ret_answer, struct err *err)
{
    ASSERT(request->server && request->from && request->to_count > 0 && request->timeout_ns > 0);
    *ret_answer = (struct mail_answer){0};
    pthread_once(&init_once, init_curl);
    CURL *curl = curl_easy_init();
    if (!curl)
        return err_set(err, "libcurl is out of memory");
    struct exchange x = {.rest = request->message, .answer = ret_answer};
    char text[CURL_ERROR_SIZE] = "";
    long timeout_ms = (long)MAX(request->timeout_ns / NS_PER_MS, INT64_C(1)), code = 0;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, timeout_ms / 1000 + 1);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    set_server(curl, request);
    set_message(curl, request, &x);
    struct curl_slist *to = set_envelope(curl, request);
    CURLcode outcome = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    ret_answer->code = (int)code;
    curl_slist_free_all(to);
    curl_easy_cleanup(curl);
    return outcome == CURLE_OK || fail(outcome, text, ret_answer, err);
}
