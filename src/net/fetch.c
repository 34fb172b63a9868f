/*
 * fetch.c: the one file that knows libcurl's easy interface.
 *
 * A handle a call: callers are rare (a webhook, a command), so a cache of connections would cost more thought
 * than it saves. CURLOPT_NOSIGNAL keeps libcurl from using SIGALRM, which a threaded program must not have.
 * Redirects are followed for probes alone: a webhook or an API that moved is a mistake to be told, and
 * following would carry the bearer token elsewhere. The token is set through CURLOPT_XOAUTH2_BEARER, so it is
 * in no string that an error could show.
 */
#include "net/fetch.h"

#include "base/clock.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

struct body_reader {
    CURL *curl; /* borrowed */
    const struct fetch_stream *stream;
    struct buf bytes;
    size_t bytes_max;
    bool is_too_long, is_enough, is_cancelled;
};

static pthread_once_t init_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static bool is_streamed(const struct body_reader *reader)
{
    long status = 0;
    if (!reader->stream || !reader->stream->on_bytes)
        return false;
    curl_easy_getinfo(reader->curl, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static size_t on_body(char *bytes, size_t unit, size_t count, void *context)
{
    struct body_reader *reader = context;
    size_t len = unit * count;
    if (is_streamed(reader)) {
        reader->is_enough = !reader->stream->on_bytes(reader->stream->context, str_n(bytes, len));
        return reader->is_enough ? 0 : len;
    }
    if (len > reader->bytes_max - reader->bytes.len) {
        reader->is_too_long = true;
        return 0;
    }
    buf_put(&reader->bytes, str_n(bytes, len));
    return len;
}

/* libcurl calls it as bytes move, and about once a second when none do. */
static int on_progress(void *context, curl_off_t down_bytes, curl_off_t down, curl_off_t up_bytes,
                       curl_off_t up)
{
    struct body_reader *reader = context;
    (void)down_bytes, (void)down, (void)up_bytes, (void)up;
    reader->is_cancelled = reader->stream->is_cancelled(reader->stream->context);
    return reader->is_cancelled ? 1 : 0;
}

static bool is_retryable(CURLcode code)
{
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_WRITE_ERROR:
        return false;
    default:
        return true;
    }
}

static struct curl_slist *header_list(const struct fetch_request *request)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < request->header_count; i++)
        list = curl_slist_append(list, request->headers[i]);
    return curl_slist_append(list, "Expect:"); /* no 100-continue: the bodies are small, the pause is not */
}

/* GET and HEAD carry no body; POST without one says Content-Length: 0; anything else is POST under another
 * name. */
static void set_method(CURL *curl, const struct fetch_request *request)
{
    if (strcmp(request->method, "GET") == 0)
        return;
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        return;
    }
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.len ? request->body.ptr : "");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
}

static void set_tls(CURL *curl, const struct fetch_tls *tls)
{
    if (tls->ca_file && tls->ca_file[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, tls->ca_file);
    if (!tls->cert_file || !tls->cert_file[0])
        return;
    curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->cert_file);
    curl_easy_setopt(curl, CURLOPT_SSLKEY, tls->key_file);
}

static void set_probing(CURL *curl, const struct fetch_request *request)
{
    if (request->redirects_max > 0) {
        ASSERT(!request->bearer_token);
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)request->redirects_max);
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    }
    if (request->is_connect_only)
        curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    if (request->is_anybody_trusted) {
        ASSERT(request->is_connect_only);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (request->is_certificate_wanted)
        curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
}

static void set_reader(CURL *curl, struct body_reader *reader)
{
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reader);
    if (!reader->stream || !reader->stream->is_cancelled)
        return;
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, reader);
}

static void set_options(CURL *curl, const struct fetch_request *request, struct curl_slist *headers)
{
    long timeout_ms = (long)MAX(request->timeout_ns / NS_PER_MS, INT64_C(1));
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (request->is_direct)
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (request->unix_socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
    if (request->bearer_token && request->bearer_token[0]) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request->bearer_token);
    }
    if (request->tls)
        set_tls(curl, request->tls);
    set_method(curl, request);
    set_probing(curl, request);
}

static void take_field(CURL *curl, const char *name, char out[FETCH_FIELD_BYTES])
{
    struct curl_header *field;
    if (name && curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &field) == CURLHE_OK)
        str_copy(out, FETCH_FIELD_BYTES, str_of(field->value));
}

static int64_t retry_after_of(CURL *curl)
{
    struct curl_header *field;
    curl_off_t seconds = 0;
    if (curl_easy_header(curl, "Retry-After", 0, CURLH_HEADER, -1, &field) != CURLHE_OK)
        return -1;
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
    return MAX((int64_t)seconds, INT64_C(0));
}

/* libcurl gives lines of text, a list a certificate. */
static int64_t certificate_end_of(CURL *curl)
{
    static const struct str label = {"Expire date:", sizeof("Expire date:") - 1};
    struct curl_certinfo *chain = NULL;
    int64_t end_s = 0;
    if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain)
        return 0;
    for (int i = 0; i < chain->num_of_certs; i++) {
        for (struct curl_slist *line = chain->certinfo[i]; line; line = line->next) {
            struct str text = str_of(line->data);
            time_t one = str_starts_with(text, label) ? curl_getdate(line->data + label.len, NULL) : -1;
            if (one > 0 && (end_s == 0 || one < end_s))
                end_s = one;
        }
    }
    return end_s;
}

static void take_peer(CURL *curl, char out[FETCH_PEER_BYTES])
{
    const char *peer = NULL;
    curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &peer);
    str_copy(out, FETCH_PEER_BYTES, str_of(peer ? peer : ""));
}

static void take_answer(CURL *curl, const struct fetch_request *request, const struct body_reader *reader,
                        struct fetch_response *ret_response)
{
    long status = 0, redirects = 0;
    curl_off_t total_us = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_COUNT, &redirects);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &total_us);
    *ret_response = (struct fetch_response){
        .status = (int)status,
        .body = reader->bytes,
        .retry_after_s = retry_after_of(curl),
        .total_ns = (int64_t)total_us * 1000,
        .redirects = (uint32_t)redirects,
        .certificate_end_s = request->is_certificate_wanted ? certificate_end_of(curl) : 0,
    };
    take_field(curl, request->answer_field, ret_response->field);
    take_peer(curl, ret_response->peer);
}

static bool perform(CURL *curl, struct body_reader *reader, struct err *err)
{
    char text[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    set_reader(curl, reader);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (code == CURLE_OK || reader->is_enough)
        return true;
    if (reader->is_cancelled)
        return err_set(err, "given up");
    if (reader->is_too_long)
        return err_set(err, "the answer is longer than %zu bytes", reader->bytes_max);
    err_set(err, "%s", text[0] ? text : curl_easy_strerror(code));
    if (err)
        err->retryable = is_retryable(code);
    return false;
}

bool fetch(const struct fetch_request *request, struct fetch_response *ret_response, struct err *err)
{
    ASSERT(request->method && request->url && request->timeout_ns > 0);
    pthread_once(&init_once, init_curl);
    CURL *curl = curl_easy_init();
    if (!curl)
        return err_set(err, "libcurl is out of memory");
    size_t bytes_max = request->response_bytes_max ? request->response_bytes_max : FETCH_RESPONSE_BYTES_MAX;
    struct body_reader reader = {.curl = curl, .stream = request->stream, .bytes_max = bytes_max};
    struct curl_slist *headers = header_list(request);
    set_options(curl, request, headers);
    bool is_answered = perform(curl, &reader, err);
    if (is_answered)
        take_answer(curl, request, &reader, ret_response);
    else
        buf_fini(&reader.bytes);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return is_answered;
}

void fetch_response_fini(struct fetch_response *response)
{
    buf_fini(&response->body);
}
