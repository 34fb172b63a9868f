/*
 * stepped_clock.so, for LD_PRELOAD: the wall clock is off by the nanoseconds (an int64_t) in the file that
 * STEPPED_CLOCK names, as of the moment when it is asked. The monotonic clock is left alone, as it is when
 * somebody sets a machine's clock. libfaketime is no choice: under it absolute sleeps fail.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

static const int64_t *offset_ns; /* shared with who steps the clock; NULL: the clock is right */

__attribute__((constructor)) static void open_offset(void)
{
    const char *path = getenv("STEPPED_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof(*offset_ns), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED)
        offset_ns = page;
}

static int64_t wall_ns(void)
{
    struct timespec t;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec + (offset_ns ? __atomic_load_n(offset_ns, __ATOMIC_RELAXED) : 0);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, id, t);
    int64_t ns = wall_ns();
    *t = (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    (void)zone;
    int64_t ns = wall_ns();
    *t = (struct timeval){.tv_sec = ns / NS_PER_S, .tv_usec = ns % NS_PER_S / 1000};
    return 0;
}

time_t time(time_t *ret)
{
    time_t seconds = wall_ns() / NS_PER_S;
    if (ret)
        *ret = seconds;
    return seconds;
}
