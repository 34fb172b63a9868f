#include "supervisor/sweep.h"

#include "base/macros.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* The mark is set last and so stands near the end; an environment larger than this is not searched to its
 * end. */
enum { ENVIRONMENT_BYTES_MAX = 256 * 1024 };

char *sweep_mark_new(char out[SWEEP_MARK_BYTES])
{
    uint64_t id = 0;
    ASSERT(getrandom(&id, sizeof(id), 0) == (ssize_t)sizeof(id));
    snprintf(out, SWEEP_MARK_BYTES, "WEIR_INSTANCE=%016" PRIx64, id);
    return out;
}

/* The environment is a row of texts, each with its NUL. */
static bool has_mark(const char *bytes, size_t len, const char *mark)
{
    struct str rest = str_n(bytes, len), item;
    while (str_split(&rest, '\0', &item))
        if (str_eq(item, str_of(mark)))
            return true;
    return false;
}

static bool is_marked(long pid, const char *mark)
{
    static char bytes[ENVIRONMENT_BYTES_MAX]; /* one thread; large for a stack */
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t len = 0;
    for (ssize_t n; len < sizeof(bytes) && (n = read(fd, bytes + len, sizeof(bytes) - len)) > 0;)
        len += (size_t)n;
    close(fd);
    return has_mark(bytes, len, mark);
}

size_t sweep_signal(const char *mark, int signal_number)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    for (const struct dirent *entry; (entry = readdir(proc));) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid <= 1 || pid == getpid() || !is_marked(pid, mark))
            continue;
        (void)kill((pid_t)pid, signal_number);
        count++;
    }
    closedir(proc);
    return count;
}
