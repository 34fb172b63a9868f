/*
 * container_server.c: an application server for containers made of nothing but itself: linked statically, it
 * is the whole image. For the tests of the providers docker and swarm.
 *
 *     container-server PORT [PLACES [MILLISECONDS [START_MILLISECONDS]]]
 *
 * It works on PLACES requests at once, each for so long (slept, not burned); the others wait. /healthz is
 * answered at once, /exit?N ends it with status N after a last word. SIGTERM ends it as a good server ends:
 * it takes no more connections, answers what it has, and exits with 0. Every answer names the container
 * (X-Server, its host name) and says `Connection: close` once it is ending.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_BYTES = 8192, STACK_BYTES = 64 * 1024, ENDING_STEPS_MS = 5, ENDING_MAX_MS = 20000 };

static sem_t places;
static atomic_int busy_count;
static atomic_bool is_ending;
static int listener, work_ms;
static char name[128];

static void sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

/* Reads one head (requests have no bodies); its length, or 0 at the end. */
static size_t read_head(int fd, char *head)
{
    size_t length = 0;
    for (;;) {
        ssize_t n = read(fd, head + length, HEAD_BYTES - 1 - length);
        if (n <= 0)
            return 0;
        length += (size_t)n;
        head[length] = '\0';
        if (strstr(head, "\r\n\r\n"))
            return length;
        if (length == HEAD_BYTES - 1)
            return 0;
    }
}

static void work(const char *head)
{
    if (strncmp(head, "GET /healthz", 12) == 0)
        return;
    if (strncmp(head, "GET /exit?", 10) == 0) {
        long status = strtol(head + 10, NULL, 10);
        fprintf(stderr, "asked to end with %ld\n", status);
        _exit((int)status);
    }
    while (sem_wait(&places) < 0)
        ;
    sleep_ms(work_ms);
    sem_post(&places);
}

static void *serve(void *context)
{
    int fd = (int)(long)context;
    char head[HEAD_BYTES], answer[256];
    while (read_head(fd, head)) {
        atomic_fetch_add(&busy_count, 1);
        work(head);
        int ends = atomic_load(&is_ending);
        int n = snprintf(answer, sizeof(answer),
                         "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Server: %s\r\n%s\r\nok\n", name,
                         ends ? "Connection: close\r\n" : "");
        ssize_t sent = write(fd, answer, (size_t)n);
        atomic_fetch_sub(&busy_count, 1);
        if (sent != n || ends)
            break;
    }
    shutdown(fd, SHUT_WR);
    close(fd);
    return NULL;
}

/* Ends when nothing was in work for a while: what was sent before the listener closed has come by then. */
static void *wait_for_end(void *context)
{
    sigset_t *signals = context;
    int number, quiet = 0;
    sigwait(signals, &number);
    atomic_store(&is_ending, 1);
    shutdown(listener, SHUT_RDWR);
    for (int ms = 0; ms < ENDING_MAX_MS && quiet < 100; ms += ENDING_STEPS_MS) {
        quiet = atomic_load(&busy_count) ? 0 : quiet + ENDING_STEPS_MS;
        sleep_ms(ENDING_STEPS_MS);
    }
    _exit(0);
}

static int open_listener(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1024) < 0) {
        perror("listening");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    static sigset_t signals;
    pthread_attr_t attributes;
    pthread_t thread;
    int on = 1;
    if (argc < 2) {
        fprintf(stderr, "usage: container-server PORT [PLACES [MILLISECONDS [START_MILLISECONDS]]]\n");
        return 2;
    }
    sem_init(&places, 0, argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000);
    work_ms = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0;
    gethostname(name, sizeof(name) - 1);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    sleep_ms(argc > 4 ? (int)strtol(argv[4], NULL, 10) : 0);
    listener = open_listener((int)strtol(argv[1], NULL, 10));
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_create(&thread, &attributes, wait_for_end, &signals);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 && atomic_load(&is_ending))
            pause();
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (pthread_create(&thread, &attributes, serve, (void *)(long)fd) != 0)
            close(fd);
    }
}
