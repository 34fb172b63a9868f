/*
 * h1_codec.c: what the HTTP/1.1 codec costs for a request and its response: parse and write, in nanoseconds.
 * Prints the best of several rounds: the others were disturbed. To build and run it:
 *
 *   cc -O2 -std=gnu17 -D_GNU_SOURCE -fno-strict-aliasing -Isrc -o build/h1_codec \
 *      tests/bench/h1_codec.c src/http/[a-z]*.c src/base/str.c src/base/assert.c
 *   taskset -c 1 build/h1_codec
 */
#include "base/macros.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 20, LOOPS = 50000 };

static const char request_text[] =
    "GET /catalogue/items?page=2&sort=price HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: http://shop.example.com/catalogue\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Connection: keep-alive\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Cache-Control: max-age=0\r\n"
    "\r\n";
static const char small_text[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
static const char response_text[] =
    "HTTP/1.1 200 OK\r\n"
    "Server: gunicorn\r\n"
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Connection: keep-alive\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Length: 16384\r\n"
    "Set-Cookie: session=0123456789abcdef0123456789abcdef; HttpOnly; Path=/\r\n"
    "Vary: Cookie\r\n"
    "\r\n";

static const struct http_limits limits = {.head_bytes = 32768, .field_count = 100, .target_bytes = 8192};
static const struct h1_request_context request_context = {.client_ip = STR("192.0.2.17"),
                                                          .scheme = STR("http"),
                                                          .authority = STR("weir:8080"),
                                                          .request_id = STR("0123456789abcdef"),
                                                          .via_name = STR("weir")};
static const struct h1_response_context response_context = {.client_minor_version = 1,
                                                            .keeps_alive = true,
                                                            .framing = HTTP_FRAMING_LENGTH,
                                                            .date = STR("Sun, 06 Nov 1994 08:49:37 GMT"),
                                                            .request_id = STR("0123456789abcdef")};

static struct http_request request;
static struct http_response response;
static char out[8192];

static void parse_request(const char *text, size_t len)
{
    size_t scanned = 0, head_bytes;
    ASSERT(h1_parse_request(&request, text, len, &limits, &scanned, &head_bytes) == PARSE_DONE);
}

static void parse_browser_request(void)
{
    parse_request(request_text, sizeof(request_text) - 1);
}

static void parse_small_request(void)
{
    parse_request(small_text, sizeof(small_text) - 1);
}

static void write_request(void)
{
    ASSERT(h1_write_request(out, sizeof(out), &request, &request_context) > 0);
}

static void parse_response(void)
{
    size_t scanned = 0, head_bytes, len = sizeof(response_text) - 1;
    ASSERT(h1_parse_response(&response, response_text, len, HTTP_GET, &limits, &scanned, &head_bytes) ==
           PARSE_DONE);
}

static void write_response(void)
{
    ASSERT(h1_write_response(out, sizeof(out), &response, &response_context) > 0);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure(const char *name, void (*run)(void))
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = now_ns();
        for (int i = 0; i < LOOPS; i++)
            run();
        best = MIN(best, (now_ns() - begin) / LOOPS);
    }
    printf("%-24s %7.1f ns\n", name, best);
}

int main(void)
{
    measure("parse small request", parse_small_request);
    measure("write small request", write_request);
    measure("parse 10-field request", parse_browser_request);
    measure("write 10-field request", write_request);
    measure("parse 7-field response", parse_response);
    measure("write 7-field response", write_response);
    return 0;
}
