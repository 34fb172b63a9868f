/*
 * load.c: an open-loop load for tests and measurements of the autoscaler: requests come when the recorded
 * rate says, at random (Poisson), whether or not those before were answered.
 *
 *     load --connect HOST:PORT --trace FILE [--seed N] [--objective 1s] [--timeout 60s] [--bin 10s]
 *          [--log FILE]
 *
 * - FILE holds `t_seconds,requests` lines, with an optional head. The rate is linear between the middles of
 *   bins, as in `weir simulate` for bins of 10 s or more.
 * - A request takes an idle keep-alive connection, or opens a new one. Idle ones are closed from this side
 *   after 5 s, so that the server never closes one under a request: each broken connection is a failure.
 * - A latency counts from the moment at which the request should have been sent, so that one that could not
 *   be sent in time is not flattered (no coordinated omission). How late this program itself was is told
 *   apart: sent_late_p99_ms.
 * - Everything but status 200 is a failure; a failure is late too.
 *
 * JSON on standard output: sums, quantiles, and a row for each --bin. With --log, a line a request:
 * due_s,latency_ms,status,wait_ms,service_ms (the last two as the synthetic server tells them).
 *
 * One thread, edge-triggered epoll. All arrivals are drawn before the first one is sent.
 */
#include "base/addr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/units.h"
#include "law.h"
#include "rates.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_NS (5 * NS_PER_S)
#define LOOK_NS (100 * NS_PER_MS) /* how often deadlines are looked at */
enum { ANSWER_BYTES_MAX = 8192, EVENTS_MAX = 256, STATUS_OK = 200 };

/* What became of a request that got no status. */
enum fault { FAULT_UNSENT, FAULT_CONNECT, FAULT_BROKEN, FAULT_TIMEOUT, FAULT_COUNT };
static const char *const fault_names[FAULT_COUNT] = {"unsent", "connect", "broken", "timeout"};

struct outcome {
    int64_t due_ns, sent_ns, ended_ns; /* from the begin of the load; ended_ns 0: not yet */
    int status;                        /* of HTTP, or an enum fault */
    float wait_ms, service_ms;
};

struct connection {
    int fd;
    struct list node; /* among the idle, or among those that wait for an answer */
    bool is_connected, is_waiting;
    uint32_t request; /* while it waits for an answer */
    int64_t since_ns; /* since when it is idle, or waits */
    char answer[ANSWER_BYTES_MAX + 1];
    size_t length;
};

struct load {
    struct addr address;
    const char *trace_path, *log_path;
    uint64_t seed;
    int64_t objective_ns, timeout_ns, bin_ns;

    struct outcome *outcomes; /* in order of due_ns */
    uint32_t count, next;     /* next: to be sent */
    uint32_t open_count;      /* sent, and not ended */
    int64_t begin_ns;
    int epoll_fd;
    struct list idle; /* the last one used first: the others may close */
    struct list waiting;
    uint32_t connections_opened;
    struct buf request_text;
};

static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
    is_ending = 1;
}

static int64_t now_ns(const struct load *l)
{
    return clock_now_ns() - l->begin_ns;
}

/* ---- connections ---- */

static void close_connection(struct connection *c)
{
    list_remove(&c->node);
    close(c->fd);
    free(c);
}

static void end_request(struct load *l, struct connection *c, int status)
{
    struct outcome *o = &l->outcomes[c->request];
    c->is_waiting = false;
    o->status = status;
    o->ended_ns = now_ns(l);
    l->open_count--;
}

static void break_request(struct load *l, struct connection *c, enum fault fault)
{
    end_request(l, c, fault);
    close_connection(c);
}

static void send_request(struct load *l, struct connection *c)
{
    ssize_t n = write(c->fd, l->request_text.ptr, l->request_text.len);
    if (n != (ssize_t)l->request_text.len)
        break_request(l, c, FAULT_BROKEN);
}

static struct connection *open_connection(struct load *l)
{
    struct connection *c = NEW(struct connection);
    int on = 1;
    c->fd = socket(l->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    list_init(&c->node);
    l->connections_opened++;
    if (c->fd < 0)
        return c;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    bool is_under_way = connect(c->fd, &l->address.any, l->address.len) == 0 || errno == EINPROGRESS;
    if (!is_under_way || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) {
        close(c->fd);
        c->fd = -1;
    }
    return c;
}

static void begin_request(struct load *l, uint32_t number)
{
    struct list *node = list_pop_front(&l->idle);
    struct connection *c = node ? container_of(node, struct connection, node) : open_connection(l);
    l->outcomes[number].sent_ns = now_ns(l);
    l->open_count++;
    c->request = number;
    c->since_ns = now_ns(l);
    c->length = 0;
    c->is_waiting = true;
    list_push_back(&l->waiting, &c->node);
    if (c->fd < 0)
        break_request(l, c, FAULT_CONNECT);
    else if (c->is_connected)
        send_request(l, c);
}

/* ---- answers ---- */

static double field_of(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);
    return at ? strtod(at + strlen(name), NULL) : 0;
}

static void finish(struct load *l, struct connection *c)
{
    struct outcome *o = &l->outcomes[c->request];
    o->wait_ms = (float)field_of(c->answer, "\r\nx-wait-ms:");
    o->service_ms = (float)field_of(c->answer, "\r\nx-service-ms:");
    end_request(l, c, (int)strtol(c->answer + strlen("HTTP/1.1 "), NULL, 10));
    list_remove(&c->node);
    c->since_ns = now_ns(l);
    list_push_front(&l->idle, &c->node);
}

enum answer { ANSWER_MORE, ANSWER_WHOLE, ANSWER_BAD };

/* Only answers with a length are understood: Weir's own and the synthetic server's have one. */
static enum answer look_at_answer(struct connection *c)
{
    c->answer[c->length] = 0;
    const char *end = strstr(c->answer, "\r\n\r\n");
    if (!end)
        return c->length < ANSWER_BYTES_MAX ? ANSWER_MORE : ANSWER_BAD;
    if (strncmp(c->answer, "HTTP/1.1 ", 9) != 0 || !strcasestr(c->answer, "\r\ncontent-length:"))
        return ANSWER_BAD;
    size_t whole = (size_t)(end + 4 - c->answer) + (size_t)field_of(c->answer, "\r\ncontent-length:");
    if (c->length < whole)
        return whole <= ANSWER_BYTES_MAX ? ANSWER_MORE : ANSWER_BAD;
    return c->length == whole ? ANSWER_WHOLE : ANSWER_BAD;
}

/* Reads some more: false when the connection is over. */
static bool read_some(struct load *l, struct connection *c, bool *ret_is_empty)
{
    ssize_t n = read(c->fd, c->answer + c->length, ANSWER_BYTES_MAX - c->length);
    *ret_is_empty = n < 0 && errno == EAGAIN;
    if (*ret_is_empty)
        return true;
    if (n <= 0 || !c->is_waiting)
        return false;
    c->length += (size_t)n;
    enum answer answer = look_at_answer(c);
    if (answer != ANSWER_WHOLE)
        return answer == ANSWER_MORE;
    finish(l, c);
    c->length = 0;
    return true;
}

static void read_all(struct load *l, struct connection *c)
{
    bool is_empty = false;
    while (!is_empty) {
        if (read_some(l, c, &is_empty))
            continue;
        if (c->is_waiting)
            break_request(l, c, FAULT_BROKEN);
        else
            close_connection(c);
        return;
    }
}

/* ---- the loop ---- */

static void on_event(struct load *l, struct connection *c, uint32_t events)
{
    if (c->is_connected) {
        if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
            read_all(l, c);
        return;
    }
    if (events & (EPOLLERR | EPOLLHUP)) {
        break_request(l, c, FAULT_CONNECT);
        return;
    }
    c->is_connected = true;
    send_request(l, c);
}

/* An answer whose server says that it closes is followed by its end: read_all() closes then. */
static void look_at_deadlines(struct load *l)
{
    int64_t now = now_ns(l);
    list_for_each_safe (node, &l->waiting) {
        struct connection *c = container_of(node, struct connection, node);
        if (now - c->since_ns > l->timeout_ns)
            break_request(l, c, FAULT_TIMEOUT);
    }
    list_for_each_safe (node, &l->idle) {
        struct connection *c = container_of(node, struct connection, node);
        if (now - c->since_ns > IDLE_NS)
            close_connection(c);
    }
}

static void send_due(struct load *l)
{
    while (l->next < l->count && l->outcomes[l->next].due_ns <= now_ns(l))
        begin_request(l, l->next++);
}

static void turn(struct load *l)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t wait_ns = LOOK_NS;
    if (l->next < l->count)
        wait_ns = MIN(MAX(l->outcomes[l->next].due_ns - now_ns(l), 0), LOOK_NS);
    struct timespec wait = {.tv_nsec = wait_ns};
    int count = epoll_pwait2(l->epoll_fd, events, EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < count; i++)
        on_event(l, events[i].data.ptr, events[i].events);
    send_due(l);
}

static void run(struct load *l)
{
    int64_t look_ns = 0;
    l->begin_ns = clock_now_ns();
    while (!is_ending && (l->next < l->count || l->open_count)) {
        turn(l);
        if (now_ns(l) - look_ns < LOOK_NS)
            continue;
        look_ns = now_ns(l);
        look_at_deadlines(l);
    }
}

/* ---- the report ---- */

static int64_t latency_ns(const struct outcome *o)
{
    return o->ended_ns - o->due_ns;
}

static bool is_failed(const struct outcome *o)
{
    return o->status != STATUS_OK;
}

static bool is_late(const struct load *l, const struct outcome *o)
{
    return is_failed(o) || latency_ns(o) > l->objective_ns;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double quantile_ms(const int64_t *sorted, uint32_t count, double q)
{
    return count ? (double)sorted[MIN((uint32_t)(q * count), count - 1)] / (double)NS_PER_MS : 0;
}

static void put_quantiles(const char *name, int64_t *values, uint32_t count, struct json *j)
{
    static const struct {
        const char *name;
        double q;
    } rows[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
    qsort(values, count, sizeof(*values), compare);
    json_key(j, name);
    json_begin_object(j);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        json_put_double(j, rows[i].name, quantile_ms(values, count, rows[i].q));
    json_end_object(j);
}

struct sums {
    uint32_t requests, late, failed;
};

static void put_sums(const struct sums *s, struct json *j)
{
    json_put_int(j, "requests", s->requests);
    json_put_int(j, "late", s->late);
    json_put_int(j, "failed", s->failed);
    json_put_double(j, "violations", s->requests ? (double)s->late / s->requests : 0);
}

static struct sums sum_of(const struct load *l, uint32_t from, uint32_t to)
{
    struct sums s = {.requests = to - from};
    for (uint32_t i = from; i < to; i++) {
        s.late += is_late(l, &l->outcomes[i]);
        s.failed += is_failed(&l->outcomes[i]);
    }
    return s;
}

static void put_bins(const struct load *l, struct json *j)
{
    json_key(j, "bins");
    json_begin_array(j);
    for (uint32_t from = 0, to; from < l->next; from = to) {
        int64_t bin = l->outcomes[from].due_ns / l->bin_ns;
        for (to = from; to < l->next && l->outcomes[to].due_ns / l->bin_ns == bin;)
            to++;
        struct sums sums = sum_of(l, from, to);
        json_begin_object(j);
        json_put_double(j, "t", (double)(bin * l->bin_ns) / (double)NS_PER_S);
        put_sums(&sums, j);
        json_end_object(j);
    }
    json_end_array(j);
}

static const char *failure_name(int status, char out[16])
{
    if (status >= 0 && status < FAULT_COUNT)
        return fault_names[status];
    (void)snprintf(out, 16, "%d", status);
    return out;
}

/* How many of each kind; there are few kinds. */
static void put_failures(const struct load *l, struct json *j)
{
    uint32_t counts[1000] = {0};
    char text[16];
    for (uint32_t i = 0; i < l->next; i++)
        if (is_failed(&l->outcomes[i]))
            counts[MIN(MAX(l->outcomes[i].status, 0), 999)]++;
    json_key(j, "failures");
    json_begin_object(j);
    for (int i = 0; i < 1000; i++)
        if (counts[i])
            json_put_int(j, failure_name(i, text), counts[i]);
    json_end_object(j);
}

static void put_latencies(const struct load *l, struct json *j)
{
    int64_t *values = NEW_ARRAY(int64_t, l->next + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->next; i++)
        if (!is_failed(&l->outcomes[i]))
            values[count++] = latency_ns(&l->outcomes[i]);
    put_quantiles("latency_ms", values, count, j);
    for (uint32_t i = 0; i < l->next; i++)
        values[i] = l->outcomes[i].sent_ns - l->outcomes[i].due_ns;
    qsort(values, l->next, sizeof(*values), compare);
    json_put_double(j, "sent_late_p99_ms", quantile_ms(values, l->next, 0.99));
    free(values);
}

static void report(const struct load *l)
{
    struct buf text = {0};
    struct json j;
    struct sums sums = sum_of(l, 0, l->next);
    json_init(&j, &text);
    json_begin_object(&j);
    put_sums(&sums, &j);
    json_put_double(&j, "seconds", (double)now_ns(l) / (double)NS_PER_S);
    json_put_int(&j, "connections", l->connections_opened);
    put_failures(l, &j);
    put_latencies(l, &j);
    put_bins(l, &j);
    json_end_object(&j);
    puts(text.ptr);
    buf_fini(&text);
}

static void write_log(const struct load *l)
{
    FILE *out = fopen(l->log_path, "we");
    char text[16];
    if (!out) {
        perror(l->log_path);
        exit(1);
    }
    fputs("due_s,latency_ms,status,wait_ms,service_ms\n", out);
    for (uint32_t i = 0; i < l->next; i++) {
        const struct outcome *o = &l->outcomes[i];
        fprintf(out, "%.6f,%.3f,%s,%.3f,%.3f\n", (double)o->due_ns / (double)NS_PER_S,
                (double)latency_ns(o) / (double)NS_PER_MS, failure_name(o->status, text), (double)o->wait_ms,
                (double)o->service_ms);
    }
    (void)fclose(out);
}

/* ---- making ---- */

static _Noreturn void usage(const char *problem)
{
    fprintf(stderr,
            "load: %s\n"
            "usage: load --connect HOST:PORT --trace FILE [--seed N] [--objective 1s] [--timeout 60s]\n"
            "            [--bin 10s] [--log FILE]\n",
            problem);
    exit(2);
}

static int64_t read_duration(const char *text)
{
    int64_t ns;
    const char *problem;
    if (!units_parse_duration(str_of(text), &ns, &problem))
        usage(problem);
    if (ns <= 0)
        usage("a duration must be more than 0");
    return ns;
}

static void read_option(struct load *l, int letter)
{
    const char *problem = NULL;
    switch (letter) {
    case 'c':
        if (!addr_parse(str_of(optarg), &l->address, &problem))
            usage(problem);
        break;
    case 't':
        l->trace_path = optarg;
        break;
    case 's':
        if (!str_parse_u64(str_of(optarg), &l->seed))
            usage("--seed: a whole number");
        break;
    case 'o':
        l->objective_ns = read_duration(optarg);
        break;
    case 'w':
        l->timeout_ns = read_duration(optarg);
        break;
    case 'b':
        l->bin_ns = read_duration(optarg);
        break;
    case 'l':
        l->log_path = optarg;
        break;
    default:
        usage("unknown option, or a value is missing");
    }
}

static void read_options(struct load *l, int argc, char **argv)
{
    static const struct option options[] = {
        {"connect", required_argument, NULL, 'c'}, {"trace", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},    {"objective", required_argument, NULL, 'o'},
        {"timeout", required_argument, NULL, 'w'}, {"bin", required_argument, NULL, 'b'},
        {"log", required_argument, NULL, 'l'},     {0},
    };
    *l = (struct load){
        .seed = 1, .objective_ns = NS_PER_S, .timeout_ns = 60 * NS_PER_S, .bin_ns = 10 * NS_PER_S};
    for (int letter; (letter = getopt_long(argc, argv, "", options, NULL)) != -1;)
        read_option(l, letter);
    if (optind < argc || l->address.len == 0 || !l->trace_path)
        usage("--connect and --trace are needed, and nothing but options");
}

static void draw(struct load *l)
{
    struct rates rates;
    struct err err;
    if (!rates_read(l->trace_path, &rates, &err))
        usage(err.text);
    struct random random = random_of_seed(l->seed);
    int64_t *at_ns = rates_draw_arrivals(&rates, &random, &l->count);
    l->outcomes = NEW_ARRAY(struct outcome, l->count + 1);
    for (uint32_t i = 0; i < l->count; i++)
        l->outcomes[i].due_ns = at_ns[i];
    free(at_ns);
    rates_fini(&rates);
}

static void prepare(struct load *l)
{
    char host[ADDR_TEXT_BYTES];
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    list_init(&l->idle);
    list_init(&l->waiting);
    buf_printf(&l->request_text, "GET /work HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\n\r\n",
               addr_format(host, &l->address));
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
}

int main(int argc, char **argv)
{
    struct load l;
    read_options(&l, argc, argv);
    draw(&l);
    prepare(&l);
    run(&l);
    report(&l);
    if (l.log_path)
        write_log(&l);
    return 0;
}
