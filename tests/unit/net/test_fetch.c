/* test_fetch.c: what goes over the wire and what comes back, against a tiny server in a thread; and reading
 * JSON. */
#include "base/clock.h"
#include "net/fetch.h"
#include "net/json_value.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Answers one connection with fixed bytes once the request has come whole. */
struct canned {
    int listener;
    const char *answer;
    size_t request_end; /* bytes after the empty line to wait for */
    char request[4096];
    pthread_t thread;
};

static void *serve(void *context)
{
    struct canned *c = context;
    int fd = accept(c->listener, NULL, NULL);
    size_t len = 0;
    for (;;) {
        ssize_t n = read(fd, c->request + len, sizeof(c->request) - 1 - len);
        if (n <= 0)
            break;
        c->request[len += (size_t)n] = '\0';
        const char *end = strstr(c->request, "\r\n\r\n");
        if (end && len >= (size_t)(end - c->request) + 4 + c->request_end)
            break;
    }
    (void)!write(fd, c->answer, strlen(c->answer));
    close(fd);
    return NULL;
}

static void canned_start(struct canned *c, char url[64])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(c->listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(c->listener, 4), 0);
    assert_int_equal(getsockname(c->listener, (struct sockaddr *)&a, &len), 0);
    snprintf(url, 64, "http://127.0.0.1:%u/hook", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&c->thread, NULL, serve, c), 0);
}

static void canned_stop(struct canned *c)
{
    pthread_join(c->thread, NULL);
    close(c->listener);
}

static void a_post_carries_everything(void **state)
{
    struct canned c = {.answer = "HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy",
                       .request_end = 7};
    char url[64];
    canned_start(&c, url);
    const char *headers[] = {"Content-Type: application/json"};
    struct fetch_request r = {.method = "POST",
                              .url = url,
                              .headers = headers,
                              .header_count = 1,
                              .body = STR("{\"a\":1}"),
                              .bearer_token = "s3cret",
                              .is_direct = true,
                              .timeout_ns = 5 * NS_PER_S};
    struct fetch_response got;
    assert_true(fetch(&r, &got, NULL));
    canned_stop(&c);
    assert_int_equal(got.status, 503);
    assert_int_equal(got.retry_after_s, 7);
    assert_string_equal(got.body.ptr, "busy");
    assert_non_null(strstr(c.request, "POST /hook HTTP/1.1\r\n"));
    assert_non_null(strstr(c.request, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(c.request, "Authorization: Bearer s3cret\r\n"));
    assert_non_null(strstr(c.request, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(c.request, "Expect:"));
    fetch_response_fini(&got);
}

static void a_redirect_is_an_answer_not_followed(void **state)
{
    struct canned c = {.answer =
                           "HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"};
    char url[64];
    canned_start(&c, url);
    struct fetch_request r = {.method = "GET", .url = url, .is_direct = true, .timeout_ns = 5 * NS_PER_S};
    struct fetch_response got;
    assert_true(fetch(&r, &got, NULL));
    canned_stop(&c);
    assert_int_equal(got.status, 302);
    assert_int_equal(got.retry_after_s, -1);
    assert_null(strstr(c.request, "Authorization"));
    fetch_response_fini(&got);
}

static void a_body_beyond_the_limit_is_an_error(void **state)
{
    struct canned c = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"};
    char url[64];
    canned_start(&c, url);
    struct fetch_request r = {
        .method = "GET", .url = url, .is_direct = true, .timeout_ns = 5 * NS_PER_S, .response_bytes_max = 9};
    struct fetch_response got;
    struct err err;
    assert_false(fetch(&r, &got, &err));
    canned_stop(&c);
    assert_string_equal(err.text, "the answer is longer than 9 bytes");
}

static void no_server_and_no_answer_are_retryable(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0); /* taken, but nobody listens: refused */
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(a.sin_port));
    struct fetch_request r = {.method = "GET", .url = url, .is_direct = true, .timeout_ns = 5 * NS_PER_S};
    struct fetch_response got;
    struct err err = {0};
    assert_false(fetch(&r, &got, &err));
    assert_true(err.retryable);
    assert_int_equal(listen(fd, 1), 0); /* now it is accepted by the kernel and never answered */
    r.timeout_ns = 30 * NS_PER_MS;
    err = (struct err){0};
    assert_false(fetch(&r, &got, &err));
    assert_true(err.retryable);
    close(fd);
}

static void other_schemes_are_refused(void **state)
{
    struct fetch_request r = {.method = "GET", .url = "file:///etc/hostname", .timeout_ns = NS_PER_S};
    struct fetch_response got;
    struct err err = {0};
    assert_false(fetch(&r, &got, &err));
    assert_false(err.retryable);
}

struct taken {
    char bytes[64];
    size_t len, enough;
    int asked;
};

static bool take(void *context, struct str bytes)
{
    struct taken *t = context;
    memcpy(t->bytes + t->len, bytes.ptr, bytes.len);
    t->len += bytes.len;
    return t->len < t->enough;
}

static bool give_up(void *context)
{
    struct taken *t = context;
    return ++t->asked > 1;
}

static void a_stream_ends_when_there_is_enough(void **state)
{
    struct canned c = {.answer = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\n{\"a\":1}\n"};
    struct taken taken = {.enough = 3};
    struct fetch_stream stream = {.context = &taken, .on_bytes = take};
    char url[64];
    canned_start(&c, url);
    struct fetch_request r = {.method = "GET",
                              .url = url,
                              .is_direct = true,
                              .timeout_ns = 5 * NS_PER_S,
                              .stream = &stream,
                              .answer_field = "api-version"};
    struct fetch_response got;
    assert_true(fetch(&r, &got, NULL));
    canned_stop(&c);
    assert_int_equal(got.status, 200);
    assert_int_equal(got.body.len, 0);
    assert_string_equal(got.field, "1.41");
    assert_memory_equal(taken.bytes, "{\"a", 3);
    fetch_response_fini(&got);
}

static void an_error_is_collected_even_where_a_stream_is_asked_for(void **state)
{
    struct canned c = {.answer = "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nnone"};
    struct taken taken = {.enough = 1};
    struct fetch_stream stream = {.context = &taken, .on_bytes = take};
    char url[64];
    canned_start(&c, url);
    struct fetch_request r = {
        .method = "GET", .url = url, .is_direct = true, .timeout_ns = 5 * NS_PER_S, .stream = &stream};
    struct fetch_response got;
    assert_true(fetch(&r, &got, NULL));
    canned_stop(&c);
    assert_int_equal(got.status, 404);
    assert_string_equal(got.body.ptr, "none");
    assert_int_equal(taken.len, 0);
    assert_string_equal(got.field, "");
    fetch_response_fini(&got);
}

static void who_waits_can_be_called_off(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* never accepts */
    assert_int_equal(bind(listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    struct taken taken = {0};
    struct fetch_stream stream = {.context = &taken, .is_cancelled = give_up};
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(a.sin_port));
    struct fetch_request r = {
        .method = "GET", .url = url, .is_direct = true, .timeout_ns = 60 * NS_PER_S, .stream = &stream};
    struct fetch_response got;
    struct err err;
    int64_t start_ns = clock_now_ns();
    assert_false(fetch(&r, &got, &err));
    assert_true(clock_now_ns() - start_ns < 30 * NS_PER_S);
    assert_string_equal(err.text, "given up");
    close(listener);
}

static void what_was_read_is_written_again_with_one_number_changed(void **state)
{
    static const char *const path[] = {"Mode", "Replicated", "Replicas"}, *const wrong[] = {"Mode", "Global",
                                                                                            "N"};
    struct json_value *v = json_value_parse(STR("{\"b\": 9007199254740993, \"Mode\": {\"Replicated\": "
                                                "{\"Replicas\": 2}}, \"a\": [null, 0.1, \"\\u00e9/\"]}"),
                                            NULL);
    struct buf out = {0};
    assert_non_null(v);
    assert_false(json_value_set_int(v, wrong, 3, 7));
    assert_true(json_value_set_int(v, path, 3, 7));
    json_value_format(v, &out);
    assert_string_equal(out.ptr, "{\"b\":9007199254740993,\"Mode\":{\"Replicated\":{\"Replicas\":7}},"
                                 "\"a\":[null,0.10000000000000001,\"\xc3\xa9/\"]}");
    buf_clear(&out);
    json_value_format(json_value_get(v, "Mode"), &out);
    assert_string_equal(out.ptr, "{\"Replicated\":{\"Replicas\":7}}");
    buf_fini(&out);
    json_value_free(v);
}

static void json_is_read_with_defaults(void **state)
{
    struct json_value *v =
        json_value_parse(STR("{\"n\":3,\"t\":\"x\",\"b\":true,\"d\":1.5,\"l\":[{\"n\":4}]}"), NULL);
    assert_non_null(v);
    assert_int_equal(json_value_int(v, "n", -1), 3);
    assert_int_equal(json_value_int(v, "t", -1), -1);
    assert_int_equal(json_value_int(v, "d", -1), -1);
    assert_true(json_value_double(v, "d", 0) == 1.5);
    assert_true(json_value_bool(v, "b", false));
    assert_string_equal(json_value_text(v, "t", "?"), "x");
    assert_string_equal(json_value_text(v, "missing", "?"), "?");
    const struct json_value *list = json_value_get(v, "l");
    assert_int_equal(json_value_count(list), 1);
    assert_int_equal(json_value_int(json_value_at(list, 0), "n", -1), 4);
    assert_null(json_value_at(list, 1));
    assert_int_equal(json_value_int(NULL, "n", 9), 9);
    json_value_free(v);
}

static void wrong_json_is_refused(void **state)
{
    static const char *const cases[] = {"", "{", "{\"a\":1,\"a\":2}", "[1] x", "{'a':1}", "\"\xff\""};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        assert_null(json_value_parse(str_of(cases[i]), &err));
        assert_non_null(strstr(err.text, "line 1"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_carries_everything),
        cmocka_unit_test(a_redirect_is_an_answer_not_followed),
        cmocka_unit_test(a_body_beyond_the_limit_is_an_error),
        cmocka_unit_test(no_server_and_no_answer_are_retryable),
        cmocka_unit_test(other_schemes_are_refused),
        cmocka_unit_test(a_stream_ends_when_there_is_enough),
        cmocka_unit_test(an_error_is_collected_even_where_a_stream_is_asked_for),
        cmocka_unit_test(who_waits_can_be_called_off),
        cmocka_unit_test(what_was_read_is_written_again_with_one_number_changed),
        cmocka_unit_test(json_is_read_with_defaults),
        cmocka_unit_test(wrong_json_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
