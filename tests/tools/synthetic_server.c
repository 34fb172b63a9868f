/*
 * synthetic_server.c: an application server whose capacity is known exactly, for tests and measurements of
 * the autoscaler. It works on K requests at once; the others wait inside it, in order. The work is slept, not
 * burned, so one core carries dozens of such servers.
 *
 *     synthetic-server --address HOST:PORT [--places K] [--service LAW] [--start-delay LAW]
 *                      [--shared FILE --shared-places N] [--seed N]
 *
 * - LAW (law.h): 200ms, lognormal:200ms:0.5, exponential:200ms.
 * - It listens when its start delay is over; from then on /healthz is answered at once.
 * - Every other GET is work. The answer tells X-Wait-Ms (until it got a place) and X-Service-Ms (from then
 *   on). A request whose client has gone is worked on to its end, as in most real servers.
 * - SIGTERM ends it at once, with whatever it has: a request that is cut by a stop too early is lost and
 *   shows. It says on standard error how many were.
 * - Shared bottleneck: all servers that name the same FILE have one database with N places between them, in
 *   which the whole service time is spent. A request holds its place in the server while it waits for one
 *   there. The file holds, for each of the N places, when it is free again. Who comes takes the one that is
 *   free first and books its own time on it; that is a queue in order, without any server waking another.
 *
 * One thread, edge-triggered epoll; a heap of ends. A connection carries one request at a time. Requests with
 * bodies are not for this program.
 */
#include "base/addr.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "law.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_BYTES_MAX = 4096, EVENTS_MAX = 256, PLACES_MAX = 4096 };

struct connection {
    int fd;
    char head[HEAD_BYTES_MAX];
    size_t length;
    bool is_busy; /* its request waits or is worked on */
    struct list waiting;
    int64_t came_ns, begun_ns, ends_ns; /* of its request */
};

struct server {
    uint32_t places, shared_places;
    struct law service, start_delay;
    struct random random;
    struct addr address;
    const char *shared_path;
    int shared_fd;
    int64_t *shared_free_ns; /* mapped; NULL: nothing is shared */

    int epoll_fd, listener;
    struct list waiting;         /* connections in order */
    uint32_t busy_count;         /* waiting and running */
    struct connection **running; /* heap by ends_ns */
    uint32_t running_count;
    uint64_t answered;
};

static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
    is_ending = 1;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "synthetic-server: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the heap of ends ---- */

static void heap_push(struct server *s, struct connection *c)
{
    uint32_t at = s->running_count++;
    for (; at > 0 && s->running[(at - 1) / 2]->ends_ns > c->ends_ns; at = (at - 1) / 2)
        s->running[at] = s->running[(at - 1) / 2];
    s->running[at] = c;
}

static struct connection *heap_pop(struct server *s)
{
    struct connection *first = s->running[0], *last = s->running[--s->running_count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < s->running_count; at = child) {
        if (child + 1 < s->running_count && s->running[child + 1]->ends_ns < s->running[child]->ends_ns)
            child++;
        if (s->running[child]->ends_ns >= last->ends_ns)
            break;
        s->running[at] = s->running[child];
    }
    s->running[at] = last;
    return first;
}

/* ---- the shared database ---- */

static void open_shared(struct server *s)
{
    size_t bytes = s->shared_places * sizeof(int64_t);
    s->shared_fd = open(s->shared_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->shared_fd < 0 || ftruncate(s->shared_fd, (off_t)bytes) < 0)
        fail(s->shared_path);
    s->shared_free_ns = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->shared_fd, 0);
    if (s->shared_free_ns == MAP_FAILED)
        fail(s->shared_path);
}

/* Books service_ns on the place that is free first; returns when that will be done. The lock goes with its
 * holder, should that be killed. */
static int64_t book_shared(struct server *s, int64_t now_ns, int64_t service_ns)
{
    if (flock(s->shared_fd, LOCK_EX) < 0)
        fail("locking the shared file");
    int64_t *first = &s->shared_free_ns[0];
    for (uint32_t i = 1; i < s->shared_places; i++)
        if (s->shared_free_ns[i] < *first)
            first = &s->shared_free_ns[i];
    *first = MAX(*first, now_ns) + service_ns;
    int64_t ends_ns = *first;
    (void)flock(s->shared_fd, LOCK_UN);
    return ends_ns;
}

/* ---- requests ---- */

static void begin(struct server *s, struct connection *c, int64_t now_ns)
{
    int64_t service_ns = law_draw_ns(&s->service, &s->random);
    c->begun_ns = now_ns;
    c->ends_ns = s->shared_free_ns ? book_shared(s, now_ns, service_ns) : now_ns + service_ns;
    heap_push(s, c);
}

static void close_connection(struct connection *c)
{
    close(c->fd);
    free(c);
}

/* An answer is far smaller than a socket's buffer; who does not read even that is cut off. */
static bool reply(struct connection *c, const char *text, int length)
{
    return write(c->fd, text, (size_t)length) == length;
}

static bool reply_healthy(struct connection *c)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    return reply(c, text, sizeof(text) - 1);
}

static bool reply_done(struct connection *c)
{
    char text[256];
    int length = snprintf(text, sizeof(text),
                          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
                          "X-Wait-Ms: %.3f\r\nX-Service-Ms: %.3f\r\n\r\ndone\n",
                          (double)(c->begun_ns - c->came_ns) / 1e6, (double)(c->ends_ns - c->begun_ns) / 1e6);
    return reply(c, text, length);
}

static void take_request(struct server *s, struct connection *c)
{
    c->is_busy = true;
    c->came_ns = clock_now_ns();
    s->busy_count++;
    if (s->running_count < s->places)
        begin(s, c, c->came_ns);
    else
        list_push_back(&s->waiting, &c->waiting);
}

/* Takes the next whole head out of the buffer, if there is one; false when the connection is over. */
static bool read_request(struct server *s, struct connection *c)
{
    const char *end = memmem(c->head, c->length, "\r\n\r\n", 4);
    if (!end)
        return c->length < sizeof(c->head);
    size_t used = (size_t)(end + 4 - c->head);
    bool is_probe = c->length > 13 && memcmp(c->head, "GET /healthz ", 13) == 0;
    c->length -= used;
    memmove(c->head, c->head + used, c->length);
    if (is_probe)
        return reply_healthy(c);
    take_request(s, c);
    return true;
}

/* Reads until a request is taken or nothing is left; closes what is over. */
static void go_on(struct server *s, struct connection *c)
{
    while (!c->is_busy) {
        ssize_t n = read(c->fd, c->head + c->length, sizeof(c->head) - c->length);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close_connection(c);
            return;
        }
        c->length += (size_t)n;
        if (!read_request(s, c)) {
            close_connection(c);
            return;
        }
    }
}

static void end_request(struct server *s, int64_t now_ns)
{
    struct connection *c = heap_pop(s);
    s->busy_count--;
    s->answered++;
    if (!list_is_empty(&s->waiting)) {
        struct connection *next = container_of(list_pop_front(&s->waiting), struct connection, waiting);
        begin(s, next, now_ns);
    }
    c->is_busy = false;
    if (reply_done(c))
        go_on(s, c);
    else
        close_connection(c);
}

/* ---- the loop ---- */

static void accept_all(struct server *s)
{
    for (;;) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
        if (fd < 0)
            return;
        struct connection *c = NEW(struct connection);
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = c};
        if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
            close_connection(c);
    }
}

static void listen_now(struct server *s)
{
    int on = 1;
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->listener = socket(s->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (s->listener < 0 || bind(s->listener, &s->address.any, s->address.len) < 0 ||
        listen(s->listener, 4096) < 0 || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->listener, &event) < 0)
        fail("listening");
}

/* Waits for the next event or the next end. A connection is freed only by its own event or end, and there is
 * one event a connection in a turn; ends come after the events. */
static void turn(struct server *s)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t wait_ns = NS_PER_S;
    if (s->running_count)
        wait_ns = MIN(MAX(s->running[0]->ends_ns - clock_now_ns(), 0), NS_PER_S);
    struct timespec wait = {.tv_sec = wait_ns / NS_PER_S, .tv_nsec = wait_ns % NS_PER_S};
    int count = epoll_pwait2(s->epoll_fd, events, EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            go_on(s, events[i].data.ptr);
        else
            accept_all(s);
    }
    int64_t now_ns = clock_now_ns();
    while (s->running_count && s->running[0]->ends_ns <= now_ns)
        end_request(s, now_ns);
}

static void sleep_ns(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
        ;
}

static _Noreturn void usage(const char *problem)
{
    fprintf(stderr,
            "synthetic-server: %s\n"
            "usage: synthetic-server --address HOST:PORT [--places K] [--service LAW] [--start-delay LAW]\n"
            "                        [--shared FILE --shared-places N] [--seed N]\n"
            "LAW: 200ms, lognormal:200ms:0.5, exponential:200ms\n",
            problem);
    exit(2);
}

static uint64_t read_number(const char *text, uint64_t min, uint64_t max)
{
    uint64_t number;
    if (!str_parse_u64(str_of(text), &number) || number < min || number > max)
        usage("a number is out of range");
    return number;
}

static void read_law(const char *text, struct law *ret_law)
{
    struct err err;
    if (!law_parse(str_of(text), ret_law, &err))
        usage(err.text);
}

static void read_option(struct server *s, int letter)
{
    const char *problem = NULL;
    switch (letter) {
    case 'a':
        if (!addr_parse(str_of(optarg), &s->address, &problem))
            usage(problem);
        break;
    case 'p':
        s->places = (uint32_t)read_number(optarg, 1, PLACES_MAX);
        break;
    case 's':
        read_law(optarg, &s->service);
        break;
    case 'd':
        read_law(optarg, &s->start_delay);
        break;
    case 'f':
        s->shared_path = optarg;
        break;
    case 'n':
        s->shared_places = (uint32_t)read_number(optarg, 1, PLACES_MAX);
        break;
    case 'r':
        s->random = random_of_seed(read_number(optarg, 0, UINT64_MAX - 1));
        break;
    default:
        usage("unknown option, or a value is missing");
    }
}

static void read_options(struct server *s, int argc, char **argv)
{
    static const struct option options[] = {
        {"address", required_argument, NULL, 'a'}, {"places", required_argument, NULL, 'p'},
        {"service", required_argument, NULL, 's'}, {"start-delay", required_argument, NULL, 'd'},
        {"shared", required_argument, NULL, 'f'},  {"shared-places", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 'r'},    {0},
    };
    *s = (struct server){.places = 4,
                         .shared_places = 1,
                         .service = {.mean_ns = 200e6},
                         .random = random_of_seed((uint64_t)clock_wall_ns() ^ (uint64_t)getpid())};
    for (int letter; (letter = getopt_long(argc, argv, "", options, NULL)) != -1;)
        read_option(s, letter);
    if (optind < argc || s->address.len == 0)
        usage("--address is needed, and nothing but options");
}

int main(int argc, char **argv)
{
    struct server s;
    read_options(&s, argc, argv);
    s.running = NEW_ARRAY(struct connection *, s.places);
    list_init(&s.waiting);
    if (s.shared_path)
        open_shared(&s);
    (void)signal(SIGPIPE, SIG_IGN);
    sleep_ns(law_draw_ns(&s.start_delay, &s.random));
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    listen_now(&s);
    while (!is_ending)
        turn(&s);
    if (s.busy_count)
        fprintf(stderr, "synthetic-server: told to end with %u requests unanswered\n", s.busy_count);
    return 0;
}
